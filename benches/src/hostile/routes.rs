//! Every route with bodies, ids, queries and methods that it must refuse.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Findings;
use super::bodies::{Valid, wrong};
use super::cast::Cast;

const NOT_IDS: [&str; 8] = [
    "x",
    "1",
    "00000000-0000-0000-0000-00000000000g",
    "67e5504410b1426f9247bb680e5fe0c8",
    "%7B67e55044-10b1-426f-9247-bb680e5fe0c8%7D",
    "%00",
    "..%2f..%2fetc",
    "%f0%28%8c%28",
];

pub(super) async fn ask(cast: &Cast<'_>, findings: &mut Findings) {
    bodies(cast, findings).await;
    values(cast, findings).await;
    ids(cast, findings).await;
    queries(cast, findings).await;
    methods(cast, findings).await;
}

fn valid(cast: &Cast<'_>) -> [(&'static str, Valid); 5] {
    let register = json!({
        "username": "mallory-of-the-proof", "email": "mallory@example.com",
        "password": crate::remote::PASSWORD, "firstName": "M", "lastName": "L",
    });
    let login = json!({"identifier": "nobody-of-the-proof", "password": "Wrong-47-password!"});
    let open = json!({"type": "direct", "participantIds": [cast.dave.id]});
    let send = json!({
        "conversationId": cast.own, "content": "hostile", "clientMessageId": "hostile",
        "type": "text", "metadata": {"a": 1},
    });
    [
        ("auth/register", Valid::new(register, &["username", "email", "password"])),
        ("auth/login", Valid::new(login, &["identifier", "password"])),
        ("auth/refresh", Valid::new(json!({"refreshToken": "x"}), &["refreshToken"])),
        ("conversations", Valid::new(open, &["type", "participantIds"])),
        ("messages", Valid::new(send, &["conversationId"])),
    ]
}

async fn bodies(cast: &Cast<'_>, findings: &mut Findings) {
    for (path, valid) in valid(cast) {
        for (what, body) in wrong(&valid) {
            let large = body.len() > schemas::limits::BODY_BYTES;
            let answer = cast.ask(Method::POST, path, body).await;
            let what = format!("POST {path}, {what}");
            // What does not end within the limit need not be read to see that it is no JSON.
            if large && what.contains("a large body") {
                findings.refused_as(&what, "too_large", &answer);
            } else {
                findings.refused(&what, &answer);
            }
        }
    }
}

/// Well-formed requests whose values break a rule.
async fn values(cast: &Cast<'_>, findings: &mut Findings) {
    let long = |n: usize| "x".repeat(n);
    let send = |fields: Value| {
        let mut body = json!({"conversationId": cast.own, "content": "hostile"});
        if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
            body.extend(fields);
        }
        body
    };
    let foreign = send(json!({"conversationId": cast.foreign}));
    let absent = send(json!({"conversationId": Uuid::from_u128(47)}));
    let metadata = json!({"x": long(17_000)});
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({"a": deep});
    }
    let messages = [
        ("empty content", "empty_message", send(json!({"content": ""}))),
        ("blank content", "empty_message", send(json!({"content": " \n\t"}))),
        ("long content", "validation_failed", send(json!({"content": long(10_001)}))),
        ("an unknown type", "validation_failed", send(json!({"type": "nonsense"}))),
        ("the server's type", "validation_failed", send(json!({"type": "system"}))),
        ("an empty client id", "validation_failed", send(json!({"clientMessageId": ""}))),
        ("a long client id", "validation_failed", send(json!({"clientMessageId": long(129)}))),
        ("large metadata", "validation_failed", send(json!({"metadata": metadata}))),
        ("deep metadata", "validation_failed", send(json!({"metadata": deep}))),
        ("a malformed id", "malformed_id", send(json!({"conversationId": "x"}))),
        ("a foreign conversation", "not_member", foreign),
        ("no such conversation", "not_member", absent),
        (
            "a client id with another body",
            "idempotency_mismatch",
            send(json!({"clientMessageId": "before-0"})),
        ),
    ];
    for (what, code, body) in messages {
        let answer = cast.ask(Method::POST, "messages", body.to_string().into()).await;
        findings.refused_as(&format!("POST messages, {what}"), code, &answer);
    }
    let open = |ids: Value| json!({"type": "direct", "participantIds": ids});
    let conversations = [
        ("nobody", open(json!([]))),
        ("oneself", open(json!([cast.alice.id]))),
        ("two", open(json!([cast.bob.id, cast.dave.id]))),
        ("somebody who is not", open(json!([Uuid::from_u128(47)]))),
        ("no id", open(json!(["x"]))),
        ("300 people", open(json!(vec![cast.bob.id; 300]))),
        ("a group without a name", json!({"type": "group", "participantIds": [cast.bob.id]})),
        ("a blank name", json!({"type": "group", "participantIds": [cast.bob.id], "name": " "})),
        (
            "an unknown type",
            json!({"type": "secret", "participantIds": [cast.bob.id], "name": "g"}),
        ),
    ];
    for (what, body) in conversations {
        let answer = cast.ask(Method::POST, "conversations", body.to_string().into()).await;
        findings.refused(&format!("POST conversations with {what}"), &answer);
    }
    accounts(cast, findings).await;
}

