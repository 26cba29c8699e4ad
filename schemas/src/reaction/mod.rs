//! Reactions: an emoji of a member on a message. Rows, one each, and bounded counts by message, so that
//! a reaction costs the same on a message that has thousands (HAZARDS 30).

pub mod command;
pub mod table;
pub mod view;
