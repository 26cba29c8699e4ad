//! Boards of one process. Notes past their time are not read, and go when the boards are next swept.

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::port::ephemeral::{BOARD_NOTES, Note, Unavailable};

/// Notes kept at most, on all boards: above, more are refused.
const NOTES: usize = 1_000_000;
/// Notes written after which all boards are swept.
const SWEEP: usize = 16_384;

/// What is said, and until when.
struct Said {
    value: Bytes,
    until: Option<i64>,
}

impl Said {
    fn stands(&self, now: i64) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// All boards.
#[derive(Default)]
pub(super) struct Boards {
    named: HashMap<String, HashMap<Uuid, Said>>,
    notes: usize,
    written: usize,
    #[cfg(test)]
    sweeps: usize,
}

impl Boards {
    pub(super) fn note(&mut self, name: &str, notes: &[Note], now: i64) -> Result<(), Unavailable> {
        self.written += notes.len();
        // Near the limit sooner, but not at each call: what is left to be swept then is little.
        let full = self.notes + notes.len() > NOTES && self.written > SWEEP;
        if full || self.written > SWEEP.max(self.notes / 2) {
            self.sweep(now);
        }
        let mut board = self.named.remove(name).unwrap_or_default();
        let mut full = false;
        for note in notes {
            let Some(value) = note.value.clone() else {
                self.notes -= usize::from(board.remove(&note.field).is_some());
                continue;
            };
            let until = note.life.map(|life| {
                now.saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX))
            });
            if !board.contains_key(&note.field)
                && (board.len() >= BOARD_NOTES || self.notes >= NOTES)
            {
                full = true;
                continue;
            }
            let before = board.insert(note.field, Said { value, until });
            self.notes += usize::from(before.is_none());
        }
        if !board.is_empty() {
            self.named.insert(name.to_owned(), board);
        }
        if full { Err(Unavailable(format!("the board {name} is full"))) } else { Ok(()) }
    }

    pub(super) fn noted(&self, name: &str, fields: &[Uuid], now: i64) -> Vec<Option<Bytes>> {
        let board = self.named.get(name);
        let said = |field: &Uuid| {
            let said = board?.get(field).filter(|said| said.stands(now))?;
            Some(said.value.clone())
        };
        fields.iter().map(said).collect()
    }

    pub(super) fn all(&self, name: &str, now: i64) -> Vec<(Uuid, Bytes)> {
        let said = self.named.get(name).into_iter().flatten();
        let said = said.filter(|(_, said)| said.stands(now));
        said.map(|(field, said)| (*field, said.value.clone())).collect()
    }

    fn sweep(&mut self, now: i64) {
        self.written = 0;
        #[cfg(test)]
        {
            self.sweeps += 1;
        }
        self.named.retain(|_, board| {
            board.retain(|_, said| said.stands(now));
            !board.is_empty()
        });
        self.notes = self.named.values().map(HashMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn brief(field: u128) -> Note {
        Note::brief(Uuid::from_u128(field), Bytes::new(), Duration::from_millis(10))
    }

    #[test]
    fn what_is_over_is_swept_and_does_not_fill_the_boards() {
        let mut boards = Boards::default();
        for round in 0..20_u32 {
            let notes: Vec<Note> = (0..4_000).map(brief).collect();
            boards.note(&format!("b{round}"), &notes, i64::from(round) * 100).unwrap();
        }
        assert!(boards.notes <= SWEEP + 4_000, "{}", boards.notes);
        assert_eq!(boards.notes, boards.named.values().map(HashMap::len).sum::<usize>());
    }

    #[test]
    fn a_full_board_takes_what_it_has_already() {
        let mut boards = Boards::default();
        let forever = |n| Note::new(Uuid::from_u128(n), Bytes::new());
        let notes: Vec<Note> = (0..).map(forever).take(BOARD_NOTES).collect();
        boards.note("b", &notes, 0).unwrap();
        boards.note("b", &[forever(7)], 0).unwrap();
        let more = forever(u128::MAX);
        assert!(boards.note("b", std::slice::from_ref(&more), 0).is_err());
        boards.note("other", std::slice::from_ref(&more), 0).unwrap();
        boards.note("b", &[Note::wipe(Uuid::from_u128(7)), more], 0).unwrap();
    }

    #[test]
    fn full_boards_are_not_swept_at_each_call() {
        let mut boards = Boards::default();
        for board in 0..5 {
            let forever = |n: usize| Note::new(Uuid::from_u128(n as u128), Bytes::new());
            let notes: Vec<Note> = (0..BOARD_NOTES).map(forever).collect();
            boards.note(&format!("b{board}"), &notes, 0).unwrap();
        }
        assert_eq!(boards.notes, NOTES);
        let before = boards.sweeps;
        for n in 0..SWEEP * 3 {
            assert!(boards.note("more", &[brief(n as u128)], 0).is_err());
        }
        assert!(boards.sweeps - before <= 3, "{} sweeps", boards.sweeps - before);
    }
}
