//! moor-link.
