//! moor-daemon.
