//! The whole telnet host: the real program, real sockets, and a daemon of these tests behind a real link.

mod conversation;
mod endings;
mod limits;
mod outage;
mod process;
mod support;
mod tls;
