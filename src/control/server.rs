//! The server's side: the socket, how many may speak on it, and answers that go on for a while.

use std::convert::Infallible;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use futures_util::{StreamExt as _, stream};
use platform::lifecycle::Lifecycle;
use schemas::{ApiError, Code};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{Failed, NAME, address};

/// Connections; more wait to be accepted.
const CONNECTIONS: usize = 32;
/// Requests at once; more are refused with `overloaded`.
const REQUESTS: usize = 16;
/// Lines of a stream that wait for its reader.
const LINES: usize = 64;

/// Serves the socket of a data folder that this process has locked, until `life` stops.
pub(crate) fn start(dir: &Path, router: Router, life: &Lifecycle) -> io::Result<()> {
    let listener = Bounded { inner: bind(dir)?, slots: Arc::new(Semaphore::new(CONNECTIONS)) };
    let router = router
        .fallback(|| async { Refused::new(Code::NotFound, "there is no such command here") })
        .layer(middleware::from_fn_with_state(Arc::new(Semaphore::new(REQUESTS)), bounded));
    let socket = dir.join(NAME);
    let mut stopping = life.stopping();
    life.component("control", async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(async move { stopping.wait().await })
            .await;
        // Ours still: the lock of the folder ends with the process.
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, socket = %socket.display(), "could not be removed");
            }
            _ => {}
        }
        served.map_err(|error| error.to_string())
    });
    Ok(())
}

/// Binds the socket out of sight, in a folder that nobody else may enter, and moves it to its place
/// when its mode is right: at no moment could another user have connected.
fn bind(dir: &Path) -> io::Result<UnixListener> {
    let nursery = dir.join(".control");
    match fs::remove_dir_all(&nursery) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let (name, folder) = address(&nursery, NAME)?;
    let listener = UnixListener::bind(name)?;
    drop(folder);
    let born = nursery.join(NAME);
    fs::set_permissions(&born, Permissions::from_mode(0o600))?;
    // Over the socket of a process that was killed, if there is one.
    fs::rename(born, dir.join(NAME))?;
    fs::remove_dir(nursery)?;
    Ok(listener)
}

/// A listener whose connections are counted.
struct Bounded {
    inner: UnixListener,
    slots: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        let slot = self.slots.clone().acquire_owned().await.expect("never closed");
        let (stream, from) = Listener::accept(&mut self.inner).await;
        (Held { stream, _slot: slot }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that takes a slot while it lives.
struct Held {
    stream: UnixStream,
    _slot: OwnedSemaphorePermit,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Lets a request through if there is room, and counts it until the last byte of its answer.
async fn bounded(State(room): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(place) = room.try_acquire_owned() else {
        return Refused::new(Code::Overloaded, "too many commands at once: try again")
            .into_response();
    };
    next.run(request).await.map(|body| {
        let counted = body.into_data_stream().map(move |part| {
            let _held = &place;
            part
        });
        Body::from_stream(counted)
    })
}

/// A refusal, in the form that all of Parlance uses.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) ApiError);

impl Refused {
    pub(crate) fn new(code: Code, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self(ApiError::new(code, message))
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status());
        let body = axum::Json(Failed { error: self.0 });
        (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response()
    }
}

/// Nobody reads the answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// The lines of an answer: JSON, one value a line. Waits for a reader that is slow.
#[derive(Clone, Debug)]
pub(crate) struct Lines(mpsc::Sender<Bytes>);

fn line(value: &impl Serialize) -> Bytes {
    let mut line = serde_json::to_vec(value).expect("an answer serialises");
    line.push(b'\n');
    Bytes::from(line)
}

impl Lines {
    /// Sends one line. No line may have `error` as a name at its top: that one ends a stream.
    pub(crate) async fn send(&self, value: &impl Serialize) -> Result<(), Gone> {
        self.0.send(line(value)).await.map_err(|_| Gone)
    }
}

/// An answer of JSON lines, made by `work` while they are read. The work is dropped when the caller goes
/// away or `life` stops, and the caller is told of a failure by the last line.
pub(crate) fn stream<W, F>(life: &Lifecycle, work: W) -> Response
where
    W: FnOnce(Lines) -> F,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(LINES);
    let running = work(Lines(sender.clone()));
    let mut stopping = life.stopping();
    life.guest(async move {
        let ended = tokio::select! {
            biased;
            () = sender.closed() => return,
            () = stopping.wait() => Err(ApiError::new(Code::Overloaded, "the server is stopping")),
            ended = running => ended,
        };
        if let Err(error) = ended {
            // The caller may have gone meanwhile: then nobody is left to be told.
            drop(sender.send(line(&Failed { error })).await);
        }
    });
    let lines = stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
