//! A node with a listener, and clients of it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::serve::ListenerExt;
use bytes::Bytes;
use delivery::{Config, Delivery, Timing};
use futures_util::{FutureExt, SinkExt, StreamExt};
use platform::Platform;
use platform::lifecycle::Lifecycle;
use platform::node::{Node, Sink};
use platform::port::clock::SystemClock;
use platform::port::ephemeral::Route;
use platform::telemetry::Metrics;
use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::frame::EventFrame;
use schemas::outbound::Outbound;
use schemas::{CommandId, Position, Rev, Timestamp};
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};
use uuid::Uuid;

use crate::fakes::{FakeEphemeral, FakeInbound, FakeLog};
use crate::world::{TestStore, World};
pub(crate) use crate::world::{conversation, user};

/// Longest wait for anything that should come at once.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) node: Arc<Node>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) inbound: Arc<FakeInbound>,
    pub(crate) store: Arc<TestStore>,
    pub(crate) ephemeral: Arc<FakeEphemeral>,
    pub(crate) log: Arc<FakeLog>,
    pub(crate) metrics: Metrics,
    pub(crate) life: Lifecycle,
}

pub(crate) async fn server() -> Server {
    server_with(Config::default()).await
}

pub(crate) async fn server_in(timing: Timing) -> Server {
    server_with(Config { timing, ..Config::default() }).await
}

