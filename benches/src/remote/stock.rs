//! Socket.IO as a stock client speaks it over a websocket, as little of it as a workload needs: one namespace,
//! text, acknowledgements (Engine.IO 4, Socket.IO 5).
//!
//! Events have no numbers of changes: of a message its view tells the number, and what has none is left out.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail, ensure};
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Message as Wire, Utf8Bytes};
use uuid::Uuid;

use super::rest::settle;
use super::socket::{Connection, Line, PATIENCE, Push, Reader, Speaks, halves, next_text, shaken};
use super::view;
use crate::history::{Outcome, Tells};
use crate::target::{Event, Heard, User};

/// Opens and authenticates a socket on the namespace of messages.
pub(super) async fn open(authority: &str, user: &User) -> anyhow::Result<(Line, Push)> {
    tokio::time::timeout(PATIENCE, opened(authority, user)).await.context("opening a socket")?
}

async fn opened(authority: &str, user: &User) -> anyhow::Result<(Line, Push)> {
    let url = format!("ws://{authority}/socket.io/?EIO=4&transport=websocket");
    let stream = TcpStream::connect(authority).await?;
    let mut connection = shaken(url.into_client_request()?, stream).await?;
    let hello = next_text(&mut connection).await?;
    ensure!(hello.starts_with("0{"), "no handshake: {hello}");
    connection.send(Wire::text(format!(r#"40{{"token":"{}"}}"#, user.token))).await?;
    loop {
        let text = next_text(&mut connection).await.context("no answer to CONNECT")?;
        match text.as_str() {
            "2" => connection.send(Wire::text("3")).await?,
            text if text.starts_with("40") => break,
            text => bail!("CONNECT was refused: {text}"),
        }
    }
    Ok(halves(connection, Speaks::Packets, read_all))
}

async fn read_all(reader: Reader, mut read: SplitStream<Connection>) {
    let mut goes_on = true;
    while goes_on && let Some(Ok(message)) = read.next().await {
        match message {
            Wire::Text(text) => goes_on = take(&reader, &text).await,
            Wire::Close(Some(close)) => reader.code.store(close.code.into(), Ordering::SeqCst),
            _ => {}
        }
    }
    reader.end();
}

/// Takes a packet; whether the connection is worth something still.
async fn take(reader: &Reader, text: &str) -> bool {
    match meaning(text) {
        Meaning::Ping => reader.answers.send(Utf8Bytes::from_static("3")).await.is_ok(),
        Meaning::Answer(id, outcome) => {
            reader.answered(id, outcome);
            true
        }
        Meaning::Heard(event) => reader.events.send(Heard::Event(event)).await.is_ok(),
        Meaning::Nothing => true,
        Meaning::Over => false,
    }
}

/// What a packet means to its reader.
#[derive(Debug, PartialEq)]
enum Meaning {
    Ping,
    Answer(u64, Outcome<Box<str>>),
    Heard(Event),
    /// Nothing that is looked at.
    Nothing,
    /// The server ends it, or has dropped what was queued: connect anew.
    Over,
}

fn meaning(text: &str) -> Meaning {
    if text == "2" {
        return Meaning::Ping;
    }
    if let Some(rest) = text.strip_prefix("43") {
        let digits = rest.find('[').unwrap_or(rest.len());
        let (id, list) = rest.split_at(digits);
        return id.parse().map_or(Meaning::Over, |id| Meaning::Answer(id, outcome(list)));
    }
    match text.strip_prefix("42") {
        Some(list) => event(list),
        None => Meaning::Over,
    }
}

#[derive(Deserialize)]
struct Ack<'a> {
    success: bool,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

/// The outcome of a request: the JSON of its data.
fn outcome(list: &str) -> Outcome<Box<str>> {
    let Ok((ack,)) = serde_json::from_str::<(Ack<'_>,)>(list) else {
        return Outcome::Unknown("unreadable".to_owned());
    };
    match (ack.success, ack.code) {
        (true, _) => Outcome::Ok(ack.data.map_or("null", RawValue::get).into()),
        (false, Some(code)) => {
            let known = schemas::Code::ALL.iter().find(|known| known.text() == code);
            settle(code.into_owned(), known.map_or(500, |code| code.status()))
        }
        (false, None) => Outcome::Unknown("refused without a code".to_owned()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    conversation_id: Uuid,
}

fn event(list: &str) -> Meaning {
    let Ok(all) = serde_json::from_str::<Vec<&RawValue>>(list) else { return Meaning::Over };
    let mut all = all.into_iter().map(RawValue::get);
    let Some(Ok(name)) = all.next().map(serde_json::from_str::<Cow<'_, str>>) else {
        return Meaning::Over;
    };
    let data = all.next().unwrap_or("null");
    match name.as_ref() {
        "message:new" | "message:updated" => {
            let placed = serde_json::from_str::<Placed>(data);
            let (Ok(Placed { conversation_id }), Ok(seen)) = (placed, view::bare(data)) else {
                return Meaning::Over;
            };
            let (kind, rev) = (Arc::from(name.as_ref()), seen.rev);
            let (conversation, message) = (conversation_id, Some(seen));
            Meaning::Heard(Event { conversation, kind, rev, message, tells: Tells::default() })
        }
        "resync" => Meaning::Over,
        _ => Meaning::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_finds_its_request_and_says_how_it_ended() {
        let good = r#"4317[{"success":true,"data":{"id":1}}]"#;
        assert_eq!(meaning(good), Meaning::Answer(17, Outcome::Ok(r#"{"id":1}"#.into())));
        let bare = meaning(r#"430[{"success":true}]"#);
        assert_eq!(bare, Meaning::Answer(0, Outcome::Ok("null".into())));
        let refused = r#"435[{"success":false,"error":"no","code":"not_member"}]"#;
        assert_eq!(meaning(refused), Meaning::Answer(5, Outcome::Fail("not_member".to_owned())));
        let Meaning::Answer(6, Outcome::Unknown(_)) =
            meaning(r#"436[{"success":false,"error":"?","code":"outcome_unknown"}]"#)
        else {
            panic!("what may be tried again is not known to have failed");
        };
    }

    #[test]
    fn a_message_is_heard_with_its_number_and_other_events_are_not() {
        let id = "00000000-0000-0000-0000-000000000007";
        let view = format!(
            r#"{{"id":"{id}","conversationId":"{id}","seq":3,"rev":9,"senderId":"{id}","content":"x"}}"#
        );
        let Meaning::Heard(event) = meaning(&format!(r#"42["message:new",{view}]"#)) else {
            panic!("a message");
        };
        let seen = event.message.expect("the message");
        assert_eq!((event.kind.as_ref(), event.rev, seen.seq), ("message:new", 9, 3));
        assert_eq!(meaning(r#"42["typing:start",{}]"#), Meaning::Nothing);
    }

    #[test]
    fn what_ends_a_connection_and_what_keeps_it_alive() {
        assert_eq!(meaning("2"), Meaning::Ping);
        for text in ["41", "1", r#"42["resync",{}]"#, r#"42["message:new",{}]"#, "42x"] {
            assert_eq!(meaning(text), Meaning::Over, "{text}");
        }
    }
}
