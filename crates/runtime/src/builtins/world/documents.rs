//! XML as values of programs: lists, lists with maps, or flyweights whose delegates stand for names of elements.
//!
//! In: text and values, and objects for names of elements. Out: the other. The text itself is the knowledge of
//! [`xml`](crate::builtins::xml).

use moor_value::{ErrorCode, Flyweight, List, Map, ObjId, Str, Symbol, Value, ValueType};
use moor_world::Entity;
use rustc_hash::FxHashMap;

use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply};
use crate::builtins::spec::world;
use crate::builtins::xml::{DEPTH_MAX, Element, Node, Writer, parse};
use crate::builtins::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("xml_parse", 1..=3, [Str, Int, Map], MooR, xml_parse)
        .doc(
            "xml form tags",
            "LIST|FLYWEIGHT",
            "The element that a document of XML is. `form` is the type of what it becomes: LIST (if none is given), `{name, {attribute, \
             value}, ..., contents...}`; MAP, `{name, [attribute -> value, ...], contents...}`; FLYWEIGHT, with the attributes as slots. \
             Its delegate is what `tags` has under the name, else `$tag_NAME`, if the caller may read that. Contents are strings and elements; spaces with a line \
             break among them are passed over, as are comments and instructions. Entities are only those of XML itself.",
        )
        .raises(
            "E_INVARG if it is not well-formed, the form is another, there is no delegate for a name or no slot for an attribute, or in a \
             map or in slots names of attributes differ in case only; E_TYPE if a delegate is no object; E_QUOTA if elements nest too deep, it would be too large, or the task's time is up",
        ),
    world!("to_xml", 1..=2, [Any, Map], MooR, to_xml)
        .doc(
            "element:LIST|FLYWEIGHT tags",
            "STR",
            "The XML of an element in any of the forms of `xml_parse()`. Behind a name, lists of two strings are attributes up to the \
             first item that is something else. The name of a flyweight is that under which `tags` or `$tag_NAME` has its delegate. Values \
             of attributes and contents may also be numbers, objects, errors and symbols.",
        )
        .raises(
            "E_INVARG if a name or a character is none of XML's, an element has an attribute twice, or there is no name for a delegate; E_TYPE if a part is of another type; E_QUOTA if \
             elements nest too deep, the text would be too long, or the task's time is up",
        ),
];

/// Steps of work that a part of an element is, on its way to a value.
const ELEMENT_STEPS: usize = 32;

/// What begins the names of the properties of `#0` that say which object stands for a name.
const TAG: &str = "tag_";

/// What an element becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Lists,
    Maps,
    Flyweights,
}

impl Form {
    fn of(number: i64) -> Option<Self> {
        [
            (ValueType::List, Self::Lists),
            (ValueType::Map, Self::Maps),
            (ValueType::Flyweight, Self::Flyweights),
        ]
        .into_iter()
        .find_map(|(of, form)| (of as i64 == number).then_some(form))
    }
}

fn xml_parse(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let form = args
        .given(1)
        .map_or(Ok(ValueType::List as i64), |_| args.int(1))?;
    let form = Form::of(form).ok_or(ErrorCode::InvArg)?;
    let tags = args
        .given(2)
        .map_or(Ok(Map::new()), |_| args.map(2).cloned())?;
    let text = args.str(0)?;
    let root = env.with_call(|call| parse(call, text.as_str()))?;
    let mut delegates = FxHashMap::default();
    if form == Form::Flyweights {
        find_delegates(env, &tags, &root, &mut delegates)?;
    }
    let maker = Maker { form, delegates };
    let made = env.with_call(|call| maker.element(call, root))?;
    let most = env.stretch.options.value_limits.list_bytes_max;
    match made.bytes() <= most {
        true => Ok(Answer::Value(made)),
        false => Err(ErrorCode::Quota.into()),
    }
}

/// Makes values of elements.
struct Maker {
    form: Form,
    /// For flyweights: the objects that stand for the names.
    delegates: FxHashMap<Str, ObjId>,
}

impl Maker {
    /// What an element becomes. Elements nest no deeper than is looked at when they are read.
    fn element(&self, call: &mut Call<'_>, element: Element) -> Result<Value, Raise> {
        call.charge(ELEMENT_STEPS * (1 + element.attributes.len() + element.contents.len()))?;
        match self.form {
            Form::Flyweights => self.flyweight(call, element),
            Form::Lists | Form::Maps => self.list(call, element),
        }
    }

    fn list(&self, call: &mut Call<'_>, element: Element) -> Result<Value, Raise> {
        let mut list = List::with_capacity(2 + element.contents.len());
        list.push(Value::Str(element.name));
        if self.form == Form::Maps {
            list.push(map_of(element.attributes)?.into());
        } else {
            for (name, value) in element.attributes {
                list.push(vec![Value::Str(name), Value::Str(value)].into());
            }
        }
        for node in element.contents {
            list.push(self.node(call, node)?);
        }
        Ok(list.into())
    }

