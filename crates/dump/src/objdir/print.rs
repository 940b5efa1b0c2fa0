//! Descriptions as text: one file for the world, one for each object, one for all waifs.
//! In: descriptions. Out: the text of files, always the same for the same description.

use std::fmt::{Display, Write};

use moor_value::ObjId;
use moor_world::ArgSpec;

use super::describe::FLAGS;
use super::literal::{Known, write_objects, write_text, write_value, write_word};
use super::spec::{
    Access, ObjectSpec, OverrideSpec, PropertyName, PropertySpec, VerbSpec, WaifSpec, WorldSpec,
};

/// The first line of the world's file.
pub(crate) const HEADER: &str = "objdir 1";

/// The indentation of a verb's code.
const CODE_INDENT: &str = "  ";

/// The world's own file.
pub(crate) fn world_text(world: &WorldSpec) -> String {
    let mut out = format!("{HEADER}\n");
    if let Some(max) = world.max_object {
        put(&mut out, format_args!("max_object {max}\n"));
    }
    if let Some(players) = &world.players {
        out.push_str("players");
        write_objects(&mut out, players);
        out.push('\n');
    }
    out
}

/// The file of a permanent object.
pub(crate) fn object_text(id: ObjId, object: &ObjectSpec, known: &dyn Known) -> String {
    text_of(&format!("object {id}"), object, known)
}

/// The file of an anonymous object.
pub(crate) fn anonymous_text(id: u64, object: &ObjectSpec, known: &dyn Known) -> String {
    text_of(&format!("anonymous {id}"), object, known)
}

/// A waif, as one of those in the file of all waifs.
pub(crate) fn waif_text(id: u64, waif: &WaifSpec, known: &dyn Known) -> String {
    let mut out = format!("waif {id} {} {}\n", waif.class, waif.owner);
    for (name, value) in &waif.values {
        out.push_str("value ");
        property_name(&mut out, name);
        assign(&mut out, Some(value), known);
    }
    out
}

fn text_of(head: &str, object: &ObjectSpec, known: &dyn Known) -> String {
    let mut out = format!("{head}\n");
    out.push_str("name ");
    write_text(&mut out, object.name.as_str());
    put(&mut out, format_args!("\nowner {}\n", object.owner));
    let flags = FLAGS.iter().filter(|(flag, _)| object.flags.has(*flag));
    let flags: Vec<&str> = flags.map(|(_, word)| *word).collect();
    line(&mut out, "flags", &flags.join(" "));
    objects(&mut out, "parents", &object.parents);
    if object.location != ObjId::NOTHING {
        line(&mut out, "location", &object.location.to_string());
    }
    if !object.last_move.is_none() {
        out.push_str("last_move ");
        write_value(&mut out, &object.last_move, known, (0, 0));
        out.push('\n');
    }
    objects(
        &mut out,
        "contents",
        object.contents.as_deref().unwrap_or_default(),
    );
    objects(
        &mut out,
        "children",
        object.children.as_deref().unwrap_or_default(),
    );
    for property in &object.properties {
        property_text(&mut out, property, known);
    }
    for property in &object.overrides {
        override_text(&mut out, property, known);
    }
    object
        .verbs
        .iter()
        .for_each(|verb| verb_text(&mut out, verb));
    out
}

/// Writing to a string does not fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn line(out: &mut String, word: &str, rest: &str) {
    if !rest.is_empty() {
        put(out, format_args!("{word} {rest}\n"));
    }
}

fn objects(out: &mut String, word: &str, ids: &[ObjId]) {
    if !ids.is_empty() {
        out.push_str(word);
        write_objects(out, ids);
        out.push('\n');
    }
}

fn property_text(out: &mut String, property: &PropertySpec, known: &dyn Known) {
    out.push_str("\nproperty ");
    write_word(out, property.name.as_str());
    access(out, property.access);
    assign(out, property.value.as_ref(), known);
}

fn override_text(out: &mut String, property: &OverrideSpec, known: &dyn Known) {
    out.push_str("\noverride ");
    property_name(out, &property.property);
    if let Some(wanted) = property.access {
        access(out, wanted);
    }
    assign(out, property.value.as_ref(), known);
}

fn property_name(out: &mut String, called: &PropertyName) {
    write_word(out, called.name.as_str());
    if let Some(definer) = called.definer {
        put(out, format_args!(" of {definer}"));
    }
}

fn access<F: Display>(out: &mut String, access: Access<F>) {
    put(
        out,
        format_args!(" ({}, \"{}\")", access.owner, access.flags),
    );
}

fn assign(out: &mut String, value: Option<&moor_value::Value>, known: &dyn Known) {
    out.push_str(" = ");
    let begin = out.rfind('\n').map_or(0, |at| at + 1);
    let column = out[begin..].chars().count();
    match value {
        Some(value) => write_value(out, value, known, (0, column)),
        None => out.push_str("clear"),
    }
    out.push_str(";\n");
}

fn verb_text(out: &mut String, verb: &VerbSpec) {
    out.push_str("\nverb ");
    write_text(out, verb.names.as_str());
    let (dobj, iobj): (ArgSpec, ArgSpec) = (verb.args.dobj, verb.args.iobj);
    put(out, format_args!(" ({} ", dobj.name()));
    write_word(out, verb.args.prep.name());
    put(out, format_args!(" {})", iobj.name()));
    access(out, verb.access);
    out.push('\n');
    for line in verb.source.lines() {
        put(out, format_args!("{CODE_INDENT}{line}\n"));
    }
    out.push_str("endverb\n");
}
