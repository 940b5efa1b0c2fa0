//! Equality and order of values, as ToastStunt's `==`, `equal()`, `<` and map keys have them.
//!
//! In: two values. Out: whether they are equal, or which comes first. Recursion is bounded by the
//! depth that lists and maps keep.

use std::cmp::Ordering;

use crate::Value;
use crate::fold::{self, Case};

impl Value {
    /// What `equal()` says: as `==`, but letters that differ in case are different.
    pub fn equal_case_sensitive(&self, other: &Value) -> bool {
        equal(self, other, Case::Exact)
    }

    /// Equality with or without regard to case.
    pub fn equal(&self, other: &Value, case: Case) -> bool {
        equal(self, other, case)
    }

    /// The order of `<` and `>`: none where those raise E_TYPE (values of different kinds, lists,
    /// maps and flyweights). Errors are ordered by their names alone. Any two anonymous objects, and any two waifs, come out equal, as in ToastStunt.
    #[inline]
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => Some(a.partial_cmp(b).unwrap_or(Ordering::Equal)),
            (Value::Obj(a), Value::Obj(b)) => Some(a.cmp(b)),
            (Value::Err(a), Value::Err(b)) => Some(a.cmp(b)),
            (Value::Error(_), Value::Err(_) | Value::Error(_))
            | (Value::Err(_), Value::Error(_)) => Some(self.error_name().cmp(&other.error_name())),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Str(a), Value::Str(b)) => Some(a.cmp_fold(b)),
            (Value::Sym(a), Value::Sym(b)) => Some(a.cmp_fold(b)),
            (Value::Binary(a), Value::Binary(b)) => Some(a.as_slice().cmp(b.as_slice())),
            (Value::Anon(_), Value::Anon(_)) | (Value::Waif(_), Value::Waif(_)) => {
                Some(Ordering::Equal)
            }
            _ => None,
        }
    }
}

/// MOO's `==`: strings without regard to case; an integer never equals a float; a boolean
/// equals the integer 0 or 1; errors are equal whose names are, whatever they say.
impl PartialEq for Value {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        equal(self, other, Case::Fold)
    }
}

fn equal(a: &Value, b: &Value, case: Case) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => match case {
            Case::Fold => a.eq_fold(b),
            Case::Exact => a.eq_exact(b),
        },
        (Value::Obj(a), Value::Obj(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Err(a), Value::Err(b)) => a == b,
        (Value::Error(_), Value::Err(_) | Value::Error(_)) | (Value::Err(_), Value::Error(_)) => {
            equal_errors(a, b, case)
        }
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Bool(truth), Value::Int(n)) | (Value::Int(n), Value::Bool(truth)) => {
            *n == i64::from(*truth)
        }
        (Value::List(a), Value::List(b)) => {
            a.is_same(b) || (a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, case)))
        }
        (Value::Map(a), Value::Map(b)) => {
            let same = |((ka, va), (kb, vb))| equal(ka, kb, case) && equal(va, vb, case);
            a.is_same(b) || (a.len() == b.len() && a.iter().zip(b).all(same))
        }
        (Value::Anon(a), Value::Anon(b)) => a == b,
        (Value::Waif(a), Value::Waif(b)) => a == b,
        (Value::Sym(a), Value::Sym(b)) => a == b,
        (Value::Binary(a), Value::Binary(b)) => a == b,
        (Value::Fly(a), Value::Fly(b)) => a.equal(b, case),
        (Value::Lambda(a), Value::Lambda(b)) => a.equal(b, case),
        (Value::None, Value::None) => true,
        _ => false,
    }
}

/// `==` asks for the name only, `equal()` for what they say too.
fn equal_errors(a: &Value, b: &Value, case: Case) -> bool {
    a.error_name() == b.error_name()
        && match (a, b) {
            _ if case == Case::Fold => true,
            (Value::Error(a), Value::Error(b)) => a.says_the_same(b),
            _ => false,
        }
}

/// The order of map keys, total over everything that holds no other values: first by kind (integers, objects,
/// errors, floats, booleans, strings, anonymous objects, waifs, symbols, binaries), then within it.
#[inline]
pub(crate) fn key_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Str(a), Value::Str(b)) => fold::cmp(a.as_bytes(), b.as_bytes(), Case::Fold),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).unwrap_or_else(|| a.total_cmp(b)),
        (Value::Anon(a), Value::Anon(b)) => a.id().cmp(&b.id()),
        (Value::Waif(a), Value::Waif(b)) => a.id().cmp(&b.id()),
        _ => a
            .compare(b)
            .unwrap_or_else(|| key_rank(a).cmp(&key_rank(b))),
    }
}

