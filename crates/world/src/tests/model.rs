//! Random operations against a model: the same database, single-threaded, without versions, rows or sharing.
//!
//! After every operation the two must have given the same answer; at every commit and after every reload everything
//! observable must be equal.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

pub(super) const NAMES: [&str; 4] = ["p", "q", "r2", "s"];
/// Objects that operations choose from; some of the numbers do not exist yet or any more.
pub(super) const NUMBERS: i64 = 9;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Create(Vec<i64>, i64),
    Recycle(i64),
    Chparent(i64, Vec<i64>),
    Define(i64, usize, i64, bool),
    Undefine(i64, usize),
    Rename(i64, usize, usize),
    Set(i64, usize, i64),
    Clear(i64, usize),
    Move(i64, i64, i64),
    AddVerb(i64, usize),
    DeleteVerb(i64),
    Player(i64, bool),
    ResetMax,
    Commit,
    GiveUp,
    Reload,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Thing {
    owner: i64,
    parents: Vec<i64>,
    pub(super) children: Vec<i64>,
    location: i64,
    pub(super) contents: Vec<i64>,
    /// Identity and name of what it defines.
    defs: Vec<(u32, usize)>,
    /// By definition: owner, whether children own it, value.
    props: BTreeMap<u32, (i64, bool, Option<i64>)>,
    pub(super) verbs: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) things: BTreeMap<i64, Thing>,
    pub(super) players: Vec<i64>,
    pub(super) last: i64,
    next_def: u32,
}

pub(super) type Answer = Result<(), ErrorCode>;

fn refuse_unless(holds: bool, code: ErrorCode) -> Answer {
    if holds { Ok(()) } else { Err(code) }
}

impl Model {
    pub(super) fn new() -> Self {
        let wizard = Thing {
            location: -1,
            ..Thing::default()
        };
        Self {
            things: BTreeMap::from([(0, wizard)]),
            ..Self::default()
        }
    }

    fn valid(&self, id: i64) -> bool {
        self.things.contains_key(&id)
    }

    fn must_exist(&self, ids: &[i64]) -> Answer {
        refuse_unless(ids.iter().all(|id| self.valid(*id)), ErrorCode::InvArg)
    }

    pub(super) fn line(&self, id: i64) -> Vec<i64> {
        fn visit(model: &Model, id: i64, seen: &mut Vec<i64>) {
            if !seen.contains(&id) {
                seen.push(id);
                model.things[&id]
                    .parents
                    .iter()
                    .for_each(|parent| visit(model, *parent, seen));
            }
        }
        let mut seen = Vec::new();
        visit(self, id, &mut seen);
        seen
    }

    fn below(&self, id: i64) -> Vec<i64> {
        self.things
            .keys()
            .copied()
            .filter(|other| self.line(*other).contains(&id))
            .collect()
    }

    fn names_of(&self, ids: &[i64]) -> Vec<usize> {
        ids.iter()
            .flat_map(|id| self.things[id].defs.iter().map(|(_, name)| *name))
            .collect()
    }

    pub(super) fn find(&self, id: i64, name: usize) -> Option<u32> {
        let line = self.line(id);
        let mut defs = line.iter().flat_map(|id| &self.things[id].defs);
        defs.find(|(_, other)| *other == name).map(|(def, _)| *def)
    }

    pub(super) fn value(&self, id: i64, def: u32) -> i64 {
        let thing = &self.things[&id];
        if let Some(value) = thing.props[&def].2 {
            return value;
        }
        let next = thing
            .parents
            .iter()
            .find(|parent| self.things[parent].props.contains_key(&def));
        next.map_or(0, |next| self.value(*next, def))
    }

    /// Makes the properties of `id` and all below it those of their ancestors, keeping what stays.
    fn relayout(&mut self, id: i64) {
        let mut affected = self.below(id);
        affected.sort_by_key(|other| self.height(*other));
        for other in affected {
            let thing = self.things[&other].clone();
            let mut props = BTreeMap::new();
            for (def, _) in &thing.defs {
                props.insert(*def, thing.props[def]);
            }
            for parent in &thing.parents {
                for (def, (owner, chown, _)) in &self.things[parent].props {
                    let fresh = (if *chown { thing.owner } else { *owner }, *chown, None);
                    props
                        .entry(*def)
                        .or_insert_with(|| thing.props.get(def).copied().unwrap_or(fresh));
                }
            }
            self.things.get_mut(&other).expect("it is affected").props = props;
        }
    }

