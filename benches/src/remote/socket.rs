//! `/ws`: one connection, its requests in order, its events in order.
//!
//! Two tasks own the halves of the connection. A request takes its place in the queue at the call;
//! its answer finds it by id. When the connection ends, whatever waited is unknown.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::BoxFuture;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message as Wire, Utf8Bytes};
use uuid::Uuid;

use super::rest::settle;
use super::view;
use crate::history::{Outcome, Seen};
use crate::target::{Event, Events, Message, Sender};
use crate::task::spawn;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Requests that wait to be written.
const QUEUE: usize = 1_024;
/// Events that wait to be taken.
const EVENTS: usize = 16_384;

/// One connection.
pub(crate) type Connection = WebSocketStream<TcpStream>;
/// Requests by id, each with whoever waits for its answer; none once the connection has ended.
type Waiting = Mutex<Option<HashMap<u64, oneshot::Sender<Outcome<Seen>>>>>;

/// The sending half.
#[derive(Clone, Debug)]
pub struct Line {
    requests: mpsc::Sender<Utf8Bytes>,
    /// Requests without an answer; none once the connection has ended.
    waiting: Arc<Waiting>,
    ids: Arc<AtomicU64>,
}

/// The receiving half.
#[derive(Debug)]
pub struct Push {
    events: mpsc::Receiver<Event>,
    /// 0: no close frame came.
    code: Arc<AtomicU16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    ok: Option<bool>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    conversation_id: Option<Uuid>,
    rev: Option<i64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

pub(super) async fn open(authority: &str, token: &str) -> anyhow::Result<(Line, Push)> {
    tokio::time::timeout(PATIENCE, opened(authority, token)).await.context("opening a socket")?
}

async fn opened(authority: &str, token: &str) -> anyhow::Result<(Line, Push)> {
    let mut connection = dial(authority).await?;
    let auth = format!(r#"{{"id":"0","type":"auth","data":{{"token":"{token}"}}}}"#);
    connection.send(Wire::text(auth)).await?;
    let answer = next_text(&mut connection).await.context("no answer to auth")?;
    let frame: Frame<'_> = serde_json::from_str(&answer)?;
    if frame.ok != Some(true) {
        bail!("auth was refused: {answer}");
    }
    let (write, read) = connection.split();
    let (requests, queue) = mpsc::channel(QUEUE);
    let (events, pushed) = mpsc::channel(EVENTS);
    let waiting: Arc<Waiting> = Arc::new(Mutex::new(Some(HashMap::new())));
    spawn(write_all(write, queue));
    let code = Arc::new(AtomicU16::new(0));
    spawn(read_all(read, events, waiting.clone(), code.clone()));
    let line = Line { requests, waiting, ids: Arc::new(AtomicU64::new(1)) };
    Ok((line, Push { events: pushed, code }))
}

/// A connection with the subprotocol agreed, before `auth`.
pub(crate) async fn dial(authority: &str) -> anyhow::Result<Connection> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{authority}/ws").into_client_request()?;
    let protocol = HeaderValue::from_static("parlance.v1");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let config = WebSocketConfig::default().read_buffer_size(8 << 10).write_buffer_size(8 << 10);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(opened.0)
}

async fn next_text(connection: &mut Connection) -> anyhow::Result<Utf8Bytes> {
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

async fn read_all(
    mut read: SplitStream<Connection>,
    events: mpsc::Sender<Event>,
    waiting: Arc<Waiting>,
    code: Arc<AtomicU16>,
) {
    while let Some(Ok(message)) = read.next().await {
        let text = match message {
            Wire::Text(text) => text,
            Wire::Close(Some(close)) => {
                code.store(close.code.into(), Ordering::SeqCst);
                continue;
            }
            _ => continue,
        };
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(&text) else { break };
        if let Some(id) = &frame.id {
            let asker = id.parse().ok().and_then(|id: u64| waiting.lock().as_mut()?.remove(&id));
            if let Some(asker) = asker {
                // Whoever asked may have left.
                drop(asker.send(outcome(&frame)));
            }
        } else if frame.kind.as_deref() == Some("resync") {
            // The server dropped what was queued: this connection is no witness any more. It would
            // be closed with this code if it went on like this.
            code.store(4508, Ordering::SeqCst);
            break;
        } else if let Some(event) = event(&frame)
            && events.send(event).await.is_err()
        {
            break;
        }
    }
    // Dropping the askers tells them.
    drop(waiting.lock().take());
}

fn outcome(frame: &Frame<'_>) -> Outcome<Seen> {
    match (frame.ok, frame.data, &frame.error) {
        (Some(true), Some(data), _) => match view::bare(data.get()) {
            Ok(seen) => Outcome::Ok(seen),
            Err(error) => Outcome::Unknown(format!("unreadable: {error}")),
        },
        (Some(false), _, Some(refusal)) => {
            let known = schemas::Code::ALL.iter().find(|code| code.text() == refusal.code);
            settle(refusal.code.to_string(), known.map_or(500, |code| code.status()))
        }
        _ => Outcome::Unknown("unreadable".to_owned()),
    }
}

/// Events with a rev; feed entries have none.
fn event(frame: &Frame<'_>) -> Option<Event> {
    let kind = frame.kind.as_deref()?;
    let message = match kind {
        "message.created" => view::bare(frame.data?.get()).ok(),
        _ => None,
    };
    Some(Event {
        conversation: frame.conversation_id?,
        kind: Arc::from(kind),
        rev: frame.rev?,
        message,
    })
}

impl Sender for Line {
    fn send(&self, message: &Message) -> BoxFuture<'static, Outcome<Seen>> {
        let unknown = |why: &str| Outcome::Unknown(why.to_owned());
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let Ok(data) = serde_json::to_string(&view::Send::new(message, true)) else {
            return Box::pin(std::future::ready(unknown("not JSON")));
        };
        let frame = format!(r#"{{"id":"{id}","type":"message.send","data":{data}}}"#);
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

impl Events for Push {
    async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    fn close_code(&self) -> Option<u16> {
        Some(self.code.load(Ordering::SeqCst)).filter(|code| *code > 0)
    }
}
