//! What users decide: statuses, texts, who may see.

use schemas::user::head::Audience;

use super::*;
use Status::{Away, DoNotDisturb, Offline, Online};

fn says(text: &str, until: Option<i64>) -> Facts {
    let preference = Preference {
        status: None,
        custom_status: Some(text.to_owned()),
        custom_until: until.map(Timestamp),
    };
    Facts { preference, privacy: Privacy::default() }
}

fn statuses(sim: &mut Sim) -> Vec<Status> {
    sim.heard().into_iter().map(|(_, _, status)| status).collect()
}

#[test]
fn what_a_user_has_decided_stands_above_his_devices() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(here(A, 1));
    sim.decide(1, preference(DoNotDisturb));
    sim.put(is(A, 1, 1, Away));
    sim.put(is(A, 1, 1, Online));
    sim.decide(1, preference(Online));
    assert_eq!(statuses(&mut sim), [Online, DoNotDisturb, Online]);
}

#[test]
fn who_decides_twice_before_it_is_read_is_said_again_as_a_node_may_have_read_the_first() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(here(A, 1));
    sim.decide(1, preference(DoNotDisturb));
    sim.told.clear();
    // Online in between.
    let at = sim.board[&user(1)].at;
    sim.now += 100;
    for shown in [true, true, false] {
        sim.put(Command::Decided(Decided { user_id: user(1), shown }));
    }
    let again: Vec<_> = sim.again.iter().map(|entry| entry.status).collect();
    assert_eq!((again, sim.told.len()), (vec![DoNotDisturb, DoNotDisturb], 0));
    assert_eq!(sim.board[&user(1)].version, sim.again[1].version, "newer than what was read");
    assert!(sim.notes.iter().all(|entry| !entry.again));
    assert_eq!(sim.board[&user(1)].at, at, "nobody sees when");
    sim.decide(1, preference(Online));
    assert_eq!((statuses(&mut sim), sim.again.len()), (vec![Online], 2));
}

#[test]
fn a_board_says_what_he_would_be_without_his_decision_and_nodes_are_not_told() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(here(A, 1));
    let on_board = |sim: &Sim| (sim.board[&user(1)].status, sim.board[&user(1)].otherwise);
    assert_eq!(on_board(&sim), (Online, None));
    sim.decide(1, preference(DoNotDisturb));
    assert_eq!(on_board(&sim), (DoNotDisturb, Some(Online)));
    sim.put(is(A, 1, 1, Away));
    assert_eq!(on_board(&sim), (DoNotDisturb, Some(Away)));
    sim.put(is(A, 1, 1, DoNotDisturb));
    assert_eq!(on_board(&sim), (DoNotDisturb, None));
    sim.put(is(A, 1, 1, Away));
    sim.decide(1, preference(Offline));
    assert_eq!(on_board(&sim), (Offline, Some(Away)));
    assert!(sim.told.iter().all(|(_, entry)| entry.otherwise.is_none()));
    assert_eq!(statuses(&mut sim), [Online, DoNotDisturb, Offline]);
    // An owner who has yet to hear of his device knows it from the board.
    sim.facts.insert(user(1), preference(Online));
    sim.take_over(sim.log.len());
    assert_eq!(statuses(&mut sim), [Away]);
}

#[test]
fn who_hides_is_offline_since_then_and_nothing_that_he_does_is_seen() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(here(A, 1));
    sim.pass(10_000);
    sim.decide(1, preference(Offline));
    let hid = sim.now;
    sim.heard();
    sim.pass(60_000);
    sim.put(is(A, 1, 1, Away));
    sim.put(gone(A, 1));
    sim.beats = vec![(A, 0)];
    sim.pass(60_000);
    sim.put(here(A, 1));
    sim.beats = vec![(A, 1)];
    sim.pass(10_000);
    assert_eq!(sim.heard(), []);
    let entry = &sim.board[&user(1)];
    assert_eq!((entry.last_seen_at, entry.since), (Some(Timestamp(hid)), Timestamp(hid)));
    assert_eq!(entry.devices.len(), 1, "he sees his own");
    assert_eq!(sim.rows.last().map(|row| row.at), Some(Timestamp(hid)));
    sim.decide(1, preference(Online));
    assert_eq!(statuses(&mut sim), [Online]);
}

