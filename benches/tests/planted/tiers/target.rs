//! The tiers as a target: requests go to the routers, events come from the topic.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bench::history::{Counted, Cursors, Outcome, Seen, UNREACHABLE};
use bench::remote::{PASSWORD, deed, view};
use bench::target::{Deed, Event, Events, Heard, Message, Place, Sender, Target, User};
use bench::task::spawn;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use ingest::Ingest;
use platform::inbound::Inbound as _;
use platform::port::log::{Log as _, Start, Tail};
use schemas::topic::EVENTS;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::{Tiers, over};

impl Target for Tiers {
    type Sender = Line;
    type Events = Raw;

    fn nodes(&self) -> usize {
        2
    }

    async fn register(&self, number: usize) -> anyhow::Result<User> {
        let name = format!("user-{number}");
        let register = serde_json::json!({
            "username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
            "firstName": "A", "lastName": "B",
        });
        let answer = self.ask(number, "auth/register", "", Some(register.to_string())).await;
        anyhow::ensure!(answer.status == 201, "registering: {answer}");
        let login = serde_json::json!({"identifier": name, "password": PASSWORD});
        let answer = self.ask(number, "auth/login", "", Some(login.to_string())).await;
        let signed_in = view::login(&answer)?;
        Ok(User { id: signed_in.user.id, token: signed_in.access_token.into() })
    }

    async fn open(&self, node: usize, user: &User, with: &User) -> Outcome<Uuid> {
        let body = serde_json::json!({"type": "direct", "participantIds": [with.id]}).to_string();
        self.ask(node, "conversations", &user.token, Some(body)).await.outcome(view::id)
    }

    async fn send(&self, node: usize, user: &User, message: &Message) -> Outcome<Seen> {
        let body = serde_json::to_string(&view::Send::new(message, false)).expect("plain data");
        self.ask(node, "messages", &user.token, Some(body)).await.outcome(view::message)
    }

    async fn page(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
        before: Option<i64>,
    ) -> Outcome<Vec<Seen>> {
        let before = before.map(|seq| format!("&before={seq}")).unwrap_or_default();
        let path = format!("conversations/{conversation}/messages?limit=20{before}");
        self.ask(node, &path, &user.token, None).await.read(view::messages)
    }

    async fn get(&self, node: usize, user: &User, message: Uuid) -> Outcome<Seen> {
        let path = format!("messages/{message}");
        self.ask(node, &path, &user.token, None).await.read(view::message)
    }

    async fn group(&self, node: usize, user: &User, with: &[Uuid]) -> Outcome<Uuid> {
        let body = serde_json::json!({"type": "group", "participantIds": with, "name": "a group"});
        let answer = self.ask(node, "conversations", &user.token, Some(body.to_string())).await;
        answer.outcome(view::id)
    }

    async fn act(&self, node: usize, user: &User, deed: &Deed) -> Outcome<Option<Seen>> {
        let answer = self.request(node, deed::request(deed), &user.token, Some(&deed.key)).await;
        answer.outcome(|body| deed::acted(&deed.what, body))
    }

    async fn unread(&self, node: usize, user: &User, id: Uuid, counted: Counted) -> Outcome<i64> {
        let answer = self.ask(node, &deed::counted(id, counted), &user.token, None).await;
        answer.read(|body| deed::unread(id, counted, body))
    }

    async fn members(&self, node: usize, user: &User, id: Uuid) -> Outcome<BTreeMap<Uuid, String>> {
        let path = format!("conversations/{id}/participants?limit=100");
        self.ask(node, &path, &user.token, None).await.read(deed::members)
    }

    async fn probe(
        &self,
        node: usize,
        user: &User,
        place: Place,
        needles: &[Arc<str>],
    ) -> Outcome<bool> {
        let answer = self.ask(node, &deed::path(place), &user.token, None).await;
        answer.read(|body| Ok(deed::shows(body, needles)))
    }

    async fn connect(
        &self,
        node: usize,
        user: &User,
        _: Option<&Cursors>,
    ) -> anyhow::Result<(Line, Raw)> {
        let Some((ingest, _, cut)) = self.node(node) else { anyhow::bail!(UNREACHABLE) };
        let who = ingest.authenticate(&user.token)?;
        let log = self.alive.lock().as_ref().map(|alive| alive.log.clone());
        let log = log.ok_or_else(|| anyhow::anyhow!(UNREACHABLE))?;
        let partitions = (0..log.partitions(&EVENTS)).collect();
        let tail = log.tail(&EVENTS, partitions, Start::Latest).await?;
        // From the first socket on, so that the cast is always whole.
        self.plant_once();
        let (requests, queue) = mpsc::channel(1_024);
        spawn(accept(ingest, who, queue, cut.clone()));
        let raw = Raw {
            tail,
            user: user.id,
            cut: cut.clone(),
            ready: Vec::new(),
            last: self.evictions.then(HashMap::new),
        };
        Ok((Line { requests, cut }, raw))
    }
}

