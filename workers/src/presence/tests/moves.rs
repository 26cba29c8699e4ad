//! Coming and going.

use super::*;
use Status::{Away, DoNotDisturb, Offline, Online};

#[test]
fn who_comes_is_told_at_once_and_who_goes_behind_the_grace() {
    let mut sim = Sim::new();
    let base = sim.now;
    sim.put(here(A, 1));
    assert_eq!(sim.heard(), [(base, 1, Online)]);
    sim.beats = vec![(A, 1)];
    sim.pass(10_000);
    sim.beats = vec![(A, 0)];
    sim.put(gone(A, 1));
    assert_eq!(sim.heard(), []);
    sim.pass(60_000);
    assert_eq!(sim.heard(), [(base + 15_000, 1, Offline)]);
    let entry = &sim.board[&user(1)];
    assert_eq!(entry.last_seen_at, Some(Timestamp(base + 10_000)));
    assert_eq!(entry.since, Timestamp(base + 15_000));
    // When he came, and when he was here last.
    let rows: Vec<i64> = sim.rows.iter().map(|row| row.at.0).collect();
    assert_eq!(rows, [base, base + 10_000]);
    assert_eq!(sim.asks, []);
}

#[test]
fn who_comes_back_in_time_was_never_gone() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.heard();
    sim.put(gone(A, 1));
    sim.pass(4_999);
    sim.put(here(B, 1));
    sim.beats = vec![(A, 0), (B, 1)];
    sim.pass(60_000);
    assert_eq!((sim.heard(), sim.damped), (vec![], 1));
    assert_eq!(sim.rows.len(), 1);
}

#[test]
fn who_is_away_is_told_once_and_who_is_active_again_too() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    for status in [Online, Online, Away, Away, Away, Online, DoNotDisturb] {
        sim.put(is(A, 1, 1, status));
        sim.pass(20_000);
    }
    let told: Vec<Status> = sim.heard().into_iter().map(|(_, _, status)| status).collect();
    assert_eq!(told, [Online, Away, Online, DoNotDisturb]);
    assert_eq!(sim.rows.len(), 1, "he was here all the time");
}

#[test]
fn the_most_active_of_several_devices_counts_and_the_last_one_to_end() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1), (B, 1)];
    sim.put(is(A, 1, 1, Away));
    sim.put(is(B, 1, 2, Online));
    sim.put(is(A, 1, 1, Online));
    sim.put(is(B, 1, 2, Away));
    assert_eq!(sim.board[&user(1)].devices.len(), 2);
    let told: Vec<Status> = sim.heard().into_iter().map(|(_, _, status)| status).collect();
    assert_eq!(told, [Away, Online]);
    sim.beats = vec![(A, 1), (B, 0)];
    sim.put(is(B, 1, 2, Offline));
    sim.pass(30_000);
    assert_eq!(sim.heard(), [], "another is still here");
    assert_eq!(sim.board[&user(1)].devices.len(), 1, "for himself");
}

#[test]
fn who_comes_and_goes_all_the_time_has_to_stay_away_longer() {
    let mut sim = Sim::new();
    for _ in 0..4 {
        sim.put(here(A, 1));
        sim.pass(2_000);
        sim.put(gone(A, 1));
        sim.pass(2_000);
    }
    let left = sim.now - 2_000;
    assert_eq!(sim.state.counts().flapping, 1);
    assert_eq!(sim.heard().len(), 1, "he came");
    sim.pass(25_000);
    assert_eq!(sim.heard(), []);
    sim.pass(60_000);
    assert_eq!(sim.heard(), [(left + 30_000, 1, Offline)]);
    assert_eq!((sim.damped, sim.state.counts().flapping), (3, 0));
}

#[test]
fn a_socket_that_fell_silent_ends_its_user_within_a_minute_even_if_he_flaps() {
    let mut sim = Sim::new();
    for _ in 0..4 {
        sim.put(gone(A, 1));
        sim.put(here(A, 1));
    }
    sim.beats = vec![(A, 1)];
    let heard = sim.now;
    sim.pass(50_000);
    sim.heard();
    for n in 0..8 {
        // Flapping on another node until just now.
        sim.put(is(B, 1, 9, if n % 2 == 0 { Online } else { Offline }));
    }
    let Command::Device(changed) = gone(A, 1) else { unreachable!() };
    sim.put(Command::Device(Changed { heard: Some(Timestamp(heard)), clean: false, ..changed }));
    sim.beats = vec![(A, 0), (B, 0)];
    sim.pass(60_000);
    assert_eq!(sim.heard(), [(heard + 58_000, 1, Offline)]);
    assert_eq!(sim.board[&user(1)].last_seen_at, Some(Timestamp(heard)));
}

#[test]
fn a_program_that_changes_all_the_time_is_told_of_every_few_seconds_and_the_last_stands() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    for n in 0..500 {
        sim.put(is(A, 1, 1, if n % 2 == 0 { Online } else { DoNotDisturb }));
        sim.pass(20);
    }
    sim.pass(10_000);
    let told = sim.heard();
    assert!(told.len() <= 10, "{}", told.len());
    assert_eq!(told.last().map(|(_, _, status)| *status), Some(DoNotDisturb));
}

#[test]
fn he_is_forgotten_some_time_behind_his_end() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.put(gone(A, 1));
    sim.pass(300_000);
    assert_eq!(sim.state.counts(), super::super::state::Counts::default());
    assert!(sim.state.users.is_empty() && sim.state.due().is_none());
}
