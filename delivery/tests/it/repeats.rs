//! Clients tell at every key stroke and at every step of a scroll that their user is there: that takes
//! nothing from what they are allowed to say.

use delivery::{Config, Frames};
use futures_util::SinkExt;
use schemas::limits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Server, server_with, wait_for};
use crate::socketio::client::{Client, Heard as Packet, Poller};

/// As many at once as are allowed.
const MANY: u32 = limits::SOCKET_REPEATS_BURST;

/// Two frames, and no more.
async fn strict() -> Server {
    let frames = Frames { burst: 2, per_minute: 1 };
    server_with(Config { frames: Some(frames), ..Config::default() }).await
}

fn refused(server: &Server) -> u64 {
    server.metrics.rate_limited.with_label_values(&["frames"]).get()
}

/// What a socket of Socket.IO says, a message in the middle, each with the number of its answer.
fn said() -> Vec<String> {
    let mut said: Vec<_> = (0..MANY)
        .map(|n| match n % 3 {
            0 => format!(r#"2{n}["activity:ping"]"#),
            1 => format!(r#"2{n}["presence:update",{{"userId":"x","status":"online"}}]"#),
            _ => format!(r#"2{n}["presence:update",{{}}]"#),
        })
        .collect();
    let send = format!(r#"2{MANY}["message:send",{{"conversationId":"c","content":"x"}}]"#);
    said.insert(said.len() / 2, send);
    said
}

fn is_success(packet: &str) -> bool {
    packet.contains(r#""success":true"#)
}

#[tokio::test]
async fn who_says_what_is_so_already_two_thousand_times_can_still_send_a_message() {
    let server = strict().await;
    let mut client = Client::enter(&server, "1/11").await;
    for packet in said() {
        client.0.feed(Message::text(format!("4{packet}"))).await.unwrap();
    }
    client.0.flush().await.unwrap();
    for _ in 0..=MANY {
        let answer = client.packet().await;
        assert!(is_success(&answer), "{answer}");
    }
    assert_eq!(refused(&server), 0);
    assert_eq!(server.inbound.accepted.lock().len(), 1);
    // One frame was used: one is left.
    assert!(client.names().await.is_empty());
}

#[tokio::test]
async fn so_can_one_who_polls() {
    let server = strict().await;
    let poller = Poller::enter(&server, "1/11").await;
    let packets: Vec<_> = said().into_iter().map(|packet| format!("4{packet}")).collect();
    // One body is shorter than that.
    for body in packets.chunks(packets.len().div_ceil(4)) {
        poller.post(&body.join("\u{1e}")).await;
    }
    let mut answers = 0;
    while answers <= MANY {
        for packet in poller.packets().await.iter().filter(|packet| *packet != "2") {
            assert!(is_success(packet), "{packet}");
            answers += 1;
        }
    }
    assert_eq!(refused(&server), 0);
}

#[tokio::test]
async fn so_can_one_on_the_other_protocol() {
    let server = strict().await;
    let mut client = server.enter(1, 11).await;
    for n in 0..MANY {
        let text = match n % 3 {
            0 => format!(r#"{{"id":"{n}","type":"activity"}}"#),
            1 => {
                format!(r#"{{"id":"{n}","type":"presence.update","data":{{"status":"online"}}}}"#)
            }
            _ => format!(r#"{{"data": {{}}, "type" : "presence.update", "id": "{n}"}}"#),
        };
        client.0.feed(Message::text(text)).await.unwrap();
        if n == MANY / 2 {
            let echo = r#"{"id":"m","type":"echo","data":{"type":"activity"}}"#;
            client.0.feed(Message::text(echo)).await.unwrap();
        }
    }
    client.0.flush().await.unwrap();
    for _ in 0..=MANY {
        let answer = client.frame().await;
        assert_eq!(answer["ok"], true, "{answer}");
    }
    assert_eq!(refused(&server), 0);
}

#[tokio::test]
async fn what_says_something_new_counts_as_anything_else() {
    let server = strict().await;
    let mut client = Client::enter(&server, "1/11").await;
    let update = |data: Value| data.to_string();
    let news = [json!({"status": "away"}), json!({"customStatus": "here"})];
    for new in &news {
        for _ in 0..3 {
            let answer = client.ask("presence:update", &update(new.clone())).await;
            assert_eq!(answer["success"], true, "{new}: {answer}");
        }
    }
    assert_eq!(server.inbound.accepted.lock().len(), 1, "the custom status, once");
    // Neither is so: one would lift what was said, and the other is none of ours.
    for (event, data) in [("activity:ping", "{}"), ("presence:update", r#"{"status":"bored"}"#)] {
        assert_eq!(client.ask(event, data).await["code"], "rate_limited", "{event}");
    }
    assert_eq!(client.ask("presence:update", &update(news[0].clone())).await["success"], true);
    // In a namespace that was not joined it is nothing.
    for _ in 0..200 {
        client.send(r#"2/presence,["presence:update",{"status":"away"}]"#).await;
    }
    let end = loop {
        match client.hear().await {
            Packet::Packet(_) => {}
            end => break end,
        }
    };
    assert_eq!(end, Packet::Close(4429));
}

#[tokio::test]
async fn far_too_many_of_them_are_refused_and_then_closed() {
    // Hardly any come back, so that it does not matter how fast they are read.
    let few = |burst| Frames { burst, per_minute: 1 };
    let config = Config { frames: Some(few(20)), repeats: few(50), ..Config::default() };
    let server = server_with(config).await;
    let mut client = Client::enter(&server, "1/11").await;
    // Nobody waits for an answer, so none has to be read meanwhile.
    while server.sockets() > 0 {
        let ping = Message::text(r#"42["activity:ping"]"#);
        if client.0.feed(ping).await.is_err() {
            break;
        }
    }
    wait_for("it is closed", || server.sockets() == 0).await;
    assert!(refused(&server) >= 100);
    let received = server.metrics.frames_received.get();
    assert!(received >= 50 + 20 + 100, "{received}");
}
