//! A command's side: finds the server of a data folder, asks it, reads what it answers.

use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::body::Bytes;
use axum::http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use platform::lifecycle::Lifecycle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::{Failed, HELLO, NAME, address};

/// Largest answer that is no stream, and largest line of one. A line is a record, shown: its text may
/// need escapes.
const ANSWER: usize = 64 << 20;
const LINE: usize = 8 << 20;
/// Time for a server to say that it is there. What is asked for then may take as long as it takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a running server. Dropping it, or an answer of it, cancels what was asked for.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// The server that runs on this folder; none if there is none. It has answered.
    pub(crate) async fn connect(dir: &Path) -> anyhow::Result<Option<Self>> {
        match tokio::time::timeout(PATIENCE, Self::open(dir)).await {
            Ok(opened) => opened,
            Err(_) => bail!(
                "{}: the server does not answer within {PATIENCE:?}: is its process suspended, or hung?",
                dir.join(NAME).display()
            ),
        }
    }

    async fn open(dir: &Path) -> anyhow::Result<Option<Self>> {
        if !dir.is_dir() {
            return Ok(None);
        }
        let (name, folder) = address(dir, NAME)?;
        let stream = match UnixStream::connect(name).await {
            Ok(stream) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(error) => {
                let socket = dir.join(NAME);
                let hint = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        ": only the user that runs the server may use it"
                    }
                    io::ErrorKind::WouldBlock => {
                        ": the server takes no connections: is its process suspended, or hung?"
                    }
                    _ => "",
                };
                bail!("{}: {error}{hint}", socket.display());
            }
        };
        drop(folder);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Lifecycle::new().guest(async move {
            // Whoever waits for an answer learns of it by that answer.
            connection.await.ok();
        });
        let mut client = Self { sender };
        client.call::<()>(HELLO, &()).await?;
        Ok(Some(client))
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn call<T: DeserializeOwned>(
        &mut self,
        path: &str,
        ask: &impl Serialize,
    ) -> anyhow::Result<T> {
        let body = self.send(path, ask).await?;
        Ok(serde_json::from_slice(&whole(body).await?)?)
    }

    /// Asks for an answer of many lines.
    pub(crate) async fn stream(
        &mut self,
        path: &str,
        ask: &impl Serialize,
    ) -> anyhow::Result<Answers> {
        Ok(Answers { body: self.send(path, ask).await?, rest: Vec::new(), seen: 0 })
    }

    async fn send(&mut self, path: &str, ask: &impl Serialize) -> anyhow::Result<Incoming> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, "parlance")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(serde_json::to_vec(ask)?)))?;
        // The answer before may be read already, and the connection not know it yet.
        self.sender.ready().await.context("the server went away")?;
        let answer = self.sender.send_request(request).await.context("the server went away")?;
        let (status, body) = (answer.status(), answer.into_body());
        if status.is_success() {
            return Ok(body);
        }
        let text = whole(body).await?;
        match serde_json::from_slice::<Failed>(&text) {
            Ok(Failed { error }) => bail!(error),
            Err(_) => bail!("{status}: {}", String::from_utf8_lossy(&text)),
        }
    }
}

async fn whole(body: Incoming) -> anyhow::Result<Bytes> {
    let read = Limited::new(body, ANSWER).collect().await;
    Ok(read.map_err(|error| anyhow!("the answer: {error}"))?.to_bytes())
}

/// The lines of an answer.
pub(crate) struct Answers {
    body: Incoming,
    rest: Vec<u8>,
    /// Bytes of `rest` that were looked at for a line's end.
    seen: usize,
}

impl Answers {
    /// The next one; none at the end. An answer that breaks off is an error.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> anyhow::Result<Option<T>> {
        loop {
            if let Some(at) = self.rest.iter().skip(self.seen).position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=self.seen + at).collect();
                self.seen = 0;
                if let Ok(Failed { error }) = serde_json::from_slice(&line) {
                    bail!(error);
                }
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            self.seen = self.rest.len();
            if self.seen > LINE {
                bail!("a line of more than {LINE} bytes");
            }
            match self.body.frame().await {
                Some(part) => {
                    let part = part.context("the server went away")?;
                    self.rest.extend_from_slice(part.data_ref().map_or(&[], |data| &data[..]));
                }
                None if self.rest.is_empty() => return Ok(None),
                None => bail!("the answer ends within a line"),
            }
        }
    }
}
