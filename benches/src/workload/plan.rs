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
    /// Sockets of each user, spread over the nodes.
    pub sockets: usize,
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
    /// Whether a user whose socket comes back reads what it missed.
    pub catch_up: bool,
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
            sockets: 3,
            writers: 8,
            readers: 2,
            sends: 1_500,
            pace: Pace::Closed,
            faults: 4,
            again_max: Duration::from_millis(200),
            reader_pause: Duration::from_millis(10),
            catch_up: false,
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
        let act = if act < self.refused {
            Act::Refused(what)
        } else if act < self.refused + self.late {
            Act::Late(pick)
        } else if act < self.refused + self.late + self.pipelined {
            Act::Pipeline(depth)
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
            conversation: rng.random_range(0..self.conversations.max(1)),
            second: rng.random(),
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
    /// Which of its two members sends.
    pub second: bool,
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
