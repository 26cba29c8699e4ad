//! `persist`: folds the commands of a conversation. The heart of Parlance.
//!
//! It alone writes conversations, members, messages, reactions, pins and the id index, and it alone
//! emits events with a rev. A folder entry per noun (`conversation`, `member`, `message`, `reaction`,
//! `pin`, `block`), each with what it needs, decides, evolves and writes; here they are one [`Fold`].

mod block;
mod conversation;
mod emit;
mod member;
mod message;
mod pin;
mod reaction;
mod state;

use bytes::Bytes;
use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::conversation::table::{Change as ChangeRow, HeadRow};
use schemas::envelope::{ConversationCommand, Once};
use schemas::frame;
use schemas::limits::RECORD_BYTES;
use schemas::member::table::MembershipByUser;
use schemas::message::table::IdIndex;
use schemas::outbound::{Before, Reply};
use schemas::table::{Decode, Get, Scan, Stored, Table as _, Write};
use schemas::{ApiError, Code, CommandId, ConversationId, InstanceId, Position, Rev, Seq};
use serde::Serialize;
use uuid::Uuid;

pub use state::Conversation;

use crate::fold::{self, Decision, Emit, Fold, Item};

/// Room in a record for what is beside the payload: an audience of a few hundred, ids.
const HEADERS_BYTES: usize = 16 << 10;

/// The fold of conversations.
#[derive(Debug)]
pub struct Persist;

impl fold::Change for Change {
    fn rev(&self) -> Rev {
        self.rev
    }
    fn position(&self) -> Position {
        self.position
    }
    fn command(&self) -> CommandId {
        self.command
    }
}

/// What a noun decides.
enum Outcome {
    /// A change, and the payload of its event.
    Change(Box<Effect>, Bytes),
    /// It is so already: where it lies.
    Before(Option<Seq>),
}

/// Refused with an error, for good.
type Verdict = Result<Outcome, ApiError>;

fn changed(effect: Effect, payload: Bytes) -> Outcome {
    Outcome::Change(Box::new(effect), payload)
}

fn json<T: Serialize>(payload: &T) -> Bytes {
    Bytes::from(serde_json::to_vec(payload).expect("plain data serialises"))
}

fn refused<T>(code: Code, message: &'static str) -> Result<T, ApiError> {
    Err(ApiError::new(code, message))
}

/// A request that names itself was here before.
fn repeated(state: &Conversation, once: Once) -> Option<Verdict> {
    let entry = state.index.get(&once.id)?.as_ref()?;
    Some(if entry.body_hash.as_ref() == once.hash.to_be_bytes() {
        Ok(Outcome::Before((entry.seq > 0).then_some(entry.seq)))
    } else {
        refused(Code::IdempotencyMismatch, "this key was used for another request")
    })
}

fn decide(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    command: &ConversationCommand,
) -> Verdict {
    if let Some(verdict) = item.meta.once.and_then(|once| repeated(state, once)) {
        return verdict;
    }
    match command {
        ConversationCommand::Create(create) => conversation::create(state, key, item, create),
        ConversationCommand::Update(update) => conversation::update(state, key, item, update),
        ConversationCommand::Close(_) => conversation::close(state, key, item),
        ConversationCommand::Block(block) => block::decide(state, key, item, block),
        ConversationCommand::Send(send) => message::send::decide(state, key, item, send),
        ConversationCommand::Edit(edit) => message::edit::decide(state, item, edit),
        ConversationCommand::Delete(delete) => message::delete::decide(state, item, delete),
        ConversationCommand::Pin(pin) => pin::decide(state, item, pin),
        ConversationCommand::React(react) => reaction::decide(state, item, react),
        ConversationCommand::Add(add) => member::add(state, key, item, add),
        ConversationCommand::Remove(remove) => member::remove(state, item, remove),
        ConversationCommand::Leave(leave) => member::leave(state, key, item, leave),
        ConversationCommand::SetRole(role) => member::set_role(state, item, role),
    }
}

