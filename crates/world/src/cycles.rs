//! Anonymous objects and waifs that only refer to each other.
//! In: the committed cells of all of them, while nobody commits. Out: those that nothing else can reach.
//! Handles are counted, so those that nothing at all refers to are found elsewhere, at once; what becomes of either
//! kind is not known here.
//!
//! A handle that has more holders than are found in these cells is held from outside: by a permanent object, a
//! task, a transaction under way, an older version. It is alive, with all that it reaches; the others are lost. A list
//! or map that has other holders is not looked into, so that what is in it counts as held from outside. Nobody can
//! come to hold what is lost while this looks: only through the cells of something that is alive could it be reached.

use moor_value::{Dead, Value};
use rustc_hash::FxHashMap;

use crate::ids::{Entity, EntityKind};
use crate::world::World;

/// One of them, as its own kind's cells show it.
#[derive(Default)]
struct Node {
    /// How often the cells refer to it.
    found: usize,
    /// How many handles of it there are; 0 while none was met.
    holders: usize,
    /// What it refers to.
    refers: Vec<Dead>,
    is_alive: bool,
}

type Nodes = FxHashMap<Dead, Node>;

impl World {
    /// Anonymous objects and waifs that are referred to by each other only, in no particular order. Nobody commits
    /// while they are looked for, which takes time for each that the world has. Collect them with
    /// [`Transaction::collect`](crate::Transaction::collect).
    pub fn lost_cycles(&self) -> Vec<Dead> {
        let turn = self.take_turn();
        let mut nodes = Nodes::default();
        for dead in self.countless() {
            self.enter_node(&mut nodes, dead);
        }
        drop(turn);
        mark(&mut nodes);
        let lost = nodes.into_iter().filter(|(_, node)| !node.is_alive);
        lost.map(|(dead, _)| dead).collect()
    }

    /// All anonymous objects and waifs.
    fn countless(&self) -> impl Iterator<Item = Dead> {
        let anons = self.arena.ids(EntityKind::Anon).into_iter();
        let waifs = self.arena.ids(EntityKind::Waif).into_iter();
        let anons = anons.map(|id| Dead::Anon(id.cast_unsigned()));
        anons.chain(waifs.map(|id| Dead::Waif(id.cast_unsigned())))
    }

    fn enter_node(&self, nodes: &mut Nodes, dead: Dead) {
        let entity = match dead {
            Dead::Anon(id) => Entity::anon(id),
            Dead::Waif(id) => Entity::waif(id),
        };
        let mut refers = Vec::new();
        self.arena.look(entity, |cells| {
            cells
                .values()
                .for_each(|value| note(nodes, value, &mut refers));
        });
        nodes.entry(dead).or_default().refers = refers;
    }
}

/// Notes the handles in a value.
fn note(nodes: &mut Nodes, value: &Value, refers: &mut Vec<Dead>) {
    let (dead, holders) = match value {
        Value::Anon(anon) => (Dead::Anon(anon.id()), anon.count()),
        Value::Waif(waif) => (Dead::Waif(waif.id()), waif.count()),
        Value::List(_) | Value::Map(_) | Value::Fly(_) | Value::Lambda(_) if value.is_unique() => {
            return value.for_each_part(&mut |part| note(nodes, part, refers));
        }
        _ => return,
    };
    let node = nodes.entry(dead).or_default();
    node.found += 1;
    node.holders = node.holders.max(holders);
    refers.push(dead);
}

/// Marks what is held from outside, and all that it reaches. What no cell refers to is about to be found dead, or is
/// held by whoever has just made it.
fn mark(nodes: &mut Nodes) {
    let held = |node: &Node| node.found == 0 || node.holders > node.found;
    let roots = nodes.iter().filter(|(_, node)| held(node));
    let mut pending: Vec<Dead> = roots.map(|(dead, _)| *dead).collect();
    while let Some(dead) = pending.pop() {
        let Some(node) = nodes.get_mut(&dead) else {
            continue;
        };
        if !std::mem::replace(&mut node.is_alive, true) {
            pending.append(&mut node.refers);
        }
    }
}
