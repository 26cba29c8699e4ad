//! Changes of conversations, messages and users: bodies that are none, values that break a rule, and
//! what one may not do although one is a member.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Findings;
use super::bodies::{Valid, wrong};
use super::cast::Cast;

pub(super) async fn ask(cast: &Cast<'_>, findings: &mut Findings) {
    bodies(cast, findings).await;
    ids(cast, findings).await;
    roles(cast, findings).await;
    messages(cast, findings).await;
    users(cast, findings).await;
}

/// Every body that is wrong, to every route that takes one.
async fn bodies(cast: &Cast<'_>, findings: &mut Findings) {
    let (message, team, own) = (cast.own_message, cast.team, cast.own);
    let valid = [
        (
            Method::PUT,
            format!("messages/{message}"),
            Valid::new(json!({"content": "hostile"}), &["content"]),
        ),
        (
            Method::POST,
            format!("messages/{message}/reactions"),
            Valid::new(json!({"emoji": "x"}), &["emoji"]),
        ),
        (
            Method::POST,
            format!("messages/{message}/forward"),
            Valid::new(json!({"conversationIds": [team]}), &["conversationIds"]),
        ),
        (
            Method::PUT,
            format!("conversations/{team}"),
            Valid::new(json!({"name": "hostile", "description": "x", "isPinned": true}), &[]),
        ),
        (
            Method::PUT,
            format!("conversations/{team}/settings"),
            Valid::new(json!({"isMuted": true, "notificationSettings": {"sound": false}}), &[]),
        ),
        (
            Method::POST,
            format!("conversations/{team}/participants"),
            Valid::new(json!({"userIds": [cast.dave.id], "role": "member"}), &["userIds"]),
        ),
        (
            Method::PUT,
            format!("conversations/{team}/participants/{}", cast.bob.id),
            Valid::new(json!({"role": "admin"}), &["role"]),
        ),
        (
            Method::POST,
            format!("conversations/{own}/read"),
            Valid::new(json!({"messageId": message}), &[]),
        ),
        (
            Method::PUT,
            "users/me".to_owned(),
            Valid::new(json!({"firstName": "Mallory", "bio": "x", "status": "x"}), &[]),
        ),
        (
            Method::PUT,
            "users/me/settings".to_owned(),
            Valid::new(
                json!({"theme": "dark", "showOnlineStatus": false, "messageTextSize": 12}),
                &[],
            ),
        ),
        (
            Method::PUT,
            "users/me/password".to_owned(),
            Valid::new(
                json!({"currentPassword": "not-it-at-all", "newPassword": "Quiet-otters-48-climb!"}),
                &["currentPassword", "newPassword"],
            ),
        ),
        (
            Method::POST,
            format!("users/{}/block", cast.dave.id),
            Valid::new(json!({"reason": "x"}), &[]),
        ),
    ];
    for (method, path, valid) in valid {
        for (what, body) in wrong(&valid) {
            let answer = cast.ask(method.clone(), &path, body).await;
            findings.refused(&format!("{method} {path}, {what}"), &answer);
        }
    }
}

/// Ids that are none.
async fn ids(cast: &Cast<'_>, findings: &mut Findings) {
    let team = cast.team;
    for id in ["x", "%00", "67e5504410b1426f9247bb680e5fe0c8", "..%2f..%2fetc"] {
        let paths = [
            (Method::PUT, format!("messages/{id}")),
            (Method::DELETE, format!("messages/{id}")),
            (Method::POST, format!("messages/{id}/reactions")),
            (Method::DELETE, format!("messages/{id}/reactions/x")),
            (Method::POST, format!("messages/{id}/pin")),
            (Method::GET, format!("messages/{id}/reads")),
            (Method::GET, format!("messages/{id}/thread")),
            (Method::GET, format!("messages/{id}/edit-history")),
            (Method::GET, format!("messages/conversations/{id}/pinned")),
            (Method::PUT, format!("conversations/{id}")),
            (Method::GET, format!("conversations/{id}/participants")),
            (Method::DELETE, format!("conversations/{team}/participants/{id}")),
            (Method::POST, format!("conversations/{id}/leave")),
            (Method::GET, format!("conversations/{id}/unread")),
            (Method::POST, format!("users/{id}/block")),
        ];
        for (method, path) in paths {
            let body = if method == Method::GET { Vec::new() } else { b"{}".to_vec() };
            let answer = cast.ask(method.clone(), &path, body).await;
            findings.refused(&format!("{method} {path}"), &answer);
        }
    }
}

