//! Conditional writes from two processes' sessions.

use futures_util::future::join_all;
use platform::Store as _;
use platform::port::store::Claim;
use schemas::Stamp;
use schemas::table::{Get, Op, Stored, Table as _, Value, Write};
use uuid::Uuid;

use crate::world::{Seat, World, id};

fn seat(room: Uuid, number: i64, taken_by: Option<Uuid>) -> Seat {
    Seat { room, number, taken_by }
}

fn insert(row: &Seat) -> Write {
    Write::insert(row, Stamp(0))
}

fn replace(row: &Seat) -> Write {
    Write::replace(row, Stamp(0))
}

fn stored(row: &Seat) -> Stored {
    Stored { cells: row.to_cells(), stamp: Stamp(0) }
}

fn get(room: Uuid, number: i64) -> Get {
    Get::of::<Seat>(vec![Value::Uuid(room), Value::Int(number)])
}

pub(crate) async fn of_two_processes_one_wins_each_row(world: &World) {
    let stores = [world.store().await, world.store().await];
    let room = id();
    for number in 0..10 {
        // Two sessions, three tries each, all at once: nothing in this process keeps them apart.
        let tries = (0..6).map(|at| {
            let row = seat(room, number, Some(Uuid::from_u128(at)));
            let store = &stores[usize::try_from(at % 2).expect("small")];
            async move { (row.clone(), store.claim(insert(&row)).await.expect("decided")) }
        });
        let outcomes = join_all(tries).await;
        let won: Vec<&Seat> =
            outcomes.iter().filter(|(_, o)| *o == Claim::Won).map(|(row, _)| row).collect();
        let [winner] = won.as_slice() else { panic!("{} winners", won.len()) };
        for (row, outcome) in &outcomes {
            let expected = Claim::Lost(Some(stored(winner)));
            assert!(row == *winner || *outcome == expected, "{outcome:?}");
        }
        // Whoever won is seen through the other session at once.
        for store in &stores {
            let found = store.get(&[get(room, number)]).await.expect("read");
            assert_eq!(found, [Some(stored(winner))]);
        }
        let swaps = (10..16).map(|at| {
            let row = seat(room, number, Some(Uuid::from_u128(at)));
            let store = &stores[usize::try_from(at % 2).expect("small")];
            async move { store.replace(&stored(winner), replace(&row)).await.expect("decided") }
        });
        let outcomes = join_all(swaps).await;
        assert_eq!(outcomes.iter().filter(|o| **o == Claim::Won).count(), 1);
    }
}

pub(crate) async fn a_row_of_nulls_is_not_an_absent_row(world: &World) {
    let store = world.store().await;
    let room = id();
    let (empty, taken) = (seat(room, 1, None), seat(room, 1, Some(room)));
    assert_eq!(store.replace(&stored(&empty), replace(&taken)).await, Ok(Claim::Lost(None)));
    assert_eq!(store.get(&[get(room, 1)]).await, Ok(vec![None]));
    assert_eq!(store.claim(insert(&empty)).await, Ok(Claim::Won));
    let lost = store.claim(insert(&taken)).await;
    assert_eq!(lost, Ok(Claim::Lost(Some(stored(&empty)))));
    assert_eq!(store.replace(&stored(&empty), replace(&taken)).await, Ok(Claim::Won));
    let lost = store.replace(&stored(&empty), replace(&empty)).await;
    assert_eq!(lost, Ok(Claim::Lost(Some(stored(&taken)))));
    assert_eq!(store.replace(&stored(&taken), replace(&empty)).await, Ok(Claim::Won));
    assert_eq!(store.get(&[get(room, 1)]).await, Ok(vec![Some(stored(&empty))]));
}

pub(crate) async fn a_row_is_removed_only_as_it_was_expected(world: &World) {
    let store = world.store().await;
    let room = id();
    let (mine, other) = (seat(room, 1, Some(room)), seat(room, 1, Some(id())));
    let remove = |row: &Seat| Write { op: Op::Delete, ..replace(row) };
    assert_eq!(store.claim(insert(&mine)).await, Ok(Claim::Won));
    let lost = store.replace(&stored(&other), remove(&other)).await;
    assert_eq!(lost, Ok(Claim::Lost(Some(stored(&mine)))));
    assert_eq!(store.replace(&stored(&mine), remove(&mine)).await, Ok(Claim::Won));
    assert_eq!(store.get(&[get(room, 1)]).await, Ok(vec![None]));
    assert_eq!(store.replace(&stored(&mine), remove(&mine)).await, Ok(Claim::Lost(None)));
    assert_eq!(store.claim(insert(&other)).await, Ok(Claim::Won));
}
