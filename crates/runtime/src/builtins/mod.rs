//! The pure builtins: functions whose result depends on their arguments, the clock, chance and the
//! caller's power only.
//!
//! Comes in: argument values and a [`Call`] that says what limits hold. Goes out: a value, or the
//! MOO error to raise. One table per family, joined by [`pure_builtins`], is the only place that
//! says what exists and what arguments it takes; `function_info()` and the argument check read it.
//! Nothing here knows objects, tasks or connections.

mod age;
mod ansi;
mod arg;
mod base32;
mod binaries;
mod call;
mod cbor;
mod check;
mod convert;
mod crypt;
mod diff;
mod encoding;
mod env;
mod floats;
mod flyweights;
mod grid;
mod hash;
mod identifiers;
mod json;
mod json_parser;
mod lists;
mod maps;
mod more_floats;
mod named_options;
mod natural;
mod noise;
mod numbers;
mod one_time;
mod password;
mod pattern;
mod pattern_match;
mod pcre;
mod pcre_command;
mod random;
mod reference;
mod regex;
mod sha_crypt;
mod sort;
mod spec;
mod strings;
mod symbols;
mod terms;
mod text;
mod time;
mod unix_crypt;
mod world;
mod xml;

#[cfg(any(test, fuzzing))]
mod still;
#[cfg(test)]
mod tests;

pub(crate) use call::{Call, Limits, Surroundings};
pub(crate) use check::{check_args, function_info};
pub(crate) use encoding::{binary_from_bytes, bytes_from_binary};
pub(crate) use env::{Answer, Env, named_map, outcome, raised};
pub(crate) use json::json_text;
pub(crate) use json_parser::json_value;
pub(crate) use pcre::is_found;
pub use reference::Reference;
pub(crate) use spec::Raise;
pub(crate) use spec::Run;
pub use spec::{ArgType, BuiltinSpec, Origin};
#[cfg(any(test, fuzzing))]
pub(crate) use still::Still;
#[cfg(fuzzing)]
pub(crate) use xml::rewritten_xml;

/// The heading of a family in the reference, and its table.
type Family = (&'static str, &'static [BuiltinSpec]);

/// The tables of all families, each with the heading that it has in the reference.
const FAMILIES: &[Family] = &[
    ("Encryption", age::SPECS),
    ("Strings", ansi::SPECS),
    ("Encodings", base32::SPECS),
    ("Binary values", binaries::SPECS),
    ("Encodings", cbor::SPECS),
    ("Values", convert::SPECS),
    ("Hashes and passwords", crypt::SPECS),
    ("Values", diff::SPECS),
    ("Encodings", encoding::SPECS),
    ("Numbers", floats::SPECS),
    ("Flyweights", flyweights::SPECS),
    ("Maps of tiles", grid::SPECS),
    ("Hashes and passwords", hash::SPECS),
    ("Values", identifiers::SPECS),
    ("JSON", json::SPECS),
    ("Lists", lists::SPECS),
    ("Maps", maps::SPECS),
    ("Numbers", more_floats::SPECS),
    ("Numbers", noise::SPECS),
    ("Numbers", numbers::SPECS),
    ("Hashes and passwords", one_time::SPECS),
    ("Hashes and passwords", password::SPECS),
    ("Patterns", pattern::SPECS),
    ("Patterns", pcre::SPECS),
    ("Numbers", random::SPECS),
    ("Lists", sort::SPECS),
    ("Strings", strings::SPECS),
    ("Values", symbols::SPECS),
    ("Patterns of values", terms::SPECS),
    ("Time", time::SPECS),
    ("Documents", xml::SPECS),
];

/// Every pure builtin, in no particular order.
#[cfg(any(test, fuzzing))]
pub(crate) fn pure_builtins() -> impl Iterator<Item = &'static BuiltinSpec> {
    FAMILIES.iter().flat_map(|(_, specs)| *specs)
}

/// Every builtin, in no particular order.
pub(crate) fn all() -> impl Iterator<Item = &'static BuiltinSpec> {
    families().flat_map(|(_, specs)| *specs)
}

/// Every table with its heading; several may have the same one.
pub(crate) fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().chain(world::FAMILIES)
}
