//! moor-zmq-sys.
