//! Lag of a pool, in records and in seconds, and the watchdog over partitions that do not move.
//!
//! A pool reports the partitions it has; all processes of a pool together report each partition
//! once. Lag in seconds is the age of the oldest record that is not finished: unlike a count it
//! tells what a client waits, whatever the rate.

use std::collections::BTreeMap;
use std::time::Duration;

use super::driver::Source;
use super::progress::{Progress, Standing};
use crate::Platform;
use crate::lifecycle::Stopping;
use crate::port::log::PartitionState;

/// Time between two reports.
const EVERY: Duration = Duration::from_secs(5);
/// Reports without movement, with records waiting, after which the pool is called stalled.
const STALLED: u32 = 6;
/// Reports without movement and without a retry after which the process gives its partitions up:
/// nothing that it knows of keeps it from working.
const STUCK: u32 = 24;

/// One partition, as it is reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// The partition.
    pub partition: u32,
    /// Records that are not finished.
    pub records: u64,
    /// Age of the oldest of them.
    pub seconds: f64,
}

/// Lag of the partitions that a pool has.
pub fn lags(standings: &BTreeMap<u32, Standing>, ends: &[PartitionState], now_ms: i64) -> Vec<Lag> {
    ends.iter()
        .filter_map(|state| {
            let standing = standings.get(&state.partition)?;
            let records = state.end.saturating_sub(standing.next);
            let since = standing.behind_since.filter(|_| records > 0);
            let age = since.map_or(0, |since| now_ms.saturating_sub(since.0).max(0));
            let seconds = Duration::from_millis(age.unsigned_abs()).as_secs_f64();
            Some(Lag { partition: state.partition, records, seconds })
        })
        .collect()
}

/// What the watchdog makes of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It moves, or has nothing to do.
    Moving,
    /// Records wait and none was finished for a while.
    Stalled,
    /// As stalled, for long, and not because an engine is away.
    Stuck,
}

/// Watches over partitions that are assigned but idle. Pure.
#[derive(Debug, Default)]
pub struct Watchdog {
    /// By partition: where it stood, and for how many reports with records waiting.
    stood: BTreeMap<u32, (u64, u32)>,
    retries: u64,
    /// Reports since the pool last tried something again.
    unexcused: u32,
}

impl Watchdog {
    /// A report: standings, lags, and how often the pool has tried something again so far.
    pub fn look(
        &mut self,
        standings: &BTreeMap<u32, Standing>,
        lags: &[Lag],
        retries: u64,
    ) -> Verdict {
        let excused = std::mem::replace(&mut self.retries, retries) != retries;
        self.unexcused = if excused { 0 } else { self.unexcused.saturating_add(1) };
        let mut longest = 0;
        let mut stood = BTreeMap::new();
        for lag in lags.iter().filter(|lag| lag.records > 0) {
            let Some(standing) = standings.get(&lag.partition) else { continue };
            let times = match self.stood.get(&lag.partition) {
                Some((next, times)) if *next == standing.next => times + 1,
                _ => 0,
            };
            longest = longest.max(times);
            stood.insert(lag.partition, (standing.next, times));
        }
        self.stood = stood;
        match longest {
            times if times >= STUCK && self.unexcused >= STUCK => Verdict::Stuck,
            times if times >= STALLED => Verdict::Stalled,
            _ => Verdict::Moving,
        }
    }
}

/// Reports until `stopping`; ends with an error when the pool is stuck.
pub async fn report(
    source: Source,
    platform: Platform,
    progress: Progress,
    mut stopping: Stopping,
) -> Result<(), String> {
    let pool = source.group;
    let metrics = platform.metrics.clone();
    let mut watchdog = Watchdog::default();
    let mut shown: Vec<u32> = Vec::new();
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stopping.wait() => return Ok(()),
        }
        let ends = match platform.log.describe(source.topic).await {
            Ok(ends) => ends,
            Err(error) => {
                tracing::debug!(pool, %error, "the log does not tell its ends");
                continue;
            }
        };
        let standings = progress.standings();
        let lags = lags(&standings, &ends, platform.clock.now().0);
        let name = |partition: u32| partition.to_string();
        for gone in shown.iter().filter(|partition| !standings.contains_key(partition)) {
            // Whoever has it now reports it. An error means that it was never shown.
            drop(metrics.lag_records.remove_label_values(&[pool, &name(*gone)]));
            drop(metrics.lag_seconds.remove_label_values(&[pool, &name(*gone)]));
        }
        for lag in &lags {
            let labels = [pool, &*name(lag.partition)];
            metrics
                .lag_records
                .with_label_values(&labels)
                .set(i64::try_from(lag.records).unwrap_or(i64::MAX));
            metrics.lag_seconds.with_label_values(&labels).set(lag.seconds);
        }
        shown = standings.keys().copied().collect();
        let assigned = i64::try_from(shown.len()).unwrap_or(i64::MAX);
        metrics.assigned.with_label_values(&[pool]).set(assigned);
        let retries = metrics.retries.with_label_values(&[pool]).get();
        let verdict = watchdog.look(&standings, &lags, retries);
        metrics.stalled.with_label_values(&[pool]).set(i64::from(verdict != Verdict::Moving));
        match verdict {
            Verdict::Moving => {}
            Verdict::Stalled => tracing::warn!(pool, "records wait and none is finished"),
            Verdict::Stuck => return Err("it has partitions and finishes nothing".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::Timestamp;

    use super::*;

    fn at(next: u64, since: i64) -> BTreeMap<u32, Standing> {
        [(3, Standing { next, behind_since: Some(Timestamp(since)) })].into()
    }

    fn end(partition: u32, end: u64) -> PartitionState {
        PartitionState { partition, epoch: 1, first: 0, end }
    }

    #[test]
    fn lag_is_counted_for_partitions_one_has_and_is_zero_at_the_end() {
        let ends = [end(2, 50), end(3, 10)];
        let found = lags(&at(7, 1_000), &ends, 3_500);
        assert_eq!(found, [Lag { partition: 3, records: 3, seconds: 2.5 }]);
        let found = lags(&at(10, 1_000), &ends, 3_500);
        assert_eq!(found, [Lag { partition: 3, records: 0, seconds: 0.0 }]);
    }

    fn watch(dog: &mut Watchdog, next: u64, retries: u64) -> Verdict {
        let standings = at(next, 0);
        let lags = lags(&standings, &[end(3, 10)], 0);
        dog.look(&standings, &lags, retries)
    }

    #[test]
    fn who_stands_still_with_work_is_stalled_and_then_stuck_unless_an_engine_is_away() {
        let mut dog = Watchdog::default();
        let seen: Vec<_> = (0..=STUCK).map(|_| watch(&mut dog, 5, 0)).collect();
        assert_eq!(seen.iter().position(|v| *v == Verdict::Stalled), Some(6));
        assert_eq!(seen.last(), Some(&Verdict::Stuck));
        assert_eq!(watch(&mut dog, 5, 1), Verdict::Stalled, "it tries again: an engine is away");
        assert_eq!(watch(&mut dog, 5, 1), Verdict::Stalled, "and is just back");
        assert_eq!(watch(&mut dog, 6, 1), Verdict::Moving);
        assert_eq!(watch(&mut dog, 10, 1), Verdict::Moving, "nothing waits");
    }
}
