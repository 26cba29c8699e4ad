//! Users: their profile and dense feed, folded from `chat.users` by `feed`; their claims on names
//! and their credentials, written directly.

pub mod change;
pub mod command;
pub mod head;
mod preference;
pub mod settings;
pub mod table;
pub mod view;
