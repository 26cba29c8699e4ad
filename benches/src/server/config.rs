//! The settings that a measured or tormented server runs with. The one place that knows their keys.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// One per node.
    pub nodes: Vec<SocketAddr>,
    /// Metrics and health.
    pub operations: SocketAddr,
}

impl Addresses {
    /// Loopback addresses with ports that are free now.
    pub fn free(nodes: usize) -> anyhow::Result<Self> {
        // All are held until all are known, so that none comes twice.
        let held = (0..=nodes)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut free = held.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
        let operations = free.swap_remove(0);
        Ok(Self { nodes: free, operations })
    }
}

/// Classes of requests that are limited.
const LIMITS: [&str; 7] = ["auth", "account", "messages", "writes", "reads", "search", "frames"];

/// The settings file. Durability is untouched; passwords are hashed cheaply and limits are raised,
/// so that a load of thousands of users can be made from one address. Limits stay on: what they
/// cost belongs to what is measured.
pub fn config(addresses: &Addresses, data: &Path) -> String {
    let nodes: Vec<String> = addresses.nodes.iter().map(|node| format!("\"{node}\"")).collect();
    format!(
        "[server]\n\
         listen = [{nodes}]\n\
         [operations]\n\
         listen = \"{operations}\"\n\
         [data]\n\
         dir = \"{data}\"\n\
         [auth]\n\
         argon2_memory_kib = 64\n\
         argon2_iterations = 1\n\
         {limits}",
        nodes = nodes.join(", "),
        operations = addresses.operations,
        data = data.display(),
        limits = limits(),
    )
}

/// The section of raised limits.
pub fn limits() -> String {
    let classes =
        LIMITS.map(|class| format!("{class} = {{ burst = 10000000, per_minute = 100000000 }}\n"));
    format!("[limits]\nunauthenticated_sockets = 100000\n{}", classes.concat())
}
