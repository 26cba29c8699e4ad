//! What an owner makes of records about users of whom he knows only what the board says, or not even that.

use super::*;
use Status::{Away, DoNotDisturb, Offline, Online};

fn silent(node: InstanceId, n: u128, heard: i64) -> Command {
    let Command::Device(changed) = gone(node, n) else { unreachable!() };
    Command::Device(Changed { heard: Some(Timestamp(heard)), clean: false, ..changed })
}

#[test]
fn a_silent_socket_ends_its_user_within_a_minute_though_the_owner_changed() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.beats = vec![(A, 1)];
    let heard = sim.now;
    sim.pass(45_000);
    sim.heard();
    sim.take_over(sim.log.len());
    sim.pass(5_000);
    sim.put(silent(A, 1, heard));
    sim.beats = vec![(A, 0)];
    sim.pass(60_000);
    assert_eq!(sim.heard(), [(heard + 55_000, 1, Offline)]);
    assert_eq!(sim.board[&user(1)].last_seen_at, Some(Timestamp(heard)));
}

#[test]
fn what_gets_worse_is_told_as_soon_as_all_devices_of_the_board_are_named() {
    let mut sim = Sim::new();
    sim.batch(vec![
        here(A, 1),
        is(A, 2, 2, DoNotDisturb),
        is(A, 3, 31, Online),
        is(B, 3, 32, Away),
    ]);
    sim.beats = vec![(A, 3), (B, 1)];
    sim.pass(10_000);
    sim.heard();
    sim.take_over(sim.log.len());
    let now = sim.now;
    sim.batch(vec![is(A, 1, 1, Away), is(A, 2, 2, Online), is(A, 3, 31, Away)]);
    // The third may be active elsewhere, as far as is known.
    assert_eq!(sim.heard(), [(now, 1, Away), (now, 2, Online)]);
    sim.put(snapshot(B, sim.ticket, vec![device(3, 32, Away)], true));
    assert_eq!(sim.heard(), [(now, 3, Away)]);
}

#[test]
fn who_goes_while_an_owner_knows_nothing_of_him_is_told_of_if_no_node_has_him() {
    let mut sim = Sim::new();
    sim.batch(vec![here(A, 1), here(A, 2), is(B, 2, 22, Online)]);
    sim.beats = vec![(A, 2), (B, 1)];
    sim.pass(10_000);
    sim.heard();
    // The board began anew, and its owner is another before he wrote it.
    sim.board.clear();
    sim.take_over(sim.log.len());
    let went = sim.now;
    sim.batch(vec![gone(A, 1), gone(A, 2)]);
    sim.beats = vec![(A, 0), (B, 1)];
    sim.put(snapshot(A, sim.ticket, vec![], true));
    sim.put(snapshot(B, sim.ticket, vec![device(2, 22, Online)], true));
    sim.pass(60_000);
    assert_eq!(sim.heard(), [(went, 2, Online), (went + 20_000, 1, Offline)]);
    let row = sim.rows.iter().rev().find(|row| row.user == user(1));
    assert_eq!(row.map(|row| row.at), Some(Timestamp(went)));
}

#[test]
fn an_old_board_does_not_move_the_row_of_who_went_long_ago() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    let came = sim.now;
    sim.beats = vec![(A, 1)];
    sim.pass(100_000);
    let old = sim.board.clone();
    sim.beats = vec![(A, 0)];
    let went = sim.now;
    sim.put(gone(A, 1));
    sim.pass(3_600_000);
    sim.heard();
    assert!(sim.state.users.is_empty());
    // The board comes back as it was.
    sim.board = old;
    sim.take_over(sim.log.len());
    sim.pass(60_000);
    assert_eq!(sim.heard().len(), 1);
    let entry = &sim.board[&user(1)];
    assert_eq!((entry.status, entry.last_seen_at), (Offline, Some(Timestamp(went))));
    assert!(sim.rows.iter().all(|row| [came, went].contains(&row.at.0)), "{:?}", sim.rows);
}

#[test]
fn a_visit_within_one_batch_leaves_when_it_was() {
    let mut sim = Sim::new();
    sim.rows.push(LastSeen { user: user(2), at: Timestamp(77), version: 1 });
    sim.facts.insert(user(3), preference(Offline));
    // The pool was away: its records come all at once.
    let visit = |sim: &mut Sim| {
        let came = sim.now;
        let come = [here(A, 1), here(A, 2), here(A, 3)];
        for command in come.into_iter().chain((1..=3).map(|n| gone(A, n))) {
            sim.state.apply(Timestamp(sim.now), command);
        }
        sim.now += 60_000;
        sim.put(beat(A, 0));
        came
    };
    let first = visit(&mut sim);
    // One who hides was here, too, which nobody learns.
    sim.decide(2, preference(Offline));
    assert_eq!(sim.heard().len(), 2);
    let second = visit(&mut sim);
    assert_eq!(sim.heard(), [(sim.now, 1, Offline)]);
    let rows = |n| sim.rows.iter().filter(move |row| row.user == user(n)).map(|row| row.at.0);
    assert_eq!(rows(1).collect::<Vec<_>>(), [first, second]);
    assert_eq!(rows(2).collect::<Vec<_>>(), [77, first]);
    assert_eq!(rows(3).count(), 0);
}

#[test]
fn an_hour_between_the_clocks_of_a_node_and_of_the_log_changes_nothing() {
    for skew in [-3_600_000, 0, 3_600_000] {
        let mut sim = Sim::new();
        sim.put(here(A, 1));
        sim.beats = vec![(A, 1)];
        let heard = sim.now;
        sim.pass(50_000);
        sim.heard();
        let told = silent(A, 1, heard + skew);
        let (said, at) = (Timestamp(sim.now + skew), Timestamp(sim.now));
        sim.put(crate::presence::in_log_time(told, said, at));
        sim.beats = vec![(A, 0)];
        sim.pass(60_000);
        assert_eq!(sim.heard(), [(heard + 55_000, 1, Offline)], "{skew}");
        assert_eq!(sim.rows.last().map(|row| row.at), Some(Timestamp(heard)), "{skew}");
    }
}
