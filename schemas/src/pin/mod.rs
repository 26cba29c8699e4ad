//! Pins: messages that the members of a conversation keep at hand, at most
//! [`crate::limits::PINS`].

pub mod table;
pub mod view;
