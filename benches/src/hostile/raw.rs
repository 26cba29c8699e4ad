//! Bytes that no HTTP client sends. The server may answer 4xx or hang up; it may not take them, nor
//! answer 5xx, nor stop serving others.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Findings;
use super::cast::Cast;

/// Longest wait for a reaction.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn ask(cast: &Cast<'_>, findings: &mut Findings) {
    for (what, bytes) in cases(cast) {
        findings.asked += 1;
        match exchange(cast.remote.authority(0), &bytes).await {
            Some(status) if !(400..500).contains(&status) => {
                findings.wrong(&what, &format!("answered with {status}"));
            }
            _ => {}
        }
        let answer = cast.ask(Method::GET, "users/me", Vec::new()).await;
        if answer.status != 200 {
            findings.wrong(&format!("others after {what}"), &answer.to_string());
        }
    }
}

fn cases(cast: &Cast<'_>) -> Vec<(String, Vec<u8>)> {
    let token = &cast.alice.token;
    let body = format!(r#"{{"conversationId":"{}","content":"smuggled"}}"#, cast.own);
    let (length, more) = (body.len(), body.len() + 100);
    let post = format!(
        "POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
    );
    let get = "GET /api/v1/users/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let many = "X-Many: y\r\n".repeat(2_000);
    let chunks = format!("20000\r\n{}\r\n", "x".repeat(0x2_0000)).repeat(4);
    let long = "x".repeat(300_000);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    [
        ("a huge header", format!("{get}X-Long: {long}\r\n\r\n")),
        ("thousands of headers", format!("{get}{many}\r\n")),
        ("an endless path", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("no HTTP", "hello\r\n\r\n".to_owned()),
        ("a TLS hello", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n".to_owned()),
        ("a bad version", "GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_owned()),
        ("a bad header", format!("{get}No colon\r\n\r\n")),
        ("a NUL in a header", format!("{get}X: a\0b\r\n\r\n")),
        ("a folded header", format!("{get}X: a\r\n b\r\n\r\n")),
        ("a negative length", format!("{post}Content-Length: -1\r\n\r\n{body}")),
        (
            "two lengths",
            format!("{post}Content-Length: {length}\r\nContent-Length: {more}\r\n\r\n{body}"),
        ),
        (
            // RFC 9112 §6.3: the length is void, so the body is the chunks; and they are none.
            "length and chunks",
            format!("{post}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        ),
        (
            "a bad chunk",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n"),
        ),
        ("too many chunks", format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")),
        ("a promised body", format!("{post}Content-Length: 9999999999\r\n\r\n{body}")),
        ("another encoding", format!("{post}Transfer-Encoding: gzip\r\n\r\n{body}")),
        (
            "an unknown subprotocol",
            format!("GET /ws HTTP/1.1\r\nHost: x\r\n{upgrade}Sec-WebSocket-Protocol: soap\r\n\r\n"),
        ),
        (
            "another version of WebSocket",
            format!("GET /ws HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n").replace("13\r\n", "7\r\n"),
        ),
    ]
    .map(|(what, text)| (what.to_owned(), text.into_bytes()))
    .into_iter()
    .chain(packets())
    .collect()
}

/// The same for Socket.IO: sessions that are none, and ways in that there are not.
fn packets() -> Vec<(String, Vec<u8>)> {
    let head = "Host: x\r\nConnection: close\r\n";
    let get = |query: &str| format!("GET /socket.io/?{query} HTTP/1.1\r\n{head}\r\n");
    let post = |query: &str, body: &str| {
        let length = body.len();
        format!("POST /socket.io/?{query} HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n{body}")
    };
    let nobody = "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAA";
    let large = "4".repeat(200_000);
    [
        ("no version of Engine.IO", get("transport=polling")),
        ("an old Engine.IO", get("EIO=3&transport=polling")),
        ("no transport", get("EIO=4")),
        ("an unknown transport", get("EIO=4&transport=smoke")),
        ("a poll of a session that is none", get(nobody)),
        ("a session id that is none", get("EIO=4&transport=polling&sid=%00%ff")),
        ("packets without a session", post("EIO=4&transport=polling", "40")),
        ("packets to a session that is none", post(nobody, "40")),
        ("packets that are too large", post(nobody, &large)),
        ("a WebSocket without an upgrade", get("EIO=4&transport=websocket")),
        ("another method", get(nobody).replace("GET", "PUT")),
    ]
    .map(|(what, text)| (format!("Socket.IO: {what}"), text.into_bytes()))
    .into()
}

/// The status that came, if any came.
async fn exchange(authority: &str, bytes: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(authority).await.ok()?;
    // The server may hang up in the middle; what it said before can still be read.
    drop(timeout(PATIENCE, stream.write_all(bytes)).await);
    drop(stream.shutdown().await);
    let mut answer = Vec::new();
    let mut part = [0; 1_024];
    while let Ok(Ok(count @ 1..)) = timeout(PATIENCE, stream.read(&mut part)).await {
        answer.extend_from_slice(part.get(..count).unwrap_or_default());
        if answer.len() >= 12 {
            break;
        }
    }
    let status = answer.get(9..12)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}
