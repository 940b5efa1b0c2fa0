//! Colour tags such as `[red]`, as terminals' escape sequences or taken away.
//! In: text with tags. Out: text. One table says what each tag means.

use moor_value::Value;

use super::arg::Args;
use super::spec::pure;
use super::text::Text;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("parse_ansi", 1..=1, [Str], ToastStunt, parse_ansi)
        .doc(
            "text",
            "STR",
            "The text with tags such as `[red]`, `[b:blue]`, `[bold]` or `[normal]` replaced \
             by the terminal's codes for them; `[random]` is one of six colours. Unknown tags \
             stay.",
        )
        .raises("E_QUOTA if the text would be too long"),
    pure!("remove_ansi", 1..=1, [Str], ToastStunt, remove_ansi).doc(
        "text",
        "STR",
        "The text without the tags that `parse_ansi()` knows.",
    ),
];

/// A tag without its brackets, in lower case, and what it becomes.
const TAGS: &[(&str, &str)] = &[
    ("red", "\x1b[31m"),
    ("green", "\x1b[32m"),
    ("yellow", "\x1b[33m"),
    ("blue", "\x1b[34m"),
    ("purple", "\x1b[35m"),
    ("magenta", "\x1b[35m"),
    ("cyan", "\x1b[36m"),
    ("white", "\x1b[37m"),
    ("black", "\x1b[30m"),
    ("gray", "\x1b[1;30m"),
    ("grey", "\x1b[1;30m"),
    ("b:black", "\x1b[40m"),
    ("b:red", "\x1b[41m"),
    ("b:green", "\x1b[42m"),
    ("b:yellow", "\x1b[43m"),
    ("b:blue", "\x1b[44m"),
    ("b:magenta", "\x1b[45m"),
    ("b:purple", "\x1b[45m"),
    ("b:cyan", "\x1b[46m"),
    ("b:white", "\x1b[47m"),
    ("normal", "\x1b[0m"),
    ("inverse", "\x1b[7m"),
    ("underline", "\x1b[4m"),
    ("bold", "\x1b[1m"),
    ("bright", "\x1b[1m"),
    ("unbold", "\x1b[22m"),
    ("unbright", "\x1b[22m"),
    ("blink", "\x1b[5m"),
    ("unblink", "\x1b[25m"),
    ("beep", "\x07"),
    ("null", ""),
];

/// What `[random]` becomes one of.
const RANDOM: [&str; 6] = [
    "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[34m", "\x1b[35m", "\x1b[36m",
];

fn parse_ansi(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    replace_tags(call, args, |call, tag| match tag {
        "random" => {
            let choice = call.random_below(RANDOM.len() as u64);
            Some(RANDOM[choice as usize])
        }
        tag => meaning(tag),
    })
}

fn remove_ansi(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    replace_tags(call, args, |_, tag| {
        (tag == "random" || meaning(tag).is_some()).then_some("")
    })
}

fn meaning(tag: &str) -> Option<&'static str> {
    let row = TAGS.iter().find(|(name, _)| *name == tag);
    row.map(|(_, code)| *code)
}

/// Puts what `replacement` gives in place of each tag that it knows.
fn replace_tags(
    call: &mut Call<'_>,
    args: &[Value],
    replacement: fn(&mut Call<'_>, &str) -> Option<&'static str>,
) -> Result<Value, Raise> {
    let source = args.str(0)?;
    call.charge(source.len_bytes())?;
    let mut rest = source.as_str();
    let mut text = Text::new(call);
    while let Some(open) = rest.find('[') {
        text.push(&rest[..open])?;
        rest = &rest[open..];
        let known =
            tag_in_front(rest).and_then(|(tag, after)| Some((replacement(call, &tag)?, after)));
        match known {
            Some((code, after)) => {
                text.push(code)?;
                rest = after;
            }
            None => {
                text.push("[")?;
                rest = &rest[1..];
            }
        }
    }
    text.push(rest)?;
    Ok(text.into_value())
}

/// The tag that the text begins with, in lower case, and what follows it.
fn tag_in_front(text: &str) -> Option<(String, &str)> {
    const TAG_BYTES_MAX: usize = 12;
    let end = text.bytes().take(TAG_BYTES_MAX).position(|b| b == b']')?;
    let tag = text[1..end].to_ascii_lowercase();
    Some((tag, &text[end + 1..]))
}
