//! The store under power cuts: what is left is a prefix of the writes, and direct rows stay.
//!
//! Every folded write carries its number: round `n` first writes rows with `n`, then an event, then a
//! cursor with `n`, as a pool does. After a cut some round was the last to leave its cursor; every row
//! of every round before it must be there, and no write behind the first missing one.

use std::path::Path;

use bytes::Bytes;
use schemas::Stamp;
use schemas::table::{Batch, Get, Scan, Value, Write};
use uuid::Uuid;

use super::cut;
use crate::embedded::{LsmConfig, LsmStore};
use crate::memory::Seeded;
use crate::port::store::{Claim, Store, get_one, scan};
use crate::testing::conformance::store::{Head, Item, Name};

/// Cuts of one run.
const CUTS: u32 = 2;

const OWNER: Uuid = Uuid::from_u128(0xc07);

fn item(round: i64, nth: i64, size: usize) -> Item {
    let mut body = format!("{round}/{nth}/").into_bytes();
    body.resize(body.len() + size, b'x');
    Item {
        owner: OWNER,
        bucket: round / 50,
        seq: round,
        tag: nth.to_string(),
        body: body.into(),
        note: None,
        count: Some(nth),
        flag: None,
        who: None,
    }
}

/// The cursor: the number of the last round whose effects are written.
fn cursor(round: i64) -> Head {
    Head { owner: OWNER, body: Bytes::from(round.to_be_bytes().to_vec()) }
}

fn name(n: u64) -> Name {
    Name { name: format!("name-{n}"), owner: Uuid::from_u128(n.into()), state: None }
}

fn open(dir: &Path, dice: &mut Seeded) -> LsmStore {
    // Small memtables, so that cuts meet flushed tables and old journals too.
    let memtable_bytes = if dice.one_in(2) { 16 << 10 } else { 1 << 20 };
    let config = LsmConfig { cache_bytes: 1 << 20, memtable_bytes, threads: 1 };
    LsmStore::open(dir, config).expect("a cut store opens")
}

/// Rows written by a round, and their sizes, are made from the round alone.
fn rows_of(seed: u64, round: i64) -> Vec<Item> {
    let mut dice = Seeded::new(seed ^ round.cast_unsigned());
    let count = 1 + i64::try_from(dice.below(4)).expect("small");
    // Small and large: an engine may keep large values apart from the others.
    let mut size = || if dice.one_in(4) { 400 + dice.size(2_000) } else { dice.size(400) };
    (0..count).map(|nth| item(round, nth, size())).collect()
}

async fn check(store: &LsmStore, seed: u64, claimed: &[Name], synced: i64) -> i64 {
    let head = Get::of::<Head>(vec![Value::Uuid(OWNER)]);
    let head = get_one::<Head>(store, head).await.expect("read");
    let last = head.map_or(0, |head| {
        i64::from_be_bytes(*head.body.first_chunk().expect("a cursor of 8 bytes"))
    });
    assert!(last >= synced, "the cursor was synced at {synced} and is at {last}");
    let mut whole = true;
    for bucket in 0..=(last + 2) / 50 {
        let key = vec![Value::Uuid(OWNER), Value::Int(bucket)];
        let found = scan(store, Scan::<Item>::of(key, 10_000)).await.expect("scanned");
        for round in (bucket * 50).max(1)..(bucket + 1) * 50 {
            let expected = rows_of(seed, round);
            let mut there: Vec<Item> =
                found.iter().filter(|row| row.seq == round).cloned().collect();
            there.sort_by_key(|row| row.count);
            if round <= last {
                assert_eq!(there, expected, "the cursor is at {last}, round {round} is not whole");
            } else {
                // Behind the cursor: a prefix of one round, and nothing of a later one.
                assert!(whole || there.is_empty(), "round {round} is behind a gap");
                assert_eq!(there, expected[..there.len()], "round {round}");
                whole = there.len() == expected.len() && round == last;
            }
        }
    }
    for row in claimed {
        let get = Get::of::<Name>(vec![Value::Text(row.name.clone())]);
        let stands = get_one::<Name>(store, get).await.expect("read");
        assert_eq!(stands.as_ref(), Some(row), "an acknowledged claim is gone");
    }
    last
}

/// Runs one seed in `dir`; panics where a promise is broken. Answers how many rounds survived.
pub async fn store_survives(seed: u64, dir: &Path) -> i64 {
    let mut dice = Seeded::new(seed);
    let mut at = dir.join("life-0");
    let mut claimed = Vec::new();
    let mut claims = 0;
    let mut synced = 0;
    for life in 1..=CUTS {
        let store = open(&at, &mut dice);
        let last = check(&store, seed, &claimed, synced).await;
        for round in last + 1..=last + i64::try_from(dice.below(80)).expect("small") {
            // Row by row, so that a cut may part them.
            for row in rows_of(seed, round) {
                let stamp = Stamp(round);
                let writes = vec![Write::insert(&row, stamp)];
                store.write(Batch { fence: None, writes }).await.expect("written");
            }
            let writes = vec![Write::replace(&cursor(round), Stamp(round))];
            store.write(Batch { fence: None, writes }).await.expect("written");
            if dice.one_in(20) {
                store.checkpoint().expect("synced");
                synced = round;
            }
            if dice.one_in(10) {
                store.flush_buffer().expect("flushed");
            }
            if dice.one_in(15) {
                claims += 1;
                let row = name(claims);
                let outcome = store.claim(Write::insert(&row, Stamp(0))).await;
                assert_eq!(outcome, Ok(Claim::Won));
                claimed.push(row);
            }
        }
        let lengths = store.synced_lengths().expect("lengths");
        let next = dir.join(format!("life-{life}"));
        cut(&at, &next, &lengths, &mut dice).expect("copied");
        drop(store);
        std::fs::remove_dir_all(&at).expect("removed");
        at = next;
    }
    let store = open(&at, &mut dice);
    check(&store, seed, &claimed, synced).await
}
