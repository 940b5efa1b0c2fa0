//! Any bytes as what peers of the link say before anything is known of them: hello, welcome, refusals, enrollment.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| moor_link::fuzzing::decode_everything(data));
