//! What a line means once its user has logged in: the server's own commands, `do_command`, and the
//! verb that the command parser finds.
//!
//! In: a line of a player. Out: verbs run in the stretch that the line has. Taking the line apart
//! is the `command` crate's knowledge, log-in and `.program` have files of their own.

use std::ops::ControlFlow;
use std::sync::Arc;

use moor_command::{ObjectMatch, ParsedCommand, literal_match, words};
use moor_value::{List, ObjId, Str, Symbol, Value};
use moor_vm::{Command, Start};
use moor_world::{ArgSpec, Entity, PrepSpec, ResolvedVerb, Transaction, VerbArgs};

use crate::effects::{Effect, SessionChange};
use crate::login;
use crate::options;
use crate::programming;
use crate::run::{Ended, start};
use crate::session::{IntrinsicCommand, LineKind, Session, SessionEvent, Taken};
use crate::stretch::Stretch;

/// Runs a session's line.
pub(crate) fn run_line(stretch: &mut Stretch<'_>, session: &Arc<Session>, taken: &Taken) {
    let (player, handler, logged_in, programming) = {
        let state = session.lock();
        let record = &state.record;
        (
            record.player(),
            record.handler(),
            record.is_logged_in(),
            record.programming.is_some(),
        )
    };
    let text = taken.line.text.as_str();
    if taken.out_of_band {
        let verb = "do_out_of_band_command";
        call_server_verb(stretch, handler, verb, word_values(text), player, text);
    } else if !logged_in {
        login::run(stretch, session, handler, player, text);
    } else if programming && taken.line.kind == LineKind::Text {
        programming::line(stretch, session, player, text);
    } else {
        run(stretch, Some(session), player, handler, text);
    }
}

/// Runs a command of a player.
pub(crate) fn run(
    stretch: &mut Stretch<'_>,
    session: Option<&Arc<Session>>,
    player: ObjId,
    handler: ObjId,
    line: &str,
) {
    let Some(parsed) = ParsedCommand::parse(line) else {
        return;
    };
    if let Some(session) = session
        && is_intrinsic(stretch, session, player, &parsed)
    {
        return;
    }
    let (prefix, suffix) = delimiters(session);
    if !prefix.is_empty() {
        stretch.tell(player, prefix.as_str());
    }
    if !do_command(stretch, handler, player, line) {
        run_verb(stretch, player, &parsed);
    }
    if !prefix.is_empty() && stretch.effects.list().is_empty() {
        // `rollback()` has taken it back with the rest.
        stretch.tell(player, prefix);
    }
    if !suffix.is_empty() {
        stretch.tell(player, suffix);
    }
}

/// Whether the handler's `do_command` has seen to a line, or may yet. Worlds without it do not have their lines taken apart for it.
fn do_command(stretch: &mut Stretch<'_>, handler: ObjId, player: ObjId, line: &str) -> bool {
    let Some(found) = server_verb(stretch, handler, "do_command") else {
        return false;
    };
    let args = word_values(line);
    let begin = server_call(stretch, &found, handler, "do_command", args, player, line);
    !matches!(start(stretch, begin), Ended::Returned(value) if !value.is_true())
}

/// Throws away the lines that wait, and `also`, the line that asked for it. With `shown`, the user
/// is told which.
pub(crate) fn flush(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    shown: bool,
    also: Option<u64>,
) {
    let waiting: Vec<_> = session.lock().input.waiting().cloned().collect();
    if shown && waiting.is_empty() {
        tell_session(
            stretch,
            session,
            ">> No pending input to flush...".to_owned(),
        );
    } else if shown {
        tell_session(
            stretch,
            session,
            ">> Flushing the following pending input:".to_owned(),
        );
        for line in &waiting {
            tell_session(stretch, session, format!(">>     {}", line.text));
        }
        tell_session(stretch, session, ">> (Done flushing)".to_owned());
    }
    let numbers = waiting
        .iter()
        .filter_map(|line| line.number)
        .chain(also)
        .collect();
    stretch
        .effects
        .push(Effect::FlushInput(Arc::clone(session), numbers));
}

