//! A raw client of Socket.IO, over a WebSocket or by polling.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{SOON, Server};

/// What a client hears.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// A packet of Socket.IO, without the engine's digit.
    Packet(String),
    /// The WebSocket's close code.
    Close(u16),
    Gone,
}

pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// A connection on which nothing was said.
    pub(crate) async fn open(server: &Server, query: &str) -> Self {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket{query}", server.address);
        let (socket, _) = connect_async(url).await.unwrap();
        let mut client = Self(socket);
        let open = client.raw().await.unwrap();
        assert!(open.starts_with(r#"0{"sid":""#), "{open}");
        client
    }

    /// A socket of `/`.
    pub(crate) async fn enter(server: &Server, token: &str) -> Self {
        let mut client = Self::open(server, "").await;
        client.send(&format!(r#"0{{"token":"{token}"}}"#)).await;
        let joined = client.packet().await;
        assert!(joined.starts_with(r#"0{"sid":""#), "{joined}");
        let (name, data) = client.event().await;
        assert_eq!(name, "connected");
        assert!(data["userId"].is_string() && data["socketId"].is_string(), "{data}");
        client
    }

    /// The same on `/presence` too.
    pub(crate) async fn enter_both(server: &Server, token: &str) -> Self {
        let mut client = Self::enter(server, token).await;
        client.send(&format!(r#"0/presence,{{"token":"{token}"}}"#)).await;
        assert!(client.packet().await.starts_with(r#"0/presence,{"sid":""#));
        client
    }

    pub(crate) async fn send(&mut self, packet: &str) {
        self.0.send(Message::text(format!("4{packet}"))).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, bytes: &'static [u8]) {
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    pub(crate) async fn pong(&mut self) {
        self.0.send(Message::text("3")).await.unwrap();
    }

    /// A packet of the engine, or what is none.
    pub(crate) async fn send_raw(&mut self, text: &'static str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Says goodbye as a WebSocket does.
    pub(crate) async fn bye(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.0.send(Message::Close(Some(frame))).await.unwrap();
    }

    async fn raw(&mut self) -> Result<String, Heard> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Heard::Close(frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Heard::Gone),
            }
        }
    }

    pub(crate) async fn hear(&mut self) -> Heard {
        let heard = timeout(SOON, async {
            loop {
                match self.raw().await {
                    Ok(text) if text == "2" => self.pong().await,
                    Ok(text) => return Heard::Packet(text.strip_prefix('4').unwrap().to_owned()),
                    Err(end) => return end,
                }
            }
        });
        heard.await.expect("something is heard soon")
    }

    pub(crate) async fn packet(&mut self) -> String {
        match self.hear().await {
            Heard::Packet(packet) => packet,
            other => panic!("{other:?} instead of a packet"),
        }
    }

    /// The next event, of whichever namespace; its name with the namespace before it.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        event_of(&self.packet().await)
    }

    /// Asks, and the answer to it; nothing else may come in between.
    pub(crate) async fn ask(&mut self, event: &str, data: &str) -> Value {
        self.send(&format!(r#"27["{event}",{data}]"#)).await;
        self.ack("37").await
    }

    pub(crate) async fn ack(&mut self, head: &str) -> Value {
        let packet = self.packet().await;
        let json = packet.strip_prefix(head).unwrap_or_else(|| panic!("{packet} is no answer"));
        let answer: Vec<Value> = serde_json::from_str(json).unwrap();
        answer.into_iter().next().unwrap()
    }

    /// The names of everything that has come, up to the answer to a sign of life.
    pub(crate) async fn names(&mut self) -> Vec<String> {
        self.send(r#"299["heartbeat"]"#).await;
        let mut names = Vec::new();
        loop {
            let packet = self.packet().await;
            if packet.starts_with("399[") {
                return names;
            }
            names.push(event_of(&packet).0);
        }
    }

    pub(crate) async fn closed(&mut self) -> u16 {
        match self.hear().await {
            Heard::Close(code) => code,
            other => panic!("{other:?} instead of a close"),
        }
    }
}

fn event_of(packet: &str) -> (String, Value) {
    let rest = packet.strip_prefix('2').unwrap_or_else(|| panic!("{packet} is no event"));
    let (namespace, json) = match rest.strip_prefix("/presence,") {
        Some(json) => ("/presence ", json),
        None => ("", rest),
    };
    let mut all: Vec<Value> = serde_json::from_str(json).unwrap();
    let data = if all.len() > 1 { all.remove(1) } else { Value::Null };
    (format!("{namespace}{}", all[0].as_str().unwrap()), data)
}

/// One that polls.
pub(crate) struct Poller {
    address: SocketAddr,
    path: String,
}

impl Poller {
    /// A socket of `/`.
    pub(crate) async fn enter(server: &Server, token: &str) -> Self {
        let path = "/socket.io/?EIO=4&transport=polling".to_owned();
        let mut poller = Self { address: server.address, path };
        let (status, open) = poller.poll().await;
        assert_eq!(status, 200, "{open}");
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        poller.path = format!("{}&sid={}", poller.path, open["sid"].as_str().unwrap());
        poller.post(&format!(r#"40{{"token":"{token}"}}"#)).await;
        let packets = poller.packets().await;
        assert!(packets[0].starts_with(r#"40{"sid":""#), "{packets:?}");
        poller
    }

    /// A request on a connection of its own.
    pub(crate) async fn request(&self, method: &str, body: &str) -> (u16, String) {
        let (path, length) = (&self.path, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: text/plain\r\n\r\n{body}",
            self.address
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(SOON, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// A WebSocket that shows that it gets through, and no more.
    pub(crate) async fn probe(&self) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        let path = self.path.replace("transport=polling", "transport=websocket");
        let (mut socket, _) = connect_async(format!("ws://{}{path}", self.address)).await.unwrap();
        socket.send(Message::text("2probe")).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert_eq!(answer.to_text().unwrap(), "3probe");
        socket
    }

    pub(crate) async fn poll(&self) -> (u16, String) {
        self.request("GET", "").await
    }

    pub(crate) async fn post(&self, body: &str) {
        let (status, answer) = self.request("POST", body).await;
        assert_eq!((status, answer.as_str()), (200, "ok"));
    }

    /// The packets of the next poll.
    pub(crate) async fn packets(&self) -> Vec<String> {
        let (status, body) = self.poll().await;
        assert_eq!(status, 200, "{body}");
        body.split('\u{1e}').map(str::to_owned).collect()
    }

    /// The first packet that begins so, of as many polls as it takes.
    pub(crate) async fn until(&self, head: &str) -> String {
        loop {
            let packets = self.packets().await;
            if let Some(packet) = packets.into_iter().find(|packet| packet.starts_with(head)) {
                return packet;
            }
        }
    }

    /// Whether it is still known.
    pub(crate) async fn is_known(&self) -> bool {
        let (status, _) = self.request("POST", "3").await;
        status == 200
    }

    /// Polls until the connection is ended; what came, poll by poll.
    pub(crate) async fn until_closed(&self) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let (status, body) = self.poll().await;
            if status != 200 {
                return all;
            }
            let last = body.ends_with('1') && !body.ends_with("41");
            all.push(body);
            if last {
                return all;
            }
        }
    }
}
