//! A node with a listener, and clients of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::serve::ListenerExt;
use bytes::Bytes;
use delivery::{Config, Delivery, Timing};
use futures_util::{SinkExt, StreamExt};
use platform::Platform;
use platform::lifecycle::Lifecycle;
use platform::node::{Node, Sink};
use platform::port::clock::SystemClock;
use platform::port::ephemeral::Route;
use platform::telemetry::Metrics;
use schemas::outbound::Outbound;
use schemas::{ConversationId, Rev, UserId};
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};
use uuid::Uuid;

use crate::fakes::{FakeEphemeral, FakeInbound, FakeLog, FakeStore};

/// Longest wait for anything that should come at once.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) node: Arc<Node>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) inbound: Arc<FakeInbound>,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) ephemeral: Arc<FakeEphemeral>,
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
    let (store, ephemeral) = (Arc::new(FakeStore::default()), Arc::new(FakeEphemeral::default()));
    let platform = Platform {
        log: Arc::new(FakeLog),
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
    Server { address, delivery, node, sink, inbound, store, ephemeral, metrics, life }
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
        routes.get(&Route::User(self::user(user))).is_some_and(|nodes| !nodes.is_empty())
    }

    pub(crate) fn scans(&self) -> usize {
        self.store.scans.load(Ordering::SeqCst)
    }

    /// Journals the changes up to `rev`.
    pub(crate) fn journal(&self, conversation: u128, upto: Rev) {
        let mut changes = self.store.changes.lock();
        for rev in 1..=upto {
            changes.insert((self::conversation(conversation), rev), frame(rev));
        }
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

pub(crate) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub(crate) fn conversation(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number))
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
        conversation: self::conversation(conversation),
        rev,
        audience: schemas::event::pack(&members),
        frame,
    }
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
