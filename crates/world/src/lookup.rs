//! Finding properties and verbs by name through the parents.
//! In: an entity and a name, and some source of facts. Out: the definition found, or that there is none.
//! Order: the entity itself, then its ancestors depth first, each parent before its next sibling, as ToastStunt has it.
//!
//! Outcomes are kept per thread for everybody who sees the same schema: the state of all parents, definitions, verbs
//! and code as of one commit. Who may use what was found is decided in `ops`.

use std::cell::RefCell;
use std::sync::Arc;

use moor_value::{ObjId, Symbol};
use rustc_hash::{FxBuildHasher, FxHashSet};
use std::hash::BuildHasher;

use crate::cell::{CellValue, Parents};
use crate::ids::{CellKey, Entity, PropId, Slot};
use crate::property::PropDefs;
use crate::verb::{ResolvedVerb, Verb, VerbArgs, VerbCode, VerbTable};
use crate::world::World;

/// Where cells are read from: a transaction, which records the reading, or a plain snapshot.
pub(crate) trait Facts {
    fn fact(&mut self, key: CellKey) -> CellValue;

    fn parents_of(&mut self, entity: Entity) -> Parents {
        let slot = Slot::PARENTS;
        let parents = self.fact(CellKey { entity, slot }).parents();
        parents.unwrap_or_default()
    }

    fn defs_of(&mut self, entity: Entity) -> Option<Arc<PropDefs>> {
        match self.fact(CellKey {
            entity,
            slot: Slot::DEFS,
        }) {
            CellValue::Defs(defs) => Some(defs),
            _ => None,
        }
    }

    fn verbs_of(&mut self, entity: Entity) -> Option<Arc<VerbTable>> {
        match self.fact(CellKey {
            entity,
            slot: Slot::VERBS,
        }) {
            CellValue::Verbs(verbs) => Some(verbs),
            _ => None,
        }
    }

    fn code_of(&mut self, entity: Entity, verb: &Verb) -> Arc<VerbCode> {
        match self.fact(CellKey {
            entity,
            slot: Slot::code(verb.id),
        }) {
            CellValue::Code(code) => code,
            _ => Arc::default(),
        }
    }
}

/// The committed state at one timestamp, read without a record.
pub(crate) struct SnapshotFacts<'a> {
    pub(crate) world: &'a World,
    pub(crate) ts: u64,
}

impl Facts for SnapshotFacts<'_> {
    fn fact(&mut self, key: CellKey) -> CellValue {
        self.world.read_at(key, self.ts)
    }
}

/// A property that a lookup found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PropHit {
    pub(crate) prop: PropId,
    pub(crate) definer: Entity,
    /// Where to look for the value while it is clear: from the entity's parent to the definer, in that order.
    pub(crate) path: Box<[ObjId]>,
}

/// Which name is looked up how.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum LookupKind {
    Property,
    Callable,
    /// A verb for a command with these arguments.
    Command(VerbArgs),
}

/// One lookup, as remembered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LookupKey {
    pub(crate) entity: Entity,
    pub(crate) symbol: Symbol,
    pub(crate) kind: LookupKind,
}

/// The outcome of a lookup.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Resolution {
    Property(Option<Arc<PropHit>>),
    Verb(Option<Arc<ResolvedVerb>>),
}

/// Carries a lookup out.
pub(crate) fn resolve(facts: &mut impl Facts, key: LookupKey) -> Resolution {
    match key.kind {
        LookupKind::Property => {
            Resolution::Property(find_property(facts, key.entity, key.symbol).map(Arc::new))
        }
        LookupKind::Callable => {
            Resolution::Verb(find_callable(facts, key.entity, key.symbol).map(Arc::new))
        }
        LookupKind::Command(given) => {
            let found = find_command(facts, key.entity, key.symbol.as_str(), given);
            Resolution::Verb(found.map(Arc::new))
        }
    }
}

/// All ancestors of an entity, depth first, each once, without the entity itself.
pub(crate) fn ancestors(facts: &mut impl Facts, entity: Entity) -> Vec<ObjId> {
    let mut found = Vec::new();
    let mut seen = FxHashSet::default();
    let mut stack: Vec<ObjId> = facts
        .parents_of(entity)
        .as_slice()
        .iter()
        .rev()
        .copied()
        .collect();
    while let Some(next) = stack.pop() {
        if seen.insert(next) {
            found.push(next);
            stack.extend(facts.parents_of(next.into()).as_slice().iter().rev());
        }
    }
    found
}

