//! Users: oneself, one of the others, search, blocks. PATCH means what PUT means.
//!
//! | | |
//! |---|---|
//! | `GET /users/me` | own profile |
//! | `PUT /users/me` | firstName?, lastName?, bio?, status?, avatarUrl?, phone?, each null for none → own profile; 409 phone in use |
//! | `DELETE /users/me` | the account's end → `{message}` |
//! | `GET`, `PUT /users/me/settings` | any of the settings → all of them |
//! | `PUT /users/me/password` | currentPassword, newPassword → `{message}`; other sessions end |
//! | `GET /users/search` | `query` (or `q`), `page`, `limit`, `cursor` → `{users, pagination, nextCursor}` |
//! | `GET /users/:id` | public view; 404 |
//! | `POST /users/:id/block` | reason?, reportSubmitted?, reportCategory? → `{message}`; 409 already |
//! | `DELETE /users/:id/block` | `{message}`; 404 not blocked |
//! | `GET /users/blocked` | `page`, `limit`, `cursor` → `[{id, user, reason, blockedAt}]` |
//! | `GET /users/me/blocked` | the same → the users alone |

mod account;
mod block;
#[cfg(test)]
pub(crate) mod document;
pub(crate) mod dto;
pub(crate) mod privacy;
mod profile;
mod read;
mod search;
mod settings;
#[cfg(test)]
pub(crate) mod tests;

use axum::Router;
use axum::routing::{get, post, put};

use crate::state::{Ingest, api};

pub(crate) use read::{gone, own, present, public};

pub(crate) fn routes() -> Router<Ingest> {
    let me = get(read::me).put(profile::update).patch(profile::update).delete(account::delete);
    let settings = get(settings::read).put(settings::change).patch(settings::change);
    Router::new()
        .route(&api("/users/me"), me)
        .route(&api("/users/me/settings"), settings)
        .route(&api("/users/me/password"), put(account::password).patch(account::password))
        .route(&api("/users/me/blocked"), get(block::users))
        .route(&api("/users/blocked"), get(block::entries))
        .route(&api("/users/search"), get(search::search))
        .route(&api("/users/{id}"), get(read::one))
        .route(&api("/users/{id}/block"), post(block::block).delete(block::unblock))
}
