//! Verbs: tables, code, and finding one by description or for a command.
//! In: permissions, an entity, names, letters, specifiers, source. Out: definitions, code, or the error.
//! Compiling is the runtime's; calling by name is `Transaction::find_callable_verb`.

use std::sync::Arc;

use moor_value::{ErrorCode, ObjId, Str, Symbol, Value};

use super::{MooResult, ObjectFlags};
use crate::cell::CellValue;
use crate::ids::{Entity, Slot};
use crate::lookup::{self, Facts, LookupKey, LookupKind, Resolution};
use crate::transaction::Transaction;
use crate::verb::{Compiled, ResolvedVerb, Verb, VerbArgs, VerbCode, VerbFlags, VerbTable};

/// Which verb of an object a program means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VerbDesc {
    /// The one at this place, counted from 1.
    Index(i64),
    /// The first whose names match.
    Name {
        /// What is matched.
        name: Str,
        /// Whether a name that is a number means the place counted from 0
        /// (`$server_options.support_numeric_verbname_strings`).
        numeric: bool,
    },
}

impl VerbDesc {
    /// From the argument of a builtin.
    ///
    /// # Errors
    /// E_TYPE for neither a number nor a string, E_INVARG for a number below 1.
    pub fn from_value(value: &Value, numeric: bool) -> MooResult<Self> {
        match value {
            Value::Str(name) => Ok(Self::Name {
                name: name.clone(),
                numeric,
            }),
            Value::Int(index @ 1..) => Ok(Self::Index(*index)),
            Value::Int(_) => Err(ErrorCode::InvArg),
            _ => Err(ErrorCode::Type),
        }
    }

    fn position(&self, verbs: &VerbTable) -> Option<usize> {
        match self {
            Self::Index(index) => usize::try_from(index - 1)
                .ok()
                .filter(|at| *at < verbs.0.len()),
            Self::Name { name, numeric } => {
                let number = if *numeric {
                    name.as_str().parse::<usize>().ok()
                } else {
                    None
                };
                let mut verbs = verbs.0.iter().enumerate();
                verbs
                    .find(|(at, verb)| Some(*at) == number || verb.matches(name.as_str()))
                    .map(|(at, _)| at)
            }
        }
    }
}

/// Owner, permission letters and names, as programs give them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerbInfo<'a> {
    /// The owner.
    pub owner: ObjId,
    /// Any of `r`, `w`, `x`, `d`.
    pub letters: &'a str,
    /// The names, separated by spaces.
    pub names: &'a str,
}

impl Transaction {
    pub(super) fn verb_table(&mut self, entity: Entity) -> Arc<VerbTable> {
        self.verbs_of(entity).unwrap_or_default()
    }

    pub(super) fn write_verbs(&mut self, entity: Entity, verbs: Vec<Verb>) {
        let value = if verbs.is_empty() {
            CellValue::Absent
        } else {
            CellValue::Verbs(Arc::new(VerbTable(verbs)))
        };
        self.write(entity, Slot::VERBS, value);
    }

    fn change_verb(&mut self, entity: Entity, at: usize, change: impl FnOnce(&mut Verb)) {
        let mut verbs = self.verb_table(entity).0.clone();
        change(&mut verbs[at]);
        self.write_verbs(entity, verbs);
    }

    /// The verbs of an existing entity in order, whoever asks.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist.
    pub fn verb_definitions(&mut self, entity: Entity) -> MooResult<Vec<Verb>> {
        if self.valid(entity) {
            Ok(self.verb_table(entity).0.clone())
        } else {
            Err(ErrorCode::InvArg)
        }
    }

    /// `verbs()`: the names of each verb that the entity itself has, in order.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_PERM.
    pub fn verb_names(&mut self, perms: ObjId, entity: Entity) -> MooResult<Vec<Str>> {
        let verbs = self.verb_definitions(entity)?;
        if !self.allows(perms, entity, ObjectFlags::READ) {
            return Err(ErrorCode::Perm);
        }
        Ok(verbs.into_iter().map(|verb| verb.names).collect())
    }

