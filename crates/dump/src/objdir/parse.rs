//! Files of an object directory to descriptions.
//! In: the text of one file. Out: what it describes, or the place where it is not as docs/formats/objdir.md has it.

use moor_value::codec::HandleResolver;
use moor_value::{
    Binary, DEPTH_MAX, ErrorName, ErrorValue, Flyweight, List, Map, ObjId, Str, Sym, Value,
};
use moor_world::{ArgSpec, ObjectFlags, PrepSpec, PropFlags, VerbArgs, VerbFlags};

use super::cursor::{Cursor, TextFault};
use super::describe::{FLAGS, WAIF_PREFIX};
use super::gone::GONE;
use super::print::HEADER;
use super::spec::{
    Access, At, ObjectSpec, OverrideSpec, PropertyName, PropertySpec, VerbSpec, WaifSpec, WorldSpec,
};

/// The line that ends a verb.
const VERB_END: &str = "endverb";

/// What a file is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    Object(ObjId),
    Anonymous(u64),
}

pub(crate) struct Parser<'a, 'h> {
    pub(super) text: Cursor<'a>,
    handles: &'h mut dyn HandleResolver,
}

impl<'a, 'h> Parser<'a, 'h> {
    pub(crate) fn new(text: &'a str, handles: &'h mut dyn HandleResolver) -> Self {
        Self {
            text: Cursor::new(text),
            handles,
        }
    }

    /// The world's own file.
    pub(crate) fn world(&mut self) -> Result<WorldSpec, TextFault> {
        let before = self.text;
        if self.text.whole_line() != Some(HEADER) {
            return Err(before.expected(&format!("`{HEADER}`")));
        }
        let mut world = WorldSpec::default();
        while let Some(word) = self.next_word() {
            match word.1 {
                "max_object" => world.max_object = Some(self.object()?),
                "players" => world.players = Some(self.objects()?),
                _ => return Err(word.0.expected("`max_object` or `players`")),
            }
            self.text.end_line()?;
        }
        Ok(world)
    }

    /// The file of an object.
    pub(crate) fn object_file(&mut self) -> Result<(Subject, ObjectSpec), TextFault> {
        self.text.skip_white();
        let line = self.text.line();
        let subject = self.subject()?;
        let mut object = self.object_body()?;
        object.place = At { line };
        Ok((subject, object))
    }

    /// The first line of the file of an object.
    pub(crate) fn subject(&mut self) -> Result<Subject, TextFault> {
        self.text.skip_white();
        let before = self.text;
        let subject = match self.text.word() {
            "object" => {
                self.text.skip_blanks();
                Subject::Object(self.text.object("an object's number")?)
            }
            "anonymous" => {
                self.text.skip_blanks();
                Subject::Anonymous(self.id()?)
            }
            _ => return Err(before.expected("`object #N` or `anonymous N`")),
        };
        self.text.end_line()?;
        Ok(subject)
    }

    /// The file of all waifs.
    pub(crate) fn waifs(&mut self) -> Result<Vec<(u64, WaifSpec)>, TextFault> {
        let mut all: Vec<(u64, WaifSpec)> = Vec::new();
        while let Some((before, word)) = self.next_word() {
            match word {
                "waif" => {
                    let id = self.id()?;
                    self.text.skip_blanks();
                    let class = self.object()?;
                    let owner = self.object()?;
                    let place = At {
                        line: before.line(),
                    };
                    let values = Vec::new();
                    all.push((
                        id,
                        WaifSpec {
                            class,
                            owner,
                            values,
                            place,
                        },
                    ));
                    self.text.end_line()?;
                }
                "value" => {
                    let name = self.property_name()?;
                    if !name.name.as_str().starts_with(WAIF_PREFIX) {
                        return Err(before.fault("properties of waifs begin with `:`"));
                    }
                    let value = self.assigned()?;
                    let value = value.ok_or_else(|| before.fault("a clear value is left out"))?;
                    let last = all.last_mut();
                    let (_, waif) = last.ok_or_else(|| before.expected("`waif`"))?;
                    waif.values.push((name, value));
                }
                _ => return Err(before.expected("`waif` or `value`")),
            }
        }
        Ok(all)
    }

    /// The first word of the next line that is not empty, and where it stands. Blanks behind it are taken.
    fn next_word(&mut self) -> Option<(Cursor<'a>, &'a str)> {
        self.text.skip_white();
        self.text.peek()?;
        let before = self.text;
        let word = self.text.word();
        self.text.skip_blanks();
        Some((before, word))
    }

