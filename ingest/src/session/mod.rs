//! Sessions and the accounts behind them (`/auth`).
//!
//! | | |
//! |---|---|
//! | `POST /auth/register` | username, email, password, firstName?, lastName? → 201 `{message, userId}` |
//! | `POST /auth/login` | identifier, password → `{user, accessToken, refreshToken, expiresIn}` |
//! | `POST /auth/refresh` | refreshToken → `{accessToken, refreshToken, expiresIn}` |
//! | `POST /auth/logout` | refreshToken, or the bearer's session → `{message}`; 401 without either |
//!
//! Claims, credentials and sessions are the only rows that ingest writes itself (HAZARDS 12): they
//! must be unique or secret before there is a user who could be folded.

pub(crate) mod account;
pub(crate) mod claim;
#[cfg(test)]
pub(crate) mod document;
pub(crate) mod dto;
mod end;
mod of_user;
pub(crate) mod password;
mod refresh;
mod register;
mod sign_in;
pub(crate) mod sweep;

use axum::Router;
use axum::routing::post;

use crate::state::{Ingest, api};

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route(&api("/auth/register"), post(register::register))
        .route(&api("/auth/login"), post(sign_in::login))
        .route(&api("/auth/refresh"), post(refresh::refresh))
        .route(&api("/auth/logout"), post(end::logout))
}
