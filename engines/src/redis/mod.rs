//! Routes, limits and boards on Redis.
//!
//! Every call is one round trip, however many routes it has, and one script where it needs the time:
//! that of Redis, which all nodes share. Nothing here is durable, and nothing waits for long: an
//! absent Redis is [`Unavailable`] at once (see `link`). Limits are counted locally meanwhile
//! ([`Fallback`]), and events go to every node (`Ephemeral::suspect`), so that losing Redis loses
//! neither messages nor protection (G-20).
//!
//! Keys begin with the namespace and `parlance:`; then `l:` a limit, `b:` a board, `u:` and `c:` with 16 bytes of an id the routes of a
//! user and of a conversation, `mark` the time at which this Redis began to know routes.

pub mod admin;
mod board;
mod fallback;
mod link;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::config;
use platform::lifecycle::Lifecycle;
use platform::port::clock::Clock;
use platform::port::ephemeral::{self, Ephemeral, Note, Quota, Route, Unavailable, Verdict};
use redis::{Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, Script, ServerErrorKind};
use schemas::InstanceId;
use uuid::Uuid;

pub use self::fallback::Fallback;
use self::link::Link;

/// Routes or notes of one script: Redis answers nobody else while a script runs.
const CHUNK: usize = 512;

/// The configuration can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("redis.url: {0}")]
pub struct Invalid(String);

/// Routes, limits and boards that all nodes of a namespace share.
pub struct RedisEphemeral {
    link: Arc<Link>,
    prefix: String,
    take: Script,
    announce: Script,
    withdraw: Script,
    routes: Script,
    note: Script,
}

impl std::fmt::Debug for RedisEphemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisEphemeral").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisEphemeral {
    /// Connects, or goes on without a connection until there is one: a process starts and serves
    /// without Redis as it goes on without it. Only a configuration that can not work is an error.
    pub async fn open(
        config: &config::Redis,
        namespace: &str,
        clock: Arc<dyn Clock>,
        life: &Lifecycle,
    ) -> Result<Self, Invalid> {
        let invalid = |error: redis::RedisError| Invalid(error.to_string());
        let mut info = config.url.as_str().into_connection_info().map_err(invalid)?;
        if !config.password.is_empty() {
            let settings = info.redis_settings().clone().set_password(&config.password);
            info = info.set_redis_settings(settings);
        }
        let client = Client::open(info).map_err(invalid)?;
        let limit = Duration::from_millis(config.timeout_ms.max(1));
        let link = Arc::new(Link::new(client, limit, clock));
        life.component("redis", link.clone().run(life.stopping()));
        link.tried().await;
        Ok(Self {
            link,
            prefix: prefix(namespace),
            take: Script::new(include_str!("take.lua")),
            announce: Script::new(include_str!("announce.lua")),
            withdraw: Script::new(include_str!("withdraw.lua")),
            routes: Script::new(include_str!("routes.lua")),
            note: Script::new(include_str!("note.lua")),
        })
    }

    /// Whether Redis answers now.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        let mut connection = self.link.connection()?;
        let answer = redis::cmd("PING").query_async::<String>(&mut connection).await;
        answer.map(drop).map_err(|error| self.link.failed(&error))
    }

    fn key(&self, route: Route) -> Vec<u8> {
        let (kind, id) = match route {
            Route::User(user) => (b"u:", user.0),
            Route::Conversation(conversation) => (b"c:", conversation.0),
        };
        [self.prefix.as_bytes(), kind, id.as_bytes()].concat()
    }

    fn mark(&self) -> Vec<u8> {
        [self.prefix.as_bytes(), b"mark"].concat()
    }

    /// Calls of one script in one round trip; in two where Redis does not know the script yet. Every
    /// script may run twice: none counts but `take`, which is one call and then has not run.
    async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        calls: &[Call<'_>],
    ) -> Result<Vec<T>, Unavailable> {
        let mut connection = self.link.connection()?;
        let mut pipe = redis::pipe();
        for call in calls {
            pipe.add_command(call.command(script));
        }
        let mut answer = pipe.query_async(&mut connection).await;
        if let Err(error) = &answer
            && error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
        {
            let loaded = script.load_async(&mut connection).await;
            answer = match loaded {
                Ok(_) => pipe.query_async(&mut connection).await,
                Err(error) => Err(error),
            };
        }
        answer.map_err(|error| self.link.failed(&error))
    }
}

