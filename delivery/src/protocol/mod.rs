//! What is said on a socket of the subprotocol `parlance.v1`: close codes, requests, answers. Pure:
//! text in, text out.

pub(crate) mod close;
pub(crate) mod json;
pub(crate) mod sync;

/// The name of the subprotocol.
pub(crate) const NAME: &str = "parlance.v1";
