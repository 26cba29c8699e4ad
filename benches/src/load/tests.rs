//! What the book keeps, made into a history, says the same as the history would: defects are found in it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::book::{Ask, Book, Number};
use super::history::Pieces;
use super::{Clock, Gauges, Part, Room, Run, Seat, Spread, Window, World};
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

/// The frame in which a socket gets a message.
fn frame(run: &Run, number: Number) -> Vec<u8> {
    let Seen { id, seq, rev, client, sender, .. } = seen(run, number);
    let (room, client) = (run.world.rooms[(number % 2) as usize].id, client.unwrap());
    let text = Book::content(number);
    format!(
        r#"{{"type":"message.created","conversationId":"{room}","rev":{rev},"seq":{seq},"data":{{"id":"{id}","conversationId":"{room}","clientMessageId":"{client}","senderId":"{sender}","content":"{text}","seq":{seq},"rev":{rev}}}}}"#
    )
    .into_bytes()
}

/// A run with acknowledged messages in both rooms, sockets of all, and what the second one's is told.
fn told(watched: bool, numbers: &[Number]) -> (Arc<Run>, Seat) {
    let run = run();
    let now = Instant::now();
    let clock = Clock::Sent(Window { from: now, until: now + Duration::from_hours(1) });
    let mut seat = run.seat(1, watched);
    for number in 0..MESSAGES {
        let room = number % 2;
        run.book.begin(Ask { room, user: room * 2, socket: None });
        run.gauges.sent(None, Part::Measured);
        clock.settled(&run, number, Outcome::Ok(seen(&run, number)), Instant::now());
    }
    for number in numbers {
        let frame = frame(&run, *number);
        clock.received(&run, seat.user, &frame, Instant::now());
        run.look(&mut seat, &frame);
    }
    (run, seat)
}

#[test]
fn a_message_that_came_twice_does_not_make_up_for_one_that_did_not() {
    let all: Vec<Number> = (0..MESSAGES).step_by(2).collect();
    for watched in [true, false] {
        let (run, _) = told(watched, &all);
        let counts = |run: &Run| {
            let doubled = run.gauges.doubled.load(Ordering::SeqCst);
            (run.undelivered(), doubled, run.gauges.received.count())
        };
        assert_eq!(counts(&run), (0, 0, 20));
        let instead: Vec<Number> = all.iter().map(|n| if *n == 20 { 18 } else { *n }).collect();
        let (run, _) = told(watched, &instead);
        assert_eq!(counts(&run), (1, 1, 19));
    }
}

#[test]
fn a_frame_that_can_not_be_read_is_counted_and_ends_the_witness() {
    for (watched, frame, blinded) in [
        (true, "{\"type\":\"message.created\",\"content\":\"0000000000 \",", 1),
        (true, "{\"type\":\"typing\",nonsense", 1),
        (false, "{\"type\":\"message.created\",\"content\":\"? \"}", 0),
    ] {
        let (run, mut seat) = told(watched, &[0]);
        let clock = Clock::Sent(Window { from: Instant::now(), until: Instant::now() });
        if frame.contains("created") {
            clock.received(&run, 1, frame.as_bytes(), Instant::now());
        }
        run.look(&mut seat, frame.as_bytes());
        let gauges = &run.gauges;
        assert_eq!(gauges.unreadable.load(Ordering::SeqCst), 1, "{frame}");
        assert_eq!(gauges.blinded.load(Ordering::SeqCst), blinded, "{frame}");
        assert_eq!(run.unread(), [frame]);
        assert!(!seat.watched);
    }
}

#[test]
fn a_message_of_another_conversation_is_no_delivery() {
    let (run, _) = told(false, &[1]);
    assert_eq!(run.gauges.unreadable.load(Ordering::SeqCst), 1);
    assert_eq!((run.gauges.received.count(), run.undelivered()), (0, 20));
}

#[test]
fn a_member_who_gets_a_message_twice_is_one_member() {
    let run = run();
    let spread = Arc::new(Spread::over(2));
    let plan = super::schedule::Plan {
        rate: 100.0,
        warm: Duration::ZERO,
        length: Duration::from_secs(1),
        arrivals: super::schedule::Arrivals::Uniform,
        seed: 1,
    };
    let clock = Clock::Due(Arc::new(plan.draw(Instant::now()).unwrap()), Some(spread.clone()));
    run.book.begin(Ask { room: 0, user: 0, socket: None });
    let frame = frame(&run, 0);
    (0..3).for_each(|_| clock.received(&run, 1, &frame, Instant::now()));
    assert_eq!((spread.incomplete(), spread.last.count()), (1, 0));
    assert_eq!(run.gauges.doubled.load(Ordering::SeqCst), 2);
}

#[test]
fn what_was_never_answered_is_not_known() {
    let (run, _) = told(false, &[]);
    assert_eq!(run.book.unknown(), 0);
    run.book.begin(Ask { room: 0, user: 0, socket: None });
    assert_eq!(run.book.unknown(), 1);
    run.book.answered(&run.world, MESSAGES, Outcome::Unknown("cut".to_owned()));
    assert_eq!(run.book.unknown(), 1);
    run.book.answered(&run.world, MESSAGES, Outcome::Fail("forbidden".to_owned()));
    assert_eq!(run.book.unknown(), 0);
}
