//! A running system, over the wire: REST, `/ws` and Socket.IO of one or more nodes, as any client sees them.
//!
//! It is by the book on purpose (`hyper`, `tungstenite`, typed JSON): this side must not share a
//! mistake with the server. Whatever leaves a doubt about the outcome is `unknown`; only what never
//! left this process, or what the server refused for good, is a failure.

pub mod deed;
mod heard;
mod rest;
mod socket;
mod stock;
pub mod view;

pub(crate) use heard::{answer, hear};
pub use rest::{Answer, Rest};
#[cfg(feature = "harness")]
pub(crate) use socket::{Connection, dial, narrow};
pub use socket::{Line, Push};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use schemas::Seq;
use serde::Serialize;
use uuid::Uuid;

use crate::history::{Counted, Cursors, Outcome, Seen};
use crate::target::{Deed, Message, Path, Place, Target, User};

/// The password of every user of a run.
pub const PASSWORD: &str = "Quiet-otters-47-climb!";

/// How long a busy server is asked again if nothing else is said, and how often.
const PATIENCE: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_secs(1);

/// Nodes of a running system, and names of users that no other run takes.
#[derive(Clone, Debug)]
pub struct Remote {
    rest: Rest,
    nodes: Arc<[String]>,
    /// Where sockets are served.
    sockets: Arc<[String]>,
    /// Where users sign in; none: anywhere.
    sign_in: Option<usize>,
    tag: Arc<str>,
    /// How long a busy or limited server is asked again.
    patience: Duration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Register<'a> {
    username: &'a str,
    email: &'a str,
    password: &'a str,
    first_name: &'a str,
    last_name: &'a str,
}

/// What an answer to a send over REST says.
pub(crate) fn written(answer: &Answer) -> Outcome<Seen> {
    answer.outcome(view::message)
}

#[derive(Serialize)]
struct Login<'a> {
    identifier: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    participant_ids: &'a [Uuid],
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
}

impl Remote {
    /// The system at these addresses (`host:port`).
    pub fn new(nodes: Vec<String>, tag: &str) -> Self {
        Self::split(nodes.clone(), nodes, tag)
    }

    /// A system that serves requests and sockets at different addresses.
    pub fn split(requests: Vec<String>, sockets: Vec<String>, tag: &str) -> Self {
        let (nodes, sockets) = (requests.into(), sockets.into());
        Self {
            rest: Rest::new(),
            nodes,
            sockets,
            sign_in: None,
            tag: Arc::from(tag),
            patience: PATIENCE,
        }
    }

    /// The same with connections of its own: those of before may end at a server that is gone.
    pub fn afresh(&self) -> Self {
        Self { rest: Rest::new(), ..self.clone() }
    }

    /// The same, where everybody signs in at one node.
    pub fn signing_in_at(self, node: usize) -> Self {
        Self { sign_in: Some(node), ..self }
    }

    /// The same, where "not now" is taken for an answer after so long.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The REST client.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// `host:port` of a node.
    pub fn authority(&self, node: usize) -> &str {
        self.nodes.get(node % self.nodes.len().max(1)).map_or("", String::as_str)
    }

    /// `host:port` of the node that holds sockets.
    pub fn socket_authority(&self, node: usize) -> &str {
        self.sockets.get(node % self.sockets.len().max(1)).map_or("", String::as_str)
    }

    /// Name of the user with this number.
    pub fn username(&self, number: usize) -> String {
        format!("{}-{number}", self.tag)
    }

