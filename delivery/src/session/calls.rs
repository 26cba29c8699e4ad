//! The calls that were joined on a socket: whoever loses his connection is taken out of them, so that the
//! others hear that he has left.
//!
//! Nobody waits for that: a socket closes as fast as one without calls. What is joined here is numbered,
//! and what is said of a socket's end goes up to a number that was given before: so one who has joined
//! again since, here or elsewhere, is not taken out, whatever the clocks say.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use platform::inbound::Outcome;
use schemas::{ApiError, Code, limits};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::Session;
use crate::Delivery;

const JOIN: &str = "call.join";
const LEAVE: &str = "call.leave";
/// Calls that are left at once, on the whole node.
const AT_ONCE: usize = 32;
/// Tries of one of them.
const TRIES: u32 = 3;
/// Pause before the next, if nothing else is said.
const PAUSE: Duration = Duration::from_secs(1);

/// What of a request's data is of interest here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    #[serde(borrow)]
    call_id: Cow<'a, str>,
}

/// The calls of a socket, the one joined last behind.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<Vec<Box<str>>>);

impl Calls {
    /// This one is being joined; whether it was not before. It displaces none yet.
    fn joins(&self, call: &str) -> bool {
        let mut calls = self.0.lock();
        let new = !calls.iter().any(|other| **other == *call);
        if new {
            calls.push(call.into());
        }
        new
    }

    /// It is joined.
    fn joined(&self, call: &str) {
        let mut calls = self.0.lock();
        calls.retain(|other| **other != *call);
        // A client that counts its calls higher is forgotten in its oldest, as on their boards.
        while calls.len() >= limits::CALLS_PER_USER {
            calls.remove(0);
        }
        calls.push(call.into());
    }

    fn forget(&self, call: &str) {
        self.0.lock().retain(|other| **other != *call);
    }

    fn has(&self, call: &str) -> bool {
        self.0.lock().iter().any(|other| **other == *call)
    }

    fn take(&self) -> Vec<Box<str>> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Sockets that have ended and are being taken out of their calls.
#[derive(Debug)]
pub(crate) struct Leaves {
    /// Number of the newest join on this node.
    joins: AtomicU64,
    under_way: AtomicUsize,
    at_once: Semaphore,
}

impl Default for Leaves {
    fn default() -> Self {
        let joins = AtomicU64::new(0);
        Self { joins, under_way: AtomicUsize::new(0), at_once: Semaphore::new(AT_ONCE) }
    }
}

impl Leaves {
    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }
}

/// One of [`Leaves`].
struct Leaving(Arc<Delivery>);

impl Leaving {
    fn begin(delivery: &Arc<Delivery>) -> Self {
        delivery.leaves.under_way.fetch_add(1, Ordering::Relaxed);
        Self(delivery.clone())
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leaves.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks acceptance; what it is about a call is remembered.
pub(super) async fn ask(
    delivery: &Delivery,
    session: &Session,
    kind: &str,
    data: Option<&RawValue>,
) -> Result<Outcome, ApiError> {
    let inbound = &delivery.inbound;
    let said = if [JOIN, LEAVE].contains(&kind) { said(data) } else { None };
    let Some(call) = said else { return inbound.accept(&session.who, kind, data).await };
    if kind == LEAVE {
        let accepted = inbound.accept(&session.who, kind, data).await?;
        session.calls.forget(&call);
        return Ok(accepted);
    }
    // Before it is numbered: whoever says that a socket has ended sees the one or the other. And before
    // it is accepted: whoever goes meanwhile is taken out too.
    let new = session.calls.joins(&call);
    let number = delivery.leaves.joins.fetch_add(1, Ordering::SeqCst).saturating_add(1);
    let accepted = inbound.join_call(&session.who, number, data).await;
    match &accepted {
        Err(error) if !may_stand(error.code) => {
            if new {
                session.calls.forget(&call);
            }
        }
        _ => session.calls.joined(&call),
    }
    accepted
}

/// Whether somebody who was answered this may stand on the board all the same.
fn may_stand(code: Code) -> bool {
    matches!(code, Code::OutcomeUnknown | Code::Internal)
}

/// Which call data are about.
fn said(data: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let Said { call_id } = serde_json::from_str(data?.get()).ok()?;
    (call_id.len() <= limits::CALL_ID_CHARS).then_some(call_id)
}

/// A socket has ended, and is not registered any more: its user has left the calls that he joined on it,
/// but for those that he joined on another one here.
pub(super) fn leave(delivery: &Arc<Delivery>, session: &Arc<Session>) {
    let mut calls = session.calls.take();
    if calls.is_empty() {
        return;
    }
    // Before the others are looked at; see `ask`.
    let up_to = delivery.leaves.joins.load(Ordering::SeqCst);
    let user = session.who.user;
    delivery.hub.registry.visit(user, |other| calls.retain(|call| !other.calls.has(call)));
    if calls.is_empty() {
        return;
    }
    let (leaving, session) = (Leaving::begin(delivery), session.clone());
    delivery.hub.aside(async move {
        for call in calls {
            let _permit = leaving.0.leaves.at_once.acquire().await;
            tell(&leaving.0, &session, &call, up_to).await;
        }
    });
}

async fn tell(delivery: &Delivery, session: &Session, call: &str, up_to: u64) {
    for tries in 1..=TRIES {
        match delivery.inbound.end_call(&session.who, call, up_to).await {
            Err(error) if error.code.retryable() && tries < TRIES => {
                let pause = error.retry_after_ms.map_or(PAUSE, Duration::from_millis);
                tokio::time::sleep(pause.min(PAUSE)).await;
            }
            // His note in the call is forgotten by and by.
            Err(error) => {
                tracing::debug!(code = error.code.text(), "a call was not left");
                return;
            }
            Ok(()) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_calls_are_known_as_a_user_may_join() {
        let calls = Calls::default();
        for n in 0..limits::CALLS_PER_USER {
            assert!(calls.joins(&n.to_string()));
            calls.joined(&n.to_string());
        }
        assert!(!calls.joins("0"), "joined again, it is the last");
        calls.joined("0");
        assert!(calls.joins("one more"));
        assert!(calls.has("1"), "until it is joined it displaces none");
        calls.joined("one more");
        assert!(calls.has("0") && !calls.has("1") && calls.has("2"));
        calls.forget("2");
        let left = calls.take();
        assert_eq!(left.len(), limits::CALLS_PER_USER - 1);
        assert_eq!(left.get(left.len() - 2).map(|call| &**call), Some("0"));
        assert!(calls.take().is_empty());
    }
}
