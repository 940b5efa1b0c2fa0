//! Functions as values: canonical source, the values that it captured, and whose it is.
//!
//! In: what a program says at the place where it makes a function. Out: a counted value that whoever has it may call, store
//! and compare. It holds no code: who runs functions keeps what it compiled in the slot that each has for it. It knows nothing
//! of what source means.
//!
//! What a function captures are values, taken when it is made. So none can ever contain itself, and everything about a
//! function is bounded as for lists.

use std::any::Any;
use std::fmt;
use std::sync::OnceLock;

use triomphe::Arc;

use crate::fold::Case;
use crate::value::{DEPTH_MAX, SLOT_BYTES};
use crate::{ObjId, Str, Value};

/// A function.
#[derive(Clone)]
pub struct Lambda(Arc<Body>);

/// Where a function was made: what its code sees of it, and what tracebacks say.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// `this` of the verb that made it, and of its own code.
    pub this: Value,
    /// Whose permissions it has.
    pub programmer: ObjId,
    /// The object that defines the verb.
    pub definer: Value,
    /// The names of the verb.
    pub verb_names: Str,
    /// Whether errors are raised rather than returned.
    pub debug: bool,
    /// The line of the verb where its source begins, from 1.
    pub line: u32,
}

/// What whoever runs functions keeps with one.
pub type Ready = Box<dyn Any + Send + Sync>;

struct Body {
    source: Str,
    captured: Box<[(Str, Value)]>,
    origin: Origin,
    depth: u32,
    bytes: usize,
    ready: OnceLock<Ready>,
}

const _: () = assert!(size_of::<Lambda>() == 8);

impl Lambda {
    /// A function of that source, with the variables that it captured and that had a value, by name and in the order in
    /// which the source mentions them. None when they may not nest any deeper.
    pub fn new(source: Str, captured: Vec<(Str, Value)>, origin: Origin) -> Option<Self> {
        let held = || {
            captured
                .iter()
                .map(|(_, value)| value)
                .chain([&origin.this])
        };
        let depth = 1 + held().map(Value::depth).max().unwrap_or(0);
        let bytes = held().map(Value::bytes).fold(0, usize::saturating_add);
        let bytes = bytes.saturating_add(2 * SLOT_BYTES + source.len_bytes());
        (depth <= DEPTH_MAX).then(|| {
            Self(Arc::new(Body {
                source,
                captured: captured.into(),
                origin,
                depth,
                bytes,
                ready: OnceLock::new(),
            }))
        })
    }

    /// The canonical source, lines separated by line ends.
    pub fn source(&self) -> &Str {
        &self.0.source
    }

    /// The variables that it captured, by name.
    pub fn captured(&self) -> &[(Str, Value)] {
        &self.0.captured
    }

    /// Where it was made.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// A function like this one that captured other values under the same names. None when they may not nest any deeper.
    #[must_use]
    pub fn with_values(&self, this: Value, values: Vec<Value>) -> Option<Self> {
        let names = self.captured().iter().map(|(name, _)| name.clone());
        let origin = Origin {
            this,
            ..self.origin().clone()
        };
        Self::new(self.source().clone(), names.zip(values).collect(), origin)
    }

    /// What was kept with it, or what `prepare` makes to be kept from now on.
    ///
    /// # Errors
    /// Those of `prepare`; nothing is kept then.
    pub fn ready<E>(&self, prepare: impl FnOnce(&Self) -> Result<Ready, E>) -> Result<&Ready, E> {
        if let Some(ready) = self.0.ready.get() {
            return Ok(ready);
        }
        let made = prepare(self)?;
        Ok(self.0.ready.get_or_init(|| made))
    }

    /// Whether nobody else holds it.
    pub(crate) fn is_unique(&self) -> bool {
        self.0.is_unique()
    }

