//! Binary values to text and lists, and back.
//! In: bytes, strings, lists of integers. Out: the same bytes in another form.

use moor_value::{Binary, ErrorCode, Value};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("binary_to_str", 1..=2, [Binary, Any], MooR, binary_to_str)
        .doc(
            "bytes lossy",
            "STR",
            "The text that the bytes are in UTF-8. With `lossy`, U+FFFD stands for what is none.",
        )
        .raises("E_INVARG if the bytes are no UTF-8; E_QUOTA if the text would be too long"),
    pure!("binary_from_str", 1..=1, [Str], MooR, binary_from_str).doc(
        "text",
        "BINARY",
        "The bytes of the text in UTF-8.",
    ),
    pure!("binary_to_list", 1..=1, [Binary], Own, binary_to_list)
        .doc("bytes", "LIST of INT", "The bytes, each from 0 to 255.")
        .raises("E_QUOTA if the list would be too large"),
    pure!("binary_from_list", 1..=1, [List], Own, binary_from_list)
        .doc("bytes", "BINARY", "The bytes that a list names.")
        .raises("E_INVARG if an item is no integer from 0 to 255; E_QUOTA if there are too many"),
];

fn binary_to_str(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bytes = bytes(args)?;
    call.charge(bytes.len())?;
    match std::str::from_utf8(bytes.as_slice()) {
        Ok(text) => call.string(text),
        Err(_) if args.flag(1) => call.string(&*String::from_utf8_lossy(bytes.as_slice())),
        Err(_) => Err(ErrorCode::InvArg.into()),
    }
}

fn binary_from_str(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let text = args.str(0)?;
    call.charge(text.len_bytes())?;
    Ok(Binary::from_vec(text.as_bytes().to_vec()).into())
}

fn binary_to_list(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bytes = bytes(args)?;
    let numbers = bytes.as_slice().iter().map(|byte| i64::from(*byte).into());
    call.collect_list(numbers)
}

fn binary_from_list(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let list = args.list(0)?;
    call.charge(list.len())?;
    call.allow_string(list.len())?;
    let byte = |item: &Value| item.as_int().and_then(|number| u8::try_from(number).ok());
    let bytes: Option<Vec<u8>> = list.iter().map(byte).collect();
    Ok(Binary::from_vec(bytes.ok_or(ErrorCode::InvArg)?).into())
}

fn bytes(args: &[Value]) -> Result<Binary, Raise> {
    match &args[0] {
        Value::Binary(bytes) => Ok(bytes.clone()),
        _ => Err(ErrorCode::Type.into()),
    }
}