    /// A verb by its description, whoever asks, with its place counted from 0.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_VERBNF.
    pub fn find_verb_by_desc(
        &mut self,
        entity: Entity,
        desc: &VerbDesc,
    ) -> MooResult<(usize, Verb)> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        let verbs = self.verb_table(entity);
        let at = desc.position(&verbs).ok_or(ErrorCode::VerbNf)?;
        Ok((at, verbs.0[at].clone()))
    }

    fn allowed_verb(
        &mut self,
        perms: ObjId,
        entity: Entity,
        desc: &VerbDesc,
        flag: VerbFlags,
    ) -> MooResult<(usize, Verb)> {
        let (at, verb) = self.find_verb_by_desc(entity, desc)?;
        if verb.flags.has(flag) || verb.owner == perms || self.is_wizard(perms) {
            Ok((at, verb))
        } else {
            Err(ErrorCode::Perm)
        }
    }

    /// `verb_info()` and `verb_args()`: the definition.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_VERBNF, E_PERM.
    pub fn verb_info(&mut self, perms: ObjId, entity: Entity, desc: &VerbDesc) -> MooResult<Verb> {
        self.allowed_verb(perms, entity, desc, VerbFlags::READ)
            .map(|(_, verb)| verb)
    }

    /// `set_verb_info()`.
    ///
    /// # Errors
    /// E_INVARG when the entity or the owner does not exist, for unknown letters and empty names; E_VERBNF; E_PERM.
    pub fn set_verb_info(
        &mut self,
        perms: ObjId,
        entity: Entity,
        desc: &VerbDesc,
        info: VerbInfo<'_>,
    ) -> MooResult<()> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        let (flags, names) = self.parse_verb_info(info)?;
        let (at, verb) = self.allowed_verb(perms, entity, desc, VerbFlags::WRITE)?;
        if verb.owner != info.owner && !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        self.change_verb(entity, at, |verb| {
            (verb.owner, verb.flags, verb.names) = (info.owner, flags, names);
        });
        Ok(())
    }

    fn parse_verb_info(&mut self, info: VerbInfo<'_>) -> MooResult<(VerbFlags, Str)> {
        if !self.valid_object(info.owner) {
            return Err(ErrorCode::InvArg);
        }
        let flags = VerbFlags::parse(info.letters).ok_or(ErrorCode::InvArg)?;
        let names = info.names.trim_start_matches(' ');
        if names.is_empty() {
            Err(ErrorCode::InvArg)
        } else {
            Ok((flags, Str::new(names)))
        }
    }

    /// `set_verb_args()`.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_VERBNF, E_PERM.
    pub fn set_verb_args(
        &mut self,
        perms: ObjId,
        entity: Entity,
        desc: &VerbDesc,
        args: VerbArgs,
    ) -> MooResult<()> {
        let (at, _) = self.allowed_verb(perms, entity, desc, VerbFlags::WRITE)?;
        self.change_verb(entity, at, |verb| verb.args = args);
        Ok(())
    }

    /// `add_verb()`; answers the place of the verb, counted from 1.
    ///
    /// # Errors
    /// E_INVARG when the entity or the owner does not exist, for unknown letters and empty names; E_PERM.
    pub fn add_verb(
        &mut self,
        perms: ObjId,
        entity: Entity,
        info: VerbInfo<'_>,
        args: VerbArgs,
    ) -> MooResult<usize> {
        let (flags, names) = self.parse_verb_info(info)?;
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        if !self.allows(perms, entity, ObjectFlags::WRITE)
            || (perms != info.owner && !self.is_wizard(perms))
        {
            return Err(ErrorCode::Perm);
        }
        let mut verbs = self.verb_table(entity).0.clone();
        verbs.push(Verb {
            id: self.world.new_verb(),
            names,
            owner: info.owner,
            flags,
            args,
        });
        let place = verbs.len();
        self.write_verbs(entity, verbs);
        Ok(place)
    }

    /// `delete_verb()`.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_PERM, E_VERBNF.
    pub fn delete_verb(&mut self, perms: ObjId, entity: Entity, desc: &VerbDesc) -> MooResult<()> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        if !self.allows(perms, entity, ObjectFlags::WRITE) {
            return Err(ErrorCode::Perm);
        }
        let (at, verb) = self.find_verb_by_desc(entity, desc)?;
        let mut verbs = self.verb_table(entity).0.clone();
        verbs.remove(at);
        self.write_verbs(entity, verbs);
        self.write(entity, Slot::code(verb.id), CellValue::Absent);
        Ok(())
    }

    /// `verb_code()`: the code of a verb; its source is canonical already.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_VERBNF, E_PERM.
    pub fn verb_code(
        &mut self,
        perms: ObjId,
        entity: Entity,
        desc: &VerbDesc,
    ) -> MooResult<Arc<VerbCode>> {
        let (_, verb) = self.allowed_verb(perms, entity, desc, VerbFlags::READ)?;
        Ok(self.code_of(entity, &verb))
    }

    /// What `set_verb_code()` checks before it compiles.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_VERBNF, E_PERM when the verb is not writable or `perms` is no
    /// programmer.
    pub fn check_set_verb_code(
        &mut self,
        perms: ObjId,
        entity: Entity,
        desc: &VerbDesc,
    ) -> MooResult<Verb> {
        let (_, verb) = self.find_verb_by_desc(entity, desc)?;
        if !self.is_programmer(perms) {
            return Err(ErrorCode::Perm);
        }
        self.allowed_verb(perms, entity, desc, VerbFlags::WRITE)?;
        Ok(verb)
    }

    /// `set_verb_code()` with the canonical source of code that compiled, and its program.
    ///
    /// # Errors
    /// As [`check_set_verb_code`](Self::check_set_verb_code).
    pub fn set_verb_code(
        &mut self,
        perms: ObjId,
        entity: Entity,
        desc: &VerbDesc,
        source: Str,
        compiled: Option<Compiled>,
    ) -> MooResult<()> {
        let verb = self.check_set_verb_code(perms, entity, desc)?;
        let code = match compiled {
            Some(compiled) => VerbCode::with_compiled(source, compiled),
            None => VerbCode::new(source),
        };
        self.write(entity, Slot::code(verb.id), CellValue::Code(code));
        Ok(())
    }

    /// The verb that a command runs on `entity`: the first in line whose names match `word` and whose specifiers
    /// admit `given`, callable or not.
    pub fn find_command_verb(
        &mut self,
        entity: Entity,
        word: &str,
        given: VerbArgs,
    ) -> Option<Arc<ResolvedVerb>> {
        if !self.valid(entity) {
            return None;
        }
        // What is remembered is named by symbols, and users' words become symbols only where they are names of verbs.
        let Some(symbol) = Symbol::lookup(word) else {
            let found = lookup::find_command(self, entity, word, given)?;
            if found.verb.lists(word) {
                Symbol::intern(&word.to_ascii_lowercase());
            }
            return Some(Arc::new(found));
        };
        let kind = LookupKind::Command(given);
        match self.resolve(LookupKey {
            entity,
            symbol,
            kind,
        }) {
            Resolution::Verb(found) => found,
            Resolution::Property(_) => None,
        }
    }

    /// The verb that `pass()` runs from a verb of `definer`: looked up by the parents of `definer`, in order.
    pub fn find_parent_verb(
        &mut self,
        definer: Entity,
        symbol: moor_value::Symbol,
    ) -> Option<Arc<ResolvedVerb>> {
        self.parents(definer)
            .into_iter()
            .find_map(|parent| self.find_callable_verb(parent.into(), symbol))
    }

    /// The place of a verb on its object, counted from 1; `None` when it is gone.
    pub fn verb_place(&mut self, found: &ResolvedVerb) -> Option<usize> {
        self.verb_table(found.definer)
            .position(found.verb.id)
            .map(|at| at + 1)
    }
}
