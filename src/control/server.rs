//! The server's side: the socket, how many may speak on it, and answers that go on for a while.

use std::convert::Infallible;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::Listener;
use axum::{Json, Router};
use futures_util::{StreamExt as _, stream};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use platform::lifecycle::{Lifecycle, Stopping};
use schemas::{ApiError, Code};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Failed, HELLO, NAME, address};

/// Connections that are served. As many more are answered `overloaded`; what comes above that is closed.
const CONNECTIONS: usize = 32;
/// Requests at once; more are refused with `overloaded`.
const REQUESTS: usize = 16;
/// Lines of a stream that wait for its reader.
const LINES: usize = 64;
/// Time for the head of a request, also of the first one, and again for its body.
const ASKING: Duration = Duration::from_secs(5);
/// Largest body of a request.
const ASK: usize = 2 << 20;
/// Time that a caller has, once the process stops, to take what waits for him.
const GRACE: Duration = Duration::from_secs(1);

/// Serves the socket of a data folder that this process has locked, until `life` stops.
pub(crate) fn start(dir: &Path, router: Router, life: &Lifecycle) -> io::Result<()> {
    let listener = bind(dir)?;
    let router = router
        .fallback(|| async { Refused::new(Code::NotFound, "there is no such command here") })
        .layer(middleware::from_fn_with_state(Arc::new(Semaphore::new(REQUESTS)), bounded))
        .route(HELLO, post(|| async { Json(()) }));
    let socket = dir.join(NAME);
    let stopping = life.stopping();
    life.component("control", async move {
        serve(listener, &socket, router, stopping).await;
        Ok(())
    });
    Ok(())
}

/// Serves until the process stops, and waits for what is under way then.
async fn serve(mut listener: UnixListener, socket: &Path, router: Router, mut stopping: Stopping) {
    let full = || async { Refused::new(Code::Overloaded, "too many connections: try again") };
    let full = Router::new().fallback(full);
    let (served, refused) =
        (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(CONNECTIONS)));
    let mut open = JoinSet::new();
    loop {
        let stream = tokio::select! {
            biased;
            () = stopping.wait() => break,
            Some(_) = open.join_next() => continue,
            (stream, _) = Listener::accept(&mut listener) => stream,
        };
        let (router, place) = if let Ok(place) = served.clone().try_acquire_owned() {
            (router.clone(), place)
        } else if let Ok(place) = refused.clone().try_acquire_owned() {
            (full.clone(), place)
        } else {
            continue;
        };
        open.spawn(connection(stream, router, place, stopping.clone()));
    }
    drop(listener);
    // Ours still: the lock of the folder ends with the process.
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, socket = %socket.display(), "could not be removed");
        }
        _ => {}
    }
    while open.join_next().await.is_some() {}
}

/// One connection: until its caller goes, or the process stops and his command has ended.
async fn connection(
    stream: UnixStream,
    router: Router,
    _place: OwnedSemaphorePermit,
    mut stopping: Stopping,
) {
    let io = TokioIo::new(Held::new(stream, stopping.clone()));
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ASKING)
            .serve_connection(io, TowerToHyperService::new(router))
    );
    let ended = tokio::select! {
        biased;
        () = stopping.wait() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
        ended = served.as_mut() => ended,
    };
    // A caller who leaves in the middle, or never asks.
    ended.unwrap_or_else(|error| tracing::debug!(%error, "a connection broke off"));
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

/// A connection that holds up a stop for a moment at most: a caller who is suspended reads nothing, and
/// what is on its way to him could not end.
struct Held {
    stream: UnixStream,
    late: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_late: bool,
}

impl Held {
    fn new(stream: UnixStream, mut stopping: Stopping) -> Self {
        let late = Box::pin(async move {
            stopping.wait().await;
            tokio::time::sleep(GRACE).await;
        });
        Self { stream, late, is_late: false }
    }

    /// What a write came to; an error if it would wait for the caller and there is no more time.
    fn unless_late<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        self.is_late = self.is_late || self.late.as_mut().poll(cx).is_ready();
        if self.is_late {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
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
        let written = Pin::new(&mut self.stream).poll_write(cx, from);
        self.unless_late(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Lets a request through if there is room and it is whole in time, and counts it until the last byte of
/// its answer.
async fn bounded(State(room): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(place) = room.try_acquire_owned() else {
        return Refused::new(Code::Overloaded, "too many commands at once: try again")
            .into_response();
    };
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(ASKING, axum::body::to_bytes(body, ASK)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => {
            return Refused(ApiError::invalid(vec![error.to_string()])).into_response();
        }
        Err(_) => {
            let late = format!("the request did not come within {ASKING:?}");
            return Refused(ApiError::invalid(vec![late])).into_response();
        }
    };
    let answer = next.run(Request::from_parts(head, Body::from(body))).await;
    answer.map(|body| {
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
        let body = Json(Failed { error: self.0 });
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
/// away or `life` stops, and the caller is told of a failure by the last line. That one has a place of its
/// own: it waits for nobody.
pub(crate) fn stream<W, F>(life: &Lifecycle, work: W) -> Response
where
    W: FnOnce(Lines) -> F,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(LINES);
    let (tell, told) = oneshot::channel();
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
            tell.send(line(&Failed { error })).ok();
        }
    });
    let lines = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let last = stream::once(told).filter_map(async |last| last.ok());
    let lines = lines.chain(last).map(Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
