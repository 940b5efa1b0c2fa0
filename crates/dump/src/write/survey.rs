//! What a world consists of, found out before the first byte is written.
//! In: everything that would go into a file. Out: what LambdaMOO's format has no place for, what no format has, how
//! many programs there are, and to which anonymous objects and waifs nothing refers.

use moor_value::{DEPTH_MAX, ErrorCode, ObjId, Str, Value};
use moor_world::{ObjectFlags, ObjectImage, VerbImage};
use rustc_hash::FxHashSet;

use super::{Contents, Format, UnfitParts, UnfitPlace};
use crate::newer::{Newer, newer_in};
use crate::source::WorldSource;
use crate::source_text;
use crate::task::{Activation, ForkedTask, Slot, StoppedTask, Variable};

/// An anonymous object or a waif to which nothing refers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lost {
    Anon(u64),
    Waif(u64),
}

pub(crate) struct Survey {
    /// What only ToastStunt's format has a place for.
    pub(super) newer: UnfitParts,
    /// What neither format has a place for.
    pub(super) unfit: UnfitParts,
    pub(super) objects: u64,
    pub(super) programs: u64,
    /// What waits to be forgotten, in order of id.
    pub(super) pending: Vec<Lost>,
}

impl Survey {
    /// Of everything that is to be written; `stopped` are the tasks that have begun.
    pub(super) fn of(contents: Contents<'_>, stopped: &[StoppedTask]) -> Self {
        let mut surveyor = Surveyor::new(contents.world);
        surveyor.all(contents, stopped);
        surveyor.survey
    }

    /// What a format has no place for.
    pub(super) fn unfit_for(&self, format: Format) -> UnfitParts {
        let unfit = self.unfit.clone();
        match format {
            Format::LambdaMoo => unfit.with(self.newer.clone()),
            Format::ToastStunt => unfit,
        }
    }

    /// Of one task that has begun.
    pub(super) fn of_task(world: &(dyn WorldSource + Sync), task: &StoppedTask) -> Self {
        let mut surveyor = Surveyor::new(world);
        surveyor.stopped(task);
        surveyor.survey
    }
}

struct Surveyor<'a> {
    world: &'a (dyn WorldSource + Sync),
    survey: Survey,
    /// What is being looked at.
    place: UnfitPlace,
    /// The anonymous objects that were mentioned.
    anons: FxHashSet<u64>,
    /// Those of them that were not looked at yet.
    open: Vec<u64>,
    /// The waifs that were mentioned.
    waifs: FxHashSet<u64>,
}

impl<'a> Surveyor<'a> {
    fn new(world: &'a (dyn WorldSource + Sync)) -> Self {
        Self {
            world,
            survey: Survey {
                newer: UnfitParts::default(),
                unfit: UnfitParts::default(),
                objects: 0,
                programs: 0,
                pending: Vec::new(),
            },
            place: UnfitPlace::Object(ObjId::NOTHING),
            anons: FxHashSet::default(),
            open: Vec::new(),
            waifs: FxHashSet::default(),
        }
    }

    fn all(&mut self, contents: Contents<'_>, stopped: &[StoppedTask]) {
        contents.forked.iter().for_each(|task| self.forked(task));
        stopped.iter().for_each(|task| self.stopped(task));
        if !is_small(self.world.max_object().0) {
            self.newer("an object number of more than 32 bits");
        }
        for number in 0..=self.world.max_object().0 {
            let id = ObjId(number);
            if let Some(object) = self.world.object(id) {
                self.survey.objects += 1;
                self.permanent(id, &object);
            }
        }
        for id in self.world.uniques() {
            self.place = UnfitPlace::Object(id);
            self.unfit("an object with a unique id");
        }
        self.reachable();
        for id in self.world.anons() {
            if self.mention_anon(id) {
                self.survey.pending.push(Lost::Anon(id));
                self.reachable();
            }
        }
        for id in self.world.waifs() {
            if self.waifs.insert(id) {
                self.survey.pending.push(Lost::Waif(id));
                self.newer_at(UnfitPlace::Waif(id), "a waif");
                self.waif_values(id, 1);
                self.reachable();
            }
        }
    }

    fn newer(&mut self, what: &'static str) {
        self.survey.newer.push(self.place.clone(), what);
    }

    fn newer_at(&mut self, place: UnfitPlace, what: &'static str) {
        self.survey.newer.push(place, what);
    }

    fn unfit(&mut self, what: &'static str) {
        self.survey.unfit.push(self.place.clone(), what);
    }

    /// The anonymous objects that were mentioned, and what they mention.
    fn reachable(&mut self) {
        while let Some(id) = self.open.pop() {
            if let Some(object) = self.world.anon(id) {
                self.place = UnfitPlace::Anonymous(id);
                self.newer("an anonymous object");
                self.object(&object, &|_| UnfitPlace::Anonymous(id), &|_| {
                    UnfitPlace::Anonymous(id)
                });
            }
        }
    }

    fn permanent(&mut self, id: ObjId, object: &ObjectImage) {
        self.place = UnfitPlace::Object(id);
        let own = object.propdefs.clone();
        let property = |place: usize| match own.get(place) {
            Some(name) => UnfitPlace::Property(id, name.clone()),
            None => UnfitPlace::Object(id),
        };
        let verb = |verb: &VerbImage| UnfitPlace::Verb(id, verb.names.clone());
        self.object(object, &property, &verb);
    }

