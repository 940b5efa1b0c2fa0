//! pcre_match, pcre_replace and pcre_cache_stats: Perl's regular expressions.
//! In: texts, patterns, `s/pattern/replacement/flags` commands. Out: maps of groups, texts.

use std::ops::Range;
use std::sync::Arc;

use moor_value::{ErrorCode, List, Map, MapKey, Str, Value};
use parking_lot::Mutex;
use pcre2::bytes::{CaptureLocations, Regex, RegexBuilder};

use super::arg::Args;
use super::pcre_command::{Command, Part};
use super::spec::pure;
use super::text::Text;
use super::{BuiltinSpec, Call, Raise};

/// Compiled patterns that the server keeps.
const CACHE_MAX: usize = 256;

/// Longest pattern that is kept, in bytes.
const CACHED_BYTES_MAX: usize = 4096;

/// Matches that one call may find at most, whatever `$server_options.pcre_match_max_iterations` says.
pub(crate) const MATCHES_MAX: usize = 100_000;

/// What a match is charged besides its length: it may take up to the limits below.
const STEPS_PER_MATCH: usize = 4096;

/// Written in front of every pattern. A pattern can lower these limits, not raise them.
const GUARD: &str = "(*LIMIT_MATCH=1000000)(*LIMIT_DEPTH=10000)(*LIMIT_HEAP=65536)";

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("pcre_cache_stats", 0..=0, [], ToastStunt, pcre_cache_stats)
        .doc(
            "",
            "LIST",
            "`{pattern, uses}` for each compiled pattern that the server keeps.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    pure!(
        "pcre_match",
        2..=4,
        [Str, Str, Int, Int],
        ToastStunt,
        pcre_match
    )
    .doc(
        "text pattern case_matters find_all",
        "LIST of MAP",
        "For each place where the Perl pattern fits a map from the name or number (as a \
             string) of a group to `[\"match\" -> text, \"position\" -> {start, end}]`. Only \
             the first place if `find_all` is false; upper and lower case are the same unless \
             `case_matters` is true.",
    )
    .raises(
        "E_INVARG if the pattern is empty or wrong (the message says where), or too hard \
             for the text; E_MAXREC if it fits at more than 100,000 places, or fewer where `$server_options.pcre_match_max_iterations` says so; E_QUOTA if the \
             answer would be too large or the search takes too long",
    ),
    pure!("pcre_replace", 2..=2, [Str, Str], ToastStunt, pcre_replace)
        .doc(
            "text command",
            "STR",
            "The text after a command as Perl has it, `s/pattern/replacement/flags`; `g` \
             replaces at every place, `i` ignores case. `$1` to `$9` in the replacement are \
             groups.",
        )
        .raises(
            "E_INVARG if the command or its pattern is wrong, or too hard for the text; \
             E_QUOTA if the text would be too long or the search takes too long",
        ),
];

struct Cached {
    pattern: String,
    fold: bool,
    regex: Arc<Regex>,
    hits: i64,
}

/// The patterns used last, newest at the end.
static CACHE: Mutex<Vec<Cached>> = Mutex::new(Vec::new());

fn invalid(message: impl ToString) -> Raise {
    Raise::with(ErrorCode::InvArg, message.to_string(), Value::ZERO)
}

/// E_INVARG with a message that counts from the start of the pattern as it was given.
fn misformed(error: pcre2::Error) -> Raise {
    let message = error.to_string();
    let Some(offset) = error.offset() else {
        return invalid(message);
    };
    let (counted, given) = (offset, offset.saturating_sub(GUARD.len()));
    invalid(message.replacen(
        &format!("at offset {counted}:"),
        &format!("at offset {given}:"),
        1,
    ))
}

/// `{pattern, uses}` of every pattern kept.
fn pcre_cache_stats(call: &mut Call<'_>, _: &mut [Value]) -> Result<Value, Raise> {
    call.wizard_only()?;
    let cache = CACHE.lock();
    let rows = cache
        .iter()
        .map(|entry| vec![entry.pattern.as_str().into(), Value::Int(entry.hits)].into());
    Ok(rows.collect::<List>().into())
}

fn compiled(pattern: &str, fold: bool) -> Result<Arc<Regex>, Raise> {
    let mut cache = CACHE.lock();
    let same = |entry: &Cached| entry.fold == fold && entry.pattern == pattern;
    if let Some(at) = cache.iter().rposition(same) {
        let mut entry = cache.remove(at);
        entry.hits += 1;
        let regex = entry.regex.clone();
        cache.push(entry);
        return Ok(regex);
    }
    let regex = RegexBuilder::new()
        .utf(true)
        .caseless(fold)
        .build(&format!("{GUARD}{pattern}"))
        .map_err(misformed)?;
    let regex = Arc::new(regex);
    if pattern.len() <= CACHED_BYTES_MAX {
        if cache.len() == CACHE_MAX {
            cache.remove(0);
        }
        cache.push(Cached {
            pattern: pattern.to_owned(),
            fold,
            regex: regex.clone(),
            hits: 0,
        });
    }
    Ok(regex)
}

