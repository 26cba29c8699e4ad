//! Pins: messages that the members of a conversation keep at hand.
//!
//! | | |
//! |---|---|
//! | `POST /messages/:id/pin` | the pin, new or not |
//! | `DELETE /messages/:id/pin` | 404 if it is not pinned |
//! | `POST`, `DELETE /messages/conversations/:conversationId/pin/:messageId` | the same |
//! | `GET /messages/conversations/:conversationId/pinned` | `{conversationId, count, pinnedMessages}`, the newest pin first; 403 for strangers |

#[cfg(test)]
pub(crate) mod document;
mod read;
mod write;

use axum::Router;
use axum::routing::{get, post};

use crate::state::{Ingest, api};

pub(crate) fn routes() -> Router<Ingest> {
    let of_conversation = "/messages/conversations/{conversationId}";
    Router::new()
        .route(&api("/messages/{id}/pin"), post(write::pin).delete(write::unpin))
        .route(
            &api(&format!("{of_conversation}/pin/{{messageId}}")),
            post(write::pin_in).delete(write::unpin_in),
        )
        .route(&api(&format!("{of_conversation}/pinned")), get(read::list))
}
