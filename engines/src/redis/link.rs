//! The one connection to Redis, shared by all calls. A task watches it: calls never connect, and
//! while Redis is away they fail at once instead of each waiting for its own time-out.
//!
//! Whenever a connection replaces another, Redis may have been restarted or replaced by a replica
//! that had not heard all: what it knows of routes is suspect for as long as a route lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use platform::lifecycle::Stopping;
use platform::port::clock::Clock;
use platform::port::ephemeral::{ROUTE_TTL, Unavailable};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

/// Pause between two looks at a connection.
const LOOK: Duration = Duration::from_secs(1);
/// Pause between two tries to connect.
const RETRY: Duration = Duration::from_millis(200);
/// A look waits this many times as long as a call: one slow answer does not end a connection.
const PATIENCE: u32 = 2;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(1);

const DEMOTED: &str = "it takes no writes: another is the primary";

/// See the module.
pub(super) struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    patience: Duration,
    clock: Arc<dyn Clock>,
    connection: Mutex<Option<MultiplexedConnection>>,
    /// A call was refused because this Redis takes no writes any more.
    demoted: AtomicBool,
    /// A call had no answer: look at the connection now.
    doubt: Notify,
    /// On the monotonic clock, ms.
    suspect_until: AtomicI64,
    tried: watch::Sender<bool>,
}

impl Link {
    pub(super) fn new(client: Client, limit: Duration, clock: Arc<dyn Clock>) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(limit));
        Self {
            client,
            config,
            patience: limit * PATIENCE,
            clock,
            connection: Mutex::default(),
            demoted: AtomicBool::new(false),
            doubt: Notify::new(),
            suspect_until: AtomicI64::new(i64::MIN),
            tried: watch::Sender::new(false),
        }
    }

    /// The connection, if there is one.
    pub(super) fn connection(&self) -> Result<MultiplexedConnection, Unavailable> {
        let connection = self.connection.lock().clone();
        connection.ok_or_else(|| Unavailable("no connection to Redis".to_owned()))
    }

    /// A call has failed.
    pub(super) fn failed(&self, error: &RedisError) -> Unavailable {
        if error.is_io_error() || error.is_timeout() || error.is_unrecoverable_error() {
            self.doubt.notify_one();
        }
        // A replica that was the primary: it answers, and forgets what it should learn.
        if error.code() == Some("READONLY") {
            self.demoted.store(true, Ordering::SeqCst);
            self.doubt.notify_one();
        }
        Unavailable(error.to_string())
    }

    /// Whether routes may be missing.
    pub(super) fn is_suspect(&self) -> bool {
        self.clock.monotonic_ms() < self.suspect_until.load(Ordering::SeqCst)
    }

    /// Redis knows nothing that is older than `age`.
    pub(super) fn aged(&self, age: Duration) {
        if let Some(left) = ROUTE_TTL.checked_sub(age).filter(|left| !left.is_zero()) {
            self.suspect_for(left);
        }
    }

    fn suspect_for(&self, time: Duration) {
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let until = self.clock.monotonic_ms().saturating_add(time);
        self.suspect_until.fetch_max(until, Ordering::SeqCst);
    }

    /// Waits until the first try to connect has ended, one way or the other.
    pub(super) async fn tried(&self) {
        // The sender lives as long as the link.
        drop(self.tried.subscribe().wait_for(|tried| *tried).await);
    }

    /// Watches the connection until the shutdown.
    pub(super) async fn run(self: Arc<Self>, mut stopping: Stopping) -> Result<(), String> {
        let mut state = State::New;
        loop {
            tokio::select! {
                next = self.look(state) => state = next,
                () = stopping.wait() => return Ok(()),
            }
            self.tried.send_replace(true);
            let pause = if state == State::Up { LOOK } else { RETRY };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.doubt.notified(), if state == State::Up => {}
                () = stopping.wait() => return Ok(()),
            }
        }
    }

    async fn look(&self, state: State) -> State {
        let present = self.connection.lock().clone();
        if let Some(mut connection) = present {
            let demoted = self.demoted.load(Ordering::SeqCst);
            let answered =
                if demoted { Err(DEMOTED.to_owned()) } else { self.ping(&mut connection).await };
            let Err(error) = answered else { return State::Up };
            *self.connection.lock() = None;
            tracing::warn!(error, "Redis is away");
            if demoted {
                // Who answers at that address now is asked after a pause.
                return State::Away;
            }
        }
        match self.connect().await {
            Ok(connection) => {
                if state != State::New {
                    // Before anybody gets it.
                    self.suspect_for(ROUTE_TTL);
                    tracing::info!("Redis is back");
                }
                self.demoted.store(false, Ordering::SeqCst);
                *self.connection.lock() = Some(connection);
                State::Up
            }
            Err(error) => {
                if state == State::New {
                    tracing::warn!(error, "Redis is away");
                }
                State::Away
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, String> {
        let connect = self.client.get_multiplexed_async_connection_with_config(&self.config);
        // The library's limit is for the handshake's parts, this one for all of it.
        let mut connection = match timeout(CONNECT, connect).await {
            Ok(connection) => connection.map_err(|error| error.to_string())?,
            Err(_) => return Err("no connection in time".to_owned()),
        };
        self.ping(&mut connection).await?;
        self.is_primary(&mut connection).await?;
        Ok(connection)
    }

    /// Refuses a replica. One that may not be asked is believed: a write that it refuses tells.
    async fn is_primary(&self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        let role: RedisResult<Vec<redis::Value>> = redis::cmd("ROLE").query_async(connection).await;
        match role.as_deref() {
            Ok([redis::Value::BulkString(role), ..]) if role != b"master" => {
                Err(DEMOTED.to_owned())
            }
            _ => Ok(()),
        }
    }

    async fn ping(&self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        let ping = redis::cmd("PING");
        let mut patient = connection.clone();
        patient.set_response_timeout(self.patience);
        let answer: RedisResult<String> = ping.query_async(&mut patient).await;
        answer.map(drop).map_err(|error| error.to_string())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Never tried.
    New,
    Up,
    Away,
}
