//! Cells as rows of the store, and back (docs/formats/world-rows.md).
//! In: a transaction's writes, or keys and values from a scan. Out: puts and deletes, or decoded cells.
//! It decides the bytes only; when rows are written is up to `commit` and `image`.
//!
//! Every value is a MOO value in the codec of `moor-value`; every number in a key is big-endian, ids with their sign
//! bit flipped, so that rows lie in numeric order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use moor_store::{Batch, Table};
use moor_value::codec::{self, HandleResolver};
use moor_value::{List, ObjId, Symbol, Value};

use crate::arena::OBJECTS_MAX;
use crate::cell::{CellValue, Parents};
use crate::ids::{Entity, MemberKey, MemberKind, PropId, Slot, VerbId};
use crate::property::{PropDef, PropDefs, PropFlags, PropInfo, PropInfos};
use crate::transaction::Transaction;
use crate::verb::{ArgSpec, PrepSpec, Verb, VerbArgs, VerbCode, VerbFlags, VerbTable};
use crate::world::CommitState;

/// The version of the layout of rows that this program writes and the newest that it reads.
pub const ROWS_VERSION: i64 = 1;

const TAG_META: u8 = 0;
const KEY_VERSION: [u8; 2] = [TAG_META, 0];
const META_INFOS: u8 = 1;

/// Why a row is not one of a world.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The key is none that this version writes.
    #[error("a row has the unknown key {key:02x?}")]
    Key {
        /// Its bytes.
        key: Vec<u8>,
    },
    /// The value cannot be decoded.
    #[error("the row {key:02x?} holds no value: {source}")]
    Value {
        /// The row's key.
        key: Vec<u8>,
        /// What is wrong.
        source: codec::DecodeError,
    },
    /// The value is not of the shape that its key asks for.
    #[error("the row {key:02x?} holds a value of the wrong shape")]
    Shape {
        /// The row's key.
        key: Vec<u8>,
    },
    /// The rows were written by a newer program.
    #[error(
        "the world's rows have version {found}; this program reads versions up to {ROWS_VERSION}"
    )]
    Version {
        /// The version found.
        found: i64,
    },
    /// An object refers to a table of owners and permissions that has no row.
    #[error("there is no table {id} of property owners, to which {entity:?} refers")]
    MissingInfos {
        /// The table's number.
        id: u64,
        /// Who refers to it.
        entity: Entity,
    },
}

/// A row, decoded as far as is possible without other rows.
#[derive(Debug)]
pub(crate) enum Row {
    Version(i64),
    Infos(Arc<PropInfos>),
    /// A cell whose value is there.
    Cell(Entity, Slot, CellValue),
    /// The cell that refers to a table.
    InfosOf(Entity, u64),
    Member(MemberKey, ObjId, u64),
}

/// Adds the rows of all written cells.
pub(crate) fn put_cells(transaction: &Transaction, batch: &mut Batch) {
    let table = transaction.world.table;
    let mut bytes = Vec::new();
    for (key, entry) in transaction.cells.iter().filter(|(_, entry)| entry.written) {
        bytes.clear();
        let row_key = cell_key(key.entity, key.slot);
        match encode_cell(&entry.value) {
            Some(value) => {
                codec::encode(&value, &mut bytes);
                batch.put(table, &row_key, &bytes);
            }
            None => batch.delete(table, &row_key),
        }
    }
}

/// Adds the rows that depend on commit order: members, new shared tables, the version.
pub(crate) fn put_locked(transaction: &Transaction, state: &CommitState, batch: &mut Batch) {
    let table = transaction.world.table;
    if !state.rows_started {
        put_value(batch, table, &KEY_VERSION, &Value::Int(ROWS_VERSION));
    }
    for id in &state.unused_tables {
        batch.delete(table, &infos_key(*id));
    }
    for infos in new_tables(transaction) {
        put_value(batch, table, &infos_key(infos.id), &encode_infos(infos));
    }
    for (key, entry) in &transaction.members {
        for (member, order) in &entry.delta {
            let row_key = member_key(*key, *member);
            match order {
                Some(order) => put_value(batch, table, &row_key, &Value::Int(order.cast_signed())),
                None => batch.delete(table, &row_key),
            }
        }
    }
}

/// Notes that the shared tables of an appended batch have rows.
pub(crate) fn mark_stored(transaction: &Transaction) {
    new_tables(transaction).for_each(|infos| infos.stored.store(true, Ordering::Relaxed));
}

fn new_tables(transaction: &Transaction) -> impl Iterator<Item = &Arc<PropInfos>> {
    transaction
        .cells
        .iter()
        .filter(|(_, entry)| entry.written)
        .filter_map(|(_, entry)| match &entry.value {
            CellValue::Infos(infos) if !infos.stored.load(Ordering::Relaxed) => Some(infos),
            _ => None,
        })
}

fn put_value(batch: &mut Batch, table: Table, key: &[u8], value: &Value) {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes);
    batch.put(table, key, &bytes);
}

/// Calls `sink` with the key and bytes of the version row.
pub(crate) fn version_row() -> (Vec<u8>, Vec<u8>) {
    encoded(KEY_VERSION.to_vec(), &Value::Int(ROWS_VERSION))
}

