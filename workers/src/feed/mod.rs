//! `feed`: folds the commands of a user into his profile and his dense feed. Every change is an
//! entry of the feed and has its number.

mod user;

use std::collections::HashMap;

use schemas::envelope::UserCommand;
use schemas::outbound::{Outbound, Reply};
use schemas::table::{Decode, Get, Scan, Stored, Table as _, Value, Write};
use schemas::user::change::{Change, Effect};
use schemas::user::head::Head;
use schemas::user::table::{FeedSource, UserChange, UserHead};
use schemas::{CommandId, ConversationId, Position, Rev, UserId};
use uuid::Uuid;

use crate::fold::{self, Decision, Emit, Fold, Item};

/// The fold of users.
#[derive(Debug)]
pub struct Feed;

/// Sparse state of one user.
#[derive(Debug, Default)]
pub struct User {
    /// The head; none: there is no such user.
    pub head: Option<Head>,
    /// The last entry from each conversation.
    pub sources: HashMap<ConversationId, Option<Rev>>,
}

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

    fn needs(key: UserId, _item: &Item<UserCommand>, command: &UserCommand) -> Vec<Get> {
        match command {
            UserCommand::Create(_) | UserCommand::Void(_) => Vec::new(),
            UserCommand::ConversationAdded(added) => {
                vec![FeedSource::get(key, added.conversation_id)]
            }
        }
    }

    fn load(state: &mut User, row: &Get, stored: Option<Stored>) -> Result<(), Decode> {
        if row.def == UserHead::DEF {
            let found = stored.map(|row| UserHead::from_cells(row.cells)).transpose()?;
            state.head = found.map(|row| row.head()).transpose()?;
        } else if row.def == FeedSource::DEF
            && let Some(Value::Uuid(conversation)) = row.key.get(1)
        {
            let found = stored.map(|row| FeedSource::from_cells(row.cells)).transpose()?;
            state.sources.insert(ConversationId(*conversation), found.map(|row| row.rev));
        }
        Ok(())
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
        match command {
            UserCommand::Create(create) => user::create(state, key, item, create),
            UserCommand::ConversationAdded(added) => {
                user::conversation_added(state, key, item, added)
            }
            UserCommand::Void(_) => user::done_before(),
        }
    }

    fn evolve(state: &mut User, change: &Change) {
        user::evolve(state, change);
    }

    fn journal(change: &Change) -> Write {
        Write::insert(&change.row(), change.position.stamp())
    }

    fn rows(change: &Change) -> Vec<Write> {
        user::rows(change)
    }

    fn head_row(state: &User, key: UserId) -> Option<Write> {
        let head = state.head.as_ref()?;
        Some(Write::replace(&UserHead::of(key, head), head.applied.stamp()))
    }

    fn emits(_state: &User, change: &Change) -> Vec<Emit> {
        let frame = Outbound::Feed {
            user: change.user,
            number: change.rev,
            frame: change.frame.frame.clone(),
        };
        match &change.effect {
            // Nobody has a socket yet.
            Effect::Created { .. } => Vec::new(),
            Effect::ConversationAdded { .. } => vec![Emit::Push(change.user, frame)],
        }
    }

    fn reply(change: &Change) -> Reply {
        Reply::Done { payload: change.frame.payload() }
    }
}
