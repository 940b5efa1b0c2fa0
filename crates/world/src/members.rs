//! Ordered sets of objects: children, contents, players.
//! In: members that commits add and remove. Out: the list that a snapshot sees, in order of arrival.
//!
//! The sets are no ordinary cells, so that adding the thousandth child costs what adding the first did, and so that
//! two transactions that each add a member do not conflict: members come with an order number that the commit gives,
//! and only a reader of the whole list depends on the set's timestamp.

use moor_value::{List, ObjId, Value};
use rustc_hash::FxHashMap;

use crate::ids::MemberKind;

/// One set with the changes that older snapshots have not seen.
#[derive(Debug, Default)]
pub(crate) struct MemberSet {
    /// When it last changed.
    ts: u64,
    /// Member to order number.
    orders: FxHashMap<ObjId, u64>,
    /// What the order number of a member was before the change at that timestamp; oldest first.
    undo: Vec<(u64, ObjId, Option<u64>)>,
    /// The list of the newest version, once somebody asked for it.
    list: Option<List>,
}

impl MemberSet {
    pub(crate) fn ts(&self) -> u64 {
        self.ts
    }

    /// The members that a snapshot sees.
    pub(crate) fn read(&self, snapshot: u64) -> List {
        if self.ts > snapshot {
            return in_order(self.orders_at(snapshot));
        }
        self.list
            .clone()
            .unwrap_or_else(|| in_order(self.orders.clone()))
    }

    /// Whether the list of the newest version is at hand.
    pub(crate) fn is_remembered(&self) -> bool {
        self.list.is_some()
    }

    /// Keeps `list` for the next reader of the version at `ts`.
    pub(crate) fn remember(&mut self, ts: u64, list: &List) {
        if self.ts == ts {
            self.list = Some(list.clone());
        }
    }

    pub(crate) fn set(&mut self, member: ObjId, order: Option<u64>, ts: u64) {
        let before = match order {
            Some(order) => self.orders.insert(member, order),
            None => self.orders.remove(&member),
        };
        self.undo.push((ts, member, before));
        self.ts = ts;
        self.list = None;
    }

    /// Takes members as they were at start, with their order numbers.
    pub(crate) fn load(&mut self, members: impl ExactSizeIterator<Item = (ObjId, u64)>) {
        self.orders.extend(members);
    }

    fn orders_at(&self, snapshot: u64) -> FxHashMap<ObjId, u64> {
        let mut orders = self.orders.clone();
        for (_, member, before) in self.undo.iter().rev().take_while(|(ts, ..)| *ts > snapshot) {
            match before {
                Some(order) => orders.insert(*member, *order),
                None => orders.remove(member),
            };
        }
        orders
    }

    fn trim(&mut self, oldest: u64) {
        self.undo.retain(|(ts, ..)| *ts > oldest);
        if self.undo.is_empty() {
            self.undo = Vec::new();
        }
    }
}

fn in_order(orders: FxHashMap<ObjId, u64>) -> List {
    let mut members: Vec<(u64, ObjId)> = orders
        .into_iter()
        .map(|(member, order)| (order, member))
        .collect();
    members.sort_unstable();
    members
        .into_iter()
        .map(|(_, member)| Value::Obj(member))
        .collect::<Vec<_>>()
        .into()
}

/// The sets of one entity.
#[derive(Debug, Default)]
pub(crate) struct MemberSets {
    children: MemberSet,
    contents: MemberSet,
    players: MemberSet,
    uniques: MemberSet,
}

impl MemberSets {
    pub(crate) fn get(&self, kind: MemberKind) -> &MemberSet {
        match kind {
            MemberKind::Children => &self.children,
            MemberKind::Contents => &self.contents,
            MemberKind::Players => &self.players,
            MemberKind::Uniques => &self.uniques,
        }
    }

    pub(crate) fn get_mut(&mut self, kind: MemberKind) -> &mut MemberSet {
        match kind {
            MemberKind::Children => &mut self.children,
            MemberKind::Contents => &mut self.contents,
            MemberKind::Players => &mut self.players,
            MemberKind::Uniques => &mut self.uniques,
        }
    }

    pub(crate) fn trim(&mut self, oldest: u64) {
        self.children.trim(oldest);
        self.contents.trim(oldest);
        self.players.trim(oldest);
        self.uniques.trim(oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(list: &List) -> Vec<i64> {
        list.iter()
            .filter_map(|value| value.as_obj().map(|id| id.0))
            .collect()
    }

    #[test]
    fn older_snapshots_see_the_set_before_the_change() {
        let mut set = MemberSet::default();
        set.set(ObjId(1), Some(100), 10);
        set.set(ObjId(2), Some(200), 20);
        set.set(ObjId(1), None, 30);
        set.set(ObjId(1), Some(400), 40);
        let seen = |snapshot| numbers(&set.read(snapshot));
        assert_eq!(seen(9), [0i64; 0]);
        assert_eq!(seen(10), [1]);
        assert_eq!(seen(20), [1, 2]);
        assert_eq!(seen(30), [2]);
        assert_eq!(seen(40), [2, 1]);
    }
}
