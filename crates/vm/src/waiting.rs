//! A forked task that has not begun, as text and values: what other servers can take over.
//!
//! In: a machine. Out: the body of its `fork` with everything that the body can see. It knows nothing of files.

use std::sync::Arc;

use moor_bytecode::CommandVariable;
use moor_value::{List, ObjId, Str, Value};

use crate::frame::called_as;
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
            variables: self.visible_variables(),
        })
    }

    /// The predefined variables of the first frame, as the program has left them, then its other ones.
    fn visible_variables(&self) -> Vec<(Str, Value)> {
        let mut all: Vec<(Str, Value)> = Vec::new();
        let own = self.variables().pop().unwrap_or_default();
        for (name, value) in self.predefined() {
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

    /// The variables that every program finds in its first frame.
    fn predefined(&self) -> Vec<(Str, Value)> {
        let Some(frame) = self.frames.first() else {
            return Vec::new();
        };
        let (start, end) = ((frame.base - frame.argc) as usize, frame.base as usize);
        let args = &self.stack[start..end];
        // A program that has moved its arguments out does not look at them again.
        let args: List = match args.iter().any(Value::is_none) {
            true => List::default(),
            false => args.iter().cloned().collect(),
        };
        let named = called_as(&self.frames, &self.verbs, 0).clone();
        let mut all = vec![
            (Str::new("player"), Value::Obj(frame.player)),
            (Str::new("this"), frame.this.clone()),
            (Str::new("caller"), self.root_caller.clone()),
            (Str::new("verb"), Value::Str(named)),
            (Str::new("args"), Value::List(args)),
        ];
        let command = self.commands[frame.command as usize].fields();
        let names = CommandVariable::ALL.map(|variable| Str::new(variable.name()));
        all.extend(names.into_iter().zip(command.into_iter().cloned()));
        all
    }
}