pub(crate) async fn server_with(config: Config) -> Server {
    let store = Arc::new(TestStore::new(Duration::from_millis(20)));
    let ephemeral = Arc::new(FakeEphemeral::default());
    let log = Arc::new(FakeLog::default());
    let platform = Platform {
        log: log.clone(),
        store: store.clone(),
        ephemeral: ephemeral.clone(),
        clock: Arc::new(SystemClock),
        metrics: Metrics::new(),
    };
    let life = Lifecycle::new();
    let node = Node::start(&platform, &life).await.unwrap();
    let inbound = Arc::new(FakeInbound::default());
    let delivery = Delivery::start(&platform, node.clone(), inbound.clone(), &life, config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let router = delivery.router();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    life.guest(async move { axum::serve(listener, service).await.unwrap() });
    let metrics = platform.metrics.clone();
    let sink = delivery.sink();
    Server { address, delivery, node, sink, inbound, store, ephemeral, log, metrics, life }
}

impl Server {
    pub(crate) async fn connect(&self) -> Client {
        self.connect_with(&[]).await.unwrap()
    }

    pub(crate) async fn connect_with(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, u16> {
        self.connect_to("/ws", headers).await
    }

    pub(crate) async fn connect_to(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, u16> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Client(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// A socket of user `user`, session `session`.
    pub(crate) async fn enter(&self, user: u128, session: u128) -> Client {
        let mut client = self.connect().await;
        let answer = client.auth(&format!("{user}/{session}")).await;
        assert_eq!(answer["ok"], true, "{answer}");
        client
    }

    /// The same with a small window, so that the server soon meets one who does not read.
    pub(crate) async fn enter_narrow(&self, user: u128, session: u128) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16_384).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        let stream = MaybeTlsStream::Plain(stream);
        let mut client = Client(client_async(request, stream).await.unwrap().0);
        let answer = client.auth(&format!("{user}/{session}")).await;
        assert_eq!(answer["ok"], true, "{answer}");
        client
    }

    pub(crate) fn deliver(&self, batch: Vec<Outbound>) {
        self.sink.deliver(batch);
    }

    pub(crate) fn sockets(&self) -> i64 {
        self.metrics.sockets.get()
    }

    pub(crate) fn routed(&self, user: u128) -> bool {
        let routes = self.ephemeral.routes.lock();
        routes.get(&Route::User(crate::world::user(user))).is_some_and(|nodes| !nodes.is_empty())
    }

    pub(crate) fn scans(&self) -> usize {
        self.store.scans.load(Ordering::SeqCst)
    }

    /// Journals the changes up to `rev`.
    pub(crate) fn journal(&self, conversation: u128, upto: Rev) {
        for rev in 1..=upto {
            let frame = EventFrame::read(frame(rev)).unwrap();
            let position = Position { epoch: 1, partition: 0, offset: rev.unsigned_abs() };
            let change = Change {
                conversation: crate::world::conversation(conversation),
                rev,
                position,
                command: CommandId(Uuid::nil()),
                at: Timestamp(0),
                once: None,
                frame,
                effect: Effect::Roles { members: Vec::new() },
            };
            self.store.put(&change.row(), position.stamp());
        }
    }

    /// Conversations and feeds in its store.
    pub(crate) fn world(&self) -> World {
        World::new(self.store.clone())
    }
}

/// Waits until something holds.
pub(crate) async fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Runs what counts on this process being quick: what failed while it stalled for so long begins anew, a few
/// times.
pub(crate) async fn unless_stalled(stall: Duration, attempt: impl AsyncFn()) {
    const TRIES: usize = 8;
    for others in (0..TRIES).rev() {
        let longest = Cell::new(Duration::ZERO);
        let watch = async {
            loop {
                let start = tokio::time::Instant::now();
                tokio::time::sleep(Duration::from_millis(5)).await;
                longest.set(longest.get().max(start.elapsed()));
            }
        };
        let outcome = tokio::select! {
            // A stall is seen before what came of it.
            biased;
            () = watch => unreachable!("it watches for ever"),
            outcome = AssertUnwindSafe(attempt()).catch_unwind() => outcome,
        };
        match outcome {
            Ok(()) => return,
            Err(_) if others > 0 && longest.get() >= stall => {}
            Err(failure) => resume_unwind(failure),
        }
    }
}

pub(crate) fn frame(rev: Rev) -> Bytes {
    Bytes::from(format!(r#"{{"type":"message.created","rev":{rev},"data":{{}}}}"#))
}

pub(crate) fn event(conversation: u128, rev: Rev, audience: &[u128]) -> Outbound {
    sized(conversation, rev, audience, frame(rev))
}

pub(crate) fn sized(conversation: u128, rev: Rev, audience: &[u128], frame: Bytes) -> Outbound {
    let members: Vec<_> = audience.iter().map(|&number| user(number)).collect();
    Outbound::Event {
        conversation: crate::world::conversation(conversation),
        rev,
        audience: schemas::event::pack(&members),
        left: Bytes::new(),
        flip: false,
        frame,
    }
}

/// Cursors as JSON.
pub(crate) fn cursors(conversations: &[(u128, Rev)], feed: Option<Rev>) -> String {
    let conversations: Vec<_> =
        conversations.iter().map(|(id, rev)| format!(r#""{}":{rev}"#, conversation(*id))).collect();
    let feed = feed.map_or(String::new(), |feed| format!(r#","feed":{feed}"#));
    format!(r#"{{"conversations":{{{}}}{feed}}}"#, conversations.join(","))
}

/// The revs, or numbers of entries, that frames of a sync or live ones bring.
pub(crate) fn numbers(frames: &[Value]) -> Vec<Rev> {
    let events = frames.iter().flat_map(|frame| match frame["data"].as_array() {
        Some(events) => events.clone(),
        None => vec![frame.clone()],
    });
    let number = |event: Value| event["rev"].as_i64().or_else(|| event["feed"].as_i64());
    events.filter_map(number).collect()
}

pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a client hears.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Frame(Value),
    Close(u16),
    Gone,
}

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn request(&mut self, id: &str, kind: &str, data: &str) {
        self.send(&format!(r#"{{"id":"{id}","type":"{kind}","data":{data}}}"#)).await;
    }

    pub(crate) async fn auth(&mut self, token: &str) -> Value {
        self.request("0", "auth", &format!(r#"{{"token":"{token}"}}"#)).await;
        self.frame().await
    }

    /// Enters with cursors; the answer. The frames of the sync follow.
    pub(crate) async fn resume(&mut self, token: &str, cursors: &str) -> Value {
        let data = format!(r#"{{"token":"{token}","cursors":{cursors}}}"#);
        self.request("0", "auth", &data).await;
        self.frame().await
    }

    /// Everything up to the end of a sync.
    pub(crate) async fn synced(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.frame().await);
            if frames.last().unwrap()["type"] == "sync.done" {
                return frames;
            }
        }
    }

    /// The next frame as it came.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(_)) => {}
                other => panic!("{other:?} instead of a frame"),
            }
        }
    }

    pub(crate) async fn hear(&mut self) -> Heard {
        tokio::time::timeout(SOON, async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Heard::Frame(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Heard::Close(frame.code.into());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Heard::Gone,
                }
            }
        })
        .await
        .expect("something is heard soon")
    }

    pub(crate) async fn frame(&mut self) -> Value {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("{other:?} instead of a frame"),
        }
    }

    pub(crate) async fn error(&mut self) -> String {
        let frame = self.frame().await;
        assert_eq!(frame["ok"], false, "{frame}");
        frame["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn closed(&mut self) -> u16 {
        match self.hear().await {
            Heard::Close(code) => code,
            other => panic!("{other:?} instead of a close"),
        }
    }

    /// The revs of everything heard before the answer to a ping.
    pub(crate) async fn revs(&mut self) -> Vec<Rev> {
        self.request("mark", "ping", "null").await;
        let mut revs = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["id"] == "mark" {
                return revs;
            }
            revs.push(frame["rev"].as_i64().unwrap_or(-1));
        }
    }
}
