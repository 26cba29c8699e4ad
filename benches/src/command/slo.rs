//! Service level objectives: `[scenario:]figure<=value[unit]`, with one of `<=`, `<`, `>=`, `>`.

use std::fmt;
use std::str::FromStr;

use crate::scenarios::figures::{Figures, Kind, Unit};

/// How a figure is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// At most.
    AtMost,
    /// Less than.
    Below,
    /// At least.
    AtLeast,
    /// More than.
    Above,
}

impl Relation {
    const ALL: [Self; 4] = [Self::AtMost, Self::AtLeast, Self::Below, Self::Above];

    fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::AtLeast => ">=",
            Self::Above => ">",
        }
    }

    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtMost => value <= bound,
            Self::Below => value < bound,
            Self::AtLeast => value >= bound,
            Self::Above => value > bound,
        }
    }

    /// Whether it bounds from above.
    fn caps(self) -> bool {
        matches!(self, Self::AtMost | Self::Below)
    }
}

/// One objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// Of one scenario alone.
    pub scenario: Option<String>,
    /// The figure's name.
    pub figure: String,
    /// How it is compared.
    pub relation: Relation,
    /// With what, in the terms of its kind.
    pub bound: f64,
    /// What the bound is of; none: it was given without a unit.
    pub kind: Option<Kind>,
    /// The bound as it was written.
    text: String,
}

/// Units that may stand behind a number, and what one is in the terms of its kind.
const UNITS: [(&str, Kind, f64); 11] = [
    ("us", Kind::Time, 1e-3),
    ("µs", Kind::Time, 1e-3),
    ("ms", Kind::Time, 1.0),
    ("s", Kind::Time, 1e3),
    ("B", Kind::Size, 1.0),
    ("KB", Kind::Size, 1e3),
    ("MB", Kind::Size, 1e6),
    ("KiB", Kind::Size, 1024.0),
    ("MiB", Kind::Size, 1_048_576.0),
    ("/s", Kind::Number, 1.0),
    ("", Kind::Number, 1.0),
];

/// What is wrong with an objective, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

impl FromStr for Slo {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = |why: &str| Malformed(format!("{text:?}: {why}; an SLO is like recv.p99<=8ms"));
        // The longer signs come first: `<` is the begin of `<=`.
        let found = Relation::ALL.into_iter().find_map(|relation| {
            text.split_once(relation.sign()).map(|(left, right)| (left, relation, right))
        });
        let (left, relation, right) = found.ok_or_else(|| wrong("no <=, <, >= or > in it"))?;
        let (scenario, figure) = match left.trim().split_once(':') {
            Some((scenario, figure)) => (Some(scenario.trim().to_owned()), figure.trim()),
            None => (None, left.trim()),
        };
        let named = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        if !named(figure) || scenario.as_deref().is_some_and(|name| !named(name)) {
            return Err(wrong("no figure to the left"));
        }
        let right = right.trim();
        let end = right.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'));
        let (digits, unit) = right.split_at(end.unwrap_or(right.len()));
        let value: f64 =
            digits.replace('_', "").parse().map_err(|_| wrong("no number to the right"))?;
        let unit = unit.trim();
        let (_, kind, one) =
            UNITS.into_iter().find(|(name, ..)| *name == unit).ok_or_else(|| {
                wrong("units are us, ms, s, B, KB, MB, KiB, MiB, /s, or none for plain numbers")
            })?;
        let kind = (!unit.is_empty()).then_some(kind);
        let (figure, text) = (figure.to_owned(), right.to_owned());
        Ok(Self { scenario, figure, relation, bound: value * one, kind, text })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scenario) = &self.scenario {
            write!(f, "{scenario}:")?;
        }
        write!(f, "{}{}{}", self.figure, self.relation.sign(), self.text)
    }
}

/// How an objective was met.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Met {
    /// Which.
    pub slo: Slo,
    /// The figure, in its own unit.
    pub value: f64,
    /// Of the value.
    pub unit: Unit,
    /// Whether it holds.
    pub holds: bool,
}

/// Those of all objectives that are about this scenario: a given one takes the place of a default about
/// the same figure from the same side.
pub(super) fn choose(
    scenario: &str,
    given: &[Slo],
    defaults: &[Slo],
    known: &[String],
) -> Vec<Slo> {
    let own = |slo: &&Slo| match &slo.scenario {
        Some(of) => of == scenario,
        None => known.contains(&slo.figure),
    };
    let given: Vec<Slo> = given.iter().filter(own).cloned().collect();
    let replaced = |slo: &Slo| {
        given.iter().any(|g| g.figure == slo.figure && g.relation.caps() == slo.relation.caps())
    };
    let kept: Vec<Slo> = defaults.iter().filter(|slo| !replaced(slo)).cloned().collect();
    given.into_iter().chain(kept).collect()
}

/// Compares each; one about a figure that is not there, or of another kind, is refused in words, and takes
/// nothing from the others.
pub(super) fn compare(slos: &[Slo], figures: &Figures) -> (Vec<Met>, Vec<Malformed>) {
    let (mut met, mut wrong) = (Vec::new(), Vec::new());
    for slo in slos {
        match slo.compare(figures) {
            Ok(one) => met.push(one),
            Err(error) => wrong.push(error),
        }
    }
    (met, wrong)
}

