//! A reader that does not read hurts only himself (G-17).

use std::time::Duration;

use bytes::Bytes;
use delivery::Timing;
use schemas::Rev;

use crate::harness::{Client, Heard, Server, server_in, sized, wait_for};

/// More than what the kernel takes on both sides of a loopback connection, in frames of 32 KiB.
const FRAMES: Rev = 400;

/// Fills the queue of user 1, who does not read; user 2, who does, gets every frame.
async fn stall(server: &Server, good: &mut Client) {
    for rev in 1..=FRAMES {
        let text = "x".repeat(32_768);
        let frame = Bytes::from(format!(r#"{{"type":"big","rev":{rev},"data":"{text}"}}"#));
        server.deliver(vec![sized(5, rev, &[1, 2], frame)]);
        assert_eq!(good.frame().await["rev"], rev);
    }
}

#[tokio::test]
async fn one_who_reads_again_in_time_is_told_to_resync_and_goes_on() {
    let server = server_in(Timing::default()).await;
    let (mut stalled, mut good) = (server.enter_narrow(1, 11).await, server.enter(2, 21).await);
    stall(&server, &mut good).await;
    let mut last = 0;
    loop {
        let frame = stalled.frame().await;
        if frame["type"] == "resync" {
            break;
        }
        assert_eq!(frame["rev"], last + 1, "in order, without a hole, until the resync");
        last += 1;
    }
    assert!(last < FRAMES);
    let frame = crate::harness::frame(FRAMES + 1);
    server.deliver(vec![sized(5, FRAMES + 1, &[1, 2], frame)]);
    assert_eq!(stalled.revs().await, [FRAMES + 1]);
    assert_eq!(good.revs().await, [FRAMES + 1]);
}

#[tokio::test]
async fn one_who_does_not_is_closed_with_a_code_to_come_back() {
    let timing = Timing {
        drain: Duration::from_millis(400),
        linger: Duration::from_mins(1),
        ..Timing::default()
    };
    let server = server_in(timing).await;
    let (mut stalled, mut good) = (server.enter_narrow(1, 11).await, server.enter(2, 21).await);
    stall(&server, &mut good).await;
    wait_for("the stalled socket is out", || server.sockets() == 1).await;
    assert!(good.revs().await.is_empty());
    let close = loop {
        match stalled.hear().await {
            Heard::Frame(_) => {}
            Heard::Close(code) => break code,
            Heard::Gone => panic!("no close code"),
        }
    };
    assert_eq!(close, 4508);
}
