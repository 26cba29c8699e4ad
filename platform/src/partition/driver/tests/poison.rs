//! What cannot be handled: its lane waits for the letter, and only its lane; whose record it is is found
//! out one by one; and what its tries cost is counted apart from what an engine costs.

use super::*;

/// What becomes of a batch.
enum Act {
    Done,
    Poison(u64),
    Suspect,
    Fenced,
    /// After so much waiting and so much computing.
    Panic(Duration, Duration),
}

/// Does with a batch what it is told, and tells what is done. Ten offsets make a key.
struct Ill<A> {
    done: mpsc::Sender<u64>,
    act: A,
    tries: AtomicUsize,
}

#[async_trait]
impl<A: Fn(&[u64], usize) -> Act + Send + Sync + 'static> Handler for Ill<A> {
    type Lane = ();
    fn pool(&self) -> &'static str {
        "ill"
    }
    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        Ok((record.position.offset / 10).into())
    }
    fn open(&self, _: LaneKey, _: u32) {}
    async fn handle(&self, (): &mut (), batch: &[Record]) -> Result<(), Failure> {
        let offsets: Vec<u64> = batch.iter().map(|record| record.position.offset).collect();
        let reason = "planted".to_owned();
        match (self.act)(&offsets, self.tries.fetch_add(1, Ordering::SeqCst) + 1) {
            Act::Done => offsets.iter().for_each(|offset| self.done.try_send(*offset).unwrap()),
            Act::Poison(offset) => return Err(Failure::Poison { offset, reason }),
            Act::Suspect => return Err(Failure::Suspect(reason)),
            Act::Fenced => return Err(Failure::Fenced(reason)),
            Act::Panic(waiting, computing) => {
                tokio::time::sleep(waiting).await;
                tokio::time::advance(computing).await;
                panic!("planted");
            }
        }
        Ok(())
    }
}

fn ill(act: impl Fn(&[u64], usize) -> Act + Send + Sync + 'static) -> Stage {
    let (done, handled) = mpsc::channel(64);
    let handler = Ill { done, act, tries: AtomicUsize::new(0) };
    staged(handler, handled, Arc::new(tokio::sync::Semaphore::new(0)))
}

fn poisoned(offsets: &[u64], _: usize) -> Act {
    if offsets.contains(&50) { Act::Poison(50) } else { Act::Done }
}

fn panicking(offsets: &[u64], _: usize) -> Act {
    if offsets.contains(&50) { Act::Panic(Duration::ZERO, Duration::ZERO) } else { Act::Done }
}

impl Stage {
    /// Gives it 50 and 51 of one key, 60 of another, and when the letter of 50 is asked for 62.
    async fn until_the_letter(&self) {
        self.say.send(assigned(50)).await.unwrap();
        self.say.send(records([50, 51, 60])).await.unwrap();
        self.appends.asked(1).await;
        self.say.send(records([62])).await.unwrap();
    }

    fn done(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.handled.try_recv().ok()).collect()
    }

    /// How often G-16 was found broken.
    fn broken(&self) -> u64 {
        self.metrics.invariant_violations.with_label_values(&["G-16"]).get()
    }
}

async fn the_lane_waits(mut stage: Stage) {
    stage.until_the_letter().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(stage.done(), [60, 62], "51 waits for the letter of 50, another key does not");
    assert_eq!(*stage.commits.lock(), []);
    stage.appends.permits.add_permits(1);
    stage.progress.reached(&[(0, 63)]).await;
    assert_eq!(stage.done(), [51]);
    assert_eq!(stage.appends.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lane_goes_on_past_a_poisoned_record_when_its_letter_is_there() {
    the_lane_waits(ill(poisoned)).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_goes_on_past_a_record_that_panics_when_its_letter_is_there() {
    the_lane_waits(ill(panicking)).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_let_go_while_a_letter_is_on_its_way() {
    let mut stage = ill(poisoned);
    stage.until_the_letter().await;
    let begun = Instant::now();
    stage.say.send(Polled::Revoking(vec![0])).await.unwrap();
    while !stage.progress.standings().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() < Limits::default().drain * 2);
    assert_eq!(stage.done(), [60, 62]);
    // The letter of the former life is there now: nothing goes on by it.
    stage.appends.permits.add_permits(1);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((stage.done(), stage.commits.lock().clone()), (vec![], vec![]));
    // Whoever has the partition next reads the record again.
    stage.say.send(assigned(50)).await.unwrap();
    stage.say.send(records([50, 51])).await.unwrap();
    stage.appends.asked(2).await;
    stage.appends.permits.add_permits(1);
    stage.progress.reached(&[(0, 52)]).await;
    assert_eq!(stage.done(), [51]);
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_there_before_the_partition_goes_is_committed_with_the_rest_of_its_batch()
{
    let mut stage = ill(poisoned);
    stage.until_the_letter().await;
    stage.say.send(Polled::Revoking(vec![0])).await.unwrap();
    tokio::time::sleep(Limits::default().drain / 2).await;
    assert_eq!(stage.done(), [60, 62]);
    stage.appends.permits.add_permits(1);
    while !stage.progress.standings().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((stage.done(), stage.commits.lock().clone()), (vec![51], vec![(0, 63)]));
}

#[tokio::test(start_paused = true)]
async fn a_pool_stops_while_a_letter_is_on_its_way() {
    let mut stage = ill(poisoned);
    stage.until_the_letter().await;
    stage.life.stop();
    let late = stage.life.drained(Limits::default().drain * 2).await;
    assert_eq!(late, Vec::<&str>::new());
    assert_eq!(*stage.commits.lock(), []);
    assert!(!stage.done().contains(&51));
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_with_a_suspect_only_the_culprit_is_given_up() {
    let suspect = |offsets: &[u64], _| if offsets.contains(&51) { Act::Suspect } else { Act::Done };
    let mut stage = ill(suspect);
    stage.appends.permits.add_permits(8);
    stage.say.send(assigned(50)).await.unwrap();
    stage.say.send(records(50..54)).await.unwrap();
    stage.progress.reached(&[(0, 54)]).await;
    assert_eq!(stage.done(), [50, 52, 53]);
    assert_eq!(stage.appends.asked.load(Ordering::SeqCst), 1);
}

/// Whether G-16 counts as broken when a lone record has become a letter.
async fn cost(act: impl Fn(&[u64], usize) -> Act + Send + Sync + 'static) -> u64 {
    let stage = ill(act);
    stage.appends.permits.add_permits(1);
    stage.say.send(assigned(50)).await.unwrap();
    stage.say.send(records([50])).await.unwrap();
    stage.progress.reached(&[(0, 51)]).await;
    assert_eq!(stage.appends.asked.load(Ordering::SeqCst), 1);
    stage.broken()
}

const LONG: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn a_record_whose_tries_hold_its_lane_up_for_too_long_breaks_a_guarantee() {
    assert_eq!(cost(|_, _| Act::Panic(Duration::ZERO, LONG)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_engine_is_not_what_a_record_costs() {
    assert_eq!(cost(|_, _| Act::Panic(LONG, Duration::ZERO)).await, 0);
    let fenced = |_: &[u64], tries| match tries {
        5 => Act::Fenced,
        _ => Act::Panic(Duration::ZERO, LONG),
    };
    assert_eq!(cost(fenced).await, 0);
}
