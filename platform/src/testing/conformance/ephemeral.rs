//! What every ephemeral store must do. Each case uses keys of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemas::{ConversationId, InstanceId, UserId};

use crate::port::clock::{SystemClock, uuid_v7};
use crate::port::ephemeral::{Ephemeral, Quota, Route};

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