    /// Calls `visit` with each value in it.
    pub(crate) fn for_each_part<'a>(&'a self, visit: &mut dyn FnMut(&'a Value)) {
        self.captured().iter().for_each(|(_, value)| visit(value));
        visit(&self.0.origin.this);
        visit(&self.0.origin.definer);
    }

    /// See [`Value::depth`].
    pub(crate) fn depth(&self) -> u32 {
        self.0.depth
    }

    /// What it counts for in `value_bytes()`.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// Whether it is the same function, or says the same about the same values with the same permissions.
    pub(crate) fn equal(&self, other: &Self, case: Case) -> bool {
        let (a, b) = (&*self.0, &*other.0);
        let same =
            |(a, b): (&(Str, Value), &(Str, Value))| a.0.eq_fold(&b.0) && a.1.equal(&b.1, case);
        Arc::ptr_eq(&self.0, &other.0)
            || (a.source.eq_exact(&b.source)
                && a.origin.programmer == b.origin.programmer
                && a.origin.this.equal(&b.origin.this, case)
                && a.captured.len() == b.captured.len()
                && a.captured.iter().zip(&b.captured).all(same))
    }
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda")
            .field("source", &self.0.source)
            .field("captured", &self.0.captured)
            .field("origin", &self.0.origin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::List;

    fn origin(programmer: i64) -> Origin {
        Origin {
            this: Value::Obj(ObjId(1)),
            programmer: ObjId(programmer),
            definer: Value::Obj(ObjId(1)),
            verb_names: Str::new("v"),
            debug: true,
            line: 1,
        }
    }

    fn adder(n: i64, programmer: i64) -> Value {
        let captured = vec![(Str::new("n"), Value::Int(n))];
        let made = Lambda::new(Str::new("{x} => x + n"), captured, origin(programmer));
        Value::Lambda(made.expect("nothing is deep"))
    }

    #[test]
    fn functions_are_equal_when_all_that_they_do_is() {
        assert_eq!(adder(1, 2), adder(1, 2));
        assert_ne!(adder(1, 2), adder(2, 2));
        assert_ne!(adder(1, 2), adder(1, 3));
        assert_ne!(adder(1, 2), Value::Int(1));
    }

    #[test]
    fn what_a_function_captures_counts() {
        let captured = vec![(Str::new("text"), Value::from("x".repeat(1_000)))];
        let large = Lambda::new(Str::new("{} => text"), captured, origin(1)).expect("not deep");
        assert!(Value::Lambda(large).bytes() > 1_000);
    }

    #[test]
    fn depth_is_bounded() {
        let mut value = Value::Int(0);
        while value.nestable() {
            let captured = vec![(Str::new("f"), value)];
            let deeper = Lambda::new(Str::new("{} => f"), captured, origin(1));
            value = Value::Lambda(deeper.expect("it may nest"));
        }
        assert_eq!(value.depth(), DEPTH_MAX);
        let captured = vec![(Str::new("f"), value)];
        assert!(Lambda::new(Str::new("{} => f"), captured, origin(1)).is_none());
        let mut list = Value::List(List::new());
        while list.nestable() {
            list = vec![list].into();
        }
        assert!(Lambda::new(Str::new("{} => 1"), vec![(Str::new("l"), list)], origin(1)).is_none());
    }

    #[test]
    fn what_is_kept_is_made_once() {
        let Value::Lambda(function) = adder(1, 2) else {
            panic!("it is a function");
        };
        assert!(function.ready(|_| Err::<Ready, &str>("not now")).is_err());
        let first = function.ready(|_| Ok::<Ready, &str>(Box::new(1_u8)));
        assert_eq!(first.map(|ready| ready.downcast_ref::<u8>()), Ok(Some(&1)));
        let second = function.clone();
        let second = second.ready(|_| Ok::<Ready, &str>(Box::new(2_u8)));
        assert_eq!(second.map(|ready| ready.downcast_ref::<u8>()), Ok(Some(&1)));
    }
}