/// Those of the given objectives that nothing was compared with: whoever gave one must not take it for met.
pub(super) fn passed_over(given: &[Slo], compared: &[Slo]) -> Vec<Slo> {
    given.iter().filter(|slo| !compared.contains(slo)).cloned().collect()
}

impl Slo {
    fn compare(&self, figures: &Figures) -> Result<Met, Malformed> {
        let figure = figures
            .find(&self.figure)
            .ok_or_else(|| Malformed(format!("{self}: there is no figure {:?}", self.figure)))?;
        let (kind, one) = figure.unit.kind();
        // Without a unit, a bound is in the figure's own.
        let (bound_kind, bound) = match self.kind {
            Some(of) => (of, self.bound),
            None => (kind, self.bound * one),
        };
        if bound_kind != kind {
            let unit = figure.unit.name();
            return Err(Malformed(format!("{self}: {} is in {unit:?}", self.figure)));
        }
        let holds = self.relation.holds(figure.value * one, bound);
        Ok(Met { slo: self.clone(), value: figure.value, unit: figure.unit, holds })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slo(text: &str) -> Slo {
        text.parse().unwrap()
    }

    proptest! {
        #[test]
        fn whatever_is_parsed_is_shown_as_it_was_and_parsed_again(
            scenario in proptest::option::of("[a-z]{1,8}"),
            figure in "[a-z][a-z0-9.]{0,10}",
            relation in 0_usize..4,
            value in 0_u32..1_000_000,
            unit in 0_usize..UNITS.len(),
        ) {
            let scenario = scenario.map_or(String::new(), |name| format!("{name}:"));
            let sign = Relation::ALL[relation].sign();
            let text = format!("{scenario}{figure}{sign}{value}{}", UNITS[unit].0);
            let parsed = slo(&text);
            prop_assert_eq!(&parsed.to_string(), &text);
            prop_assert_eq!(parsed.relation, Relation::ALL[relation]);
            prop_assert!((parsed.bound - f64::from(value) * UNITS[unit].2).abs() < 1e-6);
            prop_assert_eq!(slo(&parsed.to_string()), parsed);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            if let Err(error) = text.parse::<Slo>() {
                prop_assert!(error.to_string().contains("recv.p99<=8ms"));
            }
        }

        #[test]
        fn an_objective_and_its_contrary_never_both_hold(value in 0.0_f64..1e6, bound in 0_u32..1_000_000) {
            let mut figures = Figures::default();
            figures.add("x", "x", value, Unit::Ms);
            for (one, other) in [("<=", ">"), ("<", ">=")] {
                let of = |sign: &str| compare(&[slo(&format!("x{sign}{bound}ms"))], &figures).0[0].holds;
                prop_assert_ne!(of(one), of(other));
            }
        }
    }

    #[test]
    fn units_are_told_in_each_others_terms() {
        let mut figures = Figures::default();
        figures.add("recv.p99", "", 8.0, Unit::Ms);
        figures.add("cpu.server", "", 90.0, Unit::CpuMicros);
        figures.add("rss", "", 2048.0, Unit::Bytes);
        figures.add("rate", "", 8_000.0, Unit::PerSecond);
        for (text, holds) in [
            ("recv.p99<=8ms", true),
            ("recv.p99<8ms", false),
            ("recv.p99<=8000us", true),
            ("recv.p99<0.008s", false),
            ("recv.p99<=8", true),
            ("cpu.server<=90us", true),
            ("cpu.server<=90", true),
            ("cpu.server<0.09ms", false),
            ("rss<=2KiB", true),
            ("rss<=2KB", false),
            ("rate>=8_000", true),
            ("rate > 8000/s", false),
        ] {
            assert_eq!(compare(&[slo(text)], &figures).0[0].holds, holds, "{text}");
        }
        let all = [slo("rate>=8ms"), slo("recv.p99<=9ms"), slo("nothing>=8ms")];
        let (met, wrong) = compare(&all, &figures);
        assert_eq!((met.len(), wrong.len()), (1, 2));
        assert_eq!(passed_over(&all, &[met[0].slo.clone()]), [all[0].clone(), all[2].clone()]);
    }

    #[test]
    fn what_is_not_an_objective_is_refused() {
        for text in
            ["", "p99", "<=8ms", "recv.p99<=", "recv.p99<=8 parsecs", "a b<=1", "x<=1e3", "x<=-1"]
        {
            assert!(text.parse::<Slo>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_given_objective_takes_the_place_of_a_default() {
        let defaults = [slo("recv.p99<=8ms"), slo("rate>=100")];
        let known = ["recv.p99".to_owned(), "rate".to_owned()];
        let given = [slo("recv.p99<=50ms"), slo("rate<=9"), slo("fanout:rate>=1"), slo("rss<=1MB")];
        let chosen: Vec<String> =
            choose("direct", &given, &defaults, &known).iter().map(ToString::to_string).collect();
        assert_eq!(chosen, ["recv.p99<=50ms", "rate<=9", "rate>=100"]);
    }
}
