//! The checker against systems whose defects are known: it must catch every planted bug and pass
//! the clean system, at several seeds. A checker that has not proves nothing (GUARANTEES, hygiene).

mod model;

use std::sync::Arc;

use bench::checker::{Guarantee, Needs, Report, State, judge};
use bench::history::{Entry, Recorder, read, write};
use bench::workload::{Plan, run};
use model::{Bug, Crash, Model};

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
