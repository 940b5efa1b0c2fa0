//! The pure builtins: functions whose result depends on their arguments, the clock, chance and the
//! caller's power only.
//!
//! Comes in: argument values and a [`Call`] that says what limits hold. Goes out: a value, or the
//! MOO error to raise. One table per family, joined by [`pure_builtins`], is the only place that
//! says what exists and what arguments it takes; `function_info()` and the argument check read it.
//! Nothing here knows objects, tasks or connections.

mod ansi;
mod arg;
mod call;
mod check;
mod convert;
mod crypt;
mod encoding;
mod env;
mod floats;
mod hash;
mod json;
mod json_parser;
mod lists;
mod maps;
mod natural;
mod noise;
mod numbers;
mod password;
mod pattern;
mod pattern_match;
mod pcre;
mod pcre_command;
mod random;
mod regex;
mod sha_crypt;
mod sort;
mod spec;
mod strings;
mod text;
mod time;
mod unix_crypt;
mod world;

#[cfg(test)]
mod tests;

pub(crate) use call::{Call, Limits, Surroundings};
pub(crate) use check::{check_args, function_info};
pub(crate) use env::{Env, named_map, outcome, raised};
pub(crate) use pcre::is_found;
pub(crate) use spec::Raise;
pub(crate) use spec::Run;
pub use spec::{ArgType, BuiltinSpec, Origin};

/// The tables of all families.
const FAMILIES: &[&[BuiltinSpec]] = &[
    ansi::SPECS,
    convert::SPECS,
    crypt::SPECS,
    encoding::SPECS,
    floats::SPECS,
    hash::SPECS,
    json::SPECS,
    lists::SPECS,
    maps::SPECS,
    noise::SPECS,
    numbers::SPECS,
    password::SPECS,
    pattern::SPECS,
    pcre::SPECS,
    random::SPECS,
    sort::SPECS,
    strings::SPECS,
    time::SPECS,
];

/// Every pure builtin, in no particular order.
pub(crate) fn pure_builtins() -> impl Iterator<Item = &'static BuiltinSpec> {
    FAMILIES.iter().copied().flatten()
}

/// Every builtin, in no particular order.
pub(crate) fn all() -> impl Iterator<Item = &'static BuiltinSpec> {
    pure_builtins().chain(world::world_builtins())
}