    /// The longest way up; every parent is less high.
    fn height(&self, id: i64) -> usize {
        self.things[&id]
            .parents
            .iter()
            .map(|parent| self.height(*parent) + 1)
            .max()
            .unwrap_or(0)
    }

    fn check_parents(&self, id: Option<i64>, parents: &[i64]) -> Answer {
        let mut above: Vec<i64> = parents
            .iter()
            .flat_map(|parent| self.line(*parent))
            .collect();
        above.sort_unstable();
        above.dedup();
        let below = id.map_or_else(Vec::new, |id| self.below(id));
        let mut names = self.names_of(&above);
        let mine = self.names_of(&below);
        names.sort_unstable();
        let unique = names.windows(2).all(|pair| pair[0] != pair[1]);
        let distinct = parents
            .iter()
            .enumerate()
            .all(|(at, parent)| !parents[..at].contains(parent));
        refuse_unless(
            unique && distinct && !names.iter().any(|name| mine.contains(name)),
            ErrorCode::InvArg,
        )
    }

    fn set_parents(&mut self, id: i64, parents: &[i64]) {
        for thing in self.things.values_mut() {
            thing.children.retain(|child| *child != id);
        }
        for parent in parents {
            self.things
                .get_mut(parent)
                .expect("checked")
                .children
                .push(id);
        }
        self.things.get_mut(&id).expect("checked").parents = parents.to_vec();
        self.relayout(id);
    }

    fn create(&mut self, parents: &[i64], owner: i64) -> Answer {
        self.must_exist(&[owner])?;
        self.must_exist(parents)?;
        self.check_parents(None, parents)?;
        self.last += 1;
        let id = self.last;
        self.things.insert(
            id,
            Thing {
                owner,
                location: -1,
                ..Thing::default()
            },
        );
        self.set_parents(id, parents);
        Ok(())
    }

    fn recycle(&mut self, id: i64) -> Answer {
        self.must_exist(&[id])?;
        for thing in self.things[&id].contents.clone() {
            self.put(thing, -1, 0);
        }
        self.put(id, -1, 0);
        let parents = self.things[&id].parents.clone();
        for child in self.things[&id].children.clone() {
            let mut new = Vec::new();
            for parent in self.things[&child].parents.clone() {
                let replaced = if parent == id {
                    parents.clone()
                } else {
                    vec![parent]
                };
                replaced.into_iter().for_each(|parent| {
                    if !new.contains(&parent) {
                        new.push(parent)
                    }
                });
            }
            self.set_parents(child, &new);
        }
        for thing in self.things.values_mut() {
            thing.children.retain(|child| *child != id);
        }
        self.players.retain(|player| *player != id);
        self.things.remove(&id);
        Ok(())
    }

    fn chparent(&mut self, id: i64, parents: &[i64]) -> Answer {
        self.must_exist(&[id])?;
        self.must_exist(parents)?;
        let loops = parents
            .iter()
            .any(|parent| self.line(*parent).contains(&id));
        refuse_unless(!loops, ErrorCode::RecMove)?;
        self.check_parents(Some(id), parents)?;
        self.set_parents(id, parents);
        Ok(())
    }

    fn name_is_free(&self, id: i64, name: usize) -> Answer {
        let mut around = self.line(id);
        around.extend(self.below(id));
        refuse_unless(!self.names_of(&around).contains(&name), ErrorCode::InvArg)
    }

    fn define(&mut self, id: i64, name: usize, value: i64, chown: bool) -> Answer {
        self.must_exist(&[id])?;
        self.name_is_free(id, name)?;
        self.next_def += 1;
        let def = self.next_def;
        for other in self.below(id) {
            let thing = self.things.get_mut(&other).expect("listed");
            let owner = if chown { thing.owner } else { 0 };
            thing
                .props
                .insert(def, (owner, chown, (other == id).then_some(value)));
        }
        self.things
            .get_mut(&id)
            .expect("checked")
            .defs
            .push((def, name));
        Ok(())
    }

