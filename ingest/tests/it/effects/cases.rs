//! What is asked: for every operation that publishes, and for every request of a socket, at least one
//! request that has an effect, on a scene of its own.

use http::Method;
use serde_json::{Value, json};

use crate::failing::First;
use crate::world::{PASSWORD, User, World, form};

/// The password that is set.
const NEXT: &str = "violet kettle eighty-one";

/// Three users, two conversations, two messages. Who asks is the first of them, who owns the group.
pub(super) struct Scene<'a> {
    world: &'a World,
    n: usize,
    alice: User,
    bob: User,
    carol: User,
    direct: String,
    group: String,
    /// Of the other one, in the direct conversation.
    heard: String,
    /// Of who asks, there.
    said: String,
}

/// One request.
#[derive(Debug)]
pub(super) struct Ask {
    /// In the path.
    ids: Vec<(&'static str, String)>,
    pub(super) user: Option<User>,
    pub(super) body: Option<Value>,
    /// What the earlier try asked for, where it was something else.
    pub(super) earlier: Option<Value>,
    pub(super) first: First,
}

impl Ask {
    pub(super) fn path(&self, template: &str) -> String {
        let fill =
            |path: String, (name, id): &(&str, String)| path.replace(&format!("{{{name}}}"), id);
        let path = self.ids.iter().fold(template.to_owned(), fill);
        assert!(!path.contains('{'), "{path}");
        path.strip_prefix("/api/v1").unwrap().to_owned()
    }

    fn id(mut self, name: &'static str, id: &str) -> Self {
        self.ids.push((name, id.to_owned()));
        self
    }

    fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn earlier(self, body: Value) -> Self {
        Self { earlier: Some(body), ..self }
    }

    fn row(self) -> Self {
        Self { first: First::Row, ..self }
    }

    fn nobody(self) -> Self {
        Self { user: None, ..self }
    }
}

impl<'a> Scene<'a> {
    pub(super) async fn new(world: &'a World, n: usize) -> Self {
        let user = async |name: &str| world.user(&format!("{name}{n}")).await;
        let (alice, bob, carol) = (user("alice").await, user("bob").await, user("carol").await);
        let direct = world.direct(&alice, &bob).await;
        let group = world.group(&alice, &[&bob]).await;
        let heard = world.send(&bob, &direct, "heard").await.id();
        let said = world.send(&alice, &direct, "said").await.id();
        Self { world, n, alice, bob, carol, direct, group, heard, said }
    }

    pub(super) fn user(&self) -> &User {
        &self.alice
    }

    /// What an operation was asked to do was done; there is more of it now, for the same request.
    pub(super) async fn leave_something(&self, operation: &str) {
        if operation == "changePassword" {
            let body = json!({"identifier": format!("alice{}", self.n), "password": NEXT});
            self.world.call(Method::POST, "/auth/login", None, Some(body)).await.ok(200);
        }
    }

    fn ask(&self) -> Ask {
        let user = Some(self.alice.clone());
        Ask { ids: Vec::new(), user, body: None, earlier: None, first: First::Command }
    }

    fn of(&self, message: &str) -> Ask {
        self.ask().id("id", message)
    }

    /// Requests for an operation by its id in the document.
    pub(super) async fn asks(&self, operation: &str) -> Vec<Ask> {
        if let Some(asks) = self.of_accounts(operation).await {
            return asks;
        }
        if let Some(asks) = self.of_conversations(operation) {
            return asks;
        }
        let asks = self.of_messages(operation).await;
        asks.unwrap_or_else(|| panic!("{operation} has an effect and no case: add one here"))
    }

    async fn of_accounts(&self, operation: &str) -> Option<Vec<Ask>> {
        let (world, alice, bob) = (self.world, &self.alice, &self.bob);
        let token = json!({"refreshToken": alice.refresh});
        Some(match operation {
            "logout" => vec![self.ask().body(token).row(), self.ask().row()],
            "refresh" => vec![self.ask().nobody().body(token).row()],
            "register" => vec![self.ask().nobody().body(form(&format!("dave{}", self.n)))],
            "changeProfile" => {
                let number = |last: u8| format!("+49 30 {}{last}", 100_000 + self.n);
                world.put("/users/me", alice, json!({"phone": number(1)})).await.ok(200);
                vec![
                    self.ask().body(json!({"firstName": "Al"})),
                    self.ask().body(json!({"phone": number(2)})),
                    self.ask().body(json!({"phone": null})),
                ]
            }
            "changePassword" => {
                world.login(&format!("alice{}", self.n)).await;
                let body = json!({"currentPassword": PASSWORD, "newPassword": NEXT});
                vec![self.ask().body(body).row()]
            }
            "changeSettings" => vec![self.ask().body(json!({"theme": "dark"}))],
            "deleteAccount" => vec![self.ask()],
            "blockUser" => {
                let body = json!({"reason": "noise"});
                vec![self.ask().id("id", &bob.id).body(body)]
            }
            "unblockUser" => {
                world.post(&format!("/users/{}/block", bob.id), alice, json!({})).await.ok(200);
                vec![self.ask().id("id", &bob.id)]
            }
            "changePresence" => {
                vec![self.ask().body(json!({"status": "away", "customStatus": "Out."}))]
            }
            _ => return None,
        })
    }

