//! The verdicts that need faults, against histories written by hand: a clean one passes, and each
//! with one thing planted is caught where it belongs.

use std::sync::Arc;

use bench::checker::{Guarantee, Kind, Needs, State, judge, recoveries};
use bench::history::{
    Attempt, Audit, Class, Entry, Exit, Fault, Form, Live, Look, Op, Opened, Outcome, Page,
    Request, Seen, Tells, Via, body_of,
};
use uuid::Uuid;

const MS: u64 = 1_000_000;
const CONVERSATION: Uuid = Uuid::from_u128(1);
const ALICE: Uuid = Uuid::from_u128(2);
const BOB: Uuid = Uuid::from_u128(3);

/// A conversation with a message every 100 ms for a minute, seen by one socket of each member.
struct Script {
    entries: Vec<Entry>,
    messages: Vec<Seen>,
    now: u64,
}

fn entry(process: u32, start: u64, end: u64, op: Op) -> Entry {
    Entry { process, node: 0, start, end, op }
}

impl Script {
    fn new() -> Self {
        let outcome = Outcome::Ok(CONVERSATION);
        let open = Opened { by: ALICE, with: BOB, others: Vec::new(), outcome };
        let entries = vec![
            entry(0, 0, MS, Op::Create(open)),
            entry(1, MS, 2 * MS, Op::SocketOpen(1, ALICE)),
            entry(2, MS, 2 * MS, Op::SocketOpen(2, BOB)),
        ];
        Self { entries, messages: Vec::new(), now: 10 * MS }
    }

    fn attempt(&mut self, number: i64, took: u64, outcome: Outcome<Seen>) {
        let client: Arc<str> = format!("m{number}").into();
        let body = body_of(&client);
        let request = Request { conversation: CONVERSATION, sender: ALICE, client, body };
        let attempt = Attempt { request, via: Via::Rest, outcome, loss: None };
        self.entries.push(entry(9, self.now, self.now + took, Op::Send(attempt)));
        self.now += took;
    }

    fn seen(number: i64) -> Seen {
        let client = format!("m{number}");
        let id = Uuid::from_u128(1_000 + u128::try_from(number).expect("counted from 1"));
        let body = body_of(&client);
        Seen {
            id,
            seq: number,
            rev: number,
            client: Some(client.into()),
            sender: ALICE,
            body,
            form: Form::Sent,
        }
    }

    /// A message, acknowledged after 5 ms and pushed `push` later.
    fn message(&mut self, push: [Option<u64>; 2]) {
        let number = i64::try_from(self.messages.len()).expect("a short script") + 1;
        let seen = Self::seen(number);
        self.attempt(number, 5 * MS, Outcome::Ok(seen.clone()));
        for (socket, after) in (1..).zip(push) {
            let Some(after) = after else { continue };
            self.live(socket, &seen, after);
        }
        self.messages.push(seen);
        self.now += 95 * MS;
    }

    fn live(&mut self, socket: u32, seen: &Seen, after: u64) {
        let live = Live {
            socket,
            conversation: CONVERSATION,
            kind: "message.created".into(),
            rev: seen.rev,
            message: Some(seen.clone()),
            tells: Tells::default(),
        };
        let at = self.now + after;
        self.entries.push(entry(socket, at, at, Op::Live(live)));
    }

    fn messages(&mut self, count: usize) {
        for _ in 0..count {
            self.message([Some(MS), Some(MS)]);
        }
    }

    fn fault(&mut self, class: Class, from: u64, mending: u64, to: u64) -> &mut Fault {
        let fault = Fault {
            kind: format!("{class:?}"),
            in_flight: 1,
            class,
            mending: Some(mending),
            ..Fault::default()
        };
        self.entries.push(entry(0, from, to, Op::Fault(fault)));
        match self.entries.last_mut().map(|entry| &mut entry.op) {
            Some(Op::Fault(fault)) => fault,
            _ => unreachable!("it was just pushed"),
        }
    }

