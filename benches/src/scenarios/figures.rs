//! Figures of a scenario: each has a name that an SLO can be about, a unit, and words for people.

use serde_json::{Map, Value, json};

use super::short;
use crate::load::Latencies;
use crate::load::probe::Reading;

/// What a value is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Microseconds of CPU time.
    CpuMicros,
    /// Bytes.
    Bytes,
    /// Things a second.
    PerSecond,
    /// A share of one, as cores that are busy.
    Cores,
    /// A number of things.
    Count,
    /// How many times something else.
    Times,
}

/// What units can be told in each other's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Times, in milliseconds.
    Time,
    /// Sizes, in bytes.
    Size,
    /// Numbers.
    Number,
}

impl Unit {
    /// Its kind, and what one of it is in the kind's own terms.
    pub fn kind(self) -> (Kind, f64) {
        match self {
            Self::Ms => (Kind::Time, 1.0),
            Self::CpuMicros => (Kind::Time, 1e-3),
            Self::Bytes => (Kind::Size, 1.0),
            Self::PerSecond | Self::Cores | Self::Count | Self::Times => (Kind::Number, 1.0),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::CpuMicros => "µs",
            Self::Bytes => "B",
            Self::PerSecond => "/s",
            Self::Cores => "cores",
            Self::Count => "",
            Self::Times => "×",
        }
    }

    /// A value with its unit, for people.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Bytes if value >= 1e6 => {
                format!("{} MiB", short(value / f64::from(1 << 20)))
            }
            Self::Count => short_count(value),
            _ => format!("{} {}", short(value), self.name()),
        }
    }
}

fn short_count(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 100.0 { format!("{value:.0}") } else { short(value) }
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name.
    pub key: String,
    /// In words.
    pub words: String,
    /// Its value.
    pub value: f64,
    /// Of the value.
    pub unit: Unit,
}

/// Figures in the order in which they are told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(pub Vec<Figure>);

/// Percentiles that are told of a latency.
pub const QUANTILES: [(f64, &str); 5] =
    [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")];

impl Figures {
    /// Adds one.
    pub fn add(
        &mut self,
        key: impl Into<String>,
        words: impl Into<String>,
        value: f64,
        unit: Unit,
    ) {
        self.0.push(Figure { key: key.into(), words: words.into(), value, unit });
    }

    /// Adds a number of things.
    pub fn count(&mut self, key: &str, words: &str, value: u64) {
        self.add(key, words, value as f64, Unit::Count);
    }

    /// Adds the percentiles of a latency.
    pub fn latency(&mut self, key: &str, words: &str, latencies: &Latencies) {
        for (quantile, name) in QUANTILES {
            let value = latencies.ms(quantile);
            self.add(format!("{key}.{name}"), format!("{words}, {name}"), value, Unit::Ms);
        }
    }

    /// Adds what the system and the generator used between two readings, for so many things.
    pub fn costs(&mut self, before: &Reading, after: &Reading, seconds: f64, per: (&str, u64)) {
        let (thing, count) = per;
        let count = count.max(1) as f64;
        for (name, now) in &after.server {
            let then = before.server.get(name).copied().unwrap_or_default();
            let cpu = now.cpu.saturating_sub(then.cpu).as_secs_f64();
            let each = cpu * 1e6 / count;
            self.add(
                format!("cpu.{name}"),
                format!("CPU of {name} per {thing}"),
                each,
                Unit::CpuMicros,
            );
            let cores = cpu / seconds.max(1e-3);
            self.add(
                format!("cores.{name}"),
                format!("cores that {name} keeps busy"),
                cores,
                Unit::Cores,
            );
            let rss = now.resident_bytes as f64;
            self.add(format!("rss.{name}"), format!("resident memory of {name}"), rss, Unit::Bytes);
        }
        let own = after.own.cpu.saturating_sub(before.own.cpu).as_secs_f64();
        let words = format!("CPU of the generator per {thing}");
        self.add("generator.cpu", words, own * 1e6 / count, Unit::CpuMicros);
        let reader = after.reader.saturating_sub(before.reader).as_secs_f64() / seconds.max(1e-3);
        let words = "share of its time that the generator's reading thread is busy";
        self.add("generator.busy", words, reader, Unit::Cores);
    }

    /// A figure's value.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.find(key).map(|figure| figure.value)
    }

    /// A figure.
    pub fn find(&self, key: &str) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.key == key)
    }

    /// As JSON: values with units, by name.
    pub fn json(&self) -> Value {
        let one = |figure: &Figure| {
            let value = (figure.value * 1_000.0).round() / 1_000.0;
            (figure.key.clone(), json!({"value": value, "unit": figure.unit.name()}))
        };
        Value::Object(self.0.iter().map(one).collect::<Map<_, _>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_with_units() {
        assert_eq!(Unit::Ms.show(3.456), "3.46 ms");
        assert_eq!(Unit::Bytes.show(5_300.0), "5,300 B");
        assert_eq!(Unit::Bytes.show(104_857_600.0), "100 MiB");
        assert_eq!(Unit::Count.show(0.0), "0");
        assert_eq!(Unit::PerSecond.show(14_594.2), "14,594 /s");
    }
}
