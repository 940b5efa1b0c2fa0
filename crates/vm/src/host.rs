//! The one door between running programs and everything else.
//!
//! The machine is generic over [`Host`], so that every call is direct. Nothing here may panic on what a program
//! does; every refusal is an error code or a [`Raise`].

use std::sync::Arc;

use moor_bytecode::Program;
use moor_value::{ErrorCode, Lambda, ObjId, Str, Symbol, Value};

use crate::context::Context;
use crate::frame::{Command, PendingBuiltin};
use crate::outcome::{AbortReason, SizeLimits};
use crate::raise::Raise;
use crate::verb::Verb;
use crate::vm::Vm;

/// What begins the names of the verbs and properties of a class that its waifs have.
pub const WAIF_PREFIX: &str = ":";

/// The name of a verb that is being called or of a property that is read or written.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// Its identity; `None` when no program, property or verb has ever been spelled so. A verb's pattern such as `*`
    /// may still match it, and a waif's property may stand for a longer name.
    pub symbol: Option<Symbol>,
    /// As the program spelled it.
    pub text: &'a str,
}

impl Name<'_> {
    /// The symbol. A text that names nothing has that of the empty name, which no property has, so that programs
    /// cannot fill the table of symbols.
    pub fn known(self) -> Symbol {
        self.symbol.unwrap_or_else(|| Symbol::intern(""))
    }
}

/// What a machine asks of the world that it runs in.
pub trait Host {
    /// What a suspended task waits for: a time, a line of input, a worker's answer. The machine passes it through.
    type Request;

    /// The verb that a call of `name` on `receiver` runs. For values that are not objects the host chooses the
    /// prototype; for waifs it looks for the waif form of the name.
    ///
    /// # Errors
    /// E_INVIND for an object that is not valid, E_VERBNF when there is no such verb that may be called, E_TYPE
    /// for a value without a prototype.
    fn find_verb(&mut self, receiver: &Value, name: Name<'_>) -> Result<&Arc<Verb>, ErrorCode>;

    /// The same of an object by a name of the program, where the host has found it before and nothing has changed
    /// since. `None` says nothing: [`find_verb`](Self::find_verb) is to be asked then.
    fn known_verb(&self, _receiver: ObjId, _name: Symbol) -> Option<&Arc<Verb>> {
        None
    }

    /// The value of a property, built-in ones included.
    ///
    /// # Errors
    /// E_TYPE when `object` has no properties, E_INVIND when it is not valid, E_PROPNF, E_PERM.
    fn get_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        perms: ObjId,
    ) -> Result<Value, ErrorCode>;

    /// The same where it stands, for a property that this task has found before and may read. `None` says nothing:
    /// [`get_property`](Self::get_property) is to be asked then.
    fn known_property(&mut self, _object: &Value, _name: Symbol, _perms: ObjId) -> Option<&Value> {
        None
    }

    /// Sets a property, built-in ones included.
    ///
    /// # Errors
    /// As for [`get_property`](Self::get_property), and what a built-in property demands of its value.
    fn set_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        value: Value,
        perms: ObjId,
    ) -> Result<(), ErrorCode>;

    /// The place of a value that is about to be written, for a property that this task has found before and may
    /// write. `None` says nothing: [`set_property`](Self::set_property) is to be asked then.
    fn known_property_mut(
        &mut self,
        _object: &Value,
        _name: Symbol,
        _perms: ObjId,
    ) -> Option<&mut Value> {
        None
    }

    /// Whether the object is a valid wizard.
    fn is_wizard(&mut self, object: ObjId) -> bool;

    /// Whether indexing this waif calls its verbs `_index` and `_set_index`.
    ///
    /// # Errors
    /// E_INVIND when its class is not valid, E_TYPE when the class may not.
    fn waif_is_indexable(&mut self, waif: &Value) -> Result<(), ErrorCode>;

    /// Runs a builtin function. The arguments may be moved out; what is left of them is dropped.
    fn call_builtin(
        &mut self,
        builtin: u16,
        args: &mut [Value],
        context: &mut Context<'_>,
    ) -> BuiltinOutcome<Self::Request>;

    /// Goes on with a builtin function whose verb returned `result`. When the verb was left by an error,
    /// `unwinding` is set, `result` is 0, and whatever the function then answers is disregarded, except that a
    /// [`BuiltinOutcome::Call`] counts as a call that returned 0.
    fn resume_builtin(
        &mut self,
        pending: PendingBuiltin,
        result: Value,
        unwinding: bool,
        context: &mut Context<'_>,
    ) -> BuiltinOutcome<Self::Request>;

    /// The program of a function that comes from the store or from elsewhere, its lines those of the verb that made it.
    /// `None` when its source does not compile.
    fn function_program(&mut self, _function: &Lambda) -> Option<Arc<Program>> {
        None
    }

    /// Whether the builtin must be called even where the machine could answer itself, because the world
    /// overrides or protects it.
    fn is_protected(&mut self, builtin: u16) -> bool;

    /// Takes a forked task that is to start after `delay` seconds (not negative) and answers its id. The machine
    /// writes the id into the parent's variable; `child` needs it in its own, see [`Vm::set_task_variable`].
    ///
    /// # Errors
    /// For example E_QUOTA when the player has too many tasks.
    fn fork(
        &mut self,
        child: Box<Vm>,
        delay: f64,
        context: &mut Context<'_>,
    ) -> Result<i64, Box<Raise>>;

    /// Whether the task's time is over. Asked about every thousand ticks; must be cheap.
    fn is_interrupted(&mut self) -> bool;
}

/// What a builtin function wants.
#[derive(Debug)]
pub enum BuiltinOutcome<R> {
    /// Its value.
    Return(Value),
    /// The same for an integer: see [`BuiltinOutcome::returned`].
    ReturnInt(i64),
    /// An error. In a verb without the debug flag its code is the value.
    Raise(Box<Raise>),
    /// A verb is to be called; its value is the function's, or the function goes on with it.
    Call(Box<Call>),
    /// The task waits; the value or error given to [`Vm::resume`] is the function's.
    Suspend(R),
    /// The task ends here.
    Abort(AbortReason),
    /// 0, and values are limited to these sizes from now on.
    Resize(SizeLimits),
}

impl<R> BuiltinOutcome<R> {
    /// A value. An integer goes by its number alone: a processor that is to move all of a value at once waits for what
    /// was just stored in parts.
    #[inline]
    pub fn returned(value: Value) -> Self {
        match value {
            Value::Int(n) => Self::ReturnInt(n),
            value => Self::Return(value),
        }
    }

    /// An error with its usual message.
    pub fn error(code: ErrorCode) -> Self {
        Self::Raise(Raise::new(code))
    }
}

/// A verb or other code that a builtin function calls.
#[derive(Clone, Debug)]
pub struct Call {
    /// What runs.
    pub verb: Arc<Verb>,
    /// `this`.
    pub this: Value,
    /// `verb`.
    pub called_as: Str,
    /// `args`.
    pub args: Vec<Value>,
    /// The variables of the command; `None` hands the caller's on.
    pub command: Option<Command>,
    /// Whether it runs as the first verb of a command does: its `caller` is the player, and nobody's permissions called it.
    pub as_command: bool,
    /// The function to resume with the result; `None` when the call takes the function's place.
    pub then: Option<Box<PendingBuiltin>>,
}
