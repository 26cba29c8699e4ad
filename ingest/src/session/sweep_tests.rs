use schemas::session::table::SessionByUser;
use schemas::{UserId, limits};
use uuid::Uuid;

use super::*;
use crate::testing::{World, world};

fn row(n: u128, now: Timestamp) -> Session {
    Session {
        session: SessionId(Uuid::from_u128(n)),
        user: UserId(Uuid::from_u128(1)),
        generation: 1,
        rotated_at: now,
        created_at: now,
        expires_at: now.plus_ms(limits::SESSION_MS),
        ended_at: None,
        user_agent: None,
    }
}

async fn keep(world: &World, row: &Session) {
    let store = &*world.ingest.platform.store;
    store.claim(Write::insert(row, Stamp(0))).await.unwrap();
    store.put(vec![of_user::row(row)]).await.unwrap();
}

async fn kept(world: &World) -> Vec<u128> {
    let rows = world.ingest.platform.store.dump(Session::DEF, None, 100).await.unwrap();
    let ids = rows.into_iter().map(|row| Session::from_cells(row.cells).unwrap().session.0);
    let mut ids: Vec<_> = ids.map(|id| id.as_u128()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn rows_of_sessions_go_a_day_after_these_ended_or_expired() {
    let world = world().await;
    let now = world.ingest.now();
    let day_ago = now.plus_ms(-KEPT_MS);
    keep(&world, &row(1, now)).await;
    keep(&world, &Session { expires_at: day_ago, ..row(2, now) }).await;
    keep(&world, &Session { expires_at: day_ago.plus_ms(1), ..row(3, now) }).await;
    keep(&world, &Session { ended_at: Some(day_ago.0), ..row(4, now) }).await;
    keep(&world, &Session { ended_at: Some(day_ago.0 + 1), ..row(5, now) }).await;
    sweep(&world.ingest).await.unwrap();
    assert_eq!(kept(&world).await, [1, 3, 5]);
    let of_user = SessionByUser::page(UserId(Uuid::from_u128(1)), None, 100);
    let found = store::scan(&*world.ingest.platform.store, of_user).await.unwrap();
    assert_eq!(found.iter().map(|row| row.session.0.as_u128()).collect::<Vec<_>>(), [1, 3, 5]);
}

#[tokio::test]
async fn slices_go_on_where_the_last_one_ended() {
    let world = world().await;
    let now = world.ingest.now();
    for n in 1..=5 {
        let expires_at = if n % 2 == 0 { now.plus_ms(-KEPT_MS) } else { now };
        keep(&world, &Session { expires_at, ..row(n, now) }).await;
    }
    let mut left = Vec::new();
    for _ in 0..3 {
        sessions(&world.ingest, 2).await.unwrap();
        left.push(kept(&world).await.len());
    }
    assert_eq!(left.last(), Some(&3), "{left:?}");
    assert_eq!(*world.ingest.swept.0.lock(), None, "and then from the start again");
}

#[tokio::test]
async fn every_page_of_the_revocations_of_past_hours_is_swept() {
    let world = world().await;
    let now = world.ingest.now();
    let store = &*world.ingest.platform.store;
    let count = 10 * PAGE + 10;
    let revoked = (0..count).map(|n| {
        let session = SessionId(Uuid::from_u128(u128::try_from(n).unwrap()));
        let until = if n < 2 { now.plus_ms(1) } else { now.plus_ms(-3 * 3_600_000) };
        let shard = if n == 2 { 0 } else { Revocation::shard(until) };
        let row = Revocation { shard, session, user: UserId(Uuid::from_u128(1)), until };
        Write::insert(&row, Stamp(0))
    });
    store.put(revoked.collect()).await.unwrap();
    sweep(&world.ingest).await.unwrap();
    assert_eq!(store.dump(Revocation::DEF, None, 2 * count).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_sweep_completes_an_end_that_broke_off() {
    let world = world().await;
    let now = world.ingest.now();
    keep(&world, &Session { ended_at: Some(now.0), ..row(1, now) }).await;
    sweep(&world.ingest).await.unwrap();
    assert!(world.ingest.node.is_revoked(SessionId(Uuid::from_u128(1))));
}