async fn accounts(cast: &Cast<'_>, findings: &mut Findings) {
    let register = |username: &str, email: &str, password: &str| {
        json!({
            "username": username, "email": email, "password": password,
            "firstName": "M", "lastName": "L",
        })
    };
    let good = crate::remote::PASSWORD;
    let (name, mail) = ("mallory-of-the-proof", "mallory@example.com");
    let taken = cast.remote.username(1_000_000);
    let long = "x".repeat(300);
    let accounts = [
        ("a short name", register("ab", mail, good)),
        ("a long name", register(&long, mail, good)),
        ("a name with a space", register("a b c", mail, good)),
        ("a name with a quote", register("a'--", mail, good)),
        ("a taken name", register(&taken, mail, good)),
        ("a taken address", register(name, &format!("{taken}@example.com"), good)),
        ("no address", register(name, "mallory", good)),
        ("an address with a line break", register(name, "a@b.c\r\nBcc: x@y.z", good)),
        ("a short password", register(name, mail, "Ab1!")),
        ("a common password", register(name, mail, "password1")),
        ("an endless password", register(name, mail, &long)),
    ];
    for (what, body) in accounts {
        let answer = cast.ask(Method::POST, "auth/register", body.to_string().into()).await;
        findings.refused(&format!("POST auth/register, {what}"), &answer);
    }
    let login = |identifier: &str, password: &str| {
        json!({"identifier": identifier, "password": password}).to_string()
    };
    let unknown = cast.ask(Method::POST, "auth/login", login(name, good).into()).await;
    findings.refused_as("POST auth/login, nobody", "invalid_credentials", &unknown);
    let wrong = cast.ask(Method::POST, "auth/login", login(&taken, "x").into()).await;
    findings.refused_as("POST auth/login, wrong password", "invalid_credentials", &wrong);
}

async fn ids(cast: &Cast<'_>, findings: &mut Findings) {
    let absent = Uuid::from_u128(47);
    for id in NOT_IDS {
        for path in [
            format!("messages/{id}"),
            format!("conversations/{id}"),
            format!("conversations/{id}/messages"),
            format!("users/{id}"),
            format!("messages?conversationId={id}"),
        ] {
            let answer = cast.ask(Method::GET, &path, Vec::new()).await;
            findings.refused(&format!("GET {path}"), &answer);
        }
    }
    let foreign = cast.foreign;
    let pairs = [
        (format!("messages/{}", cast.foreign_message), format!("messages/{absent}")),
        (format!("conversations/{foreign}"), format!("conversations/{absent}")),
        (format!("conversations/{foreign}/messages"), format!("conversations/{absent}/messages")),
        (format!("messages?conversationId={foreign}"), format!("messages?conversationId={absent}")),
    ];
    for (there, nowhere) in pairs {
        let there = (cast.ask(Method::GET, &there, Vec::new()).await, there);
        let nowhere = (cast.ask(Method::GET, &nowhere, Vec::new()).await, nowhere);
        for (answer, path) in [&there, &nowhere] {
            findings.refused(&format!("GET {path}"), answer);
        }
        // What is not yours and what is not are one answer.
        let said = |(answer, _): &(crate::remote::Answer, String)| {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            (answer.status, body.get("code").cloned(), body.get("message").cloned())
        };
        if said(&there) != said(&nowhere) {
            findings.wrong(&format!("GET {} tells that it exists", there.1), &there.0.to_string());
        }
    }
    let answer = cast.ask(Method::GET, &format!("users/{absent}"), Vec::new()).await;
    findings.refused_as("GET users, nobody", "not_found", &answer);
}

async fn queries(cast: &Cast<'_>, findings: &mut Findings) {
    let pages = [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=NaN",
        "limit=1.5",
        "limit=1e3",
        "page=0",
        "page=-3",
        "page=x",
        "limit=99999999999999999999",
    ];
    let messages = [
        "before=0",
        "before=x",
        "before=-1",
        "after=x",
        "after=-1",
        "before=1.5",
        "before=5&after=1",
        "beforeMessageId=x",
        "before=99999999999999999999",
    ];
    let own = format!("conversations/{}/messages", cast.own);
    for query in pages.iter().chain(&messages) {
        let path = format!("{own}?{query}");
        let answer = cast.ask(Method::GET, &path, Vec::new()).await;
        findings.refused(&format!("GET {path}"), &answer);
    }
    for query in pages.iter().chain(&["cursor=x", "cursor=%ff"]) {
        let path = format!("conversations?{query}");
        let answer = cast.ask(Method::GET, &path, Vec::new()).await;
        findings.refused(&format!("GET {path}"), &answer);
    }
    for path in ["users/search?query=a&limit=0", "users/search?query=a&page=x", "messages"] {
        let answer = cast.ask(Method::GET, path, Vec::new()).await;
        findings.refused(&format!("GET {path}"), &answer);
    }
}

async fn methods(cast: &Cast<'_>, findings: &mut Findings) {
    let taken = [
        (Method::GET, "auth/register"),
        (Method::PUT, "auth/login"),
        (Method::DELETE, "auth/logout"),
        (Method::PATCH, "conversations"),
        (Method::PUT, "conversations/self"),
        (Method::POST, "users/blocked"),
        (Method::DELETE, "messages"),
        (Method::POST, "users/me"),
        (Method::TRACE, "messages"),
    ];
    for (method, path) in taken {
        let answer = cast.ask(method.clone(), path, Vec::new()).await;
        findings.refused_as(&format!("{method} {path}"), "method_not_allowed", &answer);
    }
    for path in ["", "nothing", "messages/x/y/z", "../../etc/passwd", "admin", "auth"] {
        let answer = cast.ask(Method::GET, path, Vec::new()).await;
        findings.refused_as(&format!("GET {path}"), "not_found", &answer);
    }
}
