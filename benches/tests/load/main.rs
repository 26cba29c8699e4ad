//! The load against a system whose defect is known: it stands still for a second.
//!
//! A generator that waits would send nothing in that second and find one slow message; this one keeps its
//! times, and finds that a third of all messages were slow (coordinated omission).

#![expect(clippy::unwrap_used, reason = "a test binary")]

mod stub;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bench::load::open_loop::Load;
use bench::load::schedule::{Arrivals, Plan};
use bench::load::{Gauges, Room, Run, World};
use bench::scenarios::saturate::{Over, drive};
use bench::target::User;
use uuid::Uuid;

use crate::stub::Stub;

const RATE: f64 = 200.0;
const LENGTH: Duration = Duration::from_secs(3);

fn world() -> World {
    let user = |id| User { id: Uuid::from_u128(id), token: Arc::from(format!("{id}")) };
    let room = Room { id: Uuid::from_u128(9), members: vec![0, 1] };
    World { users: vec![user(1), user(2)], rooms: vec![room] }
}

async fn driven(stall: Option<Duration>, arrivals: Arrivals) -> Arc<Run> {
    let stub = Stub::start(stall).await;
    let run = Run::new(world(), "t", Arc::new(Gauges::default()));
    let mut load = Load::of(&run);
    load.sender(&stub.authority, 0, &[0], true).await.unwrap();
    load.receivers(|_| stub.authority.clone(), &[(1, true)]).await.unwrap();
    let warm = Duration::from_millis(200);
    let plan = Plan { rate: RATE, warm, length: LENGTH, arrivals, seed: 3 };
    let driven = load.drive(&plan, None, async || Ok(())).await.unwrap();
    assert_eq!(run.gauges.acks.count(), driven.messages);
    assert_eq!(run.gauges.received.count(), driven.messages);
    driven.end(&run);
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_of_standstill_is_in_the_percentiles_of_all_that_were_due_in_it() {
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
        let run = driven(Some(Duration::from_secs(1)), arrivals).await;
        let (acks, received) = (&run.gauges.acks, &run.gauges.received);
        for latencies in [acks, received] {
            let (p50, p90, p99) = (latencies.ms(0.5), latencies.ms(0.9), latencies.ms(0.99));
            // A third was due while it stood still, evenly between 0 and 1,000 ms before its end.
            assert!(p99 > 850.0, "{arrivals:?}: p99 {p99} ms");
            assert!((400.0..950.0).contains(&p90), "{arrivals:?}: p90 {p90} ms");
            assert!(p50 < 200.0, "{arrivals:?}: p50 {p50} ms");
        }
        // What was slow is the system: the generator was in time.
        assert!(run.gauges.lag.ms(0.9) < 50.0, "late by {} ms", run.gauges.lag.ms(0.9));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_does_not_stand_still_is_fast() {
    let run = driven(None, Arrivals::Uniform).await;
    let p90 = run.gauges.received.ms(0.9);
    assert!(p90 < 200.0, "p90 {p90} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_cut_is_counted_and_the_others_go_on() {
    const CUT: i64 = 20;
    let stub = Stub::that_cuts(CUT).await;
    let run = Run::new(world(), "t", Arc::new(Gauges::default()));
    let at = |_| stub.authority.clone();
    let driven = drive(&run, Over::Sockets, 1, at, async || Ok(())).await.unwrap();
    // Long before anything was measured one of the two was cut; the other one was measured.
    assert!(driven.messages > 0, "{} messages", driven.messages);
    assert_eq!(run.gauges.cut.load(Ordering::SeqCst), 1);
    assert_eq!(run.book.unknown(), 1);
    // What he did not get any more is told, and not made up for by anything.
    assert!(run.undelivered() >= driven.messages, "{}", run.undelivered());
    assert_eq!(run.gauges.doubled.load(Ordering::SeqCst), 0);
    driven.clients.iter().for_each(tokio::task::JoinHandle::abort);
}
