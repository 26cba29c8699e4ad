//! `feed`: folds the commands of a user into his profile, his settings, his blocks, how he wants to be
//! seen, and his dense feed. Every change is an entry of the feed and has its number.

mod block;
mod membership;
mod presence;
mod profile;
mod settings;
mod state;

use schemas::envelope::UserCommand;
use schemas::frame;
use schemas::outbound::{Before, Membership, Outbound, Reply};
use schemas::table::{Decode, Get, Scan, Stored, Table as _, Write};
use schemas::user::change::{Change, Effect};
use schemas::user::head::Head;
use schemas::user::table::{
    Block, ConversationSettings, FeedSource, UserChange, UserHead, UserSettings,
};
use schemas::{ApiError, Code, CommandId, ConversationId, InstanceId, Position, Rev, UserId};
use serde::Serialize;
use uuid::Uuid;

pub use state::User;

use crate::fold::{self, Decision, Emit, Fold, Item};

/// The fold of users.
#[derive(Debug)]
pub struct Feed;

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
    /// A change, and the payload of its feed entry.
    Change(Box<Effect>, Vec<u8>),
    /// It is so already.
    Before,
    /// A repeated record of our own: nobody is to be told.
    Nothing,
}

/// Refused with an error, for good.
type Verdict = Result<Outcome, ApiError>;

fn changed(effect: Effect, payload: Vec<u8>) -> Outcome {
    Outcome::Change(Box::new(effect), payload)
}

/// The payload of a `user.updated`: what has changed, under its name.
fn updated<T: Serialize>(name: &'static str, value: &T) -> Vec<u8> {
    let payload = std::collections::BTreeMap::from([(name, value)]);
    serde_json::to_vec(&payload).expect("plain data serialises")
}

/// The head of a user who is there.
fn standing(state: &User) -> Result<&Head, ApiError> {
    let head = state.head.as_ref().filter(|head| head.deleted_at.is_none());
    head.ok_or_else(|| ApiError::new(Code::Unauthenticated, "this account does not exist any more"))
}

fn decide(state: &User, key: UserId, item: &Item<UserCommand>, command: &UserCommand) -> Verdict {
    match command {
        UserCommand::Create(create) => profile::create(state, key, item, create),
        UserCommand::Update(update) => profile::update(state, key, update),
        UserCommand::Delete(_) => profile::delete(state, key),
        UserCommand::Settings(change) => settings::settings(state, change),
        UserCommand::ConversationSettings(change) => settings::of_conversation(state, key, change),
        UserCommand::Presence(change) => presence::presence(state, item, change),
        UserCommand::Block(block) => block::block(state, key, item, block),
        UserCommand::Unblock(unblock) => block::unblock(state, unblock),
        UserCommand::ConversationAdded(added) => Ok(membership::added(state, added)),
        UserCommand::ConversationRemoved(removed) => Ok(membership::removed(state, removed)),
        // Carried out by `saga`.
        UserCommand::Forward(_) => Ok(Outcome::Nothing),
        UserCommand::Void(_) => Ok(Outcome::Before),
    }
}

impl Fold for Feed {
    type Key = UserId;
    type Command = UserCommand;
    type Change = Change;
    type State = User;

    const POOL: &'static str = "feed";

    fn key(raw: u128) -> UserId {
        UserId(Uuid::from_u128(raw))
    }

    fn head(key: UserId) -> Get {
        UserHead::get(key)
    }

    fn needs(
        _state: &User,
        key: UserId,
        _item: &Item<UserCommand>,
        command: &UserCommand,
    ) -> Vec<Get> {
        match command {
            UserCommand::Create(_)
            | UserCommand::Update(_)
            | UserCommand::Delete(_)
            | UserCommand::Presence(_)
            | UserCommand::Forward(_)
            | UserCommand::Void(_) => Vec::new(),
            UserCommand::ConversationAdded(added) => {
                vec![FeedSource::get(key, added.conversation_id)]
            }
            UserCommand::ConversationRemoved(removed) => {
                vec![FeedSource::get(key, removed.conversation_id)]
            }
            UserCommand::Settings(_) => vec![UserSettings::get(key)],
            UserCommand::ConversationSettings(change) => {
                vec![ConversationSettings::get(key, change.conversation_id)]
            }
            UserCommand::Block(block) => vec![Block::get(key, block.other)],
            UserCommand::Unblock(unblock) => vec![Block::get(key, unblock.other)],
        }
    }

