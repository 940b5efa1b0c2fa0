//! The sources of the starter world: objects with their properties and verbs, as people write them.
//!
//! In: the text of one or more files in the layout that docs/STARTER-WORLD.md describes. Out: [`Object`]s by number,
//! or the line that is wrong. It knows nothing of textdumps and does not look into the code of verbs.

use std::collections::BTreeMap;

/// An object as written.
pub(crate) struct Object {
    pub(crate) number: i64,
    /// `$room`, or `quay` for one that is no property of `#0`.
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) parent: String,
    pub(crate) location: String,
    pub(crate) owner: String,
    pub(crate) flags: Vec<String>,
    pub(crate) definitions: Vec<Definition>,
    /// Values of inherited properties, by name.
    pub(crate) values: BTreeMap<String, Literal>,
    pub(crate) verbs: Vec<Verb>,
}

/// A property that an object defines.
pub(crate) struct Definition {
    pub(crate) name: String,
    /// Letters of `rwc`, or `-`.
    pub(crate) permissions: String,
    pub(crate) value: Literal,
}

/// A verb.
pub(crate) struct Verb {
    pub(crate) names: String,
    /// Direct object, preposition, indirect object.
    pub(crate) args: [String; 3],
    /// Letters of `rwxd`.
    pub(crate) permissions: String,
    pub(crate) code: Vec<String>,
}

/// A value; objects may be named by label.
pub(crate) enum Literal {
    Int(i64),
    Str(String),
    /// `#12`, `$label` or `@label`, as written.
    Object(String),
    List(Vec<Literal>),
}

/// Reads one file into `objects`.
pub(crate) fn read(
    file: &str,
    text: &str,
    objects: &mut BTreeMap<i64, Object>,
) -> Result<(), String> {
    let mut lines = text.lines().enumerate();
    let mut current: Option<Object> = None;
    while let Some((at, line)) = lines.next() {
        let fault = |what: &str| format!("{file}:{}: {what}: {line}", at + 1);
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if line.is_empty() || word == "##" {
            continue;
        }
        if word == "object" {
            let begun = object(rest).ok_or_else(|| fault("expected `object #N LABEL \"NAME\"`"))?;
            objects.extend(current.replace(begun).map(|done| (done.number, done)));
            continue;
        }
        let object = current.as_mut().ok_or_else(|| fault("no object yet"))?;
        match word {
            "parent" => object.parent = rest.to_owned(),
            "location" => object.location = rest.to_owned(),
            "owner" => object.owner = rest.to_owned(),
            "flags" => object.flags = words(rest),
            "verb" => {
                let mut verb =
                    verb(rest).ok_or_else(|| fault("expected names, arguments, permissions"))?;
                verb.code = code(&mut lines).ok_or_else(|| fault("no `endverb`"))?;
                object.verbs.push(verb);
            }
            "property" | "set" => {
                let (left, value) = rest
                    .split_once(" = ")
                    .ok_or_else(|| fault("expected ` = `"))?;
                let value = literal(value, &mut lines).ok_or_else(|| fault("expected a value"))?;
                put(object, &words(left), value).ok_or_else(|| fault("expected a name"))?;
            }
            _ => return Err(fault("unknown word")),
        }
    }
    objects.extend(current.map(|done| (done.number, done)));
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn object(rest: &str) -> Option<Object> {
    let (number, rest) = rest.strip_prefix('#')?.split_once(' ')?;
    let (label, name) = rest.split_once(' ')?;
    Some(Object {
        number: number.parse().ok()?,
        label: label.to_owned(),
        name: name.strip_prefix('"')?.strip_suffix('"')?.to_owned(),
        parent: "#-1".to_owned(),
        location: "#-1".to_owned(),
        owner: "@wizard".to_owned(),
        flags: Vec::new(),
        definitions: Vec::new(),
        values: BTreeMap::new(),
        verbs: Vec::new(),
    })
}

/// `property NAME PERMISSIONS` defines, `set NAME` gives an inherited property a value.
fn put(object: &mut Object, left: &[String], value: Literal) -> Option<()> {
    match left {
        [name] => {
            object.values.insert(name.clone(), value);
        }
        [name, permissions] => object.definitions.push(Definition {
            name: name.clone(),
            permissions: permissions.clone(),
            value,
        }),
        _ => return None,
    }
    Some(())
}

/// `"NAMES" DOBJ PREPOSITION IOBJ PERMISSIONS`; a preposition's words are joined with `-`.
fn verb(rest: &str) -> Option<Verb> {
    let (names, rest) = rest.strip_prefix('"')?.split_once("\" ")?;
    let mut parts = words(rest).into_iter();
    let args = [parts.next()?, parts.next()?, parts.next()?];
    let permissions = parts.next()?;
    Some(Verb {
        names: names.to_owned(),
        args,
        permissions,
        code: Vec::new(),
    })
}

fn code<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Option<Vec<String>> {
    let mut code = Vec::new();
    loop {
        match lines.next()?.1 {
            "endverb" => return Some(code),
            line => code.push(line.strip_prefix("  ").unwrap_or(line).to_owned()),
        }
    }
}

/// A value that may go on over the next lines until its braces are closed.
fn literal<'a>(first: &str, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Option<Literal> {
    let mut text = first.to_owned();
    loop {
        let mut rest = text.as_str();
        match value(&mut rest) {
            Some(value) if rest.trim().is_empty() => return Some(value),
            _ => text = format!("{text}\n{}", lines.next()?.1),
        }
    }
}

fn value(rest: &mut &str) -> Option<Literal> {
    *rest = rest.trim_start();
    match rest.chars().next()? {
        '{' => list(rest),
        '"' => string(rest),
        _ => {
            let end = rest.find([',', '}', ' ', '\n']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            *rest = after;
            match word.starts_with(['#', '$', '@']) {
                true => Some(Literal::Object(word.to_owned())),
                false => word.parse().ok().map(Literal::Int),
            }
        }
    }
}

fn list(rest: &mut &str) -> Option<Literal> {
    *rest = rest.strip_prefix('{')?;
    let mut items = Vec::new();
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            *rest = after;
            return Some(Literal::List(items));
        }
        items.push(value(rest)?);
        *rest = rest.trim_start();
        *rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn string(rest: &mut &str) -> Option<Literal> {
    let mut text = String::new();
    let mut chars = rest.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => text.push(chars.next()?),
            '\n' => return None,
            other => text.push(other),
        }
    }
    *rest = chars.as_str();
    Some(Literal::Str(text))
}
