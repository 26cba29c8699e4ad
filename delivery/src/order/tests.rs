use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const C: ConversationId = ConversationId(Uuid::from_u128(1));

fn event(rev: Rev) -> Event {
    let frame = Frame::from(format!("{rev}"));
    let audience = Bytes::from_static(&[7; 16]);
    Event { conversation: C, rev, audience, left: Bytes::new(), flip: false, frame }
}

fn missed(rev: Rev) -> Missed {
    Missed { rev, frame: Frame::from(format!("{rev}")), left: Bytes::new(), flipped: None }
}

/// What a hub would push, with a journal that has every rev below `known`.
struct Node {
    order: Order,
    pushed: Vec<Rev>,
    fetches: Vec<Fetch>,
    resyncs: usize,
}

impl Node {
    fn new() -> Self {
        Self { order: Order::default(), pushed: Vec::new(), fetches: Vec::new(), resyncs: 0 }
    }

    fn event(&mut self, rev: Rev, covered: bool) {
        match self.order.admit(event(rev), 1, |_| covered) {
            Verdict::Push(event) => self.pushed.push(event.rev),
            Verdict::Drop(_) => {}
            Verdict::Other(event) => panic!("another event of rev {}", event.rev),
            Verdict::Hold => self.ready(),
            Verdict::Fetch(fetch) => self.fetches.push(fetch),
            Verdict::Resync(_) => self.resyncs += 1,
        }
    }

    fn ready(&mut self) {
        while let Some(event) = self.order.ready(C, 1) {
            assert_eq!(event.frame.text(), event.rev.to_string());
            self.pushed.push(event.rev);
        }
    }

    /// Carries out the oldest fetch; of the journal only what lies below `known` is there.
    fn fetch(&mut self, known: Rev) {
        let fetch = self.fetches.remove(0);
        let rows = (fetch.after + 1..fetch.before.min(known)).map(missed).collect();
        self.order.fetched(&fetch, rows);
        self.ready();
        match self.order.settle(&fetch) {
            Settled::Closed => {}
            Settled::Again(fetch) => self.fetches.push(fetch),
            Settled::Resync(_) => self.resyncs += 1,
        }
    }
}

#[test]
fn a_rev_is_pushed_once_and_a_jump_is_filled_first() {
    let mut node = Node::new();
    for rev in [5, 5, 6, 4, 9, 9, 10, 6] {
        node.event(rev, true);
    }
    assert_eq!(node.pushed, [5, 6]);
    assert_eq!(node.fetches.len(), 1, "one fetch a gap");
    node.fetch(100);
    assert_eq!(node.pushed, [5, 6, 7, 8, 9, 10]);
    assert_eq!(node.order.gaps, 0);
}

#[test]
fn another_event_under_the_rev_that_was_pushed_last_is_told_and_not_pushed() {
    let mut order = Order::default();
    let admit = |order: &mut Order, event| order.admit(event, 1, |_| true);
    assert!(matches!(admit(&mut order, event(5)), Verdict::Push(_)));
    assert!(matches!(admit(&mut order, event(5)), Verdict::Drop(_)));
    let other = Event { frame: "other".to_owned().into(), ..event(5) };
    assert_eq!(admit(&mut order, other.clone()), Verdict::Other(other));
    // What was fetched may have been redacted since it was told.
    assert!(matches!(admit(&mut order, event(7)), Verdict::Fetch(_)));
    assert!(matches!(admit(&mut order, event(6)), Verdict::Hold));
    assert_eq!(order.ready(C, 1).map(|event| event.rev), Some(6));
    let other = Event { frame: "other".to_owned().into(), ..event(6) };
    assert!(matches!(admit(&mut order, other), Verdict::Drop(_)));
}

