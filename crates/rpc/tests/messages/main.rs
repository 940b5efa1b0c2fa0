//! The codec's promises: golden bytes, `decode(encode(m)) = m`, and no way to harm it with bytes.
//!
//! Run with `MOOR_UPDATE_GOLDEN=1` to write `tests/golden/messages.txt` anew, then review the diff: a
//! changed line is a changed wire format and needs a new `PROTOCOL_VERSION`.

mod bounds;
mod golden;
mod random;
mod round_trip;
mod samples;
mod values;
