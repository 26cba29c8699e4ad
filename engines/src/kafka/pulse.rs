//! A client that has no broker left is given its first ones again.
//!
//! librdkafka forgets every broker that a metadata answer does not list. A cluster of one node that
//! has just started may list none for a moment; then the client has nobody left to ask and never asks
//! again, without a word (confluentinc/librdkafka issue 5301, in 2.11 to 2.13 at least). What it still
//! does is to count: its statistics name the brokers that it knows of. Where there is none, neither a
//! configured one nor one that was learned, its thread adds the configured ones again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;

use super::ffi;

/// Time between two looks. A client without brokers is silent for about twice as long, and longer while
/// its thread waits for an answer.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// Whether a client has brokers, as far as its statistics tell.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    lost: AtomicBool,
}

impl Pulse {
    /// Takes the statistics of the client.
    pub(super) fn read(&self, statistics: &[u8]) {
        if knows_nobody(statistics) {
            self.lost.store(true, Ordering::Relaxed);
        }
    }

    /// Helps the client if it needs it; `brokers` are those that it was configured with.
    pub(super) fn check<C: ClientContext>(&self, client: &Client<C>, role: &str, brokers: &str) {
        if !self.lost.swap(false, Ordering::Relaxed) {
            return;
        }
        match ffi::add_brokers(client, brokers) {
            Ok(()) => tracing::warn!(
                target: "rdkafka", role,
                "a client had no broker left, because the cluster named none: it begins anew"
            ),
            Err(error) => {
                tracing::error!(target: "rdkafka", role, error, "a client has no broker left");
            }
        }
    }
}

/// Statistics that list brokers, but none that could be asked: only the two kinds that stand for no
/// address of their own.
fn knows_nobody(statistics: &[u8]) -> bool {
    let has = |text: &str| statistics.windows(text.len()).any(|at| at == text.as_bytes());
    has(r#""brokers":"#) && !has(r#""source":"learned""#) && !has(r#""source":"configured""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_without_addresses_knows_nobody() {
        let brokers = |sources: &[&str]| {
            let of = |source: &&str| format!(r#""x": {{ "name":"x", "source":"{source}", }}"#);
            let list: Vec<String> = sources.iter().map(of).collect();
            format!(r#"{{ "name": "x", "brokers":{{ {} }}, "topics":{{}} }}"#, list.join(", "))
        };
        for known in [vec!["learned"], vec!["configured", "internal"], vec!["logical", "learned"]] {
            assert!(!knows_nobody(brokers(&known).as_bytes()), "{known:?}");
        }
        assert!(knows_nobody(brokers(&["internal", "logical"]).as_bytes()));
        assert!(knows_nobody(brokers(&[]).as_bytes()));
        assert!(!knows_nobody(b"{}"), "what is not understood is no reason to act");
    }
}