    /// Asks again while the answer is "not now", as a client does: engines that have just started are
    /// slow at first.
    async fn until_served<B: Serialize>(&self, url: &str, body: &B) -> Answer {
        let end = tokio::time::Instant::now() + self.patience;
        loop {
            let answer = self.rest.post(url, None, body).await;
            if !matches!(answer.status, 429 | 503) || tokio::time::Instant::now() > end {
                return answer;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Makes more users members of a group.
    pub async fn add(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
        more: &[Uuid],
    ) -> anyhow::Result<()> {
        let url = self.url(node, &format!("conversations/{conversation}/participants"));
        let body = serde_json::json!({ "userIds": more });
        let answer = self.rest.post(&url, Some(&user.token), &body).await;
        anyhow::ensure!(answer.status == 200, "adding members: {answer}");
        Ok(())
    }

    fn url(&self, node: usize, path: &str) -> String {
        format!("http://{}/api/v1/{path}", self.authority(node))
    }
}

impl Target for Remote {
    type Sender = Line;
    type Events = Push;

    fn nodes(&self) -> usize {
        self.nodes.len().max(self.sockets.len())
    }

    async fn register(&self, number: usize) -> anyhow::Result<User> {
        let name = self.username(number);
        let email = format!("{name}@example.com");
        let request = Register {
            username: &name,
            email: &email,
            password: PASSWORD,
            first_name: "Load",
            last_name: "Test",
        };
        let answer = self.until_served(&self.url(number, "auth/register"), &request).await;
        // 409: an earlier try went through, and its answer was lost.
        anyhow::ensure!(matches!(answer.status, 201 | 409), "registering {name}: {answer}");
        let request = Login { identifier: &name, password: PASSWORD };
        let node = self.sign_in.unwrap_or(number);
        let answer = self.until_served(&self.url(node, "auth/login"), &request).await;
        let token = view::login(&answer).with_context(|| format!("signing {name} in: {answer}"))?;
        Ok(User { id: token.user.id, token: Arc::from(token.access_token) })
    }

    async fn open(&self, node: usize, user: &User, with: &User) -> Outcome<Uuid> {
        let request = Open { kind: "direct", participant_ids: &[with.id], name: None };
        let url = self.url(node, "conversations");
        let answer = self.rest.post(&url, Some(&user.token), &request).await;
        answer.outcome(view::id)
    }

    async fn group(&self, node: usize, user: &User, with: &[Uuid]) -> Outcome<Uuid> {
        let request = Open { kind: "group", participant_ids: with, name: Some("a group") };
        let url = self.url(node, "conversations");
        let answer = self.rest.post(&url, Some(&user.token), &request).await;
        answer.outcome(view::id)
    }

    async fn act(&self, node: usize, user: &User, deed: &Deed) -> Outcome<Option<Seen>> {
        let (method, path, body) = deed::request(deed);
        let url = self.url(node, &path);
        let key = Some(&*deed.key).filter(|key| !key.is_empty());
        let answer = self.rest.ask_once(method, &url, &user.token, (body, key)).await;
        answer.outcome(|body| deed::acted(&deed.what, body))
    }

    async fn unread(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
        counted: Counted,
    ) -> Outcome<i64> {
        let url = self.url(node, &deed::counted(conversation, counted));
        let answer = self.rest.get(&url, Some(&user.token)).await;
        answer.read(|body| deed::unread(conversation, counted, body))
    }

    async fn members(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
    ) -> Outcome<BTreeMap<Uuid, String>> {
        let url = self.url(node, &format!("conversations/{conversation}/participants?limit=100"));
        self.rest.get(&url, Some(&user.token)).await.read(deed::members)
    }

    async fn probe(
        &self,
        node: usize,
        user: &User,
        place: Place,
        needles: &[Arc<str>],
    ) -> Outcome<bool> {
        if place.path == Path::Journal {
            let authority = self.socket_authority(node);
            return socket::journal(authority, user, place.conversation, needles).await;
        }
        let url = self.url(node, &deed::path(place));
        let answer = self.rest.get(&url, Some(&user.token)).await;
        answer.read(|body| Ok(deed::shows(body, needles)))
    }

    async fn send(&self, node: usize, user: &User, message: &Message) -> Outcome<Seen> {
        let request = view::Send::new(message, false);
        let answer = self.rest.post(&self.url(node, "messages"), Some(&user.token), &request).await;
        answer.outcome(view::message)
    }

    async fn page(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
        before: Option<Seq>,
    ) -> Outcome<Vec<Seen>> {
        let before = before.map_or_else(String::new, |seq| format!("&before={seq}"));
        let path = format!("conversations/{conversation}/messages?limit=100{before}");
        let answer = self.rest.get(&self.url(node, &path), Some(&user.token)).await;
        answer.read(view::messages)
    }

    async fn get(&self, node: usize, user: &User, message: Uuid) -> Outcome<Seen> {
        let url = self.url(node, &format!("messages/{message}"));
        let answer = self.rest.get(&url, Some(&user.token)).await;
        answer.read(view::message)
    }

    async fn connect(
        &self,
        node: usize,
        user: &User,
        cursors: Option<&Cursors>,
    ) -> anyhow::Result<(Line, Push)> {
        socket::open(self.socket_authority(node), user, cursors).await
    }

    async fn connect_stock(&self, node: usize, user: &User) -> anyhow::Result<(Line, Push)> {
        stock::open(self.socket_authority(node), user).await
    }
}
