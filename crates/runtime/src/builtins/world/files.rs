//! Open files: `file_open()` to `file_close()`, and everything between.
//!
//! In: handles, text. Out: lines and bytes as programs see them. Only wizards may; what is done to files cannot be undone,
//! so it is done by a stretch that holds the commit turn. Where files are is the folder's knowledge.

use std::io::SeekFrom;

use moor_files::{FileError, Folder, OpenFile, OpenMode, Patience};
use moor_value::{ErrorCode, List, Value};

use super::super::encoding::{binary_from_bytes, bytes_from_binary};
use super::super::env::{Answer, Env, Reply, nothing, value};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use crate::options::integer_option;

/// Bytes that one call reads at most, where the world does not allow fewer.
const READ_BYTES_MAX: usize = 16 << 20;
/// Files that may be open, unless `$server_options.file_io_max_files` says otherwise; as ToastStunt.
const FILES_MAX: i64 = 256;

/// What reading on from the place in a file raises.
const READ_RAISES: &str = "E_PERM unless a wizard calls; E_INVARG if there is no such handle, or the file \
                           is open for writing only; E_FILE if the end is reached or it cannot be read";

pub(super) const SPECS: &[BuiltinSpec] = &[
    of_open_file(
        world!("file_close", 1..=1, [Int], ToastStunt, file_close),
        "INT",
        "Closes a file.",
    ),
    world!(
        "file_count_lines",
        1..=1,
        [Int],
        ToastStunt,
        file_count_lines
    )
    .doc(
        "handle",
        "INT",
        "How many lines an open file has; the place in it stays.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if there is no such handle; E_FILE if it \
             cannot be read; E_QUOTA if it takes too long",
    )
    .permission("wizards"),
    of_open_file(
        world!("file_eof", 1..=1, [Int], ToastStunt, file_eof).truth(),
        "INT",
        "1 if the last read met the end of the file, else 0.",
    ),
    of_open_file(
        world!("file_flush", 1..=1, [Int], ToastStunt, file_flush),
        "INT",
        "Makes no difference here: every write is with the operating system at once.",
    ),
    world!("file_grep", 2..=3, [Int, Str, Int], ToastStunt, file_grep)
        .doc(
            "handle text all",
            "LIST",
            "`{line, number}` of the first line that contains a text, or with `all` of each \
             such line.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if there is no such handle; E_FILE if it \
             cannot be read; E_QUOTA if it takes too long, or the lines would be too large",
        )
        .permission("wizards"),
    world!("file_handles", 0..=0, [], ToastStunt, file_handles)
        .doc("", "LIST of INT", "Every open file's handle.")
        .raises("E_PERM unless a wizard calls; E_FILE if this server has no folder for files")
        .permission("wizards"),
    of_open_file(
        world!("file_name", 1..=1, [Int], ToastStunt, file_name),
        "STR",
        "The path with which the file was opened.",
    ),
    world!("file_open", 2..=2, [Str, Str], ToastStunt, file_open)
        .doc(
            "path mode",
            "INT",
            "Opens a file in the folder for files and returns its handle. The mode is four \
             letters: `r`, `w` or `a`; `+` for the other direction too, or `-`; `t` for text \
             or `b` for binary strings; `f` or `n`, which make no difference.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if the path leads out of the folder for \
             files, or the mode is wrong; E_FILE if it cannot be opened; E_QUOTA if too many \
             files are open",
        )
        .permission("wizards"),
    of_open_file(
        world!("file_openmode", 1..=1, [Int], ToastStunt, file_openmode),
        "STR",
        "The mode with which the file was opened.",
    ),
    world!("file_read", 2..=2, [Int, Int], ToastStunt, file_read)
        .doc(
            "handle bytes",
            "STR",
            "Up to that many bytes from the place in the file on.",
        )
        .raises(READ_RAISES)
        .permission("wizards"),
    world!("file_readline", 1..=1, [Int], ToastStunt, file_readline)
        .doc(
            "handle",
            "STR",
            "The line at the place in the file, without its end.",
        )
        .raises(READ_RAISES)
        .permission("wizards"),
    world!(
        "file_readlines",
        3..=3,
        [Int, Int, Int],
        ToastStunt,
        file_readlines
    )
    .doc(
        "handle first last",
        "LIST of STR",
        "The lines with these numbers, counted from 1; the place in the file is then at \
             the first of them.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if there is no such handle, or the \
             numbers are wrong; E_FILE if it cannot be read; E_QUOTA if the lines would be \
             too large",
    )
    .permission("wizards"),
    world!("file_seek", 3..=3, [Int, Int, Str], ToastStunt, file_seek)
        .doc(
            "handle offset whence",
            "INT",
            "Sets the place in the file, counted from its beginning (`SEEK_SET`), from the \
             place (`SEEK_CUR`) or from the end (`SEEK_END`).",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if there is no such handle, or `whence` \
             is another word; E_FILE if the place would be before the beginning",
        )
        .permission("wizards"),
    of_open_file(
        world!("file_tell", 1..=1, [Int], ToastStunt, file_tell),
        "INT",
        "The place in the file, in bytes from its beginning.",
    ),
    world!("file_write", 2..=2, [Int, Str], ToastStunt, file_write)
        .doc(
            "handle text",
            "INT",
            "Writes a text, or the bytes of a binary string, and returns how many bytes there \
             were.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if there is no such handle, the file is \
             open for reading only, or the binary string is none; E_FILE if nothing could be \
             written",
        )
        .permission("wizards"),
    world!(
        "file_writeline",
        2..=2,
        [Int, Str],
        ToastStunt,
        file_writeline
    )
    .doc("handle text", "INT", "Writes a text and the end of a line.")
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if there is no such handle, the file is \
             open for reading only, or the binary string is none; E_FILE if it could not be \
             written",
    )
    .permission("wizards"),
];

