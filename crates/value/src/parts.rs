//! What a value holds, one level at a time, for whoever looks for something in values.
//!
//! In: a value. Out: each value directly in it: elements, keys, entries, slots, what
//! a function captured. What waifs and anonymous objects hold is
//! the world's knowledge.

use crate::Value;

impl Value {
    /// Calls `visit` with each value directly in this one.
    pub fn for_each_part<'a>(&'a self, visit: &mut dyn FnMut(&'a Value)) {
        match self {
            Value::List(list) => list.iter().for_each(visit),
            Value::Map(map) => entries(map, visit),
            Value::Fly(flyweight) => {
                entries(flyweight.slots(), visit);
                flyweight.contents().iter().for_each(visit);
            }
            Value::Lambda(function) => function.for_each_part(visit),
            _ => {}
        }
    }

    /// Whether nobody else holds this value, nor what its parts are kept in, so that each part is met here only.
    pub fn is_unique(&self) -> bool {
        match self {
            Value::List(list) => list.is_unique(),
            Value::Map(map) => map.is_unique(),
            Value::Fly(flyweight) => flyweight.is_unique(),
            Value::Lambda(function) => function.is_unique(),
            _ => true,
        }
    }

    /// Whether the value may hold others.
    pub fn has_parts(&self) -> bool {
        matches!(
            self,
            Value::List(_) | Value::Map(_) | Value::Fly(_) | Value::Lambda(_)
        )
    }
}

fn entries<'a>(map: &'a crate::Map, visit: &mut dyn FnMut(&'a Value)) {
    for (key, value) in map {
        visit(key);
        visit(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flyweight, List, ObjId};

    #[test]
    fn every_part_is_visited() {
        let contents: List = vec![Value::Int(3)].into();
        let flyweight = Flyweight::new(ObjId(1), contents).expect("it is not deep");
        let flyweight = flyweight.with_slot("a", 2.into()).expect("a slot");
        let value = Value::from(vec![Value::Int(1), Value::Fly(flyweight)]);
        let (mut numbers, mut open) = (Vec::new(), vec![&value]);
        while let Some(next) = open.pop() {
            assert_eq!(
                next.has_parts(),
                next.as_int().is_none() && !matches!(next, Value::Sym(_))
            );
            numbers.extend(next.as_int());
            next.for_each_part(&mut |part| open.push(part));
        }
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3]);
    }
}