/// Shows a line on a session.
fn tell_session(stretch: &mut Stretch<'_>, session: &Arc<Session>, line: String) {
    stretch.effects.push(Effect::Output(
        Arc::clone(session),
        SessionEvent::text(line),
    ));
}

/// Calls a verb of the server's own accord; an object without it is as if it returned 0.
pub(crate) fn call_server_verb(
    stretch: &mut Stretch<'_>,
    object: ObjId,
    verb: &str,
    args: Vec<Value>,
    player: ObjId,
    argstr: &str,
) -> Ended {
    match server_start(stretch, object, verb, args, player, argstr) {
        Some(begin) => start(stretch, begin),
        None => Ended::Returned(Value::ZERO),
    }
}

/// What a call of the server's own accord begins with; `None` when the object has no such verb.
pub(crate) fn server_start(
    stretch: &mut Stretch<'_>,
    object: ObjId,
    verb: &str,
    args: Vec<Value>,
    player: ObjId,
    argstr: &str,
) -> Option<Start> {
    let found = server_verb(stretch, object, verb)?;
    Some(server_call(
        stretch, &found, object, verb, args, player, argstr,
    ))
}

fn server_verb(stretch: &mut Stretch<'_>, object: ObjId, verb: &str) -> Option<Arc<ResolvedVerb>> {
    stretch
        .txn
        .find_callable_verb(Entity::object(object), Symbol::intern(verb))
}

fn server_call(
    stretch: &Stretch<'_>,
    found: &Arc<ResolvedVerb>,
    object: ObjId,
    verb: &str,
    args: Vec<Value>,
    player: ObjId,
    argstr: &str,
) -> Start {
    Start {
        verb: stretch.ready_verb(found),
        this: Value::Obj(object),
        called_as: Str::new(verb),
        args,
        player,
        caller: Value::Obj(ObjId::NOTHING),
        command: Command {
            argstr: Value::from(argstr),
            ..Command::default()
        },
    }
}

/// The call of a verb without arguments on any value, of the server's own accord.
pub(crate) fn unasked_start(
    stretch: &Stretch<'_>,
    found: &Arc<ResolvedVerb>,
    this: Value,
    called_as: Symbol,
) -> Start {
    Start {
        verb: stretch.ready_verb(found),
        this,
        called_as: Str::new(called_as.as_str()),
        args: Vec::new(),
        player: ObjId::NOTHING,
        caller: Value::Obj(ObjId::NOTHING),
        command: Command::default(),
    }
}

/// The words of a line as values.
pub(crate) fn word_values(line: &str) -> Vec<Value> {
    words(line).into_iter().map(Value::from).collect()
}

/// The lines around a command's output.
fn delimiters(session: Option<&Arc<Session>>) -> (String, String) {
    session.map_or_else(Default::default, |session| {
        let state = session.lock();
        (state.record.prefix.clone(), state.record.suffix.clone())
    })
}

/// Carries out one of the server's own commands, if the line is one that the session has enabled.
fn is_intrinsic(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    player: ObjId,
    parsed: &ParsedCommand,
) -> bool {
    let Some(command) = IntrinsicCommand::named(&parsed.verb) else {
        return false;
    };
    if session.lock().record.intrinsic & command.bit() == 0 {
        return false;
    }
    let text = parsed.argstr.clone();
    let change = match command {
        IntrinsicCommand::Prefix | IntrinsicCommand::OutputPrefix => SessionChange::Prefix(text),
        IntrinsicCommand::Suffix | IntrinsicCommand::OutputSuffix => SessionChange::Suffix(text),
        IntrinsicCommand::Program => return programming::begin(stretch, session, player, parsed),
    };
    stretch
        .effects
        .push(Effect::Change(Arc::clone(session), change));
    true
}

