//! Echo servers that public test suites of protocols expect, on the modules that serve chat: Engine.IO at
//! a path of its own, Socket.IO at `/socket.io/`, WebSocket at `/echo`.
//!
//! What they answer is what the suites say, so that nothing but the protocols is tested. They know no
//! users and keep nothing.

mod engine;
mod socket;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use platform::lifecycle::Lifecycle;

use crate::engineio::{self, Application, Options};

/// As the suites have it.
const PING_INTERVAL: Duration = Duration::from_millis(300);
/// As the suites have it.
const PING_TIMEOUT: Duration = Duration::from_millis(200);
/// As the suites have it.
const MAX_PAYLOAD: usize = 1_000_000;
/// For a client that does nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// For the peer to take a goodbye.
const LINGER: Duration = Duration::from_secs(1);

/// Why an echo can not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Where it is to be is no path, or is another's.
    #[error(
        "{0:?} can not be the path of Engine.IO: that is a slash and names of letters, digits, -, _, ., ~ with a slash between them, such as /engine.io/, and neither /socket.io/ nor /echo"
    )]
    Path(String),
}

/// The echoes; Engine.IO at `engine`. Serve it from a listener with `TCP_NODELAY`.
pub fn router(engine: &str, life: &Lifecycle) -> Result<Router, Error> {
    if !can_be(engine) {
        return Err(Error::Path(engine.to_owned()));
    }
    let engines = serve(engine, Arc::new(engine::Echo), life);
    let sockets = serve("/socket.io/", Arc::new(socket::Echo), life);
    let echo = any(websocket::handler);
    Ok(engines.merge(sockets).route("/echo", echo.clone()).route("/echo/", echo))
}

/// Whether Engine.IO can be there: a client asks for such a path as it stands.
fn can_be(path: &str) -> bool {
    let bare = path.strip_suffix('/').unwrap_or(path);
    let Some(names) = bare.strip_prefix('/') else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let name = |name: &str| !["", ".", ".."].contains(&name) && name.bytes().all(plain);
    names.split('/').all(name) && !["/socket.io", "/echo"].contains(&bare)
}

fn serve<A: Application>(path: &str, echo: Arc<A>, life: &Lifecycle) -> Router {
    let options = Options {
        path: path.to_owned(),
        ping_interval: PING_INTERVAL,
        ping_timeout: PING_TIMEOUT,
        max_payload: MAX_PAYLOAD,
        patience: PATIENCE,
    };
    engineio::router(options, echo, life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn engine_io_is_where_it_can_be() {
        let life = Lifecycle::new();
        for good in ["/engine.io/", "/engine.io", "/a/b/", "/A-1_~"] {
            assert!(router(good, &life).is_ok(), "{good}");
        }
        let taken = ["/socket.io", "/socket.io/", "/echo", "/echo/"];
        let none = ["", "/", "//", "engine.io", "/{a}", "/*a", "/a?b", "/a#b", "/é"];
        let unreachable =
            ["/engine.io//", "/a//b", "/a b", " /a", "/a ", "/a\n", "/./a", "/a/..", "/a%20b"];
        for bad in taken.iter().chain(&none).chain(&unreachable) {
            assert!(router(bad, &life).is_err(), "{bad}");
        }
    }
}
