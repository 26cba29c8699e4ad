//! Records of `chat.dead-letters`: letters, and marks that say what became of one.
//!
//! A letter is a record that a pool gave up, with its key, its own headers and its value as they were,
//! and headers in front that say where it lay and why. The number of a letter is its offset. A letter is
//! never changed nor deleted; a later record with `resolves` takes it off the list.

use bytes::Bytes;

use crate::limits;
use crate::topic::{self, Headers, Topic, header, header_of};

/// What a letter keeps of a key; only a record that is not ours has a longer one.
const KEY_BYTES: usize = 1_024;
/// What a letter keeps of the record's own headers: all of them or none.
const HEADER_BYTES: usize = 65_536;
/// What a letter's own headers may take.
const OWN_BYTES: usize = 4_096;
/// Characters of a reason.
const REASON_CHARS: usize = 500;

/// The headers that a letter adds, and those of marks. Everything else is the record's.
const OWN: [&str; 10] = [
    header::SOURCE_TOPIC,
    header::SOURCE_PARTITION,
    header::SOURCE_OFFSET,
    header::REASON,
    header::TRIES,
    header::POOL,
    header::RECORD_BYTES,
    header::RESOLVES,
    header::OUTCOME,
    header::RETRIED_AT,
];

/// A record that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The pool that gave it up; letters of before version 0.1's `dlq` do not say.
    pub pool: Option<String>,
    /// The topic it was read from.
    pub topic: String,
    /// Its partition there.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
    /// Why.
    pub reason: String,
    /// Tries before it was given up.
    pub tries: u32,
    /// Bytes of the record's key, headers and value; absent in letters that kept no headers.
    pub record_bytes: Option<u64>,
    /// The record's key.
    pub key: Bytes,
    /// The record's own headers.
    pub headers: Headers,
    /// The record's value.
    pub value: Bytes,
}

/// Why a letter can not go back to where it came from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It holds less than the record.
    #[error("the record was too large for its letter and was cut: it can only be dropped")]
    Cut,
    /// Written before letters kept headers, from a topic whose records need theirs.
    #[error(
        "this letter was written by an earlier version, without the headers that {0} needs: it can only be dropped"
    )]
    Headerless(String),
    /// Its message may have been deleted since, and what is appended now would tell it again.
    #[error("an event stays on its topic, and clients heal the gap by sync: drop the letter")]
    Event,
    /// A topic that this version does not have.
    #[error("this version knows no topic {0}")]
    Topic(String),
}

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The letter's number.
    pub resolves: u64,
    /// `retried`, `dropped`, or what a newer version calls it.
    pub outcome: String,
    /// Partition and offset that the record has now, if it was appended again.
    pub retried_at: Option<(u32, u64)>,
}

/// `outcome` of a letter whose record was appended again.
pub const RETRIED: &str = "retried";
/// `outcome` of a letter that an operator put away.
pub const DROPPED: &str = "dropped";

/// A record of the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A letter.
    Letter(Letter),
    /// What became of one.
    Mark(Mark),
}

fn size(headers: &Headers) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn text(value: &impl ToString) -> Bytes {
    Bytes::from(value.to_string())
}

impl Letter {
    /// Cuts what does not fit into a record, and says so in the reason. `record_bytes` is set.
    pub fn fit(mut self) -> Self {
        let (key, headers, value) = (self.key.len(), size(&self.headers), self.value.len());
        self.record_bytes = u64::try_from(key + headers + value).ok();
        self.reason = self.reason.chars().take(REASON_CHARS).collect();
        self.key.truncate(KEY_BYTES);
        let mut gone = 0;
        if headers > HEADER_BYTES {
            self.headers.clear();
            gone = headers;
        }
        let room = limits::RECORD_BYTES - OWN_BYTES - self.key.len() - (headers - gone);
        self.value.truncate(room);
        if self.key.len() < key || self.value.len() < value || gone > 0 {
            let headers = if gone > 0 { format!(", {gone} of headers") } else { String::new() };
            self.reason =
                format!("{} (cut: {key} bytes of key and {value} of value{headers})", self.reason);
        }
        self
    }

