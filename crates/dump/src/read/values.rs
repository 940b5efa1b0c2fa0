//! Values of a textdump.
//! In: lines. Out: values whose handles come from the caller's resolver. Nesting is bounded; so is every allocation,
//! by what the file can hold.

use moor_value::codec::HandleResolver;
use moor_value::{DEPTH_MAX, ErrorCode, List, Map, ObjId, Value, WaifRef};
use moor_world::WaifImage;
use rustc_hash::FxHashMap;

use super::format;
use super::lines::{Line, LineReader};
use crate::error::ReadError;
use crate::kind;
use crate::task::Slot;

/// The id of the handle that stands for every anonymous object that is no more; no object ever gets it.
const DEAD_ANON: u64 = 0;

/// Room made for a list before its elements are there, whatever length the file claims.
const CAPACITY_MAX: usize = 256;

/// The line before an element of a list or map.
const ELEMENT: &str = "the type of an element";

/// Reads values and remembers the things without numbers that they name.
pub(crate) struct ValueReader<'h> {
    version: u8,
    handles: &'h mut dyn HandleResolver,
    /// The ids given to anonymous objects, by their numbers in the file.
    anons: FxHashMap<i64, u64>,
    waif_handles: Vec<WaifRef>,
    pub(crate) waifs: Vec<WaifImage>,
    last_id: u64,
    /// How many values the present one stands in.
    depth: u32,
}

impl<'h> ValueReader<'h> {
    pub(crate) fn new(version: u8, handles: &'h mut dyn HandleResolver) -> Self {
        Self {
            version,
            handles,
            anons: FxHashMap::default(),
            waif_handles: Vec::new(),
            waifs: Vec::new(),
            last_id: DEAD_ANON,
            depth: 0,
        }
    }

    /// The id of an anonymous object by its number in the file.
    pub(crate) fn anon_id(&mut self, number: i64) -> u64 {
        let last_id = &mut self.last_id;
        *self.anons.entry(number).or_insert_with(|| {
            *last_id += 1;
            *last_id
        })
    }

    /// The numbers in the file of all anonymous objects mentioned.
    pub(crate) fn anons_mentioned(&self) -> impl Iterator<Item = i64> {
        self.anons.keys().copied()
    }

    /// A value; none at all (`Value::None`) included.
    pub(crate) fn value(&mut self, lines: &mut LineReader<'_>) -> Result<Value, ReadError> {
        let line = lines.next("the type of a value")?;
        let slot = self.slot_of(lines, line)?;
        of_programs(lines, line, slot)
    }

    /// What can lie on the stack or in a property.
    pub(crate) fn slot(&mut self, lines: &mut LineReader<'_>) -> Result<Slot, ReadError> {
        let line = lines.next("the type of a value")?;
        self.slot_of(lines, line)
    }

    /// A value whose type is already read.
    pub(crate) fn value_of_kind(
        &mut self,
        lines: &mut LineReader<'_>,
        line: Line<'_>,
        kind: i64,
    ) -> Result<Value, ReadError> {
        let slot = self.slot_of_kind(lines, line, kind)?;
        of_programs(lines, line, slot)
    }

    fn slot_of(&mut self, lines: &mut LineReader<'_>, line: Line<'_>) -> Result<Slot, ReadError> {
        match line.numbers::<1>() {
            Some([kind]) => self.slot_of_kind(lines, line, kind),
            None => Err(lines.unexpected(line, "the type of a value (a number from 0 to 14)")),
        }
    }

