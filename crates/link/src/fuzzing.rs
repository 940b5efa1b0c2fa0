//! What peers say before anything is known of them, for the fuzz targets; compiled for them only.
//!
//! In: any bytes. Out: nothing; a panic where what was decoded does not encode to what decodes again.

use crate::enrollment;
use crate::frame::{Farewell, Hello, Refusal, Welcome, split};

/// Reads the bytes as everything that a peer may say.
pub fn decode_everything(bytes: &[u8]) {
    let _ = split(bytes);
    if let Ok(hello) = Hello::decode(bytes) {
        assert!(Hello::decode(&hello.encode()).is_ok());
    }
    if let Ok(welcome) = Welcome::decode(bytes) {
        assert!(Welcome::decode(&welcome.encode()).is_ok());
    }
    if let Ok(refusal) = Refusal::decode(bytes) {
        assert!(Refusal::decode(&refusal.encode()).is_ok());
    }
    let _ = Farewell::decode(bytes);
    enrollment::decode_everything(bytes);
}
