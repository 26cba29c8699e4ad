//! Messages: sent to a conversation, numbered by `seq`, never lost once acknowledged.

pub mod command;
pub mod placed;
pub mod table;
pub mod view;