    fn own_def(&self, id: i64, name: usize) -> Option<usize> {
        self.things[&id]
            .defs
            .iter()
            .position(|(_, other)| *other == name)
    }

    fn undefine(&mut self, id: i64, name: usize) -> Answer {
        self.must_exist(&[id])?;
        let at = self.own_def(id, name).ok_or(ErrorCode::PropNf)?;
        let below = self.below(id);
        let (def, _) = self.things.get_mut(&id).expect("checked").defs.remove(at);
        for other in below {
            self.things
                .get_mut(&other)
                .expect("listed")
                .props
                .remove(&def);
        }
        Ok(())
    }

    fn rename(&mut self, id: i64, old: usize, new: usize) -> Answer {
        self.must_exist(&[id])?;
        let def = self.find(id, old).ok_or(ErrorCode::PropNf)?;
        let at = self.own_def(id, old).ok_or(ErrorCode::InvArg)?;
        if old != new {
            self.name_is_free(id, new)?;
        }
        let thing = self.things.get_mut(&id).expect("checked");
        thing.defs[at].1 = new;
        let prop = thing.props.get_mut(&def).expect("it is its own");
        (prop.0, prop.1) = (0, true);
        Ok(())
    }

    fn set(&mut self, id: i64, name: usize, value: Option<i64>) -> Answer {
        refuse_unless(
            self.valid(id),
            if value.is_some() {
                ErrorCode::InvInd
            } else {
                ErrorCode::InvArg
            },
        )?;
        let def = self.find(id, name).ok_or(ErrorCode::PropNf)?;
        let defined_here = self.own_def(id, name).is_some();
        refuse_unless(value.is_some() || !defined_here, ErrorCode::InvArg)?;
        self.things
            .get_mut(&id)
            .expect("checked")
            .props
            .get_mut(&def)
            .expect("found")
            .2 = value;
        Ok(())
    }

    fn put(&mut self, what: i64, to: i64, position: i64) {
        for thing in self.things.values_mut() {
            thing.contents.retain(|other| *other != what);
        }
        if let Some(place) = self.things.get_mut(&to) {
            let end = place.contents.len();
            let at = if position > 0 {
                (position as usize - 1).min(end)
            } else {
                end
            };
            place.contents.insert(at, what);
        }
        self.things.get_mut(&what).expect("checked").location = to;
    }

    fn go(&mut self, what: i64, to: i64, position: i64) -> Answer {
        self.must_exist(&[what])?;
        refuse_unless(to == -1 || self.valid(to), ErrorCode::InvArg)?;
        if self.things[&what].location == to && position == 0 {
            return Ok(());
        }
        let mut place = to;
        while place != -1 {
            refuse_unless(place != what, ErrorCode::RecMove)?;
            place = self.things[&place].location;
        }
        self.put(what, to, position);
        Ok(())
    }

    pub(super) fn apply(&mut self, step: &Step) -> Answer {
        match step {
            Step::Create(parents, owner) => self.create(parents, *owner),
            Step::Recycle(id) => self.recycle(*id),
            Step::Chparent(id, parents) => self.chparent(*id, parents),
            Step::Define(id, name, value, chown) => self.define(*id, *name, *value, *chown),
            Step::Undefine(id, name) => self.undefine(*id, *name),
            Step::Rename(id, old, new) => self.rename(*id, *old, *new),
            Step::Set(id, name, value) => self.set(*id, *name, Some(*value)),
            Step::Clear(id, name) => self.set(*id, *name, None),
            Step::Move(what, to, position) => self.go(*what, *to, *position),
            Step::AddVerb(id, name) => {
                self.must_exist(&[*id])?;
                self.things.get_mut(id).expect("checked").verbs.push(*name);
                Ok(())
            }
            Step::DeleteVerb(id) => {
                self.must_exist(&[*id])?;
                let verbs = &mut self.things.get_mut(id).expect("checked").verbs;
                refuse_unless(!verbs.is_empty(), ErrorCode::VerbNf)?;
                verbs.remove(0);
                Ok(())
            }
            Step::Player(id, on) => {
                self.must_exist(&[*id])?;
                match (self.players.contains(id), on) {
                    (false, true) => self.players.push(*id),
                    (true, false) => self.players.retain(|player| player != id),
                    _ => {}
                }
                Ok(())
            }
            Step::ResetMax => {
                self.last = self.things.keys().copied().max().unwrap_or(-1);
                Ok(())
            }
            Step::Commit | Step::GiveUp | Step::Reload => Ok(()),
        }
    }
}

