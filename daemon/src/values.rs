//! Values on their way to workers and web pages, and back.
//!
//! In: the world's values, or a peer's. Out: the other of the two, or what is wrong. Symbols travel as strings, errors
//! by their names. Anonymous objects, waifs, flyweights and binaries are nobody's but the daemon's: they do not go to a
//! worker, and on a page they are their literals.

use moor_rpc::{WIRE_DEPTH_MAX, WIRE_VALUES_MAX, WireValue};
use moor_value::{ErrorName, List, Map, ObjId, Str, Value};

/// Why a value does not travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TravelError {
    /// It holds an anonymous object, a waif, a flyweight or a binary.
    #[error("anonymous objects, waifs, flyweights and binaries cannot leave the daemon")]
    NotPortable,
    /// It is nested deeper, or has more values, than a message may hold.
    #[error(
        "the value is nested deeper than {WIRE_DEPTH_MAX} or has more than {WIRE_VALUES_MAX} values"
    )]
    TooLarge,
    /// It is no value of the language: a float that is no number, a list as a key, an unknown error.
    #[error("the value is none of the language")]
    Alien,
}

/// What becomes of a value that has no form outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Homebound {
    Refused,
    Shown,
}

/// A value for a worker.
///
/// # Errors
/// [`TravelError::NotPortable`], [`TravelError::TooLarge`].
pub(crate) fn to_worker(value: &Value) -> Result<WireValue, TravelError> {
    Packer::new(Homebound::Refused).value(value, WIRE_DEPTH_MAX)
}

/// A value to be shown.
///
/// # Errors
/// [`TravelError::TooLarge`].
pub(crate) fn to_page(value: &Value) -> Result<WireValue, TravelError> {
    Packer::new(Homebound::Shown).value(value, WIRE_DEPTH_MAX)
}

struct Packer {
    homebound: Homebound,
    values_left: usize,
}

impl Packer {
    fn new(homebound: Homebound) -> Self {
        Self {
            homebound,
            values_left: WIRE_VALUES_MAX,
        }
    }

    fn value(&mut self, value: &Value, depth_left: usize) -> Result<WireValue, TravelError> {
        self.values_left = self
            .values_left
            .checked_sub(1)
            .ok_or(TravelError::TooLarge)?;
        let inside = || depth_left.checked_sub(1).ok_or(TravelError::TooLarge);
        Ok(match value {
            Value::Int(number) => WireValue::Int(*number),
            Value::Float(number) => WireValue::Float(*number),
            // Pages count numbers by less than 64 bits.
            Value::Obj(object) if object.is_unique() && self.homebound == Homebound::Shown => {
                WireValue::Str(object.to_string())
            }
            Value::Obj(object) => WireValue::Obj(object.0),
            Value::Err(code) => WireValue::Err(code.name().to_owned()),
            Value::Error(error) => WireValue::Err(error.name().as_str().to_owned()),
            Value::Sym(symbol) => WireValue::Str(symbol.as_str().to_owned()),
            Value::Bool(truth) => WireValue::Bool(*truth),
            Value::Str(text) => WireValue::Str(text.as_str().to_owned()),
            Value::List(list) => {
                let depth_left = inside()?;
                let items = list.iter().map(|item| self.value(item, depth_left));
                WireValue::List(items.collect::<Result<_, _>>()?)
            }
            Value::Map(map) => {
                let depth_left = inside()?;
                let entries = map.iter().map(|(key, value)| {
                    Ok((self.value(key, depth_left)?, self.value(value, depth_left)?))
                });
                WireValue::Map(entries.collect::<Result<_, _>>()?)
            }
            Value::Anon(_)
            | Value::Waif(_)
            | Value::Binary(_)
            | Value::Fly(_)
            | Value::Lambda(_)
                if self.homebound == Homebound::Shown =>
            {
                WireValue::Str(value.to_literal())
            }
            Value::None
            | Value::Anon(_)
            | Value::Waif(_)
            | Value::Binary(_)
            | Value::Fly(_)
            | Value::Lambda(_) => {
                return Err(TravelError::NotPortable);
            }
        })
    }
}

