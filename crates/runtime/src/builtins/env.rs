//! What builtins that know the world get, and what they answer.
//!
//! In: the stretch that is running and the machine's stack. Out: a value, a verb to call, something
//! to wait for, or an error.

use moor_compiler::{Feature, Features};
use moor_value::{AnonRef, ErrorCode, MapKey, ObjId, Str, Sym, Value};
use moor_vm::{
    AbortReason, BuiltinOutcome, Call as VerbCall, Context, PendingBuiltin, SizeLimits, StackRow,
};
use moor_world::Entity;

use super::call::STEPS_BETWEEN_POLLS;
use super::{Call, Raise};
use crate::request::Request;
use crate::stretch::Stretch;

/// The surroundings of one call of a builtin that knows the world.
pub(crate) struct Env<'a, 'r, 'c> {
    /// The stretch: transaction, effects, limits, and through it the runtime.
    pub(crate) stretch: &'a mut Stretch<'r>,
    /// The machine's stack: permissions, callers, traceback.
    pub(crate) context: &'a mut Context<'c>,
}

/// What such a builtin answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Its value.
    Value(Value),
    /// A verb is to be called first.
    Call(Box<VerbCall>),
    /// The task waits.
    Suspend(Request),
    /// The task ends.
    Abort(AbortReason),
    /// 0, and the sizes of values are limited anew.
    Resize(SizeLimits),
}

/// The result of such a builtin.
pub(crate) type Reply = Result<Answer, Raise>;

/// The code of a builtin that knows the world. Arguments are checked and may be taken.
pub(crate) type ContextFn = fn(&mut Env<'_, '_, '_>, &mut [Value]) -> Reply;

/// Goes on with a builtin whose verb has returned: what it had to remember, the verb's result, and
/// whether the verb was left by an error.
pub(crate) type ResumeFn = fn(&mut Env<'_, '_, '_>, PendingBuiltin, Value, bool) -> Reply;

impl Env<'_, '_, '_> {
    /// Whose permissions the calling code has.
    pub(crate) fn perms(&self) -> ObjId {
        self.context.perms()
    }

    /// Which additions to the language there are.
    pub(crate) fn features(&self) -> Features {
        self.stretch.runtime.limits.features
    }

    /// Names of properties or verbs: symbols where the server answers symbols, else strings.
    pub(crate) fn names(&self, names: impl IntoIterator<Item = Str>) -> Vec<Value> {
        let symbols = self.features().has(Feature::UseSymbolsInBuiltins);
        let name = |name: Str| match symbols {
            true => Value::Sym(Sym::new(name.as_str())),
            false => Value::Str(name),
        };
        names.into_iter().map(name).collect()
    }

    /// Whether the calling code has a wizard's permissions.
    pub(crate) fn is_wizard(&mut self) -> bool {
        let perms = self.perms();
        self.stretch.txn.is_wizard(perms)
    }

    /// `E_PERM` unless the calling code has a wizard's permissions.
    pub(crate) fn wizard_only(&mut self) -> Result<(), Raise> {
        if self.is_wizard() {
            Ok(())
        } else {
            Err(ErrorCode::Perm.into())
        }
    }

    /// A value as the calling code may see it: an anonymous object that neither it nor a wizard owns is shown as
    /// none that exists.
    pub(crate) fn shown(&mut self, value: Value) -> Value {
        let Value::Anon(handle) = &value else {
            return value;
        };
        let perms = self.perms();
        let owns = self.stretch.txn.owner(Entity::anon(handle.id())) == perms;
        if owns || self.is_wizard() {
            value
        } else {
            Value::Anon(AnonRef::nobody())
        }
    }

    /// A row of a stack as the calling code may see it.
    pub(crate) fn shown_row(&mut self, mut row: StackRow) -> StackRow {
        row.this = self.shown(row.this);
        row.location = self.shown(row.location);
        row
    }

    /// Does what cannot be undone: while the stretch holds the commit turn, for otherwise it might run again. A stretch
    /// that does not hold it ends here, and runs again with it.
    pub(crate) fn once(&mut self, act: impl FnOnce(&mut Self) -> Reply) -> Reply {
        if self.stretch.is_exclusive {
            return act(self);
        }
        self.stretch.wants_turn = true;
        Ok(Answer::Abort(AbortReason::Killed))
    }

    /// Runs what needs no world but the limits and the clock.
    pub(crate) fn with_call<T>(
        &mut self,
        run: impl FnOnce(&mut Call<'_>) -> Result<T, Raise>,
    ) -> Result<T, Raise> {
        let perms = self.perms();
        self.stretch.with_call(perms, run)
    }

    /// Looks at the clock, in work whose parts are lookups in the world.
    ///
    /// # Errors
    /// `E_QUOTA` when the task's time is up.
    pub(crate) fn in_time(&mut self) -> Result<(), Raise> {
        self.with_call(|call| call.charge(STEPS_BETWEEN_POLLS as usize))
    }

    /// `E_PERM` unless the calling code has the permissions of `who` or of a wizard.
    pub(crate) fn self_or_wizard(&mut self, who: ObjId) -> Result<(), Raise> {
        if self.perms() == who {
            Ok(())
        } else {
            self.wizard_only()
        }
    }
}

/// A value as an answer.
pub(crate) fn value(value: impl Into<Value>) -> Reply {
    Ok(Answer::Value(value.into()))
}

/// What functions without a value answer: 0.
pub(crate) fn nothing() -> Reply {
    Ok(Answer::Value(Value::ZERO))
}

/// The reply as the machine wants it.
pub(crate) fn outcome(reply: Reply) -> BuiltinOutcome<Request> {
    match reply {
        Ok(Answer::Value(value)) => BuiltinOutcome::returned(value),
        Ok(Answer::Call(call)) => BuiltinOutcome::Call(call),
        Ok(Answer::Suspend(request)) => BuiltinOutcome::Suspend(request),
        Ok(Answer::Abort(reason)) => BuiltinOutcome::Abort(reason),
        Ok(Answer::Resize(sizes)) => BuiltinOutcome::Resize(sizes),
        Err(raise) => BuiltinOutcome::Raise(raised(raise)),
    }
}

/// An error as the machine wants it.
pub(crate) fn raised(raise: Raise) -> Box<moor_vm::Raise> {
    moor_vm::Raise::with(raise.code, raise.message, raise.value)
}

/// A map whose keys are these names.
pub(crate) fn named_map<N: Into<Str>>(entries: impl IntoIterator<Item = (N, Value)>) -> Value {
    let entries = entries
        .into_iter()
        .filter_map(|(name, value)| Some((MapKey::new(Value::Str(name.into()))?, value)));
    Value::Map(entries.collect())
}
