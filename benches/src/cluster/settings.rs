//! The settings that all processes of a deployment share, and ports for them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::ensure;

use super::{Engine, Engines};
use crate::server::limits;

/// Ports are looked for from here on: below those that the system gives to outgoing connections,
/// which might take the port of a process while it is down.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// So many loopback addresses that are free now.
pub(super) fn free_ports(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    // Runs at the same time begin at different places.
    let width = PORTS.end - PORTS.start;
    let begin = u16::try_from(std::process::id() % 97).unwrap_or(0) * 120;
    let mut held = Vec::new();
    for step in 0..width {
        let port = PORTS.start + (begin + step) % width;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push(listener);
        }
        if held.len() == count {
            break;
        }
    }
    ensure!(held.len() == count, "{count} free ports are needed");
    Ok(held.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}

/// The settings file. One copy of everything, as a test machine has; few partitions, so that two
/// cores do not spend their time on empty ones; everything that is promised stays as it is.
pub(super) fn config(engines: Option<&Engines>, namespace: &str) -> String {
    let shared = engines.map_or_else(String::new, |engines| {
        format!(
            "namespace = \"{namespace}\"\n\
             [engines]\n\
             log = \"kafka\"\n\
             store = \"cql\"\n\
             ephemeral = \"redis\"\n\
             [kafka]\n\
             brokers = [\"{kafka}\"]\n\
             partitions = 12\n\
             replication = 1\n\
             min_insync = 1\n\
             [cql]\n\
             contact_points = [\"{cql}\"]\n\
             replication = 1\n\
             [redis]\n\
             url = \"redis://{redis}/0\"\n",
            kafka = engines.address(Engine::Kafka),
            cql = engines.address(Engine::Cql),
            redis = engines.address(Engine::Redis),
        )
    });
    let secret = |name: &str| format!("{name}-secret-of-one-test-run-{namespace}-0123456789abcdef");
    format!(
        "{shared}\
         [auth]\n\
         jwt_secret = \"{access}\"\n\
         jwt_refresh_secret = \"{refresh}\"\n\
         argon2_memory_kib = 64\n\
         argon2_iterations = 1\n\
         {limits}",
        access = secret("access"),
        refresh = secret("refresh"),
        limits = limits(),
    )
}
