//! moor.
