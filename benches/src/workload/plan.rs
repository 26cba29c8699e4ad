//! What a run will do: sizes and shares, and the steps of each writer drawn from them.
//!
//! A step draws a fixed number of random values, so that no outcome shifts what comes after it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::pace::Pace;

/// Sizes and shares of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Everything random follows from it.
    pub seed: u64,
    /// Users.
    pub users: usize,
    /// Direct conversations among them, all different pairs.
    pub conversations: usize,
    /// Groups among them.
    pub groups: usize,
    /// Members of each group who stay.
    pub group_size: usize,
    /// Sockets of each user, spread over the nodes.
    pub sockets: usize,
    /// How many of these are those of stock clients of Socket.IO; the last ones.
    pub stock: usize,
    /// Processes that send.
    pub writers: usize,
    /// Processes that page through history.
    pub readers: usize,
    /// Messages, all writers together.
    pub sends: usize,
    /// Closed or open loop.
    pub pace: Pace,
    /// Faults, spread over the run.
    pub faults: usize,
    /// Longest wait before a try.
    pub again_max: Duration,
    /// Wait of a reader between two conversations.
    pub reader_pause: Duration,
    /// What a user does whose socket comes back.
    pub back: Back,
    /// Events after which a client cuts its own socket, about; 0: never.
    pub cut_after: usize,
    /// Share of steps that change something: edits, deletions, reactions, reading.
    pub changes: f64,
    /// Groups whose guests are added and removed while they write (G-15), each by a process of its own.
    pub wardens: usize,
    /// Removals of each.
    pub races: usize,
    /// Processes that send a message and take it back, and look for its text everywhere (G-27).
    pub erasers: usize,
    /// Deletions of each.
    pub erasures: usize,
    /// Processes that write and read in a group of their own, and ask after each step what is unread (G-14).
    pub walkers: usize,
    /// Steps of each.
    pub walk: usize,
    /// Wait of these processes behind each thing they do.
    pub people_pause: Duration,
    /// Share of acks that come and are thrown away; the client retries.
    pub dropped: f64,
    /// Share of sends that the client abandons before the ack can come; it retries.
    pub abandoned: f64,
    /// Share of unknown outcomes that are left unknown.
    pub given_up: f64,
    /// Share of steps that must be refused.
    pub refused: f64,
    /// Share of steps that send a message of long ago again.
    pub late: f64,
    /// Share of steps that send several messages over one socket without waiting.
    pub pipelined: f64,
    /// Share of sends over REST; the rest goes over sockets.
    pub rest: f64,
    /// Share of acks after which another node is asked for the message (G-13).
    pub get_after_ack: f64,
    /// Share of pushes at which another node is asked for the message (G-11).
    pub get_on_push: f64,
}

impl Plan {
    /// A small run of everything, for systems in this process.
    pub fn small(seed: u64) -> Self {
        Self {
            seed,
            users: 10,
            conversations: 20,
            groups: 0,
            group_size: 4,
            sockets: 3,
            stock: 0,
            writers: 8,
            readers: 2,
            sends: 1_500,
            pace: Pace::Closed,
            faults: 4,
            again_max: Duration::from_millis(200),
            reader_pause: Duration::from_millis(10),
            back: Back::Anew,
            cut_after: 0,
            changes: 0.0,
            wardens: 0,
            races: 0,
            erasers: 0,
            erasures: 0,
            walkers: 0,
            walk: 0,
            people_pause: Duration::ZERO,
            dropped: 0.24,
            abandoned: 0.06,
            given_up: 0.2,
            refused: 0.04,
            late: 0.03,
            pipelined: 0.1,
            rest: 0.4,
            get_after_ack: 0.3,
            get_on_push: 0.1,
        }
    }

    /// The same with everything that people do in conversations.
    pub fn people(seed: u64) -> Self {
        Self {
            groups: 4,
            back: Back::Resumes,
            cut_after: 60,
            changes: 0.25,
            wardens: 3,
            races: 12,
            erasers: 2,
            erasures: 12,
            walkers: 2,
            walk: 40,
            ..Self::small(seed)
        }
    }

    /// Conversations that everybody writes to.
    pub fn shared(&self) -> usize {
        self.conversations + self.groups
    }

    /// The random values of one process.
    pub fn rng(&self, role: &str, number: usize) -> StdRng {
        let role = crate::history::body_of(role);
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        StdRng::seed_from_u64(self.seed ^ role.rotate_left(17) ^ number.rotate_left(41))
    }

