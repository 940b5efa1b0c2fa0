//! A task that waits, as text and values: what other servers can take over.
//!
//! In: a machine. Out: of a forked task that has not begun the body of its `fork`, of another one its frames, with everything that
//! these can see. It knows nothing of files.

use std::sync::Arc;

use moor_bytecode::CommandVariable;
use moor_value::{List, ObjId, Str, Value};

use crate::frame::{Frame, PendingBuiltin, called_as, caller};
use crate::verb::Verb;
use crate::vm::Vm;

/// A task of `fork` that has not begun.
#[derive(Clone, Debug)]
pub struct PendingFork {
    /// The verb that forked it.
    pub verb: Arc<Verb>,
    /// `this`.
    pub this: Value,
    /// The name that the verb was called by.
    pub called_as: Str,
    /// `player`.
    pub player: ObjId,
    /// Whose permissions it has.
    pub programmer: ObjId,
    /// Whether errors are raised rather than returned.
    pub debug: bool,
    /// The line of the verb at which the body stands.
    pub line: u32,
    /// The body's canonical text.
    pub source: Str,
    /// Variables by name: `player`, `this` and the like first, then those of the verb that have a value.
    pub variables: Vec<(Str, Value)>,
}

/// A frame of a task that has begun and waits.
#[derive(Clone, Debug)]
pub struct StandingFrame {
    /// What it runs.
    pub verb: Arc<Verb>,
    /// The instruction behind the call of what it waits for.
    pub pc: u16,
    /// All registers of its program.
    pub registers: Vec<Value>,
    /// The arguments of its call; none where the program has moved them out.
    pub arguments: Vec<Value>,
    /// `this`.
    pub this: Value,
    /// The name that the verb was called by.
    pub called_as: Str,
    /// `player`.
    pub player: ObjId,
    /// Whose permissions it has.
    pub perms: ObjId,
    /// Whether errors are raised rather than returned.
    pub debug: bool,
    /// Variables by name: `player`, `this` and the like first, then those of the verb that have a value.
    pub variables: Vec<(Str, Value)>,
    /// The builtin function that called it and goes on with its result; none where code did.
    pub via: Option<Box<PendingBuiltin>>,
}

impl Vm {
    /// The task as a fork that waits to begin. `None` when it has begun, or when its program has no text of the body.
    pub fn pending_fork(&self) -> Option<PendingFork> {
        let [frame] = &self.frames[..] else {
            return None;
        };
        let verb = self.verb_of(frame);
        let source = verb.program.fork_body(frame.pc as usize)?.clone();
        Some(PendingFork {
            verb: Arc::clone(verb),
            this: frame.this.clone(),
            called_as: called_as(&self.frames, &self.verbs, 0).clone(),
            player: frame.player,
            programmer: frame.perms,
            debug: frame.debug,
            line: verb.program.line(frame.pc as usize),
            source,
            variables: self.visible_variables(0),
        })
    }

    /// The frames of a task that has begun and waits, the first one first.
    pub fn standing_frames(&self) -> Vec<StandingFrame> {
        let one = |(at, frame): (usize, &Frame)| {
            let verb = self.verb_of(frame);
            let base = frame.base as usize;
            let registers = usize::from(verb.program.registers);
            StandingFrame {
                verb: Arc::clone(verb),
                // Code has fewer instructions than a 16-bit number counts.
                pc: frame.pc as u16,
                registers: self.stack[base..base + registers].to_vec(),
                arguments: self.arguments(frame).to_vec(),
                this: frame.this.clone(),
                called_as: called_as(&self.frames, &self.verbs, at).clone(),
                player: frame.player,
                perms: frame.perms,
                debug: frame.debug,
                variables: self.visible_variables(at),
                via: frame.via.clone(),
            }
        };
        self.frames.iter().enumerate().map(one).collect()
    }

    /// The arguments of a frame; none where its program has moved them out, which then does not look at them again.
    fn arguments(&self, frame: &Frame) -> &[Value] {
        let (start, end) = ((frame.base - frame.argc) as usize, frame.base as usize);
        let args = &self.stack[start..end];
        match args.iter().any(Value::is_none) {
            true => &[],
            false => args,
        }
    }

    /// The predefined variables of a frame, as the program has left them, then its other ones.
    fn visible_variables(&self, at: usize) -> Vec<(Str, Value)> {
        let mut all: Vec<(Str, Value)> = Vec::new();
        let frame = &self.frames[at];
        let own = self.variables_of(frame);
        for (name, value) in self.predefined(at, frame) {
            let kept = own.iter().find(|(known, _)| known.eq_fold(&name));
            let value = kept.map_or(value, |(_, value)| value.clone());
            all.push((name, value));
        }
        for (name, value) in own {
            if !all.iter().any(|(known, _)| known.eq_fold(&name)) {
                all.push((name, value));
            }
        }
        all
    }

    /// The variables that every program finds in its frame.
    fn predefined(&self, at: usize, frame: &Frame) -> Vec<(Str, Value)> {
        let args: List = self.arguments(frame).iter().cloned().collect();
        let named = called_as(&self.frames, &self.verbs, at).clone();
        let caller = caller(&self.frames[..=at], &self.root_caller);
        let mut all = vec![
            (Str::new("player"), Value::Obj(frame.player)),
            (Str::new("this"), frame.this.clone()),
            (Str::new("caller"), caller),
            (Str::new("verb"), Value::Str(named)),
            (Str::new("args"), Value::List(args)),
        ];
        let command = self.commands[frame.command as usize].fields();
        let names = CommandVariable::ALL.map(|variable| Str::new(variable.name()));
        all.extend(names.into_iter().zip(command.into_iter().cloned()));
        all
    }
}
