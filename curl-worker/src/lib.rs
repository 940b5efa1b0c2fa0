//! moor-curl-worker.
