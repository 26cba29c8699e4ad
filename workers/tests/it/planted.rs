//! G-29: a store that breaks an invariant is noticed before anything is built on it, and by the counter
//! of the guarantee that it breaks.

use platform::telemetry::label;
use schemas::conversation::table::{Change, HeadRow};
use schemas::table::{Table as _, Write};
use workers::fold::round::{Answer, Error, Lane, Round, Step};
use workers::persist::Persist;

use crate::sim::{Ask, End, World, conversation, drive, item};

/// Three changes are journaled; the head knows the first.
fn world() -> World {
    let mut world = World::default();
    let mut lane = Lane::<Persist>::new(conversation());
    let asks = [Ask::Create, Ask::Send(0, None, 0), Ask::Send(1, None, 1)];
    let head = HeadRow::get(conversation());
    let mut first = None;
    for (offset, ask) in (1..).zip(&asks) {
        assert_eq!(drive(&mut world, &mut lane, vec![item(ask, offset)], None), End::Done);
        first = first.or_else(|| world.get(&head));
    }
    world.rows.insert((head.def.prefix, head.key), first.unwrap());
    world
}

/// What a new owner finds.
fn taken_over(world: &mut World) -> Result<(), Error> {
    let mut lane = Lane::<Persist>::new(conversation());
    let mut round = Round::new(&mut lane, vec![item(&Ask::Send(0, None, 2), 9)]);
    let mut answer = Answer::Begin;
    loop {
        answer = match round.next(answer)? {
            Step::Get(gets) => Answer::Rows(gets.iter().map(|get| world.get(get)).collect()),
            Step::Scan(scan) => Answer::Page(world.scan(&scan)),
            Step::Write(batch) => {
                batch.writes.iter().for_each(|write| world.put(write));
                Answer::Written
            }
            Step::Emit(_) => Answer::Emitted,
            Step::Done => return Ok(()),
        };
    }
}

fn broken(world: &mut World) -> &'static str {
    let rows = world.rows.clone();
    let Err(Error::Broken { id, offset: None, .. }) = taken_over(world) else {
        panic!("it was not noticed");
    };
    assert_eq!(world.rows, rows, "nothing was written");
    assert!(label::INVARIANT.values.contains(&id));
    id
}

#[test]
fn a_journal_without_a_hole_is_taken_over() {
    taken_over(&mut world()).unwrap();
}

#[test]
fn a_hole_in_the_journal_is_noticed() {
    let mut world = world();
    let lost = Change::at(conversation(), 2);
    world.rows.remove(&(lost.def.prefix, lost.key)).unwrap();
    assert_eq!(broken(&mut world), "G-06");
}

#[test]
fn a_change_that_a_late_owner_put_behind_a_later_one_is_noticed() {
    let mut world = world();
    let late = Change::at(conversation(), 3);
    let row = world.rows.get_mut(&(late.def.prefix, late.key)).unwrap();
    let mut change = Change::from_cells(row.cells.clone()).unwrap();
    // Its record lies before that of the change before it.
    change.position -= 1;
    row.cells = Write::insert(&change, row.stamp).cells;
    assert_eq!(broken(&mut world), "G-08");
}