#[test]
fn a_reorder_heals_before_the_fetch_and_the_fetch_then_changes_nothing() {
    let mut node = Node::new();
    for rev in [1, 3, 2, 4] {
        node.event(rev, true);
    }
    assert_eq!(node.pushed, [1, 2, 3, 4]);
    node.fetch(100);
    node.event(6, true);
    assert_eq!(node.pushed, [1, 2, 3, 4]);
    node.fetch(100);
    assert_eq!(node.pushed, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_hole_older_than_anybody_here_is_none_of_theirs() {
    let mut node = Node::new();
    node.event(1, true);
    node.event(50, false);
    assert_eq!(node.pushed, [1, 50]);
    assert!(node.fetches.is_empty());
}

#[test]
fn what_can_not_be_fetched_is_a_resync_after_a_few_tries() {
    let mut node = Node::new();
    node.event(1, true);
    node.event(4, true);
    for _ in 0..TRIES {
        assert_eq!(node.resyncs, 0);
        node.fetch(0);
    }
    assert_eq!((node.resyncs, node.order.gaps), (1, 0));
    node.event(5, true);
    assert_eq!(node.pushed, [1, 5]);
}

#[test]
fn too_many_that_wait_and_too_wide_a_jump_are_a_resync() {
    let mut node = Node::new();
    node.event(1, true);
    let waiting = Rev::try_from(WAITING).unwrap();
    for rev in 3..=waiting + 3 {
        node.event(rev, true);
    }
    assert_eq!((node.resyncs, node.order.gaps), (1, 0));
    node.event(waiting + 4, true);
    assert_eq!(node.pushed, [1, waiting + 4]);
    node.event(3 * waiting, true);
    assert_eq!(node.resyncs, 2);
}

#[test]
fn lanes_are_bounded_and_open_gaps_outlive_a_rotation() {
    let mut node = Node::new();
    node.event(1, true);
    node.event(3, true);
    for n in 0..u128::try_from(3 * LANES).unwrap() {
        let other = Event { conversation: ConversationId(Uuid::from_u128(n + 2)), ..event(1) };
        assert!(matches!(node.order.admit(other, 1, |_| true), Verdict::Push(_)));
    }
    assert!(node.order.young.len() + node.order.old.len() <= 2 * LANES);
    node.fetch(100);
    assert_eq!(node.pushed, [1, 2, 3]);
}

#[test]
fn what_is_forgotten_is_unknown_and_what_waits_is_not_forgotten() {
    let mut node = Node::new();
    node.event(1, true);
    node.event(3, true);
    node.order.forget(C);
    assert_eq!(node.order.gaps, 1);
    node.fetch(100);
    assert_eq!(node.pushed, [1, 2, 3]);
    node.order.forget(C);
    node.event(9, true);
    assert_eq!(node.pushed, [1, 2, 3, 9]);
}

#[test]
fn who_has_synced_misses_nothing_that_follows_and_others_get_what_came_before() {
    let mut node = Node::new();
    // Nothing was pushed yet, and 9 and 10 are on their way to others here.
    assert!(node.order.learn(C, 10, 1, |_| true), "late ones may come");
    for rev in [9, 10, 13] {
        node.event(rev, true);
    }
    assert_eq!(node.pushed, [9, 10]);
    node.fetch(100);
    assert_eq!(node.pushed, [9, 10, 11, 12, 13]);
    assert!(!node.order.learn(C, 13, 1, |_| true));

    // Nobody of those who got these is here any more.
    let covered = |at| at >= 2;
    assert!(node.order.learn(C, 20, 2, covered));
    assert!(matches!(node.order.admit(event(22), 2, covered), Verdict::Fetch(_)));

    let mut node = Node::new();
    assert!(node.order.learn(C, 10, 1, |_| true));
    // One who synced before lacks more.
    assert!(node.order.learn(C, 15, 2, |_| true));
    node.event(16, true);
    node.fetch(100);
    assert_eq!(node.pushed, [11, 12, 13, 14, 15, 16]);
    assert_eq!(node.order.last(C), Some(16));
}

#[test]
fn what_is_fetched_before_a_flip_is_for_its_members() {
    let mut node = Node::new();
    node.event(1, true);
    let whole = Event { audience: Bytes::new(), ..event(5) };
    let Verdict::Fetch(fetch) = node.order.admit(whole, 1, |_| true) else { panic!("a gap") };
    let flip = Missed { flipped: Some(Bytes::from_static(&[7; 16])), ..missed(3) };
    node.order.fetched(&fetch, vec![missed(2), flip, missed(4)]);
    let ready = std::iter::from_fn(|| node.order.ready(C, 1));
    let ready: Vec<_> = ready.map(|e| (e.rev, e.audience.is_empty(), e.flip)).collect();
    assert_eq!(ready, [(2, false, false), (3, false, true), (4, true, false), (5, true, false)]);
}

proptest! {
    #[test]
    fn whatever_the_topic_does_each_rev_is_pushed_once_in_order(
        noise in proptest::collection::vec((1_i64..60, any::<bool>()), 1..200),
    ) {
        let mut node = Node::new();
        node.event(1, true);
        for (rev, fetch) in noise {
            node.event(rev, true);
            if fetch && !node.fetches.is_empty() {
                node.fetch(100);
            }
        }
        while !node.fetches.is_empty() {
            node.fetch(100);
        }
        let last = *node.pushed.last().unwrap();
        prop_assert_eq!(&node.pushed, &(1..=last).collect::<Vec<_>>());
        prop_assert_eq!((node.resyncs, node.order.gaps), (0, 0));
    }
}
