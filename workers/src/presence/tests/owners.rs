//! Owners of a partition change, with and without a board.

use super::*;
use Status::{Away, Offline, Online};

fn three() -> Sim {
    let mut sim = Sim::new();
    sim.batch(vec![here(A, 1), here(B, 2), is(A, 3, 3, Away)]);
    sim.beats = vec![(A, 2), (B, 1)];
    sim.pass(10_000);
    sim.heard();
    sim
}

fn answers(sim: &mut Sim) {
    let ticket = sim.ticket;
    sim.put(snapshot(A, ticket, vec![device(1, 1, Online)], false));
    sim.put(snapshot(A, ticket, vec![device(3, 3, Away)], true));
    sim.put(snapshot(B, ticket, vec![device(2, 2, Online)], true));
}

#[test]
fn a_new_owner_tells_nothing_that_was_told() {
    let mut sim = three();
    sim.take_over(sim.log.len());
    answers(&mut sim);
    sim.pass(100_000);
    assert_eq!((sim.heard(), sim.rows.len()), (vec![], 3));
    assert_eq!((sim.state.counts().users, sim.state.counts().devices), (3, 3));
}

#[test]
fn without_a_board_a_new_owner_tells_what_is() {
    let mut sim = three();
    sim.board.clear();
    sim.take_over(sim.log.len());
    answers(&mut sim);
    sim.pass(100_000);
    let told: Vec<_> = sim.heard().into_iter().map(|(_, user, status)| (user, status)).collect();
    assert_eq!(told, [(1, Online), (3, Away), (2, Online)]);
}

#[test]
fn whom_no_node_claims_is_gone() {
    let mut sim = three();
    let began = sim.now;
    // Two owners later nobody has node A any more.
    sim.beats = vec![(B, 1)];
    sim.take_over(sim.log.len());
    sim.put(snapshot(B, sim.ticket, vec![device(2, 2, Online)], true));
    sim.pass(100_000);
    let mut told = sim.heard();
    told.sort_unstable_by_key(|(_, user, _)| *user);
    assert_eq!(told, [(began + 20_000, 1, Offline), (began + 20_000, 3, Offline)]);
}

#[test]
fn a_device_that_ends_while_nodes_are_asked_does_not_end_the_others() {
    let mut sim = Sim::new();
    sim.batch(vec![is(A, 1, 1, Online), is(B, 1, 2, Online)]);
    sim.heard();
    sim.beats = vec![(A, 0), (B, 1)];
    sim.take_over(sim.log.len());
    // Told again from before, then ended; the other node has yet to answer.
    sim.put(is(A, 1, 1, Away));
    sim.put(is(A, 1, 1, Offline));
    sim.pass(15_000);
    assert_eq!(sim.heard(), []);
    sim.put(snapshot(B, sim.ticket, vec![device(1, 2, Online)], true));
    sim.put(snapshot(A, sim.ticket, vec![], true));
    sim.pass(60_000);
    assert_eq!(sim.heard(), []);
}

#[test]
fn records_read_again_tell_nothing_twice_but_what_may_not_have_been_told() {
    let mut sim = three();
    let from = sim.log.len();
    sim.put(here(B, 4));
    assert_eq!(sim.heard().len(), 1);
    // The owner died behind the board and before the push, for all that the next one knows.
    sim.take_over(from);
    let told: Vec<_> = sim.heard().into_iter().map(|(_, user, status)| (user, status)).collect();
    assert_eq!(told, [(4, Online)]);
    answers(&mut sim);
    sim.put(snapshot(B, sim.ticket, vec![device(2, 2, Online), device(4, 4, Online)], true));
    sim.beats = vec![(A, 2), (B, 2)];
    sim.pass(100_000);
    assert_eq!(sim.heard(), []);
}

#[test]
fn records_read_again_from_long_before_end_as_they_did() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.put(here(B, 2));
    sim.put(gone(A, 1));
    sim.beats = vec![(A, 0), (B, 1)];
    sim.pass(60_000);
    let before = sim.board.clone();
    sim.heard();
    sim.take_over(1);
    sim.put(snapshot(A, sim.ticket, vec![], true));
    sim.put(snapshot(B, sim.ticket, vec![device(2, 2, Online)], true));
    sim.pass(60_000);
    for (id, entry) in before {
        assert_eq!(sim.board[&id].status, entry.status, "{id}");
    }
}

#[test]
fn an_owner_that_comes_late_does_not_take_an_old_record_for_the_present() {
    let mut sim = three();
    let from = sim.log.len();
    // Nobody owns it for two minutes; nodes go on telling that they live.
    for beats in 0..24_i64 {
        let at = sim.now + beats * 5_000;
        sim.log.push((at, beat(A, 2)));
        sim.log.push((at, beat(B, 1)));
    }
    sim.now += 120_000;
    sim.take_over(from);
    answers(&mut sim);
    sim.pass(100_000);
    assert_eq!(sim.heard(), []);
}

/// Told since the last look: whether it says that he hides from now on.
fn hiding(sim: &mut Sim) -> Vec<bool> {
    sim.told.drain(..).filter(|(_, entry)| !entry.online).map(|(_, entry)| entry.hides).collect()
}

#[test]
fn that_he_hides_is_told_again_of_who_decided_it_and_of_nobody_who_came_or_went() {
    let hidden = || {
        let privacy = Privacy { online: false, ..Privacy::default() };
        Facts { preference: Preference::default(), privacy }
    };
    // He has hidden for long.
    let mut sim = three();
    sim.facts.insert(user(4), hidden());
    let from = sim.log.len();
    sim.put(here(B, 4));
    sim.heard();
    sim.take_over(from);
    assert_eq!(hiding(&mut sim), [false], "he came");

    // He decided it in what is read again, be it in the first batch of that or in a later one.
    for before in [0, 1] {
        let mut sim = three();
        let from = sim.log.len();
        for _ in 0..before {
            sim.put(beat(B, 1));
        }
        sim.decide(2, hidden());
        assert_eq!(hiding(&mut sim), [true]);
        sim.take_over(from);
        assert_eq!(hiding(&mut sim).last(), Some(&true), "{before}");
        // Not what he decides from then on.
        sim.decide(2, Facts { preference: preference(Away).preference, ..hidden() });
        assert_eq!(hiding(&mut sim), [false]);
    }
}

#[test]
fn two_owners_of_a_moment_tell_the_same_and_the_newer_stands() {
    let mut sim = three();
    let fresh = State::open(stamp(0), Timestamp(0), TICKET, Vec::new());
    let mut old = std::mem::replace(&mut sim.state, fresh);
    sim.take_over(sim.log.len());
    answers(&mut sim);
    sim.heard();
    let mut told = Vec::new();
    let from = sim.log.len();
    for command in [is(A, 1, 1, Away), gone(B, 2), here(A, 4), beat(B, 0)] {
        sim.put(command);
    }
    // What the board says stands until every node has had its time to answer.
    sim.beats = vec![(A, 3)];
    sim.pass(30_000);
    // The one before has not heard that it is none any more, and reads the same.
    for (offset, (at, command)) in sim.log.clone().into_iter().enumerate().skip(from) {
        old.apply(Timestamp(at), command);
        for id in old.unknown() {
            let privacy = Privacy::default();
            old.learn(id, Facts { preference: Preference::default(), privacy });
        }
        told.extend(old.settle(stamp(offset)).pushes);
    }
    assert_eq!(sim.heard().len(), told.len());
    for entry in told {
        let now = &sim.board[&entry.user_id];
        assert_eq!(now.status, entry.status, "{:?}", entry.user_id);
        assert!(now.version >= entry.version);
    }
}
