//! Cases of the codec: the documented layout, round trips, damaged and hostile bytes.

use proptest::prelude::*;
use triomphe::Arc;

use super::*;
use crate::Graveyard;

/// Makes a handle for every id below 100.
struct World(Arc<Graveyard>);

impl HandleResolver for World {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        (id < 100).then(|| AnonRef::new(id, self.0.clone()))
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        (id < 100).then(|| WaifRef::new(id, class, owner, self.0.clone()))
    }
}

fn error(name: &str, message: Option<&str>) -> Value {
    let name = ErrorName::from_text(name).expect("a name");
    ErrorValue::make(name, message.map(Str::new))
}

fn flyweight(slot: &str, value: Value, contents: Vec<Value>) -> Value {
    let made = Flyweight::new(ObjId(1), contents.into());
    let made = made.and_then(|made| made.with_slot(slot, value));
    made.expect("it is not deep").into()
}

fn function(name: &str, value: Value, this: Value) -> Value {
    let origin = Origin {
        this,
        programmer: ObjId(2),
        definer: Value::Obj(ObjId(1)),
        verb_names: Str::new("v"),
        debug: true,
        line: 3,
    };
    let captured = vec![(Str::new(name), value)];
    let made = Lambda::new(Str::new("{} => n"), captured, origin);
    made.expect("it is not deep").into()
}

fn decoded(mut bytes: &[u8]) -> Result<Value, DecodeError> {
    decode(&mut bytes, &mut World(Graveyard::new()))
}

