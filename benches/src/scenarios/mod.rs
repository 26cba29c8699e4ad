//! Measurements. Each runs against a server of its own over an empty folder, on the machine that
//! also makes the load, and gives its figures as one [`Measured`].
//!
//! Machines differ and are noisy: what the disk can do is measured in the same minute
//! ([`sync_floor`]), and CPU is counted per message, on both sides.

#[cfg(feature = "harness")]
pub mod beside;
#[cfg(feature = "harness")]
pub mod cluster;
pub mod course;
pub mod direct;
pub mod fanout;
pub mod figures;
pub mod idle;
#[cfg(feature = "harness")]
pub mod presence;
pub mod reconnect;
#[cfg(feature = "harness")]
pub mod report;
pub mod saturate;
pub mod setup;
pub mod sync_floor;

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::load::Latencies;

/// Text of a measured message, bytes: what people write, and what others were measured with.
pub const CONTENT_BYTES: usize = 240;

/// Where scenarios run, and how long.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The server's binary.
    pub binary: PathBuf,
    /// Data and logs; the disk that is measured.
    pub folder: PathBuf,
    /// Seconds that are measured.
    pub seconds: u64,
}

/// Figures of one scenario, in the order in which they are told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub scenario: String,
    /// Names with units, and values.
    pub figures: Vec<(String, f64)>,
}

impl Measured {
    /// No figures yet.
    pub fn new(scenario: impl Into<String>) -> Self {
        Self { scenario: scenario.into(), figures: Vec::new() }
    }

    /// Adds a figure.
    pub fn add(&mut self, name: impl Into<String>, value: f64) {
        self.figures.push((name.into(), value));
    }

    /// A figure by name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// One JSON object.
    pub fn json(&self) -> String {
        let figures: serde_json::Map<String, serde_json::Value> =
            self.figures.iter().map(|(name, value)| (name.clone(), rounded(*value))).collect();
        serde_json::json!({"scenario": self.scenario, "figures": figures}).to_string()
    }

    /// Lines for people.
    pub fn lines(&self) -> String {
        let mut out = format!("{}\n", self.scenario);
        for (name, value) in &self.figures {
            writeln!(out, "  {name:<44}{:>12}", short(*value))
                .expect("writing to memory does not fail");
        }
        out
    }
}

/// Adds percentiles in milliseconds.
fn tell(latencies: &Latencies, name: &str, measured: &mut Measured) {
    for (quantile, text) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")] {
        measured.add(format!("{name} {text}, ms"), latencies.ms(quantile));
    }
}

fn rounded(value: f64) -> serde_json::Value {
    serde_json::json!((value * 1_000.0).round() / 1_000.0)
}

/// A figure with as many digits as mean something.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        let whole = format!("{value:.0}");
        let digits = whole.len();
        // Thousands apart.
        whole.chars().enumerate().fold(String::new(), |mut out, (at, digit)| {
            if at > 0 && (digits - at).is_multiple_of(3) && !out.ends_with('-') {
                out.push(',');
            }
            out.push(digit);
            out
        })
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_whole_as_json() {
        assert_eq!(short(1_234_567.0), "1,234,567");
        assert_eq!(short(-1_234.4), "-1,234");
        assert_eq!(short(123.4), "123");
        assert_eq!(short(12.34), "12.3");
        assert_eq!(short(1.234), "1.23");
        let mut measured = Measured::new("x");
        measured.add("a", 1.234_56);
        assert_eq!(measured.json(), r#"{"figures":{"a":1.235},"scenario":"x"}"#);
        assert_eq!(measured.get("a"), Some(1.234_56));
    }
}
