//! A request that has had its effect is not refused, whatever its node can not read any more (G-03):
//! it is done, or its outcome is unknown. Every operation of the documents is asked.

mod cases;

use axum::body::Body;
use http::{Method, Request};
use schemas::Code;
use serde_json::{Value, json};

use self::cases::{Ask, Scene};
use crate::failing::{Breaker, First};
use crate::world::{Node, World, request};

/// Requests of sockets that delivery answers itself.
const OF_DELIVERY: [&str; 7] = [
    "auth",
    "ping",
    "sync",
    "activity",
    "presence.update",
    "presence.subscribe",
    "presence.unsubscribe",
];
/// Operations that change nothing and are no `GET`, or whose effect nobody sees without their answer.
const HARMLESS: [&str; 2] = ["login", "presencesOf"];
/// Nothing of it is kept.
const BRIEF: &str = "typing";
/// As delivery passes on what of `presence.update` is kept.
const PRESENCE: &str = "presence.set";

/// An operation that may be answered with an unknown outcome.
struct Operation {
    id: String,
    method: Method,
    path: String,
    /// Whether a request may name itself.
    keyed: bool,
}

impl Operation {
    /// The id of what `PUT` and `PATCH` do alike.
    fn noun(&self) -> &str {
        self.id.trim_end_matches("_patch")
    }

    fn request(&self, ask: &Ask, body: Option<&Value>, key: Option<&str>) -> Request<Body> {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let (method, path) = (self.method.clone(), ask.path(&self.path));
        request(method, &path, ask.user.as_ref(), body.cloned(), &headers)
    }
}

/// All of them, as the server documents itself.
async fn operations(world: &World) -> Vec<Operation> {
    let document = world.call(Method::GET, "//api/docs-json", None, None).await.body;
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let refusals = operation["responses"]["503"]["$ref"].as_str().unwrap_or_default();
            let publishes = refusals.contains(Code::OutcomeUnknown.text());
            assert!(publishes || method == "get" || HARMLESS.contains(&id), "{id} publishes()");
            if publishes {
                let parameters = operation["parameters"].as_array();
                let mut parameters = parameters.into_iter().flatten();
                operations.push(Operation {
                    id: id.to_owned(),
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    keyed: parameters.any(|parameter| parameter["name"] == "Idempotency-Key"),
                });
            }
        }
    }
    assert!(operations.len() > 30, "{} operations", operations.len());
    operations
}

/// A node with engines that break, and what its requests were answered.
struct Trial<'a> {
    world: &'a World,
    node: Node,
    breaker: Breaker,
    scenes: usize,
    wrong: Vec<String>,
    unknown: usize,
    /// Whether the last one took too long: that is asked once more.
    late: bool,
}

impl<'a> Trial<'a> {
    async fn new(world: &'a World) -> Self {
        let breaker = Breaker::new();
        let node = world.node_over(breaker.around(&world.platform)).await;
        Self { world, node, breaker, scenes: 0, wrong: Vec::new(), unknown: 0, late: false }
    }

    async fn scene(&mut self) -> Scene<'a> {
        self.scenes += 1;
        Scene::new(self.world, self.scenes).await
    }

    /// Asks it all of an operation; if a request may name itself, also what was done before.
    async fn operation(&mut self, operation: &Operation) {
        for again in [false, true] {
            let mut n = 0;
            while (!again || operation.keyed) && self.request(operation, n, again).await {
                n += 1;
            }
            assert!(n > 0 || again, "{} is not asked", operation.id);
        }
    }

    /// Asks the n-th of an operation's requests, whichever call after its effect is the first that is
    /// not answered. False: there is no n-th.
    async fn request(&mut self, operation: &Operation, n: usize, again: bool) -> bool {
        for calls in 0.. {
            let scene = self.scene().await;
            let asks = scene.asks(operation.noun()).await;
            let Some(ask) = asks.get(n) else { return false };
            let key = again.then(|| format!("k{}", self.scenes));
            if let Some(key) = &key {
                let earlier = ask.earlier.as_ref().or(ask.body.as_ref());
                let earlier = operation.request(ask, earlier, Some(key));
                let earlier = self.world.raw(0, earlier).await;
                assert!(earlier.status.is_success(), "{}: {}", operation.id, earlier.body);
                scene.leave_something(operation.noun()).await;
            }
            let request = operation.request(ask, ask.body.as_ref(), key.as_deref());
            self.breaker.arm(ask.first, calls);
            let answer = self.node.raw(request).await;
            let code = (!answer.status.is_success()).then(|| answer.code().to_owned());
            let named = if again { "again " } else { "" };
            let what = format!("{} {n} {named}({calls} calls)", operation.id);
            if self.is_over(&what, code.as_deref()) {
                break;
            }
        }
        true
    }

    /// The same with frames of a kind.
    async fn frame(&mut self, kind: &str, n: usize) -> bool {
        let node = self.node.inbound();
        for calls in 0.. {
            let scene = self.scene().await;
            let frames = scene.frames(kind).await;
            let Some(data) = frames.get(n) else { return false };
            let who = node.authenticate(&scene.user().token).unwrap();
            let data = serde_json::value::to_raw_value(data).unwrap();
            self.breaker.arm(First::Command, calls);
            let answer = match node.accept(&who, kind, Some(&data)).await {
                Ok(outcome) => outcome.await,
                Err(error) => Err(error),
            };
            let code = answer.err().map(|error| error.code.text());
            if self.is_over(&format!("{kind} {n} ({calls} calls)"), code) {
                break;
            }
        }
        true
    }

    /// Judges an answer. Whether everything that was called answered, so that nothing is left to break.
    fn is_over(&mut self, what: &str, code: Option<&str>) -> bool {
        if !self.breaker.is_done() {
            self.wrong.push(format!("{what} had no effect: {code:?}"));
        }
        let (unknown, failed) = (Code::OutcomeUnknown.text(), self.breaker.has_failed());
        let late = std::mem::take(&mut self.late);
        match code {
            None => {}
            Some(code) if code == unknown && failed => self.unknown += 1,
            // A machine that stands still for as long as one waits for its disk.
            Some(code) if code == unknown && !late => {
                self.late = true;
                return false;
            }
            Some(code) => self.wrong.push(format!("{what} was answered {code}")),
        }
        !failed
    }

    /// Asks the n-th of an operation's requests of somebody who is a member of nothing after its effect.
    /// False: there is no n-th.
    async fn outsider(&mut self, operation: &Operation, n: usize) -> bool {
        let scene = self.scene().await;
        let asks = scene.asks(operation.noun()).await;
        let Some(ask) = asks.get(n) else { return false };
        self.breaker.arm_to_hide(ask.first);
        let answer = self.node.raw(operation.request(ask, ask.body.as_ref(), None)).await;
        let what = format!("{} {n}", operation.id);
        if !self.breaker.is_done() {
            self.wrong.push(format!("{what} had no effect: {}", answer.body));
        }
        match (!answer.status.is_success()).then(|| answer.code()) {
            None => {}
            Some(code) if code == Code::OutcomeUnknown.text() => self.unknown += 1,
            Some(code) => self.wrong.push(format!("{what} was answered {code}")),
        }
        true
    }

    fn verdict(&self, unknown: usize) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        assert!(self.unknown >= unknown, "only {} outcomes were unknown", self.unknown);
    }
}

