//! `POST /conversations/:id/read`: everything up to a message, or up to the newest one, was read.

use axum::extract::State;
use axum::response::Response;
use schemas::receipt::Kind;
use schemas::{ApiError, ConversationId, MessageId};
use serde::Deserialize;

use super::{UpTo, accept};
use crate::conversation::not_found;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Body, Caller, Id, Text, id_of};
use crate::state::Ingest;

/// How far was read.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ReadConversation"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Request<'a> {
    /// The last message that was read; without it the newest there is.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Option<MessageId>"))]
    message_id: Option<Text<'a>>,
}

impl Request<'_> {
    fn check(&self) -> Result<UpTo, ApiError> {
        match self.message_id.as_deref() {
            None => Ok(UpTo::Newest),
            Some(text) => Ok(UpTo::Message(id_of::<MessageId>("messageId", text)?)),
        }
    }
}

pub(super) async fn read(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
    body: Body,
) -> Result<Response, Failure> {
    let up_to = body.read::<Request<'_>>()?.check()?;
    let marking = accept(&ingest, who.user, id, Kind::Read, up_to).await?;
    marking.ok_or_else(not_found)?.outcome().await?;
    Ok(envelope::said("Conversation marked as read", ingest.now()))
}
