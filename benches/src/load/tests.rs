//! What the book keeps, made into a history, says the same as the history would: defects are found in it.

use std::sync::Arc;

use uuid::Uuid;

use super::book::{Ask, Book, Number};
use super::history::Pieces;
use super::{Gauges, Room, Run, World};
use crate::checker::{Kind, Needs, judge};
use crate::history::{Entry, Form, Op, Outcome, Page, Seen, Tells};
use crate::target::{Event, User};

const MESSAGES: Number = 40;

fn run() -> Arc<Run> {
    let user = |id| User { id: Uuid::from_u128(id), token: Arc::from("t") };
    let room = |id, members| Room { id: Uuid::from_u128(id), members };
    let world = World {
        users: (1..=4).map(user).collect(),
        rooms: vec![room(91, vec![0, 1]), room(92, vec![2, 3])],
    };
    Run::new(world, "t", Arc::new(Gauges::default()))
}

/// The message with this number as the first room's next one.
fn seen(run: &Run, number: Number) -> Seen {
    let seq = i64::from(number / 2) + 1;
    Seen {
        id: Uuid::from_u128(1_000 + u128::from(number)),
        seq,
        rev: seq + 1,
        client: Some(Arc::from(run.book.client(number))),
        sender: run.world.users[if number.is_multiple_of(2) { 0 } else { 2 }].id,
        body: crate::history::body_of(&Book::content(number)),
        form: Form::Sent,
    }
}

/// Two rooms in turn; sockets of those who do not send are watched.
fn lived(hear: impl Fn(Number) -> Vec<Number>, answer: impl Fn(&Run, Number) -> Seen) -> Arc<Run> {
    let run = run();
    let seats = [run.seat(1, true), run.seat(3, true)];
    for number in 0..MESSAGES {
        let room = number % 2;
        let ask = Ask { room, user: room * 2, socket: None };
        assert_eq!(run.book.begin(ask), Some(number));
        run.book.answered(&run.world, number, Outcome::Ok(answer(&run, number)));
        for heard in hear(number) {
            let message = seen(&run, heard);
            let event = Event {
                conversation: run.world.rooms[(heard % 2) as usize].id,
                kind: Arc::from("message.created"),
                rev: message.rev,
                message: Some(message),
                tells: Tells { bytes: u64::from(heard) + 1, ..Tells::default() },
            };
            run.heard(seats[(heard % 2) as usize], event);
        }
    }
    run
}

/// Kinds of anomalies that are found where every room is read whole, but for the messages left out.
fn found(run: &Arc<Run>, lost: Option<Number>) -> Vec<Kind> {
    let mut pieces = Pieces::of(run);
    let ranges = pieces.ranges();
    assert_eq!(ranges.iter().map(ExactSizeIterator::len).sum::<usize>(), 2);
    let mut kinds = Vec::new();
    for range in ranges {
        let mut entries = pieces.entries(range.clone());
        for place in range {
            let room = &run.world.rooms[place];
            let here = (0..MESSAGES).filter(|n| *n as usize % 2 == place && Some(*n) != lost);
            let outcome = Outcome::Ok(here.map(|number| seen(run, number)).collect());
            let by = run.world.users[room.members[0] as usize].id;
            let op = Op::Full(Page { conversation: room.id, by, before: None, outcome });
            let now = run.book.recorder().now();
            entries.push(Entry { process: 0, node: 0, start: now, end: now, op });
        }
        let report = judge(&entries, &Needs { faults: 0, ..Needs::default() });
        assert_eq!(report.hygiene.unread, 0);
        kinds.extend(report.anomalies().into_iter().map(|(_, kind, _)| kind));
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[test]
fn a_run_in_which_all_went_well_has_no_anomaly() {
    assert_eq!(found(&lived(|number| vec![number], seen), None), []);
}

#[test]
fn a_lost_message_is_found() {
    let kinds = found(&lived(|number| vec![number], seen), Some(20));
    assert!(kinds.contains(&Kind::LostWrite) && kinds.contains(&Kind::Gap), "{kinds:?}");
}

#[test]
fn an_event_that_did_not_come_or_came_twice_is_found() {
    let skip = |number| if number == 20 { vec![] } else { vec![number] };
    let kinds = found(&lived(skip, seen), None);
    assert!(kinds.contains(&Kind::Skip), "{kinds:?}");
    let twice = |number| if number == 20 { vec![20, 20] } else { vec![number] };
    let kinds = found(&lived(twice, seen), None);
    assert!(kinds.contains(&Kind::DuplicateDelivery), "{kinds:?}");
    let late = |number: Number| match number {
        20 => vec![],
        22 => vec![22, 20],
        other => vec![other],
    };
    let kinds = found(&lived(late, seen), None);
    assert!(kinds.iter().any(|kind| *kind != Kind::Skip), "{kinds:?}");
}

#[test]
fn a_last_event_that_never_came_is_found() {
    let kinds = found(&lived(|n| if n >= MESSAGES - 2 { vec![] } else { vec![n] }, seen), None);
    assert!(kinds.contains(&Kind::Unseen), "{kinds:?}");
}

#[test]
fn an_ack_of_another_content_is_kept_as_it_came_and_found() {
    let other = |run: &Run, number: Number| {
        let seen = seen(run, number);
        if number == 20 { Seen { body: 7, ..seen } } else { seen }
    };
    let kinds = found(&lived(|number| vec![number], other), None);
    assert!(kinds.contains(&Kind::MutatedWrite), "{kinds:?}");
}

#[test]
fn a_refused_send_that_is_there_nevertheless_is_found() {
    let run = lived(|number| vec![number], seen);
    run.book.answered(&run.world, 20, Outcome::Fail("forbidden".to_owned()));
    let kinds = found(&run, None);
    assert!(kinds.contains(&Kind::AbortedRead), "{kinds:?}");
}

#[test]
fn client_ids_of_other_runs_are_no_numbers() {
    let run = run();
    assert_eq!(run.book.number(&run.book.client(17)), Some(17));
    for other in ["t-17", "u-0000000017", "t-00000000017", "t-000000001x", ""] {
        assert_eq!(run.book.number(other), None, "{other}");
    }
    assert_eq!(Book::content(17).len(), crate::scenarios::CONTENT_BYTES);
}
