//! Tasks of a textdump.
//! In: tasks that wait to begin, and tasks that have begun with the state of LambdaMOO's machine. Out: lines.

use std::io;

use moor_compiler::LanguageVersion;
use moor_compiler::names::Predefined;
use moor_value::{ObjId, Str, Value};
use moor_world::VerbFlags;

use super::{DumpWriter, Format};
use crate::task::{Activation, ForkedTask, Frame, StoppedTask, Variable};

impl DumpWriter<'_> {
    pub(super) fn tasks(
        &mut self,
        forked: &[ForkedTask],
        stopped: &[StoppedTask],
    ) -> io::Result<()> {
        self.lines.text("0 clocks")?;
        let count = forked.len();
        self.lines.line(format_args!("{count} queued tasks"))?;
        forked.iter().try_for_each(|task| self.forked(task))?;
        let is_suspended = |task: &&StoppedTask| task.status.is_empty();
        let (suspended, interrupted): (Vec<_>, Vec<_>) = stopped.iter().partition(is_suspended);
        let count = suspended.len();
        self.lines.line(format_args!("{count} suspended tasks"))?;
        for task in suspended {
            self.lines
                .part(format_args!("{} {} ", task.start, task.id))?;
            self.values.value(&mut self.lines, &task.value)?;
            self.machine(task)?;
        }
        if self.format == Format::LambdaMoo {
            return Ok(());
        }
        let count = interrupted.len();
        self.lines.line(format_args!("{count} interrupted tasks"))?;
        for task in interrupted {
            self.lines
                .line(format_args!("{} {}", task.id, task.status))?;
            self.machine(task)?;
        }
        Ok(())
    }

    fn machine(&mut self, task: &StoppedTask) -> io::Result<()> {
        if self.format == Format::ToastStunt {
            self.values.value(&mut self.lines, &task.local)?;
        }
        let top = task.frames.len().saturating_sub(1);
        let (vector, function, most) = (task.root_vector, task.root_function, task.frames_max);
        self.lines
            .line(format_args!("{top} {vector} {function} {most}"))?;
        task.frames.iter().try_for_each(|frame| self.frame(frame))
    }

    fn frame(&mut self, frame: &Frame) -> io::Result<()> {
        self.lines
            .line(format_args!("language version {}", frame.language))?;
        self.program(&frame.source.join("\n"))?;
        self.list_of(&frame.variables)?;
        let count = frame.stack.len();
        self.lines
            .line(format_args!("{count} rt_stack slots in use"))?;
        for slot in &frame.stack {
            self.values.slot(&mut self.lines, slot)?;
        }
        self.activation(&frame.activation)?;
        self.values.slot(&mut self.lines, &frame.temp)?;
        let (next, step, call) = (frame.pc, frame.builtin_pc, frame.error_pc);
        self.lines.line(format_args!("{next} {step} {call}"))?;
        if step != 0 {
            self.lines.text(frame.builtin.as_str())?;
        }
        let mut notes = frame.builtin_data.iter();
        notes.try_for_each(|note| self.lines.text(note.as_str()))
    }

    fn forked(&mut self, task: &ForkedTask) -> io::Result<()> {
        let (line, start, id) = (task.first_line, task.start, task.id);
        self.lines.line(format_args!("0 {line} {start} {id}"))?;
        self.activation(&task.activation)?;
        let source = task.source.join("\n");
        let variables = self.variables(&task.variables);
        self.list_of(&variables)?;
        self.program(&source)
    }

    fn list_of(&mut self, variables: &[Variable]) -> io::Result<()> {
        let count = variables.len();
        self.lines.line(format_args!("{count} variables"))?;
        for variable in variables {
            self.lines.text(variable.name.as_str())?;
            self.values.value(&mut self.lines, &variable.value)?;
        }
        Ok(())
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
        let predefined: Vec<(Predefined, &str)> = Predefined::in_order(version).collect();
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
