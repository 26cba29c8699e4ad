//! Requests that wait for an outcome, and which partitions take no more of them.
//!
//! A partition whose worker or store is away answers nobody. Letting everyone wait there until the
//! deadline would fill the node and the log with work that its clients have given up; so a partition
//! that has answered nobody for a while, with many waiting, refuses at once, before anything is
//! appended (G-18, G-21). Those who waited leave at their deadline; whoever is let in then is the
//! probe that finds out when it answers again.

use std::collections::HashMap;

use schemas::CommandId;
use schemas::outbound::Reply;
use schemas::topic::Topic;
use tokio::sync::oneshot;

use super::NoReply;

/// Waiting requests a node holds at most.
pub(super) const WAITERS_MAX: usize = 65_536;
/// So many may wait for a silent partition.
const SILENT_WAITERS: u32 = 64;
/// A partition that answered nobody for this long, while somebody waited, is silent.
const SILENT_MS: i64 = 2_000;

/// A partition, as commands are sent to it.
pub(super) type Place = (u16, u32);

pub(super) fn place(topic: &'static Topic, partition: u32) -> Place {
    (topic.id, partition)
}

/// Everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    senders: HashMap<CommandId, (oneshot::Sender<Reply>, Place)>,
    places: HashMap<Place, Line>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: u32,
    /// When it last answered somebody, or when the first of those who wait came.
    answered_ms: i64,
}

impl Waiting {
    /// Takes a place in the line, or learns that there is none.
    pub(super) fn enter(
        &mut self,
        command: CommandId,
        place: Place,
        now_ms: i64,
    ) -> Result<oneshot::Receiver<Reply>, NoReply> {
        if self.senders.len() >= WAITERS_MAX {
            return Err(NoReply::Full);
        }
        let line = self.places.entry(place).or_default();
        if line.waiting == 0 {
            line.answered_ms = now_ms;
        } else if line.waiting >= SILENT_WAITERS && now_ms - line.answered_ms > SILENT_MS {
            return Err(NoReply::Silent);
        }
        line.waiting += 1;
        let (sender, reply) = oneshot::channel();
        self.senders.insert(command, (sender, place));
        Ok(reply)
    }

    /// The outcome of a command is there: who waits for it, if anybody does.
    pub(super) fn answered(
        &mut self,
        command: CommandId,
        now_ms: i64,
    ) -> Option<oneshot::Sender<Reply>> {
        let (sender, place) = self.senders.remove(&command)?;
        if let Some(line) = self.places.get_mut(&place) {
            line.waiting = line.waiting.saturating_sub(1);
            line.answered_ms = now_ms;
        }
        Some(sender)
    }

    /// Somebody waits no longer, answered or not.
    pub(super) fn leave(&mut self, command: CommandId) {
        if let Some((_, place)) = self.senders.remove(&command)
            && let Some(line) = self.places.get_mut(&place)
        {
            line.waiting = line.waiting.saturating_sub(1);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.senders.len()
    }
}

#[cfg(test)]
mod tests {
    use schemas::topic::COMMANDS;
    use uuid::Uuid;

    use super::*;

    fn command(number: u32) -> CommandId {
        CommandId(Uuid::from_u128(number.into()))
    }

    #[test]
    fn a_silent_partition_refuses_until_it_answers_and_others_do_not() {
        let mut waiting = Waiting::default();
        let (silent, other) = (place(&COMMANDS, 1), place(&COMMANDS, 2));
        let mut kept = Vec::new();
        for number in 0..SILENT_WAITERS {
            kept.push(waiting.enter(command(number), silent, 0).unwrap());
        }
        assert!(waiting.enter(command(100), silent, SILENT_MS).is_ok(), "not silent for long yet");
        let refused = waiting.enter(command(101), silent, SILENT_MS + 1).unwrap_err();
        assert_eq!(refused, NoReply::Silent);
        assert!(waiting.enter(command(102), other, SILENT_MS + 1).is_ok());
        assert!(waiting.answered(command(0), SILENT_MS + 2).is_some());
        assert!(waiting.enter(command(103), silent, SILENT_MS + 3).is_ok());
    }

    #[test]
    fn those_who_give_up_make_room_for_a_probe() {
        let mut waiting = Waiting::default();
        let silent = place(&COMMANDS, 1);
        for number in 0..SILENT_WAITERS {
            drop(waiting.enter(command(number), silent, 0));
        }
        assert!(waiting.enter(command(100), silent, 5_000).is_err());
        waiting.leave(command(7));
        assert!(waiting.enter(command(101), silent, 5_000).is_ok());
        assert!(waiting.enter(command(102), silent, 5_000).is_err());
        assert!(waiting.answered(command(7), 5_000).is_none());
    }

    #[test]
    fn a_quiet_partition_is_not_a_silent_one() {
        let mut waiting = Waiting::default();
        let quiet = place(&COMMANDS, 1);
        drop(waiting.enter(command(0), quiet, 0));
        drop(waiting.answered(command(0), 5));
        for number in 1..=SILENT_WAITERS {
            assert!(waiting.enter(command(number), quiet, 1_000_000).is_ok());
        }
    }
}
