//! All scenarios in one go, between two looks at the disk, as JSON lines and a Markdown table.

use std::fmt::Write as _;

use super::saturate::Over;
use super::{Bench, Measured, direct, idle, saturate, short, sync_floor};

/// Users of a saturated server over sockets and over REST.
const USERS: usize = 256;
/// Messages a second of the latency run.
const RATE: f64 = 500.0;
/// Idle connections.
const SOCKETS: usize = 2_000;

/// Runs everything; `tell` gets each result as soon as it is there.
pub async fn run(bench: &Bench, tell: &dyn Fn(&Measured)) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    let mut add = |mut measured: Measured, note: &str| {
        measured.scenario.push_str(note);
        tell(&measured);
        all.push(measured);
    };
    add(sync_floor::run(&bench.folder)?, " (before)");
    add(saturate::run(bench, Over::Sockets, USERS).await?, "");
    add(saturate::run(bench, Over::Rest, USERS).await?, "");
    add(direct::run(bench, RATE).await?, "");
    add(idle::run(bench, SOCKETS).await?, "");
    add(sync_floor::run(&bench.folder)?, " (after)");
    Ok(all)
}

/// One row per figure, by scenario.
pub fn table(all: &[Measured]) -> String {
    let mut out = String::from("| scenario | figure | value |\n|---|---|---:|\n");
    for measured in all {
        let mut scenario = measured.scenario.as_str();
        for (name, value) in &measured.figures {
            writeln!(out, "| {scenario} | {name} | {} |", short(*value))
                .expect("writing to memory does not fail");
            // Named once.
            scenario = "";
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_named_once() {
        let mut measured = Measured::new("s");
        measured.add("a", 1.0);
        measured.add("b", 2_000.0);
        let table = table(&[measured]);
        assert!(table.ends_with("| s | a | 1.00 |\n|  | b | 2,000 |\n"), "{table}");
    }
}
