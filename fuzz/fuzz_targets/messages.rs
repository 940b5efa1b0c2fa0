//! Any bytes as a message of hosts, workers and the daemon: refused, or the one message that encodes to them.
//!
//! The first byte says as which kind of message the others are read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_rpc::{HostEvent, Message, Reply, Request, WorkerOrder, WorkerReport, decode, encode};

fn check<M: Message>(bytes: &[u8]) {
    if let Ok(message) = decode::<M>(bytes) {
        let again = encode(&message).expect("what was decoded encodes");
        assert_eq!(again, bytes);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    match kind % 5 {
        0 => check::<Request>(bytes),
        1 => check::<Reply>(bytes),
        2 => check::<HostEvent>(bytes),
        3 => check::<WorkerOrder>(bytes),
        _ => check::<WorkerReport>(bytes),
    }
});
