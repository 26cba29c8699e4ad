//! The checker against systems whose defects are known: it must catch every planted bug and pass
//! the clean system, at several seeds. A checker that has not proves nothing (GUARANTEES, hygiene).

mod faults;
mod model;
mod people;
mod stock;
mod tiers;

use std::sync::Arc;

use bench::checker::{Guarantee, Needs, Report, State, judge};
use bench::history::{Entry, Recorder, read, write};
use bench::workload::{Plan, run};
use model::{Bug, Crash, Model};
use platform::memory;
use tiers::{Planted, Tiers, Torment};

const SEEDS: [u64; 3] = [1, 20_261, 0xdead_beef];

async fn history(bug: Option<Bug>, seed: u64) -> Vec<Entry> {
    let recorder = Arc::new(Recorder::default());
    let model = Arc::new(Model::new(bug));
    let nemesis = Crash(model.clone());
    run(model, &Plan::small(seed), nemesis, recorder.clone()).await.expect("the model serves");
    recorder.take()
}

async fn report(bug: Option<Bug>, seed: u64) -> Report {
    judge(&history(bug, seed).await, &Needs::default())
}

#[tokio::test(start_paused = true)]
async fn the_clean_model_passes() {
    for seed in SEEDS {
        let report = report(None, seed).await;
        assert_eq!(report.state, State::Pass, "seed {seed}\n{}", report.table());
        say(&format!("seed {seed}\n{}", report.table()));
    }
}

#[tokio::test(start_paused = true)]
async fn every_bug_planted_in_the_model_is_caught_where_it_belongs() {
    for bug in Bug::ALL {
        for seed in SEEDS {
            let report = report(Some(bug), seed).await;
            let broken: Vec<Guarantee> = report.anomalies().iter().map(|(g, ..)| *g).collect();
            say(&format!("{bug:?} seed {seed}: {:?}", report.anomalies()));
            assert!(
                broken.contains(&bug.breaks()),
                "{bug:?} at seed {seed} was not caught\n{}",
                report.table()
            );
        }
    }
}

async fn used(bug: Option<people::Bug>, seed: u64) -> Report {
    let recorder = Arc::new(Recorder::default());
    let people = Arc::new(people::People::new(bug));
    let nemesis = people::Crash(people.clone());
    let plan = Plan { sends: 800, ..Plan::people(seed) };
    run(people, &plan, nemesis, recorder.clone()).await.expect("the model serves");
    let checks = [
        (Guarantee::GapFreeResume, 100),
        (Guarantee::ExactUnread, 100),
        (Guarantee::RemovalIsAWall, 5),
        (Guarantee::DeletedIsGone, 100),
    ];
    let checks = checks.into_iter().collect();
    judge(&recorder.take(), &Needs { checks, ..Needs::default() })
}

#[tokio::test(start_paused = true)]
async fn the_clean_conversations_of_people_pass() {
    for seed in SEEDS {
        let report = used(None, seed).await;
        say(&format!("seed {seed}\n{}", report.table()));
        assert_eq!(report.state, State::Pass, "seed {seed}\n{}", report.table());
    }
}

#[tokio::test(start_paused = true)]
async fn every_bug_planted_in_the_conversations_of_people_is_caught_where_it_belongs() {
    for bug in people::Bug::ALL {
        for seed in &SEEDS[..2] {
            let report = used(Some(bug), *seed).await;
            let broken: Vec<Guarantee> = report.anomalies().iter().map(|(g, ..)| *g).collect();
            say(&format!("{bug:?} seed {seed}: {:?}", report.anomalies()));
            assert!(
                broken.contains(&bug.breaks()),
                "{bug:?} at seed {seed} was not caught\n{}",
                report.table()
            );
        }
    }
}

async fn tiers(planted: Planted, evictions: bool, seed: u64) -> (Report, u64) {
    let recorder = Arc::new(Recorder::default());
    let tiers = Tiers::start(planted, evictions, seed).await;
    let plan = Plan { faults: if evictions { 9 } else { 4 }, ..Plan::small(seed) };
    run(tiers.clone(), &plan, Torment(tiers.clone(), 0), recorder.clone())
        .await
        .expect("the tiers serve");
    tiers.end().await;
    (judge(&recorder.take(), &Needs::default()), tiers.fired())
}

#[tokio::test(start_paused = true)]
async fn the_clean_tiers_pass() {
    for (seed, evictions) in [(SEEDS[0], true), (SEEDS[1], false)] {
        let (report, _) = tiers(None, evictions, seed).await;
        say(&format!("seed {seed}, evictions {evictions}\n{}", report.table()));
        assert_eq!(report.state, State::Pass, "seed {seed}\n{}", report.table());
    }
}

#[tokio::test(start_paused = true)]
async fn every_bug_planted_under_the_tiers_is_caught() {
    let caught_bugs = memory::Bug::ALL.into_iter().filter(|bug| !HARMLESS.contains(bug));
    assert!(caught_bugs.clone().count() >= 8);
    for bug in caught_bugs {
        let mut caught = false;
        // The next append that is synced mends what is not: with one in twenty few crashes find any, and less
        // than half of all seeds catch it; with one in four nearly all do.
        let often = if bug == memory::Bug::AckBeforeSync { 4 } else { 20 };
        // A bug that struck where it does no harm gets another chance.
        for seed in SEEDS.into_iter().chain(2..8) {
            let (report, fired) = tiers(Some((bug, often)), false, seed).await;
            say(&format!("{bug:?} seed {seed}, struck {fired} times: {:?}", report.anomalies()));
            caught = fired > 0 && !report.anomalies().is_empty();
            if caught {
                break;
            }
        }
        assert!(caught, "{bug:?} was not caught");
    }
}

/// Bugs that clients can not see, by design. A lost append is never acknowledged: the reply of the
/// fold is the acknowledgement, and there is none. An owner that goes on after its eviction decides
/// the same bytes again, and the rows that it writes are told apart in the tests of `workers`.
const HARMLESS: [memory::Bug; 2] = [memory::Bug::SkipCommit, memory::Bug::ZombieWrites];

#[tokio::test(start_paused = true)]
async fn what_the_design_makes_harmless_is_harmless() {
    for bug in HARMLESS {
        let evictions = bug == memory::Bug::ZombieWrites;
        let (report, fired) = tiers(Some((bug, 20)), evictions, SEEDS[0]).await;
        assert!(fired > 0, "{bug:?}");
        assert_eq!(report.anomalies(), [], "{bug:?}\n{}", report.table());
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_history_is_judged_the_same() {
    let history = history(Some(Bug::LostRow), 3).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    write(&path, &history).unwrap();
    let again = read(&path).unwrap();
    assert_eq!(again, history);
    assert_eq!(judge(&again, &Needs::default()), judge(&history, &Needs::default()));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_proves_little_is_void() {
    let history = history(None, 5).await;
    let needs = |faults| Needs { faults, ..Needs::default() };
    assert_eq!(judge(&history, &needs(4)).state, State::Pass);
    assert_eq!(judge(&history, &needs(5)).state, State::Void);
    let checks = [(Guarantee::PersistBeforePush, 1_000_000)].into_iter().collect();
    assert_eq!(judge(&history, &Needs { checks, ..Needs::default() }).state, State::Void);
    assert_eq!(judge(&[], &Needs::default()).state, State::Void);
}

#[expect(clippy::print_stdout, reason = "what was caught, for --nocapture")]
fn say(text: &str) {
    println!("{text}");
}
