//! Presence: who is here, as far as the caller may see. PATCH means what PUT means.
//!
//! | | |
//! |---|---|
//! | `GET /presence/me` | one's own, with one's devices |
//! | `PUT /presence/me` | status?, customStatus?, customStatusExpiresAt?, each null for none → one's own, and `user` |
//! | `GET /presence/users` | `userIds=a,b` → one for each; who hides is like nobody |
//! | `POST /presence/batch` | userIds → the same |
//! | `GET /presence/users/:userId` | one |
//! | `GET /presence/conversations/:id/typing` | who types there; 404 for strangers |
//!
//! What a viewer sees is `schemas::presence::view::show`'s to say, here as everywhere. What it is shown
//! of is [`seen`]'s to find: the newest entry on the board, with what the head says over it; of one who
//! is not there the row that tells when he was last seen.

#[cfg(test)]
pub(crate) mod document;
mod dto;
mod read;
mod seen;
mod sight;
#[cfg(test)]
mod tests;
mod typing;
mod write;

use axum::Router;
use axum::routing::{get, post};

use crate::state::{Ingest, api};

pub(crate) use dto::Change;
pub(crate) use read::own;
pub(crate) use seen::of;
pub(crate) use sight::{BLIND, Sight, is_here};
pub(crate) use write::carry_out;

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route(&api("/presence/me"), get(read::me).put(write::change).patch(write::change))
        .route(&api("/presence/users"), get(read::several))
        .route(&api("/presence/users/{userId}"), get(read::one))
        .route(&api("/presence/batch"), post(read::batch))
        .route(&api("/presence/conversations/{id}/typing"), get(typing::list))
}
