//! Paths: what is there, and making, moving and removing it.
//!
//! In: paths, or handles of open files. Out: facts. Permissions and the commit turn are as for open files.

use moor_files::{Entry, FileError, Kind, Status};
use moor_value::{ErrorCode, List, Value};

use super::super::env::{Answer, Env, Reply, nothing};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use super::files::{in_folder, raise};

/// Who may do what is three digits, each of three bits.
const MODE_DIGITS: usize = 3;

/// What every builtin about a file, by path or handle, raises.
const FACT_RAISES: &str = "E_PERM unless a wizard calls; E_INVARG if the path leads out of the folder for \
                           files, or there is no such handle; E_FILE if there is no such file";
/// What one raises that cannot do what it is to do.
const DEED_RAISES: &str = "E_PERM unless a wizard calls; E_INVARG if the path leads out of the folder for \
                           files; E_FILE if it cannot be done";

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("file_chmod", 2..=2, [Str, Str], ToastStunt, file_chmod)
        .doc(
            "path mode",
            "INT",
            "Sets the permissions of a file: three digits from 0 to 7.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if the path leads out of the folder for \
             files, or the mode is wrong; E_FILE if it cannot be done",
        )
        .permission("wizards"),
    fact(
        world!("file_last_access", 1..=1, [Any], ToastStunt, |env, args| {
            about(env, args, |status| Value::Int(status.accessed))
        }),
        "INT",
        "When a file was read last, in seconds since 1970. The file is a path or a \
         handle.",
    ),
    fact(
        world!("file_last_change", 1..=1, [Any], ToastStunt, |env, args| {
            about(env, args, |status| Value::Int(status.changed))
        }),
        "INT",
        "When a file or what is known of it was changed last, in seconds since 1970. The \
         file is a path or a handle.",
    ),
    fact(
        world!("file_last_modify", 1..=1, [Any], ToastStunt, |env, args| {
            about(env, args, |status| Value::Int(status.modified))
        }),
        "INT",
        "When a file was written last, in seconds since 1970. The file is a path or a \
         handle.",
    ),
    world!("file_list", 1..=2, [Str, Any], ToastStunt, file_list)
        .doc(
            "path detailed",
            "LIST",
            "The names in a folder, in their order; with `detailed` `{name, type, mode, \
             size}` of each.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if the path leads out of the folder for \
             files; E_FILE if there is no such folder; E_QUOTA if there are too many",
        )
        .permission("wizards"),
    deed(
        world!("file_mkdir", 1..=1, [Str], ToastStunt, file_mkdir),
        "path",
        "Makes a folder.",
    ),
    fact(
        world!("file_mode", 1..=1, [Any], ToastStunt, |env, args| {
            about(env, args, mode)
        }),
        "STR",
        "The permissions of a file, by path or handle, as three digits from 0 to 7.",
    ),
    deed(
        world!("file_remove", 1..=1, [Str], ToastStunt, file_remove),
        "path",
        "Removes a file.",
    ),
    deed(
        world!("file_rename", 2..=2, [Str, Str], ToastStunt, file_rename),
        "from to",
        "Gives a file another path.",
    ),
    deed(
        world!("file_rmdir", 1..=1, [Str], ToastStunt, file_rmdir),
        "path",
        "Removes an empty folder.",
    ),
    fact(
        world!("file_size", 1..=1, [Any], ToastStunt, |env, args| {
            about(env, args, size)
        }),
        "INT",
        "How many bytes a file has, by path or handle.",
    ),
    fact(
        world!("file_stat", 1..=1, [Any], ToastStunt, file_stat),
        "LIST",
        "`{size, type, mode, owner, group, read, written, changed}` of a file, by path or \
         handle; owner and group are empty.",
    ),
    fact(
        world!("file_type", 1..=1, [Any], ToastStunt, |env, args| {
            about(env, args, kind)
        }),
        "STR",
        "What a file is, by path or handle: `reg`, `dir`, `fifo`, `block`, `socket` or \
         `unknown`.",
    ),
];

