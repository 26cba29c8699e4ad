//! Kinds of metrics: how one is made from its row in the table of definitions.

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

use super::label::Label;

/// Bounds of a histogram: `count` of them from `first` on, each `factor` times the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buckets {
    /// The first bound.
    pub first: f64,
    /// From one to the next.
    pub factor: f64,
    /// How many.
    pub count: usize,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Name, as Prometheus has it.
    pub name: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// What is counted or measured.
    pub unit: &'static str,
    /// Labels.
    pub labels: &'static [&'static Label],
    /// Bounds, of a histogram.
    pub buckets: Option<Buckets>,
}

/// Prometheus' types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Samples in buckets.
    Histogram,
}

impl Definition {
    fn opts(&self) -> Opts {
        Opts::new(self.name, self.help.trim())
    }

    fn histogram(&self) -> HistogramOpts {
        let Buckets { first, factor, count } = self.buckets.expect("a histogram has bounds");
        let bounds = prometheus::exponential_buckets(first, factor, count);
        HistogramOpts::new(self.name, self.help.trim()).buckets(bounds.expect("valid bounds"))
    }

    fn labels(&self) -> Vec<&'static str> {
        self.labels.iter().map(|label| label.name).collect()
    }
}

/// What a field of the table may be.
pub(super) trait Metric: Sized {
    /// Prometheus' type.
    const KIND: Kind;
    /// Makes it and registers it.
    fn register(definition: &Definition, registry: &Registry) -> Self;
    /// A scrape begins.
    fn begin(&self) {}
}

fn registered<C: Collector + Clone + 'static>(
    made: prometheus::Result<C>,
    registry: &Registry,
) -> C {
    let metric = made.expect("a valid definition");
    registry.register(Box::new(metric.clone())).expect("names are unique");
    metric
}

macro_rules! metric {
    ($($type:ty, $kind:ident, |$definition:ident| $make:expr;)+) => {$(
        impl Metric for $type {
            const KIND: Kind = Kind::$kind;
            fn register($definition: &Definition, registry: &Registry) -> Self {
                registered($make, registry)
            }
        }
    )+};
}

metric! {
    IntCounter, Counter, |d| Self::with_opts(d.opts());
    IntCounterVec, Counter, |d| Self::new(d.opts(), &d.labels());
    IntGauge, Gauge, |d| Self::with_opts(d.opts());
    IntGaugeVec, Gauge, |d| Self::new(d.opts(), &d.labels());
    Gauge, Gauge, |d| Self::with_opts(d.opts());
    GaugeVec, Gauge, |d| Self::new(d.opts(), &d.labels());
    Histogram, Histogram, |d| Self::with_opts(d.histogram());
    HistogramVec, Histogram, |d| Self::new(d.histogram(), &d.labels());
}

/// A gauge that is read anew at every scrape: it begins at 0, and watchers add to it.
#[derive(Clone, Debug)]
pub struct Reading(IntGauge);

impl Reading {
    /// Adds what one watcher sees.
    pub fn add(&self, value: impl TryInto<i64>) {
        self.0.add(value.try_into().unwrap_or(i64::MAX));
    }

    /// Raises it to what one watcher sees.
    pub fn at_least(&self, value: impl TryInto<i64>) {
        self.0.set(self.0.get().max(value.try_into().unwrap_or(i64::MAX)));
    }
}

impl Metric for Reading {
    const KIND: Kind = Kind::Gauge;
    fn register(definition: &Definition, registry: &Registry) -> Self {
        Self(IntGauge::register(definition, registry))
    }
    fn begin(&self) {
        self.0.set(0);
    }
}

/// The same, by labels: a series that no watcher adds to is gone.
#[derive(Clone, Debug)]
pub struct ReadingVec(IntGaugeVec);

impl ReadingVec {
    /// Adds what one watcher sees.
    pub fn add(&self, labels: &[&str], value: impl TryInto<i64>) {
        self.0.with_label_values(labels).add(value.try_into().unwrap_or(i64::MAX));
    }
}

impl Metric for ReadingVec {
    const KIND: Kind = Kind::Gauge;
    fn register(definition: &Definition, registry: &Registry) -> Self {
        Self(IntGaugeVec::register(definition, registry))
    }
    fn begin(&self) {
        self.0.reset();
    }
}
