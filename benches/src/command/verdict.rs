//! What a scenario comes to, and the exit status: a pure function of what was measured and judged.
//!
//! A broken guarantee outweighs everything. A load that was itself the bottleneck proves nothing about
//! speed, in either direction: void, never a pass. Then an objective that was missed.

use super::slo::Met;
use crate::checker::State;
use crate::scenarios::figures::Figures;

/// Beyond what the generator itself is the bottleneck.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    /// Longest lag, p99, ms: beyond, its own lateness is a part of each latency that counts.
    pub(super) lag_ms: f64,
    /// Share of its time that its reading thread may be busy: beyond, events wait for it.
    pub(super) busy: f64,
}

/// How it ended. The order is that of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All objectives are met, and nothing was found that must not be.
    Pass,
    /// Nothing is shown: the generator was the bottleneck, or too little was exercised.
    Void,
    /// An objective is missed.
    Missed,
    /// It could not be run.
    Error,
    /// A guarantee is broken.
    Violation,
}

impl Verdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Void => "void",
            Self::Missed => "slo missed",
            Self::Error => "error",
            Self::Violation => "VIOLATION",
        }
    }

    /// The status that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Missed => 1,
            Self::Error => 2,
            Self::Void => 3,
            Self::Violation => 4,
        }
    }
}

/// Why the generator's own limits make a run void.
pub(super) fn bottleneck(figures: &Figures, bounds: Bounds) -> Vec<String> {
    let mut why = Vec::new();
    let Bounds { lag_ms, busy } = bounds;
    if let Some(lag) = figures.get("lag.p99").filter(|lag| *lag > lag_ms) {
        why.push(format!(
            "the generator was late by {lag:.1} ms (p99), more than {lag_ms} ms: this machine is too \
             small or too busy for this rate"
        ));
    }
    if let Some(share) = figures.get("generator.busy").filter(|share| *share > busy) {
        why.push(format!(
            "the generator's reading thread was busy for {:.0} % of the time, more than {:.0} %: it \
             measured itself",
            share * 100.0,
            busy * 100.0
        ));
    }
    why
}

/// The verdict.
pub(super) fn decide(judged: State, void: &[String], slos: &[Met]) -> Verdict {
    match judged {
        State::Fail => Verdict::Violation,
        State::Void => Verdict::Void,
        State::Pass if !void.is_empty() => Verdict::Void,
        State::Pass if slos.iter().any(|met| !met.holds) => Verdict::Missed,
        State::Pass => Verdict::Pass,
    }
}

/// Of several scenarios.
pub(super) fn worst(all: impl IntoIterator<Item = Verdict>) -> Verdict {
    all.into_iter().max().unwrap_or(Verdict::Error)
}

#[cfg(test)]
mod tests {
    use super::super::slo;
    use super::*;
    use crate::scenarios::figures::Unit;

    fn met(text: &str, value: f64) -> Vec<Met> {
        let mut figures = Figures::default();
        figures.add("x", "x", value, Unit::Count);
        slo::compare(&[text.parse().unwrap()], &figures).0
    }

    #[test]
    fn a_broken_guarantee_outweighs_all_and_a_bottleneck_is_never_a_pass() {
        let (good, bad) = (met("x<=2", 1.0), met("x<=2", 3.0));
        let why = ["late".to_owned()];
        assert_eq!(decide(State::Pass, &[], &good), Verdict::Pass);
        assert_eq!(decide(State::Pass, &[], &bad), Verdict::Missed);
        assert_eq!(decide(State::Pass, &why, &good), Verdict::Void);
        assert_eq!(decide(State::Pass, &why, &bad), Verdict::Void);
        assert_eq!(decide(State::Void, &[], &good), Verdict::Void);
        assert_eq!(decide(State::Fail, &why, &bad), Verdict::Violation);
    }

    #[test]
    fn statuses_are_told_apart_and_the_worst_counts() {
        use Verdict::{Error, Missed, Pass, Violation, Void};
        let codes = [Pass, Missed, Error, Void, Violation].map(Verdict::code);
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        assert_eq!(worst([Pass, Void, Pass]), Void);
        assert_eq!(worst([Void, Missed]), Missed);
        assert_eq!(worst([Missed, Violation, Error]), Violation);
        assert_eq!(worst([]), Error);
    }

    #[test]
    fn a_generator_that_is_late_or_busy_is_the_bottleneck() {
        let of = |lag: f64, busy: f64| {
            let mut figures = Figures::default();
            figures.add("lag.p99", "", lag, Unit::Ms);
            figures.add("generator.busy", "", busy, Unit::Cores);
            bottleneck(&figures, Bounds { lag_ms: 5.0, busy: 0.9 }).len()
        };
        assert_eq!((of(5.0, 0.5), of(5.1, 0.5), of(1.0, 0.95), of(9.0, 1.0)), (0, 1, 1, 2));
        let bounds = Bounds { lag_ms: 0.0, busy: 0.0 };
        assert!(bottleneck(&Figures::default(), bounds).is_empty());
    }
}