    /// The next step of a writer.
    pub fn step(&self, rng: &mut StdRng) -> Step {
        let act = rng.random::<f64>();
        let what = rng.random_range(0..REFUSALS);
        let depth = rng.random_range(2..=8);
        let fate = rng.random::<f64>();
        let patience = Duration::from_micros(rng.random_range(0..4_000));
        let pick = rng.random::<u64>();
        let change = Change::drawn(rng);
        let act = if act < self.refused {
            Act::Refused(what)
        } else if act < self.refused + self.late {
            Act::Late(pick)
        } else if act < self.refused + self.late + self.pipelined {
            Act::Pipeline(depth)
        } else if act < self.refused + self.late + self.pipelined + self.changes {
            Act::Change(change, pick)
        } else {
            Act::Single
        };
        let fate = if fate < self.dropped {
            Fate::Dropped
        } else if fate < self.dropped + self.abandoned {
            Fate::Abandoned(patience)
        } else {
            Fate::Kept
        };
        Step {
            act,
            fate,
            conversation: rng.random_range(0..self.shared().max(1)),
            member: rng.random_range(0..64),
            rest: rng.random::<f64>() < self.rest,
            rest_again: rng.random::<f64>() < self.rest,
            node: rng.random_range(0..64),
            socket: rng.random_range(0..self.sockets.max(1)),
            padding: rng.random_range(0..240),
            give_up: rng.random::<f64>() < self.given_up,
            read_back: rng.random::<f64>() < self.get_after_ack,
        }
    }
}

/// Kinds of sends that must be refused (`writer::refused`).
pub(super) const REFUSALS: usize = 4;

/// What a writer does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What.
    pub act: Act,
    /// What becomes of the first ack.
    pub fate: Fate,
    /// Number of the conversation.
    pub conversation: usize,
    /// Which of its members sends, modulo their number.
    pub member: usize,
    /// Over REST, not a socket.
    pub rest: bool,
    /// The same for retries.
    pub rest_again: bool,
    /// Node of the first attempt, modulo their number; retries go on from there.
    pub node: usize,
    /// Which socket of the sender.
    pub socket: usize,
    /// Bytes added to the content.
    pub padding: usize,
    /// Leave an unknown outcome unknown.
    pub give_up: bool,
    /// Ask another node for the message after the ack.
    pub read_back: bool,
}

/// Kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// One message.
    Single,
    /// Several over one socket, without waiting in between.
    Pipeline(usize),
    /// A message of long ago once more; the number picks which.
    Late(u64),
    /// Something that must be refused.
    Refused(usize),
    /// A message of long ago is changed; the number picks which.
    Change(Change, u64),
}

/// What a user does whose socket comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// He goes on with what is live, on the same node.
    Anew,
    /// He goes on with what is live on any node, and reads back what he missed.
    Reads,
    /// He says on any node where he stands, and is told what he missed.
    Resumes,
}

/// Emoji that are drawn from: few, so that they meet.
pub(super) const EMOJI: [&str; 3] = ["\u{1F44D}", "\u{2764}\u{FE0F}", ":tada:"];

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its sender gives it another text.
    Edit,
    /// Its sender takes it back.
    Delete,
    /// A member reacts with this emoji, or does so no more.
    React(usize, bool),
    /// A member has read up to it.
    Read,
}

impl Change {
    fn drawn(rng: &mut StdRng) -> Self {
        let emoji = rng.random_range(0..EMOJI.len());
        let added = rng.random::<f64>() < 0.6;
        match rng.random_range(0..100) {
            0..40 => Self::Edit,
            40..48 => Self::Delete,
            48..75 => Self::React(emoji, added),
            _ => Self::Read,
        }
    }
}

/// What becomes of the ack of a first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The client gets it.
    Kept,
    /// It comes, and is thrown away.
    Dropped,
    /// The client leaves after this time.
    Abandoned(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_steps_again() {
        let plan = Plan::small(7);
        let draw = |number| {
            let mut rng = plan.rng("writer", number);
            (0..100).map(|_| plan.step(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }

    #[test]
    fn shares_are_kept() {
        let plan = Plan::small(1);
        let mut rng = plan.rng("writer", 0);
        let steps: Vec<_> = (0..10_000).map(|_| plan.step(&mut rng)).collect();
        let share = |of: fn(&Step) -> bool| steps.iter().filter(|s| of(s)).count() as f64 / 1e4;
        assert!((share(|s| s.fate != Fate::Kept) - 0.3).abs() < 0.02);
        assert!((share(|s| matches!(s.act, Act::Refused(_))) - plan.refused).abs() < 0.01);
    }
}
