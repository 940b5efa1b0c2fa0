//! XML to a tree.
//! In: text. Out: its one element. Comments, instructions and the document type are passed over; no entities but the five of XML
//! itself are known, so none grows.

use moor_value::{ErrorCode, Str};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use rustc_hash::FxHashSet;

use super::super::{Call, Raise};
use super::{DEPTH_MAX, Element, Node, is_name, is_text};

/// What an element counts for besides its texts, as a value of the language.
const ELEMENT_BYTES: usize = 96;
/// The same of an attribute.
const ATTRIBUTE_BYTES: usize = 80;

/// The tree of a text.
///
/// # Errors
/// E_INVARG where it is no well-formed XML, E_QUOTA where it would be too large or nests too deep, or the time is up.
pub(in super::super) fn parse(call: &mut Call<'_>, text: &str) -> Result<Element, Raise> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut tree = Tree::default();
    loop {
        let before = reader.buffer_position();
        let event = reader.read_event().map_err(|error| wrong(&error))?;
        let bytes = reader.buffer_position().saturating_sub(before);
        call.charge(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        match event {
            Event::Start(start) => tree.open(call, &start)?,
            Event::Empty(start) => {
                tree.open(call, &start)?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text.push_str(&text.xml10_content()),
            Event::CData(text) => tree.text.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => tree.refer(&entity)?,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => return tree.finish(),
        }
    }
}

/// E_INVARG with what the reader says.
fn wrong(error: &quick_xml::Error) -> Raise {
    let message = format!("This is not well-formed XML: {error}");
    Raise::with(ErrorCode::InvArg, message, moor_value::Value::ZERO)
}

/// E_INVARG unless it is so.
fn well_formed(is_so: bool) -> Result<(), Raise> {
    is_so.then_some(()).ok_or_else(|| ErrorCode::InvArg.into())
}

/// A tree that is being read.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    /// Text since the last tag.
    text: String,
    bytes: usize,
}

impl Tree {
    fn open(&mut self, call: &Call<'_>, start: &BytesStart<'_>) -> Result<(), Raise> {
        self.end_text()?;
        well_formed(self.root.is_none() && is_name(start.name().0))?;
        let mut element = Element {
            name: Str::new(start.name().0),
            ..Element::default()
        };
        let mut known = FxHashSet::default();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| wrong(&error.into()))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| wrong(&error))?;
            let name = attribute.key.0;
            well_formed(is_name(name) && is_text(&value) && !attribute.value.contains('<'))?;
            well_formed(known.insert(name))?;
            self.add_bytes(call, ATTRIBUTE_BYTES + name.len() + value.len())?;
            let attribute = (Str::new(name), Str::new(&value));
            element.attributes.push(attribute);
        }
        self.add_bytes(call, ELEMENT_BYTES + element.name.len_bytes())?;
        self.open.push(element);
        match self.open.len() <= DEPTH_MAX {
            true => Ok(()),
            false => Err(ErrorCode::Quota.into()),
        }
    }

    /// E_QUOTA if with so many more it is too large.
    fn add_bytes(&mut self, call: &Call<'_>, bytes: usize) -> Result<(), Raise> {
        self.bytes += bytes;
        match self.bytes <= call.limits.list_bytes_max {
            true => Ok(()),
            false => Err(ErrorCode::Quota.into()),
        }
    }

    fn close(&mut self) -> Result<(), Raise> {
        self.end_text()?;
        let element = self.open.pop().ok_or(ErrorCode::InvArg)?;
        match self.open.last_mut() {
            Some(parent) => parent.contents.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    /// `&name;` or `&#number;`.
    fn refer(&mut self, entity: &BytesRef<'_>) -> Result<(), Raise> {
        let character = entity.resolve_char_ref().map_err(|error| wrong(&error))?;
        match character {
            Some(character) => self.text.push(character),
            None => {
                let known = resolve_xml_entity(&entity.xml10_content());
                self.text.push_str(known.ok_or(ErrorCode::InvArg)?);
            }
        }
        Ok(())
    }

    /// Text ends at a tag. What is there for the eye only, spaces with a line break among them, is passed over.
    fn end_text(&mut self) -> Result<(), Raise> {
        let text = std::mem::take(&mut self.text);
        let is_blank = text.trim_matches([' ', '\t', '\r', '\n']).is_empty();
        well_formed(is_text(&text))?;
        let is_layout = text.is_empty() || is_blank && text.contains('\n');
        match self.open.last_mut() {
            Some(element) if !is_layout => {
                element.contents.push(Node::Text(text.into()));
            }
            None if !is_blank => return Err(ErrorCode::InvArg.into()),
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Element, Raise> {
        self.end_text()?;
        let root = self.root.filter(|_| self.open.is_empty());
        root.ok_or_else(|| ErrorCode::InvArg.into())
    }
}
