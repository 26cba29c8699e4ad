//! Conversations and feeds as the workers would leave them: rows in a store, and the records that
//! fan-out would send for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use parking_lot::Mutex;
use platform::memory::{Faults, MemoryStore};
use platform::port::store::{Claim, Error, Store};
use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::conversation::head::{Head, Kind, Members, Routing, Settings};
use schemas::conversation::table::{Change as Row, HeadRow};
use schemas::member::table::MembershipByUser;
use schemas::member::{Membership, Role};
use schemas::outbound::{self, Outbound};
use schemas::receipt::table::ReadMarker;
use schemas::table::{Batch, Get, Op, Scan, Stored, Table, TableDef, Value, Write};
use schemas::user::change::{Change as UserChange, Effect as UserEffect};
use schemas::user::head::{Head as User, Profile};
use schemas::user::table::UserHead;
use schemas::{CommandId, ConversationId, Position, Rev, Seq, Timestamp, UserId, event, frame};
use uuid::Uuid;

/// Called after each read with the name of its table.
type Hook = Box<dyn FnMut(&'static str) + Send>;

/// A store that counts, that can be slow or away, and that lets a test act between two reads.
pub(crate) struct TestStore {
    rows: MemoryStore,
    /// Scans of changes.
    pub(crate) scans: AtomicUsize,
    pub(crate) away: AtomicBool,
    /// How long a scan of changes takes.
    pub(crate) pause: Mutex<Duration>,
    /// How long a scan of memberships takes.
    pub(crate) slow: Mutex<Duration>,
    /// How long a look at where messages lie takes.
    pub(crate) places: Mutex<Duration>,
    /// How often that was looked at.
    pub(crate) placed: AtomicUsize,
    hook: Mutex<Option<Hook>>,
}

impl TestStore {
    pub(crate) fn new(pause: Duration) -> Self {
        Self {
            rows: MemoryStore::new(Faults::default()),
            scans: AtomicUsize::new(0),
            away: AtomicBool::new(false),
            pause: Mutex::new(pause),
            slow: Mutex::default(),
            places: Mutex::default(),
            placed: AtomicUsize::new(0),
            hook: Mutex::default(),
        }
    }

    pub(crate) fn put<T: Table>(&self, row: &T, stamp: schemas::Stamp) {
        let batch = Batch { fence: None, writes: vec![Write::replace(row, stamp)] };
        self.rows.write(batch).now_or_never().expect("memory does not wait").unwrap();
    }

    pub(crate) fn delete(&self, row: &Get, stamp: schemas::Stamp) {
        let cells = row.key.iter().cloned().map(Some).collect();
        let write = Write { def: row.def, op: Op::Delete, cells, stamp };
        let batch = Batch { fence: None, writes: vec![write] };
        self.rows.write(batch).now_or_never().expect("memory does not wait").unwrap();
    }

    pub(crate) fn after_reads(&self, hook: impl FnMut(&'static str) + Send + 'static) {
        *self.hook.lock() = Some(Box::new(hook));
    }

    async fn read<T>(
        &self,
        table: &'static str,
        read: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("planted".to_owned()));
        }
        let pause = *self.pause.lock();
        if table == "changes" {
            self.scans.fetch_add(1, Ordering::SeqCst);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        let slow = *self.slow.lock();
        if table == "membership_by_user" && !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        let places = *self.places.lock();
        if table == "id_index" {
            self.placed.fetch_add(1, Ordering::SeqCst);
            if !places.is_zero() {
                tokio::time::sleep(places).await;
            }
        }
        let outcome = read.await;
        // Out of its lock meanwhile: what it does may read.
        let hook = self.hook.lock().take();
        if let Some(mut hook) = hook {
            hook(table);
            self.hook.lock().get_or_insert(hook);
        }
        outcome
    }
}

#[async_trait]
impl Store for TestStore {
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        let table = gets.first().map_or("", |get| get.def.name);
        self.read(table, self.rows.get(gets)).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        self.read(scan.def.name, self.rows.scan(scan)).await
    }

    async fn write(&self, _: Batch) -> Result<(), Error> {
        unreachable!("delivery does not write")
    }

    async fn claim(&self, _: Write) -> Result<Claim, Error> {
        unreachable!("delivery does not write")
    }

    async fn replace(&self, _: &Stored, _: Write) -> Result<Claim, Error> {
        unreachable!("delivery does not write")
    }

    async fn put(&self, _: Vec<Write>) -> Result<(), Error> {
        unreachable!("delivery does not write")
    }

    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        self.rows.dump(def, after, limit).await
    }
}

