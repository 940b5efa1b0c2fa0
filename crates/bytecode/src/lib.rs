//! moor-bytecode.
