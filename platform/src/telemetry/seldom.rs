//! Log lines that thousands could write at once: while an engine is away every request meets the
//! same, and a log that fills with it hides everything else.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Time between two lines of a kind.
const EVERY_MS: i64 = 1_000;

/// Lets one line through each second, with how many were kept back before it.
#[derive(Debug)]
pub struct Seldom {
    next_ms: AtomicI64,
    untold: AtomicU64,
}

impl Default for Seldom {
    fn default() -> Self {
        Self { next_ms: AtomicI64::new(i64::MIN), untold: AtomicU64::new(0) }
    }
}

impl Seldom {
    /// Whether a line may be written at `now_ms`, of a clock that never jumps; how many others were
    /// not.
    pub fn turn(&self, now_ms: i64) -> Option<u64> {
        let next = self.next_ms.load(Ordering::Relaxed);
        let order = Ordering::Relaxed;
        let mine = now_ms >= next
            && self.next_ms.compare_exchange(next, now_ms + EVERY_MS, order, order).is_ok();
        if mine {
            return Some(self.untold.swap(0, order));
        }
        self.untold.fetch_add(1, order);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_tells_of_the_others() {
        let seldom = Seldom::default();
        assert_eq!(seldom.turn(0), Some(0));
        assert_eq!((seldom.turn(1), seldom.turn(999)), (None, None));
        assert_eq!(seldom.turn(1_000), Some(2));
        assert_eq!(seldom.turn(5_000), Some(0));
    }
}
