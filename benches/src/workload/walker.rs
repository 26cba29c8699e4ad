//! A group that nobody else writes to: its members write, read, edit and delete on several devices, one
//! after the other, and after each step it is asked what is unread (G-14). As nothing else happens in it,
//! there is one right answer each time.

use std::sync::Arc;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::hand::{Hand, Way};
use super::hub::{Conversation, Hub};
use super::pace::Schedule;
use super::plan::{EMOJI, Fate};
use crate::history::{Counted, Process, Seen, What, body_of};
use crate::target::{Deed, Message, Target};

/// Walks until it has gone far enough, or the schedule has ended.
pub(super) async fn run<T: Target>(
    hub: Arc<Hub<T>>,
    process: Process,
    number: usize,
    schedule: Arc<Schedule>,
) {
    let Some(group) = hub.conversations.get(hub.private() + number).cloned() else { return };
    let rng = hub.plan.rng("walker", number);
    let hand = Hand { hub: hub.clone(), process };
    let mut walker = Walker { hub, hand, group, number, rng, made: 0, sent: Vec::new() };
    for _ in 0..walker.hub.plan.walk {
        if schedule.has_ended() {
            return;
        }
        walker.step().await;
        sleep(walker.hub.plan.people_pause / 4).await;
    }
}

struct Walker<T: Target> {
    hub: Arc<Hub<T>>,
    hand: Hand<T>,
    group: Conversation,
    number: usize,
    rng: StdRng,
    made: u64,
    /// Who sent what.
    sent: Vec<(usize, Seen)>,
}

impl<T: Target> Walker<T> {
    fn way(&mut self) -> Way {
        Way {
            rest: self.rng.random(),
            node: self.rng.random_range(0..64),
            socket: self.rng.random_range(0..64),
        }
    }

    async fn step(&mut self) {
        self.made += 1;
        let name = format!("{:x}-u{}-{}", self.hub.plan.seed, self.number, self.made);
        let (way, draw) = (self.way(), self.rng.random_range(0..100));
        // The last one seldom sends: what he has not read stays unread.
        let senders =
            if draw < 5 { self.group.members.len() } else { self.group.members.len() - 1 };
        let sender = self.group.member(self.rng.random_range(0..senders.max(1)));
        let member = self.group.member(self.rng.random_range(0..64));
        let Some((sender, member)) = sender.zip(member) else { return };
        if draw < 45 || self.sent.is_empty() {
            self.send(sender, &name, way).await;
        } else {
            self.change(member, &name, way, draw).await;
        }
        self.ask().await;
    }

    async fn send(&mut self, user: usize, name: &str, way: Way) {
        let Some(sender) = self.hub.users.get(user).map(|user| user.id) else { return };
        let message = Message::new(self.group.id, sender, name, format!("{name} walks"));
        let sent = self.hand.send_through(user, &message, way).await;
        self.sent.extend(sent.ok().map(|seen| (user, seen.clone())));
    }

    async fn change(&mut self, user: usize, name: &str, way: Way, draw: u32) {
        // Mostly of the newest, as people do.
        let oldest = if draw.is_multiple_of(2) { self.sent.len().saturating_sub(6) } else { 0 };
        let pick = self.rng.random_range(oldest..self.sent.len());
        let Some((sender, seen)) = self.sent.get(pick).cloned() else { return };
        let (message, seq) = (seen.id, seen.seq);
        let content = format!("{name} walks on");
        let (by, what) = match draw {
            // Also further back than he has read: a marker never goes back.
            ..80 => (user, What::Read { message, seq }),
            80..88 => (sender, What::Edit { message, seq, body: body_of(&content) }),
            88..94 => (sender, What::Delete { message, seq }),
            _ => {
                let emoji = EMOJI[0].into();
                (user, What::React { message, seq, emoji, added: draw.is_multiple_of(2) })
            }
        };
        let conversation = self.group.id;
        let deed = Deed { conversation, key: name.into(), what, content: content.into() };
        let dropped = self.rng.random::<f64>() < self.hub.plan.dropped;
        let fate = if dropped { Fate::Dropped } else { Fate::Kept };
        self.hand.act_through(by, &deed, way, fate).await;
    }

    /// Asks every member, each by another answer on another node.
    async fn ask(&mut self) {
        for place in self.group.members.clone() {
            let Some(who) = self.hub.users.get(place).cloned() else { continue };
            let node = self.rng.random_range(0..64);
            let counted = match self.rng.random_range(0..10) {
                0 => Counted::List,
                1..4 => Counted::Audit,
                _ => Counted::Answer,
            };
            self.hand.unread(&who, node, self.group.id, counted).await;
        }
    }
}
