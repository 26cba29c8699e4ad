//! A group as a reader of the contract would write it down: what every command about it comes to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use schemas::conversation::head::{Kind, Settings};
use schemas::envelope::{ConversationCommand, Once};
use schemas::id::request_hash;
use schemas::member::Role;
use schemas::message::command::{ReplyTo, Target};
use schemas::patch::Patch;
use schemas::{Code, MessageId, conversation, member, message, reaction};
use uuid::Uuid;
use workers::fold::Item;

use crate::sim::{conversation, record, snapshot, user};

/// What a client asks for. Users are numbers; messages are numbers in their conversation.
#[derive(Clone, Debug)]
pub enum Ask {
    Open(u8, Vec<u8>),
    Send(u8, u8, Option<usize>),
    Edit(u8, usize, u8),
    Delete(u8, usize),
    React(u8, usize, u8, bool),
    Pin(u8, usize, bool),
    Add(u8, Vec<u8>, Role),
    Remove(u8, u8),
    Leave(u8, Option<u8>),
    SetRole(u8, u8, Role),
    Rename(u8, u8),
    Close(u8),
}

/// What is to come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    Changed,
    Before,
    Rejected(Code),
}

#[derive(Clone, Debug, Default)]
pub struct Message {
    pub id: MessageId2,
    pub sender: u8,
    pub text: u8,
    pub former: Vec<u8>,
    pub deleted: bool,
    pub pinned: bool,
    pub reactions: BTreeSet<(u8, u8)>,
}

/// An id with a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId2(pub MessageId);

impl Default for MessageId2 {
    fn default() -> Self {
        Self(MessageId(Uuid::nil()))
    }
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub open: bool,
    pub closed: bool,
    pub rev: i64,
    pub name: u8,
    pub members: BTreeMap<u8, Role>,
    pub admins: Vec<u8>,
    pub messages: Vec<Message>,
    named: HashMap<(u8, u8), u64>,
}

/// Users of a history.
const USERS: u8 = 6;

const EMOJI: [&str; 3] = ["👍", "❤", "x"];

pub fn emoji(n: u8) -> &'static str {
    EMOJI[usize::from(n) % EMOJI.len()]
}

pub fn text(n: u8) -> String {
    format!("text {n}")
}

impl Model {
    fn role(&self, who: u8) -> Option<Role> {
        self.members.get(&who).copied().filter(|_| self.open && !self.closed)
    }

    fn actor(&self, who: u8) -> Result<Role, Expect> {
        self.role(who).ok_or(Expect::Rejected(Code::NotMember))
    }

    /// Message number `at`, from 1; one that is not there is asked for by some other id.
    fn target(&self, at: usize) -> Target {
        let known = at.checked_sub(1).and_then(|at| self.messages.get(at));
        Target {
            conversation_id: conversation(),
            message_id: known.map_or(MessageId(Uuid::from_u128(0xbad)), |message| message.id.0),
            seq: i64::try_from(at).unwrap(),
        }
    }

    fn standing(&mut self, at: usize) -> Result<&mut Message, Expect> {
        let message = at.checked_sub(1).and_then(|at| self.messages.get_mut(at));
        let message = message.ok_or(Expect::Rejected(Code::NotFound))?;
        if message.deleted {
            return Err(Expect::Rejected(Code::MessageDeleted));
        }
        Ok(message)
    }

    fn note(&mut self, who: u8, role: Role) {
        self.admins.retain(|admin| *admin != who);
        if role == Role::Admin && self.admins.len() < 8 {
            self.admins.push(who);
        }
        self.members.insert(who, role);
    }

    fn gone(&mut self, who: u8) {
        self.members.remove(&who);
        self.admins.retain(|admin| *admin != who);
    }

