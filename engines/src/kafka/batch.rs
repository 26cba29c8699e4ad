//! One call of `append`: its records are acknowledged one by one, and whoever waits for them is woken
//! once.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use platform::port::log::Error;
use prometheus::Histogram;
use schemas::Position;
use tokio::sync::oneshot;

/// What a call is answered with.
pub(super) type Answer = Result<Vec<Position>, Error>;

#[derive(Debug)]
struct State {
    left: usize,
    positions: Vec<Position>,
    error: Option<Error>,
    answer: Option<oneshot::Sender<Answer>>,
    began: Instant,
    seconds: Histogram,
}

/// The records of one call that have no outcome yet.
#[derive(Debug)]
pub(super) struct Batch(Mutex<State>);

impl Batch {
    /// A call of this many records, whose time is told here, and the place where its answer comes.
    pub(super) fn new(
        records: usize,
        seconds: Histogram,
    ) -> (Arc<Self>, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let positions = vec![Position::default(); records];
        let (answer, began) = (Some(answer), Instant::now());
        let state = State { left: records, positions, error: None, answer, began, seconds };
        (Arc::new(Self(Mutex::new(state))), answered)
    }

    /// The outcome of record `at`. The first error is the call's answer, once all have an outcome.
    pub(super) fn settle(&self, at: usize, outcome: Result<Position, Error>) {
        let mut state = self.0.lock();
        match outcome {
            Ok(position) => {
                if let Some(place) = state.positions.get_mut(at) {
                    *place = position;
                }
            }
            Err(error) => state.error = state.error.take().or(Some(error)),
        }
        state.left = state.left.saturating_sub(1);
        if state.left > 0 {
            return;
        }
        let outcome = if let Some(error) = state.error.take() {
            Err(error)
        } else {
            state.seconds.observe(state.began.elapsed().as_secs_f64());
            Ok(std::mem::take(&mut state.positions))
        };
        if let Some(answer) = state.answer.take() {
            drop(state);
            // Whoever asked may have gone; the records stay.
            drop(answer.send(outcome));
        }
    }
}

/// Goes with each record through librdkafka and comes back with its outcome.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) batch: Arc<Batch>,
    /// Which record of the batch.
    pub(super) at: usize,
    pub(super) bytes: usize,
    pub(super) epoch: u32,
    pub(super) partition: u32,
}
