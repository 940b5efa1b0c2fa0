//! The HTTP worker against servers of this test's own: what is sent, what comes back, and what is refused.

mod bounds;
mod exchange;
mod guard;
mod process;
mod redirects;
mod support;
mod tls;
