//! The connection to the cluster, and how requests are sent.
//!
//! Everything is read and written at LOCAL_QUORUM, conditional writes at LOCAL_SERIAL: with three
//! copies, a read meets every write that was acknowledged before it began (G-13). That holds within
//! one data centre only, so nodes of another one are never asked, and a cluster of several data
//! centres is not used without being told which.

use std::sync::Arc;
use std::time::Duration;

use platform::config::Cql;
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::DefaultRetryPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::policies::timestamp_generator::MonotonicTimestampGenerator;
use scylla::statement::{Consistency, SerialConsistency};

use super::Error;
use super::error;

/// A read that is not answered by then is asked of another node too. Safe at a quorum: whichever
/// answer comes first belongs to a read that began after the caller's, so it holds all that was
/// acknowledged before. Several times what a healthy node takes, so that it is rare.
const ASK_ANOTHER_AFTER: Duration = Duration::from_millis(100);

/// The connection and the two ways of sending.
pub(super) struct Connection {
    pub session: Session,
    /// For reads; all else goes by the session's default.
    pub reads: ExecutionProfileHandle,
    /// The data centre that counts.
    pub datacenter: String,
}

/// Connects. `keyspace`: the only one whose placement is of interest, for routing by token.
pub(super) async fn connect(config: &Cql, keyspace: &str) -> Result<Connection, Error> {
    let timeout = Duration::from_millis(config.timeout_ms);
    let policy = |datacenter: &str| {
        let policy = DefaultPolicy::builder().token_aware(true).permit_dc_failover(false);
        if datacenter.is_empty() {
            return policy.build();
        }
        policy.prefer_datacenter(datacenter.to_owned()).build()
    };
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(timeout))
        .retry_policy(Arc::new(DefaultRetryPolicy::new()))
        .load_balancing_policy(policy(&config.datacenter))
        .build();
    let another =
        SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: ASK_ANOTHER_AFTER };
    let reads = profile.to_builder().speculative_execution_policy(Some(Arc::new(another))).build();
    let (mut all, mut reads) = (profile.clone().into_handle(), reads.into_handle());
    let mut builder = SessionBuilder::new()
        .known_nodes(&config.contact_points)
        .default_execution_profile_handle(all.clone())
        .connection_timeout(timeout)
        .keyspaces_to_fetch([keyspace])
        .timestamp_generator(Arc::new(MonotonicTimestampGenerator::new()));
    if !config.username.is_empty() {
        builder = builder.user(&config.username, &config.password);
    }
    let session = builder.build().await.map_err(|e| error::connect(&e))?;
    let datacenter = datacenter(&session, &config.datacenter)?;
    // The only one, if none was named: one that is added later is not to be asked unawares, for its
    // nodes answer before they have what the others have.
    for handle in [&mut all, &mut reads] {
        let pinned = handle.pointee_to_builder().load_balancing_policy(policy(&datacenter));
        handle.map_to_another_profile(pinned.build());
    }
    Ok(Connection { session, reads, datacenter })
}

fn datacenter(session: &Session, wanted: &str) -> Result<String, Error> {
    let state = session.get_cluster_state();
    let mut found: Vec<&str> =
        state.get_nodes_info().iter().filter_map(|node| node.datacenter.as_deref()).collect();
    found.sort_unstable();
    found.dedup();
    match (wanted, found.as_slice()) {
        ("", [only]) => Ok((*only).to_owned()),
        ("", several) => Err(Error::Failed(format!(
            "the cluster has the data centres {}: say by cql.datacenter which one counts",
            several.join(", ")
        ))),
        (wanted, found) if found.contains(&wanted) => Ok(wanted.to_owned()),
        (wanted, found) => Err(Error::Failed(format!(
            "no data centre is called {wanted:?}; there is {}",
            found.join(", ")
        ))),
    }
}