type Asked = (String, oneshot::Sender<Outcome<Seen>>);

/// The inbound side of a socket: requests are accepted one after the other.
async fn accept(
    ingest: Ingest,
    who: platform::inbound::Identity,
    mut queue: mpsc::Receiver<Asked>,
    mut cut: watch::Receiver<bool>,
) {
    let take = async {
        while let Some((data, asker)) = queue.recv().await {
            let data = RawValue::from_string(data).expect("JSON");
            match ingest.accept(&who, "message.send", Some(&data)).await {
                Ok(outcome) => {
                    spawn(async move { drop(asker.send(settled(outcome.await))) });
                }
                Err(error) => drop(asker.send(settled(Err(error)))),
            }
        }
    };
    tokio::select! {
        biased;
        () = over(&mut cut) => {}
        () = take => {}
    }
}

fn settled(outcome: Result<Bytes, schemas::ApiError>) -> Outcome<Seen> {
    match outcome {
        Ok(json) => {
            let text = std::str::from_utf8(&json).unwrap_or_default();
            view::bare(text).map_or_else(|e| Outcome::Unknown(e.to_string()), Outcome::Ok)
        }
        Err(error) if error.code.status() < 500 || error.code == schemas::Code::Overloaded => {
            Outcome::Fail(error.code.text().to_owned())
        }
        Err(error) => Outcome::Unknown(error.code.text().to_owned()),
    }
}

/// The sending half of a socket.
#[derive(Clone)]
pub(crate) struct Line {
    requests: mpsc::Sender<Asked>,
    cut: watch::Receiver<bool>,
}

impl Sender for Line {
    fn send(&self, message: &Message) -> BoxFuture<'static, Outcome<Seen>> {
        let data = serde_json::to_string(&view::Send::new(message, true)).expect("plain data");
        let (asker, answer) = oneshot::channel();
        let queued = self.requests.try_send((data, asker)).is_ok();
        let mut cut = self.cut.clone();
        Box::pin(async move {
            let lost = || Outcome::Unknown("cut".to_owned());
            if !queued {
                return lost();
            }
            tokio::select! {
                biased;
                () = over(&mut cut) => lost(),
                outcome = answer => outcome.unwrap_or_else(|_| lost()),
            }
        })
    }

    // Over requests they are the same.
    fn act(&self, _: &Deed) -> Option<BoxFuture<'static, Outcome<Option<Seen>>>> {
        None
    }
}

/// The receiving half: what concerns the user, as it stands in the topic.
pub(crate) struct Raw {
    tail: Box<dyn Tail>,
    user: Uuid,
    cut: watch::Receiver<bool>,
    /// Newest first.
    ready: Vec<Event>,
    /// The client's rule, if it is applied: last rev by conversation.
    last: Option<HashMap<Uuid, i64>>,
}

impl Events for Raw {
    async fn next(&mut self) -> Option<Heard> {
        loop {
            while let Some(event) = self.ready.pop() {
                let Some(last) = &mut self.last else { return Some(Heard::Event(event)) };
                let last = last.entry(event.conversation).or_default();
                if event.rev > *last {
                    *last = event.rev;
                    return Some(Heard::Event(event));
                }
            }
            let records = tokio::select! {
                biased;
                () = over(&mut self.cut) => return None,
                records = self.tail.next() => records.ok()?,
            };
            let events = records.into_iter().rev().filter_map(|record| {
                let event = schemas::event::Event::read(&record.headers, record.value)?;
                let mine = schemas::event::unpack(&event.audience).any(|user| user.0 == self.user);
                let payload = std::str::from_utf8(&event.payload).unwrap_or_default();
                let (message, tells) = view::tells(event.kind.as_str(), payload);
                mine.then(|| Event {
                    conversation: event.conversation.0,
                    kind: event.kind.as_str().into(),
                    rev: event.rev,
                    message,
                    tells,
                })
            });
            self.ready = events.collect();
        }
    }
}