/// ToastStunt compares the numbers of the kinds, and sets a high bit in those it counts references
/// of.
fn key_rank(value: &Value) -> u8 {
    match value {
        Value::Int(_) => 0,
        Value::Obj(_) => 1,
        Value::Err(_) | Value::Error(_) => 2,
        Value::Float(_) => 3,
        Value::Bool(_) => 4,
        Value::Str(_) => 5,
        Value::Anon(_) => 6,
        Value::Waif(_) => 7,
        Value::Sym(_) => 8,
        Value::Binary(_) => 9,
        Value::None | Value::List(_) | Value::Map(_) | Value::Fly(_) | Value::Lambda(_) => 10,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Binary, ErrorCode, ErrorName, ErrorValue, Flyweight, List, Map, ObjId, Sym};

    fn error(name: &str, message: &str) -> Value {
        let name = ErrorName::from_text(name).expect("a name");
        ErrorValue::make(name, Some(message.into()))
    }

    fn flyweight(slot: &str, value: Value) -> Value {
        let plain = Flyweight::new(ObjId(1), List::new()).expect("it is not deep");
        plain.with_slot(slot, value).expect("a slot").into()
    }

    #[test]
    fn equality_is_toaststunts() {
        let equals: &[(Value, Value)] = &[
            ("foo".into(), "FOO".into()),
            (true.into(), 1.into()),
            (0.into(), false.into()),
            (0.0.into(), (-0.0).into()),
            (vec!["a".into()].into(), vec!["A".into()].into()),
            (error("E_TYPE", "so"), ErrorCode::Type.into()),
            (error("E_MINE", "so"), error("e_mine", "or so")),
            (Sym::new("Foo").into(), Sym::new("foo").into()),
            (
                Binary::from_vec(vec![1]).into(),
                Binary::from_vec(vec![1]).into(),
            ),
            (flyweight("A", "x".into()), flyweight("a", "X".into())),
        ];
        let differs: &[(Value, Value)] = &[
            (1.into(), 1.0.into()),
            (true.into(), 2.into()),
            (true.into(), 1.0.into()),
            (ObjId(1).into(), 1.into()),
            (ErrorCode::Type.into(), 1.into()),
            ("É".into(), "e".into()),
            (Map::new().into(), Vec::new().into()),
            (Sym::new("foo").into(), "foo".into()),
            (error("E_TYPE", "so"), ErrorCode::Div.into()),
            (error("E_MINE", "so"), error("E_YOURS", "so")),
            (Binary::from_vec(vec![65]).into(), "A".into()),
            (flyweight("a", 1.into()), flyweight("a", 2.into())),
            (flyweight("a", 1.into()), flyweight("b", 1.into())),
        ];
        for (a, b) in equals {
            assert_eq!(a, b);
            assert_eq!(b, a);
        }
        for (a, b) in differs {
            assert_ne!(a, b);
            assert_ne!(b, a);
        }
        assert!(!equals[0].0.equal_case_sensitive(&equals[0].1));
        for at in [4, 5, 6, 9] {
            assert!(!equals[at].0.equal_case_sensitive(&equals[at].1), "{at}");
        }
        let says = |message| error("E_TYPE", message);
        assert!(says("a").equal_case_sensitive(&says("a")));
        assert!(!says("a").equal_case_sensitive(&says("A")));
    }

    /// Keys of every kind, many of them equal or near to each other.
    fn key() -> impl Strategy<Value = Value> {
        prop_oneof![
            (-2..2i64).prop_map(Value::Int),
            (-1..1i64).prop_map(|n| ObjId(n).into()),
            (0..2u16).prop_map(|n| ObjId::unique(n, 0, 0).into()),
            "[aAbB]{0,2}".prop_map(Value::from),
            "[aAbB]{0,2}".prop_map(|text| Sym::new(&text).into()),
            ("E_(PERM|A|a|B)", prop::option::of("[ab]")).prop_map(|(name, said)| {
                let name = ErrorName::from_text(&name).expect("a name");
                ErrorValue::make(name, said.map(Into::into))
            }),
            prop::collection::vec(0..2u8, 0..3).prop_map(|bytes| Binary::from_vec(bytes).into()),
        ]
    }

    proptest! {
        #[test]
        fn keys_have_one_order(a in key(), b in key(), c in key()) {
            let (ab, bc, ac) = (key_order(&a, &b), key_order(&b, &c), key_order(&a, &c));
            prop_assert_eq!(ab, key_order(&b, &a).reverse());
            prop_assert_eq!(ab.is_eq(), a == b);
            if ab == bc {
                prop_assert_eq!(ac, ab);
            }
            if let Some(order) = a.compare(&b) {
                prop_assert_eq!(order, ab);
            }
            if a.equal_case_sensitive(&b) {
                prop_assert_eq!(&a, &b);
            }
        }
    }

    #[test]
    fn order_is_within_a_kind() {
        assert_eq!(
            Value::from("B").compare(&"a".into()),
            Some(Ordering::Greater)
        );
        assert_eq!(Value::from(1).compare(&2.into()), Some(Ordering::Less));
        assert_eq!(
            Value::from(i64::MIN).compare(&i64::MAX.into()),
            Some(Ordering::Less)
        );
        assert_eq!(
            Value::from(Sym::new("B")).compare(&Sym::new("a").into()),
            Some(Ordering::Greater)
        );
        assert_eq!(
            error("E_A", "z").compare(&ErrorCode::Type.into()),
            Some(Ordering::Greater)
        );
        assert_eq!(
            flyweight("a", 1.into()).compare(&flyweight("a", 1.into())),
            None
        );
        assert_eq!(Value::from(1).compare(&2.0.into()), None);
        assert_eq!(Value::from(Vec::new()).compare(&Vec::new().into()), None);
    }
}