fn prefix(namespace: &str) -> String {
    if namespace.is_empty() { "parlance:".to_owned() } else { format!("{namespace}:parlance:") }
}

struct Call<'a> {
    keys: Vec<Vec<u8>>,
    arguments: &'a [Vec<u8>],
}

impl Call<'_> {
    fn command(&self, script: &Script) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(self.keys.len()).arg(&self.keys).arg(self.arguments);
        command
    }
}

fn text(number: u128) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn node(bytes: &[u8]) -> Result<InstanceId, Unavailable> {
    let id = Uuid::from_slice(bytes);
    id.map(InstanceId).map_err(|_| Unavailable("a route that names no node".to_owned()))
}

#[async_trait]
impl Ephemeral for RedisEphemeral {
    async fn announce(
        &self,
        node: InstanceId,
        routes: &[Route],
        ttl: Duration,
    ) -> Result<(), Unavailable> {
        let arguments = [node.bytes().to_vec(), text(ttl.as_millis().max(1))];
        let call = |chunk: &[Route]| Call {
            keys: std::iter::once(self.mark())
                .chain(chunk.iter().map(|route| self.key(*route)))
                .collect(),
            arguments: &arguments,
        };
        let calls: Vec<Call<'_>> = routes.chunks(CHUNK).map(call).collect();
        if calls.is_empty() {
            return Ok(());
        }
        self.run::<i64>(&self.announce, &calls).await.map(drop)
    }

    async fn withdraw(&self, node: InstanceId, routes: &[Route]) -> Result<(), Unavailable> {
        let arguments = [node.bytes().to_vec()];
        let call = |chunk: &[Route]| Call {
            keys: chunk.iter().map(|route| self.key(*route)).collect(),
            arguments: &arguments,
        };
        let calls: Vec<Call<'_>> = routes.chunks(CHUNK).map(call).collect();
        if calls.is_empty() {
            return Ok(());
        }
        self.run::<i64>(&self.withdraw, &calls).await.map(drop)
    }

    async fn routes(&self, routes: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        let call = |chunk: &[Route]| Call {
            keys: std::iter::once(self.mark())
                .chain(chunk.iter().map(|route| self.key(*route)))
                .collect(),
            arguments: &[],
        };
        let calls: Vec<Call<'_>> = routes.chunks(CHUNK).map(call).collect();
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let answers: Vec<redis::Value> = self.run(&self.routes, &calls).await?;
        let mut found = Vec::with_capacity(routes.len());
        for answer in answers {
            let (age, chunk): (u64, Vec<Vec<Vec<u8>>>) = redis::from_redis_value(answer)
                .map_err(|error| Unavailable(format!("an answer that is none: {error}")))?;
            self.link.aged(Duration::from_millis(age));
            for nodes in chunk {
                found.push(nodes.iter().map(|id| node(id)).collect::<Result<_, _>>()?);
            }
        }
        if found.len() == routes.len() {
            Ok(found)
        } else {
            Err(Unavailable("an answer to another question".to_owned()))
        }
    }

    fn suspect(&self) -> bool {
        self.link.is_suspect()
    }

    async fn take(&self, key: &str, quota: Quota) -> Result<Verdict, Unavailable> {
        let step = Duration::try_from_secs_f64(1.0 / quota.per_second.max(1e-6));
        let step = step.unwrap_or(Duration::MAX).as_micros().max(1);
        let call = Call {
            keys: vec![[self.prefix.as_bytes(), b"l:", key.as_bytes()].concat()],
            arguments: &[text(step), text(quota.burst.into())],
        };
        let verdict: Vec<(u8, u64, u64)> = self.run(&self.take, &[call]).await?;
        let (allowed, remaining, reset) = verdict.into_iter().next().unwrap_or_default();
        Ok(Verdict {
            allowed: allowed == 1,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset: Duration::from_micros(reset),
        })
    }

    async fn note(&self, board: &str, notes: &[Note]) -> Result<(), Unavailable> {
        ephemeral::check(notes)?;
        self.write_notes(board, notes).await
    }

    async fn noted(&self, board: &str, fields: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        self.read_notes(board, fields).await
    }

    async fn board(&self, board: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        self.read_board(board).await
    }
}