pub(super) fn apply(tx: &mut Transaction, step: &Step) -> Answer {
    let name = |at: &usize| symbol(NAMES[*at]);
    match step {
        Step::Create(parents, owner) => tx.create(WIZARD, &list(parents), ObjId(*owner)).map(drop),
        Step::Recycle(id) => {
            tx.check_recycle(WIZARD, ObjId(*id).into())?;
            tx.raw_destroy(ObjId(*id).into());
            Ok(())
        }
        Step::Chparent(id, parents) => tx.chparent(ObjId(*id), &list(parents)),
        Step::Define(id, at, value, chown) => {
            let letters = if *chown { "rc" } else { "r" };
            tx.add_property(
                WIZARD,
                ObjId(*id).into(),
                NAMES[*at],
                Value::Int(*value),
                WIZARD,
                letters,
            )
        }
        Step::Undefine(id, at) => tx.delete_property(WIZARD, ObjId(*id).into(), name(at)),
        Step::Rename(id, old, new) => tx.set_property_info(
            WIZARD,
            ObjId(*id).into(),
            name(old),
            WIZARD,
            "rc",
            Some(NAMES[*new]),
        ),
        Step::Set(id, at, value) => tx.set(ObjId(*id), NAMES[*at], *value),
        Step::Clear(id, at) => tx.clear_property(WIZARD, ObjId(*id).into(), name(at)),
        Step::Move(what, to, position) => {
            tx.check_move(WIZARD, ObjId(*what), ObjId(*to), *position)?;
            tx.raw_move(WIZARD, ObjId(*what), ObjId(*to), *position, true, 0)
                .map(drop)
        }
        Step::AddVerb(id, at) => tx.verb(ObjId(*id), NAMES[*at]).map(drop),
        Step::DeleteVerb(id) => {
            tx.delete_verb(WIZARD, ObjId(*id).into(), &crate::VerbDesc::Index(1))
        }
        Step::Player(id, on) => tx.set_player_flag(WIZARD, ObjId(*id), *on),
        Step::ResetMax => tx.reset_max_object(WIZARD),
        Step::Commit | Step::GiveUp | Step::Reload => Ok(()),
    }
}

/// Everything observable is equal.
pub(super) fn compare(tx: &mut Transaction, model: &Model) {
    assert_eq!(tx.max_object(), ObjId(model.last));
    assert_eq!(objects(&tx.players()), model.players);
    for number in 0..=model.last + 1 {
        let id = ObjId(number);
        assert_eq!(tx.valid_object(id), model.valid(number), "validity of {id}");
        if let Some(thing) = model.things.get(&number) {
            compare_thing(tx, model, id, thing);
        }
    }
}

