//! What every ephemeral store must do. Each case uses keys of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use schemas::{ConversationId, InstanceId, UserId};
use uuid::Uuid;

use crate::port::clock::{SystemClock, uuid_v7};
use crate::port::ephemeral::{Ephemeral, NOTE_BYTES, Note, Quota, Route};

/// Opens the engine under test.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A handle to the one engine of this factory.
    async fn open(&self) -> Arc<dyn Ephemeral>;

    /// Lets time pass: on the engine's clock, or truly.
    async fn pass(&self, time: Duration);
}

const TTL: Duration = Duration::from_secs(2);

fn node() -> InstanceId {
    InstanceId(uuid_v7(&SystemClock))
}

fn user() -> Route {
    Route::User(UserId(uuid_v7(&SystemClock)))
}

/// A route is seen until it is withdrawn by its own node or its time is over.
pub async fn routes_last_until_withdrawn_or_over(factory: &dyn Factory) {
    let engine = factory.open().await;
    let (one, two) = (node(), node());
    let (alice, bob) = (user(), user());
    engine.announce(one, &[alice, bob], TTL).await.expect("announced");
    engine.announce(two, &[alice], TTL).await.expect("announced");
    let mut found = engine.routes(&[alice, user(), bob]).await.expect("routes");
    for nodes in &mut found {
        nodes.sort_unstable();
    }
    let mut both = vec![one, two];
    both.sort_unstable();
    assert_eq!(found, [both, vec![], vec![one]]);
    engine.withdraw(two, &[alice, bob]).await.expect("withdrawn");
    assert_eq!(engine.routes(&[alice, bob]).await.expect("routes"), [vec![one], vec![one]]);
    factory.pass(TTL.mul_f64(0.7)).await;
    engine.announce(one, &[alice], TTL).await.expect("announced again");
    factory.pass(TTL.mul_f64(0.7)).await;
    assert_eq!(engine.routes(&[alice, bob]).await.expect("routes"), [vec![one], vec![]]);
    factory.pass(TTL).await;
    assert_eq!(engine.routes(&[alice, bob]).await.expect("routes"), [vec![], vec![]]);
}

/// A user and a conversation with the same id are two routes; announcing twice is announcing once.
pub async fn routes_are_sets(factory: &dyn Factory) {
    let engine = factory.open().await;
    let id = uuid_v7(&SystemClock);
    let (user, conversation) = (Route::User(UserId(id)), Route::Conversation(ConversationId(id)));
    let mine = node();
    engine.announce(mine, &[user, user], TTL).await.expect("announced");
    engine.announce(mine, &[user], TTL).await.expect("announced");
    let found = engine.routes(&[user, conversation]).await.expect("routes");
    assert_eq!(found, [vec![mine], vec![]]);
}

/// A burst passes at once, then one per interval; a refusal tells when to come again.
pub async fn limits_refill_at_their_rate(factory: &dyn Factory) {
    let engine = factory.open().await;
    let key = format!("limit-{}", uuid_v7(&SystemClock));
    let quota = Quota { burst: 3, per_second: 2.0 };
    let take = || async { engine.take(&key, quota).await.expect("a verdict") };
    for remaining in [2, 1, 0] {
        let verdict = take().await;
        assert!(verdict.allowed, "{verdict:?}");
        assert!(verdict.remaining >= remaining, "{verdict:?}");
    }
    let refused = take().await;
    assert!(!refused.allowed, "{refused:?}");
    assert!(refused.reset <= Duration::from_millis(500), "{refused:?}");
    factory.pass(refused.reset + Duration::from_millis(1)).await;
    assert!(take().await.allowed);
    assert!(!take().await.allowed);
    // Another key has its own limit.
    assert!(engine.take(&format!("{key}-other"), quota).await.expect("a verdict").allowed);
    // Time unused beyond the burst is not saved up.
    factory.pass(Duration::from_secs(5)).await;
    for _ in 0..3 {
        assert!(take().await.allowed);
    }
    assert!(!take().await.allowed);
}

fn board() -> (String, [Uuid; 3]) {
    let id = || uuid_v7(&SystemClock);
    (format!("board-{}", id()), [id(), id(), id()])
}

