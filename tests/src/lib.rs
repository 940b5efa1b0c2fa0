//! moor-tests.