    fn object_body(&mut self) -> Result<ObjectSpec, TextFault> {
        let mut object = ObjectSpec::new(ObjId::NOTHING);
        while let Some((before, word)) = self.next_word() {
            let place = At {
                line: before.line(),
            };
            match word {
                "name" => object.name = Str::new(&self.text.text("the name in quotes")?),
                "owner" => object.owner = self.object()?,
                "flags" => object.flags = self.flags()?,
                "parents" => object.parents = self.objects()?,
                "location" => object.location = self.object()?,
                "last_move" => object.last_move = self.value(DEPTH_MAX)?,
                "contents" => object.contents = Some(self.objects()?),
                "children" => object.children = Some(self.objects()?),
                "property" => object.properties.push(self.property(place)?),
                "override" => object.overrides.push(self.overriding(place)?),
                "verb" => {
                    object.verbs.push(self.verb(place)?);
                    continue;
                }
                _ => {
                    return Err(before.expected(
                        "`name`, `owner`, `flags`, `parents`, `location`, `last_move`, `contents`, `children`, `property`, `override` or `verb`",
                    ));
                }
            }
            if !matches!(word, "property" | "override") {
                self.text.end_line()?;
            }
        }
        Ok(object)
    }

    pub(super) fn object(&mut self) -> Result<ObjId, TextFault> {
        let id = self.text.object("an object's number, such as #12")?;
        self.text.skip_blanks();
        Ok(id)
    }

    fn objects(&mut self) -> Result<Vec<ObjId>, TextFault> {
        let mut ids = Vec::new();
        while self.text.peek() == Some('#') {
            ids.push(self.object()?);
        }
        Ok(ids)
    }

    fn id(&mut self) -> Result<u64, TextFault> {
        let before = self.text;
        let id = self.text.digits().and_then(|id| u64::try_from(id).ok());
        // 0 stands for all that are no more.
        let id = id.filter(|id| *id > 0);
        id.ok_or_else(|| before.expected("a number from 1"))
    }

    fn flags(&mut self) -> Result<ObjectFlags, TextFault> {
        let mut flags = ObjectFlags::NONE;
        loop {
            let before = self.text;
            let word = self.text.word();
            if word.is_empty() {
                return Ok(flags);
            }
            let known = FLAGS.iter().find(|(_, name)| *name == word);
            let (flag, _) = known.ok_or_else(|| {
                before.expected("`player`, `programmer`, `wizard`, `r`, `w`, `f` or `a`")
            })?;
            flags = flags.with(*flag, true);
            self.text.skip_blanks();
        }
    }

    fn property(&mut self, place: At) -> Result<PropertySpec, TextFault> {
        let name = Str::new(&self.text.name("the name of a property")?);
        self.text.skip_blanks();
        let before = self.text;
        let access = self.access(PropFlags::parse)?;
        let access =
            access.ok_or_else(|| before.expected("owner and permissions, such as (#2, \"rc\")"))?;
        let value = self.assigned()?;
        Ok(PropertySpec {
            name,
            access,
            value,
            place,
        })
    }

    fn overriding(&mut self, place: At) -> Result<OverrideSpec, TextFault> {
        let property = self.property_name()?;
        let access = self.access(PropFlags::parse)?;
        let value = self.assigned()?;
        Ok(OverrideSpec {
            property,
            access,
            value,
            place,
        })
    }

    fn property_name(&mut self) -> Result<PropertyName, TextFault> {
        let name = Str::new(&self.text.name("the name of a property")?);
        self.text.skip_blanks();
        let mut ahead = self.text;
        let mut definer = None;
        if ahead.word() == "of" {
            self.text = ahead;
            self.text.skip_blanks();
            definer = Some(self.object()?);
        }
        Ok(PropertyName { name, definer })
    }

    /// `(#2, "rc")`, or nothing.
    fn access<F>(
        &mut self,
        parse: impl Fn(&str) -> Option<F>,
    ) -> Result<Option<Access<F>>, TextFault> {
        self.text.skip_blanks();
        if !self.text.take('(') {
            return Ok(None);
        }
        let owner = self.object()?;
        self.text.must(',', "`,`")?;
        self.text.skip_blanks();
        let before = self.text;
        let letters = self.text.text("permissions in quotes")?;
        let flags = parse(&letters).ok_or_else(|| before.expected("letters of permissions"))?;
        self.text.must(')', "`)`")?;
        self.text.skip_blanks();
        Ok(Some(Access { owner, flags }))
    }

    /// `= value;` or `= clear;`.
    fn assigned(&mut self) -> Result<Option<Value>, TextFault> {
        self.text.skip_blanks();
        self.text.must('=', "`=`")?;
        self.text.skip_blanks();
        let mut ahead = self.text;
        let value = match ahead.word() {
            "clear" => {
                self.text = ahead;
                None
            }
            _ => Some(self.value(DEPTH_MAX)?),
        };
        self.text.skip_blanks();
        self.text.must(';', "`;`")?;
        self.text.end_line()?;
        Ok(value)
    }