/// Kinds of requests of sockets with an effect that is kept.
fn kinds() -> Vec<String> {
    let document = schemas::document::socket();
    let operations = document["operations"].as_object().unwrap().iter();
    let asked = operations.filter(|(_, operation)| operation["action"] == "receive");
    let kinds = asked.map(|(kind, _): (&String, &Value)| kind.clone());
    let kept = kinds.filter(|kind| !OF_DELIVERY.contains(&kind.as_str()) && kind != BRIEF);
    kept.chain([PRESENCE.to_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_is_refused_after_its_effect() {
    let world = World::new().await;
    let mut trial = Trial::new(&world).await;
    for operation in operations(&world).await {
        trial.operation(&operation).await;
    }
    trial.verdict(100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_is_refused_for_an_access_that_was_lost_behind_its_effect() {
    let world = World::new().await;
    let mut trial = Trial::new(&world).await;
    for operation in operations(&world).await {
        let mut n = 0;
        while trial.outsider(&operation, n).await {
            n += 1;
        }
    }
    trial.verdict(5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_says_nothing_has_no_outcome_to_be_unknown() {
    let world = World::new().await;
    let mut trial = Trial::new(&world).await;
    let scene = trial.scene().await;
    let [ask, ..] = &scene.asks("changeConversation").await[..] else { panic!() };
    let path = ask.path("/api/v1/conversations/{id}");
    for calls in 0..2 {
        trial.breaker.arm_at_once(calls);
        let nothing = request(Method::PATCH, &path, ask.user.as_ref(), Some(json!({})), &[]);
        trial.node.raw(nothing).await.refused(503, "overloaded");
        assert!(trial.breaker.has_failed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_of_a_socket_is_refused_after_its_effect() {
    let world = World::new().await;
    let mut trial = Trial::new(&world).await;
    for kind in kinds() {
        let mut n = 0;
        while trial.frame(&kind, n).await {
            n += 1;
        }
        assert!(n > 0, "{kind} is not asked");
    }
    trial.verdict(5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_try_has_forwarded_is_not_refused() {
    let world = World::new().await;
    let mut trial = Trial::new(&world).await;
    let scene = trial.scene().await;
    let [ask] = &scene.asks("forwardMessage").await[..] else { panic!() };
    let path = ask.path("/api/v1/messages/{id}/forward");
    let again = || {
        let headers = [("idempotency-key", "k")];
        request(Method::POST, &path, ask.user.as_ref(), ask.body.clone(), &headers)
    };
    world.raw(0, again()).await.ok(200);
    // With these two it has found what there is.
    for calls in 2.. {
        trial.breaker.arm_at_once(calls);
        let answer = trial.node.raw(again()).await;
        if !trial.breaker.has_failed() {
            answer.ok(200);
            break;
        }
        match answer.status.as_u16() {
            // Of one it could tell.
            200 => assert_eq!(answer.body["data"]["failed"][0]["code"], "outcome_unknown"),
            _ => answer.refused(503, "outcome_unknown"),
        }
    }
}
