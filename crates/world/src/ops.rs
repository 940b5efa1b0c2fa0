//! The operations of the language on objects, each with its permission check.
//! In: the permissions that a task runs with, entities, names, values. Out: values, or the error that the program
//! sees. Which checks come first is ToastStunt's order.
//!
//! The check happens here and nowhere else. Operations whose names begin with `raw_` have none: they are the parts of
//! `create()`, `move()` and `recycle()` that come after the verbs that the runtime calls in between.

mod anonymous;
mod builtin;
mod creation;
mod definitions;
mod described;
mod hierarchy;
mod layout;
mod listing;
mod movement;
mod object;
mod properties;
mod renumber;
mod verbs;

pub use builtin::{Builtin, BuiltinSet};
pub use described::{MakeCode, Misfit, NewObject};
pub use object::ObjectFlags;
pub use verbs::{VerbDesc, VerbInfo};

/// What an operation answers: a result, or the error that the program sees.
pub type MooResult<T> = Result<T, moor_value::ErrorCode>;
