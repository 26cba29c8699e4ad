//! What one write and one read cost this process: `cargo test --release … -- cost`. Not part of a
//! plain run.

use std::time::Instant;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt as _};
use platform::Store as _;
use platform::port::store::Error;
use schemas::Stamp;
use schemas::table::{Batch, Scan, Value, Write};

use crate::world::{Guard, Line, World, id};

/// CPU time of this process, microseconds; a tick is 10 ms.
fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("ticks");
    (ticks(11) + ticks(12)) * 10_000
}

async fn measure<F>(name: &str, count: usize, at_once: usize, act: impl Fn(usize) -> F)
where
    F: Future<Output = Result<(), Error>>,
{
    let (began, cpu) = (Instant::now(), cpu_us());
    let mut times: Vec<u128> = stream::iter(0..count)
        .map(|at| {
            let act = act(at);
            async move {
                let began = Instant::now();
                act.await.expect("done");
                began.elapsed().as_micros()
            }
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    let (took, cpu) = (began.elapsed(), cpu_us() - cpu);
    times.sort_unstable();
    let each = cpu / count as u64;
    let rate = count as f64 / took.as_secs_f64();
    let (p50, p99) = (times[count / 2], times[count * 99 / 100]);
    eprintln!("{name:44} x{at_once:<4} {each:4} us CPU  {rate:8.0}/s  p50 {p50} p99 {p99} us");
}

pub(crate) fn a_write_and_a_read(world: &World) -> LocalBoxFuture<'_, ()> {
    Box::pin(async move {
        let store = &world.store().await;
        let owner = id();
        let text = "x".repeat(400);
        let line = |seq: usize| Line {
            bucket: i64::try_from(seq / 1_024).expect("small"),
            ..Line::new(owner, i64::try_from(seq).expect("small"), &text)
        };
        let insert = |seq| Write::insert(&line(seq), Stamp(1));
        let write = async |writes| store.write(Batch { fence: None, writes }).await;
        let text = format!(
            "INSERT INTO \"{}\".test_lines (owner, bucket, seq, body, stamp) \
             VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?",
            world.keyspace
        );
        let plain = &world.session.prepare(text).await.expect("prepared");
        for (count, at_once) in [(2_000, 1), (60_000, 128)] {
            measure("the same row by the driver alone", count, at_once, |at| async move {
                let line = line(at);
                let values = (line.owner, line.bucket, line.seq, &line.body[..], 1_i64, 1_i64);
                world.session.execute_unpaged(plain, values).await.expect("written");
                Ok(())
            })
            .await;
            measure("one row of 400 bytes", count, at_once, |at| write(vec![insert(at)])).await;
            measure("a read of one row", count, at_once, |at| async move {
                store.get(&[line(at % 60_000).get()]).await.map(drop)
            })
            .await;
            let head = |at: usize| async move {
                let owner = uuid::Uuid::from_u128(at as u128 % 64);
                let stamp = Stamp(i64::try_from(at).expect("small") + 1);
                let guard = Guard { owner, body: Bytes::from_static(&[7; 300]) };
                let writes = vec![
                    Write::insert(&Line { owner, ..line(at) }, stamp),
                    Write::replace(&guard, stamp),
                ];
                store
                    .write(Batch { fence: Some((Guard::key(owner), Stamp(i64::MAX))), writes })
                    .await
            };
            measure("a row, then its fence", count / 2, at_once, head).await;
            measure("eight rows of one partition", count / 8, at_once, |at| {
                write((0..8).map(|row| insert(at * 8 + row)).collect())
            })
            .await;
            measure("a page of 50 rows", count / 8, at_once, |at| async move {
                let bucket = i64::try_from(at % 50).expect("small");
                let page = Scan::<Line>::of(vec![Value::Uuid(owner), Value::Int(bucket)], 50);
                store.scan(&page.raw()).await.map(drop)
            })
            .await;
        }
    })
}
