//! time, ftime and ctime.
//! In: the call's clock. Out: seconds, or a date in the server's time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use moor_value::{ErrorCode, Value};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("ctime", 0..=1, [Int], LambdaMoo, ctime)
        .doc(
            "time",
            "STR",
            "A time in seconds since 1970, or the present, as `Sat Nov 21 03:47:59 2026 UTC` \
             in the server's time zone.",
        )
        .raises("E_INVARG if the time is out of range"),
    pure!("ftime", 0..=1, [Int], ToastStunt, ftime).doc(
        "monotonic",
        "FLOAT",
        "The seconds since 1970 with fractions. With an argument those of a clock that \
             never goes back, for differences.",
    ),
    pure!("time", 0..=0, [], LambdaMoo, time).doc(
        "",
        "INT",
        "The seconds since 1970-01-01 00:00 UTC.",
    ),
];

fn time(call: &mut Call<'_>, _: &mut [Value]) -> Result<Value, Raise> {
    Ok(Value::Int(call.surroundings.now().as_secs() as i64))
}

/// Without an argument the time of day, with one the server's monotonic clock.
fn ftime(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let time = match args.given(0) {
        None => call.surroundings.now(),
        Some(_) => call.surroundings.monotonic(),
    };
    Ok(time.as_secs_f64().into())
}

/// The moment as `Sat Nov 21 03:47:59 2026 UTC`.
fn ctime(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let seconds = match args.given(0) {
        None => call.surroundings.now().as_secs() as i64,
        Some(_) => args.int(0)?,
    };
    let moment = Timestamp::from_second(seconds).map_err(|_| ErrorCode::InvArg)?;
    let local = moment.to_zoned(TimeZone::system());
    Ok(local.strftime("%a %b %e %H:%M:%S %Y %Z").to_string().into())
}
