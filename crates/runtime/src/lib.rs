//! moor-runtime.
