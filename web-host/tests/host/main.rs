//! The web host over real sockets, against a world of memory: sign-in, WebSockets, breaks, outages, limits.

mod eval;
mod limits;
mod outage;
mod process;
mod sign_in;
mod support;
mod talk;
mod world;