/// A value of a worker, whose nesting the codec has bounded.
///
/// # Errors
/// [`TravelError::Alien`].
pub(crate) fn from_wire(value: WireValue) -> Result<Value, TravelError> {
    Ok(match value {
        WireValue::Int(number) => Value::Int(number),
        WireValue::Float(number) if number.is_finite() => Value::Float(number),
        WireValue::Float(_) => return Err(TravelError::Alien),
        WireValue::Str(text) => Value::Str(Str::new(&text)),
        WireValue::Bool(truth) => Value::Bool(truth),
        WireValue::Obj(number) => Value::Obj(ObjId(number)),
        WireValue::Err(name) => ErrorName::from_text(&name)
            .ok_or(TravelError::Alien)?
            .into_value(),
        WireValue::List(items) => {
            let items = items.into_iter().map(from_wire);
            Value::List(List::from_vec(items.collect::<Result<_, _>>()?))
        }
        WireValue::Map(entries) => {
            let mut map = Map::default();
            for (key, value) in entries {
                if !map.insert_value(from_wire(key)?, from_wire(value)?) {
                    return Err(TravelError::Alien);
                }
            }
            Value::Map(map)
        }
    })
}

#[cfg(test)]
mod tests {
    use moor_value::{ErrorCode, ErrorValue, Flyweight, Sym};

    use super::*;

    fn nested(depth: usize) -> Value {
        (0..depth).fold(Value::Int(1), |inner, _| {
            Value::List(List::from_vec(vec![inner]))
        })
    }

    #[test]
    fn what_goes_out_comes_back() {
        let mut map = Map::default();
        assert!(map.insert_value(Value::from("key"), Value::Bool(true)));
        let value = Value::List(List::from_vec(vec![
            Value::Int(-1),
            Value::Float(1.5),
            Value::Obj(ObjId(7)),
            Value::Err(ErrorCode::Perm),
            Value::from("täxt"),
            Value::Map(map),
        ]));
        let wire = to_worker(&value).expect("portable");
        assert!(wire.fits());
        assert_eq!(from_wire(wire).expect("a value"), value);
    }

    #[test]
    fn kinds_without_a_form_of_their_own() {
        let says = ErrorValue::make(ErrorName::Known(ErrorCode::Perm), Some("no".into()));
        let wire = to_worker(&Value::from(vec![Sym::new("name").into(), says]));
        let expected = vec![
            WireValue::Str("name".into()),
            WireValue::Err("E_PERM".into()),
        ];
        assert_eq!(wire, Ok(WireValue::List(expected)));
        let flyweight = Flyweight::new(ObjId(1), List::new()).expect("it is not deep");
        let flyweight = Value::from(flyweight);
        assert_eq!(to_worker(&flyweight), Err(TravelError::NotPortable));
        assert_eq!(to_page(&flyweight), Ok(WireValue::Str("<#1>".into())));
        let unique = ObjId::unique(1, 2, 3);
        let shown = WireValue::Str("#000042-0000000003".into());
        assert_eq!(to_page(&unique.into()), Ok(shown));
        let sent = to_worker(&unique.into()).expect("portable");
        assert_eq!(from_wire(sent), Ok(unique.into()));
    }

    #[test]
    fn depth_and_number_at_their_bounds_and_one_past() {
        assert!(
            to_worker(&nested(WIRE_DEPTH_MAX))
                .expect("at the bound")
                .fits()
        );
        let deeper = to_worker(&nested(WIRE_DEPTH_MAX + 1));
        assert_eq!(deeper, Err(TravelError::TooLarge));
        let of = |count: usize| Value::List(List::from_vec(vec![Value::Int(0); count]));
        assert!(
            to_worker(&of(WIRE_VALUES_MAX - 1))
                .expect("at the bound")
                .fits()
        );
        assert_eq!(to_worker(&of(WIRE_VALUES_MAX)), Err(TravelError::TooLarge));
    }

    #[test]
    fn what_is_no_value_does_not_come_in() {
        let list = || WireValue::List(Vec::new());
        let alien = [
            WireValue::Float(f64::NAN),
            WireValue::Float(f64::INFINITY),
            WireValue::Err("NOPE".into()),
            WireValue::Map(vec![(list(), WireValue::Int(1))]),
            WireValue::List(vec![WireValue::Float(f64::NAN)]),
        ];
        for value in alien {
            assert_eq!(
                from_wire(value.clone()),
                Err(TravelError::Alien),
                "{value:?}"
            );
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts() {
        let entry = |value| (WireValue::Str("k".into()), WireValue::Int(value));
        let map = from_wire(WireValue::Map(vec![entry(1), entry(2)])).expect("a map");
        let map = map.into_map().expect("a map");
        assert_eq!(map.get(&Value::from("k")), Some(&Value::Int(2)));
    }
}
