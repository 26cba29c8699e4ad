//! Every route that needs a token, without one and with bad ones.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;

use super::Findings;
use super::cast::Cast;

pub(super) async fn ask(cast: &Cast<'_>, findings: &mut Findings) {
    let own = cast.own;
    let routes = [
        (Method::GET, "users/me".to_owned()),
        (Method::GET, "users/search?query=a".to_owned()),
        (Method::GET, format!("users/{}", cast.bob.id)),
        (Method::GET, "conversations".to_owned()),
        (Method::POST, "conversations".to_owned()),
        (Method::GET, "conversations/self".to_owned()),
        (Method::GET, format!("conversations/{own}")),
        (Method::GET, format!("conversations/{own}/messages")),
        (Method::GET, format!("messages?conversationId={own}")),
        (Method::GET, format!("messages/{}", cast.foreign_message)),
        (Method::POST, "messages".to_owned()),
        (Method::PUT, format!("messages/{}", cast.own_message)),
        (Method::DELETE, format!("messages/{}", cast.own_message)),
        (Method::POST, format!("messages/{}/reactions", cast.own_message)),
        (Method::POST, format!("messages/{}/pin", cast.own_message)),
        (Method::POST, format!("messages/{}/read", cast.own_message)),
        (Method::GET, format!("messages/{}/edit-history", cast.own_message)),
        (Method::PUT, format!("conversations/{own}")),
        (Method::GET, format!("conversations/{}/participants", cast.team)),
        (Method::POST, format!("conversations/{}/participants", cast.team)),
        (Method::POST, format!("conversations/{}/leave", cast.team)),
        (Method::GET, format!("conversations/{own}/unread")),
        (Method::PUT, "users/me".to_owned()),
        (Method::DELETE, "users/me".to_owned()),
        (Method::GET, "users/me/settings".to_owned()),
        (Method::PUT, "users/me/password".to_owned()),
        (Method::POST, format!("users/{}/block", cast.bob.id)),
    ];
    for (what, value) in bad(&cast.alice.token, &cast.refresh) {
        for (method, path) in &routes {
            let body = format!(r#"{{"conversationId":"{own}","content":"hostile"}}"#);
            let writes = *method == Method::POST || *method == Method::PUT;
            let body = if writes { body } else { String::new() };
            let mut request = Request::builder().method(method).uri(cast.url(path));
            if let Some(value) = &value {
                request = request.header(header::AUTHORIZATION, value);
            }
            let Ok(request) = request.body(Full::new(Bytes::from(body))) else {
                findings.wrong(path, "the request could not be made");
                continue;
            };
            let answer = cast.remote.rest().send(request).await;
            findings.refused(&format!("{method} {path} with {what}"), &answer);
            if answer.status != 401 {
                findings.wrong(&format!("{method} {path} with {what}"), &answer.to_string());
            }
        }
    }
}

/// Values of `Authorization` that nobody may get in with.
fn bad(token: &str, refresh: &str) -> Vec<(&'static str, Option<String>)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, signature] = parts.as_slice() else { return Vec::new() };
    let bearer = |token: String| Some(format!("Bearer {token}"));
    // {"alg":"none","typ":"at+jwt"} and {"alg":"None"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let none_too = "eyJhbGciOiJOb25lIn0";
    let flip = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        // In the middle: the last character of base64url may hold bits that nobody reads.
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    vec![
        ("no token", None),
        ("an empty token", Some("Bearer ".to_owned())),
        ("no scheme", Some(token.to_owned())),
        ("another scheme", Some(format!("Basic {token}"))),
        ("garbage", bearer("x".to_owned())),
        ("two dots", bearer("..".to_owned())),
        ("a refresh token", bearer(refresh.to_owned())),
        ("alg none", bearer(format!("{none}.{claims}."))),
        ("alg None", bearer(format!("{none_too}.{claims}."))),
        ("alg none with a signature", bearer(format!("{none}.{claims}.{signature}"))),
        ("no signature", bearer(format!("{head}.{claims}."))),
        ("a changed signature", bearer(format!("{head}.{claims}.{}", flip(signature)))),
        ("changed claims", bearer(format!("{head}.{}.{signature}", flip(claims)))),
        ("a part too many", bearer(format!("{token}.{signature}"))),
        ("a long token", bearer("a".repeat(8_000))),
    ]
}
