//! SQLite databases: opening and closing, statements, limits.
//!
//! In: handles, SQL, values. Out: rows as lists, or what SQLite says as text. Only wizards may. Statements are run outside
//! of the stretch, after its commit, while the task waits; what cannot be undone besides is done by a stretch that holds
//! the commit turn.

use moor_files::sqlite::{Cell, Row, SqlError};
use moor_value::{ErrorCode, List, ObjId, Value};

use super::super::encoding::binary_from_bytes;
use super::super::env::{Answer, Env, Reply, named_map, nothing, value};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use crate::effects::{Effect, ServerRequest};
use crate::options::integer_option;
use crate::request::Request;
use crate::sql::{Asked, Statement};

/// Text that looks like a number becomes one.
const PARSE_TYPES: i64 = 2;
/// Text that looks like an object becomes one.
const PARSE_OBJECTS: i64 = 4;
/// Ends of lines in text become tabs.
const SANITIZE_STRINGS: i64 = 8;
/// Databases that may be open, unless `$server_options.sqlite_max_handles` says otherwise; as ToastStunt.
const DATABASES_MAX: i64 = 20;

/// The names of limits, by their numbers.
const LIMITS: [&str; 12] = [
    "LIMIT_LENGTH",
    "LIMIT_SQL_LENGTH",
    "LIMIT_COLUMN",
    "LIMIT_EXPR_DEPTH",
    "LIMIT_COMPOUND_SELECT",
    "LIMIT_VDBE_OP",
    "LIMIT_FUNCTION_ARG",
    "LIMIT_ATTACHED",
    "LIMIT_LIKE_PATTERN_LENGTH",
    "LIMIT_VARIABLE_NUMBER",
    "LIMIT_TRIGGER_DEPTH",
    "LIMIT_WORKER_THREADS",
];

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("sqlite_close", 1..=1, [Int], ToastStunt, sqlite_close)
        .doc("handle", "INT", "Closes a database.")
        .raises(
            "E_PERM unless a wizard calls, and while a statement runs; E_INVARG if there is \
             no such handle",
        )
        .permission("wizards"),
    world!(
        "sqlite_execute",
        3..=3,
        [Int, Str, List],
        ToastStunt,
        sqlite_execute
    )
    .doc(
        "handle sql values",
        "LIST|STR",
        "Runs one statement with values for its `?`, and returns its rows, or what SQLite \
             says against it. The task waits, and what it did before is let go. An unknown \
             handle gives the value `E_INVARG`.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_QUOTA if the rows would be too large; E_INTRPT \
             if the server was restarted meanwhile",
    )
    .permission("wizards"),
    world!("sqlite_handles", 0..=0, [], ToastStunt, sqlite_handles)
        .doc("", "LIST of INT", "Every open database's handle.")
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("sqlite_info", 1..=1, [Int], ToastStunt, sqlite_info)
        .doc(
            "handle",
            "MAP",
            "About an open database: `path`, `parse_types`, `parse_objects`, \
             `sanitize_strings`, and `locks`, how many statements run or wait.",
        )
        .raises("E_PERM unless a wizard calls; E_INVARG if there is no such handle")
        .permission("wizards"),
    world!(
        "sqlite_interrupt",
        1..=1,
        [Int],
        ToastStunt,
        sqlite_interrupt
    )
    .doc("handle", "INT", "Interrupts the statement that runs.")
    .raises("E_PERM unless a wizard calls; E_INVARG if there is no such handle")
    .permission("wizards"),
    world!(
        "sqlite_last_insert_row_id",
        1..=1,
        [Int],
        ToastStunt,
        sqlite_last_insert_row_id
    )
    .doc(
        "handle",
        "INT",
        "The number of the row that was inserted last.",
    )
    .raises("E_PERM unless a wizard calls; E_INVARG if there is no such handle")
    .permission("wizards"),
    world!(
        "sqlite_limit",
        3..=3,
        [Int, Any, Int],
        ToastStunt,
        sqlite_limit
    )
    .doc(
        "handle category:STR|INT value",
        "INT",
        "Sets one of SQLite's limits unless the value is negative, and returns what it \
             was.",
    )
    .raises("E_PERM unless a wizard calls; E_INVARG if there is no such handle or limit")
    .permission("wizards"),
    world!("sqlite_open", 1..=2, [Str, Int], ToastStunt, sqlite_open)
        .doc(
            "path options",
            "INT",
            "Opens a database in the folder for files, or `:memory:`, and returns its handle. \
             Options, added up: 2 numbers come as numbers, 4 text like `#12` comes as an \
             object, 8 control characters are dropped from strings; 6 unless given.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if the path leads out of the folder, or \
             the database is open already; E_QUOTA if too many are open; E_NONE if SQLite \
             does not open it (the message says why)",
        )
        .permission("wizards"),
    world!(
        "sqlite_query",
        2..=3,
        [Int, Str, Any],
        ToastStunt,
        sqlite_query
    )
    .doc(
        "handle sql with_headers",
        "LIST|STR",
        "Runs SQL and returns its rows, or what SQLite says against it; with \
             `with_headers` each value as `{column, value}`. The task waits, and what it did \
             before is let go. An unknown handle gives the value `E_INVARG`.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_QUOTA if the rows would be too large; E_INTRPT \
             if the server was restarted meanwhile",
    )
    .permission("wizards"),
];

