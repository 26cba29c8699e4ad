//! Sends messages that are edited, pinned, answered, read and reacted to, takes them back, and looks for
//! their text by every path (G-27).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::hand::{Hand, Way};
use super::hub::Hub;
use super::pace::Schedule;
use super::plan::Fate;
use crate::history::{Outcome, Probing, Process, Seen, What, body_of};
use crate::target::{Deed, Message, Path, Place, Target, User};

/// A text that is still shown is looked for again until then: longer than it may be shown.
const GONE: Duration = Duration::from_secs(6);
/// Between two looks.
const AGAIN: Duration = Duration::from_millis(250);

/// Works until it has done enough, or the schedule has ended.
pub(super) async fn run<T: Target>(
    hub: Arc<Hub<T>>,
    process: Process,
    number: usize,
    schedule: Arc<Schedule>,
) {
    let rng = hub.plan.rng("eraser", number);
    let hand = Hand { hub: hub.clone(), process };
    let mut eraser = Eraser { hub, hand, number, rng, made: 0 };
    for _ in 0..eraser.hub.plan.erasures {
        if schedule.has_ended() {
            return;
        }
        if eraser.erase().await.is_none() {
            sleep(AGAIN).await;
        }
        sleep(eraser.hub.plan.people_pause).await;
    }
}

struct Eraser<T: Target> {
    hub: Arc<Hub<T>>,
    hand: Hand<T>,
    number: usize,
    rng: StdRng,
    made: u64,
}

impl<T: Target> Eraser<T> {
    fn name(&mut self) -> String {
        self.made += 1;
        format!("{:x}-e{}-{}", self.hub.plan.seed, self.number, self.made)
    }

    fn needle(&mut self) -> Arc<str> {
        format!("needle{:016x}", self.rng.random::<u64>()).into()
    }

    async fn act(
        &mut self,
        user: usize,
        conversation: Uuid,
        what: What,
        content: &str,
    ) -> Outcome<Option<Seen>> {
        let deed = Deed { conversation, key: self.name().into(), what, content: content.into() };
        let way = Way {
            rest: self.rng.random::<f64>() < 0.7,
            node: self.rng.random_range(0..64),
            socket: self.rng.random_range(0..64),
        };
        let dropped = self.rng.random::<f64>() < self.hub.plan.dropped;
        let fate = if dropped { Fate::Dropped } else { Fate::Kept };
        self.hand.act_through(user, &deed, way, fate).await
    }

    /// One message; none: it did not come to its end.
    async fn erase(&mut self) -> Option<()> {
        let place = self.rng.random_range(0..self.hub.plan.shared().max(1));
        let conversation = self.hub.conversations.get(place)?.clone();
        let id = conversation.id;
        let (sender, other) = (conversation.member(0)?, conversation.member(1)?);
        let (who, reader) = (self.hub.users.get(sender)?.id, self.hub.users.get(other)?.clone());
        let needles = [self.needle(), self.needle()];

        let name = self.name();
        let text = format!("{name} {}", needles[0]);
        let message = Message::new(id, who, &name, text);
        let way = Way::rest(self.rng.random_range(0..64));
        let sent = self.hand.send_through(sender, &message, way).await.ok().cloned()?;
        let name = self.name();
        let answer = Message::new(id, reader.id, &name, format!("{name} answers"));
        let answer = answer.answering(sent.id);
        let answer = self.hand.send_through(other, &answer, way).await.ok().map(|seen| seen.id);

        let (message, seq) = (sent.id, sent.seq);
        let text = format!("{name} {}", needles[1]);
        let edit = What::Edit { message, seq, body: body_of(&text) };
        self.act(sender, id, edit, &text).await.ok()?;
        self.act(other, id, What::Pin { message, seq, pinned: true }, "").await;
        let react = What::React { message, seq, emoji: "\u{1F525}".into(), added: true };
        self.act(other, id, react, "").await;
        self.act(other, id, What::Read { message, seq }, "").await;
        self.act(sender, id, What::Delete { message, seq }, "").await.ok()?;
        self.look(&reader, (id, message), answer, &needles).await;
        Some(())
    }

    /// Looks by every path at once, right after the ack; by those that still show it, again.
    async fn look(
        &mut self,
        reader: &User,
        (conversation, message): (Uuid, Uuid),
        answer: Option<Uuid>,
        needles: &[Arc<str>],
    ) {
        let mut paths = vec![
            Path::History,
            Path::Messages,
            Path::Message,
            Path::Conversation,
            Path::List,
            Path::EditHistory,
            Path::Reads,
            Path::Pinned,
            Path::Thread,
            Path::Journal,
        ];
        paths.extend(answer.map(Path::Answer));
        let first = self.rng.random_range(0..64);
        let (until, hand) = (Instant::now() + GONE, &self.hand);
        join_all(paths.into_iter().enumerate().map(|(turn, path)| async move {
            let place = Place { path, conversation, message };
            loop {
                let probing = Probing::Gone { message };
                let shown = hand.probe(reader, first + turn, (probing, place), needles).await;
                if shown != Outcome::Ok(true) || Instant::now() > until {
                    return;
                }
                sleep(AGAIN).await;
            }
        }))
        .await;
    }
}