/// The key before which the rows of the whole world lie, and from which on those of entities do.
pub(crate) fn first_entity_key() -> Vec<u8> {
    vec![TAG_META + 1]
}

/// The key from which on the rows of an object and all later ones lie.
pub(crate) fn object_key(id: ObjId) -> Vec<u8> {
    entity_key(id.into())
}

/// The key of the row with the last object number.
pub(crate) fn max_object_key() -> Vec<u8> {
    cell_key(Entity::WORLD, Slot::MAX_OBJECT)
}

/// The object that a row's value is.
pub(crate) fn object_of(bytes: &[u8]) -> Option<ObjId> {
    // No object number refers to anything that would need a handle.
    let mut input = bytes;
    codec::decode(&mut input, &mut codec::NoHandles)
        .ok()?
        .as_obj()
}

/// The row of a shared table.
pub(crate) fn infos_row(infos: &PropInfos) -> (Vec<u8>, Vec<u8>) {
    encoded(infos_key(infos.id), &encode_infos(infos))
}

/// The row of a cell; `None` for an absent one.
pub(crate) fn cell_row(
    entity: Entity,
    slot: Slot,
    value: &CellValue,
) -> Option<(Vec<u8>, Vec<u8>)> {
    encode_cell(value).map(|value| encoded(cell_key(entity, slot), &value))
}

/// The row of a member.
pub(crate) fn member_row(key: MemberKey, member: ObjId, order: u64) -> (Vec<u8>, Vec<u8>) {
    encoded(member_key(key, member), &Value::Int(order.cast_signed()))
}

fn encoded(key: Vec<u8>, value: &Value) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes);
    (key, bytes)
}

fn entity_key(entity: Entity) -> Vec<u8> {
    let mut key = Vec::with_capacity(18);
    key.push(entity.kind() as u8);
    key.extend_from_slice(&ordered(entity.raw_id()));
    key
}

fn cell_key(entity: Entity, slot: Slot) -> Vec<u8> {
    let mut key = entity_key(entity);
    key.push(slot.kind());
    key.extend_from_slice(&slot.index().to_be_bytes());
    key
}

fn member_key(key: MemberKey, member: ObjId) -> Vec<u8> {
    let mut bytes = entity_key(key.entity);
    bytes.push(key.kind as u8);
    bytes.extend_from_slice(&ordered(member.0));
    bytes
}

fn infos_key(id: u64) -> Vec<u8> {
    let mut key = vec![TAG_META, META_INFOS];
    key.extend_from_slice(&id.to_be_bytes());
    key
}