/// What a mere member, or an owner, may not do.
async fn roles(cast: &Cast<'_>, findings: &mut Findings) {
    let (club, own, team) = (cast.club, cast.own, cast.team);
    let (alice, bob, dave) = (cast.alice.id, cast.bob.id, cast.dave.id);
    let role = |role: &str| Some(json!({ "role": role }));
    let of = |id: Uuid, path: String| format!("conversations/{id}{path}");
    let one = |user: Uuid| format!("/participants/{user}");
    let add = |user: Uuid| Some(json!({"userIds": [user]}));
    let many: Vec<Uuid> = (0..257).map(|n| Uuid::from_u128(0xf000 + n)).collect();
    let none = String::new;
    let cases = [
        ("forbidden", Method::PUT, of(club, none()), Some(json!({"name": "mine"}))),
        ("forbidden", Method::DELETE, of(club, none()), None),
        ("forbidden", Method::POST, of(club, "/participants".to_owned()), add(cast.dave.id)),
        ("forbidden", Method::PUT, of(club, one(bob)), role("admin")),
        ("forbidden", Method::PUT, of(club, one(alice)), role("owner")),
        ("forbidden", Method::PUT, of(club, one(dave)), role("member")),
        ("forbidden", Method::DELETE, of(club, one(bob)), None),
        ("forbidden", Method::DELETE, of(club, one(dave)), None),
        ("already_member", Method::POST, of(team, "/participants".to_owned()), add(bob)),
        ("not_found", Method::DELETE, of(team, one(dave)), None),
        ("not_found", Method::PUT, of(team, one(dave)), role("admin")),
        ("validation_failed", Method::PUT, of(team, one(bob)), role("king")),
        ("validation_failed", Method::PUT, of(team, none()), Some(json!({"name": ""}))),
        ("validation_failed", Method::PUT, of(own, none()), Some(json!({"name": "x"}))),
        ("validation_failed", Method::POST, of(own, "/participants".to_owned()), add(dave)),
        ("validation_failed", Method::POST, of(own, "/leave".to_owned()), None),
        ("forbidden", Method::DELETE, of(own, none()), None),
    ];
    for (code, method, path, body) in cases {
        let sent = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let answer = cast.ask(method.clone(), &path, sent).await;
        findings.refused_as(&format!("{method} {path}"), code, &answer);
    }
    for (what, ids) in [
        ("nobody", json!([])),
        ("somebody twice", json!([dave, dave])),
        ("257", json!(many)),
        ("somebody who is not", json!([Uuid::from_u128(47)])),
    ] {
        let body = json!({ "userIds": ids }).to_string();
        let answer =
            cast.ask(Method::POST, &of(team, "/participants".to_owned()), body.into()).await;
        findings.refused(&format!("POST participants, {what}"), &answer);
    }
}

