//! Metadata of a message: an object of the client's own. The server looks at one field of it, `files`,
//! because other clients follow the addresses in it; and adds four when a message is forwarded.

use schemas::message::view::Message;
use schemas::user::view::Public;
use schemas::{ApiError, MessageId, UserId, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::dto::invalid;
use crate::extract::Fields;

/// An object, of bounded size and depth: whoever reads it later may recurse.
pub(super) fn check(metadata: &RawValue) -> Result<(), ApiError> {
    let json = metadata.get();
    if !json.starts_with('{') {
        return Err(invalid("metadata must be an object"));
    }
    if json.len() > limits::METADATA_BYTES {
        return Err(invalid("metadata must have at most 16384 bytes"));
    }
    if depth(json) > limits::METADATA_DEPTH {
        return Err(invalid("metadata must be nested at most 32 deep"));
    }
    // Most metadata has none, and is not looked into; a name may be spelt with escapes.
    if json.contains(r#""files""#) || json.contains(r"\u") { files(json) } else { Ok(()) }
}

/// Whether an object of valid JSON has no field.
pub(super) fn is_empty(metadata: &RawValue) -> bool {
    let json = metadata.get();
    json.trim_start_matches('{').trim_start().starts_with('}')
}

/// How deep valid JSON is nested.
pub(crate) fn depth(json: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// A file as clients describe it; they may say more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow)]
    file_url: Option<&'a RawValue>,
    #[serde(borrow)]
    thumbnail_url: Option<&'a RawValue>,
}

/// What a client shows as a link must be one: `files` is a list of objects whose addresses lead to a
/// web server and nowhere else.
fn files(json: &str) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow)]
        files: Option<&'a RawValue>,
    }
    let metadata: Metadata<'_> =
        serde_json::from_str(json).map_err(|_| invalid("metadata must name files once"))?;
    let Some(files) = metadata.files.filter(|files| files.get() != "null") else { return Ok(()) };
    let files: Vec<File<'_>> = serde_json::from_str(files.get())
        .map_err(|_| invalid("metadata.files must be a list of objects"))?;
    for file in files {
        for (name, url) in [("fileUrl", file.file_url), ("thumbnailUrl", file.thumbnail_url)] {
            let Some(url) = url.filter(|url| url.get() != "null") else { continue };
            let url = serde_json::from_str::<String>(url.get()).unwrap_or_default();
            if !leads_to_a_web_server(&url) {
                let why = format!("metadata.files: {name} must be an http(s) URL or a path");
                return Err(invalid(why));
            }
        }
    }
    Ok(())
}

/// Whether an address is one of http(s), or relative: without a scheme. Browsers skip control
/// characters and white space where they look for a scheme, so there may be none.
fn leads_to_a_web_server(url: &str) -> bool {
    if url.is_empty()
        || url.chars().count() > limits::URL_CHARS
        || url.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return false;
    }
    let before_path = url.split(['/', '?', '#']).next().unwrap_or_default();
    match before_path.split_once(':') {
        None => true,
        Some((scheme, _)) => {
            scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
        }
    }
}

/// What a forwarded message says about where it comes from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Origin<'a> {
    forwarded: bool,
    original_message_id: MessageId,
    original_sender_id: UserId,
    original_sender_name: &'a str,
}

/// The fields of [`Origin`].
const ORIGIN: [&str; 4] =
    ["forwarded", "originalMessageId", "originalSenderId", "originalSenderName"];

