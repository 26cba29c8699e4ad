//! G-14: what is unread is a difference that everybody can work out: messages behind the furthest that
//! one has read or sent. A history gives bounds for both ends at the time of each answer; where nothing
//! happens meanwhile they meet, and the answer is exact or wrong.

use std::collections::{BTreeMap, HashMap};

use schemas::Seq;
use uuid::Uuid;

use super::index::Index;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Outcome, What};

/// When something may first have been true, and from when on it surely was.
#[derive(Clone, Copy, Debug)]
struct Since {
    possible: u64,
    known: u64,
}

/// A conversation's messages, by number.
type Messages = BTreeMap<Seq, (Uuid, Since)>;
/// How far somebody has read.
type Marks = HashMap<(Uuid, Uuid), Vec<(Seq, Since)>>;

pub(super) fn check(index: &Index<'_>) -> Option<Verdict> {
    index.unreads.first()?;
    let mut verdict = Verdict::new(Guarantee::ExactUnread);
    let (messages, marks) = (messages(index), marks(index));
    for unread in &index.unreads {
        let Outcome::Ok(answer) = unread.what.outcome else { continue };
        let (conversation, by) = (unread.what.conversation, unread.what.by);
        if !index.stays(by, conversation) {
            continue;
        }
        let (asked, told) = (unread.entry.start, unread.entry.end);
        let empty = Messages::new();
        let messages = messages.get(&conversation).unwrap_or(&empty);
        let own = messages.iter().filter(|(_, (sender, _))| *sender == by);
        let own = own.map(|(seq, (_, since))| (*seq, *since));
        let read = marks.get(&(conversation, by)).into_iter().flatten().copied();
        let marks: Vec<(Seq, Since)> = own.chain(read).collect();
        let last = |all: &mut dyn Iterator<Item = Seq>| all.max().unwrap_or(0);
        let all = || messages.iter().map(|(seq, (_, since))| (*seq, *since));
        let surely = |(seq, since): (Seq, Since)| (since.known < asked).then_some(seq);
        let maybe = |(seq, since): (Seq, Since)| (since.possible < told).then_some(seq);
        let top = (last(&mut all().filter_map(surely)), last(&mut all().filter_map(maybe)));
        let marks = marks.iter().copied();
        let marker =
            (last(&mut marks.clone().filter_map(surely)), last(&mut marks.filter_map(maybe)));
        let least = (top.0 - marker.1).max(0);
        let most = (top.1 - marker.0).max(0);
        verdict.checked += u64::from(least == most);
        if !(least..=most).contains(&answer) {
            verdict.found(Kind::WrongUnread, &[unread.line], || {
                format!(
                    "{by} was told that {answer} are unread in {conversation} ({:?}), and it is {least} to {most}",
                    unread.what.counted
                )
            });
        }
    }
    Some(verdict)
}

fn messages(index: &Index<'_>) -> HashMap<Uuid, Messages> {
    let mut all: HashMap<Uuid, Messages> = HashMap::new();
    let acks = index.sends.iter().filter_map(|send| {
        Some((send.what.request.conversation, send.what.outcome.ok()?, send.entry.end))
    });
    let read = index.fulls.values().flatten().flat_map(|read| {
        let messages = read.what.outcome.ok().into_iter().flatten();
        messages.map(|seen| (read.what.conversation, seen, read.entry.end))
    });
    for (conversation, seen, known) in acks.chain(read) {
        let possible = index.first_tried(conversation, seen).unwrap_or(0);
        let messages = all.entry(conversation).or_default();
        let entry = messages.entry(seen.seq).or_insert((seen.sender, Since { possible, known }));
        entry.1.known = entry.1.known.min(known);
    }
    all
}

fn marks(index: &Index<'_>) -> Marks {
    let mut marks = Marks::new();
    for act in &index.acts {
        let What::Read { seq, .. } = act.what.what else { continue };
        let known = match act.what.outcome {
            Outcome::Ok(_) => act.entry.end,
            Outcome::Fail(_) => continue,
            Outcome::Unknown(_) => u64::MAX,
        };
        let since = Since { possible: act.entry.start, known };
        marks.entry((act.what.conversation, act.what.by)).or_default().push((seq, since));
    }
    marks
}
