//! `/auth` in the OpenAPI document.

use schemas::Code;

use super::dto::{Login, Logout, Refresh, Register, Tokens};
use super::register::Registered;
use crate::document::{Operation, post};
use crate::envelope::Said;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        post("/auth/register", "register", "Makes an account.")
            .public()
            .keyed()
            .body::<Register<'static>>()
            .publishes()
            .answers::<Registered>(201)
            .refuses(&[Code::UsernameTaken, Code::EmailTaken, Code::Forbidden]),
        post("/auth/login", "login", "Opens a session.")
            .public()
            .body::<Login<'static>>()
            .answers::<Tokens>(200)
            .refuses(&[Code::InvalidCredentials]),
        post("/auth/refresh", "refresh", "Gives new tokens for a refresh token, once.")
            .public()
            .body::<Refresh<'static>>()
            .publishes()
            .answers::<Tokens>(200)
            .refuses(&[Code::Unauthenticated, Code::SessionEnded]),
        post(
            "/auth/logout",
            "logout",
            "Ends the session of the refresh token, else of the bearer.",
        )
        .open()
        .body::<Logout<'static>>()
        .publishes()
        .answers::<Said>(200),
    ]
}