/// The row of a builtin that asks nothing of the disk: its one argument is the handle of an open file.
const fn of_open_file(row: BuiltinSpec, returns: &'static str, text: &'static str) -> BuiltinSpec {
    row.doc("handle", returns, text)
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if there is no such handle; E_FILE if \
             this server has no folder for files",
        )
        .permission("wizards")
}

/// Does something in the folder, as a wizard and while the stretch holds the commit turn.
pub(super) fn in_folder(
    env: &mut Env<'_, '_, '_>,
    act: impl FnOnce(&mut Env<'_, '_, '_>, &Folder) -> Reply,
) -> Reply {
    env.wizard_only()?;
    let runtime = env.stretch.runtime;
    let Some(folder) = &runtime.limits.files else {
        let message = "this server has no folder for files";
        return Err(Raise::with(ErrorCode::File, message, Value::ZERO));
    };
    env.once(|env| act(env, folder))
}

/// What an error of a file is in the language. `about` is the file or handle.
pub(super) fn raise(error: FileError, about: &Value) -> Raise {
    let (code, message) = match &error {
        FileError::BadPath => (ErrorCode::InvArg, "Invalid pathname"),
        FileError::BadMode => (ErrorCode::InvArg, "Invalid mode string"),
        FileError::UnknownHandle => (ErrorCode::InvArg, "Invalid FHANDLE"),
        FileError::NotReadable => (ErrorCode::InvArg, "File is open write-only"),
        FileError::NotWritable => (ErrorCode::InvArg, "File is open read-only"),
        FileError::TooManyFiles => (ErrorCode::Quota, "Too many files open"),
        FileError::EndOfFile => (ErrorCode::File, "End of file"),
        FileError::TooLarge { .. } | FileError::NoTime => {
            let message = error.to_string();
            return Raise::with(ErrorCode::Quota, message, about.clone());
        }
        _ => return Raise::with(ErrorCode::File, error.to_string(), about.clone()),
    };
    Raise::with(code, message, about.clone())
}

/// Does something with the open file whose handle is the first argument.
fn with_file(
    env: &mut Env<'_, '_, '_>,
    args: &[Value],
    act: impl FnOnce(&mut OpenFile, &mut Patience<'_>) -> Result<Value, FileError>,
) -> Reply {
    in_folder(env, |env, folder| {
        let limits = &env.stretch.options.value_limits;
        let bytes_max = limits.string_bytes_max.min(READ_BYTES_MAX);
        let stretch = &env.stretch;
        let mut patience = Patience {
            bytes_max,
            has_time: &mut || !stretch.is_late(),
        };
        let handle = args[0].as_int().unwrap_or(-1);
        let done = folder.with(handle, |file| act(file, &mut patience));
        done.map(Answer::Value)
            .map_err(|error| raise(error, &args[0]))
    })
}

/// `file_open(path, mode)`: a handle; the mode is four letters, such as `r-tn`.
fn file_open(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    in_folder(env, |env, folder| {
        let files_max = integer_option(&mut env.stretch.txn, "file_io_max_files", FILES_MAX);
        let files_max = usize::try_from(files_max).unwrap_or(0);
        let opened = folder.open_file(text(&args[0]), text(&args[1]), files_max);
        value(opened.map_err(|error| match error {
            FileError::BadMode => raise(error, &args[1]),
            _ => raise(error, &args[0]),
        })?)
    })
}

fn file_close(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    in_folder(env, |_, folder| {
        let handle = args[0].as_int().unwrap_or(-1);
        folder
            .close(handle)
            .map_err(|error| raise(error, &args[0]))?;
        nothing()
    })
}

/// The path as it was given to `file_open()`.
fn file_name(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    with_file(env, args, |file, _| Ok(Value::from(file.name())))
}

fn file_openmode(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    with_file(env, args, |file, _| {
        Ok(Value::from(file.mode().shown().as_str()))
    })
}

/// Every handle.
fn file_handles(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    in_folder(env, |_, folder| {
        let handles: List = folder.handles().into_iter().map(Value::Int).collect();
        Ok(Answer::Value(Value::List(handles)))
    })
}

fn file_readline(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    with_file(env, args, |file, patience| {
        let line = file.read_line(patience)?;
        Ok(shown(&line, file.mode()))
    })
}

/// `file_readlines(handle, first, last)`: these lines, and the place is at the first of them.
fn file_readlines(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (first, last) = (number(&args[1]), number(&args[2]));
    if first < 1 || first > last {
        return Err(ErrorCode::InvArg.into());
    }
    with_file(env, args, |file, patience| {
        let lines = file.read_lines(first.unsigned_abs(), last.unsigned_abs(), patience)?;
        let lines: List = lines.iter().map(|line| shown(line, file.mode())).collect();
        Ok(Value::List(lines))
    })
}

/// `file_grep(handle, text [, all])`: `{line, number}` of the first line with the text in it, or of all.
fn file_grep(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let all = args.get(2).is_some_and(Value::is_true);
    let wanted = text(&args[1]);
    with_file(env, args, |file, patience| {
        let found = file.find(wanted.as_bytes(), all, patience)?;
        let mode = file.mode();
        let pairs = found.iter().map(|found| {
            let number = i64::try_from(found.number).unwrap_or(i64::MAX);
            Value::from(vec![shown(&found.line, mode), Value::Int(number)])
        });
        Ok(Value::List(pairs.collect()))
    })
}

fn file_count_lines(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    with_file(env, args, |file, patience| {
        let count = file.count_lines(patience)?;
        Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
    })
}

/// `file_read(handle, bytes)`: as many as there are.
fn file_read(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let count = usize::try_from(number(&args[1]));
    with_file(env, args, |file, patience| {
        let bytes = file.read(count.unwrap_or(0), patience)?;
        Ok(shown(&bytes, file.mode()))
    })
}

/// `file_write(handle, text)`: how many bytes were written.
fn file_write(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    write(env, args, |file, bytes| {
        // Nothing to write counts as a failure, as in ToastStunt.
        if bytes.is_empty() {
            return Err(FileError::EndOfFile);
        }
        file.write(&bytes)?;
        Ok(Value::Int(i64::try_from(bytes.len()).unwrap_or(i64::MAX)))
    })
}

/// `file_writeline(handle, text)`: the text and the end of a line.
fn file_writeline(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    write(env, args, |file, mut bytes| {
        bytes.push(b'\n');
        file.write(&bytes)?;
        Ok(Value::ZERO)
    })
}

fn write(
    env: &mut Env<'_, '_, '_>,
    args: &[Value],
    act: impl FnOnce(&mut OpenFile, Vec<u8>) -> Result<Value, FileError>,
) -> Reply {
    let wanted = text(&args[1]);
    let mut is_malformed = false;
    let done = with_file(env, args, |file, _| {
        if !file.mode().writes {
            return Err(FileError::NotWritable);
        }
        match raw(wanted, file.mode()) {
            Some(bytes) => act(file, bytes),
            None => {
                is_malformed = true;
                Ok(Value::ZERO)
            }
        }
    });
    if is_malformed {
        let message = "Invalid binary string";
        return Err(Raise::with(ErrorCode::InvArg, message, args[0].clone()));
    }
    done
}

/// Every write is with the operating system already.
fn file_flush(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    with_file(env, args, |_, _| Ok(Value::ZERO))
}

/// `file_seek(handle, bytes, whence)`.
fn file_seek(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (to, whence) = (number(&args[1]), text(&args[2]).to_ascii_uppercase());
    let mut is_known = true;
    let done = with_file(env, args, |file, _| {
        let place = match whence.as_str() {
            "SEEK_SET" => u64::try_from(to).map(SeekFrom::Start),
            "SEEK_CUR" => Ok(SeekFrom::Current(to)),
            "SEEK_END" => Ok(SeekFrom::End(to)),
            _ => {
                is_known = false;
                return Ok(Value::ZERO);
            }
        };
        let before_the_beginning = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
        file.seek(place.map_err(|_| before_the_beginning())?)?;
        Ok(Value::ZERO)
    });
    if !is_known {
        return Err(Raise::with(
            ErrorCode::InvArg,
            "Invalid whence",
            Value::ZERO,
        ));
    }
    done
}

fn file_tell(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    with_file(env, args, |file, _| {
        Ok(Value::Int(i64::try_from(file.tell()?).unwrap_or(i64::MAX)))
    })
}

/// Whether the last read met the end.
fn file_eof(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    with_file(env, args, |file, _| {
        Ok(Value::Int(i64::from(file.is_at_end())))
    })
}

/// What was read, as programs see it: a binary string, or text without control characters and without bytes that are
/// no UTF-8.
fn shown(bytes: &[u8], mode: OpenMode) -> Value {
    if mode.is_binary {
        return Value::from(binary_from_bytes(bytes).as_str());
    }
    let texts = bytes.utf8_chunks().map(|chunk| chunk.valid());
    let text: String = texts
        .flat_map(str::chars)
        .filter(|c| !c.is_control())
        .collect();
    Value::from(text.as_str())
}

/// What is written; `None` where it should be a binary string and is none.
fn raw(text: &str, mode: OpenMode) -> Option<Vec<u8>> {
    match mode.is_binary {
        true => bytes_from_binary(text),
        false => Some(text.as_bytes().to_vec()),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().map_or("", |text| text.as_str())
}

fn number(value: &Value) -> i64 {
    value.as_int().unwrap_or_default()
}
