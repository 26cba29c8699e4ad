use std::collections::BTreeSet;

use proptest::prelude::*;
use schemas::table::Class;

use super::*;

schemas::table! {
    /// Three columns in two directions.
    pub struct Item in "items", prefix 0x7f33, class Class::Folded("test");
    partition { owner: i64 }
    cluster { a: i64 => Asc, b: i64 => Desc, c: i64 => Asc }
    data {}
}

fn scan(from: Bound<Vec<Value>>, to: Bound<Vec<Value>>, reverse: bool) -> Scan {
    let whole = Scan::<Item>::of(vec![Value::Int(0)], 100);
    Scan { from, to, reverse, ..whole.raw() }
}

fn ints(values: &[i64]) -> Vec<Value> {
    values.iter().map(|value| Value::Int(*value)).collect()
}

#[test]
fn a_range_of_single_bounds_is_one_slice() {
    let from = Bound::Excluded(ints(&[1]));
    let to = Bound::Included(ints(&[5]));
    let wanted = scan(from, to, false);
    let slices = of(&wanted);
    let [slice] = slices.as_slice() else { panic!("{slices:?}") };
    let (lower, upper) = (Side::Exclusive, Side::Inclusive);
    assert_eq!(slice.shape(true), ScanShape { equal: 0, lower, upper, reverse: true });
    assert_eq!(slice.values().cloned().collect::<Vec<_>>(), ints(&[1, 5]));
}

type Row = [i64; 3];

/// Rows in clustering order: b runs down.
fn rank(row: &Row) -> Row {
    [row[0], -row[1], row[2]]
}

fn rows() -> Vec<Row> {
    let mut all: Vec<Row> = (0..27)
        .map(|at| [at / 9 % 3, at / 3 % 3, at % 3])
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    all.sort_by_key(rank);
    all
}

/// What the server gives for a slice.
fn serve(slice: &Slice<'_>) -> Vec<Row> {
    let at = slice.equal.len();
    let fits = |row: &&Row| {
        let equal = slice.equal.iter().zip(row.iter()).all(|(v, cell)| **v == Value::Int(*cell));
        let Some(cell) = row.get(at).map(|cell| Value::Int(*cell)) else { return equal };
        let way = |order: Ordering| if at == 1 { order.reverse() } else { order };
        let above = slice.lower.is_none_or(|(side, value)| {
            let order = way(cell.cmp(value));
            order == Ordering::Greater || (side == Side::Inclusive && order == Ordering::Equal)
        });
        let below = slice.upper.is_none_or(|(side, value)| {
            let order = way(cell.cmp(value));
            order == Ordering::Less || (side == Side::Inclusive && order == Ordering::Equal)
        });
        equal && above && below
    };
    rows().iter().filter(fits).copied().collect()
}

/// What a scan means: bounds are prefixes, in clustering order.
fn meant(scan: &Scan) -> Vec<Row> {
    let cut = |bound: &[Value]| -> Vec<i64> {
        let plain = bound.iter().map(|value| match value {
            Value::Int(number) => *number,
            _ => unreachable!(),
        });
        plain.enumerate().map(|(at, n)| if at == 1 { -n } else { n }).collect()
    };
    let fits = |row: &&Row| {
        let rank = rank(row);
        let (from, with_from) = parts(&scan.from);
        let (to, with_to) = parts(&scan.to);
        let lower = rank[..from.len()].cmp(cut(from).as_slice());
        let upper = rank[..to.len()].cmp(cut(to).as_slice());
        (lower == Ordering::Greater || (with_from && lower == Ordering::Equal))
            && (upper == Ordering::Less || (with_to && upper == Ordering::Equal))
    };
    rows().iter().filter(fits).copied().collect()
}

fn bound() -> impl Strategy<Value = Bound<Vec<Value>>> {
    let values = || proptest::collection::vec(-1..4_i64, 0..=3).prop_map(|values| ints(&values));
    prop_oneof![
        Just(Bound::Unbounded),
        values().prop_map(Bound::Included),
        values().prop_map(Bound::Excluded)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn slices_give_what_the_bounds_mean(from in bound(), to in bound(), reverse: bool) {
        let wanted = scan(from, to, reverse);
        let mut expected = meant(&wanted);
        let mut found = Vec::new();
        for slice in of(&wanted) {
            let mut rows = serve(&slice);
            if reverse {
                rows.reverse();
            }
            found.extend(rows);
        }
        if reverse {
            expected.reverse();
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn uuids_sort_by_their_version_first() {
    let uuid = |text: &str| Value::Uuid(text.parse().expect("a uuid"));
    let random = uuid("ffffffff-ffff-4fff-8fff-ffffffffffff");
    let timed = uuid("00000000-0000-7000-8000-000000000000");
    assert_eq!(compare(&random, &timed), Ordering::Less);
}