    /// The record's headers behind the letter's own.
    pub fn headers(&self) -> Headers {
        let mut headers = vec![
            (header::SOURCE_TOPIC, text(&self.topic)),
            (header::SOURCE_PARTITION, text(&self.partition)),
            (header::SOURCE_OFFSET, text(&self.offset)),
            (header::REASON, text(&self.reason)),
            (header::TRIES, text(&self.tries)),
        ];
        headers.extend(self.pool.as_ref().map(|pool| (header::POOL, text(pool))));
        headers.extend(self.record_bytes.map(|bytes| (header::RECORD_BYTES, text(&bytes))));
        headers.extend(self.headers.iter().cloned());
        headers
    }

    /// The topic that takes the record again, if all of the record is here.
    pub fn fit_for_retry(&self) -> Result<&'static Topic, Unfit> {
        let known = topic::by_name(&self.topic).filter(|topic| **topic != topic::DEAD_LETTERS);
        let topic = known.ok_or_else(|| Unfit::Topic(self.topic.clone()))?;
        if *topic == topic::EVENTS {
            return Err(Unfit::Event);
        }
        let held = self.key.len() + size(&self.headers) + self.value.len();
        match self.record_bytes {
            Some(bytes) if u64::try_from(held) == Ok(bytes) => Ok(topic),
            Some(_) => Err(Unfit::Cut),
            None if self.reason.contains(" (cut: ") => Err(Unfit::Cut),
            // Commands have no headers.
            None if [&topic::COMMANDS, &topic::USERS, &topic::RECEIPTS].contains(&topic) => {
                Ok(topic)
            }
            None => Err(Unfit::Headerless(self.topic.clone())),
        }
    }
}

impl Mark {
    /// The mark as headers; its record has the letter's key and no value.
    pub fn headers(&self) -> Headers {
        let mut headers =
            vec![(header::RESOLVES, text(&self.resolves)), (header::OUTCOME, text(&self.outcome))];
        headers.extend(self.retried_at.map(|(partition, offset)| {
            (header::RETRIED_AT, text(&format_args!("{partition}/{offset}")))
        }));
        headers
    }
}

