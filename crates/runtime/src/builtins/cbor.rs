//! Values as CBOR (RFC 8949), and back.
//!
//! In: values, or bytes. Out: the other. What CBOR has no type for is an item with a tag that is registered for it, so other programs
//! can tell it from the rest: a symbol is an identifier (tag 39), the others are objects of a language (tag 27, an array of a name and
//! what it takes):
//!
//! | value | item |
//! |---|---|
//! | integer, float, boolean, string, binary, list, map | integer, float, true or false, text, bytes, array, map |
//! | symbol | `39("name")` |
//! | object | `27(["obj", number])` |
//! | error | `27(["err", "E_PERM"])`, with its message behind the name if it has one of its own |
//! | flyweight | `27(["fly", number of the delegate, map of the slots, array of the contents])` |
//!
//! Written are the shortest forms, maps in the order of their keys: equal values that are spelled equally have the same bytes.

mod decode;
mod encode;

use super::BuiltinSpec;
use super::spec::pure;

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("decode_cbor", 1..=1, [Binary], MooR, decode::decode_cbor)
        .doc(
            "bytes",
            "value",
            "The value that bytes are in CBOR: what `encode_cbor()` has made, and what others have made of numbers, booleans, texts, \
             bytes, arrays and maps.",
        )
        .raises(
            "E_INVARG if the bytes are not one item of CBOR, an item has no value here, such as null, or a key \
             comes twice, letters of either case being equal; E_QUOTA if items nest deeper \
             than 1,000, the value would be too large, or the task's time is up",
        ),
    pure!("encode_cbor", 1..=1, [Any], MooR, encode::encode_cbor)
        .doc(
            "value",
            "BINARY",
            "A value in CBOR, the same bytes for the same value. Objects, errors, symbols and flyweights come back as what they were.",
        )
        .raises(
            "E_INVARG if the value is or holds a function, a waif or an anonymous object; E_QUOTA if it nests deeper than 1,000, there \
             would be too many bytes, or the task's time is up",
        ),
];

/// Items within one another.
const DEPTH_MAX: usize = 1_000;

/// The tag of identifiers.
const IDENTIFIER: u64 = 39;
/// The tag of objects of a language: an array of a name, and of what it takes.
const OBJECT: u64 = 27;
/// The names.
const OBJ: &str = "obj";
const ERR: &str = "err";
const FLY: &str = "fly";

/// The numbers of simple values.
const FALSE: u8 = 20;
const TRUE: u8 = 21;
