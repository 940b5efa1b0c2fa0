//! The stack as values and as the text of a traceback.

use std::fmt::Write;

use moor_value::{AnonRef, List, MapKey, ObjId, Str, Value};

use crate::frame::{Frame, called_as};
use crate::verb::VerbTable;

/// One line of the stack: a verb, or a builtin function that called one.
#[derive(Clone, Debug, PartialEq)]
pub struct StackRow {
    /// `this`; `#-1` for a builtin function.
    pub this: Value,
    /// The name that the verb was called by, or the function's.
    pub name: Str,
    /// Whose permissions it has; `#-1` for a builtin function.
    pub programmer: ObjId,
    /// The object that defines the verb; `#-1` for a builtin function.
    pub location: Value,
    /// Who is playing.
    pub player: ObjId,
    /// The source line; for a builtin function the step at which it waits.
    pub line: u32,
}

impl StackRow {
    /// `{this, name, programmer, location, player}`, and the line when wanted.
    pub fn to_value(&self, with_line: bool) -> Value {
        let mut row = Vec::with_capacity(6);
        row.push(self.this.clone());
        row.push(Value::Str(self.name.clone()));
        row.push(Value::Obj(self.programmer));
        row.push(self.location.clone());
        row.push(Value::Obj(self.player));
        if with_line {
            row.push(Value::Int(i64::from(self.line)));
        }
        Value::List(List::from_vec(row))
    }
}

/// The rows of the frames from the top down to `lowest`, which has no row for the builtin that called it.
pub(crate) fn rows(frames: &[Frame], verbs: &VerbTable, lowest: usize) -> Vec<StackRow> {
    let mut rows = Vec::with_capacity(frames.len() - lowest);
    for (index, frame) in frames.iter().enumerate().skip(lowest).rev() {
        rows.push(verb_row(frames, verbs, index));
        if index > lowest
            && let Some(via) = &frame.via
        {
            rows.push(StackRow {
                this: Value::Obj(ObjId::NOTHING),
                name: Str::new(via.name.as_str()),
                programmer: ObjId::NOTHING,
                location: Value::Obj(ObjId::NOTHING),
                player: frame.player,
                line: via.step,
            });
        }
    }
    rows
}

fn verb_row(frames: &[Frame], verbs: &VerbTable, at: usize) -> StackRow {
    let frame = &frames[at];
    let verb = verbs.get(frame.verb);
    StackRow {
        this: frame.this.clone(),
        name: called_as(frames, verbs, at).clone(),
        programmer: frame.perms,
        location: verb.definer.clone(),
        player: frame.player,
        line: verb.program.line(frame.at()),
    }
}

/// An error's stack may come before anyone, so it holds no handle of an anonymous object.
fn redacted(value: &Value) -> Value {
    match value {
        Value::Anon(_) => Value::Anon(AnonRef::nobody()),
        value => value.clone(),
    }
}

/// The value of [`verb_row`] with its line, without the detour.
fn verb_value(frames: &[Frame], verbs: &VerbTable, at: usize) -> Value {
    let frame = &frames[at];
    let verb = verbs.get(frame.verb);
    Value::List(List::from_vec(vec![
        redacted(&frame.this),
        Value::Str(called_as(frames, verbs, at).clone()),
        Value::Obj(frame.perms),
        redacted(&verb.definer),
        Value::Obj(frame.player),
        Value::Int(i64::from(verb.program.line(frame.at()))),
    ]))
}

/// The stack of an error: the rows as a list of values with line numbers, without anonymous objects. One frame, the usual case where an error is taken by the frame
/// that raised it, needs no rows in between.
pub(crate) fn stack_list(frames: &[Frame], verbs: &VerbTable, lowest: usize) -> List {
    if lowest + 1 == frames.len() {
        return List::from_vec(vec![verb_value(frames, verbs, lowest)]);
    }
    let rows = rows(frames, verbs, lowest).into_iter();
    rows.map(|row| {
        let (this, location) = (redacted(&row.this), redacted(&row.location));
        StackRow {
            this,
            location,
            ..row
        }
        .to_value(true)
    })
    .collect()
}

/// The rows of these frames, each with a map of its frame's variables at its end; the row of a builtin function has
/// those of the verb that it called.
pub(crate) fn with_variables(
    stack: List,
    frames: &[Frame],
    variables: Vec<Vec<(Str, Value)>>,
) -> List {
    let mut rows = stack.iter().cloned();
    let mut told = Vec::with_capacity(stack.len());
    for (index, variables) in (0..frames.len()).rev().zip(variables) {
        let via_builtin = index > 0 && frames[index].via.is_some();
        let named = variables
            .into_iter()
            .filter_map(|(name, value)| Some((MapKey::new(Value::Str(name))?, value)));
        let map = Value::Map(named.collect());
        for row in rows.by_ref().take(1 + usize::from(via_builtin)) {
            if let Value::List(mut row) = row {
                row.push(map.clone());
                told.push(Value::List(row));
            }
        }
    }
    List::from_vec(told)
}

/// The text of a traceback, innermost frame first.
pub(crate) fn lines(frames: &[Frame], verbs: &VerbTable, message: &str) -> Vec<Str> {
    let mut lines = Vec::new();
    for (index, frame) in frames.iter().enumerate().rev() {
        let innermost = index + 1 == frames.len();
        let mut line = String::new();
        if !innermost {
            line.push_str("... called from ");
        }
        frame_text(&mut line, frame, verbs);
        if innermost {
            let _ = write!(line, ":  {message}");
        }
        lines.push(Str::from(line));
        if index > 0
            && let Some(via) = &frame.via
        {
            lines.push(Str::from(format!(
                "... called from built-in function {}()",
                via.name
            )));
        }
    }
    lines.push(Str::new("(End of traceback)"));
    lines
}

fn frame_text(line: &mut String, frame: &Frame, verbs: &VerbTable) {
    let verb = verbs.get(frame.verb);
    match &verb.definer {
        Value::Obj(id) => {
            let _ = write!(line, "{id}:{}", verb.names);
        }
        _ => {
            let _ = write!(line, "*anonymous*:{}", verb.names);
        }
    }
    // ToastStunt names `this` where it is the definer; LambdaMOO's manual and its traces name it where it is
    // not, which is what a reader needs.
    if verb.definer != frame.this {
        let _ = write!(line, " (this == {})", frame.this.to_literal());
    }
    let _ = write!(line, ", line {}", verb.program.line(frame.at()));
}
