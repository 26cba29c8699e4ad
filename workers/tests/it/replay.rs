//! G-09 and HAZARDS 1, 2, 19: any history, any batch split, a crash at any step: the same rows, the
//! same events, no seq or rev twice.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use workers::fold::Item;
use workers::fold::round::Lane;
use workers::persist::Persist;

use crate::group;
use crate::model::asks;
use crate::sim::{Ask, Cut, End, World, conversation, drive, events, item};

type Items = Vec<Item<schemas::envelope::ConversationCommand>>;

fn records(asks: &[Ask], gaps: &[u64]) -> Items {
    let mut offset = 0;
    asks.iter()
        .zip(gaps.iter().cycle())
        .map(|(ask, gap)| {
            offset += gap;
            item(ask, offset)
        })
        .collect()
}

/// Records of a direct conversation, or of a group with all that can happen in one.
fn histories() -> impl Strategy<Value = Items> {
    let gaps = proptest::collection::vec(1u64..4, 1..5);
    prop_oneof![
        (asks(), gaps).prop_map(|(asks, gaps)| records(&asks, &gaps)),
        group::asks().prop_map(|asks| group::history(&asks).0),
    ]
}

/// One record at a time, without a crash.
fn reference(items: &Items) -> World {
    let mut world = World::default();
    let mut lane = Lane::<Persist>::new(conversation());
    for one in items {
        assert_eq!(drive(&mut world, &mut lane, vec![one.clone()], None), End::Done);
    }
    world
}

/// The distinct events by rev; the same rev always has the same bytes.
fn by_rev(world: &World) -> BTreeMap<i64, Bytes> {
    let mut found = BTreeMap::new();
    for (rev, frame) in events(world) {
        let earlier = found.insert(rev, frame.clone());
        assert!(earlier.is_none_or(|earlier| earlier == frame), "rev {rev} means two things");
    }
    found
}