impl Entry {
    /// What a record of the topic says; none if this version can not tell.
    pub fn read(key: &Bytes, headers: &Headers, value: &Bytes) -> Option<Self> {
        let get = |name| std::str::from_utf8(header_of(headers, name)?).ok();
        if let Some(resolves) = get(header::RESOLVES) {
            let retried_at = get(header::RETRIED_AT).and_then(|at| {
                let (partition, offset) = at.split_once('/')?;
                Some((partition.parse().ok()?, offset.parse().ok()?))
            });
            return Some(Self::Mark(Mark {
                resolves: resolves.parse().ok()?,
                outcome: get(header::OUTCOME)?.to_owned(),
                retried_at,
            }));
        }
        Some(Self::Letter(Letter {
            pool: get(header::POOL).map(str::to_owned),
            topic: get(header::SOURCE_TOPIC)?.to_owned(),
            partition: get(header::SOURCE_PARTITION)?.parse().ok()?,
            offset: get(header::SOURCE_OFFSET)?.parse().ok()?,
            reason: get(header::REASON)?.to_owned(),
            tries: get(header::TRIES)?.parse().ok()?,
            record_bytes: match get(header::RECORD_BYTES) {
                Some(bytes) => Some(bytes.parse().ok()?),
                None => None,
            },
            key: key.clone(),
            headers: headers.iter().filter(|(name, _)| !OWN.contains(name)).cloned().collect(),
            value: value.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(topic: &'static Topic, headers: Headers, value: Vec<u8>) -> Letter {
        Letter {
            pool: Some("fanout".to_owned()),
            topic: topic.name.to_owned(),
            partition: 3,
            offset: 17,
            reason: "no audience".to_owned(),
            tries: 1,
            record_bytes: None,
            key: Bytes::from_static(b"a key"),
            headers,
            value: Bytes::from(value),
        }
    }

    fn read(letter: &Letter) -> Letter {
        match Entry::read(&letter.key, &letter.headers(), &letter.value) {
            Some(Entry::Letter(read)) => read,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_letter_gives_back_the_record_with_its_headers() {
        let headers = vec![
            (header::CE_ID, Bytes::from_static(b"c/2")),
            (header::AUDIENCE, Bytes::from_static(&[0; 16])),
            (header::CE_ID, Bytes::from_static(b"twice")),
        ];
        let written = letter(&topic::EVENTS, headers.clone(), b"{}".to_vec()).fit();
        let read = read(&written);
        assert_eq!(read, written);
        assert_eq!((read.headers.clone(), read.fit_for_retry()), (headers, Err(Unfit::Event)));
    }

    #[test]
    fn the_largest_record_fits_and_a_larger_one_is_cut_and_refuses_a_retry() {
        let whole = limits::RECORD_BYTES - OWN_BYTES - 5;
        let fits = letter(&topic::COMMANDS, vec![], vec![b'x'; whole]).fit();
        assert_eq!(read(&fits).fit_for_retry(), Ok(&topic::COMMANDS));
        let cut = letter(&topic::COMMANDS, vec![], vec![b'x'; whole + 1]).fit();
        assert_eq!(read(&cut).fit_for_retry(), Err(Unfit::Cut));
        for (key, reason) in [(vec![b'k'; 2_000], "\u{1f600}".repeat(600)), (vec![], String::new())]
        {
            let headers = vec![(header::AUDIENCE, Bytes::from(vec![0; HEADER_BYTES + 1]))];
            let mut worst = letter(&topic::SIGNALS, headers, vec![b'x'; 2_000_000]);
            (worst.key, worst.reason) = (Bytes::from(key), reason);
            let worst = worst.fit();
            let bytes = worst.key.len() + size(&worst.headers()) + worst.value.len();
            assert!(bytes <= limits::RECORD_BYTES, "{bytes}");
            assert_eq!(read(&worst).fit_for_retry(), Err(Unfit::Cut));
        }
    }

    #[test]
    fn a_letter_of_before_is_retried_only_where_no_header_is_missing() {
        let old = |topic| read(&letter(topic, vec![], b"{}".to_vec()));
        assert_eq!(old(&topic::USERS).fit_for_retry(), Ok(&topic::USERS));
        let refused = old(&topic::SIGNALS).fit_for_retry();
        assert_eq!(refused, Err(Unfit::Headerless("chat.signals".to_owned())));
        assert_eq!(old(&topic::EVENTS).fit_for_retry(), Err(Unfit::Event));
        let mut cut = old(&topic::USERS);
        cut.reason = "undecodable (cut: 5 bytes of key and 999000 of value)".to_owned();
        assert_eq!(cut.fit_for_retry(), Err(Unfit::Cut));
        let mut unknown = old(&topic::USERS);
        unknown.topic = "chat.media".to_owned();
        assert!(matches!(unknown.fit_for_retry(), Err(Unfit::Topic(_))));
    }

    #[test]
    fn a_mark_says_which_letter_and_what_became_of_it() {
        for retried_at in [None, Some((3, 17))] {
            let mark = Mark { resolves: 4, outcome: RETRIED.to_owned(), retried_at };
            let read = Entry::read(&Bytes::new(), &mark.headers(), &Bytes::new());
            assert_eq!(read, Some(Entry::Mark(mark)));
        }
        assert_eq!(Entry::read(&Bytes::new(), &vec![], &Bytes::new()), None);
    }
}
