//! What the checker says of the sockets of stock clients of Socket.IO, against histories written by hand: a
//! clean one passes, and each with one thing planted is caught.

use bench::checker::{Guarantee, Kind, Needs, State, judge};
use bench::history::{
    Attempt, Entry, Form, Live, Op, Opened, Outcome, Page, Request, Seen, Tells, Via, body_of,
};
use uuid::Uuid;

const MS: u64 = 1_000_000;
const CONVERSATION: Uuid = Uuid::from_u128(1);
const ALICE: Uuid = Uuid::from_u128(2);
const BOB: Uuid = Uuid::from_u128(3);
/// Bob's socket of Socket.IO, and Alice's of frames.
const STOCK: u32 = 1;
const FRAMES: u32 = 2;
const COUNT: i64 = 20;

fn entry(process: u32, start: u64, end: u64, op: Op) -> Entry {
    Entry { process, node: 0, start, end, op }
}

/// Every second change is none of a message: stock clients are not told its number.
fn seen(number: i64) -> Seen {
    let client = format!("m{number}");
    Seen {
        id: Uuid::from_u128(1_000 + u128::try_from(number).expect("counted from 1")),
        seq: number,
        rev: number * 2 - 1,
        body: body_of(&client),
        client: Some(client.into()),
        sender: ALICE,
        form: Form::Sent,
    }
}

fn live(socket: u32, kind: &str, rev: i64, message: Option<Seen>) -> Op {
    let (kind, tells) = (kind.into(), Tells::default());
    Op::Live(Live { socket, conversation: CONVERSATION, kind, rev, message, tells })
}

/// Messages of Alice, told to her socket of frames with all changes between them, and to Bob's in this order.
fn history(told: &[i64], stays_open: bool) -> Vec<Entry> {
    let open =
        Opened { by: ALICE, with: BOB, others: Vec::new(), outcome: Outcome::Ok(CONVERSATION) };
    let mut entries = vec![
        entry(0, 0, MS, Op::Create(open)),
        entry(1, MS, 2 * MS, Op::StockOpen(STOCK, BOB)),
        entry(2, MS, 2 * MS, Op::SocketOpen(FRAMES, ALICE)),
    ];
    let mut now = 10 * MS;
    for number in 1..=COUNT {
        let seen = seen(number);
        let request = Request {
            conversation: CONVERSATION,
            sender: ALICE,
            client: seen.client.clone().expect("every one has one"),
            body: seen.body,
        };
        let outcome = Outcome::Ok(seen.clone());
        let sent = Attempt { request, via: Via::Socket(FRAMES), outcome, loss: None };
        entries.push(entry(2, now, now + MS, Op::Send(sent)));
        let rev = seen.rev;
        let event = live(FRAMES, "message.created", rev, Some(seen));
        entries.push(entry(2, now + 2 * MS, now + 2 * MS, event));
        let event = live(FRAMES, "member.changed", rev + 1, None);
        entries.push(entry(2, now + 3 * MS, now + 3 * MS, event));
        now += 10 * MS;
    }
    for number in told {
        let event = live(STOCK, "message:new", seen(*number).rev, Some(seen(*number)));
        entries.push(entry(1, now, now, event));
        now += MS;
    }
    if !stays_open {
        entries.push(entry(1, now, now, Op::SocketClose(STOCK, None)));
    }
    for by in [ALICE, BOB] {
        let outcome = Outcome::Ok((1..=COUNT).map(seen).collect());
        let page = Page { conversation: CONVERSATION, by, before: None, outcome };
        entries.push(entry(5, now, now + MS, Op::Full(page)));
    }
    entries
}

fn found(told: &[i64], stays_open: bool) -> Vec<(Guarantee, Kind)> {
    let needs = Needs { faults: 0, stock: 1, ..Needs::default() };
    let report = judge(&history(told, stays_open), &needs);
    report.anomalies().iter().map(|(guarantee, kind, _)| (*guarantee, *kind)).collect()
}

#[test]
fn a_mixed_room_in_which_a_stock_client_is_told_every_message_once_passes() {
    let all: Vec<i64> = (1..=COUNT).collect();
    assert_eq!(found(&all, true), []);
    // What is cut is owed nothing behind the cut.
    assert_eq!(found(&all[..5], false), []);
}

#[test]
fn what_a_stock_client_is_told_twice_late_or_never_is_caught() {
    let all: Vec<i64> = (1..=COUNT).collect();
    let without = |gone: i64| all.iter().copied().filter(|n| *n != gone).collect::<Vec<_>>();
    let mut twice = all.clone();
    twice.insert(7, 7);
    let mut swapped = all.clone();
    swapped.swap(7, 8);
    for (told, kind) in [
        (without(9), Kind::Skip),
        (without(1), Kind::Skip),
        (without(COUNT), Kind::Unseen),
        (Vec::new(), Kind::Unseen),
        (twice, Kind::DuplicateDelivery),
        (swapped, Kind::InternalNonmonotonic),
    ] {
        let found = found(&told, true);
        assert!(found.contains(&(Guarantee::OneOrder, kind)), "{told:?}: {found:?}");
    }
}

#[test]
fn a_run_in_which_stock_clients_were_told_nothing_proves_nothing_about_them() {
    let needs = Needs { faults: 0, stock: 1, ..Needs::default() };
    let report = judge(&history(&[], false), &needs);
    assert_eq!(report.state, State::Void);
}