#[test]
fn who_comes_hidden_shows_when_he_was_here_before() {
    let mut sim = Sim::new();
    sim.facts.insert(user(1), preference(Offline));
    sim.rows.push(LastSeen { user: user(1), at: Timestamp(77), version: 1 });
    sim.put(here(A, 1));
    let entry = &sim.board[&user(1)];
    assert_eq!((entry.status, entry.last_seen_at), (Offline, Some(Timestamp(77))));
    assert_eq!(entry.since, Timestamp(77));
}

#[test]
fn a_custom_status_ends_by_itself() {
    let mut sim = Sim::new();
    sim.beats = vec![(A, 1)];
    sim.put(here(A, 1));
    sim.heard();
    let until = sim.now + 3_600_000;
    sim.decide(1, says("lunch", Some(until)));
    sim.decide(1, says("lunch", Some(until)));
    assert_eq!(sim.heard().len(), 1);
    sim.pass(4_000_000);
    let told = std::mem::take(&mut sim.told);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].0, &told[0].1.custom_status), (until, &None));
}

#[test]
fn what_one_who_is_not_here_decides_is_told_too() {
    let mut sim = Sim::new();
    sim.rows.push(LastSeen { user: user(1), at: Timestamp(77), version: 1 });
    sim.decide(1, says("on holiday", None));
    let told = std::mem::take(&mut sim.told);
    assert_eq!(told.len(), 1);
    let entry = &told[0].1;
    assert_eq!((entry.status, entry.last_seen_at), (Offline, Some(Timestamp(77))));
    assert_eq!(entry.custom_status.as_deref(), Some("on holiday"));
    sim.pass(300_000);
    assert!(sim.state.users.is_empty());
    assert_eq!(sim.rows.len(), 1, "he was not here");
}

#[test]
fn what_others_may_see_is_told_when_it_changes() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.heard();
    let privacy = Privacy { online: false, last_seen: Audience::Contacts, ..Privacy::default() };
    sim.decide(1, Facts { preference: Preference::default(), privacy });
    let told = std::mem::take(&mut sim.told);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].1.online, told[0].1.last_seen), (false, Audience::Contacts));
}

#[test]
fn that_he_hides_from_now_on_is_said_once_and_not_on_the_board() {
    let mut sim = Sim::new();
    sim.put(here(A, 1));
    sim.heard();
    let facts = |online| {
        let privacy = Privacy { online, ..Privacy::default() };
        Facts { preference: Preference::default(), privacy }
    };
    sim.decide(1, facts(false));
    sim.decide(1, Facts { preference: preference(Away).preference, ..facts(false) });
    sim.decide(1, facts(true));
    let told: Vec<_> = sim.told.iter().map(|(_, entry)| (entry.online, entry.hides)).collect();
    assert_eq!(told, [(false, true), (false, false), (true, false)]);
    assert!(
        sim.state.users.values().all(|user| user.published.as_ref().is_some_and(|of| !of.hides))
    );
}

#[test]
fn hiding_is_told_at_once_to_whoever_saw_all_changes_before() {
    let hidden = Privacy { online: false, ..Privacy::default() };
    let hidden = Facts { preference: Preference::default(), privacy: hidden };
    for hides in [preference(Offline), hidden] {
        let mut sim = Sim::new();
        sim.beats = vec![(A, 1)];
        for n in 0..20 {
            sim.put(is(A, 1, 1, if n % 2 == 0 { Online } else { DoNotDisturb }));
            sim.pass(20);
        }
        sim.heard();
        let now = sim.now;
        sim.decide(1, hides);
        let (at, entry) = sim.told.pop().unwrap();
        assert_eq!((at, entry.status.is_here() && entry.online), (now, false));
    }
}

#[test]
fn an_account_that_is_gone_shows_nothing() {
    let facts = Facts::of(None);
    assert!(!facts.privacy.online && facts.privacy.last_seen == Audience::Nobody);
}
