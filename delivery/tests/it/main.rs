//! Sockets over a real listener, with acceptance and engines that tests script.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests fail by panicking")]

mod auth;
mod calls;
mod cost;
mod deliver;
mod fakes;
mod harness;

mod large;
mod life;
mod presence;
mod repeats;
mod requests;
mod slow;
mod socketio;
mod sync;
mod typing;
mod upgrade;
#[expect(dead_code, reason = "shared with the simulation of syncs")]
mod world;
