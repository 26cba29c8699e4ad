//! Acceptance and engines that do what a test says. Each keeps what it was asked.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use platform::inbound::{Identity, Inbound, Outcome, Permission, Seen};
use platform::port::clock::{Clock, SystemClock};
use platform::port::ephemeral::{Ephemeral, Note, Quota, Route, Unavailable, Verdict};
use platform::port::log::{
    Append, Budget, Error as LogError, Log, Member, PartitionState, Start, Tail,
};
use schemas::patch::Patch;
use schemas::presence::Status;
use schemas::topic::Topic;
use schemas::{ApiError, Code, InstanceId, Position, SessionId, UserId, limits};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Tokens are `<user>/<session>`, both numbers; `<user>/<session>/<ms>` is one whose session ends
/// after that time if it is not refreshed.
#[derive(Debug)]
pub(crate) struct FakeInbound {
    pub(crate) accepted: Mutex<Vec<String>>,
    /// What was counted.
    pub(crate) charged: Mutex<Vec<String>>,
    /// Whether nothing more may be; a call is left at the second try.
    pub(crate) poor: AtomicBool,
    /// Whether presence can not be read, ever.
    pub(crate) broken: AtomicBool,
    /// Lets held outcomes go.
    pub(crate) release: Arc<Semaphore>,
    /// Lets requests go that are held while they are being accepted.
    pub(crate) admit: Semaphore,
    /// How often presence was read.
    pub(crate) reads: AtomicUsize,
    /// What is seen of users, whoever looks; of others nothing.
    pub(crate) seen: Mutex<HashMap<UserId, Seen>>,
    /// Who hides that he types, as was told.
    pub(crate) hides: Mutex<Vec<UserId>>,
    /// Numbers of the calls that were joined.
    pub(crate) joins: Mutex<Vec<u64>>,
    /// What the next join is refused with.
    pub(crate) refuses: Mutex<Option<Code>>,
}

impl Default for FakeInbound {
    fn default() -> Self {
        let release = Arc::new(Semaphore::new(0));
        Self {
            accepted: Mutex::default(),
            charged: Mutex::default(),
            poor: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            release,
            admit: Semaphore::new(0),
            reads: AtomicUsize::new(0),
            seen: Mutex::default(),
            hides: Mutex::default(),
            joins: Mutex::default(),
            refuses: Mutex::default(),
        }
    }
}

/// What a user says of himself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(default)]
    custom_status: Patch<String>,
}

impl FakeInbound {
    /// What a user decides is what is seen of him.
    pub(crate) fn fold(&self, user: UserId, text: &str) {
        let Ok(said) = serde_json::from_str::<Said>(text) else { return };
        let mut seen = self.seen.lock();
        let hidden = Seen { user, permission: Permission::default(), entry: None };
        let entry = &mut seen.entry(user).or_insert(hidden).entry;
        let entry =
            entry.get_or_insert_with(|| crate::presence::entry_of(user, 0, Status::Offline));
        said.custom_status.apply(&mut entry.custom_status);
    }
}

#[async_trait]
impl Inbound for FakeInbound {
    fn authenticate(&self, token: &str) -> Result<Identity, ApiError> {
        let mut parts = token.split('/').map(str::parse::<u128>);
        let mut number = || parts.next().and_then(Result::ok);
        let (user, session) = number().zip(number()).ok_or_else(|| match token {
            "expired" => ApiError::new(Code::TokenExpired, "expired"),
            "ended" => ApiError::new(Code::SessionEnded, "ended"),
            _ => ApiError::new(Code::Unauthenticated, "not a token"),
        })?;
        let left = number().and_then(|ms| i64::try_from(ms).ok()).unwrap_or(limits::SESSION_MS);
        Ok(Identity {
            user: UserId(Uuid::from_u128(user)),
            session: SessionId(Uuid::from_u128(session)),
            expires_at: SystemClock
                .now()
                .plus_ms(left + limits::ACCESS_TOKEN_MS - limits::SESSION_MS),
        })
    }

    async fn accept(
        &self,
        who: &Identity,
        kind: &str,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        let text = data.map_or("null", RawValue::get).to_owned();
        if kind == "slow.accept" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.accepted.lock().push(text.clone());
        if kind == "held.accept" {
            self.admit.acquire().await.expect("never closed").forget();
        }
        let fate = match kind {
            "presence.set" => ["held", "lost"].into_iter().find(|fate| text.contains(fate)),
            _ => None,
        };
        if kind == "presence.set" && fate.is_none() {
            self.fold(who.user, &text);
        }
        match fate.unwrap_or(kind) {
            "echo" | "slow.accept" | "held.accept" | "delivered" | "presence.set"
            | "message.send" | "message.react" | "message.read" | "conversation.join"
            | "typing" | "call.offer" | "call.join" => {
                Ok(async move { Ok(Bytes::from(text)) }.boxed())
            }
            "held" => {
                let release = self.release.clone();
                Ok(async move {
                    release.acquire().await.expect("never closed").forget();
                    Ok(Bytes::from(text))
                }
                .boxed())
            }
            "lost" => Ok(async { Err(ApiError::new(Code::OutcomeUnknown, "lost")) }.boxed()),
            "refused" | "call.leave" => {
                Ok(async { Err(ApiError::new(Code::NotMember, "not a member")) }.boxed())
            }
            _ => Err(ApiError::new(Code::Unsupported, "unsupported")),
        }
    }

