//! Flyweights: made, looked into, copied with something changed.
//! In: delegates, slots, contents. Out: flyweights, or what they hold. Everybody may read what one holds, as everybody
//! may of a map.

use moor_value::{ErrorCode, Flyweight, List, Map, Value};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("toflyweight", 1..=3, [Obj, Map, List], MooR, toflyweight)
        .doc(
            "delegate slots contents",
            "FLYWEIGHT",
            "A flyweight with the verbs of an object, the entries of a map as slots (their keys are symbols or strings) \
             and a list as contents.",
        )
        .raises(
            "E_INVARG if a key cannot be the name of a slot, as `delegate` and `slots` cannot; E_QUOTA if it would be too \
             large or nest too deep",
        ),
    pure!("slots", 1..=1, [Flyweight], MooR, slots).doc(
        "flyweight",
        "MAP",
        "The slots: symbols to values.",
    ),
    pure!("flyslots", 1..=1, [Flyweight], MooR, slots).doc(
        "flyweight",
        "MAP",
        "The same as `slots()`.",
    ),
    pure!("addslot", 3..=3, [Flyweight, Name, Any], MooR, addslot)
        .doc(
            "flyweight slot value",
            "FLYWEIGHT",
            "A copy of the flyweight in which the slot has that value.",
        )
        .raises(
            "E_INVARG if no slot can have that name; E_QUOTA if it would be too large or nest too deep",
        ),
    pure!("flyslotset", 3..=3, [Flyweight, Name, Any], MooR, addslot)
        .doc(
            "flyweight slot value",
            "FLYWEIGHT",
            "The same as `addslot()`.",
        )
        .raises(
            "E_INVARG if no slot can have that name; E_QUOTA if it would be too large or nest too deep",
        ),
    pure!("removeslot", 2..=2, [Flyweight, Name], MooR, removeslot).doc(
        "flyweight slot",
        "FLYWEIGHT",
        "A copy of the flyweight without the slot, which need not be there.",
    ),
    pure!("flyslotremove", 2..=2, [Flyweight, Name], MooR, removeslot).doc(
        "flyweight slot",
        "FLYWEIGHT",
        "The same as `removeslot()`.",
    ),
    pure!("flycontents", 1..=1, [Flyweight], MooR, flycontents).doc(
        "flyweight",
        "LIST",
        "The contents.",
    ),
    pure!("flycontentsset", 2..=2, [Flyweight, List], MooR, flycontentsset)
        .doc(
            "flyweight contents",
            "FLYWEIGHT",
            "A copy of the flyweight with other contents.",
        )
        .raises("E_QUOTA if it would be too large or nest too deep"),
];

fn toflyweight(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let delegate = args.read(0, Value::as_obj)?;
    let slots = args
        .given(1)
        .map_or(Ok(Map::new()), |_| args.map(1).cloned())?;
    let contents = args
        .given(2)
        .map_or(Ok(List::new()), |_| args.list(2).cloned())?;
    call.charge(slots.len())?;
    let is_name = |key: &Value| key.name_text().is_some_and(Flyweight::is_slot_name);
    if !slots.keys().all(is_name) {
        return Err(ErrorCode::InvArg.into());
    }
    within(call, Flyweight::with_slots(delegate, &slots, contents))
}

fn slots(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    Ok(flyweight(args)?.slots().clone().into())
}

fn addslot(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let value = args[2].take();
    let name = args.str(1)?;
    if !Flyweight::is_slot_name(name.as_str()) {
        return Err(ErrorCode::InvArg.into());
    }
    let old = flyweight(args)?;
    call.charge(old.slots().len())?;
    within(call, old.with_slot(name.as_str(), value))
}

fn removeslot(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let old = flyweight(args)?;
    call.charge(old.slots().len())?;
    Ok(old.without_slot(args.str(1)?.as_str()).into())
}

fn flycontents(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    Ok(flyweight(args)?.contents().clone().into())
}

fn flycontentsset(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let contents = args.take_list(1)?;
    let made = flyweight(args)?.with_contents(contents);
    within(call, made)
}

/// E_QUOTA for a flyweight that nests too deep or is larger than a map may be.
fn within(call: &Call<'_>, made: Option<Flyweight>) -> Result<Value, Raise> {
    let made = Value::from(made.ok_or(ErrorCode::Quota)?);
    match made.bytes() <= call.limits.map_bytes_max {
        true => Ok(made),
        false => Err(ErrorCode::Quota.into()),
    }
}

fn flyweight(args: &[Value]) -> Result<&Flyweight, Raise> {
    match &args[0] {
        Value::Fly(flyweight) => Ok(flyweight),
        _ => Err(ErrorCode::Type.into()),
    }
}