/// The first of the entity and its ancestors for which `look` answers.
fn first_in_line<F: Facts, R>(
    facts: &mut F,
    entity: Entity,
    mut look: impl FnMut(&mut F, Entity) -> Option<R>,
) -> Option<(Entity, R)> {
    let mut current = entity;
    // One parent after the other needs no list of what was seen.
    loop {
        if let Some(found) = look(facts, current) {
            return Some((current, found));
        }
        match facts.parents_of(current) {
            Parents::None => return None,
            Parents::One(parent) => current = parent.into(),
            Parents::Many(_) => break,
        }
    }
    let line = ancestors(facts, current);
    line.into_iter()
        .find_map(|ancestor| look(facts, ancestor.into()).map(|found| (ancestor.into(), found)))
}

fn find_property(facts: &mut impl Facts, entity: Entity, symbol: Symbol) -> Option<PropHit> {
    let (definer, prop) = first_in_line(facts, entity, |facts, holder| {
        facts
            .defs_of(holder)
            .and_then(|defs| defs.find(symbol).map(|def| def.id))
    })?;
    Some(PropHit {
        prop,
        definer,
        path: value_path(facts, entity, definer).into(),
    })
}

/// The way from an entity to an ancestor: at each step the first parent that leads there.
fn value_path(facts: &mut impl Facts, entity: Entity, definer: Entity) -> Vec<ObjId> {
    let mut path = Vec::new();
    let mut current = entity;
    while current != definer {
        let parents = facts.parents_of(current);
        let next = match parents.as_slice() {
            [only] => Some(*only),
            many => many
                .iter()
                .copied()
                .find(|parent| leads_to(facts, *parent, definer)),
        };
        let Some(next) = next else { break };
        path.push(next);
        current = next.into();
    }
    path
}

fn leads_to(facts: &mut impl Facts, from: ObjId, target: Entity) -> bool {
    Entity::object(from) == target
        || ancestors(facts, from.into())
            .iter()
            .any(|ancestor| Entity::object(*ancestor) == target)
}

fn find_callable(facts: &mut impl Facts, entity: Entity, symbol: Symbol) -> Option<ResolvedVerb> {
    let word = symbol.as_str();
    let (definer, verb) = first_in_line(facts, entity, |facts, holder| {
        facts
            .verbs_of(holder)
            .and_then(|verbs| verbs.callable(word).cloned())
    })?;
    let code = facts.code_of(definer, &verb);
    Some(ResolvedVerb::new(definer, verb, code))
}

/// The verb that a command with these arguments runs on `entity`.
pub(crate) fn find_command(
    facts: &mut impl Facts,
    entity: Entity,
    word: &str,
    given: VerbArgs,
) -> Option<ResolvedVerb> {
    let (definer, verb) = first_in_line(facts, entity, |facts, holder| {
        facts
            .verbs_of(holder)
            .and_then(|verbs| verbs.command(word, given).cloned())
    })?;
    let code = facts.code_of(definer, &verb);
    Some(ResolvedVerb::new(definer, verb, code))
}

/// Places in the cache of one thread; a collision forgets the older outcome.
const CACHE_PLACES: usize = 4096;

struct CacheEntry {
    instance: u64,
    schema_ts: u64,
    key: LookupKey,
    resolution: Resolution,
}

thread_local! {
    static CACHE: RefCell<Vec<Option<CacheEntry>>> = const { RefCell::new(Vec::new()) };
}

/// Looks a name up in the committed state at `ts`, whose schema is that of `schema_ts`.
pub(crate) fn resolve_cached(world: &World, ts: u64, schema_ts: u64, key: LookupKey) -> Resolution {
    let place = FxBuildHasher.hash_one(key) as usize % CACHE_PLACES;
    let known = CACHE.with_borrow(|cache| {
        let entry = cache.get(place)?.as_ref()?;
        let same =
            entry.instance == world.instance && entry.schema_ts == schema_ts && entry.key == key;
        same.then(|| entry.resolution.clone())
    });
    if let Some(resolution) = known {
        return resolution;
    }
    let resolution = resolve(&mut SnapshotFacts { world, ts }, key);
    let entry = CacheEntry {
        instance: world.instance,
        schema_ts,
        key,
        resolution: resolution.clone(),
    };
    CACHE.with_borrow_mut(|cache| {
        if cache.is_empty() {
            cache.resize_with(CACHE_PLACES, || None);
        }
        cache[place] = Some(entry);
    });
    resolution
}