/// `sqlite_open(path [, options])`: a handle; the path may be `:memory:`.
fn sqlite_open(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.once(|env| {
        let databases_max =
            integer_option(&mut env.stretch.txn, "sqlite_max_handles", DATABASES_MAX);
        let databases_max = usize::try_from(databases_max).unwrap_or(0);
        let usual = PARSE_TYPES | PARSE_OBJECTS;
        let options = args.get(1).and_then(Value::as_int).unwrap_or(usual);
        let runtime = env.stretch.runtime;
        value(
            runtime
                .open_database(text(&args[0]), options, databases_max)
                .map_err(raise)?,
        )
    })
}

fn sqlite_close(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.once(|env| {
        env.stretch
            .runtime
            .sql
            .close(number(&args[0]))
            .map_err(raise)?;
        nothing()
    })
}

fn sqlite_handles(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let handles = env.stretch.runtime.sql.handles();
    let handles: List = handles.into_iter().map(Value::Int).collect();
    Ok(Answer::Value(Value::List(handles)))
}

/// A map of the path, the options, and how many statements run or wait.
fn sqlite_info(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let info = env.stretch.runtime.sql.info(number(&args[0]));
    let info = info.ok_or(ErrorCode::InvArg)?;
    let has = |bit| Value::Int(i64::from(info.options & bit != 0));
    Ok(Answer::Value(named_map([
        ("path", Value::from(info.name.as_str())),
        ("parse_types", has(PARSE_TYPES)),
        ("parse_objects", has(PARSE_OBJECTS)),
        ("sanitize_strings", has(SANITIZE_STRINGS)),
        (
            "locks",
            Value::Int(i64::try_from(info.locks).unwrap_or(i64::MAX)),
        ),
    ])))
}

/// `sqlite_query(handle, sql [, headers])`: the rows, or what SQLite says against it. With `headers` each value comes as
/// `{column, value}`.
fn sqlite_query(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let headers = args.get(2).is_some_and(Value::is_true);
    ask(env, args, Statement::Query, headers)
}

/// `sqlite_execute(handle, sql, values)`: as `sqlite_query()`, of one statement with values for its `?`.
fn sqlite_execute(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let values = args[2].as_list().cloned().unwrap_or_default();
    let cells = values.iter().map(cell).collect();
    ask(env, args, Statement::Execute(cells), false)
}

/// The task waits for rows.
fn ask(env: &mut Env<'_, '_, '_>, args: &[Value], statement: Statement, headers: bool) -> Reply {
    env.wizard_only()?;
    let (runtime, handle) = (env.stretch.runtime, number(&args[0]));
    if runtime.sql.database(handle).is_none() {
        // A value and no error, as in ToastStunt.
        return value(ErrorCode::InvArg);
    }
    Ok(Answer::Suspend(Request::Sql(Box::new(Asked {
        handle,
        request: runtime.workers.allocate(),
        task: env.stretch.task,
        sql: text(&args[1]).to_owned(),
        statement,
        headers,
        shape: rows,
    }))))
}

fn sqlite_last_insert_row_id(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let database = env.stretch.runtime.sql.database(number(&args[0]));
    value(database.ok_or(ErrorCode::InvArg)?.last_insert_row())
}