    fn flyweight(&self, call: &mut Call<'_>, element: Element) -> Result<Value, Raise> {
        let delegate = self.delegates.get(&element.name);
        let delegate = *delegate.ok_or(ErrorCode::InvArg)?;
        let is_slot = |(name, _): &(Str, Str)| Flyweight::is_slot_name(name.as_str());
        if !element.attributes.iter().all(is_slot) {
            return Err(ErrorCode::InvArg.into());
        }
        let slots = map_of(element.attributes)?;
        let mut contents = List::with_capacity(element.contents.len());
        for node in element.contents {
            contents.push(self.node(call, node)?);
        }
        let made = Flyweight::with_slots(delegate, &slots, contents);
        Ok(made.ok_or(ErrorCode::Quota)?.into())
    }

    fn node(&self, call: &mut Call<'_>, node: Node) -> Result<Value, Raise> {
        match node {
            Node::Text(text) => Ok(Value::Str(text)),
            Node::Element(element) => self.element(call, element),
        }
    }
}

/// Attributes as a map. It does not tell names apart that differ in case only, as XML does: E_INVARG, lest one be lost.
fn map_of(attributes: Vec<(Str, Str)>) -> Result<Map, Raise> {
    let count = attributes.len();
    let mut map = Map::new();
    for (name, value) in attributes {
        map.insert_value(Value::Str(name), Value::Str(value));
    }
    match map.len() == count {
        true => Ok(map),
        false => Err(ErrorCode::InvArg.into()),
    }
}

/// Looks up the object for the name of each element.
fn find_delegates(
    env: &mut Env<'_, '_, '_>,
    tags: &Map,
    element: &Element,
    found: &mut FxHashMap<Str, ObjId>,
) -> Result<(), Raise> {
    if !found.contains_key(&element.name) {
        env.in_time()?;
        let object = delegate(env, tags, &element.name)?;
        found.insert(element.name.clone(), object);
    }
    for node in &element.contents {
        if let Node::Element(inner) = node {
            find_delegates(env, tags, inner, found)?;
        }
    }
    Ok(())
}

/// The object that stands for a name.
fn delegate(env: &mut Env<'_, '_, '_>, tags: &Map, name: &Str) -> Result<ObjId, Raise> {
    let symbol = || Value::Sym(moor_value::Sym::new(name.as_str()));
    let named = tags
        .get(&Value::Str(name.clone()))
        .or_else(|| tags.get(&symbol()));
    let known = match named {
        Some(delegate) => Some(delegate.clone()),
        None => {
            let property = Symbol::lookup(&format!("{TAG}{name}"));
            let perms = env.perms();
            property.and_then(|property| {
                let system = Entity::object(ObjId::SYSTEM);
                env.stretch.txn.get_property(perms, system, property).ok()
            })
        }
    };
    let known = known.ok_or_else(|| {
        let message = format!("No object stands for <{name}>");
        Raise::with(ErrorCode::InvArg, message, Value::Str(name.clone()))
    })?;
    known.as_obj().ok_or_else(|| ErrorCode::Type.into())
}

fn to_xml(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let root = args[0].take();
    let tags = args
        .given(1)
        .map_or(Ok(Map::new()), |_| args.map(1).cloned())?;
    let names = match root {
        Value::Fly(_) => names_of_delegates(env, &tags),
        _ => Map::new(),
    };
    let text = env.with_call(|call| {
        let mut printer = Printer {
            writer: Writer::default(),
            names,
        };
        printer.element(call, &root, 0)?;
        printer.writer.finish(call)
    })?;
    Ok(Answer::Value(text))
}

/// The name of each object that stands for one: by `tags`, in which it may be key or value, else by the properties of `#0` that the
/// caller may read.
fn names_of_delegates(env: &mut Env<'_, '_, '_>, tags: &Map) -> Map {
    let mut names = Map::new();
    let system = Entity::object(ObjId::SYSTEM);
    let (owner, perms) = (env.stretch.txn.owner(system), env.perms());
    let properties = env.stretch.txn.property_names(owner, system);
    for property in properties.unwrap_or_default() {
        let Some((head, name)) = property.as_str().split_at_checked(TAG.len()) else {
            continue;
        };
        if !head.eq_ignore_ascii_case(TAG) {
            continue;
        }
        let symbol = Symbol::intern(property.as_str());
        if let Ok(object @ Value::Obj(_)) = env.stretch.txn.get_property(perms, system, symbol) {
            names.insert_value(object, name.into());
        }
    }
    for (key, value) in tags.iter() {
        let (object, name) = match (key, value) {
            (object @ Value::Obj(_), name) | (name, object) => (object, name),
        };
        if let (Value::Obj(_), Some(name)) = (object, name.name_text()) {
            names.insert_value(object.clone(), name.into());
        }
    }
    names
}

