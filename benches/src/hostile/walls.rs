//! Every route of a conversation and of a message, asked for by somebody who is no member of it, never
//! was, or is none any more: refused, and in the same words as what is not there.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Findings;
use super::cast::Cast;
use crate::remote::Answer;

/// What is not there.
const ABSENT: Uuid = Uuid::from_u128(47);

type Asked = (Method, String, Option<Value>);

pub(super) async fn ask(cast: &Cast<'_>, findings: &mut Findings) {
    let nothing = of_conversation(cast, ABSENT);
    let nothing = answers(cast, findings, nothing).await;
    for conversation in [cast.foreign, cast.former] {
        let there = answers(cast, findings, of_conversation(cast, conversation)).await;
        same(findings, (&there, conversation), &nothing);
    }
    let nothing = answers(cast, findings, of_message(cast, ABSENT)).await;
    for message in [cast.foreign_message, cast.former_message] {
        let there = answers(cast, findings, of_message(cast, message)).await;
        same(findings, (&there, message), &nothing);
    }
    both(cast, findings).await;
}

fn of_conversation(cast: &Cast<'_>, id: Uuid) -> Vec<Asked> {
    let (bob, dave) = (cast.bob.id, cast.dave.id);
    let one = |method, path: &str, body| (method, format!("conversations/{id}{path}"), body);
    vec![
        one(Method::GET, "", None),
        one(Method::PUT, "", Some(json!({"name": "mine"}))),
        one(Method::PATCH, "", Some(json!({"isPinned": true}))),
        one(Method::DELETE, "", None),
        one(Method::PUT, "/settings", Some(json!({"isMuted": true}))),
        one(Method::GET, "/messages", None),
        one(Method::GET, "/participants", None),
        one(Method::POST, "/participants", Some(json!({"userIds": [bob]}))),
        one(Method::PUT, &format!("/participants/{dave}"), Some(json!({"role": "admin"}))),
        one(Method::DELETE, &format!("/participants/{dave}"), None),
        one(Method::DELETE, &format!("/participants/{}", cast.alice.id), None),
        one(Method::POST, "/leave", None),
        one(Method::POST, "/read", Some(json!({}))),
        one(Method::GET, "/unread", None),
        (Method::GET, format!("messages?conversationId={id}"), None),
        (Method::GET, format!("messages/conversations/{id}/pinned"), None),
        (Method::POST, "messages".to_owned(), Some(json!({"conversationId": id, "content": "x"}))),
    ]
}

fn of_message(cast: &Cast<'_>, id: Uuid) -> Vec<Asked> {
    let one = |method, path: &str, body| (method, format!("messages/{id}{path}"), body);
    vec![
        one(Method::GET, "", None),
        one(Method::PUT, "", Some(json!({"content": "mine"}))),
        one(Method::PATCH, "", Some(json!({"content": "mine"}))),
        one(Method::DELETE, "", None),
        one(Method::POST, "/reactions", Some(json!({"emoji": "x"}))),
        one(Method::DELETE, "/reactions/x", None),
        one(Method::POST, "/read", None),
        one(Method::GET, "/reads", None),
        one(Method::POST, "/pin", None),
        one(Method::DELETE, "/pin", None),
        one(Method::GET, "/edit-history", None),
        one(Method::GET, "/thread", None),
        one(Method::POST, "/forward", Some(json!({"conversationIds": [cast.own]}))),
        (
            Method::POST,
            "messages".to_owned(),
            Some(json!({"conversationId": cast.own, "content": "x", "replyToId": id})),
        ),
    ]
}

/// Answers with what they were to.
async fn answers(
    cast: &Cast<'_>,
    findings: &mut Findings,
    asked: Vec<Asked>,
) -> Vec<(String, Answer)> {
    let mut all = Vec::new();
    for (method, path, body) in asked {
        let what = format!("{method} {path} of a stranger");
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let answer = cast.ask(method, &path, body).await;
        findings.refused(&what, &answer);
        all.push((what, answer));
    }
    all
}

/// What is not one's own and what is not there are one answer, but for the id that was asked for.
fn same(
    findings: &mut Findings,
    (there, id): (&[(String, Answer)], Uuid),
    nothing: &[(String, Answer)],
) {
    let said = |answer: &Answer, id: Uuid| {
        let text = String::from_utf8_lossy(&answer.body).replace(&id.to_string(), "it");
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        (answer.status, body.get("code").cloned(), body.get("message").cloned())
    };
    for ((what, there), (_, nothing)) in there.iter().zip(nothing) {
        if said(there, id) != said(nothing, ABSENT) {
            findings
                .wrong(&format!("{what} tells that it exists"), &format!("{there}\n    {nothing}"));
        }
    }
}

/// Paths that name a conversation and a message: both must fit.
async fn both(cast: &Cast<'_>, findings: &mut Findings) {
    let pairs = [
        (cast.foreign, cast.foreign_message),
        (cast.former, cast.former_message),
        (cast.own, cast.foreign_message),
        (cast.own, cast.former_message),
        (cast.foreign, cast.own_message),
        (cast.team, cast.own_message),
        (ABSENT, cast.own_message),
        (cast.own, ABSENT),
    ];
    for (conversation, message) in pairs {
        for method in [Method::POST, Method::DELETE] {
            let path = format!("messages/conversations/{conversation}/pin/{message}");
            let answer = cast.ask(method.clone(), &path, Vec::new()).await;
            findings.refused(&format!("{method} {path}"), &answer);
        }
        let path = format!("conversations/{conversation}/read");
        let body = json!({"messageId": message}).to_string();
        let answer = cast.ask(Method::POST, &path, body.into()).await;
        findings.refused(&format!("POST {path} up to {message}"), &answer);
    }
}
