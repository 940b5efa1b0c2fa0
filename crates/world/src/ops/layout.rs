//! Which properties an object has, with which owner and permissions, after its place in the hierarchy changed.
//! In: the entities affected, parents before children. Out: new shared tables, and values dropped with their
//! properties. Checks are made by the callers.
//!
//! As in LambdaMOO, owner and permissions are fixed per object when the property reaches it; they are not looked up
//! through the parents. Properties that an object keeps keep theirs.

use std::sync::Arc;

use moor_value::ObjId;
use rustc_hash::FxHashMap;

use crate::cell::CellValue;
use crate::ids::{Entity, PropId, Slot};
use crate::lookup::Facts;
use crate::property::{PropInfo, PropInfos};
use crate::transaction::Transaction;

/// Tables made for one object that others can share: by old table, only parent's table, and owner.
pub(super) type Shared = FxHashMap<(usize, usize, ObjId), Option<Arc<PropInfos>>>;

fn address(infos: Option<&Arc<PropInfos>>) -> usize {
    infos.map_or(0, |infos| Arc::as_ptr(infos).addr())
}

impl Transaction {
    pub(super) fn write_infos(&mut self, entity: Entity, infos: Option<Arc<PropInfos>>) {
        let value = infos.map_or(CellValue::Absent, CellValue::Infos);
        self.write(entity, Slot::INFOS, value);
    }

    pub(super) fn new_infos(&self, entries: Vec<(PropId, PropInfo)>) -> Arc<PropInfos> {
        let id = self.world.layouts.next();
        PropInfos::new(id, id, entries)
    }

    /// The table of a new entity.
    pub(super) fn first_infos(
        &mut self,
        parents: &[ObjId],
        owner: ObjId,
    ) -> Option<Arc<PropInfos>> {
        if let [only] = parents {
            return self
                .infos_of((*only).into())
                .map(|infos| infos.for_child(owner, &self.world.layouts));
        }
        let entries = self.inherited_entries(parents, owner);
        (!entries.is_empty()).then(|| self.new_infos(entries))
    }

    /// Everything that the parents have, as a child of `owner` gets it; of two parents with a property the first
    /// decides.
    pub(super) fn inherited_entries(
        &mut self,
        parents: &[ObjId],
        owner: ObjId,
    ) -> Vec<(PropId, PropInfo)> {
        let mut entries: FxHashMap<PropId, PropInfo> = FxHashMap::default();
        for parent in parents {
            let Some(infos) = self.infos_of((*parent).into()) else {
                continue;
            };
            for (prop, info) in infos.entries() {
                entries
                    .entry(*prop)
                    .or_insert_with(|| info.inherited_by(owner));
            }
        }
        entries.into_iter().collect()
    }

    /// Adjusts entities whose ancestors changed. `affected` has parents before their children.
    pub(super) fn relayout(&mut self, affected: &[Entity]) {
        let mut shared = Shared::default();
        for entity in affected {
            let old = self.infos_of(*entity);
            let new = self.relaid_infos(*entity, old.as_ref(), &mut shared);
            self.drop_lost_values(*entity, old.as_deref(), new.as_deref());
            self.write_infos(*entity, new);
        }
    }

    fn relaid_infos(
        &mut self,
        entity: Entity,
        old: Option<&Arc<PropInfos>>,
        shared: &mut Shared,
    ) -> Option<Arc<PropInfos>> {
        let parents = self.parents_of(entity);
        let owner = self.owner(entity);
        let defs = self.defs_of(entity);
        let share_key = match (parents.as_slice(), &defs) {
            ([only], None) => Some((
                address(old),
                address(self.infos_of((*only).into()).as_ref()),
                owner,
            )),
            _ => None,
        };
        if let Some(known) = share_key.and_then(|key| shared.get(&key)) {
            return known.clone();
        }
        let mut entries = self.inherited_entries(parents.as_slice(), owner);
        if let Some(old) = old {
            entries
                .iter_mut()
                .for_each(|(prop, info)| *info = old.get(*prop).unwrap_or(*info));
            let own = defs.iter().flat_map(|defs| defs.0.iter());
            entries.extend(own.filter_map(|def| old.get(def.id).map(|info| (def.id, info))));
        }
        let new = (!entries.is_empty()).then(|| self.new_infos(entries));
        if let Some(key) = share_key {
            shared.insert(key, new.clone());
        }
        new
    }

    fn drop_lost_values(
        &mut self,
        entity: Entity,
        old: Option<&PropInfos>,
        new: Option<&PropInfos>,
    ) {
        let old = old.map_or(&[][..], PropInfos::entries);
        let lost = old
            .iter()
            .filter(|(prop, _)| new.is_none_or(|new| new.get(*prop).is_none()));
        for (prop, _) in lost {
            self.drop_value(entity, *prop);
        }
    }

    /// Removes a value for good, where there is one.
    pub(super) fn drop_value(&mut self, entity: Entity, prop: PropId) {
        if !self.cell(entity, Slot::value(prop)).is_absent() {
            self.write(entity, Slot::value(prop), CellValue::Absent);
        }
    }
}
