//! moor-world.
