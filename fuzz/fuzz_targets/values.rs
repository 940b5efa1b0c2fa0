//! Any bytes as a stored value: refused, or a value that encodes to what gives it again, and whose literal can be made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_value::codec::{NoHandles, decode, encode};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = decode(&mut &*data, &mut NoHandles) {
        let mut bytes = Vec::new();
        encode(&value, &mut bytes);
        let again =
            decode(&mut bytes.as_slice(), &mut NoHandles).expect("what was decoded encodes");
        let mut repeated = Vec::new();
        encode(&again, &mut repeated);
        assert_eq!(repeated, bytes);
        assert_eq!(again.to_literal(), value.to_literal());
        assert_eq!(again.bytes(), value.bytes());
        let _ = (value.to_text(), value.compare(&again), value == again);
    }
});