    fn object(
        &mut self,
        object: &ObjectImage,
        property: &dyn Fn(usize) -> UnfitPlace,
        verb: &dyn Fn(&VerbImage) -> UnfitPlace,
    ) {
        self.line(&object.name, "a name of several lines");
        if object.parents.len() > 1 {
            self.newer("several parents");
        }
        if object.flags.has(ObjectFlags::ANONYMOUS) {
            self.newer("the flag `a`");
        }
        for (place, name) in object.propdefs.iter().enumerate() {
            self.place = property(place);
            self.line(name, "a name of several lines");
        }
        for (place, value) in object.propvals.iter().enumerate() {
            self.place = property(place);
            value.value.iter().for_each(|value| self.value(value, 0));
        }
        for image in &object.verbs {
            self.place = verb(image);
            self.line(&image.names, "a name of several lines");
            self.survey.programs += 1;
            self.program(&image.source);
        }
    }

    fn program(&mut self, source: &str) {
        match source_text::parsed(source) {
            Some(ast) => {
                let Newer {
                    lambdamoo,
                    toaststunt,
                } = newer_in(&ast);
                lambdamoo.into_iter().for_each(|what| self.newer(what));
                toaststunt.into_iter().for_each(|what| self.unfit(what));
            }
            None => self.unfit("a program that does not compile"),
        }
    }

    fn forked(&mut self, task: &ForkedTask) {
        self.place = UnfitPlace::Task(task.id);
        self.call(&task.activation, &task.variables, &task.source);
    }

    fn stopped(&mut self, task: &StoppedTask) {
        self.place = UnfitPlace::Task(task.id);
        self.value(&task.value, 0);
        // LambdaMOO's tasks have none.
        if task.local.is_true() {
            self.value(&task.local, 0);
        }
        for frame in &task.frames {
            self.call(&frame.activation, &frame.variables, &frame.source);
            for slot in &frame.stack {
                if let Slot::Value(value) | Slot::Iterator(Some(value)) = slot {
                    self.value(value, 0);
                }
            }
        }
    }

    fn call(&mut self, activation: &Activation, variables: &[Variable], source: &[String]) {
        self.line(&activation.verb, "a name of several lines");
        self.line(&activation.verb_names, "a name of several lines");
        match &activation.this {
            Value::Obj(_) => {}
            this => self.value(this, 0),
        }
        match &activation.vloc {
            Value::Obj(_) => {}
            definer => self.value(definer, 0),
        }
        for variable in variables {
            self.value(&variable.value, 0);
        }
        self.program(&source.join("\n"));
    }

    /// A text that must be one line of the file. A NUL would end it for servers written in C.
    fn line(&mut self, text: &Str, what: &'static str) {
        if memchr::memchr2(b'\n', 0, text.as_bytes()).is_some() {
            self.unfit(what);
        }
    }

    /// A value within `depth` lists, maps and waifs.
    fn value(&mut self, value: &Value, depth: u32) {
        match value {
            Value::None => {}
            Value::Int(number) if !is_small(*number) => {
                self.newer("an integer of more than 32 bits");
            }
            Value::Obj(id) if id.is_unique() => self.unfit("a unique id"),
            Value::Obj(id) if !is_small(id.0) => {
                self.newer("an object number of more than 32 bits");
            }
            Value::Int(_) | Value::Obj(_) => {}
            Value::Err(code) if code.number() > ErrorCode::Float.number() => {
                self.newer(code.name());
            }
            Value::Err(_) => {}
            Value::Bool(_) => self.newer("a boolean"),
            Value::Float(number) if !number.is_finite() => self.unfit("a float that is no number"),
            Value::Float(_) => {}
            Value::Str(text) => self.line(text, "a string of several lines"),
            Value::Anon(anon) => {
                self.newer("an anonymous object");
                self.mention_anon(anon.id());
            }
            Value::Sym(_) => self.unfit("a symbol"),
            Value::Error(_) => self.unfit("an error with a message or a name of its own"),
            Value::Binary(_) => self.unfit("a binary value"),
            Value::Fly(_) => self.unfit("a flyweight"),
            Value::Lambda(_) => self.unfit("a function"),
            Value::List(_) | Value::Map(_) | Value::Waif(_) => self.nested(value, depth),
        }
    }

    /// What holds other values: as deep as it can be read again.
    fn nested(&mut self, value: &Value, depth: u32) {
        if depth == DEPTH_MAX {
            self.unfit("values nested too deep");
            return;
        }
        match value {
            Value::List(list) => list.iter().for_each(|item| self.value(item, depth + 1)),
            Value::Map(map) => {
                self.newer("a map");
                let gone = |key: &&Value| {
                    let anon = key.as_anon().map(|anon| anon.id());
                    anon.is_some_and(|id| self.world.anon(id).is_none())
                };
                if map.keys().filter(gone).nth(1).is_some() {
                    self.unfit("a map with several keys that exist no more");
                }
                for (key, value) in map.iter() {
                    self.value(key, depth + 1);
                    self.value(value, depth + 1);
                }
            }
            Value::Waif(waif) => {
                self.newer("a waif");
                if self.waifs.insert(waif.id()) {
                    self.waif_values(waif.id(), depth + 1);
                }
            }
            _ => {}
        }
    }

    fn waif_values(&mut self, id: u64, depth: u32) {
        if let Some(waif) = self.world.waif(id) {
            for (_, value) in &waif.values {
                self.value(value, depth);
            }
        }
    }

    /// Whether this is the first mention.
    fn mention_anon(&mut self, id: u64) -> bool {
        let is_new = self.anons.insert(id);
        if is_new {
            self.open.push(id);
        }
        is_new
    }
}

/// LambdaMOO's integers have 32 bits.
fn is_small(number: i64) -> bool {
    i32::try_from(number).is_ok()
}
