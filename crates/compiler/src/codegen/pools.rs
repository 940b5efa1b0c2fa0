//! Constants, names and builtin functions of a program: each is in its table once.
//!
//! In: values, words, numbers of functions. Out: their places in the tables, and in the end the tables. It knows nothing of how
//! code is laid out.

use moor_bytecode::{CodeTable, Instruction as I, Name};
use moor_value::{Str, Symbol, Value};
use rustc_hash::FxHashMap;

use super::fold::ConstantKey;

/// A table has no room for one more; what it holds.
pub(super) struct Full(pub(super) &'static str);

/// The tables, and the places of what is in them.
#[derive(Default)]
pub(super) struct Pools {
    constants: Vec<Value>,
    names: Vec<Name>,
    builtins: Vec<(u16, Symbol)>,
    constant_places: FxHashMap<ConstantKey, u16>,
    name_places: FxHashMap<String, u16>,
}

impl Pools {
    /// The instruction that puts a value into a register.
    ///
    /// # Errors
    /// [`Full`] when it is one constant too many.
    pub(super) fn load(&mut self, dst: u16, value: &Value) -> Result<I, Full> {
        match value {
            Value::Int(n) if let Ok(imm) = i16::try_from(*n) => Ok(I::Int { dst, imm }),
            value => Ok(I::Const {
                dst,
                k: self.constant(value)?,
            }),
        }
    }

    /// The place of a constant.
    ///
    /// # Errors
    /// [`Full`] when it is one too many.
    pub(super) fn constant(&mut self, value: &Value) -> Result<u16, Full> {
        let key = ConstantKey::of(value);
        if let Some(&k) = self.constant_places.get(&key) {
            return Ok(k);
        }
        let k = u16::try_from(self.constants.len()).map_err(|_| Full("constants"))?;
        self.constants.push(value.clone());
        self.constant_places.insert(key, k);
        Ok(k)
    }

    /// The place of a name that the program spells out; spellings of one name have places of their own.
    ///
    /// # Errors
    /// [`Full`] when it is one too many.
    pub(super) fn name(&mut self, text: &str) -> Result<u16, Full> {
        if let Some(&n) = self.name_places.get(text) {
            return Ok(n);
        }
        let n = u16::try_from(self.names.len()).map_err(|_| Full("names"))?;
        self.names.push(Name {
            symbol: Symbol::intern(text),
            text: Str::new(text),
        });
        self.name_places.insert(text.to_owned(), n);
        Ok(n)
    }

    /// Notes that the program calls the builtin function of this number and name.
    pub(super) fn builtin(&mut self, number: u16, name: &str) {
        if !self.builtins.iter().any(|(known, _)| *known == number) {
            self.builtins.push((number, Symbol::intern(name)));
        }
    }

    /// Puts the tables into a program's.
    pub(super) fn fill(self, table: &mut CodeTable) {
        table.constants = self.constants;
        table.names = self.names;
        table.builtins = self.builtins;
    }
}