pub(crate) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub(crate) fn conversation(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number))
}

struct Talk {
    head: Head,
    members: BTreeSet<u128>,
    /// Who is no member any more, and since which change.
    removed: BTreeMap<u128, Rev>,
    frames: BTreeMap<Rev, Bytes>,
}

/// See the module.
pub(crate) struct World {
    pub(crate) store: Arc<TestStore>,
    talks: BTreeMap<u128, Talk>,
    feeds: BTreeMap<u128, Rev>,
    offset: u64,
    /// Length of the text of what happens next.
    text: usize,
}

impl World {
    pub(crate) fn new(store: Arc<TestStore>) -> Self {
        Self { store, talks: BTreeMap::new(), feeds: BTreeMap::new(), offset: 0, text: 0 }
    }

    fn position(&mut self) -> Position {
        self.offset += 1;
        Position { epoch: 1, partition: 0, offset: self.offset }
    }

    /// Opens a conversation.
    pub(crate) fn open(&mut self, talk: u128, members: &[u128], routing: Routing) {
        let head = Head {
            v: 1,
            kind: Kind::Group,
            created_by: user(members[0]),
            created_at: Timestamp(0),
            seq: 0,
            rev: 0,
            n: 0,
            last_at: Timestamp(0),
            member_count: 0,
            members: Members::default(),
            routing,
            applied: Position { epoch: 1, partition: 0, offset: 0 },
            preview: None,
            settings: Settings::default(),
            owner: None,
            admins: Members::default(),
            blocked_by: Members::default(),
            unopened: false,
            blocks_told: Vec::new(),
            pins: 0,
            deleted_at: None,
        };
        let opened = Talk {
            head,
            members: members.iter().copied().collect(),
            removed: BTreeMap::new(),
            frames: BTreeMap::new(),
        };
        self.talks.insert(talk, opened);
        for member in members {
            self.membership(talk, *member);
        }
        let roles = Effect::Roles { members: Vec::new() };
        self.change(talk, "member.added", None, roles);
    }

    pub(crate) fn rev(&self, talk: u128) -> Rev {
        self.talks[&talk].head.rev
    }

    pub(crate) fn seq(&self, talk: u128) -> Seq {
        self.talks[&talk].head.seq
    }

    pub(crate) fn is_member(&self, talk: u128, who: u128) -> bool {
        self.talks[&talk].members.contains(&who)
    }

    pub(crate) fn is_by_member(&self, talk: u128) -> bool {
        self.talks[&talk].head.routing == Routing::Member
    }

    /// The change that removed him, if he is no member.
    pub(crate) fn removed_at(&self, talk: u128, who: u128) -> Option<Rev> {
        self.talks[&talk].removed.get(&who).copied()
    }

    pub(crate) fn frame(&self, talk: u128, rev: Rev) -> Bytes {
        self.talks[&talk].frames[&rev].clone()
    }

    pub(crate) fn feed(&self, who: u128) -> Rev {
        self.feeds.get(&who).copied().unwrap_or(0)
    }

