//! `persist`: folds the commands of a conversation. The heart of Parlance.
//!
//! It alone writes conversations, members, messages and the id index, and it alone emits events with
//! a rev. One folder entry per noun (`conversation`, `message`), each with `needs`, `decide`,
//! `evolve`, `rows` and `emits`; here they are one [`Fold`].

mod conversation;
mod message;
mod state;

use schemas::conversation::change::{Change, Effect};
use schemas::conversation::table::{Change as ChangeRow, HeadRow};
use schemas::envelope::ConversationCommand;
use schemas::event::Event;
use schemas::outbound::Reply;
use schemas::table::{Decode, Get, Scan, Stored, Table as _, Write};
use schemas::topic::EVENTS;
use schemas::{CommandId, ConversationId, Position, Rev};
use uuid::Uuid;

pub use state::Conversation;

use crate::fold::{self, Decision, Emit, Fold, Item};

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
        key: ConversationId,
        item: &Item<ConversationCommand>,
        command: &ConversationCommand,
    ) -> Vec<Get> {
        match command {
            // Whether it exists is in the head.
            ConversationCommand::Create(_) => Vec::new(),
            ConversationCommand::Send(send) => message::needs(key, item.meta.actor, send),
        }
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
        match command {
            ConversationCommand::Create(create) => conversation::decide(state, key, item, create),
            ConversationCommand::Send(send) => message::decide(state, key, item, send),
        }
    }

    fn evolve(state: &mut Conversation, change: &Change) {
        match &change.effect {
            Effect::Created { .. } => conversation::evolve(state, change),
            Effect::Message { .. } => message::evolve(state, change),
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
        match &change.effect {
            Effect::Created { members, .. } => conversation::rows(change, members),
            Effect::Message { .. } => message::rows(change),
        }
    }

    fn head_row(state: &Conversation, key: ConversationId) -> Option<Write> {
        let head = state.head.as_ref()?;
        Some(Write::replace(&HeadRow::of(key, head), head.applied.stamp()))
    }

    fn emits(state: &Conversation, change: &Change) -> Vec<Emit> {
        let seq = match &change.effect {
            Effect::Message { seq, .. } => Some(*seq),
            Effect::Created { .. } => None,
        };
        let event = Event {
            kind: change.effect.kind().to_owned(),
            conversation: change.conversation,
            rev: change.rev,
            seq,
            at: change.at,
            audience: state.audience(),
            payload: change.frame.payload(),
        };
        let mut emits = vec![Emit::Record {
            topic: &EVENTS,
            key: change.conversation.to_string().into(),
            headers: event.headers(),
            value: event.payload,
        }];
        if let Effect::Created { members, .. } = &change.effect {
            emits.extend(conversation::feed(change, members));
        }
        emits
    }

    fn reply(change: &Change) -> Reply {
        Reply::Done { payload: change.frame.payload() }
    }

    fn is_message(change: &Change) -> bool {
        matches!(change.effect, Effect::Message { .. })
    }
}
