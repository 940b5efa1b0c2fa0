//! Files that are not as they should be: each mistake with its file, line and column.

use std::fs;
use std::path::Path;

use moor_dump::objdir::{self, ObjdirError};

use crate::support::{Random, data, import};
use crate::{read, try_read, write};

const HEAD: &str = "object #0\nname \"System\"\nowner #0\n";

/// A directory with one object, whose file goes on with `rest`.
fn told(rest: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "world.moo", "objdir 1\n");
    put(folder.path(), "objects/000/0.moo", &format!("{HEAD}{rest}"));
    tell(folder.path())
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
    fs::write(path, text).expect("it is written");
}

fn tell(folder: &Path) -> String {
    match try_read(folder) {
        Ok(spec) => match objdir::image(&spec) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(faults) => faults.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

/// What stands in the file, and what is told of it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "colour \"red\"",
        "4:1: expected `name`, `owner`, `flags`, `parents`, `location`, `last_move`, `contents`, `children`, `property`, `override` or `verb`, found \"colour \\\"red\\\"\"",
    ),
    (
        "owner 12",
        "4:7: expected an object's number, such as #12, found \"12\"",
    ),
    (
        "owner #1 #2",
        "4:10: expected the end of the line, found \"#2\"",
    ),
    (
        "flags wizzard",
        "4:7: expected `player`, `programmer`, `wizard`, `r`, `w`, `f` or `a`, found \"wizzard\"",
    ),
    ("name \"open", "4:11: a text without its closing quote"),
    (
        "name \"a\\qb\"",
        "4:9: expected n, t, r, u{..}, a quote or a backslash after the backslash, found \"qb\\\"\"",
    ),
    (
        "name \"a\\u{d800}\"",
        "4:10: expected the number of a character, such as u{200b}, found \"{d800}\\\"\"",
    ),
    (
        "property p = 1;",
        "4:12: expected owner and permissions, such as (#2, \"rc\"), found \"= 1;\"",
    ),
    (
        "property p (#2, \"rx\") = 1;",
        "4:17: expected letters of permissions, found \"\\\"rx\\\") = 1;\"",
    ),
    (
        "property p (#2, \"r\") = 1",
        "4:25: expected `;`, found the end of the file",
    ),
    (
        "property p (#2, \"r\") = {1, 2;",
        "4:29: expected `,` or `}`, found \";\"",
    ),
    (
        "property p (#2, \"r\") = {\n  1,\n  2 3,\n};",
        "6:5: expected `,` or `}`, found \"3,\"",
    ),
    (
        "property p (#2, \"r\") = [1 -> 2, 1 -> 3];",
        "4:33: a key that the map has already",
    ),
    (
        "property p (#2, \"r\") = [{} -> 2];",
        "4:25: expected a key that holds no other values, found \"{} -> 2];\"",
    ),
    (
        "property p (#2, \"r\") = NOTHING;",
        "4:24: expected a value, found \"NOTHING;\"",
    ),
    (
        "property p (#2, \"r\") = E_MINE(1);",
        "4:31: expected a message in quotes, found \"1);\"",
    ),
    (
        "property p (#2, \"r\") = 'a:b;",
        "4:25: expected the name of a symbol, found \"a:b;\"",
    ),
    (
        "property p (#2, \"r\") = b\"Zh==\";",
        "4:25: expected bytes in base 64, found \"\\\"Zh==\\\";\"",
    ),
    (
        "property p (#2, \"r\") = <#1, .a = 1, .A = 2>;",
        "4:38: a slot that the flyweight has already",
    ),
    (
        "property p (#2, \"r\") = <#1, .slots = 1>;",
        "4:24: a flyweight with a slot of a name that no slot has",
    ),
    (
        "property p (#2, \"r\") = [<#1> -> 1];",
        "4:25: expected a key that holds no other values, found \"<#1> -> 1];\"",
    ),
    (
        "property p (#2, \"r\") = 99999999999999999999;",
        "4:24: expected a number, found \"99999999999999999999;\"",
    ),
    (
        "property p (#2, \"r\") = waif(0, #1, #1);",
        "4:29: expected a number from 1, found \"0, #1, #1);\"",
    ),
    (
        "property p (#2, \"r\") = {waif(1, #1, #1), waif(1, #2, #1)};",
        "4:46: waif 1 has the class #1 and the owner #1 elsewhere",
    ),
    ("override p = 1;", "4:1: no ancestor defines `p`"),
    (
        "override p of #7 = 1;",
        "4:1: #7 is no ancestor, or does not define `p`",
    ),
    (
        "verb \"v\" (this none)",
        "4:20: expected `none`, `any` or `this`, found \")\"",
    ),
    (
        "verb \"v\" (this sideways this) (#1, \"x\")",
        "4:16: expected a preposition, `none` or `any`, found \"sideways this) (#1, \\\"x\\\")\"",
    ),
    (
        "verb \"v\" (this none this) (#1, \"x\")\nreturn 1;",
        "5:10: expected `endverb`, found the end of the file",
    ),
    (
        "verb \"v w\" (this none this) (#1, \"x\")\n  x = 1;\n  return 1 +;\nendverb",
        "6:13: expected an expression, found `;' (verb v w)",
    ),
    (
        "verb \"v\" (this none this) (#1, \"x\")\n  return unknown(1);\nendverb",
        "5:10: Unknown built-in function: unknown (verb v)",
    ),
];

