//! References to anonymous objects that are no more.
//! In: descriptions of a world. Out: the same, in which all of them are one, as they are in files.

use moor_value::{AnonRef, Flyweight, Graveyard, Lambda, List, Map, Value};

use super::literal::Known;
use super::spec::{ObjectSpec, WorldSpec};

/// The id of the handle that stands for every anonymous object that is no more.
pub(crate) const GONE: u64 = 0;

/// Makes the references to what is no more the same everywhere.
pub(crate) fn settle(world: &mut WorldSpec, known: &dyn Known) {
    let gone = Value::Anon(AnonRef::new(GONE, Graveyard::new()));
    let settle = |value: &mut Value| {
        if let Some(settled) = settled(value, known, &gone) {
            *value = settled;
        }
    };
    for object in world.objects.values_mut().chain(world.anons.values_mut()) {
        values(object).for_each(settle);
    }
    for waif in world.waifs.values_mut() {
        waif.values
            .iter_mut()
            .map(|(_, value)| value)
            .for_each(settle);
    }
}

fn values(object: &mut ObjectSpec) -> impl Iterator<Item = &mut Value> {
    let own = object.properties.iter_mut().map(|one| &mut one.value);
    let inherited = object.overrides.iter_mut().map(|one| &mut one.value);
    own.chain(inherited).flatten()
}

/// The value with references to what is no more replaced; `None` where there are none.
fn settled(value: &Value, known: &dyn Known, gone: &Value) -> Option<Value> {
    let or_same = |one: &Value, new: Option<Value>| new.unwrap_or_else(|| one.clone());
    match value {
        Value::Anon(anon) => (!known.has_anon(anon.id())).then(|| gone.clone()),
        Value::List(list) => {
            let items: Vec<_> = list.iter().map(|item| settled(item, known, gone)).collect();
            items.iter().any(Option::is_some).then(|| {
                let items = list.iter().zip(items);
                let items: List = items.map(|(item, new)| or_same(item, new)).collect();
                Value::List(items)
            })
        }
        Value::Map(map) => {
            let pair = |(key, value): (&Value, &Value)| {
                let new = (settled(key, known, gone), settled(value, known, gone));
                (key.clone(), value.clone(), new)
            };
            let pairs: Vec<_> = map.iter().map(pair).collect();
            let changes = pairs
                .iter()
                .any(|(_, _, (key, value))| key.is_some() || value.is_some());
            changes.then(|| {
                let mut settled = Map::new();
                for (key, value, (new_key, new_value)) in pairs {
                    settled.insert_value(new_key.unwrap_or(key), new_value.unwrap_or(value));
                }
                Value::Map(settled)
            })
        }
        Value::Fly(flyweight) => settled_flyweight(flyweight, known, gone),
        Value::Lambda(function) => settled_function(function, known, gone),
        _ => None,
    }
}

fn settled_function(function: &Lambda, known: &dyn Known, gone: &Value) -> Option<Value> {
    let held = || {
        let captured = function.captured().iter().map(|(_, value)| value);
        captured.chain([&function.origin().this])
    };
    let new: Vec<_> = held().map(|value| settled(value, known, gone)).collect();
    if new.iter().all(Option::is_none) {
        return None;
    }
    let all = held().zip(new);
    let mut all: Vec<_> = all
        .map(|(old, new)| new.unwrap_or_else(|| old.clone()))
        .collect();
    let this = all.pop()?;
    function.with_values(this, all).map(Value::Lambda)
}

fn settled_flyweight(flyweight: &Flyweight, known: &dyn Known, gone: &Value) -> Option<Value> {
    let slots = Value::Map(flyweight.slots().clone());
    let contents = Value::List(flyweight.contents().clone());
    let new = (
        settled(&slots, known, gone),
        settled(&contents, known, gone),
    );
    if new.0.is_none() && new.1.is_none() {
        return None;
    }
    let slots = new.0.unwrap_or(slots).into_map().ok()?;
    let contents = new.1.unwrap_or(contents).into_list().ok()?;
    Flyweight::with_slots(flyweight.delegate(), &slots, contents).map(Value::Fly)
}