/// The row of a builtin that says something about a file.
const fn fact(row: BuiltinSpec, returns: &'static str, text: &'static str) -> BuiltinSpec {
    row.doc("file:STR|INT", returns, text)
        .raises(FACT_RAISES)
        .permission("wizards")
}

/// The row of a builtin that does something with paths.
const fn deed(row: BuiltinSpec, args: &'static str, text: &'static str) -> BuiltinSpec {
    row.doc(args, "INT", text)
        .raises(DEED_RAISES)
        .permission("wizards")
}

/// A fact about a path, or about an open file.
fn about(env: &mut Env<'_, '_, '_>, args: &[Value], fact: impl FnOnce(&Status) -> Value) -> Reply {
    in_folder(env, |_, folder| {
        let status = match &args[0] {
            Value::Str(path) => folder.status(path.as_str()),
            Value::Int(handle) => folder.status_of(*handle),
            _ => Err(FileError::UnknownHandle),
        };
        let status = status.map_err(|error| raise(error, &args[0]))?;
        Ok(Answer::Value(fact(&status)))
    })
}

/// `{size, type, mode, owner, group, accessed, modified, changed}`; owner and group are not told.
fn file_stat(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    about(env, args, |status| {
        Value::from(vec![
            size(status),
            kind(status),
            mode(status),
            Value::from(""),
            Value::from(""),
            Value::Int(status.accessed),
            Value::Int(status.modified),
            Value::Int(status.changed),
        ])
    })
}

fn size(status: &Status) -> Value {
    Value::Int(i64::try_from(status.size).unwrap_or(i64::MAX))
}

fn mode(status: &Status) -> Value {
    Value::from(format!("{:03o}", status.mode).as_str())
}

fn kind(status: &Status) -> Value {
    Value::from(match status.kind {
        Kind::Regular => "reg",
        Kind::Directory => "dir",
        Kind::Fifo => "fifo",
        Kind::Block => "block",
        Kind::Socket => "socket",
        Kind::Unknown => "unknown",
    })
}

/// `file_list(path [, detailed])`: the names of a folder, or `{name, type, mode, size}` of each.
fn file_list(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let detailed = args.get(1).is_some_and(Value::is_true);
    in_folder(env, |env, folder| {
        let mut has_time = || !env.stretch.is_late();
        let entries = folder.list(text(&args[0]), detailed, &mut has_time);
        let entries = entries.map_err(|error| raise(error, &args[0]))?;
        let shown: List = entries.iter().map(shown).collect();
        Ok(Answer::Value(Value::List(shown)))
    })
}

fn shown(entry: &Entry) -> Value {
    let name = Value::from(entry.name.as_str());
    match &entry.status {
        None => name,
        Some(status) => Value::from(vec![name, kind(status), mode(status), size(status)]),
    }
}

fn file_mkdir(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    change(env, &args[0], |folder, path| folder.create_folder(path))
}

fn file_rmdir(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    change(env, &args[0], |folder, path| folder.remove_folder(path))
}

fn file_remove(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    change(env, &args[0], |folder, path| folder.remove(path))
}

fn file_rename(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    change(env, &args[0], |folder, from| {
        folder.rename(from, text(&args[1]))
    })
}

/// `file_chmod(path, mode)`; the mode is three digits from 0 to 7.
fn file_chmod(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let digits = text(&args[1]);
    let mode = u32::from_str_radix(digits, 8).ok();
    let is_plain = digits.len() == MODE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    let Some(mode) = mode.filter(|_| is_plain) else {
        let message = "Invalid mode string";
        return Err(Raise::with(ErrorCode::InvArg, message, Value::ZERO));
    };
    change(env, &args[0], |folder, path| folder.set_mode(path, mode))
}

fn change(
    env: &mut Env<'_, '_, '_>,
    path: &Value,
    act: impl FnOnce(&moor_files::Folder, &str) -> Result<(), FileError>,
) -> Reply {
    in_folder(env, |_, folder| {
        act(folder, text(path)).map_err(|error| raise(error, path))?;
        nothing()
    })
}

fn text(value: &Value) -> &str {
    value.as_str().map_or("", |text| text.as_str())
}
