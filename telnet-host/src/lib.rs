//! moor-telnet-host.