    pub(super) fn value(&mut self, depth_left: u32) -> Result<Value, TextFault> {
        let before = self.text;
        match self.text.peek() {
            Some('"') => Ok(Value::Str(Str::new(&self.text.text("a text")?))),
            Some('#') => Ok(Value::Obj(self.text.object("an object's number")?)),
            Some('{') => self.list(depth_left),
            Some('[') => self.map(depth_left),
            Some('<') => self.flyweight(depth_left),
            Some('\'') => self.symbol(),
            Some('-' | '0'..='9') => {
                number(self.text.number_text()).ok_or_else(|| before.expected("a number"))
            }
            _ => self.named_value(depth_left),
        }
    }

    /// A value that begins with a word.
    fn named_value(&mut self, depth_left: u32) -> Result<Value, TextFault> {
        let before = self.text;
        match self.text.word() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "anonymous" => self.anonymous(),
            "waif" => self.waif(),
            "function" => self.function(depth_left),
            "b" if self.text.peek() == Some('"') => self.binary(),
            word => match (ErrorName::from_text(word), number(word)) {
                (Some(name), _) => self.error(name),
                // `inf` and `NaN` are floats by their names.
                (None, Some(number)) => Ok(number),
                (None, None) => Err(before.expected("a value")),
            },
        }
    }

    /// What follows the name of an error: perhaps a message in parentheses.
    fn error(&mut self, name: ErrorName) -> Result<Value, TextFault> {
        let mut message = None;
        if self.text.take('(') {
            message = Some(Str::new(&self.text.text("a message in quotes")?));
            self.text.must(')', "`)`")?;
        }
        Ok(ErrorValue::make(name, message))
    }

    fn symbol(&mut self) -> Result<Value, TextFault> {
        self.text.take('\'');
        let before = self.text;
        let text = self.text.name("the name of a symbol")?;
        match text.contains(':') && before.peek() != Some('"') {
            true => Err(before.expected("the name of a symbol")),
            false => Ok(Value::Sym(Sym::new(&text))),
        }
    }

    fn binary(&mut self) -> Result<Value, TextFault> {
        let before = self.text;
        let bytes = Binary::from_base64(&self.text.text("bytes in base 64")?);
        let bytes = bytes.ok_or_else(|| before.expected("bytes in base 64"))?;
        Ok(Value::Binary(bytes))
    }

    /// `<#1, .slot = value, {contents}>`.
    fn flyweight(&mut self, depth_left: u32) -> Result<Value, TextFault> {
        // The flyweight itself, and what its slots and contents are kept in.
        let depth_left = self.deeper(depth_left)?;
        let inner = self.deeper(depth_left)?;
        let begin = self.text;
        self.text.take('<');
        let delegate = self.object()?;
        let (mut slots, mut contents) = (Map::new(), List::new());
        while self.text.take(',') {
            self.text.skip_white();
            if self.text.peek() == Some('{') {
                contents = self.list(depth_left)?.into_list().unwrap_or_default();
                break;
            }
            self.slot(&mut slots, inner)?;
        }
        self.text.must('>', "`,` or `>`")?;
        let made = Flyweight::with_slots(delegate, &slots, contents);
        made.map(Value::Fly)
            .ok_or_else(|| begin.fault("a flyweight with a slot of a name that no slot has"))
    }

    fn slot(&mut self, slots: &mut Map, depth_left: u32) -> Result<(), TextFault> {
        self.text.must('.', "`.` and the name of a slot, or `{`")?;
        let before = self.text;
        let name = Value::Sym(Sym::new(self.text.word()));
        self.text.skip_white();
        self.text.must('=', "`=`")?;
        self.text.skip_white();
        let value = self.value(depth_left)?;
        if slots.get(&name).is_some() {
            return Err(before.fault("a slot that the flyweight has already"));
        }
        slots.insert_value(name, value);
        Ok(())
    }

    fn anonymous(&mut self) -> Result<Value, TextFault> {
        let before = self.text;
        self.text.must('(', "`(`")?;
        let mut ahead = self.text;
        let id = match ahead.word() {
            "gone" => {
                self.text = ahead;
                GONE
            }
            _ => self.id()?,
        };
        self.text.must(')', "`)`")?;
        let handle = self.handles.anon(id);
        let handle = handle.ok_or_else(|| before.expected("a known anonymous object"))?;
        Ok(Value::Anon(handle))
    }

    fn waif(&mut self) -> Result<Value, TextFault> {
        let before = self.text;
        self.text.must('(', "`(`")?;
        let id = self.id()?;
        self.comma()?;
        let class = self.object()?;
        self.comma()?;
        let owner = self.object()?;
        self.text.must(')', "`)`")?;
        let handle = self.handles.waif(id, class, owner);
        let handle = handle.ok_or_else(|| before.expected("a known waif"))?;
        let is_same = (handle.class(), handle.owner()) == (class, owner);
        match is_same {
            true => Ok(Value::Waif(handle)),
            false => Err(before.fault(format!(
                "waif {id} has the class {} and the owner {} elsewhere",
                handle.class(),
                handle.owner()
            ))),
        }
    }

    pub(super) fn comma(&mut self) -> Result<(), TextFault> {
        self.text.must(',', "`,`")?;
        self.text.skip_blanks();
        Ok(())
    }

    pub(super) fn deeper(&self, depth_left: u32) -> Result<u32, TextFault> {
        let too_deep = || {
            self.text
                .fault(format!("values nest at most {DEPTH_MAX} deep"))
        };
        depth_left.checked_sub(1).ok_or_else(too_deep)
    }

    /// The elements between two signs, with commas between them and perhaps after the last.
    pub(super) fn elements(
        &mut self,
        (open, close): (char, char),
        mut element: impl FnMut(&mut Self) -> Result<(), TextFault>,
    ) -> Result<(), TextFault> {
        self.text.take(open);
        self.text.skip_white();
        while !self.text.take(close) {
            element(self)?;
            self.text.skip_white();
            if self.text.take(',') {
                self.text.skip_white();
            } else if self.text.peek() != Some(close) {
                return Err(self.text.expected(&format!("`,` or `{close}`")));
            }
        }
        Ok(())
    }

    fn list(&mut self, depth_left: u32) -> Result<Value, TextFault> {
        let depth_left = self.deeper(depth_left)?;
        let mut items = Vec::new();
        self.elements(('{', '}'), |parser| {
            items.push(parser.value(depth_left)?);
            Ok(())
        })?;
        Ok(Value::List(List::from_vec(items)))
    }

    fn map(&mut self, depth_left: u32) -> Result<Value, TextFault> {
        let depth_left = self.deeper(depth_left)?;
        let mut map = Map::new();
        self.elements(('[', ']'), |parser| {
            let before = parser.text;
            let key = parser.value(depth_left)?;
            parser.text.skip_white();
            parser.text.must('-', "`->`")?;
            parser.text.must('>', "`->`")?;
            parser.text.skip_white();
            let value = parser.value(depth_left)?;
            if map.get_exact(&key).is_some() {
                return Err(before.fault("a key that the map has already"));
            }
            match map.insert_value(key, value) {
                true => Ok(()),
                false => Err(before.expected("a key that holds no other values")),
            }
        })?;
        Ok(Value::Map(map))
    }

    fn verb(&mut self, place: At) -> Result<VerbSpec, TextFault> {
        let names = Str::new(&self.text.text("the names of the verb in quotes")?);
        self.text.skip_blanks();
        let args = self.verb_args()?;
        self.text.skip_blanks();
        let before = self.text;
        let access = self.access(VerbFlags::parse)?;
        let access = access
            .ok_or_else(|| before.expected("owner and permissions, such as (#2, \"rxd\")"))?;
        self.text.end_line()?;
        let mut lines: Vec<&str> = Vec::new();
        loop {
            let before = self.text;
            match self.text.whole_line() {
                Some(line) if line.trim() == VERB_END => break,
                Some(line) => lines.push(line),
                None => return Err(before.expected(&format!("`{VERB_END}`"))),
            }
        }
        Ok(VerbSpec {
            names,
            access,
            args,
            source: lines.join("\n"),
            place,
        })
    }

    fn verb_args(&mut self) -> Result<VerbArgs, TextFault> {
        self.text.must(
            '(',
            "the arguments in parentheses, such as (this none this)",
        )?;
        let dobj = self.arg_spec()?;
        let before = self.text;
        let prep = self.text.name("a preposition, `none` or `any`")?;
        let prep = PrepSpec::parse(&prep);
        let prep = prep.ok_or_else(|| before.expected("a preposition, `none` or `any`"))?;
        self.text.skip_blanks();
        let iobj = self.arg_spec()?;
        self.text.must(')', "`)`")?;
        Ok(VerbArgs { dobj, prep, iobj })
    }

    fn arg_spec(&mut self) -> Result<ArgSpec, TextFault> {
        let before = self.text;
        let spec = ArgSpec::parse(self.text.word());
        self.text.skip_blanks();
        spec.ok_or_else(|| before.expected("`none`, `any` or `this`"))
    }
}

/// An integer, or a float by its point, exponent or name.
fn number(text: &str) -> Option<Value> {
    match text.parse::<i64>() {
        Ok(number) => Some(Value::Int(number)),
        Err(_) if text.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9')) => None,
        Err(_) => text.parse::<f64>().ok().map(Value::Float),
    }
}
