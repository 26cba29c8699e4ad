//! Simulations of clients that come and go while a seeded world changes: live events late, twice, out of
//! order or lost, between any two reads of a sync; cuts at any moment. Without sockets and without time,
//! so that thousands of resumes take seconds. A failure prints its seed.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use parking_lot::Mutex;
use platform::embedded::LocalEphemeral;
use platform::inbound::{Outcome, Seen};
use platform::lifecycle::Lifecycle;
use platform::memory::{Faults, MemoryLog, Seeded};
use platform::node::Sink;
use platform::port::clock::SimClock;
use platform::port::ephemeral::Route;
use platform::telemetry::{Metrics, label};
use platform::{Ephemeral, Platform};
use schemas::conversation::head::Routing;
use schemas::outbound::Outbound;
use schemas::{InstanceId, SessionId, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::routes::Routes;
use crate::session::Next;

#[path = "../../tests/it/world.rs"]
#[expect(dead_code, reason = "shared with the tests over sockets")]
mod world;

use world::{TestStore, World, conversation, user};

const ME: u128 = 1;
/// The first two routed by member, the next two as a whole, and so on.
const TALKS: [u128; 8] = [11, 12, 13, 14, 15, 16, 17, 18];
/// He is in these from the beginning.
const FIRST: usize = 4;

/// Takes what a sync says was delivered.
struct Nothing;

#[async_trait::async_trait]
impl Inbound for Nothing {
    fn authenticate(&self, _: &str) -> Result<Identity, ApiError> {
        unreachable!("nobody shows a token")
    }

    async fn accept(
        &self,
        _: &Identity,
        _: &str,
        _: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        Ok(Box::pin(async { Ok(Bytes::new()) }))
    }

    async fn charge(&self, _: &Identity, _: &str) -> Result<(), ApiError> {
        Ok(())
    }

    async fn presence(&self, _: UserId, _: &[UserId]) -> Result<Vec<Seen>, ApiError> {
        unreachable!("nobody asks who is here")
    }
}

/// The world and what is on its way from it to the node.
struct Sim {
    world: World,
    ephemeral: Arc<LocalEphemeral>,
    random: Seeded,
    topic: Vec<Outbound>,
    /// Whether members come and go.
    churn: bool,
    /// Whether nothing happens by itself.
    calm: bool,
}

impl Sim {
    /// Something happens.
    fn change(&mut self) {
        let talk = TALKS[self.random.size(TALKS.len())];
        let made = match self.random.below(12) {
            0 => vec![self.world.note(ME)],
            1 if self.random.one_in(4) && self.world.is_by_member(talk) => {
                vec![self.world.flip(talk)]
            }
            1 => vec![self.world.rename(talk)],
            2 | 3 if self.churn && self.world.is_member(talk, ME) => {
                self.world.remove(talk, ME).into()
            }
            2..=6 if self.churn && !self.world.is_member(talk, ME) => {
                self.world.add(talk, ME).into()
            }
            _ => vec![self.world.message(talk)],
        };
        self.topic.extend(made);
    }

    /// Much happens in one conversation, and is first to arrive.
    fn burst(&mut self) {
        let talk = TALKS[self.random.size(TALKS.len())];
        let mut burst: Vec<_> = (0..3).map(|_| self.world.message(talk)).collect();
        burst.append(&mut self.topic);
        self.topic = burst;
        if self.churn {
            // There a record is not passed by another one of its conversation.
            self.topic.rotate_left(3);
        }
    }

    /// He is added to a conversation that he is not in.
    fn add(&mut self) {
        let others = TALKS.into_iter().filter(|talk| !self.world.is_member(*talk, ME));
        let others: Vec<_> = others.collect();
        if let Some(talk) = others.get(self.random.size(others.len())) {
            let added = self.world.add(*talk, ME);
            self.topic.extend(added);
        }
    }

    /// The next record that reaches the node: mostly in order, some twice, some never.
    fn record(&mut self) -> Option<Outbound> {
        if self.topic.is_empty() {
            return None;
        }
        // Feeds keep their order, and so do events where members come and go: there a record that is
        // passed by another one of its conversation would be lost. The two pass each other freely.
        let is_feed = |record: &Outbound| matches!(record, Outbound::Feed { .. });
        let near = 3.min(self.topic.len());
        let mut at = self.random.size(near);
        if self.churn || is_feed(&self.topic[at]) {
            let feed = is_feed(&self.topic[at]);
            at = self.topic.iter().position(|other| is_feed(other) == feed).unwrap();
        }
        let record = self.topic.remove(at);
        let lossy = matches!(&record, Outbound::Event { flip, .. } if !flip);
        match self.random.below(20) {
            0 if lossy => return None,
            1 | 2 => self.topic.insert(0, record.clone()),
            _ => {}
        }
        self.is_routed(&record).then_some(record)
    }

    /// Fan-out sends what is routed as a whole where its conversation is announced, and nowhere else.
    fn is_routed(&self, record: &Outbound) -> bool {
        match record {
            Outbound::Event { conversation, audience, .. } if audience.is_empty() => {
                let route = [Route::Conversation(*conversation)];
                let nodes = self.ephemeral.routes(&route).now_or_never().unwrap().unwrap();
                !nodes[0].is_empty()
            }
            _ => true,
        }
    }
}

/// What a client has: the rule of docs/PROTOCOL.md, and that it is never needed.
#[derive(Default)]
struct Client {
    last: BTreeMap<u128, Rev>,
    feed: Rev,
    /// Something was missing, or its server said so: it syncs.
    behind: bool,
    resets: usize,
}

fn number(id: &Value) -> u128 {
    Uuid::parse_str(id.as_str().unwrap()).unwrap().as_u128()
}

impl Client {
    fn cursors(&self) -> Cursors {
        let conversations = self.last.iter().map(|(id, rev)| (conversation(*id), *rev)).collect();
        Cursors { conversations, feed: Some(self.feed) }
    }

    fn hear(&mut self, sim: &Mutex<Sim>, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap();
        match frame["type"].as_str().unwrap() {
            "sync.changes" => {
                for event in frame["data"].as_array().unwrap() {
                    self.apply(sim, event);
                }
            }
            "sync.reset" => {
                self.resets += 1;
                let data = &frame["data"];
                if data.get("feed").is_some() {
                    self.feed = data["feed"].as_i64().unwrap();
                } else if data["removed"] == true {
                    self.last.remove(&number(&data["conversationId"]));
                } else {
                    let rev = data["rev"].as_i64().unwrap();
                    self.last.insert(number(&data["conversationId"]), rev);
                }
            }
            "sync.receipts" => {}
            "sync.done" if frame["ok"] == true => self.check(&frame["data"]["cursors"]),
            "sync.done" | "resync" => self.behind = true,
            _ => self.apply(sim, &frame),
        }
    }

    /// The cursors at the end of a sync are no further than what came.
    fn check(&self, cursors: &Value) {
        assert!(cursors["feed"].as_i64().unwrap() <= self.feed);
        for (id, rev) in cursors["conversations"].as_object().unwrap() {
            let last = self.last.get(&number(&Value::from(id.as_str())));
            assert!(last.is_none_or(|last| rev.as_i64().unwrap() <= *last), "{cursors}");
        }
    }

    fn apply(&mut self, sim: &Mutex<Sim>, event: &Value) {
        let strict = !self.behind && !sim.lock().churn;
        if let Some(feed) = event["feed"].as_i64() {
            if strict {
                assert_eq!(feed, self.feed + 1, "the feed has a hole or a repetition: {event}");
            }
            if feed <= self.feed {
                return;
            }
            if feed > self.feed + 1 {
                self.behind = true;
                return;
            }
            self.feed = feed;
            let data = &event["data"];
            match event["type"].as_str().unwrap() {
                "conversation.added" => {
                    let rev = data["rev"].as_i64().unwrap();
                    self.last.entry(number(&data["conversationId"])).or_insert(rev);
                }
                "conversation.removed" => {
                    let (id, rev) =
                        (number(&data["conversationId"]), data["rev"].as_i64().unwrap());
                    // He may have been added again, and have heard of that first.
                    if self.last.get(&id).is_some_and(|last| *last <= rev) {
                        self.last.remove(&id);
                    }
                }
                _ => {}
            }
            return;
        }
        let id = number(&event["conversationId"]);
        let rev = event["rev"].as_i64().unwrap();
        sim.lock().wall(id, rev);
        let Some(last) = self.last.get_mut(&id) else { return };
        if strict {
            assert_eq!(rev, *last + 1, "{id} has a hole or a repetition");
        }
        if rev > *last + 1 {
            self.behind = true;
        } else {
            *last = rev.max(*last);
        }
    }
}

impl Sim {
    /// G-15: nothing newer than his removal reaches him.
    fn wall(&self, talk: u128, rev: Rev) {
        if let Some(removed) = self.world.removed_at(talk, ME) {
            assert!(rev <= removed, "{talk}: {rev} after the removal at {removed}");
        }
    }
}

struct Node {
    metrics: Metrics,
    store: Arc<TestStore>,
    hub: Arc<Hub>,
    sim: Arc<Mutex<Sim>>,
}

impl Node {
    fn start(seed: u64, churn: bool) -> Self {
        let store = Arc::new(TestStore::new(std::time::Duration::ZERO));
        let mut world = World::new(store.clone());
        for (at, talk) in TALKS.into_iter().enumerate() {
            let routing = if at % 4 < 2 { Routing::Member } else { Routing::Conversation };
            let members: &[u128] = if at < FIRST { &[ME, 2] } else { &[2] };
            world.open(talk, members, routing);
        }
        let clock = Arc::new(SimClock::at(Timestamp(0)));
        let ephemeral = Arc::new(LocalEphemeral::new(clock.clone()));
        let platform = Platform {
            log: Arc::new(MemoryLog::new(clock.clone(), Faults::default())),
            store: store.clone(),
            ephemeral: ephemeral.clone(),
            clock,
            metrics: Metrics::new(),
        };
        let life = Lifecycle::new();
        let hub = Hub::new(&platform, &life);
        let routes = Routes::new(&platform, InstanceId(Uuid::from_u128(9)), hub.clone());
        life.component("routes", routes.run(life.stopping()));
        let random = Seeded::new(seed);
        let sim = Sim { world, ephemeral, random, topic: Vec::new(), churn, calm: false };
        let sim = Arc::new(Mutex::new(sim));
        // Between any two reads something may happen and something may arrive.
        let metrics = platform.metrics;
        let node = Self { metrics, store: store.clone(), hub: hub.clone(), sim: sim.clone() };
        let weak = Arc::downgrade(&hub);
        let inner = sim;
        store.after_reads(move |_| {
            let Some(hub) = weak.upgrade() else { return };
            let mut records = Vec::new();
            if let Some(mut sim) = inner.try_lock()
                && !sim.calm
            {
                match sim.random.below(6) {
                    0 => sim.burst(),
                    1 | 2 => sim.change(),
                    _ => {}
                }
                let times = sim.random.below(4);
                records.extend((0..times).filter_map(|_| sim.record()));
            }
            hub.deliver(records);
        });
        node
    }

    fn one_in(&self, n: u64) -> bool {
        self.sim.lock().random.one_in(n)
    }

    fn deliver(&self) -> bool {
        let record = self.sim.lock().record();
        let any = record.is_some();
        self.hub.deliver(record.into_iter().collect());
        any
    }

    async fn enter(&self, cursors: &Cursors) -> Arc<Session> {
        let who = Identity {
            user: user(ME),
            session: SessionId(Uuid::nil()),
            expires_at: Timestamp(i64::MAX),
        };
        let prepare = |session: &Session| {
            session.close_gates(cursors.conversations.keys().copied(), cursors.feed.is_some());
        };
        let session = self.hub.enter(who, prepare).unwrap();
        self.hub.wanted.announced(&[Route::User(user(ME))]).await;
        self.hub.load(user(ME)).await.unwrap();
        session
    }

    /// A client comes, catches up, stays for a while and goes, or is cut at any moment.
    async fn resume(&self, client: &mut Client) {
        let mut cursors = client.cursors();
        let session = self.enter(&cursors).await;
        client.behind = false;
        let mut failed = false;
        loop {
            let (hub, inbound) = (self.hub.clone(), Arc::new(Nothing));
            let mut sync = Sync::new("0".to_owned(), hub, inbound, session.clone(), cursors);
            loop {
                self.store.away.store(self.one_in(60), Ordering::SeqCst);
                let (next, frame, over) = match sync.step().await {
                    Step::Frame(next, frame) => (Some(next), frame, None),
                    Step::Last(frame, outcome, turn) => {
                        failed |= outcome == "failed";
                        (None, frame, Some(turn))
                    }
                };
                self.store.away.store(false, Ordering::SeqCst);
                // What was pushed before it may leave before it.
                self.drain(&session, client);
                if self.one_in(40) {
                    // Cut: neither this frame nor what is queued arrives.
                    return self.hub.leave(&session);
                }
                client.hear(&self.sim, frame.text());
                if let Some(turn) = over {
                    session.finish_sync(turn);
                }
                self.drain(&session, client);
                self.live(&session, client).await;
                let Some(next) = next else { break };
                sync = next;
            }
            let calm = self.one_in(2);
            if calm {
                self.calm(&session, client).await;
            }
            if !client.behind {
                if calm {
                    self.sim.lock().all_is_there(client);
                }
                break;
            }
            let may_miss = failed || self.sim.lock().churn;
            assert!(may_miss, "nothing is missing where nobody comes or goes");
            client.behind = false;
            cursors = client.cursors();
            session.close_gates(cursors.conversations.keys().copied(), true);
        }
        self.sim.lock().calm = false;
        self.hub.leave(&session);
    }

    fn drain(&self, session: &Session, client: &mut Client) {
        while let Next::Frame(frame) = session.next() {
            client.hear(&self.sim, frame.text());
        }
    }

    async fn live(&self, session: &Session, client: &mut Client) {
        let times = self.sim.lock().random.below(4);
        for _ in 0..times {
            self.sim.lock().change();
            self.deliver();
            tokio::task::yield_now().await;
            self.drain(session, client);
        }
    }

    /// Everything that was sent arrives, and one more of each, so that holes show.
    async fn calm(&self, session: &Session, client: &mut Client) {
        {
            let mut sim = self.sim.lock();
            sim.calm = true;
            let topic = std::mem::take(&mut sim.topic);
            let last = TALKS.map(|talk| sim.world.message(talk));
            let last: Vec<_> = topic.into_iter().chain(last).collect();
            let last = last.into_iter().filter(|record| sim.is_routed(record)).collect();
            drop(sim);
            self.hub.deliver(last);
        }
        // Tasks that heal and join; time stands still but for them.
        for _ in 0..20 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.drain(session, client);
    }
}

impl Sim {
    fn all_is_there(&self, client: &Client) {
        assert_eq!(client.feed, self.world.feed(ME), "the feed");
        for talk in TALKS {
            let expected = self.world.is_member(talk, ME).then(|| self.world.rev(talk));
            assert_eq!(client.last.get(&talk).copied(), expected, "{talk}");
        }
    }
}

async fn simulate(seed: u64, resumes: usize, churn: bool) -> usize {
    let node = Node::start(seed, churn);
    let first = TALKS.into_iter().take(FIRST).map(|talk| (talk, 1)).collect();
    let mut client = Client { last: first, ..Client::default() };
    for _ in 0..resumes {
        let times = node.sim.lock().random.below(30);
        for _ in 0..times {
            // What nobody here is to get is not sent here, but for some that is under way.
            let mut sim = node.sim.lock();
            sim.change();
            if sim.random.one_in(50) {
                sim.add();
            }
            if sim.random.one_in(2) {
                sim.topic.clear();
            }
        }
        node.resume(&mut client).await;
    }
    for id in label::INVARIANT.values {
        let violations = node.metrics.invariant_violations.with_label_values(&[id]);
        assert_eq!(violations.get(), 0, "{id}");
    }
    client.resets
}

#[expect(clippy::print_stdout, reason = "the seed of a failure")]
fn run(seeds: std::ops::Range<u64>, resumes: usize, churn: bool) -> usize {
    let mut resets = 0;
    for seed in seeds {
        println!("seed {seed}");
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
        resets += runtime.block_on(simulate(seed, resumes, churn));
    }
    resets
}

#[test]
fn two_thousand_resumes_bring_each_missed_change_once_and_in_order() {
    assert_eq!(run(0..40, 50, false), 0);
}

#[test]
fn one_who_is_removed_and_added_gets_nothing_beyond_the_wall_and_all_of_the_rest() {
    run(0..40, 50, true);
}
