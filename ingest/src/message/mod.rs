//! Messages.
//!
//! | | |
//! |---|---|
//! | `POST /messages` | conversationId, content?, type? (or messageType?), clientMessageId?, metadata?, replyToId? → 201, the message |
//! | `GET /messages` | `conversationId`, and as below |
//! | `GET /conversations/:id/messages` | `page`, `limit`, `before`, `after` (seq), `beforeMessageId` → `{messages, pagination, hasMore, nextBefore, nextAfter}` |
//! | `GET /messages/:id` | 404 for strangers |
//! | `PUT /messages/:id` | content → the message; its sender |
//! | `DELETE /messages/:id` | its sender |
//! | `POST /messages/:id/read` | the receipt; of an own message there is none |
//! | `GET /messages/:id/reads` | `limit`, `cursor` → `{messageId, readCount, reads, nextCursor}`; 403 for strangers |
//! | `POST /messages/:id/forward` | conversationIds → `{message, forwardedMessages, failed}` |
//! | `GET /messages/:id/edit-history` | `{messageId, currentContent, editCount, history}`; 403 for strangers |
//! | `GET /messages/:id/thread` | `page`, `limit`, `after` (seq): the answers to it, the oldest first |
//!
//! A request is accepted in one place ([`write::accept`], [`change`], [`reads`]), whether it comes over
//! HTTP or a socket. The message's JSON is made once, by the fold; the routes here splice it
//! ([`shown`]) with what was read beside it ([`extras`]).

pub(crate) mod change;
#[cfg(test)]
pub(crate) mod document;
pub(crate) mod dto;
pub(crate) mod extras;
pub(crate) mod find;
mod forward;
mod metadata;
pub(crate) mod page;
mod read;
pub(crate) mod reads;
pub(crate) mod shown;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod write;

use axum::Router;
use axum::routing::{get, post, put};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::error::Failure;
use crate::state::{Ingest, api};

pub(crate) use metadata::depth;

/// What an accepted request answers, once it is known: the JSON of `data`.
pub(crate) type Answer = BoxFuture<'static, Result<Bytes, Failure>>;

pub(crate) fn routes() -> Router<Ingest> {
    let one = get(read::one).delete(change::take_back);
    Router::new()
        .route(&api("/messages"), get(page::by_query).post(write::send))
        .route(&api("/messages/{id}"), one.merge(put(change::put).patch(change::put)))
        .route(&api("/messages/{id}/read"), post(reads::mark))
        .route(&api("/messages/{id}/reads"), get(reads::list))
        .route(&api("/messages/{id}/forward"), post(forward::forward))
        .route(&api("/messages/{id}/edit-history"), get(read::history))
        .route(&api("/messages/{id}/thread"), get(read::thread))
}