    fn load(state: &mut User, row: &Get, stored: Option<Stored>) -> Result<(), Decode> {
        state.load(row, stored)
    }

    fn applied(state: &User) -> Option<(Rev, Position)> {
        state.head.as_ref().map(|head| (head.rev, head.applied))
    }

    fn changes_from(key: UserId, rev: Rev, limit: usize) -> Scan {
        UserChange::from(key, rev, limit).raw()
    }

    fn changes_down(key: UserId, rev: Rev, limit: usize) -> Scan {
        UserChange::down_from(key, rev, limit).raw()
    }

    fn read_change(stored: Stored) -> Result<Change, Decode> {
        Change::read(UserChange::from_cells(stored.cells)?)
    }

    fn decide(
        state: &User,
        key: UserId,
        item: &Item<UserCommand>,
        command: &UserCommand,
    ) -> Decision<Change> {
        match decide(state, key, item, command) {
            Err(error) => Decision::Rejected(error),
            Ok(Outcome::Nothing) => Decision::Nothing,
            Ok(Outcome::Before) => {
                let conversation = ConversationId(Uuid::nil());
                Decision::Before(Before { conversation, seq: None })
            }
            Ok(Outcome::Change(effect, payload)) => {
                let head = state.head.as_ref();
                let rev = head.map_or(1, |head| head.rev + 1);
                let at = head.map_or(item.appended_at, |head| head.last_at.max(item.appended_at));
                Decision::Change(Box::new(Change {
                    user: key,
                    rev,
                    position: item.position,
                    command: item.meta.id,
                    at,
                    frame: frame::feed(effect.kind(), rev, at, &payload),
                    effect: *effect,
                }))
            }
        }
    }

    fn evolve(state: &mut User, change: &Change) {
        state.evolve(change);
    }

    fn journal(change: &Change) -> Write {
        Write::insert(&change.row(), change.position.stamp())
    }

    fn rows(change: &Change) -> Vec<Write> {
        let stamp = change.position.stamp();
        match &change.effect {
            Effect::Created { profile } => profile::rows(change, profile, change.at, &[]),
            Effect::Updated { profile, since, forgotten } => {
                profile::rows(change, profile, *since, forgotten)
            }
            Effect::Deleted { forgotten, .. } => profile::forget(change, forgotten),
            Effect::ConversationAdded { conversation, rev }
            | Effect::ConversationRemoved { conversation, rev } => {
                let row = FeedSource { user: change.user, conversation: *conversation, rev: *rev };
                vec![Write::replace(&row, stamp)]
            }
            Effect::Settings { settings, .. } => settings::rows(change, settings),
            // It is in the head.
            Effect::Presence { .. } => Vec::new(),
            Effect::Conversation { row } => vec![Write::replace(row, stamp)],
            Effect::Blocked { row } => vec![Write::replace(row, stamp)],
            Effect::Unblocked { other } => block::rows_of_unblocked(change, *other),
        }
    }

    fn head_row(state: &User, key: UserId) -> Option<Write> {
        let head = state.head.as_ref()?;
        Some(Write::replace(&UserHead::of(key, head), head.applied.stamp()))
    }

    fn emits(_state: &User, change: &Change, reply_to: Option<InstanceId>) -> Vec<Emit> {
        let membership = match &change.effect {
            // Nobody has a socket yet.
            Effect::Created { .. } => return Vec::new(),
            Effect::ConversationAdded { conversation, .. } => {
                Some((*conversation, Membership::Begins))
            }
            Effect::ConversationRemoved { conversation, .. } => {
                Some((*conversation, Membership::Ends))
            }
            _ => None,
        };
        let frame = Outbound::Feed {
            user: change.user,
            number: change.rev,
            membership,
            frame: change.frame.frame.clone(),
        };
        let mut emits = vec![Emit::Push(change.user, frame)];
        match &change.effect {
            Effect::Blocked { row } => emits.push(block::tell(change, row.other, true, reply_to)),
            Effect::Unblocked { other } => {
                emits.push(block::tell(change, *other, false, reply_to));
            }
            _ => {}
        }
        emits.extend(presence::tell(change));
        emits
    }

    fn reply(change: &Change) -> Option<Reply> {
        match &change.effect {
            // The pair's conversation answers, when it knows the block too.
            Effect::Blocked { .. } | Effect::Unblocked { .. } => None,
            _ => Some(Reply::Done { payload: change.frame.payload() }),
        }
    }
}
