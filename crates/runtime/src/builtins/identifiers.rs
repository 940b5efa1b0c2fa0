//! Identifiers that no two programs make alike.
//! In: the clock and chance, or the two halves of one. Out: text.

use moor_value::{ErrorCode, Value};
use uuid::{Builder, Uuid};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("uuid", 0..=2, [Int, Int], MooR, uuid)
        .doc(
            "high low",
            "STR",
            "A new UUID of version 7 (RFC 9562), by which later ones come later in order; with two integers the one whose \
             halves they are.",
        )
        .raises("E_ARGS if one integer is given"),
];

fn uuid(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let id = match args.len() {
        0 => {
            let mut chance = [0; 10];
            call.surroundings.random(&mut chance);
            let ms = u64::try_from(call.surroundings.now().as_millis()).unwrap_or(u64::MAX);
            Builder::from_unix_timestamp_millis(ms, &chance).into_uuid()
        }
        2 => Uuid::from_u64_pair(args.int(0)?.cast_unsigned(), args.int(1)?.cast_unsigned()),
        _ => return Err(ErrorCode::Args.into()),
    };
    call.string(id.to_string())
}