/// Metadata of a forwarded message: the message's own, and where it comes from. The limit of clients'
/// metadata is not applied to the four fields: they come on top of it, and take the place of those of
/// an earlier forwarding, so that nothing of the message is lost and nothing grows.
pub(super) fn forwarded(source: &Message<'_>) -> Box<RawValue> {
    let name = name_of(&source.sender);
    let origin = Origin {
        forwarded: true,
        original_message_id: source.id,
        original_sender_id: source.sender_id,
        original_sender_name: &name,
    };
    let origin = serde_json::to_string(&origin).expect("plain data serialises");
    let own = source.metadata.and_then(|raw| serde_json::from_str::<Fields<'_>>(raw.get()).ok());
    let mut json =
        String::with_capacity(origin.len() + source.metadata.map_or(0, |m| m.get().len()));
    json.push('{');
    for (name, value) in own.iter().flat_map(|fields| &fields.0) {
        if !ORIGIN.contains(&name.as_ref()) {
            json.push_str(&serde_json::to_string(name).expect("a string serialises"));
            json.push(':');
            json.push_str(value.get());
            json.push(',');
        }
    }
    json.push_str(origin.get(1..).unwrap_or_default());
    RawValue::from_string(json).expect("fields of valid JSON, each as it was, are valid JSON")
}

/// A name for people.
fn name_of(user: &Public<'_>) -> String {
    let names = [user.first_name.as_deref(), user.last_name.as_deref()];
    let full = names.into_iter().flatten().filter(|name| !name.is_empty()).collect::<Vec<_>>();
    if full.is_empty() { user.username.clone().into_owned() } else { full.join(" ") }
}

/// Which message a forwarded one says it was.
pub(super) fn original(view: &Message<'_>) -> Option<MessageId> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Known {
        original_message_id: Option<MessageId>,
    }
    serde_json::from_str::<Known>(view.metadata?.get()).ok()?.original_message_id
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn files_have_addresses_of_the_web() {
        let files = |files: Value| check(&raw(&json!({ "files": files }).to_string())).is_ok();
        let with = |url: &str| files(json!([{"id": "1", "fileUrl": url, "fileSize": 5}]));
        for good in [
            "https://x.example/a.png",
            "HTTP://x",
            "/media/1",
            "media/a:b",
            "//cdn.example/a",
            "?a=b:c",
        ] {
            assert!(with(good), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "JavaScript:x",
            "data:text/html,x",
            "file:///etc/passwd",
            "a b",
        ] {
            assert!(!with(bad), "{bad}");
        }
        assert!(files(json!([])) && files(Value::Null) && files(json!([{"fileUrl": null}])));
        assert!(files(json!([{"fileName": "javascript:"}])), "only addresses count");
        assert!(!files(json!("x")) && !files(json!([5])) && !files(json!([{"fileUrl": 5}])));
        assert!(!files(json!([{"fileUrl": "/a", "thumbnailUrl": "javascript:x"}])));
        assert!(!with(&"x".repeat(limits::URL_CHARS + 1)));
        assert!(check(&raw(r#"{"files":[],"files":["x"]}"#)).is_err());
        assert!(check(&raw(r#"{"a":{"files":"mine"}}"#)).is_ok(), "of the client's own");
        assert!(check(&raw(r#"{"f\u0069les":[{"fileUrl":"javascript:x"}]}"#)).is_err());
    }

    fn message(metadata: Option<&RawValue>) -> Value {
        let view = json!({
            "id": uuid::Uuid::from_u128(1), "conversationId": uuid::Uuid::from_u128(2),
            "seq": 1, "rev": 2, "clientMessageId": null, "senderId": uuid::Uuid::from_u128(3),
            "content": "x", "type": "text", "messageType": "text", "metadata": metadata,
            "replyToId": null, "isEdited": false, "isDeleted": false, "isPinned": false,
            "status": "sent", "createdAt": "2026-11-26T00:00:00.000Z",
            "updatedAt": "2026-11-26T00:00:00.000Z", "deletedAt": null,
            "sender": {
                "id": uuid::Uuid::from_u128(3), "username": "ann", "firstName": "Ann \"A\"",
                "lastName": "Ames", "avatarUrl": null, "bio": null, "status": null,
                "isOnline": null, "lastSeen": null, "presenceStatus": null,
            },
        });
        let text = view.to_string();
        let view: Message<'_> = serde_json::from_str(&text).unwrap();
        let forwarded = forwarded(&view);
        serde_json::from_str(forwarded.get()).unwrap()
    }

    #[test]
    fn a_forwarded_message_keeps_its_own_and_tells_where_it_comes_from() {
        let origin = json!({
            "forwarded": true, "originalMessageId": uuid::Uuid::from_u128(1),
            "originalSenderId": uuid::Uuid::from_u128(3), "originalSenderName": "Ann \"A\" Ames",
        });
        assert_eq!(message(None), origin);
        assert_eq!(message(Some(&raw("{ }"))), origin);
        let own = raw(r#"{"files":[{"id":1}],"a\"b":[1.0],"originalSenderName":"old"}"#);
        let mut expected = origin;
        expected["files"] = json!([{"id": 1}]);
        expected["a\"b"] = json!([1.0]);
        assert_eq!(message(Some(&own)), expected);
    }

    #[test]
    fn an_object_without_fields_is_empty_however_it_is_written() {
        for empty in ["{}", "{ }", "{\n\t}"] {
            assert!(is_empty(&raw(empty)), "{empty}");
        }
        for full in [r#"{"a":{}}"#, r#"{ "": null }"#, r#"{"}":1}"#] {
            assert!(!is_empty(&raw(full)), "{full}");
        }
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        assert_eq!(depth(r#"{"a":"[[[\"[["}"#), 1);
        assert_eq!(depth(r#"{"a":[[{}]]}"#), 4);
        let deep = |n: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(check(&raw(&deep(31))).is_ok());
        assert!(check(&raw(&deep(32))).is_err());
    }
}