/// Whether a pattern stands in a text, in the same case; `None` if it is no pattern.
pub(crate) fn is_found(pattern: &str, text: &str) -> Option<bool> {
    let regex = compiled(pattern, false).ok()?;
    regex.is_match(text.as_bytes()).ok()
}

/// `pcre_match(subject, pattern [, case-matters [, find-all]])`: a map for each match, from group
/// name or number (as a string) to its text (`match`) and place (`position`).
fn pcre_match(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (subject, pattern) = (args.str(0)?, args.str(1)?);
    if pattern.is_empty() {
        return Err(ErrorCode::InvArg.into());
    }
    let find_all = args.given(3).is_none_or(Value::is_true);
    call.charge(pattern.len_bytes())?;
    let regex = compiled(pattern.as_str(), !args.flag(2))?;
    let mut found = List::new();
    each_match(call, &regex, subject.as_str(), |call, places| {
        found.push(groups(call, &regex, subject, places)?);
        call.allow_list(&found)?;
        Ok(find_all)
    })?;
    call.list(found)
}

/// Calls `visit` for each match, until it says that it has seen enough.
fn each_match(
    call: &mut Call<'_>,
    regex: &Regex,
    subject: &str,
    mut visit: impl FnMut(&mut Call<'_>, &CaptureLocations) -> Result<bool, Raise>,
) -> Result<(), Raise> {
    let mut places = regex.capture_locations();
    let mut at = 0;
    let most = call.limits.pcre_matches_max;
    for _ in 0..most {
        if at >= subject.len() {
            return Ok(());
        }
        let found = regex.captures_read_at(&mut places, subject.as_bytes(), at);
        let Some(found) = found.map_err(invalid)? else {
            return Ok(());
        };
        call.charge(found.end() - at + STEPS_PER_MATCH)?;
        if !visit(call, &places)? {
            return Ok(());
        }
        at = match found.end() {
            // After an empty match the search goes on behind the next character.
            end if end == found.start() => next_char(subject, end),
            end => end,
        };
    }
    let message = format!("Too many iterations of matching loop: {most}");
    Err(Raise::with(ErrorCode::MaxRec, message, Value::ZERO))
}

fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

fn groups(
    call: &mut Call<'_>,
    regex: &Regex,
    subject: &Str,
    places: &CaptureLocations,
) -> Result<Value, Raise> {
    let names = regex.capture_names();
    let last = (0..places.len()).rev().find(|i| places.get(*i).is_some());
    let mut map = Map::new();
    for (number, name) in names.iter().enumerate() {
        let key = match name {
            Some(name) => Value::from(name.as_str()),
            None if Some(number) > last => continue,
            None => Value::from(number.to_string()),
        };
        let group = group(call, subject, places.get(number))?;
        if let Some(key) = MapKey::new(key) {
            map.insert(key, group);
        }
    }
    Ok(map.into())
}

/// A group that took no part in the match has an empty text at `{0, -1}`.
fn group(
    call: &mut Call<'_>,
    subject: &Str,
    place: Option<(usize, usize)>,
) -> Result<Value, Raise> {
    let (text, from, to) = match place {
        None => ("", 0, -1),
        Some((start, end)) => {
            if !subject.is_ascii() {
                call.charge(subject.len_bytes())?;
            }
            let from = subject.char_of_byte(start) as i64;
            let to = subject.char_of_byte(end) as i64 - 1;
            (&subject.as_str()[start..end], from, to)
        }
    };
    let position = Value::from(vec![Value::Int(from), Value::Int(to)]);
    let entries = [("match", Value::from(text)), ("position", position)];
    let entries = entries
        .into_iter()
        .filter_map(|(k, v)| Some((MapKey::new(k.into())?, v)));
    Ok(Value::from(entries.collect::<Map>()))
}

/// `pcre_replace(subject, "s/pattern/replacement/flags")`.
fn pcre_replace(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let subject = args.str(0)?.as_str();
    let source = args.str(1)?.as_str();
    call.charge(source.len())?;
    let command = Command::parse(source).ok_or_else(|| invalid("Compile error"))?;
    let regex = compiled(&command.pattern(), command.fold())?;
    let mut text = Text::new(call);
    let mut copied = 0;
    each_match(call, &regex, subject, |call, places| {
        let (start, end) = places.get(0).unwrap_or((copied, copied));
        text.push(&subject[copied..start])?;
        for part in &command.replacement {
            text.push(part_text(part, subject, places, start..end))?;
        }
        call.charge(command.replacement.len())?;
        copied = end;
        Ok(command.global())
    })?;
    text.push(&subject[copied..])?;
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.into_string().chars().map(clean).collect();
    Ok(text.into())
}

fn part_text<'a>(
    part: &'a Part,
    subject: &'a str,
    places: &CaptureLocations,
    whole: Range<usize>,
) -> &'a str {
    let range = match part {
        Part::Text(text) => return text,
        Part::Before => 0..whole.start,
        Part::After => whole.end..subject.len(),
        Part::LastGroup => (1..places.len())
            .rev()
            .find_map(|i| places.get(i))
            .map_or(0..0, |(start, end)| start..end),
        Part::Group(number) => places.get(*number).map_or(0..0, |(start, end)| start..end),
    };
    &subject[range]
}
