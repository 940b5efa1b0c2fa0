//! moor-dump.
