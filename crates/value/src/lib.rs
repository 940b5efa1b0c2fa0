//! moor-value.