    fn slot_of_kind(
        &mut self,
        lines: &mut LineReader<'_>,
        line: Line<'_>,
        kind: i64,
    ) -> Result<Slot, ReadError> {
        Ok(Slot::Value(match kind {
            kind::CLEAR => return Ok(Slot::Clear),
            kind::CATCH => return lines.int("the arms of a `try`").map(Slot::Catch),
            kind::FINALLY => return lines.int("the handler of a `finally`").map(Slot::Finally),
            kind::ITER => return self.nested(lines, line, Self::iterator),
            kind::NONE => Value::None,
            kind::ANY if self.version == format::PREHISTORY => Value::None,
            kind::INT => Value::Int(lines.int("an integer")?),
            kind::OBJ => Value::Obj(lines.obj("an object")?),
            kind::STR => Value::Str(lines.string("a string")?),
            kind::ERR => Value::Err(error_code(lines)?),
            kind::FLOAT => Value::Float(float(lines)?),
            kind::BOOL => Value::Bool(lines.int("a truth value")? != 0),
            kind::LIST => self.nested(lines, line, Self::list)?,
            // Before there were maps, LambdaMOO's waifs had their number.
            kind::MAP if self.version < format::MAP => self.nested(lines, line, Self::waif)?,
            kind::MAP => self.nested(lines, line, Self::map)?,
            kind::ANON => self.anon(lines)?,
            kind::WAIF => self.nested(lines, line, Self::waif)?,
            _ => return Err(lines.unexpected(line, "the type of a value (a number from 0 to 14)")),
        }))
    }

