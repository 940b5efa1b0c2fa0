//! A frame: one verb that is being executed, and what it inherited.
//!
//! A frame's registers are a window of the machine's one stack: its arguments, then its variables, then its
//! temporaries. The frame itself is a fixed-size record, so a call allocates nothing.

use moor_value::{ObjId, Str, Symbol, Value};

use crate::verb::VerbTable;

/// The variables of the command that started a task; verbs that it calls see them too.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Everything after the first word.
    pub argstr: Value,
    /// The direct object.
    pub dobj: Value,
    /// The words that named it.
    pub dobjstr: Value,
    /// The preposition as typed.
    pub prepstr: Value,
    /// The indirect object.
    pub iobj: Value,
    /// The words that named it.
    pub iobjstr: Value,
}

impl Default for Command {
    /// No command: empty strings and `#-1`.
    fn default() -> Self {
        let nothing = || Value::Obj(ObjId::NOTHING);
        let empty = || Value::Str(Str::EMPTY);
        Self {
            argstr: empty(),
            dobj: nothing(),
            dobjstr: empty(),
            prepstr: empty(),
            iobj: nothing(),
            iobjstr: empty(),
        }
    }
}

impl Command {
    /// The variables in the order of [`CommandVariable`](moor_bytecode::CommandVariable).
    pub(crate) fn fields(&self) -> [&Value; 6] {
        [
            &self.argstr,
            &self.dobj,
            &self.dobjstr,
            &self.prepstr,
            &self.iobj,
            &self.iobjstr,
        ]
    }

    /// The same, to change.
    pub(crate) fn fields_mut(&mut self) -> [&mut Value; 6] {
        [
            &mut self.argstr,
            &mut self.dobj,
            &mut self.dobjstr,
            &mut self.prepstr,
            &mut self.iobj,
            &mut self.iobjstr,
        ]
    }
}

/// A builtin function that called a verb and goes on when the verb returns.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingBuiltin {
    /// The function's number.
    pub builtin: u16,
    /// Its name.
    pub name: Symbol,
    /// Where it goes on; what the numbers mean is the function's own business.
    pub step: u32,
    /// What it must remember.
    pub state: Value,
}

/// The name that the verb of the frame at `at` was called by.
pub(crate) fn called_as<'a>(frames: &'a [Frame], verbs: &'a VerbTable, at: usize) -> &'a Str {
    let frame = &frames[at];
    if let Some(text) = &frame.called_as {
        return text;
    }
    match &verbs.get(frame.verb).own_name {
        Some(text) => text,
        None => {
            let caller = verbs.get(frames[at - 1].verb);
            &caller.program.names[usize::from(frame.operand)].text
        }
    }
}

/// The value of `caller` at the start of the top frame.
pub(crate) fn caller(frames: &[Frame], root_caller: &Value) -> Value {
    match frames {
        [.., frame] if frame.as_command => Value::Obj(frame.player),
        [.., below, _] => below.this.clone(),
        _ => root_caller.clone(),
    }
}

/// One verb that is being executed.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Index into the machine's verbs.
    pub(crate) verb: u32,
    /// The next instruction; while another frame or the host is at work, the one after the call.
    pub(crate) pc: u32,
    /// Where its registers begin on the stack; its arguments stand just below.
    pub(crate) base: u32,
    /// How many arguments there are.
    pub(crate) argc: u32,
    /// Index into the machine's commands.
    pub(crate) command: u32,
    /// The register that receives what is being called or waited for.
    pub(crate) result: u16,
    /// The verb's `d` flag.
    pub(crate) debug: bool,
    /// A builtin function called it as a command of the player, see [`Call`](crate::Call).
    pub(crate) as_command: bool,
    /// The object that is playing.
    pub(crate) player: ObjId,
    /// Whose permissions the code has.
    pub(crate) perms: ObjId,
    /// The value that the verb was called on.
    pub(crate) this: Value,
    /// The name that it was called by, where it is not an operand of the call.
    pub(crate) called_as: Option<Box<Str>>,
    /// Where there is no such text: the index of the name in the program of the frame below, whose instruction called.
    pub(crate) operand: u16,
    /// The builtin function that called it, when it was not called by code.
    pub(crate) via: Option<Box<PendingBuiltin>>,
}

impl Frame {
    /// No frame yet.
    pub(crate) const EMPTY: Self = Self {
        verb: 0,
        pc: 0,
        base: 0,
        argc: 0,
        command: 0,
        result: 0,
        operand: 0,
        debug: false,
        as_command: false,
        player: ObjId::NOTHING,
        perms: ObjId::NOTHING,
        this: Value::None,
        called_as: None,
        via: None,
    };

    /// The value that the verb was called on.
    pub fn this(&self) -> &Value {
        &self.this
    }

    /// The object that is playing.
    pub fn player(&self) -> ObjId {
        self.player
    }

    /// Whose permissions the code has.
    pub fn perms(&self) -> ObjId {
        self.perms
    }

    /// The verb's `d` flag.
    pub fn debug(&self) -> bool {
        self.debug
    }

    /// The builtin function that called this verb and is to be resumed with its result.
    pub fn via(&self) -> Option<&PendingBuiltin> {
        self.via.as_deref()
    }

    /// The instruction that an error now would be blamed on.
    pub(crate) fn at(&self) -> usize {
        (self.pc as usize).saturating_sub(1)
    }
}
