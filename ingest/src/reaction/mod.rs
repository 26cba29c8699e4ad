//! Reactions.
//!
//! | | |
//! |---|---|
//! | `POST /messages/:id/reactions` | emoji → the reaction, new or not |
//! | `DELETE /messages/:id/reactions/:emoji` | 404 if there is no such reaction of the caller's |
//!
//! Reactions are read with their messages (`message::extras`).

#[cfg(test)]
pub(crate) mod document;
pub(crate) mod dto;
pub(crate) mod write;

use axum::Router;
use axum::routing::{delete, post};

use crate::state::{Ingest, api};

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route(&api("/messages/{id}/reactions"), post(write::post))
        .route(&api("/messages/{id}/reactions/{emoji}"), delete(write::take_back))
}