    fn of_conversations(&self, operation: &str) -> Option<Vec<Ask>> {
        let (bob, carol) = (&self.bob.id, &self.carol.id);
        let group = || self.ask().id("id", &self.group);
        let member = |id: &str| group().id("userId", id);
        Some(match operation {
            "openConversation" => {
                let group = json!({"type": "group", "name": "G", "participantIds": [bob, carol]});
                let direct = json!({"type": "direct", "participantIds": [carol]});
                vec![self.ask().body(group), self.ask().body(direct)]
            }
            "notes" => vec![self.ask()],
            "changeConversation" => vec![
                group().body(json!({"name": "Yard"})),
                group().body(json!({"isPinned": true})),
                group().body(json!({"name": "Gate", "isMuted": true})),
            ],
            "deleteConversation" | "leaveConversation" => vec![group()],
            "addParticipants" => vec![group().body(json!({"userIds": [carol]}))],
            "removeParticipant" => vec![member(bob), member(&self.alice.id)],
            "changeParticipant" => vec![member(bob).body(json!({"role": "admin"}))],
            "setConversation" => vec![group().body(json!({"isArchived": true}))],
            "readConversation" => {
                let direct = || self.ask().id("id", &self.direct);
                vec![direct().body(json!({"messageId": self.heard})), direct().body(json!({}))]
            }
            _ => return None,
        })
    }

    async fn of_messages(&self, operation: &str) -> Option<Vec<Ask>> {
        let (direct, group, heard) = (&self.direct, &self.group, &self.heard);
        let within = || self.ask().id("conversationId", direct).id("messageId", heard);
        Some(match operation {
            "sendMessage" => {
                let send = json!({"conversationId": direct, "content": "x"});
                let (mut named, mut reply) = (send.clone(), send.clone());
                named["clientMessageId"] = json!("c");
                reply["replyToId"] = json!(heard);
                [send, named, reply].into_iter().map(|body| self.ask().body(body)).collect()
            }
            "editMessage" => vec![self.of(&self.said).body(json!({"content": "y"}))],
            "deleteMessage" => vec![self.of(&self.said)],
            "forwardMessage" => {
                let some = json!({"conversationIds": [group]});
                let more = json!({"conversationIds": [group, direct]});
                vec![self.of(heard).body(more).earlier(some)]
            }
            "pin" | "readMessage" => vec![self.of(heard)],
            "pinIn" => vec![within()],
            "unpin" | "unpinIn" => {
                let path = format!("/messages/{heard}/pin");
                self.world.post(&path, &self.alice, json!({})).await.ok(200);
                vec![if operation == "unpin" { self.of(heard) } else { within() }]
            }
            "react" => vec![self.of(heard).body(json!({"emoji": "x"}))],
            "unreact" => {
                self.react().await;
                vec![self.of(heard).id("emoji", "x")]
            }
            _ => return None,
        })
    }

    async fn react(&self) {
        let path = format!("/messages/{}/reactions", self.heard);
        self.world.post(&path, &self.alice, json!({"emoji": "x"})).await.ok(200);
    }

    /// The data of requests of a socket, by their kind.
    pub(super) async fn frames(&self, kind: &str) -> Vec<Value> {
        let (direct, heard, said) = (&self.direct, &self.heard, &self.said);
        match kind {
            "message.send" => {
                let again =
                    json!({"conversationId": direct, "content": "x", "clientMessageId": "c"});
                self.world.post("/messages", &self.alice, again.clone()).await.ok(201);
                let new = json!({"conversationId": direct, "content": "y"});
                let reply = json!({"conversationId": direct, "content": "y", "replyToId": heard});
                vec![again, new, reply]
            }
            "message.edit" => vec![json!({"messageId": said, "content": "y"})],
            "message.delete" => vec![json!({"messageId": said})],
            "message.react" => vec![json!({"messageId": heard, "emoji": "x"})],
            "message.unreact" => {
                self.react().await;
                vec![json!({"messageId": heard, "emoji": "x"})]
            }
            "message.read" => vec![json!({"messageId": heard})],
            "conversation.read" => vec![json!({"conversationId": direct, "messageId": heard})],
            "delivered" => vec![json!({"conversations": {direct: 1}})],
            "presence.set" => vec![json!({"status": "away"})],
            _ => panic!("{kind} has no case: add one here"),
        }
    }
}