fn said(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// What is written on a board is read by everybody, on all of it and field by field, and the newest
/// stands.
pub async fn a_board_says_what_was_last_written(factory: &dyn Factory) {
    let (engine, other) = (factory.open().await, factory.open().await);
    let (name, [a, b, c]) = board();
    assert_eq!(engine.board(&name).await.expect("a board"), []);
    assert_eq!(engine.noted(&name, &[a]).await.expect("notes"), [None]);
    assert_eq!(engine.noted(&name, &[]).await.expect("notes"), []);
    engine.note(&name, &[]).await.expect("noted");
    let binary = Bytes::from_static(&[0, 255, b':', b'1', 10]);
    let notes = [
        Note::new(a, Bytes::from_static(b"old")),
        Note::new(b, binary.clone()),
        Note::new(a, Bytes::from_static(b"new")),
        Note::new(c, Bytes::new()),
    ];
    engine.note(&name, &notes).await.expect("noted");
    let found = other.noted(&name, &[b, uuid_v7(&SystemClock), a, b]).await.expect("notes");
    assert_eq!(found, [Some(binary.clone()), None, Some(said("new")), Some(binary.clone())]);
    other.note(&name, &[Note::wipe(c), Note::wipe(c), Note::wipe(b)]).await.expect("noted");
    assert_eq!(engine.board(&name).await.expect("a board"), [(a, Bytes::from_static(b"new"))]);
    assert_eq!(engine.board(&format!("{name}-")).await.expect("a board"), []);
    engine.note(&name, &[Note::wipe(a)]).await.expect("noted");
    assert_eq!(engine.board(&name).await.expect("a board"), []);
}

/// A note stands for its life, and one without for ever; written anew it has the new life.
pub async fn notes_last_for_their_life(factory: &dyn Factory) {
    let engine = factory.open().await;
    let (name, [a, b, c]) = board();
    let brief = |field| Note::brief(field, Bytes::from_static(b"brief"), TTL);
    engine.note(&name, &[brief(a), brief(b)]).await.expect("noted");
    factory.pass(TTL.mul_f64(0.7)).await;
    engine.note(&name, &[brief(b)]).await.expect("noted");
    factory.pass(TTL.mul_f64(0.7)).await;
    let all = [a, b, c];
    assert_eq!(engine.noted(&name, &all).await.expect("notes"), [None, Some(said("brief")), None]);
    assert_eq!(engine.board(&name).await.expect("a board").len(), 1);
    let lasting = Note::new(c, Bytes::from_static(b"lasting"));
    engine.note(&name, &[lasting, brief(a)]).await.expect("noted");
    factory.pass(TTL.mul_f64(1.2)).await;
    // What is over is in nobody's way, and what is not stays whatever else is written.
    engine.note(&name, &[brief(b)]).await.expect("noted");
    factory.pass(TTL.mul_f64(1.2)).await;
    assert_eq!(
        engine.noted(&name, &all).await.expect("notes"),
        [None, None, Some(said("lasting"))]
    );
    assert_eq!(engine.board(&name).await.expect("a board").len(), 1);
}

/// A board of many notes is read whole; a note that is too large is refused.
pub async fn boards_are_read_whole(factory: &dyn Factory) {
    let engine = factory.open().await;
    let (name, [large, ..]) = board();
    let fields: Vec<Uuid> = (0..2_500).map(|_| uuid_v7(&SystemClock)).collect();
    let note =
        |field: &Uuid| Note::brief(*field, Bytes::copy_from_slice(field.as_bytes()), TTL * 30);
    let notes: Vec<Note> = fields.iter().map(note).collect();
    engine.note(&name, &notes).await.expect("noted");
    let mut found = engine.board(&name).await.expect("a board");
    found.sort_unstable();
    let mut all: Vec<(Uuid, Bytes)> =
        fields.iter().map(|field| (*field, Bytes::copy_from_slice(field.as_bytes()))).collect();
    all.sort_unstable();
    assert!(found == all, "{} of {}", found.len(), all.len());
    let answers = engine.noted(&name, &fields).await.expect("notes");
    assert!(answers.iter().all(Option::is_some) && answers.len() == fields.len());
    let wipes: Vec<Note> = fields.iter().map(|field| Note::wipe(*field)).collect();
    engine.note(&name, &wipes).await.expect("noted");
    assert_eq!(engine.board(&name).await.expect("a board"), []);
    let most = Note::new(large, Bytes::from(vec![0; NOTE_BYTES]));
    engine.note(&name, &[most]).await.expect("noted");
    let more = Note::new(large, Bytes::from(vec![0; NOTE_BYTES + 1]));
    assert!(engine.note(&name, &[more]).await.is_err());
}
