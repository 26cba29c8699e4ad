//! Opening a conversation. The id of a direct one is a hash of the two people, so that whoever opens
//! it, and however often, it is one conversation (D16): there is nothing to look up first. A group
//! that is opened under an `Idempotency-Key` has an id that follows from it.

use axum::extract::State;
use axum::response::Response;
use futures_util::future::try_join;
use http::StatusCode;
use platform::port::clock::uuid_v7;
use platform::port::store::get_one;
use schemas::conversation::command::Create as Command;
use schemas::conversation::head::{Kind, Settings};
use schemas::envelope::{ConversationCommand, UserCommand};
use schemas::patch::Patch;
use schemas::user::command::ConversationSettings;
use schemas::user::table::ConversationSettings as SettingsRow;
use schemas::user::view::Snapshot;
use schemas::{ApiError, Code, ConversationId, UserId, topic};

use super::dto::{Create, Opening};
use super::read;
use crate::access::is_repetition;
use crate::error::{Failure, after_command, after_effect};
use crate::extract::{Body, Caller, IdempotencyKey};
use crate::publish::{By, Done, once};
use crate::state::Ingest;
use crate::user::gone;
use crate::user::privacy::{Relation, relations};

pub(super) async fn create(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let opening = body.read::<Create<'_>>()?.check(who.user)?;
    let id = match (opening.kind, opening.others.as_slice(), &key) {
        (Kind::Direct, [other, ..], _) => ConversationId::direct(who.user, *other),
        (_, _, Some(key)) => ConversationId::group(who.user, key),
        _ => ConversationId(uuid_v7(&*ingest.platform.clock)),
    };
    let once = once(who.user, id.0, key.as_deref(), &opening.parts());
    let mut members = vec![snapshot(&ingest, who.user).await?];
    if !is_repetition(&*ingest.platform.store, once.as_ref()).await? {
        let others = admitted(&ingest, who.user, &opening).await?;
        members.extend(others.iter().map(|other| Snapshot::of(other.id, &other.head)));
    }
    let Opening { kind, settings, .. } = opening;
    let command = Command { conversation_id: id, kind, members, settings };
    let done = open(&ingest, By { actor: who.user, once }, command).await?;
    after_command(&done, read::answer(&ingest, who.user, id, StatusCode::CREATED)).await
}

impl Opening {
    /// What two requests under one key must have in common.
    fn parts(&self) -> Vec<Vec<u8>> {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
        let Settings { name, description, avatar_url } = &self.settings;
        let mut others = self.others.clone();
        others.sort_unstable();
        let mut parts = vec![
            b"conversation.create".to_vec(),
            self.kind.text().as_bytes().to_vec(),
            optional(name),
            optional(description),
            optional(avatar_url),
        ];
        parts.extend(others.iter().map(|other| other.bytes().to_vec()));
        parts
    }
}

/// The others, if all of them are there and nothing stands against it.
async fn admitted(
    ingest: &Ingest,
    caller: UserId,
    opening: &Opening,
) -> Result<Vec<Relation>, Failure> {
    let others = present(ingest, caller, &opening.others).await?;
    if opening.kind != Kind::Direct {
        invitable(&others)?;
        return Ok(others);
    }
    for other in &others {
        if other.blocked {
            return Err(Failure::new(Code::Blocked, "one of you has blocked the other"));
        }
        // Whom he has a conversation with already, he has let in.
        if !other.contacts && !other.takes_messages() {
            return Err(Failure::new(Code::Forbidden, "this user does not take messages from you"));
        }
    }
    Ok(others)
}

/// Users that a request names, all of whom must be there.
pub(crate) async fn present(
    ingest: &Ingest,
    caller: UserId,
    users: &[UserId],
) -> Result<Vec<Relation>, Failure> {
    let found = relations(&*ingest.platform.store, caller, users).await?;
    found.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| {
        let why = "One or more participants not found".to_owned();
        ApiError::invalid(vec![why]).into()
    })
}

/// Whether the caller may add them to a group: the same answer for a block and a setting.
pub(crate) fn invitable(users: &[Relation]) -> Result<(), Failure> {
    match users.iter().find(|user| !user.takes_invites()) {
        None => Ok(()),
        Some(user) => {
            let why = format!("user {} can not be added by you", user.id);
            Err(ApiError::new(Code::Forbidden, why).into())
        }
    }
}

/// Notes to oneself: a direct conversation of one, on top of the list from the start.
pub(super) async fn notes(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    let id = ConversationId::direct(who.user, who.user);
    let store = &*ingest.platform.store;
    let settings = get_one::<SettingsRow>(store, SettingsRow::get(who.user, id));
    let (held, settings) =
        try_join(read::held(store, who.user, id), async { Ok(settings.await?) }).await?;
    if held.is_some() && settings.is_some() {
        return read::answer(&ingest, who.user, id, StatusCode::OK).await;
    }
    if held.is_none() {
        let me = snapshot(&ingest, who.user).await?;
        let settings = Settings::default();
        let command =
            Command { conversation_id: id, kind: Kind::Direct, members: vec![me], settings };
        open(&ingest, who.user.into(), command).await?;
    }
    let rest = async {
        // Also where that was broken off the first time; who has unpinned them has set something.
        if settings.is_none() {
            let pinned = ConversationSettings {
                conversation_id: id,
                is_muted: None,
                is_archived: None,
                is_pinned: Some(true),
                notification_settings: Patch::Absent,
            };
            set(&ingest, who.user, pinned).await?;
        }
        read::answer(&ingest, who.user, id, StatusCode::OK).await
    };
    after_effect(rest).await
}

/// Sets something about a conversation for its member, and waits until it is so.
pub(super) async fn set(
    ingest: &Ingest,
    user: UserId,
    settings: ConversationSettings,
) -> Result<(), Failure> {
    let command = UserCommand::ConversationSettings(settings);
    let pending = ingest.publisher.publish(&topic::USERS, user.0, user, &command)?;
    pending.outcome().await.map(drop)
}

async fn snapshot(ingest: &Ingest, user: UserId) -> Result<Snapshot, Failure> {
    let store = &*ingest.platform.store;
    let found = ingest.profiles.snapshot(store, user, ingest.now()).await?;
    Ok(Snapshot::clone(&*found.ok_or_else(gone)?))
}

/// Made now or made before: the rows are there either way.
async fn open(ingest: &Ingest, by: By, command: Command) -> Result<Done, Failure> {
    let id = command.conversation_id;
    let command = ConversationCommand::Create(command);
    let pending = ingest.publisher.publish(&topic::COMMANDS, id.0, by, &command)?;
    pending.outcome().await
}