    fn decide(&mut self, ask: &Ask, id: MessageId) -> Result<Expect, Expect> {
        let forbidden = Err(Expect::Rejected(Code::Forbidden));
        match ask {
            Ask::Open(who, others) => {
                if self.open {
                    return Ok(Expect::Before);
                }
                self.open = true;
                self.members.insert(*who, Role::Owner);
                self.members.extend(others.iter().map(|other| (*other, Role::Member)));
            }
            Ask::Send(who, text, reply) => {
                self.actor(*who)?;
                if let Some(at) = reply {
                    self.standing(*at)?;
                }
                self.messages.push(Message {
                    id: MessageId2(id),
                    sender: *who,
                    text: *text,
                    ..Message::default()
                });
            }
            Ask::Edit(who, at, text) => {
                self.actor(*who)?;
                let message = self.standing(*at)?;
                if message.sender != *who {
                    return forbidden;
                }
                if message.text == *text {
                    return Ok(Expect::Before);
                }
                message.former.push(message.text);
                message.text = *text;
            }
            Ask::Delete(who, at) => {
                self.actor(*who)?;
                let message = at.checked_sub(1).and_then(|at| self.messages.get_mut(at));
                let message = message.ok_or(Expect::Rejected(Code::NotFound))?;
                if message.sender != *who {
                    return forbidden;
                }
                if message.deleted {
                    return Ok(Expect::Before);
                }
                message.deleted = true;
                message.pinned = false;
                message.former.clear();
                message.reactions.clear();
            }
            Ask::React(who, at, emoji, added) => {
                self.actor(*who)?;
                let message = self.standing(*at)?;
                let own = (*who, *emoji % 3);
                match (*added, message.reactions.contains(&own)) {
                    (true, true) => return Ok(Expect::Before),
                    (false, false) => return Err(Expect::Rejected(Code::NotFound)),
                    (true, false) => message.reactions.insert(own),
                    (false, true) => message.reactions.remove(&own),
                };
            }
            Ask::Pin(who, at, pinned) => {
                self.actor(*who)?;
                let message = self.standing(*at)?;
                match (*pinned, message.pinned) {
                    (true, true) => return Ok(Expect::Before),
                    (false, false) => return Err(Expect::Rejected(Code::NotFound)),
                    _ => message.pinned = *pinned,
                }
            }
            Ask::Add(who, whom, role) => {
                let own = self.actor(*who)?;
                if own < Role::Admin || *role >= own {
                    return forbidden;
                }
                if whom.iter().any(|one| self.members.contains_key(one)) {
                    return Err(Expect::Rejected(Code::AlreadyMember));
                }
                for one in whom {
                    self.note(*one, *role);
                }
            }
            Ask::Remove(who, whom) => {
                let own = self.actor(*who)?;
                if who == whom {
                    return Err(Expect::Rejected(Code::ValidationFailed));
                }
                let other = self.role(*whom).ok_or(Expect::Rejected(Code::NotFound))?;
                if own < Role::Admin || other >= own {
                    return forbidden;
                }
                self.gone(*whom);
            }
            Ask::Leave(who, hint) => {
                let own = self.actor(*who)?;
                if self.members.len() == 1 {
                    self.closed = true;
                } else if own == Role::Owner {
                    let fits = |next: &u8| {
                        next != who
                            && self.members.contains_key(next)
                            && (self.admins.is_empty() || self.admins.contains(next))
                    };
                    let next = hint.filter(fits).ok_or(Expect::Rejected(Code::Conflict))?;
                    self.note(next, Role::Owner);
                }
                self.gone(*who);
            }
            Ask::SetRole(who, whom, role) => {
                let own = self.actor(*who)?;
                let other = self.role(*whom).ok_or(Expect::Rejected(Code::NotFound))?;
                let hands_over = own == Role::Owner && *role == Role::Owner;
                if who == whom || own < Role::Admin || other >= own || (*role >= own && !hands_over)
                {
                    return forbidden;
                }
                if other == *role {
                    return Ok(Expect::Before);
                }
                self.note(*whom, *role);
                if hands_over {
                    self.note(*who, Role::Admin);
                }
            }
            Ask::Rename(who, name) => {
                if self.actor(*who)? < Role::Admin {
                    return forbidden;
                }
                if self.name == *name {
                    return Ok(Expect::Before);
                }
                self.name = *name;
            }
            Ask::Close(who) => {
                if self.actor(*who)? < Role::Owner {
                    return forbidden;
                }
                self.closed = true;
            }
        }
        self.rev += 1;
        Ok(Expect::Changed)
    }

