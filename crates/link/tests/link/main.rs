//! The link as programs use it: real sockets and the in-memory twin, real processes that are killed and
//! stopped, foreign and hostile peers.
//!
//! In: nothing but temporary folders and loopback ports. Out: verdicts. Waits for events, never for a time
//! to pass, except where silence itself is what is tested.

mod bounds;
mod curve;
mod enroll;
mod foreign;
mod foreign_curve;
mod ground;
mod hostile;
mod names;
mod processes;
mod realm;
mod siege;
mod talk;
mod zmtp;
