//! What is asked for, as the command line says it and as the control socket carries it.

use std::time::Duration;

use anyhow::anyhow;
use platform::Clock as _;
use platform::port::clock::SystemClock;
use schemas::Timestamp;
use schemas::topic::{self, Topic};
use serde::{Deserialize, Serialize};

/// Records of a topic.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ask {
    pub(super) topic: String,
    /// None: what suits the source.
    pub(super) from: Option<From>,
    pub(super) limit: Option<u64>,
    pub(super) key: Option<String>,
    pub(super) partition: Option<u32>,
    pub(super) until_end: bool,
}

/// Where to begin, in each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum From {
    Earliest,
    Latest,
    Offset(u64),
    Since(Timestamp),
}

impl From {
    /// `earliest`, `latest`, an offset, a time, or how long ago.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "earliest" | "beginning" => return Ok(Self::Earliest),
            "latest" | "end" => return Ok(Self::Latest),
            _ => {}
        }
        if let Ok(offset) = text.parse() {
            return Ok(Self::Offset(offset));
        }
        if let Some(at) = Timestamp::parse(text) {
            return Ok(Self::Since(at));
        }
        let ago = ago(text).ok_or(
            "neither earliest, latest, an offset, a time like 2026-11-26T12:00:00Z nor a while like 10m",
        )?;
        let ms = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        Ok(Self::Since(SystemClock.now().plus_ms(-ms)))
    }
}

/// A number and its unit.
fn ago(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// The topic of this name, which may do without `chat.`.
pub(crate) fn topic(name: &str) -> anyhow::Result<&'static Topic> {
    let found = topic::ALL.into_iter().find(|topic| {
        topic.name == name || topic.name.strip_prefix("chat.").is_some_and(|short| short == name)
    });
    found.ok_or_else(|| {
        let names: Vec<&str> = topic::ALL.iter().map(|topic| topic.name).collect();
        anyhow!("there is no topic {name}; topics are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_known_by_both_its_names_and_an_unknown_one_names_those_there_are() {
        assert_eq!(topic("events").unwrap(), &topic::EVENTS);
        assert_eq!(topic("chat.dead-letters").unwrap(), &topic::DEAD_LETTERS);
        let error = topic("messages").unwrap_err().to_string();
        assert!(error.contains("chat.commands, chat.users"), "{error}");
    }

    #[test]
    fn where_to_begin_is_said_in_five_ways() {
        assert_eq!(From::parse("earliest"), Ok(From::Earliest));
        assert_eq!(From::parse("latest"), Ok(From::Latest));
        assert_eq!(From::parse("17"), Ok(From::Offset(17)));
        let at = Timestamp(1_800_000_000_007);
        assert_eq!(From::parse(&at.to_string()), Ok(From::Since(at)));
        let Ok(From::Since(at)) = From::parse("10m") else { panic!("a while") };
        let ms = SystemClock.now().since(at);
        assert!((600_000..605_000).contains(&ms), "{ms}");
        for wrong in ["", "yesterday", "10 m", "m", "-1", "1w", "99999999999999999999d"] {
            assert!(From::parse(wrong).is_err(), "{wrong}");
        }
    }
}
