//! Boards on Redis: a hash for each. Redis before 7.4 knows no life of a field, so that each note
//! begins with the time at which it ends, by the clock of Redis, and whoever reads leaves out what is
//! over (`note.lua`).

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use platform::port::ephemeral::{BOARD_NOTES, Note, Unavailable};
use redis::{FromRedisValue, Pipeline};
use uuid::Uuid;

use super::{CHUNK, Call, RedisEphemeral, text};

/// Notes of one answer when a board is read whole.
const PAGE: usize = 1_000;

/// One field with what is on it.
type Pair = (Vec<u8>, Vec<u8>);
/// The time (seconds, microseconds).
type Time = (u64, u64);

fn strange(what: &str) -> Unavailable {
    Unavailable(format!("a board that can not be read: {what}"))
}

fn millis((seconds, micros): Time) -> u64 {
    seconds.saturating_mul(1_000).saturating_add(micros / 1_000)
}

/// What a note says at `now`; none if it is over.
fn standing(raw: Vec<u8>, now: u64) -> Result<Option<Bytes>, Unavailable> {
    let colon = raw.iter().position(|byte| *byte == b':').ok_or_else(|| strange("no end"))?;
    let (ends, _) = raw.split_at(colon);
    let ends: u64 = std::str::from_utf8(ends)
        .ok()
        .and_then(|ends| ends.parse().ok())
        .ok_or_else(|| strange("its end"))?;
    let stands = ends == 0 || ends > now;
    Ok(stands.then(|| Bytes::from(raw).slice(colon + 1..)))
}

fn life(life: Option<Duration>) -> Vec<u8> {
    life.map_or_else(|| b"0".to_vec(), |life| text(life.as_millis().max(1)))
}

impl RedisEphemeral {
    fn board_key(&self, board: &str) -> Vec<u8> {
        [self.prefix.as_bytes(), b"b:", board.as_bytes()].concat()
    }

    pub(super) async fn write_notes(&self, board: &str, notes: &[Note]) -> Result<(), Unavailable> {
        let arguments: Vec<Vec<Vec<u8>>> = notes
            .chunks(CHUNK)
            .map(|chunk| {
                let mut arguments = vec![BOARD_NOTES.to_string().into_bytes()];
                for note in chunk {
                    arguments.push(note.field.as_bytes().to_vec());
                    match &note.value {
                        Some(value) => arguments.extend([life(note.life), value.to_vec()]),
                        None => arguments.extend([b"-1".to_vec(), Vec::new()]),
                    }
                }
                arguments
            })
            .collect();
        let call = |arguments| Call { keys: vec![self.board_key(board)], arguments };
        let calls: Vec<Call<'_>> = arguments.iter().map(|chunk| call(chunk.as_slice())).collect();
        if calls.is_empty() {
            return Ok(());
        }
        let full = self.run::<u8>(&self.note, &calls).await?;
        if full.contains(&1) {
            return Err(Unavailable(format!("the board {board} is full")));
        }
        Ok(())
    }

    pub(super) async fn read_notes(
        &self,
        board: &str,
        fields: &[Uuid],
    ) -> Result<Vec<Option<Bytes>>, Unavailable> {
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        pipe.cmd("TIME");
        for chunk in fields.chunks(CHUNK) {
            let chunk: Vec<&[u8]> = chunk.iter().map(|field| &field.as_bytes()[..]).collect();
            pipe.cmd("HMGET").arg(self.board_key(board)).arg(chunk);
        }
        let mut answers = self.ask::<redis::Value>(&pipe).await?.into_iter();
        let now = millis(read(answers.next())?);
        let mut found = Vec::with_capacity(fields.len());
        for chunk in answers {
            let chunk: Vec<Option<Vec<u8>>> = read(Some(chunk))?;
            for raw in chunk {
                found.push(raw.map(|raw| standing(raw, now)).transpose()?.flatten());
            }
        }
        if found.len() == fields.len() { Ok(found) } else { Err(strange("another answer")) }
    }

    /// Page by page, so that Redis answers others in between: what stands all the while is in it.
    pub(super) async fn read_board(&self, board: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        let mut found: HashMap<Uuid, Option<Bytes>> = HashMap::new();
        let mut cursor = 0_u64;
        loop {
            let mut pipe = redis::pipe();
            pipe.cmd("TIME");
            pipe.cmd("HSCAN").arg(self.board_key(board)).arg(cursor).arg("COUNT").arg(PAGE);
            let mut answers = self.ask::<redis::Value>(&pipe).await?.into_iter();
            let now = millis(read(answers.next())?);
            let (next, page): (u64, Vec<Pair>) = read(answers.next())?;
            for (field, raw) in page {
                let field = Uuid::from_slice(&field).map_err(|_| strange("a field"))?;
                found.insert(field, standing(raw, now)?);
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
        let stands = found.into_iter().filter_map(|(field, value)| Some((field, value?)));
        Ok(stands.collect())
    }

    async fn ask<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<Vec<T>, Unavailable> {
        let mut connection = self.link.connection()?;
        let answer = pipe.query_async(&mut connection).await;
        answer.map_err(|error| self.link.failed(&error))
    }
}

fn read<T: FromRedisValue>(answer: Option<redis::Value>) -> Result<T, Unavailable> {
    let answer = answer.ok_or_else(|| strange("no answer"))?;
    redis::from_redis_value(answer).map_err(|error| strange(&error.to_string()))
}
