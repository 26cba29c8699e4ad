//! Bounds of a scan as slices that CQL can say.
//!
//! A bound is a prefix of the clustering key, in clustering order. CQL's tuple comparison follows the
//! order of the values and not the clustering order, so it is wrong where a table has columns in both
//! directions; a slice here fixes some leading columns and bounds the next one, which is right in any
//! direction. A range of single-column bounds, as nearly all are, is one slice.

use std::cmp::Ordering;
use std::ops::Bound;

use schemas::table::{Order, Role, Scan, Value};

use super::text::{ScanShape, cluster};

/// One end of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Open.
    None,
    /// Without the value.
    Exclusive,
    /// With the value.
    Inclusive,
}

impl Side {
    /// Number of kinds.
    pub(super) const COUNT: usize = 3;

    /// A number of its own.
    pub(super) fn index(self) -> usize {
        match self {
            Self::None => 0,
            Self::Exclusive => 1,
            Self::Inclusive => 2,
        }
    }

    /// The comparison; `up`: the values beyond this end are larger.
    pub(super) fn operator(self, up: bool) -> Option<&'static str> {
        match (self, up) {
            (Self::None, _) => None,
            (Self::Exclusive, true) => Some(">"),
            (Self::Inclusive, true) => Some(">="),
            (Self::Exclusive, false) => Some("<"),
            (Self::Inclusive, false) => Some("<="),
        }
    }
}

/// Rows with these leading values, and the next column between two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice<'a> {
    equal: Vec<&'a Value>,
    lower: Option<(Side, &'a Value)>,
    upper: Option<(Side, &'a Value)>,
}

impl<'a> Slice<'a> {
    /// What it binds.
    pub(super) fn shape(&self, reverse: bool) -> ScanShape {
        let side = |end: &Option<(Side, &Value)>| end.map_or(Side::None, |(side, _)| side);
        let (lower, upper) = (side(&self.lower), side(&self.upper));
        ScanShape { equal: self.equal.len(), lower, upper, reverse }
    }

    /// The values to bind behind the partition key.
    pub(super) fn values(&self) -> impl Iterator<Item = &'a Value> + '_ {
        let ends = self.lower.iter().chain(&self.upper).map(|(_, value)| *value);
        self.equal.iter().copied().chain(ends)
    }
}

/// A bound as its values and whether it takes the rows that start with them.
fn parts(bound: &Bound<Vec<Value>>) -> (&[Value], bool) {
    match bound {
        Bound::Unbounded => (&[], true),
        Bound::Included(values) => (values, true),
        Bound::Excluded(values) => (values, false),
    }
}

/// How the server sorts two values of one column: as their own order, but uuids by their version first.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Uuid(a), Value::Uuid(b)) => (a.get_version_num(), a).cmp(&(b.get_version_num(), b)),
        _ => a.cmp(b),
    }
}

/// The slices of a scan, in the order in which it reads them.
pub(super) fn of(scan: &Scan) -> Vec<Slice<'_>> {
    let ((from, with_from), (to, with_to)) = (parts(&scan.from), parts(&scan.to));
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let (shared, from) = from.split_at(common);
    let to = to.get(common..).unwrap_or_default();
    // A bound that is a prefix of the other one holds all of it or nothing of it.
    if (from.is_empty() && !with_from) || (to.is_empty() && !with_to) {
        return Vec::new();
    }
    if let (Some(first), Some(last)) = (from.first(), to.first()) {
        let way = cluster(scan.def).get(common).map(|column| column.role);
        let order = compare(first, last);
        let order = if way == Some(Role::Cluster(Order::Desc)) { order.reverse() } else { order };
        if order == Ordering::Greater {
            return Vec::new();
        }
    }
    let shared: Vec<&Value> = shared.iter().collect();
    let mut out = Vec::new();
    let side = |last: bool, with: bool| {
        if last && with { Side::Inclusive } else { Side::Exclusive }
    };
    // From the end of the lower bound outwards: (a, b, >c), (a, >b).
    for at in (1..from.len()).rev() {
        let (head, tail) = from.split_at(at);
        let equal = shared.iter().copied().chain(head).collect();
        let lower = tail.first().map(|value| (side(tail.len() == 1, with_from), value));
        out.push(Slice { equal, lower, upper: None });
    }
    out.push(Slice {
        equal: shared.clone(),
        lower: from.first().map(|value| (side(from.len() == 1, with_from), value)),
        upper: to.first().map(|value| (side(to.len() == 1, with_to), value)),
    });
    // Inwards to the end of the upper bound.
    for at in 1..to.len() {
        let (head, tail) = to.split_at(at);
        let equal = shared.iter().copied().chain(head).collect();
        let upper = tail.first().map(|value| (side(tail.len() == 1, with_to), value));
        out.push(Slice { equal, lower: None, upper });
    }
    if scan.reverse {
        out.reverse();
    }
    out
}

#[cfg(test)]
#[path = "slice_tests.rs"]
mod tests;
