//! moor-store.