    async fn join_call(
        &self,
        who: &Identity,
        number: u64,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        self.joins.lock().push(number);
        if let Some(code) = self.refuses.lock().take() {
            return Err(ApiError::new(code, "planted"));
        }
        self.accept(who, "call.join", data).await
    }

    async fn end_call(&self, who: &Identity, call: &str, up_to: u64) -> Result<(), ApiError> {
        let ended = serde_json::json!({"user": who.user, "ended": call, "upTo": up_to});
        self.accepted.lock().push(ended.to_string());
        if self.poor.swap(false, Ordering::SeqCst) {
            return Err(ApiError::new(Code::RateLimited, "too many requests").retry_after(5));
        }
        Ok(())
    }

    async fn charge(&self, _: &Identity, kind: &str) -> Result<(), ApiError> {
        if self.poor.load(Ordering::SeqCst) {
            return Err(ApiError::new(Code::RateLimited, "too many requests"));
        }
        self.charged.lock().push(kind.to_owned());
        Ok(())
    }

    async fn hides_typing(&self, user: UserId) {
        self.hides.lock().push(user);
    }

    async fn presence(&self, _: UserId, of: &[UserId]) -> Result<Vec<Seen>, ApiError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(ApiError::new(Code::Internal, "planted"));
        }
        self.reads.fetch_add(1, Ordering::SeqCst);
        let seen = self.seen.lock();
        let hidden = |user| Seen { user, permission: Permission::default(), entry: None };
        let one = |user: &UserId| seen.get(user).cloned().unwrap_or_else(|| hidden(*user));
        Ok(of.iter().map(one).collect())
    }
}

/// A registry of routes that can be away.
#[derive(Debug, Default)]
pub(crate) struct FakeEphemeral {
    pub(crate) routes: Mutex<HashMap<Route, BTreeSet<InstanceId>>>,
    pub(crate) away: AtomicBool,
}

#[async_trait]
impl Ephemeral for FakeEphemeral {
    async fn announce(
        &self,
        node: InstanceId,
        routes: &[Route],
        _: Duration,
    ) -> Result<(), Unavailable> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Unavailable("planted".to_owned()));
        }
        let mut all = self.routes.lock();
        for route in routes {
            all.entry(*route).or_default().insert(node);
        }
        Ok(())
    }

    async fn withdraw(&self, node: InstanceId, routes: &[Route]) -> Result<(), Unavailable> {
        let mut all = self.routes.lock();
        for route in routes {
            all.entry(*route).or_default().remove(&node);
        }
        Ok(())
    }

    async fn routes(&self, routes: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        let all = self.routes.lock();
        Ok(routes
            .iter()
            .map(|route| all.get(route).into_iter().flatten().copied().collect())
            .collect())
    }

    async fn take(&self, _: &str, _: Quota) -> Result<Verdict, Unavailable> {
        unreachable!("sockets have a limit of their own")
    }

    async fn note(&self, _: &str, _: &[Note]) -> Result<(), Unavailable> {
        unreachable!("delivery writes on no board")
    }

    async fn noted(&self, _: &str, _: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        unreachable!("delivery reads no board")
    }

    async fn board(&self, _: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        unreachable!("delivery reads no board")
    }
}

/// A log that keeps what delivery appends, call by call. Tests hand frames to the sink.
#[derive(Debug, Default)]
pub(crate) struct FakeLog {
    pub(crate) appends: Mutex<Vec<Vec<Append>>>,
    pub(crate) away: AtomicBool,
}

struct Silence;

#[async_trait]
impl Tail for Silence {
    async fn next(&mut self) -> Result<Vec<platform::port::log::Record>, LogError> {
        std::future::pending().await
    }
}

#[async_trait]
impl Log for FakeLog {
    fn append(
        &self,
        _: Budget,
        records: Vec<Append>,
    ) -> BoxFuture<'static, Result<Vec<Position>, LogError>> {
        if self.away.load(Ordering::SeqCst) {
            return async { Err(LogError::Unknown("planted".to_owned())) }.boxed();
        }
        let positions = records.iter().map(|record| Position {
            epoch: 1,
            partition: record.partition,
            offset: 0,
        });
        let positions = positions.collect();
        self.appends.lock().push(records);
        async { Ok(positions) }.boxed()
    }

    async fn join(&self, _: &'static str, _: &'static Topic) -> Result<Box<dyn Member>, LogError> {
        unreachable!("delivery joins no group")
    }

    async fn tail(
        &self,
        _: &'static Topic,
        _: Vec<u32>,
        _: Start,
    ) -> Result<Box<dyn Tail>, LogError> {
        Ok(Box::new(Silence))
    }

    async fn describe(&self, _: &'static Topic) -> Result<Vec<PartitionState>, LogError> {
        Ok(Vec::new())
    }

    async fn committed(
        &self,
        _: &'static str,
        _: &'static Topic,
    ) -> Result<Vec<(u32, u64)>, LogError> {
        Ok(Vec::new())
    }

    fn partitions(&self, _: &'static Topic) -> u32 {
        8
    }

    async fn close(&self) {}
}
