//! One group whose guests are added and removed while they write, and who asks, once their removal is
//! acknowledged, whether anything is still there for them (G-15).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::sleep;
use uuid::Uuid;

use super::hand::{Hand, Way};
use super::hub::{Conversation, Hub};
use super::pace::Schedule;
use super::plan::Fate;
use crate::history::{Outcome, Probing, Process, Seen, What};
use crate::target::{Deed, Message, Path, Place, Target, User};

/// Time in which the writes of a race begin, in microseconds.
const SPREAD: u64 = 3_000;
/// Wait after a race that did not come to its end.
const AGAIN: Duration = Duration::from_millis(200);
/// Paths that a stranger gets nothing by.
const WALLS: [Path; 10] = [
    Path::History,
    Path::Messages,
    Path::Conversation,
    Path::Participants,
    Path::Unread,
    Path::Pinned,
    Path::Message,
    Path::EditHistory,
    Path::Reads,
    Path::Thread,
];

/// Holds races until there are enough, or the schedule has ended.
pub(super) async fn run<T: Target>(
    hub: Arc<Hub<T>>,
    process: Process,
    number: usize,
    schedule: Arc<Schedule>,
) {
    let Some(group) = hub.conversations.get(hub.plan.conversations + number).cloned() else {
        return;
    };
    let rng = hub.plan.rng("warden", number);
    let hand = Hand { hub: hub.clone(), process };
    let mut warden = Warden { hub, hand, group, number, rng, made: 0 };
    warden.strangers().await;
    for race in 0..warden.hub.plan.races {
        if schedule.has_ended() {
            return;
        }
        if warden.race(race).await.is_none() {
            sleep(AGAIN).await;
        }
        sleep(warden.hub.plan.people_pause).await;
    }
}

struct Warden<T: Target> {
    hub: Arc<Hub<T>>,
    hand: Hand<T>,
    group: Conversation,
    number: usize,
    rng: StdRng,
    made: u64,
}

impl<T: Target> Warden<T> {
    fn name(&mut self) -> String {
        self.made += 1;
        format!("{:x}-w{}-{}", self.hub.plan.seed, self.number, self.made)
    }

    fn deed(&mut self, what: What) -> Deed {
        Deed { conversation: self.group.id, key: self.name().into(), what, content: "".into() }
    }

    fn message(&mut self, user: usize) -> Option<Message> {
        let sender = self.hub.users.get(user)?.id;
        let name = self.name();
        Some(Message::new(self.group.id, sender, &name, format!("{name} here")))
    }

    fn way(&mut self) -> Way {
        Way {
            rest: self.rng.random::<f64>() < 0.6,
            node: self.rng.random_range(0..64),
            socket: self.rng.random_range(0..64),
        }
    }

    fn fate(&mut self) -> Fate {
        if self.rng.random::<f64>() < self.hub.plan.dropped { Fate::Dropped } else { Fate::Kept }
    }

    /// What a stranger is told about what is not there: a former member is to be told the same.
    async fn strangers(&mut self) {
        let Some(guest) = self.group.guests.first().and_then(|place| self.hub.users.get(*place))
        else {
            return;
        };
        let (guest, nobody) = (guest.clone(), Uuid::from_u128(47));
        self.walls(&guest, nobody, nobody).await;
    }

    async fn walls(&mut self, guest: &User, conversation: Uuid, message: Uuid) {
        let first = self.rng.random_range(0..64);
        let probes = WALLS.into_iter().enumerate().map(|(turn, path)| {
            let place = Place { path, conversation, message };
            self.hand.probe(guest, first + turn, (Probing::Wall, place), &[])
        });
        join_all(probes).await;
    }

    /// One race; none: it did not come to its end.
    async fn race(&mut self, race: usize) -> Option<()> {
        let guest = *self.group.guests.get(race % self.group.guests.len().max(1))?;
        let who = self.hub.users.get(guest)?.clone();
        let owner = self.group.member(0)?;
        let other = self.group.member(1 + race)?;

        let add = self.deed(What::Add { user: who.id });
        let (way, fate) = (Way::rest(self.rng.random_range(0..64)), self.fate());
        self.hand.act_through(owner, &add, way, fate).await.ok()?;
        // Whoever is in it may write.
        let (first, way) = (self.message(guest)?, self.way());
        let own = self.hand.send_through(guest, &first, way).await;
        let own = own.ok().cloned()?;

        self.against_each_other(owner, (guest, &who), other, &own).await?;

        let after = self.message(guest)?;
        let way = self.way();
        self.hand.send(guest, &after, way, Fate::Kept).await;
        let (said, way) = (self.message(other)?, self.way());
        self.hand.send_through(other, &said, way).await;
        self.walls(&who, self.group.id, own.id).await;
        Some(())
    }

    /// The guest writes, another one writes, and the guest's membership ends, all at once.
    async fn against_each_other(
        &mut self,
        owner: usize,
        (guest, who): (usize, &User),
        other: usize,
        own: &Seen,
    ) -> Option<()> {
        let draw = self.rng.random::<f64>();
        let role = self.deed(What::Role { user: who.id, role: "moderator".into() });
        let (by, what) = if draw < 0.25 {
            (guest, What::Leave { user: who.id })
        } else {
            (owner, What::Remove { user: who.id })
        };
        let removal = self.deed(what);
        let (way, fate) = (Way::rest(self.rng.random_range(0..64)), self.fate());
        let wait = Duration::from_micros(self.rng.random_range(0..SPREAD));
        let mut writes = Vec::new();
        for turn in 0..self.rng.random_range(2..=5) {
            let writer = if turn == 1 { other } else { guest };
            let wait = Duration::from_micros(self.rng.random_range(0..SPREAD));
            writes.push((writer, self.message(writer)?, self.way(), wait));
        }
        let what =
            What::React { message: own.id, seq: own.seq, emoji: "\u{1F44B}".into(), added: true };
        let (react, react_way) = (self.deed(what), self.way());

        let hand = &self.hand;
        let ending = async {
            sleep(wait).await;
            if draw > 0.85 {
                hand.act(owner, &role, way, Fate::Kept).await;
            }
            hand.act_through(by, &removal, way, fate).await
        };
        let writing = join_all(writes.iter().map(|(user, message, way, wait)| async move {
            sleep(*wait).await;
            hand.send(*user, message, *way, Fate::Kept).await;
        }));
        let reacting = hand.act(guest, &react, react_way, Fate::Kept);
        let (ended, _) = join(ending, join(writing, reacting)).await;
        matches!(ended, Outcome::Ok(_)).then_some(())
    }
}