/// `sqlite_limit(handle, category, value)`: sets a limit, unless the value is negative; answers what it was.
fn sqlite_limit(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let database = env.stretch.runtime.sql.database(number(&args[0]));
    let database = database.ok_or(ErrorCode::InvArg)?;
    let category = match &args[1] {
        Value::Str(name) => LIMITS.iter().position(|known| *known == name.as_str()),
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    };
    let category = category.and_then(|category| i64::try_from(category).ok());
    let category = category.ok_or(ErrorCode::InvArg)?;
    let wanted = number(&args[2]);
    env.once(|_| value(database.limit(category, wanted).map_err(raise)?))
}

/// Interrupts the statement that runs, if any, once this stretch is committed.
fn sqlite_interrupt(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let handle = number(&args[0]);
    if env.stretch.runtime.sql.database(handle).is_none() {
        let message = "Invalid database handle";
        return Err(Raise::with(ErrorCode::InvArg, message, args[0].clone()));
    }
    let wish = ServerRequest::InterruptSql(handle);
    env.stretch.effects.push(Effect::Server(wish));
    nothing()
}

/// What an error of a database is in the language.
fn raise(error: SqlError) -> Raise {
    let (code, message, about) = match &error {
        SqlError::TooManyDatabases => (
            ErrorCode::Quota,
            "Too many database connections open.".to_owned(),
            0,
        ),
        SqlError::AlreadyOpen { handle } => {
            let message = format!("Database already open with handle: {handle}");
            (ErrorCode::InvArg, message, *handle)
        }
        SqlError::UnknownHandle => (ErrorCode::InvArg, "Invalid database handle".to_owned(), 0),
        SqlError::Busy => {
            let message = "Handle can't be closed until all worker threads are finished";
            (ErrorCode::Perm, message.to_owned(), 0)
        }
        SqlError::Unopened(_) | SqlError::Sql(_) => (ErrorCode::None, error.to_string(), 0),
        SqlError::TooLarge { .. } => (ErrorCode::Quota, error.to_string(), 0),
        _ => return ErrorCode::InvArg.into(),
    };
    Raise::with(code, message, Value::Int(about))
}

/// A value for a parameter; what SQL has no word for is nothing.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Int(number) => Cell::Integer(*number),
        Value::Float(number) => Cell::Real(*number),
        Value::Bool(on) => Cell::Integer(i64::from(*on)),
        Value::Str(text) => Cell::Text(text.as_str().to_owned()),
        Value::Obj(object) => Cell::Text(object.to_string()),
        _ => Cell::Null,
    }
}

/// Rows as a list of lists.
fn rows(rows: Vec<Row>, options: i64, headers: bool) -> Value {
    let row = |row: Row| -> Value {
        let Row { columns, cells } = row;
        let shown = cells.into_iter().zip(columns.iter()).map(|(cell, column)| {
            let shown = shown(cell, options);
            match headers {
                true => Value::from(vec![Value::from(column.as_str()), shown]),
                false => shown,
            }
        });
        Value::List(shown.collect())
    };
    Value::List(rows.into_iter().map(row).collect())
}

/// A cell as programs see it. Everything is text, which is then looked at: so text that looks like a number becomes one.
fn shown(cell: Cell, options: i64) -> Value {
    let parses = options & PARSE_TYPES != 0;
    let text = match cell {
        Cell::Null if parses => "NULL".to_owned(),
        Cell::Null => String::new(),
        Cell::Integer(number) if parses => return Value::Int(number),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) if parses && number.is_finite() => return Value::Float(number),
        Cell::Real(number) => Value::Float(number).to_literal(),
        Cell::Text(text) => text,
        Cell::Blob(bytes) => binary_from_bytes(&bytes),
    };
    if parses && let Some(parsed) = parsed(&text, options) {
        return parsed;
    }
    if options & SANITIZE_STRINGS != 0 {
        return Value::from(text.replace('\n', "\t").as_str());
    }
    Value::from(text.as_str())
}

/// The number or object that a text looks like.
fn parsed(text: &str, options: i64) -> Option<Value> {
    let object = text
        .strip_prefix('#')
        .filter(|_| options & PARSE_OBJECTS != 0);
    if let Some(object) = object.and_then(|digits| digits.trim().parse().ok()) {
        return Some(Value::Obj(ObjId(object)));
    }
    let trimmed = text.trim();
    if let Ok(number) = trimmed.parse() {
        return Some(Value::Int(number));
    }
    let number: f64 = trimmed.parse().ok()?;
    number.is_finite().then_some(Value::Float(number))
}

fn text(value: &Value) -> &str {
    value.as_str().map_or("", |text| text.as_str())
}

fn number(value: &Value) -> i64 {
    value.as_int().unwrap_or_default()
}
