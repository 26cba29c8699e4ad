//! `/ws` without a WebSocket library: frames are written as they were built and read in place.

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::http::Conn;
use super::{close_code, find, frame, mask_free};

/// Largest frame from a server that is waited for.
const FRAME_BYTES: usize = 1 << 20;
/// A pong without payload, masked with zeros.
pub const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];
/// The same in Engine.IO: a packet of its own.
const PONG_PACKET: [u8; 7] = [0x81, 0x81, 0, 0, 0, 0, b'3'];

/// The writing half.
#[derive(Debug)]
pub struct Writer(OwnedWriteHalf);

/// The reading half.
#[derive(Debug)]
pub struct Reader {
    stream: OwnedReadHalf,
    input: BytesMut,
    /// Bytes of the frame that was given out last.
    used: usize,
    /// Pings that were not answered yet.
    pings: usize,
    /// Whether these are packets of Engine.IO: its pings are text.
    packets: bool,
}

/// Opens and authenticates a socket as a stock client of Socket.IO does, on its namespace of messages.
pub async fn stock(authority: &str, token: &str) -> anyhow::Result<(Writer, Reader)> {
    let mut conn = upgraded(authority, "/socket.io/?EIO=4&transport=websocket", "").await?;
    let hello = text(&mut conn).await?;
    ensure!(hello.starts_with(b"0{"), "no handshake: {}", String::from_utf8_lossy(&hello));
    conn.write(&mask_free(format!(r#"40{{"token":"{token}"}}"#).as_bytes())).await?;
    loop {
        let answer = text(&mut conn).await?;
        if answer == b"2" {
            conn.write(&PONG_PACKET).await?;
        } else if answer.starts_with(b"40") {
            break;
        } else {
            bail!("CONNECT was refused: {}", String::from_utf8_lossy(&answer));
        }
    }
    let (read, write) = conn.stream.into_split();
    Ok((Writer(write), Reader { packets: true, ..Reader::new(read, conn.input) }))
}

/// Opens and authenticates a socket.
pub async fn open(authority: &str, token: &str) -> anyhow::Result<(Writer, Reader)> {
    resume(authority, token, "").await
}

/// The same with `cursors` (JSON; none if empty): what was missed comes first.
pub async fn resume(
    authority: &str,
    token: &str,
    cursors: &str,
) -> anyhow::Result<(Writer, Reader)> {
    let conn = admitted(authority, token, cursors).await?;
    let (read, write) = conn.stream.into_split();
    Ok((Writer(write), Reader::new(read, conn.input)))
}

/// The same, with the writing half outside the runtime, for a thread that keeps its own time. Both
/// halves share one open file that does not block.
pub async fn open_apart(
    authority: &str,
    token: &str,
) -> anyhow::Result<(std::net::TcpStream, Reader)> {
    let conn = admitted(authority, token, "").await?;
    let both = conn.stream.into_std()?;
    let apart = both.try_clone()?;
    let (read, write) = TcpStream::from_std(both)?.into_split();
    // Dropped, it would end the connection's other direction.
    write.forget();
    Ok((apart, Reader::new(read, conn.input)))
}

async fn upgraded(authority: &str, path: &str, more: &str) -> anyhow::Result<Conn> {
    let mut conn = Conn::open(authority).await?;
    // The key is of no use to a client that does not check the answer to it (RFC 6455 §4.1).
    let upgrade = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    conn.write(upgrade.as_bytes()).await?;
    let head = conn.head().await?;
    ensure!(head.status == 101, "the upgrade was answered with {}", head.status);
    Ok(conn)
}

/// The payload of the next text frame of a connection that is not split yet.
async fn text(conn: &mut Conn) -> anyhow::Result<Vec<u8>> {
    loop {
        if let Some((opcode, payload)) = frame::parse(&conn.input) {
            let text = conn.input.get(payload.clone()).unwrap_or_default().to_vec();
            conn.input.advance(payload.end);
            ensure!(opcode != 8, "closed with {}", close_code(&text));
            if opcode == 1 {
                return Ok(text);
            }
        } else {
            conn.more().await?;
        }
    }
}

async fn admitted(authority: &str, token: &str, cursors: &str) -> anyhow::Result<Conn> {
    let more = "Sec-WebSocket-Protocol: parlance.v1\r\n";
    let mut conn = upgraded(authority, "/ws", more).await?;
    let cursors =
        if cursors.is_empty() { String::new() } else { format!(r#","cursors":{cursors}"#) };
    let auth = format!(r#"{{"id":"0","type":"auth","data":{{"token":"{token}"{cursors}}}}}"#);
    conn.write(&mask_free(auth.as_bytes())).await?;
    let answer = text(&mut conn).await?;
    let granted = find(&answer, b"\"ok\":true").is_some();
    ensure!(granted, "auth was refused: {}", String::from_utf8_lossy(&answer));
    Ok(conn)
}

impl Writer {
    /// Writes frames as they are.
    pub async fn write(&mut self, frames: &[u8]) -> anyhow::Result<()> {
        Ok(self.0.write_all(frames).await?)
    }

    /// Answers the pings that the reader met.
    pub async fn pong(&mut self, reader: &mut Reader) -> anyhow::Result<()> {
        let pong: &[u8] = if reader.packets { &PONG_PACKET } else { &PONG };
        for _ in 0..std::mem::take(&mut reader.pings) {
            self.0.write_all(pong).await?;
        }
        Ok(())
    }
}

impl Reader {
    fn new(stream: OwnedReadHalf, input: BytesMut) -> Self {
        Self { stream, input, used: 0, pings: 0, packets: false }
    }

    /// The payload of the next text frame.
    pub async fn next(&mut self) -> anyhow::Result<&[u8]> {
        self.input.advance(std::mem::take(&mut self.used));
        loop {
            match frame::parse(&self.input) {
                Some((1, payload))
                    if self.packets && self.input.get(payload.clone()) == Some(b"2") =>
                {
                    self.pings += 1;
                    self.input.advance(payload.end);
                }
                Some((1, payload)) => {
                    self.used = payload.end;
                    return self.input.get(payload).context("a frame in its buffer");
                }
                Some((8, payload)) => {
                    let payload = self.input.get(payload).unwrap_or_default();
                    bail!("closed with {}", close_code(payload));
                }
                Some((opcode, payload)) => {
                    self.pings += usize::from(opcode == 9);
                    self.input.advance(payload.end);
                }
                None => {
                    ensure!(self.input.len() < FRAME_BYTES, "a frame does not end");
                    if self.stream.read_buf(&mut self.input).await? == 0 {
                        bail!("the connection ended");
                    }
                }
            }
        }
    }

    /// Pings that wait for their answer; whoever asks answers them.
    pub fn take_pings(&mut self) -> usize {
        std::mem::take(&mut self.pings)
    }

    /// Whether pings wait for their answer.
    pub fn pinged(&self) -> bool {
        self.pings > 0
    }
}
