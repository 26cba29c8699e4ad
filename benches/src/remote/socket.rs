//! `/ws`: one connection, its requests in order, its events in order.
//!
//! Two tasks own the halves of the connection. A request takes its place in the queue at the call;
//! its answer finds it by id. When the connection ends, whatever waited is unknown.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::BoxFuture;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
#[cfg(feature = "harness")]
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message as Wire, Utf8Bytes};
use uuid::Uuid;

use super::heard::{Frame, Meaning};
use super::{deed, view};
use crate::history::{Cursors, Outcome, Seen};
use crate::target::{Deed, Events, Heard, Message, Sender, User};
use crate::task::spawn;

/// Longest wait for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Requests that wait to be written.
const QUEUE: usize = 1_024;
/// Bytes that a narrow connection takes.
#[cfg(feature = "harness")]
const NARROW: u32 = 16_384;
/// Events that wait to be taken.
const EVENTS: usize = 16_384;

/// One connection.
pub(crate) type Connection = WebSocketStream<TcpStream>;
/// Requests by id, each with whoever waits for its answer; none once the connection has ended.
type Waiting = Mutex<Option<HashMap<u64, oneshot::Sender<Outcome<Box<str>>>>>>;

/// The sending half.
#[derive(Clone, Debug)]
pub struct Line {
    requests: mpsc::Sender<Utf8Bytes>,
    /// Requests without an answer; none once the connection has ended.
    waiting: Arc<Waiting>,
    ids: Arc<AtomicU64>,
    speaks: Speaks,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// `/ws`.
    Frames,
    /// Socket.IO.
    Packets,
}

/// The receiving half. Dropped, it cuts the connection.
#[derive(Debug)]
pub struct Push {
    heard: mpsc::Receiver<Heard>,
    /// 0: no close frame came.
    code: Arc<AtomicU16>,
    halves: [JoinHandle<()>; 2],
    waiting: Arc<Waiting>,
}

impl Drop for Push {
    fn drop(&mut self) {
        for half in &self.halves {
            half.abort();
        }
        // Dropping the askers tells them.
        drop(self.waiting.lock().take());
    }
}

pub(super) async fn open(
    authority: &str,
    user: &User,
    cursors: Option<&Cursors>,
) -> anyhow::Result<(Line, Push)> {
    let opened = opened(authority, user, cursors);
    tokio::time::timeout(PATIENCE, opened).await.context("opening a socket")?
}

async fn opened(
    authority: &str,
    user: &User,
    cursors: Option<&Cursors>,
) -> anyhow::Result<(Line, Push)> {
    let (connection, backlog) = admitted(authority, user, cursors).await?;
    Ok(halves(connection, Speaks::Frames, |reader, read| reader.read_all(user.id, backlog, read)))
}

/// The halves of a connection, each with a task of its own.
pub(super) fn halves<R: Future<Output = ()> + Send + 'static>(
    connection: Connection,
    speaks: Speaks,
    reading: impl FnOnce(Reader, SplitStream<Connection>) -> R,
) -> (Line, Push) {
    let (write, read) = connection.split();
    let (requests, queue) = mpsc::channel(QUEUE);
    let (events, heard) = mpsc::channel(EVENTS);
    let waiting: Arc<Waiting> = Arc::new(Mutex::new(Some(HashMap::new())));
    let code = Arc::new(AtomicU16::new(0));
    let answers = requests.clone();
    let reader = Reader { events, waiting: waiting.clone(), code: code.clone(), answers };
    let halves = [spawn(write_all(write, queue)), spawn(reading(reader, read))];
    let ids = Arc::new(AtomicU64::new(1));
    let line = Line { requests, waiting: waiting.clone(), ids, speaks };
    (line, Push { heard, code, halves, waiting })
}

/// An authenticated connection, and what it has said beside that.
async fn admitted(
    authority: &str,
    user: &User,
    cursors: Option<&Cursors>,
) -> anyhow::Result<(Connection, Vec<Utf8Bytes>)> {
    enter(dial(authority).await?, user, cursors).await
}

