//! moor-web-host.
