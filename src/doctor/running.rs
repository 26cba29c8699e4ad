//! A server that runs, by what it tells on its operations port: whether it is ready, whether its
//! workers keep up, and what waits for a person.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use platform::config::Config;
use platform::lifecycle::Lifecycle;
use tokio::net::TcpStream;

use super::Finding::{Broken, Doubtful, Good};
use super::{Check, Finding};
use crate::dlq;

/// Longest wait for an answer, and its largest size.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER: usize = 16 << 20;
/// Lag at which one should look: a pool that keeps up is behind by milliseconds.
const LAG_SECONDS: f64 = 10.0;

/// Checks the server that runs on the data folder.
pub(super) async fn checks(config: &Config, checks: &mut Vec<Check>) {
    let operations = config.operations.listen;
    let letters = match dlq::waiting(&config.data.dir).await {
        Ok(Some(waiting)) => dead_letters(waiting),
        Ok(None) => Doubtful(
            "not looked at: the server has no control socket".to_owned(),
            "it starts, or stops; or its log says why".to_owned(),
        ),
        Err(error) => Doubtful(
            format!("not looked at: {error:#}"),
            "run this as the user that runs the server".to_owned(),
        ),
    };
    checks.push(Check { what: "dead letters", finding: letters });
    let asked = tokio::time::timeout(PATIENCE, ask(operations));
    let told = match asked.await {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => {
            let found = format!("nothing on http://{operations}: {error:#}");
            checks.push(Check { what: "server", finding: unheard(found) });
            return;
        }
        Err(_) => {
            let found = format!("no answer on http://{operations} within {PATIENCE:?}");
            checks.push(Check { what: "server", finding: unheard(found) });
            return;
        }
    };
    checks.extend(judge(&told));
}

fn unheard(found: String) -> Finding {
    let advice = "it starts, or operations.listen differs from that of the server".to_owned();
    Doubtful(found, advice)
}

/// What a server tells.
struct Told {
    ready: bool,
    metrics: Metrics,
}

async fn ask(operations: SocketAddr) -> anyhow::Result<Told> {
    let (status, _) = get(operations, "/readyz").await?;
    let (_, text) = get(operations, "/metrics").await?;
    Ok(Told { ready: status == 200, metrics: Metrics::parse(&String::from_utf8_lossy(&text)) })
}

async fn get(at: SocketAddr, path: &str) -> anyhow::Result<(u16, Bytes)> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    Lifecycle::new().guest(async move {
        // Whoever waits for an answer learns of it by that answer.
        connection.await.ok();
    });
    let request =
        hyper::Request::get(path).header("host", "parlance").body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("{error}")).context("the answer")?;
    Ok((status, body.to_bytes()))
}

/// Values by name, with the labels as they are written.
#[derive(Debug, Default)]
struct Metrics(BTreeMap<String, Vec<(String, f64)>>);

impl Metrics {
    fn parse(text: &str) -> Self {
        let mut all: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            if let Ok(value) = value.parse() {
                let labels = labels.trim_end_matches('}').to_owned();
                all.entry(name.to_owned()).or_default().push((labels, value));
            }
        }
        Self(all)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &(String, f64)> {
        self.0.get(name).into_iter().flatten()
    }

    fn sum(&self, name: &str) -> f64 {
        self.all(name).map(|(_, value)| value).sum()
    }

    /// The largest, with its labels.
    fn largest(&self, name: &str) -> Option<&(String, f64)> {
        self.all(name).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn judge(told: &Told) -> Vec<Check> {
    let metrics = &told.metrics;
    let server = if told.ready {
        Good(format!("ready; {} sockets", metrics.sum("parlance_sockets")))
    } else {
        Broken(
            "runs and is not ready".to_owned(),
            "its log says why: it starts, stops, or an engine is away".to_owned(),
        )
    };
    let behind = metrics.largest("parlance_pool_lag_seconds");
    let records = metrics.sum("parlance_pool_lag_records");
    let lag = match behind {
        Some((pool, seconds)) if *seconds > LAG_SECONDS => Doubtful(
            format!("{seconds:.0} s behind ({pool}), {records} records in all"),
            "look at the log for retries; on shared engines start more workers of that pool"
                .to_owned(),
        ),
        _ => Good(format!("{records} records wait to be folded")),
    };
    let stalled: Vec<&str> = metrics
        .all("parlance_pool_stalled")
        .filter(|(_, value)| *value > 0.0)
        .map(|(pool, _)| pool.as_str())
        .collect();
    let mut checks =
        vec![Check { what: "server", finding: server }, Check { what: "lag", finding: lag }];
    if !stalled.is_empty() {
        let found = format!("stalled: {}", stalled.join(", "));
        let advice = "an engine is away or refuses: the log says which".to_owned();
        checks.push(Check { what: "pools", finding: Broken(found, advice) });
    }
    let broken = metrics.sum("parlance_invariant_violations_total");
    if broken > 0.0 {
        let found = format!("{broken} violations of invariants since the start");
        let advice = "a defect: keep the log and report it".to_owned();
        checks.push(Check { what: "invariants", finding: Broken(found, advice) });
    }
    checks
}

fn dead_letters(waiting: u64) -> Finding {
    if waiting > 0 {
        return Doubtful(
            format!("{waiting} wait"),
            "`parlance dlq list` shows them and why; then retry or drop them".to_owned(),
        );
    }
    Good("none wait".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Check> {
        judge(&Told { ready: true, metrics: Metrics::parse(text) })
    }

    fn of<'a>(checks: &'a [Check], what: &str) -> &'a Finding {
        &checks.iter().find(|check| check.what == what).unwrap().finding
    }

    #[test]
    fn a_server_that_keeps_up_is_good() {
        let checks =
            found("# HELP x y\nparlance_pool_lag_seconds{pool=\"persist\",partition=\"1\"} 0.02\n");
        assert!(checks.iter().all(|check| matches!(check.finding, Good(_))), "{checks:?}");
        let asleep = judge(&Told { ready: false, metrics: Metrics::default() });
        assert!(matches!(of(&asleep, "server"), Broken(..)));
    }

    #[test]
    fn lag_dead_letters_stalls_and_violations_are_told() {
        let checks = found(
            "parlance_pool_lag_seconds{pool=\"persist\",partition=\"1\"} 11\n\
             parlance_pool_lag_seconds{pool=\"feed\",partition=\"1\"} 2\n\
             parlance_pool_stalled{pool=\"feed\"} 1\n\
             parlance_invariant_violations_total{invariant=\"G-05\"} 1\n",
        );
        assert!(matches!(of(&checks, "lag"), Doubtful(what, _) if what.contains("persist")));
        assert!(matches!(dead_letters(1), Doubtful(..)));
        assert!(matches!(dead_letters(0), Good(_)));
        assert!(matches!(of(&checks, "pools"), Broken(what, _) if what.contains("feed")));
        assert!(matches!(of(&checks, "invariants"), Broken(..)));
    }
}
