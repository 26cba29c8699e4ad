//! `parlance conformance`: echo servers for public test suites, on the protocol modules that serve chat.
//!
//! It needs no settings, keeps nothing and knows nobody: what is tested is how the protocols are spoken.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use axum::serve::ListenerExt as _;
use clap::Args;
use platform::lifecycle::Lifecycle;
use tokio::net::TcpListener;

use crate::roles::stop_signal;

/// What it is asked for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes a free one and says which
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
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

Examples:
  parlance conformance                          for the suites of socket.io-protocol and engine.io-protocol
  parlance conformance --listen 127.0.0.1:9001  for Autobahn, at ws://127.0.0.1:9001/echo

Exit status: 0 after a stop that was asked for, 1 if it could not start.";

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(options))
}

async fn serve(options: &Options) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let life = Lifecycle::new();
    let router = delivery::conformance::router(&options.engine_path, &life)?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("{} can not be listened on", options.listen))?;
    say(listener.local_addr()?, &options.engine_path);
    // Small packets must not wait for each other.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    life.component("echo", async move {
        axum::serve(listener, router).await.map_err(|error| error.to_string())
    });
    tokio::select! {
        () = stop => Ok(()),
        died = life.stopped() => match died {
            Some(why) => bail!("{why}"),
            None => Ok(()),
        },
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(at: SocketAddr, engine: &str) {
    println!(
        "Socket.IO at http://{at}/socket.io/, Engine.IO at http://{at}{engine}, WebSocket at ws://{at}/echo"
    );
}
