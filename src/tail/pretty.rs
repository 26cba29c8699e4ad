//! A record as one line that a person can read.
//!
//! What comes from users is printed without control characters: a message must not be able to move the
//! cursor, change colours or reorder the line of whoever watches.

use std::fmt::Write as _;

use schemas::outbound;
use schemas::topic::{self, header};
use serde_json::Value;

use super::shown::Shown;

/// Characters of a summary.
const SUMMARY: usize = 100;
/// Topics whose records are commands.
const COMMANDS: [&str; 4] =
    [topic::COMMANDS.name, topic::USERS.name, topic::RECEIPTS.name, topic::PRESENCE.name];
/// Characters of a key: enough to tell ids apart that were made at different times.
const KEY: usize = 13;

/// How parts of a line are told apart.
pub(super) struct Style {
    colours: bool,
}

impl Style {
    pub(super) fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Time, `partition:offset`, key, type, summary.
pub(super) fn line(record: &Shown, style: &Style) -> String {
    let Said { kind, about } = say(record);
    let at = record.at.to_string().replace('T', " ").replace('Z', "");
    let place = format!("{}:{}", record.partition, record.offset);
    let key = plain(record.key.as_deref().unwrap_or("(bytes)"), KEY);
    let colour = if record.topic == topic::DEAD_LETTERS.name { "31" } else { "36" };
    let kind = style.paint(colour, &format!("{kind:<20}"));
    let (at, key) = (style.paint("2", &at), style.paint("2", &format!("{key:<KEY$}")));
    format!("{at}  {place:<9} {key}  {kind} {about}").trim_end().to_owned()
}

struct Said {
    kind: String,
    about: String,
}

fn say(record: &Shown) -> Said {
    let value: Value = record
        .value
        .as_ref()
        .and_then(|value| serde_json::from_str(value.get()).ok())
        .unwrap_or_default();
    let (kind, about) = match record.topic.as_str() {
        name if name == topic::EVENTS.name => event(record, &value),
        name if name == topic::DEAD_LETTERS.name => letter(record),
        name if COMMANDS.contains(&name) => command(&value),
        _ => outbound(record, &value),
    };
    let about = match &record.base64 {
        Some(base64) if about.is_empty() => format!("no JSON: {} bytes", base64.len() / 4 * 3),
        _ => about,
    };
    Said { kind: plain(&kind, 40), about: plain(&about, SUMMARY) }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// `rev 4 #3 alice: hello`.
fn event(record: &Shown, value: &Value) -> (String, String) {
    let kind = record.header(header::CE_TYPE).unwrap_or("?").trim_start_matches("chat.");
    let mut about = format!("rev {}", record.header(header::CE_REV).unwrap_or("?"));
    if let Some(seq) = record.header(header::CE_SEQ) {
        // Writing to a string does not fail.
        let _written = write!(about, " #{seq}");
    }
    (kind.to_owned(), format!("{about} {}", content(value)))
}

/// `alice: hello`, or who asks for what.
fn command(value: &Value) -> (String, String) {
    let data = &value["data"];
    let actor = text(&value["actor"]).unwrap_or("?");
    let about = if data["sender"].is_object() {
        content(data)
    } else {
        format!("by {} {}", plain(actor, KEY), content(data))
    };
    (text(&value["type"]).unwrap_or("?").to_owned(), about)
}

/// A frame by its type, with what carries it: `event rev 4 alice: hello`.
fn outbound(record: &Shown, value: &Value) -> (String, String) {
    let kind = record.bytes(header::KIND).and_then(|raw| outbound::kind(&raw)).unwrap_or("-");
    match text(&value["type"]) {
        Some(frame) if value["data"].is_object() => {
            (frame.to_owned(), format!("{kind} {}", content(&value["data"])))
        }
        _ => (kind.to_owned(), content(value)),
    }
}

/// `#4 persist chat.commands 3:17: why`, or what became of one.
fn letter(record: &Shown) -> (String, String) {
    let get = |name| record.header(name).unwrap_or("?");
    if let Some(resolves) = record.header(header::RESOLVES) {
        let place = record.header(header::RETRIED_AT).map(|at| format!(", now at {at}"));
        return (
            get(header::OUTCOME).to_owned(),
            format!("letter {resolves}{}", place.unwrap_or_default()),
        );
    }
    let about = format!(
        "{} {} {}:{}: {}",
        record.header(header::POOL).unwrap_or("-"),
        get(header::SOURCE_TOPIC),
        get(header::SOURCE_PARTITION),
        get(header::SOURCE_OFFSET),
        get(header::REASON),
    );
    ("letter".to_owned(), about)
}

/// The text of a message with who wrote it; else the JSON.
fn content(data: &Value) -> String {
    if data["isDeleted"] == Value::Bool(true) {
        return format!("{}: (deleted)", who(data));
    }
    match text(&data["content"]) {
        Some(content) => format!("{}: {content}", who(data)),
        None if data.is_null() => String::new(),
        None => data.to_string(),
    }
}

fn who(data: &Value) -> &str {
    text(&data["sender"]["username"]).or_else(|| text(&data["senderId"])).unwrap_or("?")
}

/// Whether a terminal may take it for more than a character: control characters, what turns the direction
/// of writing, and what ends a line without being a line's end.
fn steers(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// JSON of one line that says the same and can not steer a terminal. Outside of texts JSON has no such
/// character, and inside of them it has an escape for each.
pub(crate) fn inert(json: String) -> String {
    if !json.contains(steers) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if steers(c) {
            // Writing to a string does not fail. All of them are in the first plane.
            let _written = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A text as far as it may be printed: at most `limit` characters, and no control characters, not even
/// those that turn the direction of writing.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let printed = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if steers(c) => '\u{fffd}',
        c => c,
    };
    let mut out: String = text.chars().take(limit).map(printed).collect();
    if text.chars().nth(limit).is_some() {
        out.pop();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(topic: &str, headers: &str, value: &str) -> Shown {
        serde_json::from_str(&format!(
            r#"{{"topic":"{topic}","partition":3,"offset":17,"epoch":1,"at":"2027-01-15T08:00:00.007Z",
            "key":"01890000-0000-7000-8000-000000000000","headers":{headers},"value":{value}}}"#
        ))
        .unwrap()
    }

    fn printed(topic: &str, headers: &str, value: &str) -> String {
        line(&shown(topic, headers, value), &Style::new(false))
    }

    #[test]
    fn a_message_is_told_in_a_line() {
        let headers = r#"{"ce_type":"chat.message.created","ce_rev":"4","ce_seq":"3"}"#;
        let value = r#"{"content":"Hello,\nBob","sender":{"username":"alice"},"isDeleted":false}"#;
        assert_eq!(
            printed("chat.events", headers, value),
            "2027-01-15 08:00:00.007  3:17      01890000-000…  message.created      rev 4 #3 alice: Hello, Bob"
        );
        let deleted = value.replace("false", "true");
        assert!(printed("chat.events", headers, &deleted).ends_with("rev 4 #3 alice: (deleted)"));
    }

    #[test]
    fn commands_and_letters_are_told_too() {
        let value = r#"{"type":"message.pin","actor":"0189","data":{"seq":3}}"#;
        assert!(
            printed("chat.commands", "{}", value)
                .ends_with(r#"message.pin          by 0189 {"seq":3}"#)
        );
        let letter = r#"{"source-topic":"chat.commands","source-partition":"3","source-offset":"9",
            "reason":"undecodable","tries":"1","pool":"persist"}"#;
        let said = printed("chat.dead-letters", letter, "null");
        assert!(
            said.ends_with("letter               persist chat.commands 3:9: undecodable"),
            "{said}"
        );
        let mark = r#"{"resolves":"4","outcome":"retried","retried-at":"3/18"}"#;
        let said = printed("chat.dead-letters", mark, "null");
        assert!(said.ends_with("retried              letter 4, now at 3/18"), "{said}");
    }

    #[test]
    fn what_goes_to_nodes_is_told_by_its_frame_or_its_kind() {
        let event = r#"{"kind":{"base64":"AQ=="}}"#;
        let frame = r#"{"type":"message.created","rev":4,"data":{"content":"hi","senderId":"a"}}"#;
        assert!(
            printed("chat.outbound", event, frame).ends_with("message.created      event a: hi")
        );
        let reply = printed("chat.outbound", r#"{"kind":{"base64":"Aw=="}}"#, r#"{"id":"m"}"#);
        assert!(reply.ends_with(r#"reply                {"id":"m"}"#), "{reply}");
    }

    #[test]
    fn what_a_user_wrote_can_not_steer_the_terminal() {
        let value = r#"{"content":"\u001b[2J\u202egnp.exe","sender":{"username":"\u0007mallory"}}"#;
        let said = printed("chat.events", "{}", value);
        assert!(!said.chars().any(|c| c.is_control() || c == '\u{202e}'), "{said:?}");
        let style = Style::new(true);
        assert!(line(&shown("chat.events", "{}", value), &style).contains("\x1b[36m"));
    }

    #[test]
    fn a_long_text_ends_with_an_ellipsis() {
        assert_eq!(plain("four", 4), "four");
        assert_eq!(plain("fives", 4), "fiv…");
        assert_eq!(plain("a\u{61c}\u{9b}\u{2028}", 9), "a\u{fffd}\u{fffd}\u{fffd}");
    }
}
