//! Parents and children.
//! In: permissions, an entity, new parents. Out: a changed hierarchy, lists of ancestors and descendants, or the
//! error. What that does to properties is in `layout`.

use moor_value::{ErrorCode, List, ObjId, Symbol, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{MooResult, ObjectFlags};
use crate::ids::{Entity, EntityKind, MemberKey, MemberKind};
use crate::lookup::{self, Facts};
use crate::transaction::Transaction;

/// The set of an object's children.
pub(super) fn children_key(id: ObjId) -> MemberKey {
    MemberKey {
        entity: id.into(),
        kind: MemberKind::Children,
    }
}

/// The ids of a list of objects.
pub(super) fn ids(list: &List) -> Vec<ObjId> {
    list.iter().filter_map(Value::as_obj).collect()
}

impl Transaction {
    /// `children()`.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist.
    pub fn children(&mut self, entity: Entity) -> MooResult<List> {
        self.must_exist(entity)?;
        Ok(self.members(MemberKey {
            entity,
            kind: MemberKind::Children,
        }))
    }

    /// `ancestors()`: depth first, each once, without the entity.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist.
    pub fn ancestors(&mut self, entity: Entity) -> MooResult<Vec<ObjId>> {
        self.must_exist(entity)?;
        Ok(lookup::ancestors(self, entity))
    }

    /// `descendants()`: depth first, each once, without the entity.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist.
    pub fn descendants(&mut self, entity: Entity) -> MooResult<Vec<ObjId>> {
        self.must_exist(entity)?;
        let mut found = Vec::new();
        let mut seen = FxHashSet::default();
        let mut stack = self.children_reversed(entity);
        while let Some(next) = stack.pop() {
            if seen.insert(next) {
                found.push(next);
                stack.extend(self.children_reversed(next.into()));
            }
        }
        Ok(found)
    }

    fn children_reversed(&mut self, entity: Entity) -> Vec<ObjId> {
        let mut children = ids(&self.members(MemberKey {
            entity,
            kind: MemberKind::Children,
        }));
        children.reverse();
        children
    }

    fn must_exist(&mut self, entity: Entity) -> MooResult<()> {
        if self.valid(entity) {
            Ok(())
        } else {
            Err(ErrorCode::InvArg)
        }
    }

    /// All descendants, every one after all of its parents that are descendants too.
    pub(super) fn descendants_in_line(&mut self, id: ObjId) -> Vec<ObjId> {
        // Depth-first postorder reversed is an order in which every edge leads forward.
        let mut postorder = Vec::new();
        let mut seen = FxHashSet::default();
        let mut stack = vec![(id, false)];
        while let Some((next, children_done)) = stack.pop() {
            if children_done {
                postorder.push(next);
            } else if seen.insert(next) {
                stack.push((next, true));
                stack.extend(
                    self.children_reversed(next.into())
                        .into_iter()
                        .map(|child| (child, false)),
                );
            }
        }
        postorder.pop();
        postorder.reverse();
        postorder
    }

    /// Whether `entity` is `ancestor` or descends from it.
    pub fn isa(&mut self, entity: Entity, ancestor: Entity) -> bool {
        if !self.valid(entity) {
            return false;
        }
        entity == ancestor
            || ancestor
                .as_object()
                .is_some_and(|ancestor| lookup::ancestors(self, entity).contains(&ancestor))
    }

    /// `chparents()`. `anon_kids` are anonymous children that are to follow; others become invalid.
    ///
    /// # Errors
    /// E_INVARG when an entity does not exist, for a parent given twice, and for property names that would be defined
    /// twice; E_PERM when the entity is not controlled or a parent is not fertile for `perms`, and when only a wizard
    /// may give `anon_kids`; E_RECMOVE when a parent descends from the entity.
    pub fn chparents(
        &mut self,
        perms: ObjId,
        entity: Entity,
        parents: &[ObjId],
        anon_kids: Option<&[Entity]>,
    ) -> MooResult<()> {
        if anon_kids.is_some() && !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        let anon_kids = anon_kids.unwrap_or_default();
        if !self.valid(entity) || !parents.iter().all(|parent| self.valid_object(*parent)) {
            return Err(ErrorCode::InvArg);
        }
        let fertile = parents
            .iter()
            .all(|parent| self.allows(perms, (*parent).into(), ObjectFlags::FERTILE));
        if !fertile || !self.controls(perms, entity) {
            return Err(ErrorCode::Perm);
        }
        if parents
            .iter()
            .any(|parent| self.isa((*parent).into(), entity))
        {
            return Err(ErrorCode::RecMove);
        }
        self.check_new_parents(entity, parents, anon_kids)?;
        self.change_parents(entity, parents, anon_kids);
        Ok(())
    }

    /// What `chparents()` demands of the objects themselves rather than of the caller.
    pub(super) fn check_new_parents(
        &mut self,
        entity: Entity,
        parents: &[ObjId],
        anon_kids: &[Entity],
    ) -> MooResult<()> {
        let kids_follow = anon_kids.iter().all(|kid| {
            kid.kind() == EntityKind::Anon
                && entity
                    .as_object()
                    .is_some_and(|id| self.parents_of(*kid).as_slice().contains(&id))
        });
        if has_duplicates(parents) || has_duplicates(anon_kids) || !kids_follow {
            return Err(ErrorCode::InvArg);
        }
        let above = self.names_defined_above(parents).ok_or(ErrorCode::InvArg)?;
        let mut below = self.with_descendants(entity);
        below.extend_from_slice(anon_kids);
        let clash = below.into_iter().any(|holder| {
            self.own_defs(holder)
                .iter()
                .any(|def| above.contains_key(&def.symbol))
        });
        if clash {
            Err(ErrorCode::InvArg)
        } else {
            Ok(())
        }
    }

    /// The property names that children of `parents` inherit; `None` when two ancestors define the same one.
    fn names_defined_above(&mut self, parents: &[ObjId]) -> Option<FxHashMap<Symbol, ObjId>> {
        let mut line = Vec::new();
        let mut seen = FxHashSet::default();
        for parent in parents {
            let above = lookup::ancestors(self, (*parent).into());
            line.extend(
                std::iter::once(*parent)
                    .chain(above)
                    .filter(|ancestor| seen.insert(*ancestor)),
            );
        }
        let mut names = FxHashMap::default();
        for ancestor in line {
            for def in self.own_defs(ancestor.into()) {
                if names.insert(def.symbol, ancestor).is_some() {
                    return None;
                }
            }
        }
        Some(names)
    }

    /// Moves an entity to other parents, with its properties, and its descendants'.
    pub(super) fn change_parents(
        &mut self,
        entity: Entity,
        parents: &[ObjId],
        anon_kids: &[Entity],
    ) {
        if let Some(id) = entity.as_object() {
            for parent in self.parents(entity) {
                self.remove_member(children_key(parent), id);
            }
            for parent in parents {
                self.add_member(children_key(*parent), id);
            }
        }
        self.write_parents(entity, parents);
        let mut affected = self.with_descendants(entity);
        affected.extend_from_slice(anon_kids);
        self.relayout(&affected);
    }
}

pub(super) fn has_duplicates<T: PartialEq>(items: &[T]) -> bool {
    items
        .iter()
        .enumerate()
        .any(|(at, item)| items[..at].contains(item))
}
