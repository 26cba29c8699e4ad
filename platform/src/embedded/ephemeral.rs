//! Routes, limits and boards of one process: maps with deadlines.
//!
//! All of it runs on the clock that never jumps: a step of the wall clock ends no route and no limit.
//! Nothing here is durable, and nothing grows without bound: entries past their time go when their map
//! is next swept, and a full map sweeps before it takes more. A limit that finds no room lets the
//! request pass, because a limiter must never be what stops the service.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use schemas::InstanceId;
use uuid::Uuid;

use super::boards::Boards;
use crate::port::clock::Clock;
use crate::port::ephemeral::{self, Ephemeral, Note, Quota, Route, Unavailable, Verdict};

/// Routes kept at most: above, announcements are refused.
const ROUTES: usize = 4_000_000;
/// Limits kept at most.
const LIMITS: usize = 1_000_000;
/// Changes after which a map is swept.
const SWEEP: usize = 65_536;

#[derive(Default)]
struct Routes {
    nodes: HashMap<Route, Vec<(InstanceId, i64)>>,
    changes: usize,
}

impl Routes {
    fn sweep(&mut self, now: i64) {
        self.changes = 0;
        self.nodes.retain(|_, nodes| {
            nodes.retain(|(_, until)| *until > now);
            !nodes.is_empty()
        });
    }
}

/// When the next request would pass without burst, in microseconds (GCRA's theoretical arrival time).
#[derive(Default)]
struct Limits {
    arrivals: HashMap<String, i64>,
    changes: usize,
}

/// Routes, limits and boards in memory. Clones share them.
#[derive(Clone)]
pub struct LocalEphemeral(Arc<Inner>);

struct Inner {
    routes: Mutex<Routes>,
    limits: Mutex<Limits>,
    boards: Mutex<Boards>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for LocalEphemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalEphemeral").finish_non_exhaustive()
    }
}

impl LocalEphemeral {
    /// Without routes, all limits whole.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (routes, limits, boards) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { routes, limits, boards, clock }))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[async_trait]
impl Ephemeral for LocalEphemeral {
    async fn announce(
        &self,
        node: InstanceId,
        routes: &[Route],
        ttl: Duration,
    ) -> Result<(), Unavailable> {
        let now = self.0.clock.monotonic_ms();
        let until = now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let mut all = self.0.routes.lock();
        all.changes += routes.len();
        if all.changes > SWEEP || all.nodes.len() + routes.len() > ROUTES {
            all.sweep(now);
        }
        if all.nodes.len() + routes.len() > ROUTES {
            return Err(Unavailable("too many routes".into()));
        }
        for route in routes {
            let nodes = all.nodes.entry(*route).or_default();
            nodes.retain(|(other, end)| *other != node && *end > now);
            nodes.push((node, until));
        }
        Ok(())
    }

    async fn withdraw(&self, node: InstanceId, routes: &[Route]) -> Result<(), Unavailable> {
        let mut all = self.0.routes.lock();
        for route in routes {
            let Some(nodes) = all.nodes.get_mut(route) else { continue };
            nodes.retain(|(other, _)| *other != node);
            if nodes.is_empty() {
                all.nodes.remove(route);
            }
        }
        Ok(())
    }

    async fn routes(&self, routes: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        let now = self.0.clock.monotonic_ms();
        let all = self.0.routes.lock();
        let nodes = |route: &Route| {
            let nodes = all.nodes.get(route).map(Vec::as_slice).unwrap_or_default();
            nodes.iter().filter(|(_, until)| *until > now).map(|(node, _)| *node).collect()
        };
        Ok(routes.iter().map(nodes).collect())
    }

    async fn take(&self, key: &str, quota: Quota) -> Result<Verdict, Unavailable> {
        let now = self.0.clock.monotonic_ms().saturating_mul(1_000);
        let rate = quota.per_second.max(1e-6);
        let step = micros(Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX)).max(1);
        let window = step.saturating_mul(i64::from(quota.burst));
        let mut limits = self.0.limits.lock();
        limits.changes += 1;
        let full = limits.arrivals.len() >= LIMITS;
        if limits.changes > SWEEP && (full || limits.changes > limits.arrivals.len()) {
            limits.changes = 0;
            // An arrival in the past is the same as none.
            limits.arrivals.retain(|_, arrival| *arrival > now);
        }
        let arrival = limits.arrivals.get(key).copied().unwrap_or(now).max(now);
        let next = arrival.saturating_add(step);
        let spent = next.saturating_sub(now);
        if spent > window {
            return Ok(Verdict { allowed: false, remaining: 0, reset: duration(spent - window) });
        }
        let full = limits.arrivals.len() >= LIMITS;
        if let Some(arrival) = limits.arrivals.get_mut(key) {
            *arrival = next;
        } else if !full {
            limits.arrivals.insert(key.to_owned(), next);
        }
        let remaining = u32::try_from((window - spent) / step).unwrap_or(u32::MAX);
        Ok(Verdict { allowed: true, remaining, reset: duration(spent) })
    }

    async fn note(&self, board: &str, notes: &[Note]) -> Result<(), Unavailable> {
        ephemeral::check(notes)?;
        self.0.boards.lock().note(board, notes, self.0.clock.monotonic_ms())
    }

    async fn noted(&self, board: &str, fields: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        Ok(self.0.boards.lock().noted(board, fields, self.0.clock.monotonic_ms()))
    }

    async fn board(&self, board: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        Ok(self.0.boards.lock().all(board, self.0.clock.monotonic_ms()))
    }
}
