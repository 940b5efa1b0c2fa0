//! Every builtin function by number and by name.
//!
//! In: the families' tables. Out: numbers for the compiler, rows for calls and `function_info()`.
//! Numbers are for one run of the program only; stored programs name their builtins.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::builtins::{self, BuiltinSpec};

/// All builtins.
pub(crate) struct Registry {
    specs: Vec<&'static BuiltinSpec>,
    by_name: FxHashMap<&'static str, u16>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut specs: Vec<_> = builtins::all().collect();
    specs.sort_by_key(|spec| spec.name);
    let by_name = (0u16..)
        .zip(&specs)
        .map(|(number, spec)| (spec.name, number))
        .collect();
    Registry { specs, by_name }
});

/// The one registry.
pub(crate) fn registry() -> &'static Registry {
    &REGISTRY
}

impl Registry {
    /// The number of the builtin of this name. Programs have it in lower case; what is stored has it as the first name in the
    /// world is spelled that is the same: there may be a property `Suspend`.
    pub(crate) fn number(&self, name: &str) -> Option<u16> {
        let known = self.by_name.get(name);
        let any_case = || self.by_name.get(&*name.to_ascii_lowercase());
        known.or_else(any_case).copied()
    }

    /// The builtin of this number.
    pub(crate) fn spec(&self, number: u16) -> Option<&'static BuiltinSpec> {
        self.specs.get(usize::from(number)).copied()
    }

    /// The builtin of this name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&'static BuiltinSpec> {
        self.spec(self.number(name)?)
    }

    /// Every builtin, by name.
    pub(crate) fn specs(&self) -> &[&'static BuiltinSpec] {
        &self.specs
    }
}

/// Every builtin function, by name.
pub fn builtin_functions() -> impl Iterator<Item = &'static BuiltinSpec> {
    registry().specs().iter().copied()
}
