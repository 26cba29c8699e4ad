//! What decisions on a user start from.

use std::collections::HashMap;

use schemas::table::{Decode, Get, Stored, Table, Value};
use schemas::user::change::{Change, Effect};
use schemas::user::head::{Head, Preference, Privacy};
use schemas::user::table::{Block, ConversationSettings, FeedSource, UserHead, UserSettings};
use schemas::{ConversationId, Rev, UserId};
use serde_json::{Map, Value as Json};

/// Sparse state of one user. What is not in a map is not known; `None` in a map is known to be absent.
#[derive(Debug, Default)]
pub struct User {
    /// The head; none: there is no such user.
    pub head: Option<Head>,
    /// The last entry from each conversation.
    pub sources: HashMap<ConversationId, Option<Rev>>,
    /// Settings that differ from their defaults.
    pub settings: Map<String, Json>,
    /// What he has set about conversations.
    pub conversations: HashMap<ConversationId, Option<ConversationSettings>>,
    /// Whom he has blocked.
    pub blocks: HashMap<UserId, Option<Block>>,
}

fn found<T: Table>(stored: Option<Stored>) -> Result<Option<T>, Decode> {
    stored.map(|row| T::from_cells(row.cells)).transpose()
}

impl User {
    /// Takes a row in.
    pub fn load(&mut self, row: &Get, stored: Option<Stored>) -> Result<(), Decode> {
        let second = match row.key.get(1) {
            Some(Value::Uuid(id)) => *id,
            _ => uuid::Uuid::nil(),
        };
        if row.def == UserHead::DEF {
            self.head = found::<UserHead>(stored)?.map(|row| row.head()).transpose()?;
        } else if row.def == FeedSource::DEF {
            let rev = found::<FeedSource>(stored)?.map(|row| row.rev);
            self.sources.insert(ConversationId(second), rev);
        } else if row.def == UserSettings::DEF {
            let stored = found::<UserSettings>(stored)?.map(|row| row.read()).transpose()?;
            self.settings = stored.unwrap_or_default();
        } else if row.def == ConversationSettings::DEF {
            self.conversations.insert(ConversationId(second), found(stored)?);
        } else if row.def == Block::DEF {
            self.blocks.insert(UserId(second), found(stored)?);
        }
        Ok(())
    }

    /// The state after the change.
    pub(super) fn evolve(&mut self, change: &Change) {
        match &change.effect {
            Effect::Created { profile } => {
                self.head = Some(Head {
                    v: 1,
                    profile: profile.clone(),
                    created_at: change.at,
                    updated_at: change.at,
                    rev: change.rev,
                    last_at: change.at,
                    applied: change.position,
                    privacy: Privacy::default(),
                    presence: Preference::default(),
                    deleted_at: None,
                });
            }
            Effect::ConversationAdded { conversation, rev }
            | Effect::ConversationRemoved { conversation, rev } => {
                self.sources.insert(*conversation, Some(*rev));
            }
            Effect::Settings { settings, .. } => self.settings.clone_from(settings),
            Effect::Conversation { row } => {
                self.conversations.insert(row.conversation, Some(row.clone()));
            }
            Effect::Blocked { row } => {
                self.blocks.insert(row.other, Some(row.clone()));
            }
            Effect::Unblocked { other } => {
                self.blocks.insert(*other, None);
            }
            Effect::Updated { .. } | Effect::Deleted { .. } | Effect::Presence { .. } => {}
        }
        let Some(head) = &mut self.head else { return };
        match &change.effect {
            Effect::Updated { profile, .. } => {
                head.profile = profile.clone();
                head.updated_at = change.at;
            }
            Effect::Deleted { profile, .. } => {
                head.profile = profile.clone();
                head.updated_at = change.at;
                head.deleted_at = Some(change.at);
                head.presence = Preference::default();
            }
            Effect::Settings { privacy, .. } => head.privacy = *privacy,
            Effect::Presence { presence } => head.presence.clone_from(presence),
            _ => {}
        }
        head.rev = change.rev;
        head.last_at = change.at;
        head.applied = change.position;
    }
}
