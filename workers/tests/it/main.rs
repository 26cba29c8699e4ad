//! The folds from outside: against a plain model, and with a crash at every step.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "a test binary")]

mod group;
mod marks;
mod model;
mod nouns;
mod planted;
mod pools;
mod power_cut;
mod presence;
mod replay;
mod routing;
mod sim;
mod users;
mod walls;
mod wrong;
