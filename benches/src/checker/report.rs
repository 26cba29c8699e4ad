//! Verdicts of a run as one table and as JSON.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::hygiene::{Hygiene, Needs};
use super::verdict::{Guarantee, Kind, State, Verdict};

/// What the checker says about a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// All in all.
    pub state: State,
    /// Why it is void, if it is.
    pub void: Vec<String>,
    /// By guarantee.
    pub verdicts: Vec<Judged>,
    /// What the run did.
    pub hygiene: Hygiene,
}

/// A verdict and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Held, broken or not proven.
    pub state: State,
    /// Checks that were asked for.
    pub needed: u64,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Report {
    pub(super) fn new(verdicts: Vec<Verdict>, hygiene: Hygiene, needs: &Needs) -> Self {
        let mut void = hygiene.void(needs);
        let verdicts: Vec<Judged> = verdicts
            .into_iter()
            .map(|verdict| {
                let needed = needs.checks.get(&verdict.guarantee).copied().unwrap_or(1);
                Judged { state: verdict.state(needed), needed, verdict }
            })
            .collect();
        for judged in verdicts.iter().filter(|judged| judged.state == State::Void) {
            let Verdict { guarantee, checked, .. } = &judged.verdict;
            let (id, (_, unit)) = (guarantee.id(), guarantee.title());
            void.push(format!("{id}: {checked} {unit}, {} are needed", judged.needed));
        }
        let broken = verdicts.iter().any(|judged| judged.state == State::Fail);
        let state = match (broken, void.is_empty()) {
            (true, _) => State::Fail,
            (false, false) => State::Void,
            (false, true) => State::Pass,
        };
        Self { state, void, verdicts, hygiene }
    }

    /// Kinds of anomalies found, each with the guarantee that it breaks.
    pub fn anomalies(&self) -> Vec<(Guarantee, Kind, u64)> {
        let of = |judged: &Judged| {
            let guarantee = judged.verdict.guarantee;
            let kinds = judged.verdict.anomalies.iter();
            kinds.map(|(kind, count)| (guarantee, *kind, *count)).collect::<Vec<_>>()
        };
        self.verdicts.iter().flat_map(of).collect()
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("writing to memory does not fail");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{:<6}{:<26}{:>9}  {:<22}verdict", "", "guarantee", "checked", "")?;
        for Judged { state, verdict, .. } in &self.verdicts {
            let (title, unit) = verdict.guarantee.title();
            let (id, checked) = (verdict.guarantee.id(), verdict.checked);
            write!(out, "{id:<6}{title:<26}{checked:>9}  {unit:<22}{}", name(*state))?;
            for (kind, count) in &verdict.anomalies {
                write!(out, "  {count} x {}", kind.name())?;
            }
            writeln!(out)?;
        }
        let h = &self.hygiene;
        writeln!(out, "\n{:<16}{:>9}{:>9}{:>9}", "operations", "ok", "refused", "unknown")?;
        for (kind, counts) in &h.operations {
            let (ok, fail, unknown) = (counts.ok, counts.fail, counts.unknown);
            writeln!(out, "{kind:<16}{ok:>9}{fail:>9}{unknown:>9}")?;
        }
        writeln!(
            out,
            "{} live events on {} sockets ({} on those of stock clients), {} acks lost on purpose, \
             {} of {} faults hit a send in flight",
            h.live, h.sockets, h.stock, h.lost_acks, h.effective_faults, h.faults
        )?;
        for (code, count) in &h.codes {
            writeln!(out, "  {count} sends ended in {code}")?;
        }
        for why in &self.void {
            writeln!(out, "void: {why}")?;
        }
        for Judged { verdict, .. } in &self.verdicts {
            for witness in &verdict.witnesses {
                let (id, kind) = (verdict.guarantee.id(), witness.kind.name());
                writeln!(out, "{id} {kind}: {} (lines {:?})", witness.text, witness.lines)?;
            }
        }
        writeln!(out, "verdict: {}", name(self.state))
    }
}

fn name(state: State) -> &'static str {
    match state {
        State::Pass => "pass",
        State::Fail => "FAIL",
        State::Void => "void",
    }
}
