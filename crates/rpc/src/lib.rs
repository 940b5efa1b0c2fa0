//! moor-rpc.
