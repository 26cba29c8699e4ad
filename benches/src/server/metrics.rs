//! The server's counters, in Prometheus' text form (version 0.0.4).

use std::collections::BTreeMap;

/// Values by name, those of all labels added up; and by name and labels as they stand there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads the text form; lines that are not samples are left out.
    pub fn parse(text: &str) -> Self {
        let mut values = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let name = series.split('{').next().unwrap_or(series);
            if let Ok(value) = value.parse::<f64>() {
                *values.entry(name.to_owned()).or_default() += value;
                if name != series {
                    *values.entry(series.to_owned()).or_default() += value;
                }
            }
        }
        Self(values)
    }

    /// The value of this name, or of this name with these labels; 0 if there is none.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Adds those of another process.
    pub fn add(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            *self.0.entry(name.clone()).or_default() += value;
        }
    }

    /// How much each has grown.
    pub fn since(&self, before: &Self) -> Self {
        let grown = |(name, value): (&String, &f64)| (name.clone(), value - before.get(name));
        Self(self.0.iter().map(grown).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_added_up_and_growth_is_told() {
        let before =
            Metrics::parse("# HELP a A.\n# TYPE a counter\na{x=\"1\"} 2\na{x=\"2 3\"} 3\n");
        let after = Metrics::parse("a{x=\"1\"} 12\nb 1\n");
        assert!((before.get("a") - 5.0).abs() < f64::EPSILON);
        assert!((before.get("a{x=\"2 3\"}") - 3.0).abs() < f64::EPSILON);
        assert!((after.since(&before).get("a") - 7.0).abs() < f64::EPSILON);
        assert!((after.since(&before).get("b") - 1.0).abs() < f64::EPSILON);
    }
}
