//! What nodes are told later than the board.

use super::*;
use Status::{Away, DoNotDisturb, Offline, Online};

/// Nodes were told of him six times just now: last that he is here.
fn restless() -> Sim {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    for n in 0..7 {
        sim.put(is(A, 1, 1, if n % 2 == 0 { Online } else { DoNotDisturb }));
        sim.pass(300);
    }
    assert_eq!(sim.heard().last().map(|(_, _, status)| *status), Some(Online));
    sim
}

fn text(text: &str) -> Facts {
    let custom_status = Some(text.to_owned());
    let preference = Preference { custom_status, ..Preference::default() };
    Facts { preference, privacy: Privacy::default() }
}

#[test]
fn whoever_reads_finds_at_once_what_is_told_later() {
    let mut sim = restless();
    let last = sim.now - 300;
    sim.put(is(A, 1, 1, Away));
    assert_eq!((sim.heard(), sim.board[&user(1)].status), (vec![], Away));
    sim.pass(20_000);
    assert_eq!(sim.heard(), [(last + 5_000, 1, Away)]);
}

#[test]
fn that_he_is_more_than_nodes_know_is_told_at_once() {
    let mut sim = restless();
    sim.put(is(A, 1, 1, Away));
    sim.pass(10_000);
    sim.heard();
    for status in [DoNotDisturb, Online] {
        sim.pass(100);
        sim.put(is(A, 1, 1, status));
        assert_eq!(sim.heard(), [(sim.now, 1, status)]);
    }
}

#[test]
fn what_he_decides_is_told_at_once_and_makes_nobody_wait() {
    let mut sim = restless();
    let facts = |status| Facts { preference: preference(status).preference, ..text("x") };
    for status in [DoNotDisturb, Away, Offline, Away, DoNotDisturb, Away, Online] {
        sim.pass(100);
        sim.decide(1, facts(status));
        assert_eq!(sim.heard(), [(sim.now, 1, status)]);
    }
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(here(A, 1));
    for n in 0..20 {
        sim.decide(1, text(&n.to_string()));
        sim.pass(1_000);
    }
    assert_eq!(sim.heard().len(), 21);
    sim.put(is(A, 1, 1, Away));
    assert_eq!(sim.heard(), [(sim.now, 1, Away)]);
}

#[test]
fn a_decision_tells_what_was_held_with_it() {
    let mut sim = restless();
    sim.put(is(A, 1, 1, Away));
    sim.decide(1, text("lunch"));
    let told: Vec<_> =
        sim.told.drain(..).map(|(_, entry)| (entry.status, entry.custom_status)).collect();
    assert_eq!(told, [(Away, Some("lunch".to_owned()))]);
    sim.pass(10_000);
    assert_eq!(sim.heard(), []);
}

#[test]
fn whoever_has_read_what_was_held_hears_that_he_is_again_what_he_was() {
    let mut sim = restless();
    let last = sim.now - 300;
    sim.put(is(A, 1, 1, Away));
    sim.put(is(A, 1, 1, Online));
    assert_eq!(sim.heard(), []);
    sim.pass(20_000);
    assert_eq!(sim.heard(), [(last + 5_000, 1, Online)]);
}

fn with_text(status: Status) -> Command {
    let Command::Device(changed) = is(A, 1, 1, status) else { unreachable!() };
    Command::Device(Changed { text_follows: true, ..changed })
}

#[test]
fn what_he_is_and_what_he_says_with_it_is_one_thing_to_others() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(here(A, 1));
    sim.decide(1, text("lunch"));
    sim.heard();
    for (status, says) in [(Away, "sleep"), (DoNotDisturb, "focus"), (Online, "hello")] {
        sim.put(with_text(status));
        assert_eq!(sim.board[&user(1)].status, status, "for whoever reads");
        sim.pass(100);
        sim.decide(1, text(says));
        let told: Vec<_> =
            sim.told.drain(..).map(|(_, entry)| (entry.status, entry.custom_status)).collect();
        assert_eq!(told, [(status, Some(says.to_owned()))]);
        sim.pass(5_000);
    }
    assert_eq!(sim.heard(), []);
    // It was refused, or said nothing new.
    let said = sim.now;
    sim.put(with_text(Away));
    sim.pass(5_000);
    assert_eq!(sim.heard(), [(said + 500, 1, Away)]);
}