    fn end(mut self) -> Vec<Entry> {
        for by in [ALICE, BOB] {
            let page = Page {
                conversation: CONVERSATION,
                by,
                before: None,
                outcome: Outcome::Ok(self.messages.clone()),
            };
            self.entries.push(entry(5, self.now, self.now + MS, Op::Full(page)));
        }
        self.entries
    }
}

/// A run of so many messages with a fault of a second in its middle.
fn with(class: Class, inside: impl FnOnce(&mut Script, u64)) -> Vec<Entry> {
    let mut script = Script::new();
    script.messages(100);
    let from = script.now;
    inside(&mut script, from);
    script.messages(200);
    let fault = script.fault(class, from, from + 1_000 * MS, from + 1_500 * MS);
    if class == Class::Rolling {
        fault.exit = Some(Exit { ms: 900, code: Some(0) });
        fault.sockets = Some(0);
    }
    script.end()
}

#[track_caller]
fn found(history: &[Entry], guarantee: Guarantee, kind: Kind) {
    let report = judge(history, &asked(guarantee));
    let found = report.anomalies().iter().any(|(g, k, _)| (*g, *k) == (guarantee, kind));
    assert!(found, "{kind:?} was not caught\n{}", report.table());
}

#[track_caller]
fn clean(history: &[Entry], guarantee: Guarantee) {
    let report = judge(history, &asked(guarantee));
    let needed = report.verdicts.iter().find(|judged| judged.verdict.guarantee == guarantee);
    assert_eq!(needed.expect("it was asked for").state, State::Pass, "{}", report.table());
    assert_eq!(report.anomalies(), [], "{}", report.table());
}

fn asked(guarantee: Guarantee) -> Needs {
    Needs { checks: [(guarantee, 1)].into_iter().collect(), ..Needs::default() }
}

#[test]
fn a_conversation_that_waits_too_long_is_a_stall_unless_an_engine_was_away() {
    let stalled = |class| {
        with(class, |script, _| {
            let number = i64::try_from(script.messages.len()).unwrap() + 1;
            // Each try ends in time; that nobody is answered for 12 s shows only over all of them.
            for _ in 0..4 {
                script.attempt(number, 3_000 * MS, Outcome::Unknown("outcome_unknown".into()));
            }
        })
    };
    found(&stalled(Class::Kill), Guarantee::BoundedStall, Kind::Stall);
    let report = judge(&stalled(Class::Store), &asked(Guarantee::BoundedStall));
    assert!(report.anomalies().iter().all(|(guarantee, ..)| *guarantee != Guarantee::BoundedStall));
    clean(&with(Class::Kill, |_, _| {}), Guarantee::BoundedStall);
    let recovery = recoveries(&stalled(Class::Kill));
    assert!((recovery[0].longest_stall - 12.0).abs() < 0.1, "{recovery:?}");
}

#[test]
fn two_changes_under_one_rev_are_the_zombies() {
    clean(&with(Class::Zombie, |_, _| {}), Guarantee::FencedZombie);
    let split = with(Class::Zombie, |script, _| {
        let other = Seen { id: Uuid::from_u128(77), ..Script::seen(50) };
        script.live(2, &other, MS);
    });
    found(&split, Guarantee::FencedZombie, Kind::SplitRev);
}

#[test]
fn a_row_that_changed_is_the_zombies() {
    let audit = |broken: &[&str]| {
        let mut history = with(Class::Zombie, |_, _| {});
        let broken = broken.iter().map(|&row| row.into()).collect();
        let audit = Audit { look: Look::Rows, part: "persist-1".into(), checked: 5, broken };
        history.push(entry(0, 0, MS, Op::Audit(audit)));
        history
    };
    clean(&audit(&[]), Guarantee::FencedZombie);
    found(&audit(&["messages: stamp 4 was 3"]), Guarantee::FencedZombie, Kind::ChangedRow);
}

