//! Whether an answer is the expected one.
//!
//! In: the `expect` of a case, and the lines that were printed. Out: nothing, or why not. It sends nothing; `satisfies`,
//! which needs the server, is the runner's.

use regex::RegexBuilder;
use serde_json::{Map, Value};

use crate::literal::Literal;
use crate::session::answer;

/// How much of an answer is repeated in a reason, in characters.
const SHOWN_MAX: usize = 300;
/// Numbers that differ by less, relative to the wanted one (or to 1), are equal.
const FLOAT_TOLERANCE: f64 = 1e-9;

/// Compares what was printed with what was expected.
///
/// # Errors
/// The reason in one line.
pub fn check(expect: &Map<String, Value>, lines: &[String]) -> Result<(), String> {
    if let Some(Value::Object(output)) = expect.get("output") {
        check_output(output, lines)?;
    }
    if expect.keys().all(|key| key == "output") {
        return Ok(());
    }
    let (last, notifications) = answer(lines)
        .split_last()
        .ok_or_else(|| format!("no answer: {lines:?}"))?;
    let (kind, value) = read_answer(last)?;
    if let Some(error) = expect.get("error") {
        return check_error(text_of(error), kind, &value, last);
    }
    if kind != 1 {
        return Err(format!(
            "wanted {}, got {}",
            short(&Value::Object(expect.clone())),
            cut(last)
        ));
    }
    for (key, wanted) in expect {
        let holds = match key.as_str() {
            "value" => is_equal(wanted, &value),
            "type" => is_type(text_of(wanted), &value),
            "match" => is_match(text_of(wanted), &printed(&value, last)),
            "contains" => contains(wanted, &value, last),
            "range" => is_in_range(wanted, &value),
            "notifications" => is_lines(wanted, notifications),
            "output" | "satisfies" => true,
            other => return Err(format!("the case expects {other:?}, which is not known")),
        };
        if !holds {
            return Err(format!(
                "wanted {key} {}, got {} after {notifications:?}",
                short(wanted),
                cut(last)
            ));
        }
    }
    Ok(())
}

/// The kind and the value of an answer: 1 and a returned value, 2 and an uncaught error, 0 and compile errors.
fn read_answer(line: &str) -> Result<(i64, Literal), String> {
    let read = Literal::read(line).map_err(|error| format!("{error} of {}", cut(line)))?;
    if let Literal::List(pair) = read
        && let [Literal::Int(kind), value] = &pair[..]
    {
        return Ok((*kind, value.clone()));
    }
    Err(format!("odd answer {}", cut(line)))
}

fn check_output(output: &Map<String, Value>, lines: &[String]) -> Result<(), String> {
    let text = lines.join("\n");
    for (how, wanted) in output {
        let holds = match how.as_str() {
            "exact" if wanted.is_array() => is_lines(wanted, lines),
            "exact" => text == text_of(wanted),
            "match" => is_match(text_of(wanted), &text),
            "contains" => text.contains(text_of(wanted)),
            other => {
                return Err(format!(
                    "the case expects output {other:?}, which is not known"
                ));
            }
        };
        if !holds {
            return Err(format!("wanted output {how} {wanted}, got {lines:?}"));
        }
    }
    Ok(())
}

fn check_error(wanted: &str, kind: i64, value: &Literal, last: &str) -> Result<(), String> {
    let is_wanted = |value: &Literal| matches!(value, Literal::Err(code) if code == wanted);
    let holds = match (kind, value) {
        (2, Literal::List(parts)) => parts.first().is_some_and(is_wanted),
        (1, value) => is_wanted(value),
        (0, _) => ["E_PARSE", "E_SYNTAX", "E_INVARG"].contains(&wanted),
        _ => false,
    };
    if holds {
        Ok(())
    } else {
        Err(format!("wanted {wanted}, got {}", cut(last)))
    }
}

/// Whether a printed value is what JSON means: a string is also the object, the error or the odd value of that text.
fn is_equal(wanted: &Value, value: &Literal) -> bool {
    match (wanted, value) {
        (Value::Bool(wanted), Literal::Bool(value)) => wanted == value,
        (Value::Bool(wanted), Literal::Int(value)) => i64::from(*wanted) == *value,
        (Value::Number(wanted), Literal::Int(value)) => match wanted.as_i64() {
            Some(wanted) => wanted == *value,
            None => wanted
                .as_f64()
                .is_some_and(|wanted| wanted == *value as f64),
        },
        (Value::Number(wanted), Literal::Float(value)) => wanted.as_f64().is_some_and(|wanted| {
            wanted == *value || (value - wanted).abs() <= FLOAT_TOLERANCE * wanted.abs().max(1.0)
        }),
        (
            Value::String(wanted),
            Literal::Str(text) | Literal::Obj(text) | Literal::Err(text) | Literal::Other(text),
        ) => wanted == text,
        (Value::Array(wanted), Literal::List(values)) => {
            wanted.len() == values.len()
                && wanted
                    .iter()
                    .zip(values)
                    .all(|(wanted, value)| is_equal(wanted, value))
        }
        (Value::Object(wanted), Literal::Map(entries)) => {
            wanted.len() == entries.len()
                && wanted
                    .iter()
                    .all(|entry| entries.iter().any(|found| is_entry(entry, found)))
        }
        _ => false,
    }
}