impl Fold for Persist {
    type Key = ConversationId;
    type Command = ConversationCommand;
    type Change = Change;
    type State = Conversation;

    const POOL: &'static str = "persist";

    fn key(raw: u128) -> ConversationId {
        ConversationId(Uuid::from_u128(raw))
    }

    fn head(key: ConversationId) -> Get {
        HeadRow::get(key)
    }

    fn needs(
        state: &Conversation,
        key: ConversationId,
        item: &Item<ConversationCommand>,
        command: &ConversationCommand,
    ) -> Vec<Get> {
        let mut needs = match command {
            // What they need is in the head.
            ConversationCommand::Create(_)
            | ConversationCommand::Block(_)
            | ConversationCommand::Update(_)
            | ConversationCommand::Close(_) => Vec::new(),
            ConversationCommand::Send(send) => message::send::needs(key, item, send),
            ConversationCommand::Edit(edit) => message::needs(state, key, &edit.target),
            ConversationCommand::Delete(delete) => message::needs(state, key, &delete.target),
            ConversationCommand::Pin(pin) => message::needs(state, key, &pin.target),
            ConversationCommand::React(react) => reaction::needs(key, item.meta.actor, react),
            ConversationCommand::Add(add) => member::needs_of_add(state, key, add),
            ConversationCommand::Remove(remove) => {
                vec![MembershipByUser::get(remove.user_id, key)]
            }
            ConversationCommand::Leave(leave) => {
                leave.successor.map(|user| MembershipByUser::get(user, key)).into_iter().collect()
            }
            ConversationCommand::SetRole(role) => vec![MembershipByUser::get(role.user_id, key)],
        };
        if !matches!(command, ConversationCommand::Create(_) | ConversationCommand::Block(_)) {
            needs.push(MembershipByUser::get(item.meta.actor, key));
        }
        needs.extend(item.meta.once.map(|once| IdIndex::get(once.id)));
        needs
    }

    fn load(state: &mut Conversation, row: &Get, stored: Option<Stored>) -> Result<(), Decode> {
        state.load(row, stored)
    }

    fn applied(state: &Conversation) -> Option<(Rev, Position)> {
        state.head.as_ref().map(|head| (head.rev, head.applied))
    }

    fn changes_from(key: ConversationId, rev: Rev, limit: usize) -> Scan {
        ChangeRow::from(key, rev, limit).raw()
    }

    fn changes_down(key: ConversationId, rev: Rev, limit: usize) -> Scan {
        ChangeRow::down_from(key, rev, limit).raw()
    }

    fn read_change(stored: Stored) -> Result<Change, Decode> {
        Change::read(ChangeRow::from_cells(stored.cells)?)
    }

    fn decide(
        state: &Conversation,
        key: ConversationId,
        item: &Item<ConversationCommand>,
        command: &ConversationCommand,
    ) -> Decision<Change> {
        match decide(state, key, item, command) {
            Err(error) => Decision::Rejected(error),
            Ok(Outcome::Before(seq)) => Decision::Before(Before { conversation: key, seq }),
            // What other topics carry of it is smaller than what this one can.
            Ok(Outcome::Change(_, payload)) if payload.len() > RECORD_BYTES - HEADERS_BYTES => {
                let why = "the change would be larger than a record may be";
                Decision::Rejected(ApiError::new(Code::TooLarge, why))
            }
            Ok(Outcome::Change(effect, payload)) => {
                let (rev, at) = state.next(item.appended_at);
                Decision::Change(Box::new(Change {
                    conversation: key,
                    rev,
                    position: item.position,
                    command: item.meta.id,
                    at,
                    once: item.meta.once,
                    frame: frame::event(effect.kind(), key, rev, effect.seq(), at, &payload),
                    effect: *effect,
                }))
            }
        }
    }

