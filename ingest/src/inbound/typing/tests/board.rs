//! What the board is owed when it did not take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use platform::port::ephemeral::{Quota, Route, Unavailable, Verdict};
use platform::{Ephemeral, Platform};
use schemas::InstanceId;

use super::*;

/// A board that can be away.
struct Boards {
    inner: Arc<dyn Ephemeral>,
    away: AtomicBool,
    /// Notes it was asked for.
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl Ephemeral for Boards {
    async fn announce(&self, _: InstanceId, _: &[Route], _: Duration) -> Result<(), Unavailable> {
        unreachable!("typing announces nothing")
    }
    async fn withdraw(&self, _: InstanceId, _: &[Route]) -> Result<(), Unavailable> {
        unreachable!("typing announces nothing")
    }
    async fn routes(&self, _: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        unreachable!("fan-out asks")
    }
    async fn take(&self, key: &str, quota: Quota) -> Result<Verdict, Unavailable> {
        self.inner.take(key, quota).await
    }
    async fn note(&self, board: &str, notes: &[ephemeral::Note]) -> Result<(), Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(Unavailable("planted".to_owned()));
        }
        self.inner.note(board, notes).await
    }
    async fn noted(&self, board: &str, of: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        self.inner.noted(board, of).await
    }
    async fn board(&self, board: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        self.inner.board(board).await
    }
}

/// A world whose board can be away.
async fn with_boards() -> (World, Arc<Boards>) {
    let mut world = world().await;
    let inner = world.ingest.platform.ephemeral.clone();
    let (away, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let boards = Arc::new(Boards { inner, away, asked });
    let platform = Platform { ephemeral: boards.clone(), ..world.ingest.platform.clone() };
    let (node, keys) = (world.ingest.node.clone(), world.ingest.keys.clone());
    world.ingest = Ingest::new(platform, node, keys, world.ingest.config.clone()).unwrap();
    (world, boards)
}

#[tokio::test]
async fn what_the_board_did_not_take_is_written_with_the_next_turn() {
    let (world, boards) = with_boards().await;
    let id = talk(&world, |_| {}).await;
    let away = |away| boards.away.store(away, Ordering::SeqCst);
    let listed = async || on_the_board(&world, id).await.len();
    let turn = async || {
        world.clock.advance_ms(1_000);
        flush(&world.ingest).await;
    };
    away(true);
    types(&world, id, true).await.unwrap();
    turn().await;
    assert_eq!(listed().await, 0);
    away(false);
    turn().await;
    assert_eq!(listed().await, 1);
    away(true);
    types(&world, id, false).await.unwrap();
    turn().await;
    assert_eq!(listed().await, 1);
    away(false);
    turn().await;
    assert_eq!((listed().await, told(&world).len()), (0, 2), "nobody is told again");
    // Once it is written, or something later is, that is all.
    let asked = boards.asked.load(Ordering::SeqCst);
    turn().await;
    assert_eq!(boards.asked.load(Ordering::SeqCst), asked);
    for (lost, last) in [(true, false), (false, true)] {
        types(&world, id, !lost).await.unwrap();
        away(true);
        types(&world, id, lost).await.unwrap();
        away(false);
        types(&world, id, last).await.unwrap();
        turn().await;
        assert_eq!(listed().await, usize::from(last));
    }
}

#[tokio::test]
async fn what_ends_by_itself_is_not_wiped_for_ever_and_there_is_a_bound() {
    let (world, boards) = with_boards().await;
    let id = talk(&world, |_| {}).await;
    boards.away.store(true, Ordering::SeqCst);
    types(&world, id, true).await.unwrap();
    types(&world, id, false).await.unwrap();
    for user in 0..2_000 {
        note(&world.ingest, (UserId(Uuid::from_u128(100 + user)), id), Told::Stops).await;
    }
    let asked = || boards.asked.swap(0, Ordering::SeqCst);
    asked();
    flush(&world.ingest).await;
    assert_eq!(asked(), TOGETHER, "the others wait while it is away");
    boards.away.store(false, Ordering::SeqCst);
    world.clock.advance_ms(5_000);
    flush(&world.ingest).await;
    assert_eq!(asked(), 1_024);
    boards.away.store(true, Ordering::SeqCst);
    note(&world.ingest, (ME, id), Told::Stops).await;
    asked();
    for turn in 1..=12 {
        world.clock.advance_ms(1_000);
        flush(&world.ingest).await;
        assert_eq!(asked(), usize::from(turn < 10), "{turn}");
    }
}
