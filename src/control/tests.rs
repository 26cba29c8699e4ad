//! The socket between a server and a client of this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::control::client::Client;

const SOON: Duration = Duration::from_secs(10);

async fn soon<T>(what: &str, run: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, run).await.unwrap_or_else(|_| panic!("{what} within {SOON:?}"))
}

/// Routes that answer, refuse, count, fail half-way and never end.
fn routes(life: &Lifecycle, dropped: &Arc<AtomicBool>) -> Router {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (counting, failing, endless) = (life.clone(), life.clone(), life.clone());
    let dropped = dropped.clone();
    Router::new()
        .route("/echo", post(|body: Json<Value>| async move { body }))
        .route("/no", post(|| async { Refused::new(Code::Conflict, "not twice") }))
        .route(
            "/count",
            post(move || async move {
                stream(&counting, |lines| async move {
                    for number in 0..1_000 {
                        if lines.send(&json!({ "number": number })).await == Err(Gone) {
                            break;
                        }
                    }
                    Ok(())
                })
            }),
        )
        .route(
            "/fail",
            post(move || async move {
                stream(&failing, |lines| async move {
                    lines.send(&json!({ "number": 1 })).await.ok();
                    Err(ApiError::new(Code::Internal, "half-way"))
                })
            }),
        )
        .route(
            "/endless",
            post(move || async move {
                let guard = Dropped(dropped.clone());
                stream(&endless, |lines| async move {
                    let _guard = guard;
                    lines.send(&json!("begun")).await.ok();
                    std::future::pending().await
                })
            }),
        )
}

fn serve(dir: &Path) -> (Lifecycle, Arc<AtomicBool>) {
    let (life, dropped) = (Lifecycle::new(), Arc::default());
    start(dir, routes(&life, &dropped), &life).unwrap();
    (life, dropped)
}

async fn client(dir: &Path) -> Client {
    Client::connect(dir).await.unwrap().expect("a server")
}

async fn stop(life: Lifecycle) {
    life.stop();
    assert_eq!(life.drained(SOON).await, Vec::<&str>::new());
}