fn compare_thing(tx: &mut Transaction, model: &Model, id: ObjId, thing: &Thing) {
    assert_eq!(
        tx.parents(id.into()),
        list(&thing.parents),
        "parents of {id}"
    );
    assert_eq!(
        objects(&tx.children(id.into()).expect("valid")),
        thing.children,
        "children of {id}"
    );
    assert_eq!(
        objects(&tx.contents(id)),
        thing.contents,
        "contents of {id}"
    );
    assert_eq!(
        tx.location(id.into()),
        ObjId(thing.location),
        "location of {id}"
    );
    assert_eq!(tx.owner(id.into()), ObjId(thing.owner), "owner of {id}");
    assert_eq!(
        tx.ancestors(id.into()).expect("valid"),
        list(&model.line(id.0)[1..]),
        "ancestors of {id}"
    );
    for (at, name) in NAMES.iter().enumerate() {
        let wanted = model.find(id.0, at);
        let value = wanted
            .map(|def| Value::Int(model.value(id.0, def)))
            .ok_or(ErrorCode::PropNf);
        assert_eq!(tx.get(id, name), value, "value of {id}.{name}");
        let owner = wanted
            .map(|def| ObjId(thing.props[&def].0))
            .ok_or(ErrorCode::PropNf);
        let info = tx
            .property_info(WIZARD, id.into(), symbol(name))
            .map(|info| info.owner);
        assert_eq!(info, owner, "owner of {id}.{name}");
        let clear = wanted
            .map(|def| thing.props[&def].2.is_none())
            .ok_or(ErrorCode::PropNf);
        assert_eq!(
            tx.is_clear_property(WIZARD, id.into(), symbol(name)),
            clear,
            "clearness of {id}.{name}"
        );
        let definer = model
            .line(id.0)
            .into_iter()
            .find(|holder| model.things[holder].verbs.contains(&at));
        assert_eq!(tx.calls(id, name), definer.map(ObjId), "verb {id}:{name}");
    }
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let id = || 0..NUMBERS;
    let name = || 0..NAMES.len();
    let parents = || prop::collection::vec(0..NUMBERS, 0..3);
    prop_oneof![
        6 => (parents(), id()).prop_map(|(parents, owner)| Step::Create(parents, owner)),
        1 => (1..NUMBERS).prop_map(Step::Recycle),
        4 => (id(), parents()).prop_map(|(id, parents)| Step::Chparent(id, parents)),
        5 => (id(), name(), id(), any::<bool>()).prop_map(|(id, name, value, chown)| Step::Define(id, name, value, chown)),
        1 => (id(), name()).prop_map(|(id, name)| Step::Undefine(id, name)),
        1 => (id(), name(), name()).prop_map(|(id, old, new)| Step::Rename(id, old, new)),
        5 => (id(), name(), 10..99i64).prop_map(|(id, name, value)| Step::Set(id, name, value)),
        2 => (id(), name()).prop_map(|(id, name)| Step::Clear(id, name)),
        4 => (id(), -1..NUMBERS, 0..4i64).prop_map(|(what, to, position)| Step::Move(what, to, position)),
        3 => (id(), name()).prop_map(|(id, name)| Step::AddVerb(id, name)),
        1 => id().prop_map(Step::DeleteVerb),
        1 => (id(), any::<bool>()).prop_map(|(id, on)| Step::Player(id, on)),
        1 => Just(Step::ResetMax),
        4 => Just(Step::Commit),
        1 => Just(Step::GiveUp),
        1 => Just(Step::Reload),
    ]
}

/// Carries the steps out on both sides.
fn run(steps: &[Step]) {
    let (world, log) = small_world();
    let mut model = Model::new();
    let mut committed = model.clone();
    let mut tx = world.begin();
    // Without some objects to begin with, most steps would only meet numbers that do not exist.
    let first = (1..NUMBERS - 2).map(|id| {
        Step::Create(
            if id % 2 == 0 {
                vec![id - 1]
            } else {
                Vec::new()
            },
            id - 1,
        )
    });
    for step in first.collect::<Vec<_>>().iter().chain(steps) {
        let expected = model.apply(step);
        assert_eq!(apply(&mut tx, step), expected, "{step:?}");
        match step {
            Step::Commit | Step::Reload => {
                compare(&mut tx, &model);
                tx.commit().expect("there is nobody else");
                committed = model.clone();
                if matches!(step, Step::Reload) {
                    compare(&mut reloaded(&log).begin(), &committed);
                }
                tx = world.begin();
                compare(&mut tx, &committed);
            }
            Step::GiveUp => {
                tx = world.begin();
                model = committed.clone();
            }
            _ => {}
        }
    }
    compare(&mut tx, &model);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_world_behaves_as_the_model(steps in prop::collection::vec(step(), 1..100)) {
        run(&steps);
    }
}
