//! Members of a conversation. PATCH means what PUT means.
//!
//! | | |
//! |---|---|
//! | `GET /conversations/:id/participants` | `limit`, `cursor`, `page` → `{participants, pagination, nextCursor}`; 404 for strangers |
//! | `POST /conversations/:id/participants` | userIds, role? → `{message}`; 409 already |
//! | `PUT /conversations/:id/participants/:userId` | role → `{message}`; `owner` hands it over |
//! | `DELETE /conversations/:id/participants/:userId` | `{message}`; oneself: leaves |
//! | `POST /conversations/:id/leave` | `{message}`; an owner is followed by somebody |
//!
//! Roles are the fold's to judge; what is refused here can not succeed there.

#[cfg(test)]
pub(crate) mod document;
mod dto;
mod leave;
mod read;
mod write;

use axum::Router;
use axum::routing::{get, post, put};

use crate::state::{Ingest, api};

pub(crate) fn routes() -> Router<Ingest> {
    let one = put(write::role).patch(write::role).delete(write::remove);
    Router::new()
        .route(&api("/conversations/{id}/participants"), get(read::page).post(write::add))
        .route(&api("/conversations/{id}/participants/{userId}"), one)
        .route(&api("/conversations/{id}/leave"), post(leave::leave))
}