/// Keys of JSON objects are strings, also where the map has a number.
fn is_entry((key, wanted): (&String, &Value), (found, value): &(Literal, Literal)) -> bool {
    let same_key = match found {
        Literal::Int(number) => number.to_string() == *key,
        Literal::Float(number) => format!("{number:?}") == *key,
        other => is_equal(&Value::String(key.clone()), other),
    };
    same_key && is_equal(wanted, value)
}

fn is_type(wanted: &str, value: &Literal) -> bool {
    value.type_name() == wanted
        || (matches!(value, Literal::Other(_)) && !["int", "float", "list"].contains(&wanted))
}

fn is_match(pattern: &str, text: &str) -> bool {
    let pattern = RegexBuilder::new(pattern)
        .dot_matches_new_line(true)
        .build();
    pattern
        .unwrap_or_else(|error| panic!("the case has a bad pattern: {error}"))
        .is_match(text)
}

fn contains(wanted: &Value, value: &Literal, last: &str) -> bool {
    match value {
        Literal::List(values) => values.iter().any(|value| is_equal(wanted, value)),
        value => printed(value, last).contains(text_of(wanted)),
    }
}

fn is_in_range(wanted: &Value, value: &Literal) -> bool {
    let number = match value {
        Literal::Int(number) => *number as f64,
        Literal::Float(number) => *number,
        _ => return false,
    };
    let bound = |index: usize| wanted.get(index).and_then(Value::as_f64);
    bound(0).is_some_and(|low| low <= number) && bound(1).is_some_and(|high| number <= high)
}

fn is_lines(wanted: &Value, lines: &[String]) -> bool {
    wanted.as_array().is_some_and(|wanted| {
        wanted.len() == lines.len()
            && wanted
                .iter()
                .zip(lines)
                .all(|(wanted, line)| text_of(wanted) == line)
    })
}

/// A string without its quotes; anything else as it was printed in the answer.
fn printed(value: &Literal, last: &str) -> String {
    match value {
        Literal::Str(text) => text.clone(),
        _ => last
            .strip_prefix("{1, ")
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(last)
            .into(),
    }
}

fn text_of(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("the case has {value} where text belongs"))
}

fn short(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(expect: &str, lines: &[&str]) -> bool {
        let expect = serde_json::from_str(expect).expect(expect);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        check(&expect, &lines).is_ok()
    }

    /// Each expectation with an answer that holds and one that does not.
    #[test]
    fn each_kind_of_expectation_can_fail() {
        for (expect, right, wrong) in [
            (r#"{"value": 1}"#, "{1, 1}", "{1, 2}"),
            (r#"{"value": "x"}"#, r#"{1, "x"}"#, r#"{1, "X"}"#),
            (r##"{"value": "#5"}"##, "{1, #5}", "{1, #6}"),
            (r#"{"value": 0.5}"#, "{1, 0.5}", "{1, 0.6}"),
            (
                r#"{"value": [1, {"a": 2, "3": 4}]}"#,
                r#"{1, {1, ["a" -> 2, 3 -> 4]}}"#,
                r#"{1, {1, ["a" -> 2, 3 -> 5]}}"#,
            ),
            (r#"{"value": true}"#, "{1, true}", "{1, false}"),
            (
                r#"{"error": "E_PERM"}"#,
                r#"{2, {E_PERM, "Permission denied", 0, {}}}"#,
                r#"{2, {E_TYPE, "", 0, {}}}"#,
            ),
            (r#"{"error": "E_PERM"}"#, "{1, E_PERM}", "{1, 0}"),
            (
                r#"{"error": "E_PARSE"}"#,
                r#"{0, {"Line 1:  syntax error"}}"#,
                "{1, 0}",
            ),
            (r#"{"type": "list"}"#, "{1, {}}", "{1, 1}"),
            (r#"{"match": "^a.c$"}"#, r#"{1, "abc"}"#, r#"{1, "abd"}"#),
            (r#"{"contains": 2}"#, "{1, {1, 2}}", "{1, {1, 3}}"),
            (r#"{"range": [1, 3]}"#, "{1, 3}", "{1, 4}"),
            (r#"{"output": {"exact": "{1, 2}"}}"#, "{1, 2}", "{1, 3}"),
            (r#"{"output": {"contains": "2"}}"#, "{1, 2}", "{1, 3}"),
        ] {
            assert!(holds(expect, &[right]), "{expect} {right}");
            assert!(!holds(expect, &[wrong]), "{expect} {wrong}");
        }
    }

    #[test]
    fn lines_before_the_answer_are_its_notifications() {
        let lines = [
            "late",
            crate::ANSWER_BEGINS,
            "one",
            "{1, 0}",
            crate::ANSWER_ENDS,
        ];
        assert!(holds(r#"{"notifications": ["one"]}"#, &lines));
        assert!(!holds(r#"{"notifications": []}"#, &lines));
    }
}