#[test]
fn the_layout_is_the_documented_one() {
    let graveyard = Graveyard::new();
    let map: Map = [(MapKey::new("k".into()).expect("a key"), Value::Bool(true))]
        .into_iter()
        .collect();
    let cases: Vec<(Value, &[u8])> = vec![
        (Value::None, &[0]),
        (Value::Int(0), &[1, 0]),
        (Value::Int(-1), &[1, 1]),
        (Value::Int(64), &[1, 0x80, 1]),
        (Value::Float(1.0), &[2, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        (ObjId(-1).into(), &[3, 1]),
        (ErrorCode::Perm.into(), &[4, 3]),
        (Value::Bool(false), &[5]),
        ("é".into(), &[7, 2, 0xc3, 0xa9]),
        (vec![Value::Int(1), "".into()].into(), &[8, 2, 1, 2, 7, 0]),
        (map.into(), &[9, 1, 7, 1, b'k', 6]),
        (AnonRef::new(5, graveyard.clone()).into(), &[10, 5]),
        (
            WaifRef::new(5, ObjId(1), ObjId(2), graveyard).into(),
            &[11, 5, 2, 4],
        ),
        (Sym::new("Ab").into(), &[12, 2, b'A', b'b']),
        (error("E_PERM", Some("no")), &[13, 3, 1, 2, b'n', b'o']),
        (error("E_A", None), &[13, 255, 3, b'E', b'_', b'A', 0]),
        (Binary::from_vec(vec![0, 9]).into(), &[14, 2, 0, 9]),
        (
            flyweight("a", true.into(), vec![Value::Int(1)]),
            &[15, 2, 1, 1, b'a', 6, 1, 1, 2],
        ),
        (
            function("n", Value::Int(1), Value::Bool(true)),
            &[
                16, 7, b'{', b'}', b' ', b'=', b'>', b' ', b'n', 1, 1, b'n', 1, 2, 6, 4, 3, 2, 1,
                b'v', 1, 3,
            ],
        ),
    ];
    for (value, expected) in cases {
        let mut bytes = Vec::new();
        encode(&value, &mut bytes);
        assert_eq!(bytes, expected, "{value:?}");
        assert_eq!(decoded(&bytes), Ok(value));
    }
}

#[test]
fn damage_has_a_name() {
    let cases: &[(&[u8], DecodeError)] = &[
        (&[], DecodeError::Truncated),
        (&[99], DecodeError::Tag(99)),
        (&[12, 1, 0xff], DecodeError::Text),
        (&[13, 99, 0], DecodeError::ErrorCode(99)),
        (&[13, 255, 1, b'x', 0], DecodeError::Name),
        (
            &[13, 255, 6, b'E', b'_', b'P', b'E', b'R', b'M', 0],
            DecodeError::Name,
        ),
        (&[13, 3, 2], DecodeError::Tag(2)),
        (&[14, 2, 0], DecodeError::Truncated),
        (
            &[15, 2, 1, 5, b's', b'l', b'o', b't', b's', 0, 0],
            DecodeError::Name,
        ),
        (&[15, 2, 2, 1, b'a', 0, 1, b'A', 0, 0], DecodeError::Key),
        (&[15, 2, 0xff, 0xff, 0x7f, 0], DecodeError::Truncated),
        (&[9, 1, 15, 2, 0, 0, 0], DecodeError::Key),
        (&[16, 0, 0xff, 0xff, 0x7f, 0], DecodeError::Truncated),
        (&[16, 1, 0xff], DecodeError::Text),
        (
            &[16, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10],
            DecodeError::Number,
        ),
        (&[9, 1, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0], DecodeError::Key),
        (&[1, 0x80], DecodeError::Truncated),
        (
            &[1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
            DecodeError::Number,
        ),
        (
            &[1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 129, 0],
            DecodeError::Number,
        ),
        (&[7, 1, 0xff], DecodeError::Text),
        (&[7, 2, 0], DecodeError::Truncated),
        (&[4, 99], DecodeError::ErrorCode(99)),
        (
            &[8, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
            DecodeError::Truncated,
        ),
        (&[9, 1, 8, 0, 0], DecodeError::Key),
        (&[9, 2, 7, 1, b'a', 0, 7, 1, b'A', 0], DecodeError::Key),
        (&[10, 100], DecodeError::Handle(100)),
        (&[2, 0, 0], DecodeError::Truncated),
    ];
    for (bytes, error) in cases {
        assert_eq!(decoded(bytes), Err(*error), "{bytes:?}");
    }
}

#[test]
fn nesting_is_bounded() {
    let check = || {
        for level in [
            &[8u8, 1][..],
            &[15, 0, 0, 1],
            &[15, 0, 1, 1, b'a'],
            &[16, 0, 1, 1, b'n'],
            &[16, 0, 0],
        ] {
            let bytes = level.repeat(DEPTH_MAX as usize * 10);
            assert_eq!(decoded(&bytes), Err(DecodeError::Depth));
        }
    };
    let thread = std::thread::Builder::new().stack_size(crate::STACK_BYTES_MIN);
    let thread = thread.spawn(check).expect("a thread starts");
    thread.join().expect("the check passes");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::Int),
        any::<f64>()
            .prop_filter("floats are finite", |x| x.is_finite())
            .prop_map(Value::Float),
        any::<i64>().prop_map(|n| Value::Obj(ObjId(n))),
        (0..19i64).prop_map(|n| Value::Err(ErrorCode::from_number(n).expect("a code"))),
        any::<bool>().prop_map(Value::Bool),
        ".{0,40}".prop_map(Value::from),
        ".{0,20}".prop_map(|text| Sym::new(&text).into()),
        ("E_[A-Z]{1,6}|e_perm|E_DIV", prop::option::of(".{0,9}"))
            .prop_map(|(name, message)| error(&name, message.as_deref())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Binary::from_vec(bytes).into()),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            (
                "[a-c]",
                inner.clone(),
                prop::collection::vec(inner.clone(), 0..4)
            )
                .prop_map(|(slot, value, contents)| flyweight(&slot, value, contents)),
            ("[a-c]", inner.clone(), inner.clone())
                .prop_map(|(name, value, this)| function(&name, value, this)),
            prop::collection::vec((inner.clone(), inner), 0..8).prop_map(|entries| {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert_value(key, value);
                }
                Value::from(map)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(value in value()) {
        let mut bytes = Vec::new();
        encode(&value, &mut bytes);
        let mut input = &bytes[..];
        let back = decode(&mut input, &mut NoHandles);
        prop_assert!(input.is_empty());
        let back = back.expect("own bytes decode");
        prop_assert!(back.equal_case_sensitive(&value));
        prop_assert_eq!(back.bytes(), value.bytes());
        for cut in 0..bytes.len() {
            prop_assert!(decode(&mut &bytes[..cut], &mut NoHandles).is_err());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decoded(&bytes);
    }

    #[test]
    fn no_damage_panics(value in value(), at in any::<usize>(), with in any::<u8>()) {
        let mut bytes = Vec::new();
        encode(&value, &mut bytes);
        let at = at % bytes.len();
        bytes[at] = with;
        let _ = decoded(&bytes);
    }
}
