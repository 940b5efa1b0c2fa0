//! match, rmatch and substitute: LambdaMOO's patterns.
//! In: texts and patterns. Out: positions from 1, or text with the matched parts put in.

use std::cell::RefCell;
use std::rc::Rc;

use moor_value::{ErrorCode, List, Str, Value};

use super::arg::Args;
use super::pattern_match::{Places, search};
use super::regex::{GROUPS_MAX, Program, compile};
use super::spec::pure;
use super::text::Text;
use super::{BuiltinSpec, Call, Raise};

/// Compiled patterns that a thread keeps.
const CACHE_MAX: usize = 64;

/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 16;

/// Longest pattern that is kept, in bytes.
const CACHED_BYTES_MAX: usize = 1024;

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("match", 2..=3, [Str, Str, Any], LambdaMoo, |call, args| {
        run(call, args, false)
    })
    .doc(
        "text pattern case_matters",
        "LIST",
        "The first place where the pattern fits: `{start, end, groups, text}` for \
             `substitute()`, or `{}`. Groups are nine pairs `{start, end}`, `{0, -1}` for one \
             without a part.",
    )
    .raises(
        "E_INVARG if the pattern is none; E_QUOTA if the pattern is too long or the \
             search takes too long",
    ),
    pure!("rmatch", 2..=3, [Str, Str, Any], LambdaMoo, |call, args| {
        run(call, args, true)
    })
    .doc(
        "text pattern case_matters",
        "LIST",
        "The last place where the pattern fits; else as `match()`.",
    )
    .raises(
        "E_INVARG if the pattern is none; E_QUOTA if the pattern is too long or the \
             search takes too long",
    ),
    pure!("substitute", 2..=2, [Str, List], LambdaMoo, substitute)
        .doc(
            "template found",
            "STR",
            "The template with `%0` replaced by what `match()` has found, `%1` to `%9` by its \
             groups and `%%` by a percent sign.",
        )
        .raises(
            "E_INVARG if the second argument is no answer of `match()`, or a percent sign is \
             followed by something else",
        ),
];

/// `{start, end, {{start, end} of nine groups}, text}`, or `{}` where nothing matches.
fn run(call: &mut Call<'_>, args: &[Value], reverse: bool) -> Result<Value, Raise> {
    let (text, pattern) = (args.str(0)?, args.str(1)?);
    call.charge(pattern.len_bytes())?;
    if pattern.len_bytes() > PATTERN_BYTES_MAX {
        return Err(ErrorCode::Quota.into());
    }
    let program = cached(pattern, args.flag(2)).ok_or(ErrorCode::InvArg)?;
    let places = if text.is_ascii() {
        search(call, &program, text.as_bytes(), reverse)?
    } else {
        let chars: Vec<char> = text.as_str().chars().collect();
        search(call, &program, &chars[..], reverse)?
    };
    Ok(places.map_or_else(|| Vec::new().into(), |places| result(&places, text)))
}

thread_local! {
    /// The patterns used last, newest at the end.
    static CACHE: RefCell<Vec<(Str, Rc<Program>)>> = const { RefCell::new(Vec::new()) };
}

fn cached(pattern: &Str, case_matters: bool) -> Option<Rc<Program>> {
    if pattern.len_bytes() > CACHED_BYTES_MAX {
        return compile(pattern.as_str(), case_matters).map(Rc::new);
    }
    CACHE.with_borrow_mut(|cache| {
        let known = cache.iter().rposition(|(source, program)| {
            program.case_matters == case_matters && source.eq_exact(pattern)
        });
        let entry = match known {
            Some(at) => cache.remove(at),
            None => {
                let program = compile(pattern.as_str(), case_matters)?;
                if cache.len() == CACHE_MAX {
                    cache.remove(0);
                }
                (pattern.clone(), Rc::new(program))
            }
        };
        let program = entry.1.clone();
        cache.push(entry);
        Some(program)
    })
}

fn result(places: &Places, text: &Str) -> Value {
    let (start, end) = places[0].unwrap_or_default();
    // Most groups match nothing; they share one pair.
    let nothing = pair(0, -1);
    let groups = places[1..].iter().map(|place| match place {
        Some((from, to)) => pair(*from as i64 + 1, *to as i64),
        None => nothing.clone(),
    });
    vec![
        Value::Int(start as i64 + 1),
        Value::Int(end as i64),
        groups.collect::<Vec<Value>>().into(),
        text.clone().into(),
    ]
    .into()
}

fn pair(from: i64, to: i64) -> Value {
    vec![Value::Int(from), Value::Int(to)].into()
}

/// `substitute(template, match)`: `%0` is the match, `%1` to `%9` are its groups, `%%` is `%`.
fn substitute(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let template = args.str(0)?;
    let (places, subject) = subject_of(args.list(1)?).ok_or(ErrorCode::InvArg)?;
    call.charge(template.len_bytes())?;
    let mut text = Text::new(call);
    let mut rest = template.as_str();
    while let Some(at) = rest.find('%') {
        text.push(&rest[..at])?;
        let mut after = rest[at + 1..].chars();
        match after.next() {
            Some('%') => text.push("%")?,
            Some(digit @ '0'..='9') => {
                let (from, to) = places[digit as usize - '0' as usize];
                call.charge(to - from)?;
                text.push(subject.slice(from + 1, to).as_str())?;
            }
            _ => return Err(ErrorCode::InvArg.into()),
        }
        rest = after.as_str();
    }
    text.push(rest)?;
    Ok(text.into_value())
}

/// Where the whole match and each group begin and end, from 0, end excluded.
type Spans = [(usize, usize); GROUPS_MAX + 1];

/// The places and the text of what `match()` gave; none if it did not.
fn subject_of(matched: &List) -> Option<(Spans, &Str)> {
    let [start, end, groups, Value::Str(subject)] = matched.as_slice() else {
        return None;
    };
    let groups = groups.as_list().filter(|list| list.len() == GROUPS_MAX)?;
    let mut places = [(0, 0); GROUPS_MAX + 1];
    places[0] = place(start, end, subject)?;
    for (i, pair) in groups.iter().enumerate() {
        let [start, end] = pair.as_list()?.as_slice() else {
            return None;
        };
        places[i + 1] = place(start, end, subject)?;
    }
    Some((places, subject))
}

/// `0, -1` means nothing; else a range within the subject, which may be empty.
fn place(start: &Value, end: &Value, subject: &Str) -> Option<(usize, usize)> {
    let (start, end) = (start.as_int()?, end.as_int()?);
    if (start, end) == (0, -1) {
        return Some((0, 0));
    }
    let from = usize::try_from(start).ok()?.checked_sub(1)?;
    let to = usize::try_from(end).ok()?;
    (from <= to && to <= subject.len_chars()).then_some((from, to))
}