/// First emissions come in rev order: a reader that drops what it has seen sees no gap.
fn in_order(world: &World) {
    let mut next = 1;
    for (rev, _) in events(world) {
        assert!(rev <= next, "rev {rev} before {next}");
        next = next.max(rev + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_batch_split_and_any_crash_give_the_same_rows_and_events(
        items in histories(),
        splits in proptest::collection::vec(1usize..9, 1..6),
        cuts in proptest::collection::vec(
            (0usize..10, any::<u8>(), any::<bool>()).prop_map(|(step, part, cold)| (Cut { step, part }, cold)),
            0..12,
        ),
        apart in any::<bool>(),
    ) {
        let expected = reference(&items);
        let mut world = World { apart, ..World::default() };
        let mut lane = Lane::<Persist>::new(conversation());
        let mut splits = splits.iter().cycle();
        let mut cuts = cuts.into_iter();
        let mut committed = 0;
        while committed < items.len() {
            let size = *splits.next().unwrap();
            let batch = items[committed..].iter().take(size).cloned().collect::<Vec<_>>();
            let cut = cuts.next();
            match drive(&mut world, &mut lane, batch, cut.map(|(cut, _)| cut)) {
                // Finished, but the commit is lost: the records come again.
                End::Done if cut.is_some_and(|(_, lost)| lost) => {
                    lane = Lane::new(conversation());
                }
                End::Done => committed = (committed + size).min(items.len()),
                End::Cut => lane = Lane::new(conversation()),
                End::Fenced => prop_assert!(false, "nobody else writes"),
            }
        }
        prop_assert_eq!(&world.rows, &expected.rows);
        prop_assert_eq!(by_rev(&world), by_rev(&expected));
        in_order(&world);
    }

    #[test]
    fn an_owner_that_was_replaced_is_fenced_and_changes_nothing(
        asks in asks(),
        group in group::asks(),
        of_group in any::<bool>(),
        paused_at in 0usize..40,
        split in 1usize..9,
    ) {
        let items = if of_group {
            let mut all = group;
            // Nobody can close it, so that its owner can always say the last word.
            all.retain(|(ask, _)| !matches!(ask, group::Ask::Close(_) | group::Ask::Leave(..)));
            all.push((group::Ask::Rename(0, 9), None));
            all.retain(|(ask, _)| !matches!(ask, group::Ask::SetRole(0, ..)));
            group::history(&all).0
        } else {
            let mut all = vec![Ask::Create];
            all.extend(asks);
            all.push(Ask::Send(0, None, 1));
            records(&all, &[1])
        };
        let expected = reference(&items);
        let paused_at = paused_at.min(items.len() - 1);
        let mut world = World::default();
        let mut zombie = Lane::<Persist>::new(conversation());
        for one in &items[..paused_at] {
            drive(&mut world, &mut zombie, vec![one.clone()], None);
        }
        // The successor starts from an older commit and goes on to the end.
        let mut successor = Lane::<Persist>::new(conversation());
        for batch in items[paused_at / 2..].chunks(split) {
            prop_assert_eq!(drive(&mut world, &mut successor, batch.to_vec(), None), End::Done);
        }
        let emitted = by_rev(&world);
        // The zombie wakes up and folds what it had read.
        let end = drive(&mut world, &mut zombie, items[paused_at..].to_vec(), None);
        prop_assert_eq!(&world.rows, &expected.rows);
        prop_assert_eq!(by_rev(&world), emitted);
        if paused_at > 0 {
            prop_assert_eq!(end, End::Fenced);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Without transactions the fence is looked at before the write and may be passed: then stamps
    /// alone keep what the successor wrote (G-08).
    #[test]
    fn writes_of_a_replaced_owner_that_arrive_late_change_no_cell(
        items in histories(),
        paused_at in 0usize..40,
        splits in (1usize..9, 1usize..9),
        order in any::<prop::sample::Index>(),
    ) {
        let expected = reference(&items);
        let paused_at = paused_at.min(items.len() - 1);
        let mut world = World { apart: true, ..World::default() };
        let mut lane = Lane::<Persist>::new(conversation());
        for one in &items[..paused_at] {
            drive(&mut world, &mut lane, vec![one.clone()], None);
        }
        // Both fold the same records from here, in batches of their own; neither sees the other.
        let mut zombie = world.clone();
        zombie.written.clear();
        for batch in items[paused_at..].chunks(splits.0) {
            prop_assert_eq!(drive(&mut zombie, &mut lane, batch.to_vec(), None), End::Done);
        }
        let mut successor = Lane::<Persist>::new(conversation());
        for batch in items[paused_at..].chunks(splits.1) {
            prop_assert_eq!(drive(&mut world, &mut successor, batch.to_vec(), None), End::Done);
        }
        prop_assert_eq!(&world.rows, &expected.rows);
        prop_assert_eq!(by_rev(&zombie), by_rev(&world));
        // The zombie's writes arrive now, in any order.
        let mut late = zombie.written;
        let turn = order.index(late.len().max(1));
        late.rotate_left(turn);
        for write in &late {
            world.put(write);
        }
        prop_assert_eq!(&world.rows, &expected.rows);
    }
}

#[test]
fn every_single_cut_of_a_long_batch_is_healed_across_a_bucket_border() {
    // 1,020 messages, then a batch over the border of the bucket of 1,024 changes.
    let mut asks = vec![Ask::Create];
    asks.extend([Ask::Send(0, None, 0), Ask::Send(1, None, 1)].into_iter().cycle().take(1_040));
    let items = records(&asks, &[1]);
    let mut before = World::default();
    let mut lane = Lane::<Persist>::new(conversation());
    for batch in items[..1_015].chunks(256) {
        assert_eq!(drive(&mut before, &mut lane, batch.to_vec(), None), End::Done);
    }
    let expected = reference(&items);
    for step in 0..9 {
        for part in [0, 100, 200, 255] {
            let mut world = before.clone();
            let mut lane = Lane::<Persist>::new(conversation());
            let cut = Some(Cut { step, part });
            drive(&mut world, &mut lane, items[1_015..].to_vec(), cut);
            let mut lane = Lane::<Persist>::new(conversation());
            for batch in items[1_015..].chunks(5) {
                assert_eq!(drive(&mut world, &mut lane, batch.to_vec(), None), End::Done);
            }
            assert_eq!(world.rows, expected.rows, "cut at step {step}, {part}/256");
            assert_eq!(by_rev(&world), by_rev(&expected));
            in_order(&world);
        }
    }
}