    /// Asks are made up before anything has happened: lets most of them be about a message that is
    /// there, and come from its sender.
    fn fit(&self, ask: &Ask) -> Ask {
        let about = |who: u8, at: usize| {
            let at = at % (self.messages.len() + 1);
            let sender = at.checked_sub(1).map_or(0, |at| self.messages[at].sender);
            (if who < USERS { who } else { sender }, at)
        };
        let mut ask = ask.clone();
        match &mut ask {
            Ask::Edit(who, at, _)
            | Ask::Delete(who, at)
            | Ask::React(who, at, ..)
            | Ask::Pin(who, at, _) => (*who, *at) = about(*who, *at),
            _ => {}
        }
        ask
    }

    /// The record of an ask, and what is to come of it. `key`: the client's name for the request.
    pub fn ask(
        &mut self,
        ask: &Ask,
        key: Option<u8>,
        offset: u64,
    ) -> (Item<ConversationCommand>, Expect) {
        let ask = &self.fit(ask);
        let id = MessageId(Uuid::from_u128(0xe000 + u128::from(offset)));
        let (actor, command) = self.command(ask, id);
        let key = key.filter(|_| !matches!(ask, Ask::Open(..) | Ask::Send(..)));
        let hash = request_hash(&[format!("{ask:?}").as_bytes()]);
        let once = key.map(|key| Once {
            id: MessageId::once(user(actor), conversation().0, &key.to_string()),
            hash,
        });
        let item = record(actor, command, once, offset);
        if let Some(known) = key.and_then(|key| self.named.get(&(actor, key))) {
            let before = *known == hash;
            let mismatch = Expect::Rejected(Code::IdempotencyMismatch);
            return (item, if before { Expect::Before } else { mismatch });
        }
        let expect = self.decide(ask, id).unwrap_or_else(|rejected| rejected);
        if let (Some(key), Expect::Changed) = (key, &expect) {
            self.named.insert((actor, key), hash);
        }
        (item, expect)
    }

    fn command(&self, ask: &Ask, id: MessageId) -> (u8, ConversationCommand) {
        let conversation_id = conversation();
        match ask {
            Ask::Open(who, others) => {
                let members = std::iter::once(who).chain(others).map(|one| snapshot(*one));
                let command = conversation::command::Create {
                    conversation_id,
                    kind: Kind::Group,
                    members: members.collect(),
                    settings: Settings { name: Some(text(0)), ..Settings::default() },
                };
                (*who, ConversationCommand::Create(command))
            }
            Ask::Send(who, content, reply) => {
                let reply = reply.map(|at| self.target(at));
                let command = message::command::Send {
                    conversation_id,
                    message_id: id,
                    client_message_id: None,
                    retryable: false,
                    message_type: "text".to_owned(),
                    content: text(*content),
                    metadata: None,
                    reply_to: reply.map(|at| ReplyTo { id: at.message_id, seq: at.seq }),
                    sender: snapshot(*who),
                };
                (*who, ConversationCommand::Send(command))
            }
            Ask::Edit(who, at, content) => {
                let (target, content) = (self.target(*at), text(*content));
                (*who, ConversationCommand::Edit(message::command::Edit { target, content }))
            }
            Ask::Delete(who, at) => {
                let target = self.target(*at);
                (*who, ConversationCommand::Delete(message::command::Delete { target }))
            }
            Ask::React(who, at, one, added) => {
                let command = reaction::command::React {
                    target: self.target(*at),
                    emoji: emoji(*one).to_owned(),
                    added: *added,
                    user: snapshot(*who),
                };
                (*who, ConversationCommand::React(command))
            }
            Ask::Pin(who, at, pinned) => {
                let command = message::command::Pin {
                    target: self.target(*at),
                    pinned: *pinned,
                    signed: true,
                };
                (*who, ConversationCommand::Pin(command))
            }
            Ask::Add(who, whom, role) => {
                let members = whom.iter().map(|one| snapshot(*one)).collect();
                let command = member::command::Add { conversation_id, members, role: *role };
                (*who, ConversationCommand::Add(command))
            }
            Ask::Remove(who, whom) => {
                let command = member::command::Remove { conversation_id, user_id: user(*whom) };
                (*who, ConversationCommand::Remove(command))
            }
            Ask::Leave(who, hint) => {
                let successor = hint.map(user);
                let command = member::command::Leave { conversation_id, successor };
                (*who, ConversationCommand::Leave(command))
            }
            Ask::SetRole(who, whom, role) => {
                let user_id = user(*whom);
                let command = member::command::SetRole { conversation_id, user_id, role: *role };
                (*who, ConversationCommand::SetRole(command))
            }
            Ask::Rename(who, name) => {
                let command = conversation::command::Update {
                    conversation_id,
                    name: Patch::Value(text(*name)),
                    description: Patch::Absent,
                    avatar_url: Patch::Absent,
                };
                (*who, ConversationCommand::Update(command))
            }
            Ask::Close(who) => {
                let command = conversation::command::Delete { conversation_id };
                (*who, ConversationCommand::Close(command))
            }
        }
    }
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![
        4 => Just(Role::Member),
        1 => Just(Role::Moderator),
        3 => Just(Role::Admin),
        1 => Just(Role::Owner),
    ]
}