async fn enter(
    mut connection: Connection,
    user: &User,
    cursors: Option<&Cursors>,
) -> anyhow::Result<(Connection, Vec<Utf8Bytes>)> {
    let cursors = cursors.map_or(Ok(String::new()), |cursors| {
        let feed = cursors.feed.map_or(String::new(), |feed| format!(r#","feed":{feed}"#));
        let conversations = serde_json::to_string(&cursors.conversations);
        conversations.map(|all| format!(r#","cursors":{{"conversations":{all}{feed}}}"#))
    })?;
    let auth =
        format!(r#"{{"id":"0","type":"auth","data":{{"token":"{}"{cursors}}}}}"#, user.token);
    connection.send(Wire::text(auth)).await?;
    let mut backlog = Vec::new();
    loop {
        let text = next_text(&mut connection).await.context("no answer to auth")?;
        let frame: Frame<'_> = serde_json::from_str(&text)?;
        if frame.is_sync() || frame.id.is_none() {
            backlog.push(text);
        } else if frame.ok == Some(true) {
            return Ok((connection, backlog));
        } else {
            bail!("auth was refused: {text}");
        }
    }
}

/// Reads a conversation's journal from its beginning; whether one of the needles is in it.
pub(super) async fn journal(
    authority: &str,
    user: &User,
    conversation: Uuid,
    needles: &[Arc<str>],
) -> Outcome<bool> {
    let cursors = Cursors { conversations: [(conversation, 0)].into_iter().collect(), feed: None };
    let read = async {
        let (mut connection, backlog) = admitted(authority, user, Some(&cursors)).await?;
        let (mut backlog, mut found) = (backlog.into_iter(), false);
        loop {
            let text = match backlog.next() {
                Some(text) => text,
                None => next_text(&mut connection).await?,
            };
            let frame: Frame<'_> = serde_json::from_str(&text)?;
            found |= deed::shows(text.as_bytes(), needles);
            if frame.kind.as_deref() == Some("sync.done") {
                anyhow::ensure!(frame.ok == Some(true), "{text}");
                return anyhow::Ok(found);
            }
        }
    };
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(found)) => Outcome::Ok(found),
        Ok(Err(error)) => Outcome::Unknown(error.to_string()),
        Err(_) => Outcome::Unknown("timeout".to_owned()),
    }
}

/// An authenticated connection that takes little before it is read, so that the server soon meets one who
/// does not read.
#[cfg(feature = "harness")]
pub(crate) async fn narrow(authority: &str, user: &User) -> anyhow::Result<Connection> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(NARROW)?;
    let stream = socket.connect(authority.parse()?).await?;
    Ok(enter(upgraded(authority, stream).await?, user, None).await?.0)
}

/// A connection with the subprotocol agreed, before `auth`.
pub(crate) async fn dial(authority: &str) -> anyhow::Result<Connection> {
    upgraded(authority, TcpStream::connect(authority).await?).await
}

async fn upgraded(authority: &str, stream: TcpStream) -> anyhow::Result<Connection> {
    let mut request = format!("ws://{authority}/ws").into_client_request()?;
    let protocol = HeaderValue::from_static("parlance.v1");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    shaken(request, stream).await
}

/// A connection that the server has agreed to.
pub(super) async fn shaken(request: Request<()>, stream: TcpStream) -> anyhow::Result<Connection> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(8 << 10).write_buffer_size(8 << 10);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(opened.0)
}

pub(super) async fn next_text(connection: &mut Connection) -> anyhow::Result<Utf8Bytes> {
    while let Some(message) = connection.next().await {
        match message? {
            Wire::Text(text) => return Ok(text),
            Wire::Close(close) => bail!("closed: {close:?}"),
            _ => {}
        }
    }
    bail!("the connection ended")
}

async fn write_all(mut write: SplitSink<Connection, Wire>, mut queue: mpsc::Receiver<Utf8Bytes>) {
    while let Some(text) = queue.recv().await {
        if write.feed(Wire::Text(text)).await.is_err() {
            return;
        }
        while let Ok(more) = queue.try_recv() {
            if write.feed(Wire::Text(more)).await.is_err() {
                return;
            }
        }
        if write.flush().await.is_err() {
            return;
        }
    }
}

/// The reading half at work.
pub(super) struct Reader {
    pub(super) events: mpsc::Sender<Heard>,
    waiting: Arc<Waiting>,
    pub(super) code: Arc<AtomicU16>,
    /// For what the server is answered at once.
    pub(super) answers: mpsc::Sender<Utf8Bytes>,
}

impl Reader {
    async fn read_all(
        self,
        user: Uuid,
        backlog: Vec<Utf8Bytes>,
        mut read: SplitStream<Connection>,
    ) {
        let mut goes_on = true;
        for text in backlog {
            goes_on = goes_on && self.read(user, &text).await;
        }
        while goes_on && let Some(Ok(message)) = read.next().await {
            match message {
                Wire::Text(text) => goes_on = self.read(user, &text).await,
                Wire::Close(Some(close)) => self.code.store(close.code.into(), Ordering::SeqCst),
                _ => {}
            }
        }
        self.end();
    }

    /// Nothing is answered any more.
    pub(super) fn end(&self) {
        // Dropping the askers tells them.
        drop(self.waiting.lock().take());
    }

    /// The answer to a request.
    pub(super) fn answered(&self, id: u64, outcome: Outcome<Box<str>>) {
        let asker = self.waiting.lock().as_mut().and_then(|waiting| waiting.remove(&id));
        if let Some(asker) = asker {
            // Whoever asked may have left.
            drop(asker.send(outcome));
        }
    }

    /// Takes a frame; whether the connection is worth something still.
    async fn read(&self, user: Uuid, text: &str) -> bool {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return false };
        if let Some(id) = frame.id.as_deref().filter(|_| !frame.is_sync()) {
            if let Ok(id) = id.parse() {
                self.answered(id, frame.outcome());
            }
            return true;
        }
        match frame.meaning(text, user) {
            Meaning::Nothing => true,
            Meaning::Heard(all) => {
                for heard in all {
                    if self.events.send(heard).await.is_err() {
                        return false;
                    }
                }
                true
            }
            Meaning::Over => {
                // The server dropped what was queued, or gave a sync up: this connection is no witness
                // any more. It would be closed with this code if it went on like this.
                self.code.store(4508, Ordering::SeqCst);
                false
            }
        }
    }
}

