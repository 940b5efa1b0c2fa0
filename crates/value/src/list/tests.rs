//! Cases of lists: agreement with a vector, sharing, sizes, depth.

use proptest::prelude::*;

use super::*;
use crate::{ErrorCode, Map, STACK_BYTES_MIN};

fn ints(numbers: &[i64]) -> List {
    numbers.iter().map(|n| Value::Int(*n)).collect()
}

/// A list nested to `depth`.
fn nest(depth: u32) -> Value {
    let mut value = Value::from(Vec::new());
    for _ in 1..depth {
        value = Value::from(vec![value]);
    }
    value
}

fn with_stack_min(check: fn()) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES_MIN);
    thread
        .spawn(check)
        .expect("a thread starts")
        .join()
        .expect("the check passes");
}

#[test]
fn nests_to_the_bound_and_not_past_it() {
    with_stack_min(|| {
        let mut deepest = nest(DEPTH_MAX);
        assert_eq!(deepest.depth(), DEPTH_MAX);
        assert!(!deepest.nestable());
        assert_eq!(deepest, nest(DEPTH_MAX));
        let mut bytes = Vec::new();
        crate::codec::encode(&deepest, &mut bytes);
        let decoded = crate::codec::decode(&mut &bytes[..], &mut crate::codec::NoHandles);
        assert_eq!(decoded.as_ref(), Ok(&deepest));
        assert_eq!(deepest.to_literal().len(), 2 * DEPTH_MAX as usize);
        for _ in 0..3 {
            deepest = Value::from(vec![deepest]);
            assert!(deepest.depth() <= DEPTH_MAX);
        }
        let quota = Value::Err(ErrorCode::Quota);
        let mut list = ints(&[1]);
        list.push(nest(DEPTH_MAX));
        list.set(0, nest(DEPTH_MAX));
        list.insert(0, nest(DEPTH_MAX - 1));
        assert_eq!(list.as_slice()[1..], [quota.clone(), quota.clone()]);
        assert_eq!(list.depth(), DEPTH_MAX);
        let mut map = Map::new();
        map.insert_value(Value::Int(1), nest(DEPTH_MAX));
        assert_eq!(map.get(&Value::Int(1)), Some(&quota));
    });
}

#[test]
fn maps_nest_to_the_bound_too() {
    with_stack_min(|| {
        let mut value = Value::Map(Map::new());
        for _ in 1..DEPTH_MAX {
            let mut map = Map::new();
            map.insert_value(Value::Int(1), value);
            value = map.into();
        }
        assert_eq!(value.depth(), DEPTH_MAX);
        let mut bytes = Vec::new();
        crate::codec::encode(&value, &mut bytes);
        let decoded = crate::codec::decode(&mut &bytes[..], &mut crate::codec::NoHandles);
        assert_eq!(decoded.as_ref(), Ok(&value));
    });
}

#[test]
fn integers_replace_integers_of_an_own_list_only() {
    let mut list = List::from_vec(vec![Value::Int(1), Value::from("a")]);
    let bytes = list.bytes();
    assert!(list.replace_int(0, 7));
    assert!(!list.replace_int(1, 7), "not an integer");
    assert!(!list.replace_int(2, 7), "past the end");
    assert!(!List::new().replace_int(0, 7));
    let other = list.clone();
    assert!(!list.replace_int(0, 8), "held by another");
    assert_eq!(other.as_slice(), [Value::Int(7), Value::from("a")]);
    assert_eq!(list.bytes(), bytes);
}

#[test]
fn changes_never_reach_another_holder() {
    let mut list = ints(&[1, 2, 3]);
    let shared = list.clone();
    list.push(Value::Int(4));
    list.set(0, Value::Int(9));
    list.remove(1);
    assert_eq!(shared, ints(&[1, 2, 3]));
    assert_eq!(list, ints(&[9, 3, 4]));
}