    fn membership(&mut self, talk: u128, who: u128) -> Membership {
        let stamp = self.position().stamp();
        let Talk { head, members, .. } = &self.talks[&talk];
        let membership = Membership {
            conversation: conversation(talk),
            user: user(who),
            role: Role::Member,
            joined_at: Timestamp(0),
            visible_from: 1,
            visible_to: (!members.contains(&who)).then_some(head.seq),
            sent_seq: 0,
            sent_n: 0,
            by_conversation: head.routing == Routing::Conversation,
        };
        self.store.put(&MembershipByUser::of(&membership), stamp);
        membership
    }

    /// Journal, then head, as the fold does; the record of its event.
    fn change(&mut self, talk: u128, kind: &str, seq: Option<Seq>, effect: Effect) -> Outbound {
        let position = self.position();
        let Talk { head, members, frames, .. } = self.talks.get_mut(&talk).unwrap();
        let by_member = head.routing == Routing::Member || is_flip(&effect);
        let left: Vec<_> = effect.left().into_iter().collect();
        let mut audience: Vec<_> = members.iter().map(|member| user(*member)).collect();
        audience.extend(&left);
        head.rev += 1;
        head.seq = seq.unwrap_or(head.seq);
        head.member_count = i64::try_from(members.len()).unwrap();
        head.members = match head.routing {
            Routing::Member => Members(members.iter().map(|member| user(*member)).collect()),
            Routing::Conversation => Members::default(),
        };
        let payload = format!(r#"{{"rev":{},"text":"{}"}}"#, head.rev, "x".repeat(self.text));
        let made =
            frame::event(kind, conversation(talk), head.rev, seq, Timestamp(0), payload.as_bytes());
        frames.insert(head.rev, made.frame.clone());
        let change = Change {
            conversation: conversation(talk),
            rev: head.rev,
            position,
            command: CommandId(Uuid::nil()),
            at: Timestamp(0),
            once: None,
            frame: made.clone(),
            effect,
        };
        let outbound = Outbound::Event {
            conversation: conversation(talk),
            rev: head.rev,
            audience: if by_member { event::pack(&audience) } else { Bytes::new() },
            left: event::pack(&left),
            flip: is_flip(&change.effect),
            frame: made.frame,
        };
        self.store.put(&change.row(), position.stamp());
        self.store.put(&HeadRow::of(conversation(talk), &self.talks[&talk].head), position.stamp());
        outbound
    }

    pub(crate) fn message(&mut self, talk: u128) -> Outbound {
        let seq = self.seq(talk) + 1;
        self.change(talk, "message.created", Some(seq), Effect::Roles { members: Vec::new() })
    }

    pub(crate) fn large_message(&mut self, talk: u128, text: usize) -> Outbound {
        self.text = text;
        let made = self.message(talk);
        self.text = 0;
        made
    }

    /// A change that is no message.
    pub(crate) fn rename(&mut self, talk: u128) -> Outbound {
        let effect = Effect::Updated { settings: Settings::default() };
        self.change(talk, "conversation.updated", None, effect)
    }

    /// Event and entry.
    pub(crate) fn add(&mut self, talk: u128, who: u128) -> [Outbound; 2] {
        let added = self.talks.get_mut(&talk).unwrap();
        added.members.insert(who);
        added.removed.remove(&who);
        let membership = self.membership(talk, who);
        let effect =
            Effect::Added { members: vec![membership], view: "{}".to_owned(), flipped: Vec::new() };
        let event = self.change(talk, "member.added", None, effect);
        let (id, rev) = (conversation(talk), self.rev(talk));
        let effect = UserEffect::ConversationAdded { conversation: id, rev };
        [event, self.entry(who, effect, Some((id, outbound::Membership::Begins)), rev)]
    }

    pub(crate) fn remove(&mut self, talk: u128, who: u128) -> [Outbound; 2] {
        let left = self.talks.get_mut(&talk).unwrap();
        left.members.remove(&who);
        left.removed.insert(who, left.head.rev + 1);
        let member = self.membership(talk, who);
        let effect = Effect::Removed { member, successor: None };
        let event = self.change(talk, "member.removed", None, effect);
        let (id, rev) = (conversation(talk), self.rev(talk));
        let effect = UserEffect::ConversationRemoved { conversation: id, rev };
        [event, self.entry(who, effect, Some((id, outbound::Membership::Ends)), rev)]
    }

    /// From the next change on it is routed as a whole.
    pub(crate) fn flip(&mut self, talk: u128) -> Outbound {
        self.talks.get_mut(&talk).unwrap().head.routing = Routing::Conversation;
        let members: Vec<_> = self.talks[&talk].members.iter().copied().collect();
        let flipped = members.iter().map(|member| self.membership(talk, *member)).collect();
        let effect = Effect::Added { members: Vec::new(), view: "{}".to_owned(), flipped };
        self.change(talk, "member.added", None, effect)
    }

    /// Nobody's any more.
    pub(crate) fn delete(&mut self, talk: u128) -> Outbound {
        self.talks.get_mut(&talk).unwrap().head.deleted_at = Some(Timestamp(0));
        self.change(
            talk,
            "conversation.deleted",
            None,
            Effect::Closed { last: None, members: Members::default() },
        )
    }

    /// A change is not kept any more.
    pub(crate) fn forget(&mut self, talk: u128, rev: Rev) {
        let change =
            Get::of::<Row>(vec![Value::Uuid(conversation(talk).0), Value::Int(0), Value::Int(rev)]);
        let stamp = self.position().stamp();
        self.store.delete(&change, stamp);
    }

    /// An entry that is about himself.
    pub(crate) fn note(&mut self, who: u128) -> Outbound {
        let settings = serde_json::Map::new();
        let effect = UserEffect::Settings { settings, privacy: Default::default() };
        self.entry(who, effect, None, 0)
    }

    fn entry(
        &mut self,
        who: u128,
        effect: UserEffect,
        membership: Option<(ConversationId, outbound::Membership)>,
        rev: Rev,
    ) -> Outbound {
        let position = self.position();
        let feed = self.feeds.entry(who).or_default();
        *feed += 1;
        let number = *feed;
        let payload = match membership {
            Some((id, _)) => format!(r#"{{"conversationId":"{id}","rev":{rev}}}"#),
            None => "{}".to_owned(),
        };
        let frame = frame::feed(effect.kind(), number, Timestamp(0), payload.as_bytes());
        let change = UserChange {
            user: user(who),
            rev: number,
            position,
            command: CommandId(Uuid::nil()),
            at: Timestamp(0),
            frame: frame.clone(),
            effect,
        };
        self.store.put(&change.row(), position.stamp());
        let profile = Profile {
            username: "somebody".to_owned(),
            email: String::new(),
            first_name: None,
            last_name: None,
            avatar_url: None,
            bio: None,
            status: None,
            phone: None,
        };
        let head = User {
            v: 1,
            profile,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            rev: number,
            last_at: Timestamp(0),
            applied: position,
            privacy: Default::default(),
            presence: Default::default(),
            deleted_at: None,
        };
        self.store.put(&UserHead::of(user(who), &head), position.stamp());
        Outbound::Feed { user: user(who), number, membership, frame: frame.frame }
    }

    /// How far somebody has come.
    pub(crate) fn mark(&mut self, talk: u128, who: u128, delivered: Seq, read: Seq, private: bool) {
        let stamp = self.position().stamp();
        let row = ReadMarker {
            read_seq: read,
            delivered_seq: delivered,
            read_at: Some(7),
            delivered_at: Some(7),
            private: Some(private),
            ..ReadMarker::none(conversation(talk), user(who))
        };
        self.store.put(&row, stamp);
    }
}

fn is_flip(effect: &Effect) -> bool {
    matches!(effect, Effect::Added { flipped, .. } if !flipped.is_empty())
}
