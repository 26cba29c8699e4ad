//! Messages.
//!
//! | | |
//! |---|---|
//! | `POST /messages` | conversationId, content?, type? (or messageType?), clientMessageId?, metadata? → 201, the message |
//! | `GET /messages` | `conversationId`, and as below |
//! | `GET /conversations/:id/messages` | `page`, `limit`, `before`, `after` (seq), `beforeMessageId` → `{messages, pagination, hasMore, nextBefore, nextAfter}` |
//! | `GET /messages/:id` | 404 for strangers |
//!
//! A send is accepted in one place ([`write::accept`]), whether it comes over HTTP or a socket. The
//! message's JSON is made once, by the fold; the routes here splice it.

mod dto;
pub(crate) mod page;
mod read;
pub(crate) mod write;

use axum::Router;
use axum::routing::get;

use crate::state::{Ingest, api};

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route(&api("/messages"), get(page::by_query).post(write::send))
        .route(&api("/messages/{id}"), get(read::one))
}