/// Finds the verb that a command means and runs it.
fn run_verb(stretch: &mut Stretch<'_>, player: ObjId, parsed: &ParsedCommand) {
    let txn = &mut stretch.txn;
    let dobj = match_object(txn, player, &parsed.dobjstr);
    let iobj = match_object(txn, player, &parsed.iobjstr);
    let here = txn.location(Entity::object(player));
    let places = [player, here, dobj, iobj];
    let prep = parsed.preposition.map_or(PrepSpec::None, PrepSpec::Is);
    let objects = (dobj, prep, iobj);
    let found = places
        .into_iter()
        .find_map(|place| find_on(txn, place, &parsed.verb, objects).map(|verb| (place, verb)));
    let found = found.or_else(|| find_huh(txn, player, here));
    let Some((this, verb)) = found else {
        stretch.tell(player, "I couldn't understand that.");
        return;
    };
    let begin = Start {
        verb: stretch.ready_verb(&verb),
        this: Value::Obj(this),
        called_as: Str::new(&parsed.verb),
        args: parsed
            .args
            .iter()
            .map(|word| Value::from(word.as_str()))
            .collect(),
        player,
        caller: Value::Obj(player),
        command: Command {
            argstr: Value::from(parsed.argstr.as_str()),
            dobj: Value::Obj(dobj),
            dobjstr: Value::from(parsed.dobjstr.as_str()),
            prepstr: Value::from(parsed.prepstr.as_str()),
            iobj: Value::Obj(iobj),
            iobjstr: Value::from(parsed.iobjstr.as_str()),
        },
    };
    stretch.begin_limits(false);
    start(stretch, begin);
}

/// The verb on `place` that a command of that word means, with its direct object, preposition and indirect object.
pub(crate) fn find_on(
    txn: &mut Transaction,
    place: ObjId,
    word: &str,
    (dobj, prep, iobj): (ObjId, PrepSpec, ObjId),
) -> Option<Arc<ResolvedVerb>> {
    let spec = |object: ObjId| match object {
        _ if object == place => ArgSpec::This,
        ObjId::NOTHING => ArgSpec::None,
        _ => ArgSpec::Any,
    };
    let given = VerbArgs {
        dobj: spec(dobj),
        prep,
        iobj: spec(iobj),
    };
    txn.find_command_verb(Entity::object(place), word, given)
}

/// The `huh` verb of the player's location, or of the player where `$server_options.player_huh`
/// says so.
fn find_huh(
    txn: &mut Transaction,
    player: ObjId,
    here: ObjId,
) -> Option<(ObjId, Arc<ResolvedVerb>)> {
    let whose = if options::flag_option(txn, "player_huh", false) {
        player
    } else {
        here
    };
    let verb = txn.find_callable_verb(Entity::object(whose), Symbol::intern("huh"))?;
    Some((whose, verb))
}

/// The object that a string of a command means to a player.
pub(crate) fn match_object(txn: &mut Transaction, player: ObjId, name: &str) -> ObjId {
    let known_player = txn.valid_object(player);
    let here = txn.location(Entity::object(player));
    if let Some(object) = literal_match(name, player, here, |object| txn.valid_object(object)) {
        let by_word = !name.is_empty() && !name.starts_with('#');
        return if by_word && !known_player {
            ObjId::FAILED
        } else {
            object
        };
    }
    if !known_player {
        return ObjId::FAILED;
    }
    let mut search = ObjectMatch::new(name);
    for place in [player, here] {
        for object in txn.contents(place).iter().filter_map(Value::as_obj) {
            if let ControlFlow::Break(answer) = consider(txn, &mut search, object) {
                return answer;
            }
        }
    }
    search.finish()
}

/// Offers an object's name and aliases to a search.
fn consider(
    txn: &mut Transaction,
    search: &mut ObjectMatch<'_>,
    object: ObjId,
) -> ControlFlow<ObjId> {
    let (name, aliases) = names(txn, object);
    search.consider(object, spelled(&name, &aliases))
}

/// An object's name and aliases.
pub(crate) fn names(txn: &mut Transaction, object: ObjId) -> (Str, List) {
    let name = txn.name(Entity::object(object));
    match options::property(txn, object, "aliases") {
        Some(Value::List(aliases)) => (name, aliases),
        _ => (name, List::new()),
    }
}

/// A name, and those of the aliases that are strings.
pub(crate) fn spelled<'a>(name: &'a Str, aliases: &'a List) -> impl Iterator<Item = &'a str> {
    let aliases = aliases.iter().filter_map(Value::as_str).map(Str::as_str);
    std::iter::once(name.as_str()).chain(aliases)
}
