//! Two ingest nodes over one set of embedded engines and the real pools, in a folder of their own,
//! with a clock that tests move.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use ingest::Ingest;
use ingest::config::{Argon2Cost, IngestConfig, Limits};
use platform::Platform;
use platform::auth::{Keys, Secrets};
use platform::embedded::{EmbeddedLog, LocalEphemeral, LogConfig, LsmConfig, LsmStore};
use platform::inbound::Inbound;
use platform::lifecycle::Lifecycle;
use platform::node;
use platform::port::clock::SimClock;
use platform::telemetry::Metrics;
use schemas::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Two nodes and what is under them.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) nodes: Vec<Ingest>,
    routers: Vec<Router>,
    life: Lifecycle,
    dir: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) raw: Vec<u8>,
}

/// Someone who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Drop for World {
    fn drop(&mut self) {
        self.life.stop();
    }
}

/// In memory where there is such a place: how long a disk takes to write is not what is tested.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl Fn(&mut IngestConfig)) -> Self {
        let dir = scratch();
        let clock = Arc::new(SimClock::at(Timestamp(1_800_000_000_000)));
        let store = LsmStore::open(&dir.path().join("store"), LsmConfig::default()).unwrap();
        let log = EmbeddedLog::open(
            &dir.path().join("log"),
            store.clone(),
            clock.clone(),
            LogConfig::default(),
        )
        .unwrap();
        let platform = Platform {
            log: Arc::new(log),
            store: Arc::new(store),
            ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
            clock: clock.clone(),
            metrics: Metrics::new(),
        };
        let life = Lifecycle::new();
        workers::start(&workers::NAMES, &platform, &life).unwrap();
        let keys = Keys::load(&dir.path().join("keys"), &Secrets::default()).unwrap();
        let keys = Arc::new(keys);
        let mut config = IngestConfig {
            argon2: Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 },
            limits: Limits::none(),
            ..IngestConfig::default()
        };
        change(&mut config);
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let node = node::Node::start(&platform, &life).await.unwrap();
            nodes.push(Ingest::new(platform.clone(), node, keys.clone(), config.clone()).unwrap());
        }
        let routers = nodes.iter().map(Ingest::router).collect();
        Self { platform, clock, nodes, routers, life, dir }
    }

    /// Sends a request to a node as it is.
    pub(crate) async fn raw(&self, node: usize, request: Request<Body>) -> Answer {
        answered(self.routers[node].clone(), request).await
    }

    /// Sends a request to the first node.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        user: Option<&User>,
        body: Option<Value>,
    ) -> Answer {
        self.call_at(0, method, path, user, body).await
    }

    pub(crate) async fn call_at(
        &self,
        node: usize,
        method: Method,
        path: &str,
        user: Option<&User>,
        body: Option<Value>,
    ) -> Answer {
        self.raw(node, request(method, path, user, body, &[])).await
    }

    pub(crate) async fn get(&self, path: &str, user: &User) -> Answer {
        self.call(Method::GET, path, Some(user), None).await
    }

    pub(crate) async fn post(&self, path: &str, user: &User, body: Value) -> Answer {
        self.call(Method::POST, path, Some(user), Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, user: &User, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(user), Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, user: &User, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(user), Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, user: &User) -> Answer {
        self.call(Method::DELETE, path, Some(user), None).await
    }

    /// Sends a request under a name of its own.
    pub(crate) async fn named(
        &self,
        key: &str,
        method: Method,
        path: &str,
        user: &User,
        body: Value,
    ) -> Answer {
        let headers = [("idempotency-key", key)];
        self.raw(1, request(method, path, Some(user), Some(body), &headers)).await
    }

    /// A group of some, whose owner is the first.
    pub(crate) async fn group(&self, owner: &User, others: &[&User]) -> String {
        let ids: Vec<_> = others.iter().map(|user| &user.id).collect();
        let body = json!({"type": "group", "name": "Garden", "participantIds": ids});
        let answer = self.post("/conversations", owner, body).await;
        answer.ok(201)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn login(&self, name: &str) -> User {
        let body = json!({"identifier": name, "password": PASSWORD});
        let answer = self.call(Method::POST, "/auth/login", None, Some(body)).await;
        let data = answer.ok(200);
        User {
            id: data["user"]["id"].as_str().unwrap().to_owned(),
            token: data["accessToken"].as_str().unwrap().to_owned(),
            refresh: data["refreshToken"].as_str().unwrap().to_owned(),
        }
    }

    /// A new user who is signed in.
    pub(crate) async fn user(&self, name: &str) -> User {
        let answer = self.call(Method::POST, "/auth/register", None, Some(form(name))).await;
        answer.ok(201);
        self.login(name).await
    }

    /// The direct conversation of two.
    pub(crate) async fn direct(&self, a: &User, b: &User) -> String {
        let body = json!({"type": "direct", "participantIds": [b.id]});
        let answer = self.post("/conversations", a, body).await;
        answer.ok(201)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(&self, user: &User, conversation: &str, content: &str) -> Answer {
        let body = json!({"conversationId": conversation, "content": content});
        self.post("/messages", user, body).await
    }
}

async fn answered(router: Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let raw = body.collect().await.unwrap().to_bytes().to_vec();
    let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body, raw }
}

pub(crate) fn form(name: &str) -> Value {
    json!({
        "username": name,
        "email": format!("{name}@example.org"),
        "password": PASSWORD,
        "firstName": "First",
        "lastName": "Last",
    })
}

/// A request; paths are below `/api/v1` unless they name a host's root by `//`.
pub(crate) fn request(
    method: Method,
    path: &str,
    user: Option<&User>,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let uri = match path.strip_prefix("//") {
        Some(rest) => format!("/{rest}"),
        None => format!("/api/v1{path}"),
    };
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(user) = user {
        request = request.header("authorization", format!("Bearer {}", user.token));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    request.body(body).unwrap()
}

impl Answer {
    /// The data of a success with this status, in the one envelope.
    pub(crate) fn ok(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["success"], true, "{}", self.body);
        assert!(self.body["timestamp"].is_string());
        assert!(self.body["data"].get("success").is_none(), "an envelope in the envelope");
        &self.body["data"]
    }

    /// Checks a refusal: status, code, and the shape that every error has.
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.body);
        let body = &self.body;
        assert_eq!(body["statusCode"], status);
        assert_eq!(body["message"]["statusCode"], status);
        assert!(body["message"]["error"].is_string());
        let message = &body["message"]["message"];
        assert!(message.is_string() || message.is_array(), "{body}");
        for name in ["timestamp", "path", "method", "requestId"] {
            assert!(body[name].is_string(), "{name} in {body}");
        }
        assert!(body.get("success").is_none());
        assert_eq!(self.headers["x-request-id"], body["requestId"].as_str().unwrap());
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        self.body["data"]["id"].as_str().unwrap().to_owned()
    }
}