    fn evolve(state: &mut Conversation, change: &Change) {
        match &change.effect {
            Effect::Created { .. } | Effect::Updated { .. } | Effect::Closed { .. } => {
                conversation::evolve(state, change);
            }
            Effect::Blocked { .. } => block::evolve(state, change),
            Effect::Message { .. } => message::send::evolve(state, change),
            Effect::Edited { .. } => message::edit::evolve(state, change),
            Effect::Deleted { .. } => message::delete::evolve(state, change),
            Effect::Pinned { .. } => pin::evolve(state, change),
            Effect::Reaction { .. } => reaction::evolve(state, change),
            Effect::Added { .. } | Effect::Removed { .. } | Effect::Roles { .. } => {
                member::evolve(state, change);
            }
            Effect::Redacted { .. } => {}
        }
        if let Some(once) = change.once
            && let Some(entry) = state.index.get_mut(&once.id)
        {
            *entry = Some(state::Entry {
                seq: change.effect.seq().unwrap_or(0),
                rev: change.rev,
                body_hash: Bytes::copy_from_slice(&once.hash.to_be_bytes()),
            });
        }
        if let Some(head) = &mut state.head {
            head.rev = change.rev;
            head.last_at = change.at;
            head.applied = change.position;
        }
    }

    fn journal(change: &Change) -> Write {
        Write::insert(&change.row(), change.position.stamp())
    }

    fn rows(change: &Change) -> Vec<Write> {
        let stamp = change.position.stamp();
        let mut rows = match &change.effect {
            Effect::Created { members, .. } | Effect::Roles { members } => {
                member::rows(members, stamp)
            }
            Effect::Message { .. } => message::send::rows(change),
            Effect::Edited { .. } => message::edit::rows(change),
            Effect::Deleted { .. } => message::delete::rows(change),
            Effect::Pinned { .. } => pin::rows(change),
            Effect::Reaction { .. } => reaction::rows(change),
            Effect::Added { members, flipped, .. } => {
                member::rows_of_added(members, flipped, stamp)
            }
            Effect::Removed { member, successor } => {
                member::rows_of_removed(member, successor.as_ref(), stamp)
            }
            Effect::Closed { last: Some(member), .. } => {
                member::rows_of_removed(member, None, stamp)
            }
            Effect::Closed { last: None, members } => {
                member::rows_of_closed(change.conversation, members, stamp)
            }
            Effect::Updated { .. } | Effect::Blocked { .. } | Effect::Redacted { .. } => Vec::new(),
        };
        if let Some(once) = change.once {
            let row = IdIndex {
                message: once.id,
                conversation: change.conversation,
                seq: change.effect.seq().unwrap_or(0),
                rev: change.rev,
                position: stamp.0,
                body_hash: Bytes::copy_from_slice(&once.hash.to_be_bytes()),
            };
            rows.push(Write::insert(&row, stamp));
        }
        rows
    }

    fn head_row(state: &Conversation, key: ConversationId) -> Option<Write> {
        let head = state.head.as_ref()?;
        Some(Write::replace(&HeadRow::of(key, head), head.applied.stamp()))
    }

    fn emits(state: &Conversation, change: &Change, _reply_to: Option<InstanceId>) -> Vec<Emit> {
        emit::of(state, change)
    }

    fn reply(change: &Change) -> Option<Reply> {
        match change.effect {
            // It was answered before its content was taken away.
            Effect::Redacted { .. } => None,
            _ => Some(Reply::Done { payload: change.frame.payload() }),
        }
    }

    fn redacts(change: &Change) -> Vec<Write> {
        match &change.effect {
            Effect::Deleted { placed, .. } => message::delete::redacts(change, placed),
            _ => Vec::new(),
        }
    }

    fn weight(state: &Conversation) -> usize {
        state.weight()
    }

    fn seq(state: &Conversation) -> Seq {
        state.head.as_ref().map_or(0, |head| head.seq)
    }

    fn is_message(change: &Change) -> bool {
        matches!(change.effect, Effect::Message { .. })
    }
}
