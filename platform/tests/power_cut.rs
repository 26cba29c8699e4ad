//! Power cuts, seed by seed (G-02). A failing seed is printed: run it alone to see it again.

use platform::testing::power_cut::{journal_survives, store_survives};
use tempfile::TempDir;

const SEEDS: u64 = 500;

/// Runs each seed on one of two threads; stops at the first that fails, and names it.
fn each_seed(run: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for half in 0..2 {
            let run = &run;
            scope.spawn(move || {
                for seed in (half..SEEDS).step_by(2) {
                    let told = Told(seed);
                    run(seed);
                    std::mem::forget(told);
                }
            });
        }
    });
}

/// Names its seed when it is dropped, which only a panic does.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("failing seed: {}", self.0);
    }
}

#[test]
fn no_cut_takes_an_acknowledged_record_from_the_journal() {
    each_seed(|seed| {
        journal_survives(seed);
    });
}

#[test]
fn every_cut_leaves_the_store_with_a_prefix_of_its_writes() {
    each_seed(|seed| {
        let dir = TempDir::new().expect("a temporary directory");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(store_survives(seed, dir.path()));
    });
}