/// Messages that are not one's own, or were taken back.
async fn messages(cast: &Cast<'_>, findings: &mut Findings) {
    let text = |content: String| Some(json!({ "content": content }));
    let emoji = |emoji: String| Some(json!({ "emoji": emoji }));
    let (own, bobs, gone) = (cast.own_message, cast.bobs_message, cast.gone_message);
    let at = |id: Uuid, path: &str| format!("messages/{id}{path}");
    let answer_to = json!({"conversationId": cast.own, "content": "x", "replyToId": gone});
    let elsewhere =
        json!({"conversationId": cast.own, "content": "x", "replyToId": cast.club_message});
    let many: Vec<Uuid> = (0..21).map(|n| Uuid::from_u128(0xf000 + n)).collect();
    let cases: Vec<(&str, Method, String, Option<Value>)> = vec![
        ("forbidden", Method::PUT, at(bobs, ""), text("mine".to_owned())),
        ("forbidden", Method::DELETE, at(bobs, ""), None),
        ("forbidden", Method::PUT, at(cast.club_message, ""), text("mine".to_owned())),
        ("validation_failed", Method::PUT, at(own, ""), text("x".repeat(10_001))),
        ("message_deleted", Method::PUT, at(gone, ""), text("back".to_owned())),
        ("message_deleted", Method::POST, at(gone, "/reactions"), emoji("x".to_owned())),
        ("message_deleted", Method::POST, at(gone, "/pin"), None),
        (
            "message_deleted",
            Method::POST,
            at(gone, "/forward"),
            Some(json!({"conversationIds": [cast.team]})),
        ),
        ("message_deleted", Method::POST, "messages".to_owned(), Some(answer_to)),
        ("not_found", Method::POST, "messages".to_owned(), Some(elsewhere)),
        ("validation_failed", Method::POST, at(own, "/reactions"), emoji("x".repeat(51))),
        ("validation_failed", Method::POST, at(own, "/reactions"), emoji(" ".to_owned())),
        ("validation_failed", Method::POST, at(own, "/reactions"), emoji("a\u{0}b".to_owned())),
        ("not_found", Method::DELETE, at(own, "/reactions/nothing"), None),
        ("not_found", Method::DELETE, at(own, "/pin"), None),
        (
            "validation_failed",
            Method::POST,
            at(own, "/forward"),
            Some(json!({"conversationIds": []})),
        ),
        (
            "validation_failed",
            Method::POST,
            at(own, "/forward"),
            Some(json!({"conversationIds": many})),
        ),
    ];
    for (code, method, path, body) in cases {
        let sent = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let answer = cast.ask(method.clone(), &path, sent).await;
        findings.refused_as(&format!("{method} {path}"), code, &answer);
    }
    let empty = cast.ask(Method::PUT, &at(own, ""), br#"{"content":""}"#.to_vec()).await;
    findings.refused(&format!("PUT {} with nothing", at(own, "")), &empty);
}

async fn users(cast: &Cast<'_>, findings: &mut Findings) {
    let (alice, dave) = (cast.alice.id, cast.dave.id);
    let long = |count: usize| "x".repeat(count);
    let me = "users/me".to_owned();
    let settings = "users/me/settings".to_owned();
    let cases: Vec<(&str, Method, String, Option<Value>)> = vec![
        ("validation_failed", Method::POST, format!("users/{alice}/block"), Some(json!({}))),
        ("not_found", Method::DELETE, format!("users/{dave}/block"), None),
        (
            "not_found",
            Method::POST,
            format!("users/{}/block", Uuid::from_u128(47)),
            Some(json!({})),
        ),
        ("validation_failed", Method::PUT, me.clone(), Some(json!({"firstName": long(101)}))),
        ("validation_failed", Method::PUT, me.clone(), Some(json!({"bio": long(501)}))),
        (
            "validation_failed",
            Method::PUT,
            me.clone(),
            Some(json!({"avatarUrl": "javascript:alert(1)"})),
        ),
        ("unknown_field", Method::PUT, me.clone(), Some(json!({"email": "m@example.com"}))),
        ("unknown_field", Method::PUT, me, Some(json!({"isVerified": true}))),
        ("validation_failed", Method::PUT, settings.clone(), Some(json!({"theme": "pink"}))),
        ("validation_failed", Method::PUT, settings, Some(json!({"messageTextSize": 400}))),
    ];
    for (code, method, path, body) in cases {
        let sent = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let answer = cast.ask(method.clone(), &path, sent).await;
        findings.refused_as(&format!("{method} {path}"), code, &answer);
    }
    let weak = json!({"currentPassword": crate::remote::PASSWORD, "newPassword": "password1"});
    let wrong =
        json!({"currentPassword": "Wrong-47-password!", "newPassword": "Quiet-otters-48-climb!"});
    for (what, body) in [("a weak one", weak), ("the wrong one", wrong)] {
        let answer = cast.ask(Method::PUT, "users/me/password", body.to_string().into()).await;
        findings.refused(&format!("PUT users/me/password, {what}"), &answer);
    }
}