/// Histories of a group: opened, then anything, each ask perhaps under a name of the client's own.
pub fn asks() -> impl Strategy<Value = Vec<(Ask, Option<u8>)>> {
    let who = || 0u8..USERS;
    // Who is no user stands for the sender of the message.
    let anyone = || 0u8..2 * USERS;
    let at = || 0usize..8;
    let one = prop_oneof![
        8 => (who(), 0u8..4, proptest::option::weighted(0.3, at()))
            .prop_map(|(who, text, reply)| Ask::Send(who, text, reply)),
        5 => (anyone(), at(), 0u8..4).prop_map(|(who, at, text)| Ask::Edit(who, at, text)),
        3 => (anyone(), at()).prop_map(|(who, at)| Ask::Delete(who, at)),
        5 => (anyone(), at(), 0u8..3, any::<bool>())
            .prop_map(|(who, at, emoji, added)| Ask::React(who, at, emoji, added)),
        3 => (anyone(), at(), any::<bool>()).prop_map(|(who, at, pinned)| Ask::Pin(who, at, pinned)),
        3 => (who(), proptest::collection::btree_set(who(), 1..3), roles())
            .prop_map(|(who, whom, role)| Ask::Add(who, whom.into_iter().collect(), role)),
        2 => (who(), who()).prop_map(|(who, whom)| Ask::Remove(who, whom)),
        2 => (who(), proptest::option::of(who())).prop_map(|(who, hint)| Ask::Leave(who, hint)),
        3 => (who(), who(), roles()).prop_map(|(who, whom, role)| Ask::SetRole(who, whom, role)),
        2 => (who(), 0u8..3).prop_map(|(who, name)| Ask::Rename(who, name)),
        1 => who().prop_map(Ask::Close),
    ];
    let named = (one, proptest::option::weighted(0.3, 0u8..3));
    (proptest::collection::btree_set(1u8..6, 0..5), proptest::collection::vec(named, 1..40))
        .prop_map(|(others, rest)| {
            let open = Ask::Open(0, others.into_iter().collect());
            std::iter::once((open, None)).chain(rest).collect()
        })
}

/// The records of a history, and what is to come of each.
pub fn history(asks: &[(Ask, Option<u8>)]) -> (Vec<Item<ConversationCommand>>, Vec<Expect>, Model) {
    let mut model = Model::default();
    let (items, expects) =
        asks.iter().zip(1..).map(|((ask, key), offset)| model.ask(ask, *key, offset * 2)).unzip();
    (items, expects, model)
}
