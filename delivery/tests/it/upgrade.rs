//! Refusals before a socket is open, and what stays open without a name.

use std::fmt::Write;

use delivery::Config;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Server, server, server_with, wait_for};

const UPGRADE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// The head and the body of an answer.
async fn ask(server: &Server, method: &str, headers: &[(&str, &str)]) -> (String, Value) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut request = format!("{method} /ws HTTP/1.1\r\nhost: x\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    if !headers.iter().any(|(name, _)| *name == "connection") {
        request.push_str("connection: close\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn every_refusal_has_the_shape_and_the_headers_of_rest() {
    let server = server().await;
    let (with, origin) = (&UPGRADE[..], ("origin", "https://evil.example"));
    let protocol = ("sec-websocket-protocol", "soap");
    let mut cases = vec![("GET", vec![], 400, "validation_failed")];
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        cases.push((method, vec![], 405, "method_not_allowed"));
    }
    cases.push(("POST", with.to_vec(), 405, "method_not_allowed"));
    for (header, status, code) in [
        (origin, 403, "forbidden"),
        (protocol, 400, "unsupported"),
        (("authorization", "Bearer nobody"), 401, "unauthenticated"),
    ] {
        cases.push(("GET", [with, &[header]].concat(), status, code));
    }
    let counted = server.metrics.http_requests.with_label_values(&["4xx"]);
    for (n, (method, headers, status, code)) in (1..).zip(cases) {
        let (head, body) = ask(&server, method, &headers).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{method}: {head}");
        assert_eq!(body["statusCode"], status, "{method} {headers:?}");
        assert_eq!(body["code"], code, "{method} {headers:?}");
        assert_eq!((&body["path"], &body["method"]), (&"/ws".into(), &method.into()));
        assert_eq!(body["message"]["statusCode"], status);
        let id = body["requestId"].as_str().unwrap();
        assert!(head.contains(&format!("x-request-id: {id}")), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert_eq!(head.contains("allow: get"), status == 405, "{head}");
        assert_eq!(head.contains("www-authenticate: bearer"), status == 401, "{head}");
        assert_eq!(counted.get(), n);
    }
    let (head, _) = ask(&server, "HEAD", &[]).await;
    assert!(head.starts_with("http/1.1 405 "), "{head}");
}

#[tokio::test]
async fn a_request_id_of_the_client_is_kept_if_it_is_harmless_in_a_log() {
    let server = server().await;
    let (_, body) = ask(&server, "GET", &[("x-request-id", "mine-1")]).await;
    assert_eq!(body["requestId"], "mine-1");
    let (_, body) = ask(&server, "GET", &[("x-request-id", "a b")]).await;
    assert_ne!(body["requestId"], "a b");
}

#[tokio::test]
async fn an_address_has_so_many_sockets_without_a_name_and_more_with_one() {
    let server = server_with(Config { max_unauthenticated: 2, ..Config::default() }).await;
    let mut first = server.connect().await;
    let second = server.connect().await;
    let (head, body) = ask(&server, "GET", &UPGRADE).await;
    assert!(head.starts_with("http/1.1 429 "), "{head}");
    assert!(head.contains("retry-after: 1"), "{head}");
    assert_eq!(body["code"], "rate_limited");
    assert_eq!(server.delivery.open(), 2);
    // A header says who it is, and so does the first frame.
    let bearer = [("authorization", "Bearer 1/11")];
    assert!(server.connect_with(&bearer).await.is_ok());
    assert_eq!(server.connect_with(&[]).await.err(), Some(429));
    assert_eq!(first.auth("1/12").await["ok"], true);
    let third = server.connect().await;
    assert_eq!(server.connect_with(&[]).await.err(), Some(429));
    drop(second);
    wait_for("it has left", || server.delivery.open() == 2).await;
    assert!(server.connect_with(&[]).await.is_ok());
    drop(third);
}

#[tokio::test]
async fn one_who_failed_to_say_who_he_is_counts_until_his_socket_is_closed() {
    let server = server_with(Config { max_unauthenticated: 1, ..Config::default() }).await;
    for _ in 0..3 {
        let mut client = server.connect().await;
        assert_eq!(client.auth("nobody").await["ok"], false);
        assert_eq!(client.closed().await, 4401);
        drop(client);
        wait_for("it has left", || server.delivery.open() == 0).await;
    }
}
