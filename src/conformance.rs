//! `parlance conformance`: echo servers for public test suites, on the protocol modules that serve chat.
//!
//! It needs no settings, keeps nothing and knows nobody: what is tested is how the protocols are spoken.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use axum::serve::ListenerExt as _;
use clap::Args;
use platform::lifecycle::Lifecycle;
use tokio::net::TcpListener;

use crate::roles::stop_signal;

/// Where it is when nobody says where.
const PORT: u16 = 3000;

/// What it is asked for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes a free one and says which. Else 127.0.0.1 and ::1, at $PORT or 3000
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where Engine.IO is
    #[arg(long, value_name = "PATH", default_value = "/engine.io/")]
    engine_path: String,
}

/// Behind the options.
pub(crate) const HELP: &str = "\
Socket.IO (ping interval 300 ms, ping timeout 200 ms, payload limit 1,000,000) is at /socket.io/, on its \
namespaces / and /custom: who connects is told `auth`, `message` comes back as `message-back`, \
`message-with-ack` as its ack. Engine.IO has the same limits, and every message comes back. WebSocket is \
at /echo, messages of up to 64 MiB. It is for test suites: pages of every origin may talk to it.

It has no settings: --config is refused.

Examples:
  parlance conformance                          for the suites of socket.io-protocol and engine.io-protocol
  parlance conformance --listen 127.0.0.1:9001  for Autobahn, at ws://127.0.0.1:9001/echo

Exit status: 0 after a stop that was asked for, 1 if it could not start.";

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(options: &Options, settings: Option<&Path>) -> anyhow::Result<()> {
    ensure!(settings.is_none(), "conformance has no settings: --config means nothing to it");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(options))
}

async fn serve(options: &Options) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let life = Lifecycle::new();
    let router = delivery::conformance::router(&options.engine_path, &life)?;
    let (first, second) = match options.listen {
        Some(address) => (bind(address).await?, None),
        None => localhost(port(std::env::var("PORT").ok())?).await?,
    };
    say(first.local_addr()?, &options.engine_path);
    for listener in std::iter::once(first).chain(second) {
        // Small packets must not wait for each other.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        let router = router.clone();
        life.component("echo", async move {
            axum::serve(listener, router).await.map_err(|error| error.to_string())
        });
    }
    tokio::select! {
        () = stop => Ok(()),
        died = life.stopped() => match died {
            Some(why) => bail!("{why}"),
            None => Ok(()),
        },
    }
}

/// The port that the environment asks for, as it does of a server.
fn port(asked: Option<String>) -> anyhow::Result<u16> {
    match asked.filter(|text| !text.is_empty()) {
        Some(text) => text.parse().with_context(|| format!("PORT={text} is not a port")),
        None => Ok(PORT),
    }
}

/// Both addresses of `localhost`: which of them a client asks is up to the client and its system.
async fn localhost(port: u16) -> anyhow::Result<(TcpListener, Option<TcpListener>)> {
    let first = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let second = SocketAddr::from((Ipv6Addr::LOCALHOST, first.local_addr()?.port()));
    match TcpListener::bind(second).await {
        Ok(second) => Ok((first, Some(second))),
        // Half of the clients would find somebody else.
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(refused(second, error)),
        // Many machines have no such address.
        Err(_) => Ok((first, None)),
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| refused(address, error))
}

fn refused(address: SocketAddr, error: std::io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("{address} can not be listened on"))
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(at: SocketAddr, engine: &str) {
    println!(
        "Socket.IO at http://{at}/socket.io/, Engine.IO at http://{at}{engine}, WebSocket at ws://{at}/echo"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_environment_if_it_has_one() {
        assert_eq!(port(None).unwrap(), PORT);
        assert_eq!(port(Some(String::new())).unwrap(), PORT);
        assert_eq!(port(Some("4000".to_owned())).unwrap(), 4000);
        for bad in ["x", "-1", "65536"] {
            let error = port(Some(bad.to_owned())).unwrap_err().to_string();
            assert_eq!(error, format!("PORT={bad} is not a port"));
        }
    }

    #[tokio::test]
    async fn localhost_is_both_of_its_addresses_where_there_are_two() {
        let there = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok();
        // The port that is free on the one may be somebody's on the other.
        let is_taken = |error: &anyhow::Error| {
            let cause = error.downcast_ref::<std::io::Error>();
            cause.is_some_and(|error| error.kind() == ErrorKind::AddrInUse)
        };
        let mut found = localhost(0).await;
        for _ in 0..8 {
            if found.as_ref().is_err_and(is_taken) {
                found = localhost(0).await;
            }
        }
        let (first, second) = found.unwrap();
        assert_eq!(second.is_some(), there);
        let port = first.local_addr().unwrap().port();
        if let Some(second) = &second {
            assert_eq!(second.local_addr().unwrap(), SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
        }
        drop(first);
        if second.is_some() {
            let error = localhost(port).await.unwrap_err().to_string();
            assert_eq!(error, format!("[::1]:{port} can not be listened on"), "somebody else's");
        }
    }

    #[test]
    fn settings_are_not_for_it() {
        let options = Options { listen: None, engine_path: "/engine.io/".to_owned() };
        let error = run(&options, Some(Path::new("parlance.toml"))).unwrap_err().to_string();
        assert!(error.contains("--config"), "{error}");
    }
}
