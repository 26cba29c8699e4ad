//! `/presence` in the OpenAPI document.

use schemas::presence::view::Presence;
use schemas::{Code, UserId, limits};
use serde_json::json;

use super::dto::{Asked, Change};
use super::write::Own;
use crate::document::{Operation, get, post, put};

pub(crate) fn operations() -> Vec<Operation> {
    let most = limits::PRESENCE_SUBSCRIPTIONS;
    let id = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
    let ids = format!("^{id}(,{id}){{0,{}}}$", most - 1);
    vec![
        get("/presence/me", "ownPresence", "One's own presence, with one's devices.")
            .answers::<Presence>(200),
        put(
            "/presence/me",
            "changePresence",
            "Says how one is to be seen, whatever one's devices do.",
        )
        .keyed()
        .body::<Change<'static>>()
        .publishes()
        .answers::<Own<'static>>(200),
        get("/presence/users", "presences", "What one may see of the presence of some users.")
            .query(
                "userIds",
                String::leak(format!("Whose, with commas between, at most {most}.")),
                json!({ "type": "string", "pattern": ids }),
            )
            .required()
            .answers::<Vec<Presence>>(200)
            .refuses(&[Code::MalformedId]),
        post("/presence/batch", "presencesOf", "The same, asked for in a body.")
            .body::<Asked<'static>>()
            .answers::<Vec<Presence>>(200)
            .refuses(&[Code::MalformedId]),
        get("/presence/users/{userId}", "presence", "What one may see of somebody's presence.")
            .id::<UserId>("userId", "Of the user.")
            .answers::<Presence>(200),
        super::typing::operation(),
    ]
}
