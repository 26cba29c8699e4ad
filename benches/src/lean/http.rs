//! HTTP/1.1 over one connection: one request, one answer.

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{find, number};

/// Largest head of an answer.
const HEAD_BYTES: usize = 64 << 10;

/// One connection.
#[derive(Debug)]
pub struct Conn {
    pub(super) stream: TcpStream,
    pub(super) input: BytesMut,
}

/// The first part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Status.
    pub status: u16,
    /// Length of the body.
    pub length: usize,
}

impl Conn {
    /// Connects to `host:port`.
    pub async fn open(authority: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: BytesMut::with_capacity(4 << 10) })
    }

    /// Sends bytes as they are and waits for the answer to them; its body stays in `body` until the
    /// next request.
    pub async fn ask(&mut self, request: &[u8], body: &mut Vec<u8>) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        let head = self.head().await?;
        while self.input.len() < head.length {
            self.more().await?;
        }
        body.clear();
        body.extend_from_slice(self.input.get(..head.length).unwrap_or_default());
        self.input.advance(head.length);
        Ok(head.status)
    }

    /// Writes without waiting.
    pub async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The head of the next answer.
    pub async fn head(&mut self) -> anyhow::Result<Head> {
        let end = loop {
            if let Some(end) = find(&self.input, b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(self.input.len() < HEAD_BYTES, "the head of an answer does not end");
            self.more().await?;
        };
        let head = read(self.input.get(..end).unwrap_or_default())?;
        self.input.advance(end);
        Ok(head)
    }

    pub(super) async fn more(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.input).await? == 0 {
            bail!("the connection ended");
        }
        Ok(())
    }
}

fn read(head: &[u8]) -> anyhow::Result<Head> {
    let status = head.get(9..12).and_then(number).context("no status")?;
    let mut length = 0;
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            length = usize::try_from(number(value).context("content-length")?)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            bail!("chunked answers are not read here");
        }
    }
    Ok(Head { status: u16::try_from(status)?, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let head = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx: y\r\n\r\n";
        assert_eq!(read(head).unwrap(), Head { status: 201, length: 12 });
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
