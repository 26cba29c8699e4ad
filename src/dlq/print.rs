//! Letters for people, and for programs.

use std::fmt::Write as _;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::dead_letters::Action;
use serde::Serialize;

use super::answer::{Letters, Part, Row, Settled, Whole};
use crate::tail::{inert, plain};

/// Characters of a reason on the list.
const REASON: usize = 60;
/// Characters of a text of a letter.
const TEXT: usize = 100_000;

/// Writes lines; a reader that has enough is no error.
pub(super) fn say(lines: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        match writeln!(out, "{line}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(())
}

pub(super) fn list(list: &Letters, json: bool) -> Vec<String> {
    if json {
        return list.letters.iter().map(json_of).collect();
    }
    if list.letters.is_empty() {
        return vec!["no dead letters".to_owned()];
    }
    let mut lines = vec![line(["ID", "WHEN", "POOL", "RECORD", "TRIES", "REASON"])];
    lines.extend(list.letters.iter().map(|row| {
        let reason = plain(&row.reason, REASON);
        let only = if row.only_drop.is_some() { " (can only be dropped)" } else { "" };
        line([
            &row.id.to_string(),
            &when(row),
            row.pool.as_deref().unwrap_or("-"),
            &place(row),
            &row.tries.to_string(),
            &format!("{reason}{only}"),
        ])
    }));
    if list.more > 0 {
        lines.push(older(list.more));
    }
    lines
}

/// Letters that a list does not have.
pub(super) fn older(more: u64) -> String {
    format!("and {more} older: --limit N lists more")
}

fn json_of(value: &impl Serialize) -> String {
    inert(serde_json::to_string(value).expect("a letter serialises"))
}

fn line([id, when, pool, record, tries, reason]: [&str; 6]) -> String {
    format!("{id:<6} {when:<19}  {pool:<8} {record:<22} {tries:<5}  {reason}")
}

fn when(row: &Row) -> String {
    row.at.to_string().replace('T', " ").chars().take(19).collect()
}

fn place(row: &Row) -> String {
    format!("{} {}:{}", plain(&row.topic, 40), row.partition, row.offset)
}

pub(super) fn whole(whole: &Whole, json: bool) -> Vec<String> {
    if json {
        return vec![json_of(whole)];
    }
    let row = &whole.row;
    let resolved = match &whole.resolved {
        None => "waits for a decision".to_owned(),
        Some(resolved) => {
            let now = resolved
                .retried_at
                .map(|(partition, offset)| format!(", now at {partition}:{offset}"));
            format!("{} on {}{}", resolved.outcome, resolved.at, now.unwrap_or_default())
        }
    };
    let mut lines = vec![
        format!("Letter    {}, given up on {}", row.id, row.at),
        format!("Record    {}", place(row)),
        format!(
            "Pool      {}, after {} {}",
            row.pool.as_deref().unwrap_or("not noted"),
            row.tries,
            if row.tries == 1 { "try" } else { "tries" },
        ),
        format!("Reason    {}", plain(&row.reason, TEXT)),
        format!("State     {resolved}"),
    ];
    lines.extend(row.only_drop.as_ref().map(|why| format!("Retry     no: {why}")));
    lines.push(format!("Key       {}", short(&whole.key)));
    for (at, (name, value)) in whole.headers.iter().enumerate() {
        let label = if at == 0 { "Headers" } else { "" };
        lines.push(format!("{label:<9} {name}: {}", short(value)));
    }
    lines.push("Value".to_owned());
    lines.extend(value(&whole.value));
    lines
}

fn bytes(part: &Part) -> Vec<u8> {
    match part {
        Part::Text(text) => text.clone().into_bytes(),
        Part::Base64(base64) => STANDARD.decode(base64).unwrap_or_default(),
    }
}

fn short(part: &Part) -> String {
    match part {
        Part::Text(text) => plain(text, 200),
        Part::Base64(_) => bytes(part).iter().fold(String::from("0x"), |mut hex, byte| {
            // Writing to a string does not fail.
            let _written = write!(hex, "{byte:02x}");
            hex
        }),
    }
}

/// JSON indented, other text as it is, bytes as a dump.
fn value(part: &Part) -> Vec<String> {
    let indent = |text: &str| text.lines().map(|line| format!("  {}", plain(line, TEXT))).collect();
    match part {
        Part::Text(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(json) => indent(&serde_json::to_string_pretty(&json).unwrap_or_default()),
            Err(_) => indent(text),
        },
        Part::Base64(_) => bytes(part).chunks(16).enumerate().map(dump).collect(),
    }
}

fn dump((at, bytes): (usize, &[u8])) -> String {
    let mut hex = String::new();
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string does not fail.
        let _written = write!(hex, "{byte:02x} ");
        let printed = byte.is_ascii_graphic() || *byte == b' ';
        text.push(if printed { char::from(*byte) } else { '.' });
    }
    format!("  {:08x}  {hex:<48} {text}", at * 16)
}

pub(super) fn settled(settled: &[Settled], action: Action) -> Vec<String> {
    if settled.is_empty() {
        return vec!["no dead letters".to_owned()];
    }
    let said = settled.iter().map(|one| match (&one.refused, one.retried_at) {
        (Some(why), _) => format!("{:<6} refused: {}", one.id, plain(why, TEXT)),
        (None, Some((partition, offset))) => {
            format!("{:<6} appended again, at {partition}:{offset}", one.id)
        }
        (None, None) if action == Action::Drop => format!("{:<6} dropped", one.id),
        (None, None) => format!("{:<6} done", one.id),
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_can_not_steer_the_terminal_and_says_the_same() {
        let part = Part::Text("a\u{9b}31m\u{61c}\u{202e}b\u{2028}c\u{7f}é".to_owned());
        let json = json_of(&part);
        assert_eq!(json, r#"{"text":"a\u009b31m\u061c\u202eb\u2028c\u007fé"}"#);
        let back: Part = serde_json::from_str(&json).unwrap();
        assert_eq!(bytes(&back), bytes(&part));
    }

    #[test]
    fn a_value_is_shown_as_what_it_is() {
        let json = Part::Text(r#"{"a":[1]}"#.to_owned());
        assert_eq!(value(&json), ["  {", "    \"a\": [", "      1", "    ]", "  }"]);
        let text = Part::Text("not JSON\x1b[2J\nat all".to_owned());
        assert_eq!(value(&text), ["  not JSON\u{fffd}[2J", "  at all"]);
        let bytes = Part::Base64(STANDARD.encode(b"\xff\x00 not a command"));
        assert_eq!(
            value(&bytes),
            ["  00000000  ff 00 20 6e 6f 74 20 61 20 63 6f 6d 6d 61 6e 64  .. not a command"]
        );
        assert_eq!(short(&Part::Base64(STANDARD.encode([0, 255]))), "0x00ff");
    }
}
