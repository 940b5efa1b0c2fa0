//! Verbs that builtins call: `:initialize`, `:accept`, `:exitfunc` and their like.
//!
//! In: an object, a verb's name, arguments, and where the builtin goes on. Out: the call, unless
//! the object has no such verb. What a builtin must remember is a value, so that a task that
//! suspends inside the verb can be stored.

use std::sync::Arc;

use moor_value::{ErrorCode, Str, Symbol, Value};
use moor_vm::{Call, Host, Name, PendingBuiltin};

use crate::builtins::Env;
use crate::registry::registry;

/// Where a builtin goes on when its verb has returned.
pub(super) struct Then {
    /// The builtin.
    pub(super) builtin: &'static str,
    /// The step; the lists of `callers()` show it in place of a line.
    pub(super) step: u32,
    /// What it must remember.
    pub(super) state: Value,
}

impl Then {
    /// The same as the machine keeps it.
    pub(super) fn pending(self) -> Option<Box<PendingBuiltin>> {
        let builtin = registry().number(self.builtin)?;
        Some(Box::new(PendingBuiltin {
            builtin,
            name: Symbol::intern(self.builtin),
            step: self.step,
            state: self.state,
        }))
    }
}

/// The call of `this:name(args)`; `None` when there is no such verb or no such object.
///
/// # Errors
/// `E_MAXREC` when there is, and the stack is full.
pub(super) fn verb(
    env: &mut Env<'_, '_, '_>,
    this: Value,
    name: &str,
    args: Vec<Value>,
    then: Then,
) -> Result<Option<Box<Call>>, ErrorCode> {
    let call_name = Name {
        symbol: Some(Symbol::intern(name)),
        text: name,
    };
    let Ok(verb) = env.stretch.find_verb(&this, call_name).map(Arc::clone) else {
        return Ok(None);
    };
    if env.context.depth() >= env.stretch.limits.stack_depth {
        return Err(ErrorCode::MaxRec);
    }
    Ok(Some(Box::new(Call {
        verb,
        this,
        called_as: Str::new(name),
        args,
        command: None,
        as_command: false,
        then: then.pending(),
    })))
}
