//! A system of one conversation, in memory, that acknowledges and pushes, and stands still or cuts once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, broadcast};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message as Wire;

/// When it stands still, counted from the first message.
const AFTER: Duration = Duration::from_secs(1);
/// Events that a slow socket may be behind.
const EVENTS: usize = 4_096;

pub(crate) struct Stub {
    pub(crate) authority: String,
}

struct State {
    /// Messages so far; whoever holds it has the system to himself.
    log: Mutex<i64>,
    events: broadcast::Sender<String>,
    stall: Mutex<Option<Duration>>,
    /// This message is pushed, and its sender is cut instead of answered.
    cuts: Option<i64>,
}

impl Stub {
    pub(crate) async fn start(stall: Option<Duration>) -> Self {
        Self::begin(stall, None).await
    }

    pub(crate) async fn that_cuts(message: i64) -> Self {
        Self::begin(None, Some(message)).await
    }

    async fn begin(stall: Option<Duration>, cuts: Option<i64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            log: Mutex::new(0),
            events: broadcast::channel(EVENTS).0,
            stall: Mutex::new(stall),
            cuts,
        });
        bench::task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                bench::task::spawn(serve(stream, state.clone()));
            }
        });
        Self { authority }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let (mut write, mut read) = accept_async(stream).await.unwrap().split();
    let Some(Ok(auth)) = read.next().await else { return };
    let auth: Value = serde_json::from_str(auth.to_text().unwrap()).unwrap();
    let user: u128 = auth["data"]["token"].as_str().unwrap().parse().unwrap();
    let mut events = state.events.subscribe();
    let admitted = json!({"id": "0", "ok": true, "data": {}}).to_string();
    write.send(Wire::text(admitted)).await.unwrap();
    loop {
        tokio::select! {
            event = events.recv() => {
                let Ok(event) = event else { return };
                if write.send(Wire::text(event)).await.is_err() { return }
            }
            request = read.next() => {
                let Some(Ok(Wire::Text(request))) = request else { return };
                let request: Value = serde_json::from_str(&request).unwrap();
                let Some(answer) = accept(&state, user, &request).await else { return };
                if write.send(Wire::text(answer)).await.is_err() { return }
            }
        }
    }
}

async fn accept(state: &Arc<State>, user: u128, request: &Value) -> Option<String> {
    if let Some(stall) = state.stall.lock().await.take() {
        let state = state.clone();
        bench::task::spawn(async move {
            tokio::time::sleep(AFTER).await;
            let _everything = state.log.lock().await;
            tokio::time::sleep(stall).await;
        });
    }
    let mut log = state.log.lock().await;
    *log += 1;
    let (seq, rev, data) = (*log, *log + 1, &request["data"]);
    let view = json!({
        "id": uuid::Uuid::from_u128(u128::try_from(seq).unwrap()),
        "conversationId": data["conversationId"],
        "clientMessageId": data["clientMessageId"],
        "senderId": uuid::Uuid::from_u128(user),
        "content": data["content"],
        "seq": seq,
        "rev": rev,
    });
    let conversation = &data["conversationId"];
    let event = format!(
        r#"{{"type":"message.created","conversationId":{conversation},"rev":{rev},"seq":{seq},"data":{view}}}"#
    );
    // Nobody may listen yet.
    drop(state.events.send(event));
    // By name, as the server writes it: the load looks at the first bytes.
    let answer = format!(r#"{{"id":{},"ok":true,"data":{view}}}"#, request["id"]);
    (state.cuts != Some(seq)).then_some(answer)
}
