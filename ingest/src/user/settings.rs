//! One's own settings: all of them, those that were never set at their defaults.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::envelope::UserCommand;
use schemas::user::command::Settings;
use schemas::user::settings::whole;
use schemas::user::table::{UserHead, UserSettings};
use schemas::{Timestamp, UserId, topic};
use serde::Serialize;
use serde_json::{Map, Value};

use super::dto::check_settings;
use super::read::alive;
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller};
use crate::inbound::typing;
use crate::rows::Rows;
use crate::state::Ingest;

/// All settings of a user.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Settings"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole {
    /// Of the settings: the user's, as there is one set of them.
    id: UserId,
    /// Whose.
    user_id: UserId,
    /// When he registered.
    created_at: Timestamp,
    /// When they last changed.
    updated_at: Timestamp,
    /// Null.
    deleted_at: Option<Timestamp>,
    /// Setting → value.
    #[serde(flatten)]
    settings: Map<String, Value>,
}

pub(super) async fn read(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    answer(&ingest, who.user).await
}

pub(super) async fn change(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    body: Body,
) -> Result<Response, Failure> {
    let settings: Map<String, Value> = body.read()?;
    check_settings(&settings)?;
    if settings.is_empty() {
        return answer(&ingest, who.user).await;
    }
    let hides = typing::hides(&settings);
    let command = UserCommand::Settings(Settings { settings });
    let pending = ingest.publisher.publish(&topic::USERS, who.user.0, who.user, &command)?;
    pending.outcome().await?;
    if hides {
        typing::hide_soon(&ingest, who.user).await;
    }
    after_effect(answer(&ingest, who.user)).await
}

async fn answer(ingest: &Ingest, user: UserId) -> Result<Response, Failure> {
    let gets = [UserHead::get(user), UserSettings::get(user)];
    let mut rows = Rows::read(&*ingest.platform.store, &gets).await?;
    let head = alive(rows.next()?)?;
    let row = rows.next::<UserSettings>()?;
    let stored = row.as_ref().map(UserSettings::read).transpose()?.unwrap_or_default();
    let whole = Whole {
        id: user,
        user_id: user,
        created_at: head.created_at,
        updated_at: row.map_or(head.created_at, |row| row.updated_at),
        deleted_at: None,
        settings: whole(&stored),
    };
    Ok(envelope::encoded(StatusCode::OK, &whole, ingest.now()))
}
