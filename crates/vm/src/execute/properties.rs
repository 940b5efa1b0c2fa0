//! Reading and writing properties.

use moor_bytecode::{Instruction as I, RESULT};
use moor_value::{Flyweight, ObjId, RESERVED_SLOTS, Symbol, Value, ValueType};

use super::{Computed, Done, Step, foreign};
use crate::host::{Host, Name};
use crate::raise::Raise;

/// Carries out an instruction of this family.
#[inline(always)]
pub(super) fn execute<H: Host>(step: &mut Step<'_>, host: &mut H, instruction: I) -> Done {
    let perms = step.frame().perms;
    let program = step.program;
    let fixed = |name: u16| {
        let name = &program.names[usize::from(name)];
        Name {
            symbol: Some(name.symbol),
            text: name.text.as_str(),
        }
    };
    match instruction {
        I::GetProp { dst, obj, name } => {
            let value = read(host, step.get(obj), fixed(name), perms);
            step.finish(value, dst, &[obj])
        }
        I::GetSystem { dst, name } => {
            let value = read(host, &Value::Obj(ObjId::SYSTEM), fixed(name), perms);
            step.finish(value, dst, &[])
        }
        I::GetPropDyn { dst, obj, name } => {
            let computed = computed_name(step.get(name));
            let value = computed.and_then(|name| read(host, step.get(obj), name, perms));
            step.finish(value, dst, &[obj, name])
        }
        I::SetProp {
            flags,
            obj,
            name,
            value,
        } => {
            let new = match step.kept(value, flags) {
                Ok(new) => new,
                Err(raise) => return step.fail(raise, value, &[value]),
            };
            let written = write(host, step.get(obj), fixed(name), new, perms);
            finish_write(step, written, flags, value, &[obj])
        }
        I::SetPropDyn {
            flags,
            obj,
            name,
            value,
        } => {
            let new = match step.kept(value, flags) {
                Ok(new) => new,
                Err(raise) => return step.fail(raise, value, &[value]),
            };
            let computed = computed_name(step.get(name));
            let written = computed.and_then(|name| write(host, step.get(obj), name, new, perms));
            finish_write(step, written, flags, value, &[obj, name])
        }
        _ => foreign(instruction),
    }
}

fn computed_name(name: &Value) -> Result<Name<'_>, Box<Raise>> {
    let text = name.name_text();
    let text = text.ok_or_else(|| Raise::type_mismatch(name, &[ValueType::Str]))?;
    let symbol = Symbol::lookup(text);
    Ok(Name { symbol, text })
}

fn read<H: Host>(host: &mut H, object: &Value, name: Name<'_>, perms: ObjId) -> Computed {
    if let Value::Fly(flyweight) = object {
        return read_slot(host, flyweight, name, perms);
    }
    host.get_property(object, name, perms)
        .map_err(|code| Raise::property(code, object, name.text))
}

/// What a flyweight has under a name: its own delegate and slots, a slot, or the delegate's property.
fn read_slot<H: Host>(
    host: &mut H,
    flyweight: &Flyweight,
    name: Name<'_>,
    perms: ObjId,
) -> Computed {
    let [delegate, slots] = RESERVED_SLOTS;
    let object = Value::Obj(flyweight.delegate());
    let is = |reserved: &str| name.text.eq_ignore_ascii_case(reserved);
    match flyweight.slot(name.text) {
        Some(value) => Ok(value.clone()),
        None if is(delegate) => Ok(object),
        None if is(slots) => Ok(Value::Map(flyweight.slots().clone())),
        None => read(host, &object, name, perms),
    }
}

fn write<H: Host>(host: &mut H, object: &Value, name: Name<'_>, new: Value, perms: ObjId) -> Done {
    host.set_property(object, name, new, perms)
        .map_err(|code| Raise::property(code, object, name.text))
}

/// An error that is not raised becomes the value of the assignment where that is used.
fn finish_write(step: &mut Step<'_>, written: Done, flags: u8, value: u16, used: &[u16]) -> Done {
    let Err(raise) = written else {
        return Ok(());
    };
    let code = step.unraised(raise, used)?;
    if flags & RESULT != 0 {
        step.set(value, code);
    }
    Ok(())
}
