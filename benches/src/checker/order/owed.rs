//! What a socket must have got of a conversation: every number from the first that was asked for while it
//! was open up to the last that stands in the end. What a number is, is the socket's: the change of a
//! conversation to `/ws`, the message to a stock client.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::checker::index::Index;
use crate::checker::verdict::{Kind, Verdict};
use crate::history::Seen;

/// Numbers of a conversation by the time of their first attempt.
pub(super) struct Numbers {
    /// (start, smallest number from here on), by start.
    starts: Vec<(u64, i64)>,
    top: i64,
}

/// The first and the last that somebody must have got.
#[derive(Clone, Copy)]
pub(super) struct Owed {
    first: i64,
    last: i64,
}

impl Numbers {
    /// What a socket that was open since a time must have got.
    pub(super) fn since(&self, opened: u64) -> Option<Owed> {
        let from = self.starts.partition_point(|(start, _)| *start < opened);
        self.starts.get(from).map(|(_, first)| Owed { first: *first, last: self.top })
    }
}

/// By conversation that was read whole: those who stay in it, and the numbers that stand in the end and are
/// surely younger than their first attempt.
pub(super) fn due<'h>(
    index: &'h Index<'_>,
    number: impl Fn(&Seen) -> i64,
) -> Vec<(Uuid, &'h [Uuid], Numbers)> {
    let stay: BTreeMap<Uuid, &[Uuid]> =
        index.stay.iter().map(|(id, members)| (*id, members.as_slice())).collect();
    let mut due = Vec::new();
    for (conversation, members) in stay {
        let Some((_, messages)) = index.full(conversation).next() else { continue };
        let mut starts: Vec<(u64, i64)> = messages
            .iter()
            .filter_map(|seen| Some((index.first_tried(conversation, seen)?, number(seen))))
            .collect();
        starts.sort_unstable();
        let mut smallest = i64::MAX;
        for (_, one) in starts.iter_mut().rev() {
            smallest = smallest.min(*one);
            *one = smallest;
        }
        let top = messages.iter().map(&number).max().unwrap_or_default();
        due.push((conversation, members, Numbers { starts, top }));
    }
    due
}

/// What a socket got of a conversation.
pub(super) struct Got<'a> {
    /// The socket, in words.
    pub(super) who: String,
    /// What its numbers are called.
    pub(super) unit: &'static str,
    pub(super) conversation: Uuid,
    /// Each with its line of the history.
    pub(super) numbers: &'a [(i64, usize)],
    /// Whether it was never cut: one that was is owed nothing behind the cut.
    pub(super) open: bool,
}

impl Got<'_> {
    /// Finds what is missing of what was owed, at both ends: holes in between are the order's to find.
    pub(super) fn complete(&self, owed: Owed, verdict: &mut Verdict) {
        let Self { who, unit, conversation, numbers, open } = self;
        if let Some((first, line)) = numbers.iter().min()
            && *first > owed.first
        {
            verdict.found(Kind::Skip, &[*line], || {
                format!(
                    "{who} was open before {unit} {} of {conversation} was asked for and began at {first}",
                    owed.first
                )
            });
        }
        let last = numbers.iter().max();
        if *open && last.is_none_or(|(last, _)| *last < owed.last) {
            let lines: Vec<usize> = last.map(|(_, line)| *line).into_iter().collect();
            verdict.found(Kind::Unseen, &lines, || {
                format!(
                    "{who} stayed open and never got {unit} {} of {conversation}, its last was {}",
                    owed.last,
                    last.map_or(0, |(last, _)| *last)
                )
            });
        }
    }
}
