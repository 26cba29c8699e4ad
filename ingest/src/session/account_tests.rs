use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use platform::memory::{Fault, Operation};
use platform::port::store::get_one;
use schemas::session::table::Session;
use schemas::user::table::{Claim, UserHead};
use schemas::{Timestamp, limits};
use uuid::Uuid;

use super::*;
use crate::testing::{World, world};

const USER: UserId = UserId(Uuid::from_u128(8));
const PASSWORD: &str = "correct horse battery";
const NEXT: &str = "violet kettle eighty-one";

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

fn head() -> Head {
    let mut head = crate::user::tests::head();
    head.profile.phone = Some("+49 30 123456".to_owned());
    head
}

/// A user with a credential, three names and three sessions.
async fn user() -> World {
    let world = world().await;
    let ingest = &world.ingest;
    let (store, now) = (&*ingest.platform.store, ingest.now());
    let hash = ingest.passwords.hash(PASSWORD.to_owned(), Vec::new()).await.unwrap().unwrap();
    let credential = Credential { user: USER, password_hash: hash, changed_at: now };
    store.claim(Write::insert(&credential, Stamp(0))).await.unwrap();
    for (kind, value) in
        [("username", "alice"), ("email", "alice@example.org"), (PHONE, "+4930123456")]
    {
        let name = Name { kind, value };
        assert!(name.claim(ingest, USER, now).await.unwrap());
        assert!(name.confirm(store, USER, now).await.unwrap());
    }
    for n in 1..=3 {
        let row = Session {
            session: session(n),
            user: USER,
            generation: 1,
            rotated_at: now,
            created_at: now,
            expires_at: now.plus_ms(limits::SESSION_MS),
            ended_at: None,
            user_agent: None,
        };
        store.claim(Write::insert(&row, Stamp(0))).await.unwrap();
        store.put(vec![of_user::row(&row)]).await.unwrap();
    }
    world
}

fn who() -> Identity {
    Identity { user: USER, session: session(2), expires_at: Timestamp(i64::MAX) }
}

async fn change(world: &World, named: bool) -> Result<(), Failure> {
    let head = head();
    let by = By { user: USER, session: session(2), head: &head, named };
    change_password(&world.ingest, by, PASSWORD, NEXT).await
}

fn ended(world: &World) -> Vec<u128> {
    (1..=3).filter(|n| world.ingest.node.is_revoked(session(*n))).collect()
}

/// Fails the n-th operation that writes or reads.
fn fail(world: &World, nth: usize, fault: Fault) {
    let count = Arc::new(AtomicUsize::new(0));
    world.store_faults.on(move |operation| match operation {
        Operation::Get | Operation::Scan | Operation::Direct
            if count.fetch_add(1, Ordering::Relaxed) == nth =>
        {
            fault
        }
        _ => Fault::None,
    });
}