/// A node over engines of its own.
pub(crate) struct Node {
    ingest: Ingest,
    router: Router,
}

impl Node {
    /// Sends it a request as it is.
    pub(crate) async fn raw(&self, request: Request<Body>) -> Answer {
        answered(self.router.clone(), request).await
    }

    pub(crate) fn inbound(&self) -> Arc<dyn Inbound> {
        self.ingest.inbound()
    }
}

/// A node that was started later.
pub(crate) struct Late(Node);

impl Late {
    pub(crate) fn refused_token(&self, user: &User) {
        let refused = self.0.inbound().authenticate(&user.token).unwrap_err();
        assert_eq!(refused.code, schemas::Code::SessionEnded);
    }
}

impl World {
    pub(crate) async fn another_node(&self) -> Late {
        Late(self.node_over(self.platform.clone()).await)
    }

    pub(crate) async fn node_over(&self, platform: Platform) -> Node {
        let node = node::Node::start(&platform, &self.life).await.unwrap();
        let keys = Keys::load(&self.dir.path().join("keys"), &Secrets::default()).unwrap();
        let config = IngestConfig {
            argon2: Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 },
            limits: Limits::none(),
            ..IngestConfig::default()
        };
        let ingest = Ingest::new(platform, node, Arc::new(keys), config).unwrap();
        Node { router: ingest.router(), ingest }
    }

    /// Sends a request to a node whose reads of the store are counted: requests, and rows.
    pub(crate) async fn counted(&self, path: &str, user: &User) -> (Answer, (usize, usize)) {
        let watched = Arc::new(crate::watched::Watched::new(self.platform.store.clone()));
        let platform = Platform { store: watched.clone(), ..self.platform.clone() };
        let node = self.node_over(platform).await;
        watched.forget();
        let answer = node.raw(request(Method::GET, path, Some(user), None, &[])).await;
        (answer, watched.reads())
    }

    /// Every session as it is stored.
    pub(crate) async fn dump_sessions(&self) -> String {
        use schemas::session::table::Session;
        use schemas::table::Table;
        let rows = self.platform.store.dump(Session::DEF, None, 100).await.unwrap();
        format!("{rows:?}")
    }
}

impl World {
    /// Appends a command on a user, and waits for what the fold says.
    pub(crate) async fn command(
        &self,
        user: schemas::UserId,
        command: &schemas::envelope::UserCommand,
    ) -> schemas::outbound::Reply {
        use platform::port::log::{Append, Budget};
        use schemas::envelope::{Meta, encode};

        let node = node::Node::start(&self.platform, &self.life).await.unwrap();
        let meta = Meta {
            id: schemas::CommandId(platform::port::clock::uuid_v7(&*self.clock)),
            actor: user,
            at: Timestamp(0),
            reply_to: Some(node.instance),
            trace: None,
            once: None,
        };
        let key = user.to_string().into_bytes();
        let topic = &schemas::topic::USERS;
        let partition = schemas::partition::of(&key, self.platform.log.partitions(topic));
        let waiter = node.expect(meta.id, topic, partition).unwrap();
        let value = encode(&meta, command).unwrap();
        let record = Append { topic, partition, key: key.into(), headers: Vec::new(), value };
        self.platform.log.append(Budget::Ingest, vec![record]).await.unwrap();
        waiter.outcome().await.unwrap()
    }
}
