//! Answers about letters, as the control socket carries them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use platform::Log;
use platform::dead_letters::{self, Action, Waiting};
use platform::port::log::Error;
use schemas::{ApiError, Code, Timestamp};
use serde::{Deserialize, Serialize};

/// A letter on the list.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) id: u64,
    /// When it was given up.
    pub(super) at: Timestamp,
    pub(super) pool: Option<String>,
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) tries: u32,
    pub(super) reason: String,
    /// Why it can not be retried; absent if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) only_drop: Option<String>,
}

/// The list.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Letters {
    pub(super) letters: Vec<Row>,
    /// Older ones that are not in it.
    pub(super) more: u64,
}

/// Which letters a list is to have.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Listing {
    /// The newest, at most so many; 0 only counts.
    pub(super) limit: u32,
}

/// Letters of a list, at most: what bounds an answer, with the characters of each reason.
pub(super) const LISTED: u32 = 10_000;
const REASON: usize = 300;
/// Letters that are settled by one call, at most.
const SETTLED: usize = 100_000;

/// One letter.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole {
    #[serde(flatten)]
    pub(super) row: Row,
    pub(super) key: Part,
    pub(super) headers: Vec<(String, Part)>,
    pub(super) value: Part,
    /// What became of it, and when.
    pub(super) resolved: Option<Resolved>,
}

/// What became of a letter.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resolved {
    pub(super) outcome: String,
    pub(super) at: Timestamp,
    /// Partition and offset of its record now.
    pub(super) retried_at: Option<(u32, u64)>,
}

/// Bytes: as text if they are.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Part {
    Text(String),
    Base64(String),
}

/// What is to be done about which letters.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Settle {
    /// Else they are dropped.
    pub(super) retry: bool,
    pub(super) ids: Ids,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Ids {
    All,
    These(Vec<u64>),
}

/// What was done about one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settled {
    pub(super) id: u64,
    pub(super) retried_at: Option<(u32, u64)>,
    /// Why nothing was done.
    pub(super) refused: Option<String>,
}

fn failed(error: &Error) -> ApiError {
    ApiError::new(Code::Internal, error.to_string())
}

fn row(id: u64, waiting: &Waiting) -> Row {
    let letter = &waiting.letter;
    Row {
        id,
        at: waiting.at,
        pool: letter.pool.clone(),
        topic: letter.topic.clone(),
        partition: letter.partition,
        offset: letter.offset,
        tries: letter.tries,
        reason: letter.reason.clone(),
        only_drop: waiting.fit.as_ref().err().map(ToString::to_string),
    }
}

fn part(bytes: &Bytes) -> Part {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Part::Text(text.to_owned()),
        _ => Part::Base64(STANDARD.encode(bytes)),
    }
}

pub(super) async fn list(log: &dyn Log, ask: Listing) -> Result<Letters, ApiError> {
    let limit = ask.limit.min(LISTED) as usize;
    let list = dead_letters::list(log, limit).await.map_err(|error| failed(&error))?;
    let short = |(id, waiting): (&u64, &Waiting)| {
        let mut row = row(*id, waiting);
        if let Some((end, _)) = row.reason.char_indices().nth(REASON) {
            row.reason.truncate(end);
            row.reason.push('…');
        }
        row
    };
    Ok(Letters { letters: list.letters.iter().map(short).collect(), more: list.more })
}

pub(super) async fn show(log: &dyn Log, id: u64) -> Result<Whole, ApiError> {
    let found = dead_letters::find(log, id).await.map_err(|error| failed(&error))?;
    let found = found.ok_or_else(|| {
        ApiError::new(
            Code::NotFound,
            format!("there is no letter {id}; `parlance dlq list` has them"),
        )
    })?;
    let letter = &found.letter.letter;
    let headers = letter.headers.iter().map(|(name, value)| ((*name).to_owned(), part(value)));
    Ok(Whole {
        row: row(id, &found.letter),
        key: part(&letter.key),
        headers: headers.collect(),
        value: part(&letter.value),
        resolved: found.mark.map(|(at, mark)| Resolved {
            outcome: mark.outcome,
            at,
            retried_at: mark.retried_at,
        }),
    })
}

pub(super) async fn settle(log: &dyn Log, ask: &Settle) -> Result<Vec<Settled>, ApiError> {
    let action = if ask.retry { Action::Retry } else { Action::Drop };
    let ids = match &ask.ids {
        Ids::These(ids) => ids.clone(),
        Ids::All => {
            let waiting = dead_letters::waiting(log).await.map_err(|error| failed(&error))?;
            waiting.into_iter().take(SETTLED).collect()
        }
    };
    let settled = dead_letters::settle(log, action, &ids).await.map_err(|error| failed(&error))?;
    let said = settled.into_iter().map(|(id, outcome)| match outcome {
        Ok(position) => {
            Settled { id, retried_at: position.map(|at| (at.partition, at.offset)), refused: None }
        }
        Err(refusal) => Settled { id, retried_at: None, refused: Some(refusal.to_string()) },
    });
    Ok(said.collect())
}