fn ordered(id: i64) -> [u8; 8] {
    (id.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn unordered(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed()
}

fn list(items: Vec<Value>) -> Value {
    Value::List(List::from_vec(items))
}

fn encode_cell(value: &CellValue) -> Option<Value> {
    Some(match value {
        CellValue::Absent => return None,
        CellValue::Value(value) => value.clone(),
        CellValue::NoParents => list(Vec::new()),
        CellValue::Parent(parent) => list(vec![Value::Obj(*parent)]),
        CellValue::Parents(parents) => list(parents.iter().map(|id| Value::Obj(*id)).collect()),
        CellValue::Defs(defs) => list(defs.0.iter().map(encode_def).collect()),
        CellValue::Infos(infos) => Value::Int(infos.id.cast_signed()),
        CellValue::Verbs(verbs) => list(verbs.0.iter().map(encode_verb).collect()),
        CellValue::Code(code) => Value::Str(code.source().clone()),
    })
}

fn encode_def(def: &PropDef) -> Value {
    list(vec![
        Value::Int(def.id.0.into()),
        Value::Str(def.name.clone()),
    ])
}

fn encode_verb(verb: &Verb) -> Value {
    list(vec![
        Value::Int(verb.id.0.into()),
        Value::Str(verb.names.clone()),
        Value::Obj(verb.owner),
        Value::Int(verb.flags.bits().into()),
        Value::Int(verb.args.dobj as i64),
        Value::Int(verb.args.prep.number()),
        Value::Int(verb.args.iobj as i64),
    ])
}

fn encode_infos(infos: &PropInfos) -> Value {
    let fields = infos.entries().iter().flat_map(|(prop, info)| {
        [
            Value::Int(prop.0.into()),
            Value::Obj(info.owner),
            Value::Int(info.flags.bits().into()),
        ]
    });
    list(
        [Value::Int(infos.layout.cast_signed())]
            .into_iter()
            .chain(fields)
            .collect(),
    )
}

/// Reads one row.
pub(crate) fn decode(
    key: &[u8],
    bytes: &[u8],
    handles: &mut dyn HandleResolver,
) -> Result<Row, RowError> {
    let target = decode_key(key).ok_or_else(|| RowError::Key { key: key.to_vec() })?;
    let mut input = bytes;
    let value = codec::decode(&mut input, handles).map_err(|source| RowError::Value {
        key: key.to_vec(),
        source,
    })?;
    let row = if input.is_empty() {
        decode_value(target, value)
    } else {
        None
    };
    row.ok_or_else(|| RowError::Shape { key: key.to_vec() })
}

enum Target {
    Version,
    Infos(u64),
    Cell(Entity, Slot),
    Member(MemberKey, ObjId),
}

fn decode_key(key: &[u8]) -> Option<Target> {
    if key == KEY_VERSION {
        return Some(Target::Version);
    }
    let (tag, rest) = key.split_first()?;
    if *tag == TAG_META {
        let (kind, id) = rest.split_first()?;
        let id = u64::from_be_bytes(id.try_into().ok()?);
        return (*kind == META_INFOS).then_some(Target::Infos(id));
    }
    let (id, rest) = rest.split_first_chunk::<8>()?;
    let entity = Entity::from_parts(*tag, unordered(*id))?;
    if entity
        .as_object()
        .is_some_and(|id| !(0..OBJECTS_MAX).contains(&id.0) && !id.is_unique())
    {
        return None;
    }
    let (kind, rest) = rest.split_first()?;
    if let Some(kind) = MemberKind::from_byte(*kind) {
        let member = ObjId(unordered(rest.try_into().ok()?));
        return Some(Target::Member(MemberKey { entity, kind }, member));
    }
    let slot = Slot::from_parts(*kind, u32::from_be_bytes(rest.try_into().ok()?))?;
    Some(Target::Cell(entity, slot))
}

fn decode_value(target: Target, value: Value) -> Option<Row> {
    Some(match target {
        Target::Version => Row::Version(value.as_int()?),
        Target::Infos(id) => Row::Infos(decode_infos(id, &value)?),
        Target::Member(key, member) => Row::Member(key, member, value.as_int()?.cast_unsigned()),
        Target::Cell(entity, Slot::INFOS) => Row::InfosOf(entity, value.as_int()?.cast_unsigned()),
        Target::Cell(entity, slot) => Row::Cell(entity, slot, decode_cell(slot, value)?),
    })
}

fn decode_cell(slot: Slot, value: Value) -> Option<CellValue> {
    Some(match slot {
        Slot::PARENTS => decode_parents(&value)?.into(),
        Slot::DEFS => CellValue::Defs(Arc::new(PropDefs(decode_all(&value, decode_def)?))),
        Slot::VERBS => CellValue::Verbs(Arc::new(VerbTable(decode_all(&value, decode_verb)?))),
        slot if slot.is_code() => CellValue::Code(VerbCode::new(value.as_str()?.clone())),
        Slot::FLAGS | Slot::MAX_OBJECT | Slot::NAME | Slot::OWNER | Slot::LOCATION => {
            let right = match slot {
                Slot::NAME => value.as_str().is_some(),
                Slot::FLAGS => value.as_int().is_some(),
                _ => value.as_obj().is_some(),
            };
            right.then_some(CellValue::Value(value))?
        }
        _ => CellValue::Value(value),
    })
}

fn decode_all<T>(value: &Value, one: impl FnMut(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_list()?.iter().map(one).collect()
}

fn decode_parents(value: &Value) -> Option<Parents> {
    let parents: Vec<ObjId> = decode_all(value, Value::as_obj)?;
    Some(Parents::from_slice(&parents))
}

fn decode_def(value: &Value) -> Option<PropDef> {
    let [id, name] = value.as_list()?.as_slice() else {
        return None;
    };
    let name = name.as_str()?.clone();
    Some(PropDef {
        symbol: Symbol::intern(name.as_str()),
        name,
        id: PropId(id.as_int()?.try_into().ok()?),
    })
}

fn decode_verb(value: &Value) -> Option<Verb> {
    let [id, names, owner, flags, dobj, prep, iobj] = value.as_list()?.as_slice() else {
        return None;
    };
    let spec = |value: &Value| ArgSpec::from_bits(value.as_int()?.try_into().ok()?);
    Some(Verb {
        id: VerbId(id.as_int()?.try_into().ok()?),
        names: names.as_str()?.clone(),
        owner: owner.as_obj()?,
        flags: VerbFlags::from_bits(flags.as_int()?.try_into().ok()?),
        args: VerbArgs {
            dobj: spec(dobj)?,
            prep: PrepSpec::from_number(prep.as_int()?)?,
            iobj: spec(iobj)?,
        },
    })
}

fn decode_infos(id: u64, value: &Value) -> Option<Arc<PropInfos>> {
    let (layout, fields) = value.as_list()?.as_slice().split_first()?;
    let (entries, rest) = fields.as_chunks::<3>();
    if !rest.is_empty() {
        return None;
    }
    let entry = |[prop, owner, flags]: &[Value; 3]| {
        let flags = PropFlags::from_bits(flags.as_int()?.try_into().ok()?);
        Some((
            PropId(prop.as_int()?.try_into().ok()?),
            PropInfo {
                owner: owner.as_obj()?,
                flags,
            },
        ))
    };
    let entries = entries.iter().map(entry).collect::<Option<_>>()?;
    Some(PropInfos::new(
        id,
        layout.as_int()?.cast_unsigned(),
        entries,
    ))
}
