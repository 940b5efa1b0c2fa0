//! moor-compiler.