/// Elements on their way to text.
struct Printer {
    writer: Writer,
    /// Names by the delegates that stand for them.
    names: Map,
}

impl Printer {
    fn element(&mut self, call: &mut Call<'_>, value: &Value, depth: usize) -> Result<(), Raise> {
        if depth >= DEPTH_MAX {
            return Err(ErrorCode::Quota.into());
        }
        match value {
            Value::List(list) => self.list(call, list, depth),
            Value::Fly(flyweight) => self.flyweight(call, flyweight, depth),
            _ => Err(ErrorCode::Type.into()),
        }
    }

    fn list(&mut self, call: &mut Call<'_>, list: &List, depth: usize) -> Result<(), Raise> {
        let (name, behind) = match list.as_slice() {
            [name, behind @ ..] => (name.name_text().ok_or(ErrorCode::Type)?, behind),
            [] => return Err(ErrorCode::Type.into()),
        };
        self.writer.start(call, name)?;
        let contents = match behind {
            [Value::Map(attributes), contents @ ..] => {
                for (name, value) in attributes.iter() {
                    self.attribute(call, name, value)?;
                }
                contents
            }
            _ => {
                let is_attribute = |item: &Value| {
                    let pair = item.as_list().map(List::as_slice);
                    matches!(pair, Some([Value::Str(_), Value::Str(_)]))
                };
                let count = behind.iter().take_while(|item| is_attribute(item)).count();
                for pair in behind[..count].iter().filter_map(Value::as_list) {
                    let pair = pair.as_slice();
                    self.attribute(call, &pair[0], &pair[1])?;
                }
                &behind[count..]
            }
        };
        self.contents(call, contents, depth)?;
        self.writer.end(name);
        Ok(())
    }

    fn flyweight(
        &mut self,
        call: &mut Call<'_>,
        flyweight: &Flyweight,
        depth: usize,
    ) -> Result<(), Raise> {
        let delegate = Value::Obj(flyweight.delegate());
        let name = self.names.get(&delegate).and_then(Value::as_str).cloned();
        let name = name.ok_or_else(|| {
            let message = format!(
                "No name of an element is known for {}",
                delegate.to_literal()
            );
            Raise::with(ErrorCode::InvArg, message, delegate)
        })?;
        self.writer.start(call, name.as_str())?;
        for (slot, value) in flyweight.slots().iter() {
            self.attribute(call, slot, value)?;
        }
        self.contents(call, flyweight.contents().as_slice(), depth)?;
        self.writer.end(name.as_str());
        Ok(())
    }

    fn attribute(&mut self, call: &mut Call<'_>, name: &Value, value: &Value) -> Result<(), Raise> {
        let name = name.name_text().ok_or(ErrorCode::Type)?;
        self.writer.attribute(call, name, spelled(value)?.as_str())
    }

    fn contents(
        &mut self,
        call: &mut Call<'_>,
        items: &[Value],
        depth: usize,
    ) -> Result<(), Raise> {
        for item in items {
            match item {
                Value::List(_) | Value::Fly(_) => self.element(call, item, depth + 1)?,
                other => self.writer.text(call, spelled(other)?.as_str())?,
            }
        }
        Ok(())
    }
}

/// A value that is one piece of text.
fn spelled(value: &Value) -> Result<Str, Raise> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        Value::Int(_)
        | Value::Float(_)
        | Value::Obj(_)
        | Value::Err(_)
        | Value::Error(_)
        | Value::Bool(_)
        | Value::Sym(_) => Ok(Str::from(value.to_text())),
        _ => Err(ErrorCode::Type.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtins::{Limits, Still};

    /// An element with so many in it.
    fn wide(count: usize) -> Element {
        let inner = || {
            Node::Element(Element {
                name: "a".into(),
                ..Element::default()
            })
        };
        Element {
            name: "a".into(),
            contents: std::iter::repeat_with(inner).take(count).collect(),
            ..Element::default()
        }
    }

    #[test]
    fn values_of_every_form_are_made_within_the_time() {
        for form in [Form::Lists, Form::Maps, Form::Flyweights] {
            let delegates = FxHashMap::from_iter([("a".into(), ObjId::SYSTEM)]);
            let maker = Maker { form, delegates };
            let make = |count, polls| {
                let limits = Limits::default();
                let mut still = Still::new(polls, false);
                maker.element(&mut Call::new(&limits, &mut still), wide(count))
            };
            assert!(make(1_000, 2).is_ok());
            assert_eq!(make(10_000, 2), Err(ErrorCode::Quota.into()));
        }
    }
}
