//! A bounded map in two generations: what was used lately stays, the rest falls out, with no list to
//! keep and no clock to ask. It never holds more than it was made for, and forgetting is always
//! allowed: only what can be read again may be kept here.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Two generations of at most half the bound each. When the young one is full it becomes the old
/// one, and the old one is dropped.
#[derive(Debug)]
pub struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash + Clone, V> Generations<K, V> {
    /// A map of at most `bound` entries.
    pub fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (bound / 2).max(1) }
    }

    /// The value of a key; it is young again.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get(key)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    /// Forgets a key.
    pub fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Entries held now.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_is_used() {
        let mut cache = Generations::new(8);
        cache.insert(0, "used");
        for n in 1..1_000 {
            assert_eq!(cache.get(&0), Some(&"used"), "after {n}");
            cache.insert(n, "once");
            assert!(cache.len() <= 8, "{} entries", cache.len());
        }
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn the_newest_value_stands_and_a_forgotten_key_is_gone() {
        let mut cache = Generations::new(2);
        cache.insert("a", 1);
        cache.insert("b", 2);
        cache.insert("a", 3);
        assert_eq!(cache.get("a"), Some(&3));
        cache.remove("a");
        assert_eq!(cache.get("a"), None);
    }
}