#[test]
fn each_mistake_has_its_place() {
    let mut others = Vec::new();
    for (rest, message) in MISTAKES {
        let told = told(rest);
        // The line of the program and the caret under it may follow.
        if told.lines().next() != Some(&format!("objects/000/0.moo:{message}")) {
            others.push(format!("{rest}: {told}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn all_mistakes_of_all_files_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = "verb \"a\" (this none this) (#1, \"x\")\n  1 +;\n  2 +;\nendverb\n\
               verb \"b\" (this none this) (#1, \"x\")\n  break;\nendverb\n";
    put(folder.path(), "world.moo", "objdir 1\nmax_object #x\n");
    put(folder.path(), "objects/000/0.moo", &format!("{HEAD}{bad}"));
    put(
        folder.path(),
        "objects/000/1.moo",
        "object #2\nname \"\"\nowner #2\n",
    );
    put(folder.path(), "anonymous/1.moo", "anonymous 1\nname 7\n");
    let told = tell(folder.path());
    let places: Vec<&str> = told
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(": ").next().unwrap_or(line))
        .collect();
    let expected = [
        "world.moo:2:12",
        "anonymous/1.moo:2:6",
        "objects/000/1.moo:1:1",
        "objects/000/0.moo:5:6",
        "objects/000/0.moo:9:3",
    ];
    assert_eq!(places, expected, "{told}");
    let shown = "\n    1 +;\n       ^\n";
    assert!(told.contains(shown), "{told}");
}

#[test]
fn hints_name_lines_of_the_file() {
    for (code, place, hint) in [
        (
            "x = 1\n  y = 2;",
            "6:3",
            "is a `;' missing at the end of line 5?",
        ),
        (
            "if (1)\n  y = (2;\n  endif",
            "6:9",
            "`(' of line 6, column 7 has no `)'",
        ),
        (
            "while (1)\n  y = 2;",
            "6:9",
            "`while' of line 5, column 3 has no `endwhile'",
        ),
    ] {
        let told = told(&format!(
            "verb \"v\" (this none this) (#1, \"x\")\n  {code}\nendverb\n"
        ));
        assert!(
            told.starts_with(&format!("objects/000/0.moo:{place}: ")),
            "{told}"
        );
        assert!(told.contains(hint), "{hint}: {told}");
    }
}

#[test]
fn a_folder_without_a_world_is_no_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = try_read(folder.path()).expect_err("there is nothing");
    assert!(matches!(error, ObjdirError::Other { .. }), "{error}");
    let missing = try_read(&folder.path().join("missing"));
    assert!(missing.is_err());
}

#[test]
fn bytes_that_are_no_text_are_a_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "world.moo", "objdir 1\n");
    fs::create_dir_all(folder.path().join("objects/000")).expect("a folder");
    fs::write(
        folder.path().join("objects/000/0.moo"),
        b"object #0\nname \"\xff\"\n",
    )
    .expect("it is written");
    assert_eq!(
        tell(folder.path()),
        "objects/000/0.moo:2:1: the line is not UTF-8"
    );
}

#[test]
fn other_layouts_mean_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "world.moo", "objdir 1\r\n");
    let text =
        "object #0\r\n\r\nowner   #0\nname \"\\u{53}ystem\"\n\nproperty \"p\" ( #0 , \"\" )=\n";
    assert!(
        told(text).contains("expected"),
        "an owner stands right behind the parenthesis"
    );
    let text = "object #0\r\nowner   #0\t\nname \"\\u{53}ystem\"\n\n\nproperty \"p\" (#0, \"\")  =  {1,\n\n2 , }  ;\n\
                verb \"v\" (this none this) (#0, \"\")\nIF (1) RETURN 2; ENDIF\n   endverb  \n";
    put(folder.path(), "objects/000/0.moo", text);
    let spec = read(folder.path());
    let object = spec.objects.values().next().expect("an object");
    assert_eq!(object.name.as_str(), "System");
    let value = object.properties[0].value.as_ref().expect("a value");
    assert_eq!(value.to_literal(), "{1, 2}");
    assert_eq!(object.verbs[0].source, "if (1)\n  return 2;\nendif");
}

#[test]
fn damaged_files_are_errors_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&import(data("format-17.db")).world, folder.path());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for name in [
        "world.moo",
        "waifs.moo",
        "objects/000/1.moo",
        "objects/000/4.moo",
        "anonymous/1.moo",
    ] {
        let path = folder.path().join(name);
        let whole = fs::read(&path).expect("the file is there");
        for _ in 0..60 {
            let mut damaged = whole.clone();
            damaged.truncate(random.below(whole.len() + 1));
            for _ in 0..random.below(3) {
                if !damaged.is_empty() {
                    let at = random.below(damaged.len());
                    damaged[at] = random.below(256) as u8;
                }
            }
            fs::write(&path, damaged).expect("it is written");
            let _ = tell(folder.path());
        }
        fs::write(&path, whole).expect("it is written");
    }
    assert_eq!(tell(folder.path()), "nothing is wrong");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let (open, close) = ("{".repeat(depth), "}".repeat(depth));
        told(&format!("property p (#0, \"\") = {open}{close};"))
    };
    let deepest = moor_value::DEPTH_MAX as usize;
    assert_eq!(nested(deepest), "nothing is wrong");
    assert!(nested(deepest + 1).contains("values nest at most 2000 deep"));
    assert!(nested(200_000).contains("values nest at most 2000 deep"));
}
