//! What a deployment remembers of itself: which log its rows were folded from, and how far its tables
//! have been migrated.

pub mod table;
