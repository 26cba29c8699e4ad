//! Users: oneself, one of the others, search.
//!
//! | | |
//! |---|---|
//! | `GET /users/me` | own profile |
//! | `GET /users/search` | `query` (or `q`), `page`, `limit`, `cursor` → `{users, pagination, nextCursor}` |
//! | `GET /users/:id` | public view; 404 |

mod read;
mod search;

use axum::Router;
use axum::routing::get;

use crate::state::{Ingest, api};

pub(crate) use read::gone;

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route(&api("/users/me"), get(read::me))
        .route(&api("/users/search"), get(search::search))
        .route(&api("/users/{id}"), get(read::one))
}