impl Line {
    /// Takes its place in the queue now; the future waits for the answer.
    fn ask(&self, kind: &str, data: &str) -> BoxFuture<'static, Outcome<Box<str>>> {
        let unknown = |why: &str| Outcome::Unknown(why.to_owned());
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let frame = match self.speaks {
            Speaks::Frames => format!(r#"{{"id":"{id}","type":"{kind}","data":{data}}}"#),
            Speaks::Packets => format!(r#"42{id}["{kind}",{data}]"#),
        };
        let (asker, answer) = oneshot::channel();
        let queued = match self.waiting.lock().as_mut() {
            Some(waiting) => {
                waiting.insert(id, asker);
                self.requests.try_send(Utf8Bytes::from(frame)).is_ok()
            }
            None => false,
        };
        let waiting = self.waiting.clone();
        Box::pin(async move {
            if !queued {
                return unknown("cut");
            }
            match tokio::time::timeout(PATIENCE, answer).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => unknown("cut"),
                Err(_) => {
                    if let Some(waiting) = waiting.lock().as_mut() {
                        waiting.remove(&id);
                    }
                    unknown("timeout")
                }
            }
        })
    }
}

/// Reads the data of an answer.
fn read<T>(outcome: Outcome<Box<str>>, read: impl FnOnce(&str) -> anyhow::Result<T>) -> Outcome<T> {
    match outcome {
        Outcome::Ok(data) => match read(&data) {
            Ok(value) => Outcome::Ok(value),
            Err(error) => Outcome::Unknown(format!("unreadable: {error}")),
        },
        Outcome::Fail(code) => Outcome::Fail(code),
        Outcome::Unknown(why) => Outcome::Unknown(why),
    }
}

impl Sender for Line {
    fn send(&self, message: &Message) -> BoxFuture<'static, Outcome<Seen>> {
        match serde_json::to_string(&view::Send::new(message, true)) {
            Ok(data) => {
                let asked = match self.speaks {
                    Speaks::Frames => self.ask("message.send", &data),
                    Speaks::Packets => {
                        self.ask("message:send", &format!(r#"{{"message":{data}}}"#))
                    }
                };
                asked.map(|answer| read(answer, view::bare)).boxed()
            }
            Err(_) => std::future::ready(Outcome::Unknown("not JSON".to_owned())).boxed(),
        }
    }

    fn act(&self, deed: &Deed) -> Option<BoxFuture<'static, Outcome<Option<Seen>>>> {
        let (kind, data) = match self.speaks {
            Speaks::Frames => deed::frame(deed)?,
            Speaks::Packets => deed::event(deed)?,
        };
        let what = deed.what.clone();
        let answer = self.ask(kind, &data);
        Some(answer.map(move |answer| read(answer, |data| deed::message(&what, data))).boxed())
    }
}

impl Events for Push {
    async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    fn close_code(&self) -> Option<u16> {
        Some(self.code.load(Ordering::SeqCst)).filter(|code| *code > 0)
    }
}
