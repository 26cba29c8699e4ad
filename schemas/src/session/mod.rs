//! Sessions: one sign-in of one device. Access tokens carry the session's id; refresh tokens name
//! the session and its generation.

pub mod table;
