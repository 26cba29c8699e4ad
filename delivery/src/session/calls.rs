//! The calls that were joined on a socket: whoever loses his connection is taken out of them, so that the
//! others hear that he has left.
//!
//! That goes the way of his own word (`call.leave`), and nobody waits for it: a socket closes as fast as
//! one without calls. It says when he was last heard here, so that one who has joined again elsewhere,
//! while nobody knew yet that this socket was dead, is not taken out.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use platform::inbound::Outcome;
use schemas::{ApiError, Timestamp, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::Session;
use crate::Delivery;

/// How the names of requests begin that are about calls.
const OF_CALLS: &str = "call.";
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

/// What is said when a socket has ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Left {
    call_id: Box<str>,
    /// When he was last heard in it here: he stays if he was heard elsewhere since.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
}

/// The calls of a socket, the one joined last behind.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<Vec<Left>>);

impl Calls {
    /// This one is being joined; whether it was not before.
    fn join(&self, call: &str) -> bool {
        let mut calls = self.0.lock();
        let at = calls.iter().position(|left| *left.call_id == *call);
        // A client that counts its calls higher is forgotten in its oldest, as on their boards.
        if at.is_none() && calls.len() >= limits::CALLS_PER_USER {
            calls.remove(0);
        }
        if let Some(at) = at {
            calls.remove(at);
        }
        // Until that is known, he is taken out whatever happened elsewhere.
        calls.push(Left { call_id: call.into(), as_of: None });
        at.is_none()
    }

    /// He was heard in it.
    fn heard(&self, call: &str, at: Timestamp) {
        let mut calls = self.0.lock();
        if let Some(left) = calls.iter_mut().find(|left| *left.call_id == *call) {
            left.as_of = Some(at);
        }
    }

    fn forget(&self, call: &str) {
        self.0.lock().retain(|left| *left.call_id != *call);
    }

    fn has(&self, call: &str) -> bool {
        self.0.lock().iter().any(|left| *left.call_id == *call)
    }

    fn take(&self) -> Vec<Left> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Sockets that have ended and are being taken out of their calls.
#[derive(Debug)]
pub(crate) struct Leaves {
    under_way: AtomicUsize,
    at_once: Semaphore,
}

impl Default for Leaves {
    fn default() -> Self {
        Self { under_way: AtomicUsize::new(0), at_once: Semaphore::new(AT_ONCE) }
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
    let accept = delivery.inbound.accept(&session.who, kind, data);
    let said = if kind.starts_with(OF_CALLS) { said(data) } else { None };
    let Some(call) = said else { return accept.await };
    // Before it is accepted: whoever goes meanwhile is taken out too.
    let new = kind == JOIN && session.calls.join(&call);
    let accepted = accept.await;
    match &accepted {
        Ok(_) if kind == LEAVE => session.calls.forget(&call),
        Ok(_) => session.calls.heard(&call, delivery.clock.now()),
        Err(_) if new => session.calls.forget(&call),
        Err(_) => {}
    }
    accepted
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
    let user = session.who.user;
    delivery.hub.registry.visit(user, |other| calls.retain(|left| !other.calls.has(&left.call_id)));
    if calls.is_empty() {
        return;
    }
    let (leaving, session) = (Leaving::begin(delivery), session.clone());
    delivery.hub.aside(async move {
        for left in calls {
            let _permit = leaving.0.leaves.at_once.acquire().await;
            tell(&leaving.0, &session, &left).await;
        }
    });
}

async fn tell(delivery: &Delivery, session: &Session, left: &Left) {
    let data = serde_json::value::to_raw_value(left).expect("plain data serialises");
    for tries in 1..=TRIES {
        let told = match delivery.inbound.accept(&session.who, LEAVE, Some(&data)).await {
            Ok(outcome) => outcome.await.map(|_| ()),
            Err(error) => Err(error),
        };
        match told {
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
            assert!(calls.join(&n.to_string()));
        }
        assert!(!calls.join("0"), "joined again, it is the last");
        assert!(calls.join("one more"));
        assert!(calls.has("0") && !calls.has("1") && calls.has("2"));
        calls.forget("2");
        calls.heard("0", Timestamp(7));
        calls.heard("2", Timestamp(7));
        let left = calls.take();
        assert_eq!(left.len(), limits::CALLS_PER_USER - 1);
        let last = left.get(left.len() - 2);
        assert_eq!(last, Some(&Left { call_id: "0".into(), as_of: Some(Timestamp(7)) }));
        assert!(calls.take().is_empty());
    }
}
