//! `/healthz`: the process answers. `/readyz`: it may be sent requests.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use schemas::UserId;
use schemas::user::table::UserHead;
use serde::Serialize;

use crate::envelope;
use crate::error::Failure;
use crate::state::Ingest;

/// Wait for the store before it counts as away.
const STORE_LIMIT: Duration = Duration::from_secs(1);

/// Of the process.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Serialize)]
struct Status {
    /// In a word.
    status: &'static str,
}

pub(crate) fn routes() -> Router<Ingest> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

async fn alive(State(ingest): State<Ingest>) -> Response {
    envelope::encoded(StatusCode::OK, &Status { status: "ok" }, ingest.now())
}

async fn ready(State(ingest): State<Ingest>) -> Result<Response, Failure> {
    if !ingest.is_ready() {
        return Err(Failure::overloaded("draining"));
    }
    let nobody = [UserHead::get(UserId(uuid::Uuid::nil()))];
    match tokio::time::timeout(STORE_LIMIT, ingest.platform.store.get(&nobody)).await {
        Ok(Ok(_)) => {
            Ok(envelope::encoded(StatusCode::OK, &Status { status: "ready" }, ingest.now()))
        }
        Ok(Err(error)) => Err(Failure::overloaded(error.to_string())),
        Err(_) => Err(Failure::overloaded("the store does not answer")),
    }
}

#[cfg(test)]
pub(crate) mod document {
    use super::Status;
    use crate::document::{Operation, get};

    pub(crate) fn operations() -> Vec<Operation> {
        vec![
            get("", "alive", "Answers while the process lives.")
                .at_root("/healthz")
                .answers::<Status>(200),
            get("", "ready", "Answers 200 when it takes work, else 503.")
                .at_root("/readyz")
                .answers::<Status>(200),
        ]
    }
}
