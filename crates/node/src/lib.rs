//! moor-node.
