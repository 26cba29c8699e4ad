//! When somebody last did something, and when he was last here as his row has it.

use super::*;
use Status::{Away, DoNotDisturb, Offline, Online};

/// A device of the first user that was active until now.
fn active(sim: &Sim, socket: u128) -> Command {
    let Command::Device(changed) = is(A, 1, socket, Online) else { unreachable!() };
    let device = Device { last_active: Timestamp(sim.now), ..changed.device };
    Command::Device(Changed { device, ..changed })
}

fn rows(sim: &Sim) -> Vec<i64> {
    sim.rows.iter().map(|row| row.at.0).collect()
}

#[test]
fn what_he_does_moves_the_board_and_his_row_and_is_told_to_no_node() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(active(&sim, 1));
    let mut times = vec![sim.now];
    for _ in 0..3 {
        sim.pass(60_000);
        sim.put(active(&sim, 1));
        times.push(sim.now);
        let entry = &sim.board[&user(1)];
        assert_eq!(entry.last_seen_at, Some(Timestamp(sim.now)));
        assert_eq!(entry.devices[0].last_active, Timestamp(sim.now));
    }
    assert_eq!((sim.heard().len(), rows(&sim)), (1, times));
    // Said again, as a node says it that is asked: it costs nothing.
    let notes = sim.notes.len();
    sim.pass(1_000);
    sim.put(active(&sim, 1));
    assert_eq!((sim.notes.len(), sim.rows.len()), (notes, 4));
}

#[test]
fn one_who_changes_all_the_time_has_a_row_that_follows() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    for n in 0..20 {
        let Command::Device(changed) = active(&sim, 1) else { unreachable!() };
        let status = if n % 2 == 0 { Online } else { DoNotDisturb };
        let device = Device { status, ..changed.device };
        sim.put(Command::Device(Changed { device, ..changed }));
        let row = sim.rows.last().map(|row| row.at.0);
        assert!(row.is_some_and(|at| sim.now - at < 40_000), "{row:?}");
        sim.pass(10_000);
    }
}

#[test]
fn the_end_of_another_device_does_not_move_it_back() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 2)];
    sim.put(active(&sim, 1));
    sim.pass(100_000);
    sim.put(active(&sim, 2));
    let last = sim.now;
    sim.pass(5_000);
    sim.beats = vec![(A, 1)];
    sim.put(is(A, 1, 2, Offline));
    sim.pass(5_000);
    let entry = &sim.board[&user(1)];
    assert_eq!((entry.status, entry.last_seen_at), (Online, Some(Timestamp(last))));
}

#[test]
fn a_node_that_stops_leaves_when_its_users_were_last_here() {
    let mut sim = Sim::new();
    sim.facts.insert(user(3), preference(Offline));
    sim.batch(vec![here(A, 1), here(A, 2), here(B, 2), here(A, 3), here(A, 4)]);
    sim.decide(4, preference(Away));
    sim.beats = vec![(A, 4), (B, 1)];
    sim.pass(100_000);
    sim.heard();
    let (before, left) = (sim.rows.len(), sim.now);
    sim.beats = vec![(B, 1)];
    sim.put(leave(A));
    let rows: Vec<_> = sim.rows[before..].iter().map(|row| (row.user, row.at.0)).collect();
    assert_eq!(rows, [(user(1), left), (user(4), left)]);
    assert_eq!(sim.heard(), [], "nobody hears of it yet");
    sim.pass(60_000);
    let told = sim.heard();
    assert_eq!(told, [(left + 20_000, 1, Offline), (left + 20_000, 4, Offline)]);
}

#[test]
fn an_hour_between_the_clocks_of_a_node_and_of_the_log_does_not_move_it() {
    for skew in [-3_600_000, 0, 3_600_000] {
        let mut sim = Sim::new();
        let Command::Device(changed) = active(&sim, 1) else { unreachable!() };
        let last_active = Timestamp(sim.now + skew - 700);
        let device = Device { last_active, ..changed.device.clone() };
        let said = [
            Command::Device(Changed { device: device.clone(), ..changed }),
            snapshot(A, sim.ticket, vec![device], true),
        ];
        for said in said {
            let now = Timestamp(sim.now);
            sim.put(crate::presence::in_log_time(said, Timestamp(sim.now + skew), now));
            assert_eq!(sim.board[&user(1)].last_seen_at, Some(Timestamp(sim.now - 700)), "{skew}");
        }
    }
}