#[tokio::test]
async fn a_command_is_answered_and_a_refusal_keeps_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let (life, _) = serve(dir.path());
    let mode = fs::metadata(dir.path().join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = client(dir.path()).await;
    let ask = json!({ "a": ["b", 1] });
    assert_eq!(client.call::<Value>("/echo", &ask).await.unwrap(), ask);
    let refused = client.call::<Value>("/no", &ask).await.unwrap_err();
    assert_eq!(refused.downcast_ref::<ApiError>().unwrap().code, Code::Conflict);
    assert_eq!(refused.to_string(), "conflict: not twice");
    let unknown = client.call::<Value>("/unknown", &ask).await.unwrap_err();
    assert_eq!(unknown.downcast_ref::<ApiError>().unwrap().code, Code::NotFound);
    stop(life).await;
    assert!(!dir.path().join(NAME).exists(), "a clean stop takes the socket away");
    assert!(Client::connect(dir.path()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_stream_is_whole_or_says_that_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (life, _) = serve(dir.path());
    let mut client = client(dir.path()).await;
    let mut lines = client.stream("/count", &()).await.unwrap();
    for number in 0..1_000 {
        assert_eq!(lines.next::<Value>().await.unwrap(), Some(json!({ "number": number })));
    }
    assert_eq!(lines.next::<Value>().await.unwrap(), None);
    let mut lines = client.stream("/fail", &()).await.unwrap();
    assert_eq!(lines.next::<Value>().await.unwrap(), Some(json!({ "number": 1 })));
    let error = lines.next::<Value>().await.unwrap_err();
    assert_eq!(error.to_string(), "internal: half-way");
    stop(life).await;
}

#[tokio::test]
async fn work_ends_with_its_caller() {
    let dir = tempfile::tempdir().unwrap();
    let (life, dropped) = serve(dir.path());
    let mut client = client(dir.path()).await;
    let mut lines = client.stream("/endless", &()).await.unwrap();
    assert_eq!(lines.next::<Value>().await.unwrap(), Some(json!("begun")));
    assert!(!dropped.load(Ordering::SeqCst));
    drop((lines, client));
    soon("the work is dropped", async {
        while !dropped.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop(life).await;
}

#[tokio::test]
async fn a_stop_ends_streams_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let (life, _) = serve(dir.path());
    let mut client = client(dir.path()).await;
    let mut lines = client.stream("/endless", &()).await.unwrap();
    assert_eq!(lines.next::<Value>().await.unwrap(), Some(json!("begun")));
    life.stop();
    let error = soon("the last line", lines.next::<Value>()).await.unwrap_err();
    assert!(error.to_string().contains("the server is stopping"), "{error}");
    drop(client);
    stop(life).await;
}

#[tokio::test]
async fn more_commands_at_once_than_there_is_room_for_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (life, _) = serve(dir.path());
    let mut open = Vec::new();
    for _ in 0..REQUESTS {
        let mut client = client(dir.path()).await;
        let mut lines = client.stream("/endless", &()).await.unwrap();
        assert_eq!(lines.next::<Value>().await.unwrap(), Some(json!("begun")));
        open.push((client, lines));
    }
    let mut one_more = client(dir.path()).await;
    let refused = one_more.call::<Value>("/echo", &()).await.unwrap_err();
    assert_eq!(refused.downcast_ref::<ApiError>().unwrap().code, Code::Overloaded);
    open.clear();
    soon("room again", async {
        while one_more.call::<Value>("/echo", &json!(1)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop(life).await;
}

#[tokio::test]
async fn what_a_killed_process_left_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(bind(dir.path()).unwrap());
    assert!(dir.path().join(NAME).exists());
    assert!(Client::connect(dir.path()).await.unwrap().is_none(), "nobody listens");
    // It may have been killed while it made its socket.
    fs::create_dir(dir.path().join(".control")).unwrap();
    fs::write(dir.path().join(".control").join(NAME), "").unwrap();
    let (life, _) = serve(dir.path());
    assert_eq!(client(dir.path()).await.call::<Value>("/echo", &json!(1)).await.unwrap(), json!(1));
    assert!(!dir.path().join(".control").exists());
    stop(life).await;
}

#[tokio::test]
async fn a_folder_with_a_long_name_has_a_socket_too() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("x".repeat(200));
    fs::create_dir(&long).unwrap();
    let (life, _) = serve(&long);
    assert_eq!(client(&long).await.call::<Value>("/echo", &json!(1)).await.unwrap(), json!(1));
    stop(life).await;
    assert!(!long.join(NAME).exists());
}

#[tokio::test]
async fn a_caller_who_reads_nothing_holds_up_a_stop_for_a_moment_only() {
    let dir = tempfile::tempdir().unwrap();
    let (life, filled) = (Lifecycle::new(), Arc::new(Semaphore::new(0)));
    let (serving, told) = (life.clone(), filled.clone());
    let flood = post(move || async move {
        stream(&serving, |lines| async move {
            let text = "x".repeat(64 << 10);
            while tokio::time::timeout(GRACE, lines.send(&text)).await.is_ok() {}
            told.add_permits(1);
            std::future::pending().await
        })
    });
    start(dir.path(), Router::new().route("/flood", flood), &life).unwrap();
    let mut client = client(dir.path()).await;
    let _unread = client.stream("/flood", &()).await.unwrap();
    let full = soon("pipe and queue are full", filled.acquire()).await;
    drop(full);
    life.stop();
    assert_eq!(life.drained(SOON).await, Vec::<&str>::new());
    assert!(!dir.path().join(NAME).exists());
}

#[tokio::test]
async fn who_connects_and_asks_nothing_keeps_nobody_waiting() {
    let mut tries = 0;
    let (dir, life, idle, answer) = loop {
        let dir = tempfile::tempdir().unwrap();
        let (life, _) = serve(dir.path());
        let (start, mut idle) = (Instant::now(), Vec::new());
        for _ in 0..CONNECTIONS {
            idle.push(UnixStream::connect(dir.path().join(NAME)).await.unwrap());
        }
        let answer = soon("an answer", Client::connect(dir.path())).await;
        tries += 1;
        // Else the first of them may have been closed before the last one came.
        if start.elapsed() < ASKING || tries == 8 {
            break (dir, life, idle, answer);
        }
        drop(idle);
        stop(life).await;
    };
    let refused = answer.err().unwrap();
    assert_eq!(refused.downcast_ref::<ApiError>().unwrap().code, Code::Overloaded);
    assert!(refused.to_string().contains("too many connections"), "{refused}");
    // They are closed when their time to ask is over.
    soon("room again", async {
        while Client::connect(dir.path()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // What is begun and not ended does not stay either.
    let mut half = UnixStream::connect(dir.path().join(NAME)).await.unwrap();
    let head = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{";
    half.write_all(head).await.unwrap();
    let mut answer = [0; 12];
    soon("a refusal", half.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    drop((idle, half));
    stop(life).await;
}
