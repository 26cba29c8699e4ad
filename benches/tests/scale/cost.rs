//! Instructions of a list of conversations and of a page of messages, where the conversation has 10
//! messages and where it has very many. Counted by callgrind in a process of its own, from when its engines
//! are open and its caches warm: machines differ in time, and not in instructions.
//!
//! Unoptimised it is 100,000 messages; `PARLANCE_COST_MESSAGES` sets another number, and a release build
//! takes a million by itself.

use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt as _;
use platform::port::store::get_one;
use schemas::conversation::table::HeadRow;
use schemas::member::table::SentMark;
use schemas::message::placed::Placed;
use schemas::message::table::MessageBySeq;
use schemas::message::view::Message;
use schemas::table::{Batch, Write};
use schemas::{ConversationId, MessageId, Stamp, UserId};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::world::World;

/// Messages of a young conversation: one page.
const FEW: i64 = 10;
/// Requests before counting begins, and those that are counted.
const WARM_UP: usize = 5;
const REQUESTS: usize = 100;
/// By how much the costs may differ.
const TOLERANCE: f64 = 0.10;
/// Messages between two writes of the head.
const AGAIN: i64 = 10;
/// What the child is to do: folder, path, token.
const TASK: &str = "PARLANCE_COST_TASK";
const PASSWORD: &str = "Quiet-otters-47-climb!";

fn many() -> i64 {
    let asked = std::env::var("PARLANCE_COST_MESSAGES").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(if cfg!(debug_assertions) { 100_000 } else { 1_000_000 })
}

async fn ask(router: &Router, token: &str, method: &str, path: &str, body: Option<Value>) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::from(body.map_or_else(String::new, |body| body.to_string())))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert!(status.is_success(), "{method} {path}: {value}");
    value["data"].clone()
}

/// A user, signed in: id and token.
async fn user(router: &Router, name: &str) -> (Uuid, String) {
    let form = json!({
        "username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
        "firstName": "A", "lastName": "B",
    });
    ask(router, "", "POST", "auth/register", Some(form)).await;
    let login = json!({"identifier": name, "password": PASSWORD});
    let data = ask(router, "", "POST", "auth/login", Some(login)).await;
    let id = data["user"]["id"].as_str().unwrap().parse().unwrap();
    (id, data["accessToken"].as_str().unwrap().to_owned())
}

/// Writes messages behind the first one of a conversation, straight into its rows: as it would be if they
/// had been sent.
async fn grow(world: &World, conversation: Uuid, upto: i64) {
    let (store, id) = (&*world.platform.store, ConversationId(conversation));
    let first = get_one::<MessageBySeq>(store, MessageBySeq::get(id, 1)).await.unwrap().unwrap();
    let row = get_one::<HeadRow>(store, HeadRow::get(id)).await.unwrap().unwrap();
    let mut head = row.head().unwrap();
    let view: Message<'_> = serde_json::from_slice(&first.body).unwrap();
    let placed = Placed::of(&first).unwrap();
    let stamp = Stamp(head.applied.stamp().0 + 1);
    let sender = placed.sender;
    let mut batch = Vec::new();
    for seq in 2..=upto {
        let number = u128::try_from(seq).unwrap();
        let message = MessageId(Uuid::from_u128(conversation.as_u128() ^ number << 40));
        let body = Message { id: message, seq, rev: seq + 1, ..view.clone() }.encode();
        let placed = Placed { message, seq, n: seq, ..placed.clone() };
        batch.push(Write::insert(&placed.row(id, body), stamp));
        // The rows that every batch of sends writes again, as often as a busy conversation does: their
        // old versions must not cost anybody anything.
        if seq % AGAIN == 0 || seq == upto {
            (head.seq, head.n, head.rev) = (seq, seq, seq + 1);
            if let Some(preview) = &mut head.preview {
                preview.seq = seq;
            }
            let mark = SentMark { user: sender, conversation: id, seq, n: seq };
            batch.push(Write::replace(&HeadRow::of(id, &head), stamp));
            batch.push(Write::replace(&mark, stamp));
            let writes = std::mem::take(&mut batch);
            world.platform.store.write(Batch { writes, fence: None }).await.unwrap();
        }
    }
}