#[test]
fn a_write_that_waits_for_a_broker_that_is_away_is_a_slow_refusal() {
    let refused = |after| {
        with(Class::Broker, |script, _| {
            let number = i64::try_from(script.messages.len()).unwrap() + 1;
            script.attempt(number, after, Outcome::Unknown("outcome_unknown".into()));
        })
    };
    clean(&refused(2_100 * MS), Guarantee::BrokerAway);
    found(&refused(2_900 * MS), Guarantee::BrokerAway, Kind::SlowRefusal);
}

#[test]
fn reads_and_sockets_go_on_without_a_broker_and_it_comes_back_in_time() {
    let unread = with(Class::Broker, |script, from| {
        let outcome = Outcome::Unknown("overloaded".into());
        let page = Page { conversation: CONVERSATION, by: BOB, before: None, outcome };
        script.entries.push(entry(4, from + MS, from + 2 * MS, Op::Page(page)));
    });
    found(&unread, Guarantee::BrokerAway, Kind::Unserved);
    let cut = with(Class::Broker, |script, from| {
        let at = from + 10 * MS;
        script.entries.push(entry(2, at, at, Op::SocketClose(2, Some(1011))));
    });
    found(&cut, Guarantee::BrokerAway, Kind::SocketCut);
    let late = with(Class::Broker, |script, _| {
        let number = i64::try_from(script.messages.len()).unwrap() + 1;
        for _ in 0..6 {
            script.attempt(number, 2_200 * MS, Outcome::Unknown("outcome_unknown".into()));
        }
    });
    found(&late, Guarantee::BrokerAway, Kind::SlowReturn);
}

#[test]
fn a_push_that_the_registry_loses_or_delays_is_found() {
    clean(&with(Class::Registry, |_, _| {}), Guarantee::RegistryAway);
    let late = with(Class::Registry, |script, _| script.message([Some(MS), Some(11_000 * MS)]));
    found(&late, Guarantee::RegistryAway, Kind::LatePush);
    let lost = with(Class::Registry, |script, _| script.message([Some(MS), None]));
    found(&lost, Guarantee::RegistryAway, Kind::Unseen);
}

#[test]
fn nobody_is_told_a_falsehood_while_the_store_is_away_and_what_waited_is_worked_off() {
    let read = |outcome| {
        with(Class::Store, |script, from| {
            let page = Page { conversation: CONVERSATION, by: BOB, before: None, outcome };
            script.entries.push(entry(4, from + MS, from + 2 * MS, Op::Page(page)));
        })
    };
    clean(&read(Outcome::Unknown("overloaded".into())), Guarantee::StoreAway);
    found(&read(Outcome::Fail("not_found".into())), Guarantee::StoreAway, Kind::FalseAnswer);
    let behind = with(Class::Store, |script, _| {
        let number = i64::try_from(script.messages.len()).expect("a short script") + 1;
        for _ in 0..8 {
            script.attempt(number, 3_000 * MS, Outcome::Unknown("outcome_unknown".into()));
        }
    });
    found(&behind, Guarantee::StoreAway, Kind::SlowCatchUp);
}

#[test]
fn a_rolling_restart_that_hurts_somebody_is_found() {
    clean(&with(Class::Rolling, |_, _| {}), Guarantee::RollingRestart);
    let rolling = |inside: fn(&mut Script, u64)| with(Class::Rolling, inside);
    let unhealed = rolling(|script, _| {
        for _ in 0..4 {
            script.attempt(9_999, 3_000 * MS, Outcome::Fail("overloaded".into()));
        }
    });
    found(&unhealed, Guarantee::RollingRestart, Kind::Unhealed);
    let refused = rolling(|script, _| {
        script.attempt(9_999, MS, Outcome::Fail("session_ended".into()));
    });
    found(&refused, Guarantee::RollingRestart, Kind::Unserved);
    let closed = |code| {
        with(Class::Rolling, |script, from| {
            let at = from + 10 * MS;
            script.entries.push(entry(2, at, at, Op::SocketClose(2, code)));
        })
    };
    for code in [None, Some(1000), Some(4401)] {
        found(&closed(code), Guarantee::RollingRestart, Kind::BadClose);
    }
    clean(&closed(Some(1012)), Guarantee::RollingRestart);
    let mut slow = rolling(|_, _| {});
    for entry in &mut slow {
        if let Op::Fault(fault) = &mut entry.op {
            fault.exit = Some(Exit { ms: 21_000, code: Some(0) });
        }
    }
    found(&slow, Guarantee::RollingRestart, Kind::SlowDrain);
}