    /// Reads what has values in it, and whose type stands in this line.
    fn nested<T>(
        &mut self,
        lines: &mut LineReader<'_>,
        line: Line<'_>,
        read: fn(&mut Self, &mut LineReader<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        if self.depth == DEPTH_MAX {
            return Err(lines.unexpected(line, format!("values nested at most {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        let value = read(self, lines);
        self.depth -= 1;
        value
    }

    fn iterator(&mut self, lines: &mut LineReader<'_>) -> Result<Slot, ReadError> {
        let line = lines.next("the type of a key")?;
        match self.slot_of(lines, line)? {
            Slot::Value(key) if !key.is_none() => Ok(Slot::Iterator(Some(key))),
            Slot::Clear => Ok(Slot::Iterator(None)),
            _ => Err(lines.unexpected(line, "a key, or no value")),
        }
    }

    fn element(&mut self, lines: &mut LineReader<'_>) -> Result<Value, ReadError> {
        let line = lines.next(ELEMENT)?;
        self.element_of(lines, line)
    }

    fn element_of(
        &mut self,
        lines: &mut LineReader<'_>,
        line: Line<'_>,
    ) -> Result<Value, ReadError> {
        match self.slot_of(lines, line)? {
            Slot::Value(value) if !value.is_none() => Ok(value),
            _ => Err(lines.unexpected(line, "the type of a value that a list or map can hold")),
        }
    }

    fn list(&mut self, lines: &mut LineReader<'_>) -> Result<Value, ReadError> {
        let count = lines.count("the length of a list")?;
        let mut items = Vec::with_capacity(count.min(CAPACITY_MAX));
        for _ in 0..count {
            items.push(self.element(lines)?);
        }
        Ok(Value::List(List::from_vec(items)))
    }

    fn map(&mut self, lines: &mut LineReader<'_>) -> Result<Value, ReadError> {
        let count = lines.count("the length of a map")?;
        let mut map = Map::new();
        for _ in 0..count {
            let key_line = lines.next(ELEMENT)?;
            let key = self.element_of(lines, key_line)?;
            let value = self.element(lines)?;
            if !map.insert_value(key, value) {
                return Err(lines.unexpected(key_line, "a map's key that is no list and no map"));
            }
        }
        Ok(Value::Map(map))
    }

    fn anon(&mut self, lines: &mut LineReader<'_>) -> Result<Value, ReadError> {
        let line = lines.next("the number of an anonymous object")?;
        let id = match line.numbers::<1>() {
            Some([kind::NO_OBJECT]) => DEAD_ANON,
            Some([number]) if number >= 0 => self.anon_id(number),
            _ => return Err(lines.unexpected(line, "the number of an anonymous object")),
        };
        let handle = self.handles.anon(id);
        handle
            .map(Value::Anon)
            .ok_or_else(|| lines.unexpected(line, "a known anonymous object"))
    }

    /// The first mention of a waif (`c`) has its content, later ones (`r`) only its index.
    fn waif(&mut self, lines: &mut LineReader<'_>) -> Result<Value, ReadError> {
        let head = lines.next("a waif")?;
        let text = head.text();
        let index = |digits: &str| digits.parse::<usize>().ok();
        let handle = if let Some(index) = text.strip_prefix("r ").and_then(index) {
            self.waif_handles.get(index).cloned()
        } else if text.strip_prefix("c ").and_then(index) == Some(self.waifs.len()) {
            Some(self.new_waif(lines, head)?)
        } else {
            None
        };
        let handle = handle.ok_or_else(|| {
            let next = self.waifs.len();
            lines.unexpected(
                head,
                format!("`c {next}` or `r` and the index of an earlier waif"),
            )
        })?;
        let end = lines.next("the `.` that ends a waif")?;
        match end.bytes {
            b"." => Ok(Value::Waif(handle)),
            _ => Err(lines.unexpected(end, "the `.` that ends a waif")),
        }
    }

    fn new_waif(
        &mut self,
        lines: &mut LineReader<'_>,
        head: Line<'_>,
    ) -> Result<WaifRef, ReadError> {
        let class = lines.obj("the class of a waif")?;
        let owner = lines.obj("the owner of a waif")?;
        let places = lines.int("how many properties a waif has")?;
        let (index, handle) = self.add_waif(lines, head, class, owner)?;
        let values = self.waif_values(lines, places)?;
        self.waifs[index].values = values;
        Ok(handle)
    }

    /// Makes a waif known before its values are read, because they may mention it.
    fn add_waif(
        &mut self,
        lines: &LineReader<'_>,
        head: Line<'_>,
        class: ObjId,
        owner: ObjId,
    ) -> Result<(usize, WaifRef), ReadError> {
        self.last_id += 1;
        let id = self.last_id;
        let handle = self.handles.waif(id, class, owner);
        let handle = handle.ok_or_else(|| lines.unexpected(head, "a known waif"))?;
        self.waif_handles.push(handle.clone());
        self.waifs.push(WaifImage {
            id,
            class,
            owner,
            values: Vec::new(),
        });
        Ok((self.waifs.len() - 1, handle))
    }

    fn waif_values(
        &mut self,
        lines: &mut LineReader<'_>,
        places: i64,
    ) -> Result<Vec<(usize, Value)>, ReadError> {
        let mut values: Vec<(usize, Value)> = Vec::new();
        loop {
            let line = lines.next("the place of a waif's property, or -1")?;
            let place = match line.numbers::<1>() {
                Some([-1]) => return Ok(values),
                Some([place]) if (0..places).contains(&place) => place as usize,
                _ => return Err(lines.unexpected(line, "the place of a waif's property, or -1")),
            };
            if values.last().is_some_and(|(last, _)| *last >= place) {
                return Err(lines.unexpected(line, "the places of a waif's properties to ascend"));
            }
            let kind = lines.next("the type of a value")?;
            match self.slot_of(lines, kind)? {
                Slot::Value(value) if !value.is_none() => values.push((place, value)),
                Slot::Clear => {}
                _ => return Err(lines.unexpected(kind, "the type of a value")),
            }
        }
    }
}

fn of_programs(lines: &LineReader<'_>, line: Line<'_>, slot: Slot) -> Result<Value, ReadError> {
    match slot {
        Slot::Value(value) => Ok(value),
        _ => Err(lines.unexpected(line, "the type of a value that programs can have")),
    }
}

fn error_code(lines: &mut LineReader<'_>) -> Result<ErrorCode, ReadError> {
    let line = lines.next("the number of an error")?;
    let code = line
        .numbers::<1>()
        .and_then(|[number]| ErrorCode::from_number(number));
    code.ok_or_else(|| lines.unexpected(line, "the number of an error"))
}

fn float(lines: &mut LineReader<'_>) -> Result<f64, ReadError> {
    let line = lines.next("a float")?;
    let number: Option<f64> = std::str::from_utf8(line.bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| lines.unexpected(line, "a finite float"))
}
