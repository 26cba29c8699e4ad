//! Results for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::slo::Met;
use super::verdict::Verdict;
use crate::checker;
use crate::load::judge::Judged;
use crate::scenarios::figures::{Figures, QUANTILES};
use crate::scenarios::short;

/// What came of one scenario.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) scenario: &'static str,
    pub(super) title: String,
    pub(super) figures: Figures,
    pub(super) judged: Judged,
    pub(super) slos: Vec<Met>,
    /// Why it is void, and what else is to be said.
    pub(super) why: Vec<String>,
    pub(super) verdict: Verdict,
    /// Since the command began.
    pub(super) after: Duration,
}

impl Outcome {
    /// A block of lines for people.
    pub(super) fn lines(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("writing to memory does not fail");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{}: {}", self.scenario, self.title)?;
        table(&self.figures, out)?;
        write!(out, "  checker  ")?;
        judged(&self.judged, out)?;
        for verdict in &self.judged.verdicts {
            for witness in &verdict.witnesses {
                let (id, kind) = (verdict.guarantee.id(), witness.kind.name());
                writeln!(
                    out,
                    "  WITNESS  {id} {kind}: {} (lines {:?})",
                    witness.text, witness.lines
                )?;
            }
        }
        for path in &self.judged.kept {
            writeln!(out, "  history  {}", path.display())?;
        }
        for met in &self.slos {
            let mark = if met.holds { "met" } else { "MISSED" };
            writeln!(out, "  slo      {}: {mark}, {}", met.slo, met.unit.show(met.value))?;
        }
        for why in &self.why {
            writeln!(
                out,
                "  {:<8} {why}",
                if self.verdict == Verdict::Void { "void" } else { "note" }
            )?;
        }
        let after = self.after.as_secs_f64();
        writeln!(out, "  verdict  {}, {after:.1} s after the start", self.verdict.name())
    }

    /// A result and a verdict as JSON.
    pub(super) fn json(&self) -> [Value; 2] {
        let result = json!({
            "type": "result",
            "scenario": self.scenario,
            "title": self.title,
            "figures": self.figures.json(),
        });
        let Judged { sends, acked, refused, unknown, .. } = &self.judged;
        let guarantees: Vec<Value> = self
            .judged
            .verdicts
            .iter()
            .map(|verdict| {
                json!({
                    "id": verdict.guarantee.id(),
                    "title": verdict.guarantee.title().0,
                    "checked": verdict.checked,
                    "anomalies": verdict.anomalies,
                    "witnesses": verdict.witnesses,
                })
            })
            .collect();
        let slos: Vec<Value> = self
            .slos
            .iter()
            .map(|met| {
                json!({
                    "slo": met.slo.to_string(),
                    "value": met.value,
                    "unit": met.unit.name(),
                    "met": met.holds,
                })
            })
            .collect();
        let verdict = json!({
            "type": "verdict",
            "scenario": self.scenario,
            "verdict": self.verdict.name().to_lowercase(),
            "code": self.verdict.code(),
            "afterMs": u64::try_from(self.after.as_millis()).unwrap_or(u64::MAX),
            "slos": slos,
            "checker": {
                "state": self.judged.state,
                "sends": sends, "acked": acked, "refused": refused, "unknown": unknown,
                "guarantees": guarantees,
                "histories": self.judged.kept,
            },
            "why": self.why,
        });
        [result, verdict]
    }
}

/// The verdict of the checker in one line.
fn judged(judged: &Judged, out: &mut String) -> std::fmt::Result {
    out.push_str(match judged.state {
        checker::State::Pass => "nothing lost, doubled, reordered or missing: ",
        checker::State::Void => "nothing found, and not enough proven: ",
        checker::State::Fail => "BROKEN: ",
    });
    write!(out, "{} of {} sends acked", short_count(judged.acked), short_count(judged.sends))?;
    if judged.refused + judged.unknown > 0 {
        write!(out, ", {} refused, {} unknown", judged.refused, judged.unknown)?;
    }
    for verdict in &judged.verdicts {
        let (title, unit) = verdict.guarantee.title();
        let (id, checked) = (verdict.guarantee.id(), short_count(verdict.checked));
        write!(out, "; {id} {title} ({checked} {unit}")?;
        for (kind, count) in &verdict.anomalies {
            write!(out, ", {count} × {}", kind.name())?;
        }
        out.push(')');
    }
    out.push('\n');
    Ok(())
}

fn short_count(count: u64) -> String {
    if count < 100 { count.to_string() } else { short(count as f64) }
}

/// Figures, the percentiles of a latency in one line.
fn table(figures: &Figures, out: &mut String) -> std::fmt::Result {
    for figure in &figures.0 {
        let percentile = QUANTILES.iter().find_map(|(_, name)| {
            let key = figure.key.strip_suffix(name)?.strip_suffix('.')?;
            Some((key, *name))
        });
        match percentile.filter(|(key, _)| figures.find(&format!("{key}.p50")).is_some()) {
            Some((key, "p50")) => {
                write!(out, "  {key:<17}")?;
                for (_, name) in QUANTILES {
                    let value = figures.get(&format!("{key}.{name}")).unwrap_or_default();
                    write!(out, "{name} {:<9}", short(value))?;
                }
                writeln!(out, "ms  {}", figure.words.trim_end_matches(", p50"))?;
            }
            // Told with the first one.
            Some(_) => {}
            None => {
                let value = figure.unit.show(figure.value);
                writeln!(out, "  {:<17}{value:<16}{}", figure.key, figure.words)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Latencies;
    use crate::scenarios::figures::Unit;

    fn outcome() -> Outcome {
        let mut figures = Figures::default();
        let latencies = Latencies::default();
        latencies.record(Duration::from_millis(4));
        figures.latency("recv", "due → received", &latencies);
        figures.add("lag.p99", "late by", 0.25, Unit::Ms);
        figures.count("unacked", "without an ack", 0);
        let judged = Judged {
            state: checker::State::Pass,
            verdicts: Vec::new(),
            void: Vec::new(),
            sends: 1_000,
            acked: 999,
            refused: 1,
            unknown: 0,
            kept: Vec::new(),
        };
        let slos = super::super::slo::compare(&["recv.p99<=1ms".parse().unwrap()], &figures).0;
        Outcome {
            scenario: "direct",
            title: "a title".to_owned(),
            figures,
            judged,
            slos,
            why: Vec::new(),
            verdict: Verdict::Missed,
            after: Duration::from_millis(12_300),
        }
    }

    #[test]
    fn people_get_each_figure_once_and_the_verdict_last() {
        let text = outcome().lines();
        assert_eq!(text.matches("recv").count(), 2, "{text}");
        for part in [
            "p99.9 4.00",
            "lag.p99",
            "unacked",
            "999 of 1,000 sends acked, 1 refused",
            "MISSED, 4.00 ms",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert!(text.ends_with("  verdict  slo missed, 12.3 s after the start\n"), "{text}");
    }

    #[test]
    fn programs_get_a_result_and_a_verdict() {
        let [result, verdict] = outcome().json();
        assert_eq!(result["figures"]["recv.p50"]["unit"], "ms");
        assert_eq!(verdict["verdict"], "slo missed");
        assert_eq!(verdict["code"], 1);
        assert_eq!(verdict["slos"][0]["met"], false);
        assert_eq!(verdict["checker"]["acked"], 999);
    }
}
