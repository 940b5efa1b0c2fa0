//! `.program object:verb`: a verb's code, line by line, up to a line with a single dot.
//!
//! In: lines of a programmer. Out: the verb's new code, or the errors in it, worded as LambdaMOO
//! does. Lines that came before a restart of the daemon are kept with the session.

use std::sync::Arc;

use moor_command::ParsedCommand;
use moor_compiler::parser::SOURCE_BYTES_MAX;
use moor_value::{ObjId, Value};
use moor_world::{Entity, VerbDesc};

use crate::command::match_object;
use crate::effects::{Effect, SessionChange};
use crate::options::property;
use crate::program;
use crate::session::{Programming, Session};
use crate::stretch::Stretch;

/// `.program object:verb`. False when the player may not program: the line is an ordinary command.
pub(crate) fn begin(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    player: ObjId,
    parsed: &ParsedCommand,
) -> bool {
    if !stretch.txn.is_programmer(player) {
        return false;
    }
    let [what] = parsed.args.as_slice() else {
        stretch.tell(player, "Usage:  .program object:verb");
        return true;
    };
    match find(stretch, player, what) {
        Err(message) => stretch.tell(player, message),
        Ok((object, verb, message)) => {
            stretch.tell(player, message);
            let programming = Programming {
                object: object.0,
                verb,
                lines: Vec::new(),
            };
            let change = SessionChange::Programming(Some(programming));
            stretch
                .effects
                .push(Effect::Change(Arc::clone(session), change));
        }
    }
    true
}

/// One more line of the code, or the dot that ends it.
pub(crate) fn line(stretch: &mut Stretch<'_>, session: &Arc<Session>, player: ObjId, text: &str) {
    if text != "." {
        let is_too_long = session
            .lock()
            .record
            .programming
            .as_ref()
            .is_some_and(is_too_long);
        if is_too_long {
            return;
        }
        let change = SessionChange::ProgramLine(text.to_owned());
        stretch
            .effects
            .push(Effect::Change(Arc::clone(session), change));
        return;
    }
    let programming = session.lock().record.programming.clone();
    stretch.effects.push(Effect::Change(
        Arc::clone(session),
        SessionChange::Programming(None),
    ));
    if let Some(programming) = programming {
        for line in finish(stretch, player, &programming) {
            stretch.tell(player, line);
        }
    }
}

/// Whether more was typed than a program may have: it will not compile, and what comes after is not kept.
fn is_too_long(programming: &Programming) -> bool {
    let bytes: usize = programming.lines.iter().map(|line| line.len() + 1).sum();
    bytes > SOURCE_BYTES_MAX
}

/// Compiles and stores the code; what the player is told.
fn finish(stretch: &mut Stretch<'_>, player: ObjId, programming: &Programming) -> Vec<String> {
    let object = ObjId(programming.object);
    let entity = Entity::object(object);
    if !stretch.txn.valid_object(object) {
        return vec!["That object appears to have disappeared ...".to_owned()];
    }
    let verb = described(&programming.verb);
    if stretch.txn.find_verb_by_desc(entity, &verb).is_err() {
        return vec!["That verb appears to have disappeared ...".to_owned()];
    }
    let features = stretch.runtime.limits.features;
    match program::canonical(&programming.lines.join("\n"), features) {
        Err(errors) => {
            let mut told = errors.lines();
            told.push(format!("{} error(s).", errors.len()));
            told.push("Verb not programmed.".to_owned());
            told
        }
        Ok((source, program)) => {
            let program = Some(program::kept(program));
            let set = stretch
                .txn
                .set_verb_code(player, entity, &verb, source, program);
            stretch.forget_verbs();
            match set {
                Ok(()) => vec!["0 error(s).".to_owned(), "Verb programmed.".to_owned()],
                Err(code) => vec![code.message().to_owned(), "Verb not programmed.".to_owned()],
            }
        }
    }
}

/// The verb that `object:verb` means and the welcome, or why not.
fn find(
    stretch: &mut Stretch<'_>,
    player: ObjId,
    what: &str,
) -> Result<(ObjId, String, String), String> {
    let usage = "You must specify a verb; use the format object:verb.";
    let (object_name, verb_name) = what.split_once(':').ok_or(usage)?;
    if verb_name.is_empty() {
        return Err(usage.to_owned());
    }
    let object = match object_name.strip_prefix('$') {
        Some(name) => match property(&mut stretch.txn, ObjId::SYSTEM, name) {
            Some(Value::Obj(object)) => object,
            _ => ObjId::NOTHING,
        },
        None => match_object(&mut stretch.txn, player, object_name),
    };
    if !stretch.txn.valid_object(object) {
        return Err(match object {
            ObjId::FAILED => format!("I don't see \"{object_name}\" here."),
            ObjId::AMBIGUOUS => format!("I don't know which \"{object_name}\" you mean."),
            _ => format!("\"{object_name}\" is not a valid object."),
        });
    }
    let verb = described(verb_name);
    let entity = Entity::object(object);
    let Ok((_, definition)) = stretch.txn.find_verb_by_desc(entity, &verb) else {
        return Err("That object does not have that verb definition.".to_owned());
    };
    let protected = stretch.options.is_protected("set_verb_code") && !stretch.txn.is_wizard(player);
    if protected
        || stretch
            .txn
            .check_set_verb_code(player, entity, &verb)
            .is_err()
    {
        return Err("Permission denied.".to_owned());
    }
    let name = stretch.txn.name(entity);
    let message = format!(
        "Now programming {}:{}.  Use \".\" to end.",
        name.as_str(),
        definition.names.as_str()
    );
    Ok((object, verb_name.to_owned(), message))
}

/// A verb by the name that the programmer gave.
fn described(name: &str) -> VerbDesc {
    VerbDesc::Name {
        name: name.into(),
        numeric: false,
    }
}