#[test]
fn pushing_in_place_keeps_the_allocation() {
    let mut list = List::new();
    let mut moves = 0;
    let mut at = list.as_slice().as_ptr();
    for i in 0..100_000 {
        list.push(Value::Int(i));
        moves += usize::from(at != list.as_slice().as_ptr());
        at = list.as_slice().as_ptr();
    }
    assert!(moves < 40, "{moves} reallocations");
    assert_eq!(list.len(), 100_000);
}

#[test]
fn a_taken_item_can_be_changed_in_place() {
    let mut list: List = [ints(&[1, 2]).into(), Value::Int(3)].into_iter().collect();
    let mut inner = list.take(0).into_list().expect("a list");
    assert!(inner.is_unique());
    inner.set(0, Value::Int(7));
    list.set(0, inner.into());
    assert_eq!(Value::from(list).to_literal(), "{{7, 2}, 3}");
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Insert(usize, u8),
    Set(usize, u8),
    Take(usize),
    Remove(usize),
    Keep(usize, usize),
    Splice(usize, usize, usize),
    Share,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u8>().prop_map(Step::Push),
        (any::<usize>(), any::<u8>()).prop_map(|(i, x)| Step::Insert(i, x)),
        (any::<usize>(), any::<u8>()).prop_map(|(i, x)| Step::Set(i, x)),
        any::<usize>().prop_map(Step::Take),
        any::<usize>().prop_map(Step::Remove),
        (any::<usize>(), any::<usize>()).prop_map(|(i, j)| Step::Keep(i, j)),
        (any::<usize>(), any::<usize>(), 0..5usize).prop_map(|(i, j, n)| Step::Splice(i, j, n)),
        Just(Step::Share),
    ]
}

/// Values of different sizes and depths, chosen by a number.
fn sample(x: u8) -> Value {
    match x % 4 {
        0 => Value::Int(x.into()),
        1 => Value::from("s".repeat(x.into())),
        2 => ints(&vec![1; usize::from(x % 5)]).into(),
        _ => Value::from(f64::from(x)),
    }
}

fn range(i: usize, j: usize, len: usize) -> Range<usize> {
    let (i, j) = (i % (len + 1), j % (len + 1));
    i.min(j)..i.max(j)
}

fn apply(step: &Step, list: &mut List, model: &mut Vec<Value>, holders: &mut Vec<List>) {
    let len = model.len();
    match *step {
        Step::Push(x) => {
            list.push(sample(x));
            model.push(sample(x));
        }
        Step::Insert(i, x) => {
            list.insert(i % (len + 1), sample(x));
            model.insert(i % (len + 1), sample(x));
        }
        Step::Set(i, x) if len > 0 => {
            list.set(i % len, sample(x));
            model[i % len] = sample(x);
        }
        Step::Take(i) if len > 0 => assert_eq!(list.take(i % len), model[i % len].take()),
        Step::Remove(i) if len > 0 => assert_eq!(list.remove(i % len), model.remove(i % len)),
        Step::Keep(i, j) => {
            list.keep(range(i, j, len));
            *model = model[range(i, j, len)].to_vec();
        }
        Step::Splice(i, j, n) => {
            let with: List = (0..n as u8).map(sample).collect();
            list.splice_range(range(i, j, len), &with);
            model.splice(range(i, j, len), with.into_vec());
        }
        Step::Share => holders.push(list.clone()),
        Step::Set(..) | Step::Take(_) | Step::Remove(_) => {}
    }
}

proptest! {
    #[test]
    fn agrees_with_a_vector(steps in prop::collection::vec(step(), 0..40)) {
        let (mut list, mut model, mut holders) = (List::new(), Vec::new(), Vec::new());
        for step in &steps {
            apply(step, &mut list, &mut model, &mut holders);
            prop_assert_eq!(list.as_slice(), &model[..]);
            prop_assert_eq!(list.bytes(), SLOT_BYTES + model.iter().map(Value::bytes).sum::<usize>());
            let exact = 1 + model.iter().map(Value::depth).max().unwrap_or(0);
            prop_assert!(list.depth() >= exact && list.depth() <= 2);
        }
    }
}
