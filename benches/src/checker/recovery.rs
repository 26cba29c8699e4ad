//! How long service took to come back after each fault: figures, no verdict.
//!
//! After a kill, a pause or a restart time runs from the strike: others of the same role are there.
//! After an outage of an engine it runs from the moment at which the engine answers again.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::fault::{CatchUp, Demands, SECOND, Window, stalls};
use super::index::Index;
use crate::history::{Class, Entry, Outcome};

/// Share of the usual rate at which service counts as whole.
const WHOLE: f64 = 0.9;
/// Window in which a rate is counted.
const RATE_OVER: u64 = SECOND;
/// How far behind a fault its traces are looked for.
const TRACES: u64 = 20 * SECOND;

/// Of one fault; times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// What was done.
    pub kind: String,
    /// When, since the history began.
    pub at: f64,
    /// How long the part was away.
    pub away: f64,
    /// Sends in flight at the strike.
    pub in_flight: u32,
    /// Attempts that were cut, refused or unknown meanwhile; clients tried them again.
    pub failed: u64,
    /// While an engine was away: the longest time that a send took to be answered.
    pub slowest_answer: Option<f64>,
    /// The longest wait of a conversation for its next ack.
    pub longest_stall: f64,
    /// Until the first ack.
    pub first_ack: Option<f64>,
    /// Until acks came at the usual rate.
    pub full_rate: Option<f64>,
    /// Until everything was acknowledged that had been asked for before.
    pub worked_off: Option<f64>,
    /// Speed of that, as a multiple of the input.
    pub catch_up: Option<f64>,
}

/// Of every fault that happened, in their order.
pub fn recoveries(entries: &[Entry]) -> Vec<Recovery> {
    let index = Index::of(entries);
    let demands = Demands::of(&index);
    let acks = demands.acks();
    let stalls = stalls(&demands);
    let rate = demands.rate();
    let windows = Window::all(&index, |class| class != Class::Skew);
    let mut all = Vec::new();
    for (place, window) in windows.iter().enumerate() {
        let next = windows.get(place + 1).map_or(u64::MAX, |next| next.from);
        let until = next.min(window.to.saturating_add(TRACES));
        let begin = if window.fault.class.outage() { window.to } else { window.from };
        let seconds = |at: u64| at.saturating_sub(begin) as f64 / SECOND as f64;
        let inside = |at: u64| (window.from..until).contains(&at);
        let failed = index.sends.iter().filter(|send| {
            inside(send.entry.end) && matches!(send.what.outcome, Outcome::Unknown(_))
                || inside(send.entry.end) && refused(&send.what.outcome)
        });
        let longest = stalls.iter().filter(|stall| inside(stall.from.max(window.from)));
        let longest = longest.filter(|stall| stall.to > window.from);
        let longest = longest.map(|stall| stall.to - stall.from).max().unwrap_or_default();
        let asked = index.sends.iter().filter(|send| window.broken_at(send.entry.start));
        let slowest = asked.map(|send| send.entry.end - send.entry.start).max();
        let outage = window.fault.class.outage();
        let after = acks.get(acks.partition_point(|at| *at < begin)..).unwrap_or_default();
        let worked_off = demands.open_at(begin).map(|demand| demand.to).max();
        all.push(Recovery {
            kind: window.fault.kind.clone(),
            at: window.from as f64 / SECOND as f64,
            away: (window.to - window.from) as f64 / SECOND as f64,
            in_flight: window.fault.in_flight,
            failed: failed.count() as u64,
            longest_stall: longest as f64 / SECOND as f64,
            first_ack: after.first().map(|at| seconds(*at)),
            full_rate: full(after, begin, rate).map(seconds),
            worked_off: worked_off.map(seconds),
            catch_up: CatchUp::of(&demands, window).filter(|_| outage).map(|fast| fast.ratio()),
            slowest_answer: slowest.filter(|_| outage).map(|ns| ns as f64 / SECOND as f64),
        });
    }
    all
}

fn refused<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Outcome::Fail(code) if crate::workload::retryable(code))
}

/// The beginning of the first second with enough acks.
fn full(acks: &[u64], begin: u64, rate: f64) -> Option<u64> {
    let needed = rate * WHOLE * (RATE_OVER / SECOND) as f64;
    let tenths = (0..).map(|step| begin + step * SECOND / 10);
    let last = *acks.last()?;
    tenths.take_while(|from| *from <= last).find(|from| {
        let inside = acks.partition_point(|at| *at < from + RATE_OVER)
            - acks.partition_point(|at| *at < *from);
        inside as f64 >= needed
    })
}

impl Recovery {
    /// A table for people.
    pub fn table(all: &[Self]) -> String {
        let mut out = format!(
            "{:<22}{:>7}{:>7}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}\n",
            "fault",
            "at",
            "away",
            "flying",
            "failed",
            "slowest",
            "stall",
            "1st ack",
            "rate",
            "done",
            "x input"
        );
        for one in all {
            writeln!(
                out,
                "{:<22}{:>7.1}{:>7.1}{:>7}{:>8}{:>8}{:>8.1}{:>8}{:>8}{:>8}{:>8}",
                one.kind,
                one.at,
                one.away,
                one.in_flight,
                one.failed,
                cell(one.slowest_answer),
                one.longest_stall,
                cell(one.first_ack),
                cell(one.full_rate),
                cell(one.worked_off),
                cell(one.catch_up)
            )
            .expect("writing to memory does not fail");
        }
        out
    }

    /// The same for a document.
    pub fn markdown(all: &[Self]) -> String {
        let mut out = String::from(
            "| fault | away, s | attempts that failed | slowest answer, s | longest stall, s | first ack, s | full rate, s | worked off, s | x input |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for one in all {
            writeln!(
                out,
                "| {} | {:.1} | {} | {} | {:.1} | {} | {} | {} | {} |",
                one.kind,
                one.away,
                one.failed,
                cell(one.slowest_answer),
                one.longest_stall,
                cell(one.first_ack),
                cell(one.full_rate),
                cell(one.worked_off),
                cell(one.catch_up)
            )
            .expect("writing to memory does not fail");
        }
        out
    }
}

fn cell(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"))
}