#[tokio::test(start_paused = true)]
async fn a_change_that_broke_off_anywhere_is_completed_by_the_same_request() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        let mut broken = 0;
        for nth in 0.. {
            let world = user().await;
            fail(&world, nth, fault);
            let first = change(&world, true).await;
            world.store_faults.clear();
            if first.is_err() {
                broken += 1;
                change(&world, true).await.unwrap();
            }
            assert_eq!(ended(&world), [1, 3], "the session that asked lives on");
            let row = get_one::<Credential>(&*world.ingest.platform.store, Credential::get(USER));
            let hash = row.await.unwrap().unwrap().password_hash;
            assert!(world.ingest.passwords.verify(NEXT.to_owned(), Some(hash)).await.unwrap());
            if first.is_ok() {
                break;
            }
        }
        assert!(broken >= 6, "{broken} places to break off at");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repetition_that_does_not_name_itself_is_a_wrong_password() {
    let world = user().await;
    change(&world, false).await.unwrap();
    let again = change(&world, false).await.unwrap_err();
    assert_eq!(again.api.code, Code::InvalidCredentials);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_keep_the_others_signed_in() {
    let world = user().await;
    let writes = Arc::new(AtomicUsize::new(0));
    let count = writes.clone();
    world.store_faults.on(move |operation| match operation {
        Operation::Direct => {
            count.fetch_add(1, Ordering::Relaxed);
            Fault::Delay(Duration::from_millis(50))
        }
        _ => Fault::None,
    });
    let mut change = Box::pin(change(&world, false));
    while writes.load(Ordering::Relaxed) == 0 {
        assert!(change.as_mut().now_or_never().is_none());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The new password is written, its answer is on the way.
    assert!(change.as_mut().now_or_never().is_none());
    drop(change);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(ended(&world), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_broke_off_anywhere_is_completed_by_the_same_request() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        let mut broken = 0;
        for nth in 0.. {
            let world = user().await;
            let store = &*world.ingest.platform.store;
            fail(&world, nth, fault);
            let first = remove(&world.ingest, &who(), head().profile).await;
            world.store_faults.clear();
            if first.is_err() {
                broken += 1;
                remove(&world.ingest, &who(), head().profile).await.unwrap();
            }
            assert_eq!(ended(&world), [1, 2, 3]);
            assert!(store.dump(Claim::DEF, None, 10).await.unwrap().is_empty());
            assert!(store.dump(Credential::DEF, None, 10).await.unwrap().is_empty());
            if first.is_ok() {
                break;
            }
        }
        assert!(broken >= 10, "{broken} places to break off at");
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_others_have_by_now_are_left_alone() {
    let world = user().await;
    let ingest = &world.ingest;
    let (store, now) = (&*ingest.platform.store, ingest.now());
    let name = Name { kind: "username", value: "alice" };
    name.give_back(store, USER).await.unwrap();
    let other = UserId(Uuid::from_u128(9));
    assert!(name.claim(ingest, other, now).await.unwrap());
    remove(ingest, &who(), head().profile).await.unwrap();
    let row = get_one::<Claim>(store, Claim::get("username", "alice")).await.unwrap().unwrap();
    assert_eq!(row.owner, other);
    assert!(get_one::<UserHead>(store, UserHead::get(USER)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn who_signs_in_with_the_old_password_in_that_moment_is_not_signed_in() {
    let (world, answer) = late_login(Fault::None).await;
    assert_eq!(answer["code"], "invalid_credentials");
    let rows = world.ingest.platform.store.dump(Session::DEF, None, 10).await.unwrap();
    let rows = rows.into_iter().map(|row| Session::from_cells(row.cells).unwrap());
    let living: Vec<_> = rows.filter(|row| row.ended_at.is_none()).map(|r| r.session).collect();
    assert_eq!(living, [session(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_login_has_no_unknown_outcome() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        assert_eq!(late_login(fault).await.1["code"], "overloaded");
    }
}

/// A login whose password is changed while its session is opened; the end of that one meets a fault.
async fn late_login(fault: Fault) -> (World, serde_json::Value) {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use schemas::table::Batch;
    use tower::ServiceExt;

    let world = user().await;
    let store = &*world.ingest.platform.store;
    let row = Write::insert(&UserHead::of(USER, &head()), Stamp(1));
    store.write(Batch { fence: None, writes: vec![row] }).await.unwrap();
    let body = serde_json::json!({"identifier": "alice", "password": PASSWORD}).to_string();
    let request = || Request::post("/api/v1/auth/login").body(Body::from(body.clone())).unwrap();
    let login = || world.ingest.router().oneshot(request());
    assert_eq!(login().await.unwrap().status(), 200);

    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    world.store_faults.on(move |operation| match operation {
        Operation::Direct if count.fetch_add(1, Ordering::Relaxed) == 0 => {
            Fault::Delay(Duration::from_secs(1))
        }
        _ => Fault::None,
    });
    let mut late = Box::pin(login());
    while opened.load(Ordering::Relaxed) == 0 {
        assert!(late.as_mut().now_or_never().is_none());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Its session is there; its password was right when it was looked at.
    let stored = stored(&world.ingest, USER).await.unwrap().unwrap();
    let credential = Credential::from_cells(stored.cells.clone()).unwrap();
    let changed_at = credential.changed_at.plus_ms(1);
    let row = Credential { changed_at, ..credential };
    replace(&world.ingest, &stored, row, session(2)).await.unwrap();
    world.store_faults.on(move |operation| match operation {
        Operation::Direct => fault,
        _ => Fault::None,
    });
    let answer = late.await.unwrap().into_body().collect().await.unwrap().to_bytes();
    (world, serde_json::from_slice(&answer).unwrap())
}