#[test]
fn a_message_that_a_client_neither_got_nor_read_is_missed() {
    let reconnect = |read: bool| {
        with(Class::Rolling, move |script, from| {
            let at = from + 10 * MS;
            script.entries.push(entry(2, at, at, Op::SocketClose(2, Some(1012))));
            script.message([Some(MS), None]);
            let at = script.now;
            script.entries.push(entry(2, at, at, Op::SocketOpen(3, BOB)));
            let mut messages = script.messages.clone();
            if !read {
                messages.pop();
            }
            let outcome = Outcome::Ok(messages);
            let page = Page { conversation: CONVERSATION, by: BOB, before: None, outcome };
            script.entries.push(entry(2, at + MS, at + 2 * MS, Op::Page(page)));
            for _ in 0..200 {
                script.message([Some(MS), None]);
                let seen = script.messages.last().unwrap().clone();
                script.live(3, &seen, 0);
                // It is the reader's process that holds the socket.
                script.entries.last_mut().unwrap().process = 2;
            }
        })
    };
    let missed = |history: &[Entry]| {
        let report = judge(history, &asked(Guarantee::RollingRestart));
        report
            .anomalies()
            .iter()
            .filter(|(_, kind, _)| *kind == Kind::Missed)
            .map(|(.., n)| *n)
            .sum::<u64>()
    };
    // The 200 messages after the fault have no socket 3 in this script: only the difference counts.
    assert_eq!(missed(&reconnect(false)), missed(&reconnect(true)) + 1);
}

#[test]
fn counters_and_a_different_fold_are_found() {
    let audit = |look, broken: Vec<String>| {
        let mut history = with(Class::Kill, |_, _| {});
        let audit = Audit { look, part: "persist-1".into(), checked: 1, broken };
        history.push(entry(0, 0, MS, Op::Audit(audit)));
        history
    };
    let one = || vec!["G-05: 1".to_owned()];
    clean(&audit(Look::Counters, Vec::new()), Guarantee::CountersAtZero);
    found(&audit(Look::Counters, one()), Guarantee::CountersAtZero, Kind::BrokenInvariant);
    found(&audit(Look::Refold, one()), Guarantee::DeterministicFold, Kind::DifferentFold);
}

#[test]
fn a_wrong_clock_that_swaps_two_messages_is_found_and_a_right_one_makes_the_run_void() {
    let skewed = |missed: Option<&str>| {
        let mut history = with(Class::Kill, |_, _| {});
        let missed = missed.map(str::to_owned);
        let fault = Fault { class: Class::Skew, missed, ..Fault::default() };
        history.push(entry(0, 0, MS, Op::Fault(fault)));
        history
    };
    clean(&skewed(None), Guarantee::ClockProof);
    assert_eq!(judge(&skewed(Some("it is right")), &Needs::default()).state, State::Void);
    let mut swapped = skewed(None);
    for entry in &mut swapped {
        if let Op::Full(page) = &mut entry.op
            && let Outcome::Ok(messages) = &mut page.outcome
        {
            messages.swap(10, 11);
        }
    }
    found(&swapped, Guarantee::ClockProof, Kind::Skewed);
}

#[test]
fn a_fault_that_did_not_happen_makes_the_run_void() {
    let mut history = with(Class::Kill, |_, _| {});
    history.push(entry(
        0,
        0,
        MS,
        Op::Fault(Fault {
            kind: "kill -9 redis".into(),
            class: Class::Registry,
            missed: Some("it still answers".into()),
            ..Fault::default()
        }),
    ));
    let report = judge(&history, &Needs::default());
    assert_eq!(report.state, State::Void, "{}", report.table());
}
