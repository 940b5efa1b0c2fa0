//! Forked tasks of a textdump.
//! In: tasks that wait to begin. Out: lines. Tasks that have begun are not written: their state is that of this
//! server's machine, and the files have a place only for that of LambdaMOO's.

use std::io;

use moor_compiler::LanguageVersion;
use moor_compiler::names::Predefined;
use moor_value::{ObjId, Str, Value};
use moor_world::VerbFlags;

use super::{DumpWriter, Format};
use crate::task::{Activation, ForkedTask, Variable};

impl DumpWriter<'_> {
    pub(super) fn tasks(&mut self, forked: &[ForkedTask]) -> io::Result<()> {
        self.lines.text("0 clocks")?;
        let count = forked.len();
        self.lines.line(format_args!("{count} queued tasks"))?;
        forked.iter().try_for_each(|task| self.forked(task))?;
        self.lines.text("0 suspended tasks")?;
        match self.format {
            Format::LambdaMoo => Ok(()),
            Format::ToastStunt => self.lines.text("0 interrupted tasks"),
        }
    }

    fn forked(&mut self, task: &ForkedTask) -> io::Result<()> {
        let (line, start, id) = (task.first_line, task.start, task.id);
        self.lines.line(format_args!("0 {line} {start} {id}"))?;
        self.activation(&task.activation)?;
        let source = task.source.join("\n");
        let variables = self.variables(&task.variables);
        let count = variables.len();
        self.lines.line(format_args!("{count} variables"))?;
        for variable in &variables {
            self.lines.text(variable.name.as_str())?;
            self.values.value(&mut self.lines, &variable.value)?;
        }
        self.program(&source)
    }

    fn activation(&mut self, activation: &Activation) -> io::Result<()> {
        // A number that nobody reads.
        self.values.value(&mut self.lines, &Value::Int(-111))?;
        if self.format == Format::ToastStunt {
            self.values.value(&mut self.lines, &activation.this)?;
            self.values.value(&mut self.lines, &activation.vloc)?;
            self.lines.int(i64::from(activation.threaded))?;
        }
        let this = activation.this.as_obj().unwrap_or(ObjId::NOTHING).0;
        let definer = activation.vloc.as_obj().unwrap_or(ObjId::NOTHING).0;
        let (player, programmer) = (activation.player.0, activation.progr.0);
        let debug = match activation.debug {
            true => VerbFlags::DEBUG.bits(),
            false => 0,
        };
        self.lines.line(format_args!(
            "{this} -7 -8 {player} -9 {programmer} {definer} -10 {debug}"
        ))?;
        for unused in ["No", "More", "Parse", "Infos"] {
            self.lines.text(unused)?;
        }
        self.lines.text(activation.verb.as_str())?;
        self.lines.text(activation.verb_names.as_str())
    }

    /// The variables that every program of the format's language begins with, then the others that are given.
    fn variables(&self, given: &[Variable]) -> Vec<Variable> {
        let version = LanguageVersion(self.format.number());
        let is =
            |variable: &Variable, name: &str| variable.name.as_str().eq_ignore_ascii_case(name);
        let value_of = |name: &str| {
            let known = given.iter().find(|variable| is(variable, name));
            known.map_or(Value::None, |variable| variable.value.clone())
        };
        let predefined: Vec<(Predefined, &str)> = ORDER
            .iter()
            .map(|which| Predefined::ALL[*which as usize])
            .filter(|(.., since)| *since <= version)
            .map(|(which, name, _)| (which, name))
            .collect();
        let mut all: Vec<Variable> = predefined
            .iter()
            .map(|(which, name)| Variable {
                name: Str::new(name),
                value: which.constant().unwrap_or_else(|| value_of(name)),
            })
            .collect();
        let other = |variable: &&Variable| !predefined.iter().any(|(_, name)| is(variable, name));
        all.extend(given.iter().filter(other).cloned());
        all
    }
}

/// The predefined variables in the order in which both servers number them.
const ORDER: [Predefined; Predefined::ALL.len()] = [
    Predefined::Num,
    Predefined::Obj,
    Predefined::Str,
    Predefined::List,
    Predefined::Err,
    Predefined::Player,
    Predefined::This,
    Predefined::Caller,
    Predefined::Verb,
    Predefined::Args,
    Predefined::Argstr,
    Predefined::Dobj,
    Predefined::Dobjstr,
    Predefined::Prepstr,
    Predefined::Iobj,
    Predefined::Iobjstr,
    Predefined::Int,
    Predefined::Float,
    Predefined::Map,
    Predefined::Anon,
    Predefined::Waif,
    Predefined::Bool,
    Predefined::True,
    Predefined::False,
];
