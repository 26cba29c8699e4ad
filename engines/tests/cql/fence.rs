//! Two owners of one row.

use bytes::Bytes;
use engines::cql::CqlStore;
use platform::Store as _;
use platform::port::store::{Error, get_one};
use schemas::Stamp;
use schemas::table::{Batch, Write};
use uuid::Uuid;

use crate::world::{Guard, Line, World, id};

fn batch(owner: Uuid, stamp: i64, seq: i64, body: &str) -> Batch {
    let guard = Guard { owner, body: Bytes::from(body.to_owned()) };
    let writes = vec![
        Write::replace(&guard, Stamp(stamp)),
        Write::replace(&Line::new(owner, seq, body), Stamp(stamp)),
        // Another partition.
        Write::replace(&Line { bucket: 1, ..Line::new(owner, seq, body) }, Stamp(stamp)),
    ];
    Batch { fence: Some((Guard::key(owner), Stamp(stamp))), writes }
}

async fn body(store: &CqlStore, owner: Uuid, seq: i64) -> Option<Bytes> {
    let row = get_one::<Line>(store, Line::new(owner, seq, "").get()).await.expect("read");
    row.map(|row| row.body)
}

pub(crate) async fn a_late_owner_is_told_after_the_time_of_trust(world: &World) {
    let (old, new) = (world.store().await, world.store().await);
    let owner = id();
    old.write(batch(owner, 10, 1, "old")).await.expect("the owner");
    new.write(batch(owner, 20, 2, "new")).await.expect("the next owner");
    world.clock.advance_ms(1_000);
    assert_eq!(old.write(batch(owner, 15, 3, "late")).await, Err(Error::Fenced));
    assert_eq!(body(&new, owner, 3).await, None);
    // Told once, he needs no reading; and the new owner goes on.
    assert_eq!(old.write(batch(owner, 16, 3, "late")).await, Err(Error::Fenced));
    new.write(batch(owner, 21, 3, "new")).await.expect("still the owner");
    assert_eq!(body(&new, owner, 3).await, Some(Bytes::from("new")));
}

pub(crate) async fn a_late_owner_harms_nothing_before_he_is_told(world: &World) {
    let (old, new) = (world.store().await, world.store().await);
    let owner = id();
    old.write(batch(owner, 10, 1, "old")).await.expect("the owner");
    new.write(batch(owner, 20, 1, "new")).await.expect("the next owner");
    // Within the time of trust this may pass; it changes nothing.
    assert_eq!(old.write(batch(owner, 15, 1, "late")).await, Ok(()));
    assert_eq!(body(&new, owner, 1).await, Some(Bytes::from("new")));
    let guard = get_one::<Guard>(&new, Guard::key(owner)).await.expect("read").expect("there");
    assert_eq!(guard.body, "new");
    // Whoever reads the row knows at once.
    get_one::<Guard>(&old, Guard::key(owner)).await.expect("read");
    assert_eq!(old.write(batch(owner, 16, 1, "late")).await, Err(Error::Fenced));
}

pub(crate) async fn the_fence_row_is_written_last(world: &World) {
    let (writer, reader) = (world.store().await, world.store().await);
    let owner = id();
    let lines = 100;
    let write = async {
        for stamp in 1..=20 {
            let mut writes: Vec<Write> = (0..lines)
                .map(|bucket| {
                    let line = Line { bucket, ..Line::new(owner, 1, "") };
                    Write::replace(&line, Stamp(stamp))
                })
                .collect();
            let guard = Guard { owner, body: Bytes::from(stamp.to_string()) };
            writes.insert(0, Write::replace(&guard, Stamp(stamp)));
            let fence = Some((Guard::key(owner), Stamp(stamp)));
            writer.write(Batch { fence, writes }).await.expect("written");
        }
    };
    let read = async {
        let mut seen = Stamp(0);
        while seen < Stamp(20) {
            let guard = reader.get(&[Guard::key(owner)]).await.expect("read").pop().flatten();
            seen = guard.map_or(Stamp(0), |row| row.stamp);
            let gets: Vec<_> =
                (0..lines).map(|bucket| Line { bucket, ..Line::new(owner, 1, "") }.get()).collect();
            let rows = reader.get(&gets).await.expect("read");
            for row in rows {
                assert!(row.map_or(Stamp(0), |row| row.stamp) >= seen);
            }
        }
    };
    tokio::join!(write, read);
}
