//! Nodes that live, die, leave, and say other things than are known.

use super::*;
use Status::{Offline, Online};

#[test]
fn a_node_that_is_not_heard_takes_its_users_with_it() {
    let mut sim = Sim::new();
    sim.batch((1..=3).map(|n| here(A, n)).chain([here(B, 3)]).collect());
    sim.heard();
    sim.beats = vec![(A, 3), (B, 1)];
    sim.pass(60_000);
    let died = sim.now;
    sim.beats = vec![(B, 1)];
    sim.pass(60_000);
    let mut told = sim.heard();
    told.sort_unstable_by_key(|(_, user, _)| *user);
    assert_eq!(told, [(died + 25_000, 1, Offline), (died + 25_000, 2, Offline)]);
    assert_eq!(sim.board[&user(1)].last_seen_at, Some(Timestamp(died)));
    assert_eq!(sim.state.counts().nodes, [B]);
}

#[test]
fn users_of_a_node_that_leaves_have_time_to_come_back() {
    let mut sim = Sim::new();
    sim.batch((1..=3).map(|n| here(A, n)).collect());
    sim.heard();
    let left = sim.now;
    sim.put(leave(A));
    sim.pass(15_000);
    sim.batch(vec![here(B, 1), here(B, 2)]);
    sim.beats = vec![(B, 2)];
    sim.pass(60_000);
    assert_eq!(sim.heard(), [(left + 20_000, 3, Offline)]);
    assert_eq!(sim.damped, 2);
}

#[test]
fn a_node_that_counts_otherwise_is_asked_once_and_its_answer_stands() {
    let mut sim = Sim::new();
    sim.batch(vec![here(A, 1), here(A, 2)]);
    sim.heard();
    sim.put(beat(A, 2));
    assert_eq!(sim.asks, []);
    for _ in 0..2 {
        sim.put(beat(A, 1));
    }
    assert_eq!(sim.asks, [A]);
    sim.put(snapshot(A, 7, vec![device(2, 2, Online)], false));
    sim.put(beat(A, 2));
    sim.put(here(A, 3));
    sim.put(snapshot(A, 7, vec![], true));
    sim.beats = vec![(A, 2)];
    let answered = sim.now;
    sim.pass(20_000);
    assert_eq!(sim.heard(), [(answered, 3, Online), (answered + 5_000, 1, Offline)]);
    assert_eq!(sim.asks, [A], "it counts as it should");
}

#[test]
fn a_node_that_does_not_answer_is_asked_again() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 5)];
    sim.pass(30_000);
    assert!((2..=4).contains(&sim.asks.len()), "{}", sim.asks.len());
}

#[test]
fn a_node_that_was_taken_for_dead_tells_what_it_has() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.heard();
    sim.pass(22_000);
    sim.put(beat(A, 1));
    assert_eq!(sim.asks, [A]);
    sim.put(snapshot(A, 8, vec![device(1, 1, Online)], true));
    sim.beats = vec![(A, 1)];
    sim.pass(60_000);
    assert_eq!(sim.heard(), [], "before anybody was told");
}

#[test]
fn a_pool_that_lags_takes_nobody_for_dead() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.heard();
    // A batch from a backlog: all heartbeats, each with its own time.
    for beats in 1..=20 {
        sim.state.apply(Timestamp(sim.now + beats * 5_000), beat(A, 1));
    }
    sim.now += 100_000;
    sim.put(beat(A, 1));
    assert_eq!(sim.heard(), []);
}
