//! The CQL store on a real cluster, found by `PARLANCE_TEST_CQL=host:port` (`deploy/engines env`).
//!
//! Creating tables is slow, so all cases share one keyspace, which is dropped at the end; each uses
//! keys of its own. `cargo test -p parlance-engines --test cql [WORD..]` runs those whose name
//! contains a word.

mod conditional;
mod cost;
mod cut;
mod fence;
mod migration;
mod pages;
mod stamps;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use platform::testing::conformance::store;
use world::World;

type Case = (&'static str, fn(&World) -> LocalBoxFuture<'_, ()>);

macro_rules! cases {
    ($($module:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        &[$($((
            concat!(stringify!($module), "::", stringify!($case)),
            |world| Box::pin($module::$case(world)),
        )),+),+]
    };
}

macro_rules! conformance {
    ($($case:ident),+ $(,)?) => {
        &[$((
            concat!("conformance::", stringify!($case)),
            |world| Box::pin(store::$case(world)),
        )),+]
    };
}

const CONFORMANCE: &[Case] = conformance![
    rows_are_inserted_replaced_and_deleted,
    null_is_not_empty_and_replace_clears,
    a_fenced_batch_writes_nothing,
    the_same_stamp_again_changes_nothing,
    scans_keep_to_their_bounds,
    a_descending_table_starts_with_the_newest,
    gets_answer_in_their_order,
    a_claim_has_one_winner,
    a_replace_compares_every_cell,
    puts_write_and_delete,
    a_dump_gives_every_row_once,
    rows_are_there_after_reopening,
    tables_are_written_as_their_class_says,
];

const CASES: &[Case] = cases![
    stamps: [
        an_older_stamp_loses_in_any_order,
        an_equal_stamp_changes_nothing_and_a_delete_beats_it,
        a_replace_clears_what_stood_before,
        every_cell_has_the_stamp_as_its_write_time,
        a_row_without_a_stamp_is_refused,
        the_tables_of_the_product_take_every_row,
    ],
    fence: [
        a_late_owner_is_told_after_the_time_of_trust,
        a_late_owner_harms_nothing_before_he_is_told,
        the_fence_row_is_written_last,
    ],
    conditional: [
        of_two_processes_one_wins_each_row,
        a_row_of_nulls_is_not_an_absent_row,
        a_row_is_removed_only_as_it_was_expected,
    ],
    pages: [
        a_large_partition_is_scanned_in_pages,
        a_dump_of_many_pages_gives_every_row_once,
    ],
    cut: [
        a_store_that_was_cut_off_goes_on_without_reopening,
        a_silent_store_is_unavailable_in_time,
        a_claim_whose_answer_is_lost_is_found_out,
        a_killed_engine_comes_back_with_what_was_acknowledged,
    ],
    migration: [
        a_store_is_not_opened_before_it_is_migrated,
        an_added_column_is_added_and_old_rows_have_none,
        two_runs_at_once_do_the_steps_once,
        an_interrupted_run_is_finished_by_the_next,
        what_can_not_be_changed_is_refused,
    ],
    cost: [a_write_and_a_read],
];

fn main() -> ExitCode {
    let Ok(address) = std::env::var("PARLANCE_TEST_CQL") else {
        eprintln!("skipped: PARLANCE_TEST_CQL names no cluster");
        let needed = std::env::var("CI").is_ok_and(|ci| ci == "true");
        return if needed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    };
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let world = runtime.block_on(World::new(&address));
    let wanted = |name: &str| match words.as_slice() {
        [] => !name.starts_with("cost::"),
        words => words.iter().any(|word| name.contains(word)),
    };
    let mut failed = Vec::new();
    for (name, case) in CONFORMANCE.iter().chain(CASES).filter(|(name, _)| wanted(name)) {
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(case(&world))));
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        eprintln!("test {name} ... {verdict} ({} ms)", began.elapsed().as_millis());
        if outcome.is_err() {
            failed.push(name);
        }
    }
    runtime.block_on(world.end());
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("failed: {failed:?}");
    ExitCode::FAILURE
}