/// Somebody with one conversation of so many messages: its id, and his token.
async fn resident(world: &World, router: &Router, name: &str, messages: i64) -> (Uuid, String) {
    let (_, token) = user(router, name).await;
    let (other, _) = user(router, &format!("{name}-friend")).await;
    let body = json!({"type": "direct", "participantIds": [UserId(other)]});
    let opened = ask(router, &token, "POST", "conversations", Some(body)).await;
    let id: Uuid = opened["id"].as_str().unwrap().parse().unwrap();
    let body = json!({"conversationId": id, "content": "A message like others, not long."});
    ask(router, &token, "POST", "messages", Some(body)).await;
    grow(world, id, messages).await;
    (id, token)
}

/// Instructions of one request, counted in a process of its own.
fn each(folder: &Path, path: &str, token: &str) -> f64 {
    let task = json!([folder, path, token]).to_string();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "cost::child", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stdout));
    let line = text.lines().find(|line| line.contains("Collected")).expect("a count");
    let all: u64 = line.rsplit(' ').next().unwrap().parse().expect("a number");
    assert!(all > 0, "nothing was counted: {text}");
    all as f64 / REQUESTS as f64
}

/// Switches the counting of this process.
fn count(switch: &str) {
    let pid = std::process::id().to_string();
    let output = Command::new("callgrind_control").args(["-i", switch, &pid]).output();
    let output = output.expect("callgrind_control runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
#[ignore = "a part of the test below, in a process of its own"]
async fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (folder, path, token): (String, String, String) = serde_json::from_str(&task).unwrap();
    let world = World::open(Path::new(&folder));
    let router = world.router().await;
    for number in 0..WARM_UP + REQUESTS {
        if number == WARM_UP {
            count("on");
        }
        let answer = ask(&router, &token, "GET", &path, None).await;
        assert!(answer.is_object());
    }
    count("off");
}

#[tokio::test]
async fn a_list_and_a_page_cost_the_same_in_a_young_and_in_an_old_conversation() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "valgrind is needed in CI");
        println!("skipped: valgrind is needed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (many, began) = (many(), std::time::Instant::now());
    let (young, old) = {
        let world = World::open(folder.path());
        world.work();
        let router = world.router().await;
        let young = resident(&world, &router, "young", FEW).await;
        let old = resident(&world, &router, "old", many).await;
        world.store.checkpoint().unwrap();
        world.life.stop();
        world.life.drained(std::time::Duration::from_secs(5)).await;
        world.platform.log.close().await;
        (young, old)
    };
    println!("{many} messages written in {:.1?}", began.elapsed());
    let middle = many / 2;
    let page = |id: Uuid, more: &str| format!("conversations/{id}/messages?limit=10{more}");
    // What an earlier process left for the next one to do is done once.
    drop(World::open(folder.path()));
    let base = each(folder.path(), &page(young.0, ""), &young.1);
    let list = each(folder.path(), "conversations", &young.1);
    let cases = [
        ("the newest page", base, page(old.0, "")),
        ("a page in the middle", base, page(old.0, &format!("&before={middle}"))),
        ("the oldest page", base, page(old.0, "&before=11")),
        ("the list", list, "conversations".to_owned()),
    ];
    let mut wrong = Vec::new();
    for (what, young, path) in cases {
        let old = each(folder.path(), &path, &old.1);
        let ratio = old / young;
        println!(
            "{what}: {young:.0} instructions at {FEW} messages, {old:.0} at {many}: {ratio:.3}"
        );
        if (ratio - 1.0).abs() > TOLERANCE {
            wrong.push(format!("{what}: {ratio:.3}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
