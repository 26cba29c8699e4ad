//! One letter of every form ever written to `chat.dead-letters`, and the marks: each must be read for
//! ever, and what is written today must not change unseen (`GOLDEN=write` makes missing files).
#![expect(clippy::unwrap_used, reason = "a test binary")]

use std::fmt::Write as _;

mod support;

use bytes::Bytes;
use schemas::letter::{DROPPED, Entry, Letter, Mark, RETRIED, Unfit};
use schemas::topic::{self, Headers, header};

use crate::support::golden;

/// Headers as lines; binary values escaped.
fn lines(headers: &Headers) -> String {
    let mut text = String::new();
    for (name, value) in headers {
        writeln!(text, "{name}: {}", value.escape_ascii()).unwrap();
    }
    text
}

/// The headers of a golden file.
fn kept(file: &[u8]) -> Headers {
    let text = std::str::from_utf8(file).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (header::known(name).unwrap(), Bytes::from(value.replace("\\x00", "\0")))
    };
    text.lines().map(header).collect()
}

/// A letter as version 0.1 wrote it before `parlance dlq`: without pool, size and the record's headers.
fn first() -> Letter {
    Letter {
        pool: None,
        topic: "chat.commands".to_owned(),
        partition: 3,
        offset: 17,
        reason: "undecodable command: expected value at line 1 column 1".to_owned(),
        tries: 1,
        record_bytes: None,
        key: Bytes::from_static(b"00000000-0000-0000-0000-0000000000c1"),
        headers: vec![],
        value: Bytes::from_static(b"not a command"),
    }
}

fn second() -> Letter {
    let letter = Letter {
        pool: Some("fanout".to_owned()),
        topic: "chat.events".to_owned(),
        reason: "no audience".to_owned(),
        headers: vec![
            (header::CE_ID, Bytes::from_static(b"00000000-0000-0000-0000-0000000000c1/2")),
            (header::AUDIENCE, Bytes::from_static(&[0; 16])),
        ],
        ..first()
    };
    letter.fit()
}

fn read(file: &[u8], letter: &Letter) -> Entry {
    Entry::read(&letter.key, &kept(file), &letter.value).unwrap()
}

#[test]
fn letters_of_every_form_are_read() {
    let file = golden("letter.1.txt", lines(&first().headers()).as_bytes());
    assert_eq!(read(&file, &first()), Entry::Letter(first()));
    assert_eq!(first().fit_for_retry(), Ok(&topic::COMMANDS));
    let file = golden("letter.2.txt", lines(&second().headers()).as_bytes());
    assert_eq!(read(&file, &second()), Entry::Letter(second()));
    assert_eq!(second().fit_for_retry(), Err(Unfit::Event));
    // The same letter in the first form of a signal has lost what its pool reads.
    let lost = Letter { topic: "chat.signals".to_owned(), ..first() };
    assert!(matches!(lost.fit_for_retry(), Err(Unfit::Headerless(_))));
}

#[test]
fn marks_are_read() {
    let retried = Mark { resolves: 4, outcome: RETRIED.to_owned(), retried_at: Some((3, 18)) };
    let dropped = Mark { resolves: 5, outcome: DROPPED.to_owned(), retried_at: None };
    for (name, mark) in [("mark.retried.1.txt", retried), ("mark.dropped.1.txt", dropped)] {
        let file = golden(name, lines(&mark.headers()).as_bytes());
        let read = Entry::read(&Bytes::new(), &kept(&file), &Bytes::new());
        assert_eq!(read, Some(Entry::Mark(mark)));
    }
}
