//! Power cuts, seed by seed (G-02). A failing seed is printed: run it alone to see it again.

use std::path::Path;

use platform::testing::power_cut::{folder_survives, journal_survives, store_survives};
use tempfile::TempDir;

const SEEDS: u64 = 500;

/// Runs each seed on one of two threads; stops at the first that fails, and names it.
fn each_seed(seeds: u64, run: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for half in 0..2 {
            let run = &run;
            scope.spawn(move || {
                for seed in (half..seeds).step_by(2) {
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

/// In memory where there is such a folder: what a cut leaves is made by copying, not by the disk.
fn temp() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    dir.expect("a temporary directory")
}

#[test]
fn no_cut_takes_an_acknowledged_record_from_the_journal() {
    each_seed(SEEDS, |seed| {
        journal_survives(seed);
    });
}

#[test]
fn every_cut_leaves_the_store_with_a_prefix_of_its_writes() {
    each_seed(SEEDS, |seed| {
        let dir = temp();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(store_survives(seed, dir.path()));
    });
}

#[test]
fn every_cut_leaves_a_folder_that_loses_nothing_acknowledged() {
    each_seed(SEEDS / 4, |seed| {
        let dir = temp();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(folder_survives(seed, dir.path()));
    });
}
