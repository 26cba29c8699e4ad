//! What is unread, as arithmetic: countable messages of the head, less those up to the marker. There
//! are three marks of a member, written by three pools; the furthest counts (HAZARDS 13).

use schemas::Seq;
use schemas::conversation::head::Head;
use schemas::member::Membership;
use schemas::member::table::SentMark;
use schemas::receipt::table::ReadMarker;

/// A place in a conversation: number of a message, and countable messages up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) seq: Seq,
    pub(crate) n: i64,
}

/// How far a member has come: where he joined, what he sent, what he read, whichever is further.
pub(crate) fn marker(
    membership: &Membership,
    sent: Option<&SentMark>,
    read: Option<&ReadMarker>,
) -> Mark {
    let joined = Mark { seq: membership.sent_seq, n: membership.sent_n };
    let sent = sent.map(|mark| Mark { seq: mark.seq, n: mark.n }).unwrap_or_default();
    let read = read.map(|mark| Mark { seq: mark.read_seq, n: mark.read_n }).unwrap_or_default();
    joined.max(sent).max(read)
}

/// Countable messages that he has not come to.
pub(crate) fn unread(head: &Head, marker: Mark) -> i64 {
    head.n.saturating_sub(marker.n).max(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemas::member::Role;
    use schemas::{ConversationId, Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    const ME: UserId = UserId(Uuid::from_u128(1));
    const HERE: ConversationId = ConversationId(Uuid::from_u128(2));

    #[derive(Clone, Debug)]
    enum Step {
        /// A message: mine or another's, countable or not.
        Message { mine: bool, counts: bool },
        /// I read up to so many thousandths of what there is, perhaps late.
        Read(usize),
    }

    fn steps() -> impl Strategy<Value = (usize, Vec<Step>)> {
        let step = prop_oneof![
            3 => (any::<bool>(), prop::bool::weighted(0.8))
                .prop_map(|(mine, counts)| Step::Message { mine, counts }),
            1 => (0..=1_000_usize).prop_map(Step::Read),
        ];
        proptest::collection::vec(step, 0..60).prop_flat_map(|steps| (0..=steps.len(), Just(steps)))
    }

    proptest! {
        /// Against a plain list of messages: unread are the countable ones behind the last that I
        /// sent, read, or that was there when I joined.
        #[test]
        fn unread_counts_what_lies_behind_the_furthest_mark((joins, steps) in steps()) {
            let mut messages: Vec<bool> = Vec::new();
            let (mut joined, mut seen) = (None, 0);
            let (mut sent, mut read) = (None::<SentMark>, ReadMarker::none(HERE, ME));
            let n = |messages: &[bool]| i64::try_from(messages.iter().filter(|c| **c).count()).unwrap();
            for (at, step) in steps.into_iter().enumerate() {
                if at == joins {
                    joined = Some((messages.len(), n(&messages)));
                    seen = messages.len();
                }
                match step {
                    Step::Message { mine, counts } => {
                        messages.push(counts);
                        if mine && joined.is_some() {
                            seen = messages.len();
                            let seq = i64::try_from(seen).unwrap();
                            let n = n(&messages);
                            sent = Some(SentMark { user: ME, conversation: HERE, seq, n });
                        }
                    }
                    Step::Read(part) if joined.is_some() => {
                        let to = messages.len() * part / 1_000;
                        seen = seen.max(to);
                        let seq = i64::try_from(to).unwrap();
                        if seq > read.read_seq {
                            read.read_seq = seq;
                            read.read_n = n(&messages[..to]);
                        }
                    }
                    Step::Read(_) => {}
                }
            }
            let (at, n_then) = joined.unwrap_or_else(|| {
                seen = messages.len();
                (messages.len(), n(&messages))
            });
            let membership = Membership {
                conversation: HERE,
                user: ME,
                role: Role::Member,
                joined_at: Timestamp(0),
                visible_from: 1,
                visible_to: None,
                sent_seq: i64::try_from(at).unwrap(),
                sent_n: n_then,
                by_conversation: false,
            };
            let marker = marker(&membership, sent.as_ref(), Some(&read));
            prop_assert_eq!(marker.seq, i64::try_from(seen).unwrap());
            prop_assert_eq!(n(&messages) - marker.n, n(&messages[seen..]));
        }
    }

    #[test]
    fn a_marker_beyond_the_head_leaves_nothing_unread() {
        let head = crate::conversation::tests::head(3);
        assert_eq!(unread(&head, Mark { seq: 5, n: 5 }), 0);
        assert_eq!(unread(&head, Mark { seq: 2, n: 1 }), 2);
    }
}
