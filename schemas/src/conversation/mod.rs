//! Conversations: their head (the state a decision starts from), their changes (journal, outbox and
//! resume log in one), and how they look to clients.

pub mod change;
pub mod command;
pub mod effect;
pub mod head;
pub mod table;
pub mod view;
