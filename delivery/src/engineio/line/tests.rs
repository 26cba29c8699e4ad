use std::pin::pin;

use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::time::{Instant, advance};

use super::super::packet::payload;
use super::super::probe::Probe;
use super::*;

const BOUND: usize = 64;

fn packets(body: &str) -> Vec<In> {
    payload(body.as_bytes()).unwrap()
}

fn text(packet: &str) -> Packet {
    Packet::Text(packet.to_owned().into())
}

fn body(answer: Option<Answer>) -> Option<String> {
    match answer? {
        Answer::Body(body) => Some(String::from_utf8(body.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn refusal(answer: Option<Answer>) -> Refusal {
    match answer {
        Some(Answer::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn post(line: &Arc<Line>, body: &str) -> Result<(), Refusal> {
    line.post()?.take(packets(body), Instant::now() + Duration::from_secs(10)).await
}

fn say(line: &Line, packet: &str) {
    line.feed(&text(packet)).expect("there is room").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_answered_at_once_or_when_the_task_is_through() {
    let line = Line::new(BOUND);
    say(&line, "4a");
    assert!(line.poll().now_or_never().is_none(), "the task has more to say");
    let line = Line::new(BOUND);
    say(&line, "4a");
    say(&line, "4b");
    line.flush().unwrap();
    assert!(!line.fetched());
    assert_eq!(body(line.poll().now_or_never()).as_deref(), Some("4a\u{1e}4b"));
    assert!(line.fetched());
    let mut poll = pin!(line.poll());
    assert!(poll.as_mut().now_or_never().is_none());
    say(&line, "4c");
    assert!(poll.as_mut().now_or_never().is_none());
    say(&line, "4d");
    line.flush().unwrap();
    assert_eq!(body(poll.now_or_never()).as_deref(), Some("4c\u{1e}4d"));
}

#[tokio::test(start_paused = true)]
async fn a_second_poll_ends_the_connection() {
    let line = Line::new(BOUND);
    let mut first = pin!(line.poll());
    assert!(first.as_mut().now_or_never().is_none());
    assert_eq!(refusal(line.poll().now_or_never()), Refusal::BadRequest);
    assert_eq!(body(first.now_or_never()).as_deref(), Some("1"));
    assert!(matches!(line.came(), Some(Came::Over(Why::Broken))));
    assert_eq!(refusal(line.poll().now_or_never()), Refusal::UnknownSid);
    assert_eq!(post(&line, "3").await, Err(Refusal::UnknownSid));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_is_told_of_the_end() {
    let broken: fn(&Arc<Line>) = |line| line.post().unwrap().refuse(Why::Broken);
    let dropped: fn(&Arc<Line>) = |line| line.end(Why::Closed);
    for end in [broken, dropped] {
        let line = Line::new(BOUND);
        let mut poll = pin!(line.poll());
        assert!(poll.as_mut().now_or_never().is_none());
        end(&line);
        assert_eq!(body(poll.now_or_never()).as_deref(), Some("1"));
        assert!(matches!(line.came(), Some(Came::Over(_))));
        assert_eq!(refusal(line.poll().now_or_never()), Refusal::UnknownSid);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_post_ends_the_connection() {
    let line = Line::new(BOUND);
    let first = line.post().unwrap();
    assert_eq!(line.post().map(drop), Err(Refusal::BadRequest));
    assert_eq!(first.take(packets("4a"), Instant::now()).await, Err(Refusal::UnknownSid));
    assert!(matches!(line.came(), Some(Came::Over(Why::Broken))));
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_with_a_request_is_gone() {
    let line = Line::new(BOUND);
    {
        let mut poll = pin!(line.poll());
        assert!(poll.as_mut().now_or_never().is_none());
    }
    assert!(matches!(line.came(), Some(Came::Over(Why::Closed))));
    let line = Line::new(BOUND);
    drop(line.post().unwrap());
    assert!(matches!(line.came(), Some(Came::Over(Why::Closed))));
}

#[tokio::test(start_paused = true)]
async fn a_poll_of_someone_who_went_away_is_no_second_one() {
    let line = Line::new(BOUND);
    say(&line, "4a");
    // Its answer is on the way when it goes: what it was to get is gone with the connection.
    {
        let mut poll = pin!(line.poll());
        assert!(poll.as_mut().now_or_never().is_none());
        line.flush().unwrap();
    }
    assert!(matches!(line.came(), Some(Came::Over(Why::Closed))));
}

#[tokio::test(start_paused = true)]
async fn posts_wait_for_room_and_are_taken_while_the_task_waits_for_a_poll() {
    let line = Line::new(BOUND);
    let long = format!("4{}", "a".repeat(OUTBOX_BYTES));
    say(&line, &long);
    assert!(line.feed(&text("4b")).is_none(), "the task waits for a poll");
    post(&line, &format!("4{}", "c".repeat(BOUND))).await.unwrap();
    let mut second = pin!(post(&line, "4d"));
    assert!(second.as_mut().now_or_never().is_none(), "one body may wait, not two");
    assert!(matches!(line.came(), Some(Came::Packet(In::Message(_)))));
    second.await.unwrap();
    assert_eq!(body(line.poll().now_or_never()), Some(long));
    say(&line, "4b");
}

#[tokio::test(start_paused = true)]
async fn a_post_that_finds_no_room_in_time_ends_the_connection() {
    let line = Line::new(BOUND);
    post(&line, &format!("4{}", "c".repeat(BOUND))).await.unwrap();
    let began = Instant::now();
    assert_eq!(post(&line, "4d").await, Err(Refusal::BadRequest));
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    assert!(matches!(line.came(), Some(Came::Packet(_))), "what came before is still read");
    assert!(matches!(line.came(), Some(Came::Over(Why::Closed))));
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_read_behind_what_came_with_it_and_answers_the_poll() {
    let line = Line::new(BOUND);
    let poll = async { body(Some(line.poll().await)) };
    let late = async {
        tokio::task::yield_now().await;
        poll.await
    };
    let (said, answered) = tokio::join!(post(&line, "4a\u{1e}1"), late);
    assert_eq!((said, answered.as_deref()), (Ok(()), Some("6")));
    assert!(matches!(line.came(), Some(Came::Packet(In::Message(_)))));
    assert!(matches!(line.came(), Some(Came::Packet(In::Close))));
    let line = Line::new(BOUND);
    let began = Instant::now();
    post(&line, "1").await.unwrap();
    assert_eq!(began.elapsed(), GOODBYE, "nor does it wait for ever for a poll");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_goodbye_is_read_though_nothing_can_be_written() {
    let line = Line::new(BOUND);
    post(&line, "4a\u{1e}4b\u{1e}1").await.unwrap();
    for _ in 0..2 {
        assert!(matches!(line.came(), Some(Came::Packet(In::Message(_)))));
        say(&line, "4answer");
        line.flush().unwrap();
        assert!(!line.fetched(), "it is not on its way");
        assert_eq!(line.waits(), None, "nor is a poll waited for");
    }
    assert!(matches!(line.came(), Some(Came::Packet(In::Close))));
    let line = Line::new(BOUND);
    post(&line, "4a").await.unwrap();
    {
        let mut poll = pin!(line.poll());
        assert!(poll.as_mut().now_or_never().is_none());
    }
    say(&line, "4answer");
    assert!(matches!(line.came(), Some(Came::Packet(In::Message(_)))));
    say(&line, "4the answer to that");
    assert!(matches!(line.came(), Some(Came::Over(Why::Closed))));
    assert_eq!(line.feed(&text("4b")), Some(Err(Why::Closed)), "the task knows now");
    assert_eq!(line.flush(), Err(Why::Closed));
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_let_go_at_the_change_end_nothing() {
    let line = Line::new(BOUND);
    let (posting, late) = (line.post().unwrap(), line.clone());
    let mut poll = pin!(async move { late.poll().await }.boxed());
    assert!(poll.as_mut().now_or_never().is_none());
    line.state.lock().phase = Phase::Upgraded;
    drop(posting);
    line.post().map(drop).unwrap_err();
    poll.set(std::future::pending().boxed());
    assert!(line.came().is_none() && !line.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_of_ours_waits_for_a_poll_of_its_own() {
    let line = Line::new(BOUND);
    say(&line, "4a");
    let goodbye = line.goodbye(Duration::from_secs(1));
    let polls = async {
        advance(Duration::from_millis(500)).await;
        (body(Some(line.poll().await)), body(Some(line.poll().await)))
    };
    let ((), (first, second)) = tokio::join!(goodbye, polls);
    assert_eq!((first.as_deref(), second.as_deref()), (Some("4a"), Some("1")));
    assert_eq!(refusal(line.poll().now_or_never()), Refusal::UnknownSid);
    let line = Line::new(BOUND);
    let began = Instant::now();
    line.goodbye(Duration::from_secs(1)).await;
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    assert!(line.feed(&text("4a")).unwrap().is_err());
    let line = Line::new(BOUND);
    say(&line, "4a");
    let began = Instant::now();
    line.goodbye(Duration::from_secs(1)).await;
    assert_eq!(began.elapsed(), Duration::from_secs(1), "nor does it wait for ever for the first");
}

#[tokio::test(start_paused = true)]
async fn one_websocket_at_a_time_may_try_to_take_over() {
    let line = Line::new(BOUND);
    assert!(line.probe());
    assert!(!line.probe());
    line.nudge();
    assert!(line.fetched(), "there is no poll to let go");
    let mut poll = pin!(line.poll());
    assert!(poll.as_mut().now_or_never().is_none());
    line.nudge();
    assert_eq!(body(poll.now_or_never()).as_deref(), Some("6"));
    line.unprobe();
    let first = Probe::new(line.clone()).expect("there is none");
    assert!(Probe::new(line.clone()).is_none());
    assert!(Probe::new(line.clone()).is_none(), "one that is refused does not end the first");
    drop(first);
    assert!(line.probe());
}

/// What may happen to a line.
#[derive(Clone, Debug)]
enum Step {
    Poll,
    GiveUp,
    Post(&'static str),
    Feed,
    Flush,
    Read,
    Probe,
    Nudge,
    Unprobe,
    Pass,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let posts = proptest::sample::select(
        &[
            "3",
            "4a",
            "1",
            "4a\u{1e}bAQID",
            "2",
            "5",
            "4a\u{1e}1\u{1e}4b",
            "4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ][..],
    );
    let step = prop_oneof![
        4 => Just(Step::Poll),
        1 => Just(Step::GiveUp),
        4 => posts.prop_map(Step::Post),
        6 => Just(Step::Feed),
        4 => Just(Step::Flush),
        4 => Just(Step::Read),
        1 => Just(Step::Probe),
        1 => Just(Step::Nudge),
        1 => Just(Step::Unprobe),
        2 => Just(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever comes in whatever order: every packet that was handed over is fetched once and in order
    /// or still waits, every request is answered, nothing grows without a bound.
    #[test]
    fn any_order_of_requests_is_answered(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(steps));
    }
}

async fn run(steps: Vec<Step>) {
    let line = Line::new(BOUND);
    let mut polls = Vec::new();
    let mut posts = Vec::new();
    let (mut said, mut came) = (0_u32, String::new());
    for step in steps {
        match step {
            Step::Poll => {
                let line = line.clone();
                polls.push(async move { line.poll().await }.boxed());
            }
            Step::GiveUp => drop(polls.pop()),
            Step::Post(body) => {
                let line = line.clone();
                posts.push(async move { post(&line, body).await }.boxed());
            }
            Step::Feed => {
                if let Some(Ok(())) = line.feed(&text(&format!("4<{said}>"))) {
                    said += 1;
                }
            }
            Step::Flush => drop(line.flush()),
            Step::Read => drop(line.came()),
            Step::Probe => {
                let _may = line.probe();
            }
            Step::Nudge => line.nudge(),
            Step::Unprobe => line.unprobe(),
            Step::Pass => advance(Duration::from_millis(60)).await,
        }
        polls.retain_mut(|poll| match poll.now_or_never() {
            Some(Answer::Body(body)) => {
                came.push_str(std::str::from_utf8(&body).unwrap());
                false
            }
            Some(_) => false,
            None => true,
        });
        posts.retain_mut(|post| post.now_or_never().is_none());
        let state = line.state.lock();
        assert!(state.inbox_bytes <= BOUND + 128, "{}", state.inbox_bytes);
        assert!(state.outbox.len() <= OUTBOX_BYTES + 128);
        assert!(polls.len() <= 1, "a poll more than may wait");
    }
    let waits = line.state.lock().outbox.take();
    came.push_str(std::str::from_utf8(&waits).unwrap());
    let ended = matches!(line.state.lock().phase, Phase::Over(_));
    let numbers: Vec<u32> = came
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap().parse().unwrap())
        .collect();
    // A poll that is given up takes what it was to get with it, and with it the connection goes.
    if ended {
        assert!(numbers.is_sorted() && numbers.len() <= said as usize);
    } else {
        assert_eq!(numbers, (0..said).collect::<Vec<_>>());
    }
    line.end(Why::Closed);
    for poll in polls {
        assert!(poll.now_or_never().is_some(), "a poll is left without an answer");
    }
    for post in posts {
        post.await.unwrap_err();
    }
}
