//! One open database.
//!
//! In: SQL, values. Out: rows. One statement runs at a time; another thread can interrupt it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::functions::FunctionFlags;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Batch, Connection, InterruptHandle, OpenFlags, Statement, ToSql};

use super::SqlError;
use super::guard::judge;
use super::place::Place;
use crate::FileError;

/// Memory that all databases of the process may use together, in bytes.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// Steps of SQLite's machine between two questions whether there is time left: about a millisecond.
const STEPS_BETWEEN_QUESTIONS: i32 = 20_000;

/// How the file of a database is opened.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_NOFOLLOW)
    .union(OpenFlags::SQLITE_OPEN_FULL_MUTEX);

/// What a cell counts for besides its text.
const CELL_BYTES: usize = size_of::<Cell>();

/// Whether a pattern stands in a text; `None` if it is no pattern.
pub type Regexp = fn(pattern: &str, text: &str) -> Option<bool>;

/// One value of a row, or of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes that are no text.
    Blob(Vec<u8>),
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The names of the columns.
    pub columns: Arc<[String]>,
    /// Their values.
    pub cells: Vec<Cell>,
}

/// How much an answer may hold, and how long it may take.
pub struct Limits {
    /// The most bytes that rows have.
    pub bytes_max: usize,
    /// Whether there is time left; asked now and then.
    pub has_time: Box<dyn FnMut() -> bool + Send>,
}

/// An open database.
pub struct Database {
    name: String,
    path: Option<PathBuf>,
    connection: Mutex<Connection>,
    interrupt: InterruptHandle,
    last_insert_row: AtomicI64,
    /// Statements that run or wait.
    locks: AtomicUsize,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database of a file, or one in memory.
    pub(super) fn open(
        name: &str,
        place: Option<&Place<'_>>,
        regexp: Regexp,
    ) -> Result<Self, SqlError> {
        let unopened = |error: FileError| SqlError::Unopened(error.to_string());
        let is_written_ahead = match place {
            Some(place) => place.prepare().map_err(unopened)?,
            None => false,
        };
        let mut connection = match place {
            Some(place) => Connection::open_with_flags(&place.path, FLAGS)?,
            None => Connection::open_in_memory()?,
        };
        set_up(&connection, is_written_ahead)?;
        add_regexp(&connection, regexp)?;
        connection.authorizer(Some(judge))?;
        Ok(Self {
            name: name.to_owned(),
            path: place.map(|place| place.path.clone()),
            interrupt: connection.get_interrupt_handle(),
            connection: Mutex::new(connection),
            last_insert_row: AtomicI64::new(0),
            locks: AtomicUsize::new(0),
        })
    }

    /// The path as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path.as_deref() == Some(path)
    }

    /// How many statements run or wait.
    #[must_use]
    pub fn locks(&self) -> usize {
        self.locks.load(Ordering::Acquire)
    }

    /// Counts a statement that will run; [`Database::unlock`] when it is over.
    pub fn lock(&self) {
        self.locks.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts one statement less.
    pub fn unlock(&self) {
        self.locks.fetch_sub(1, Ordering::AcqRel);
    }

    /// The row that the last insertion made; 0 before the first.
    #[must_use]
    pub fn last_insert_row(&self) -> i64 {
        self.last_insert_row.load(Ordering::Acquire)
    }

    /// Interrupts what runs, from any thread.
    pub fn interrupt(&self) {
        self.interrupt.interrupt();
    }

    /// Runs statements one after the other; the rows of all.
    ///
    /// # Errors
    /// [`SqlError::Sql`] for what SQLite says, also when there was no time left; [`SqlError::TooLarge`]. What
    /// statements before have done stays.
    pub fn query(&self, sql: &str, limits: Limits) -> Result<Vec<Row>, SqlError> {
        self.run(limits, |connection, bytes_max| {
            let mut rows = Vec::new();
            let mut bytes = 0;
            let mut batch = Batch::new(connection, sql);
            while let Some(mut statement) = batch.next()? {
                collect(&mut statement, &[], &mut rows, &mut bytes, bytes_max)?;
            }
            Ok(rows)
        })
    }

    /// Runs one statement with values for its parameters, as many as are given; its rows.
    ///
    /// # Errors
    /// As of [`Database::query`].
    pub fn execute(
        &self,
        sql: &str,
        values: &[Cell],
        limits: Limits,
    ) -> Result<Vec<Row>, SqlError> {
        self.run(limits, |connection, bytes_max| {
            let mut statement = connection.prepare(sql)?;
            let mut rows = Vec::new();
            collect(&mut statement, values, &mut rows, &mut 0, bytes_max)?;
            Ok(rows)
        })
    }

    /// A limit of SQLite's by its number; sets it unless `value` is negative. Answers what it was.
    ///
    /// # Errors
    /// [`SqlError::UnknownLimit`]; [`SqlError::Busy`] while a statement runs.
    pub fn limit(&self, number: i64, value: i64) -> Result<i64, SqlError> {
        let limit = limit_of(number).ok_or(SqlError::UnknownLimit)?;
        let connection = self.connection.try_lock().ok_or(SqlError::Busy)?;
        let before = connection.limit(limit)?;
        if value >= 0 {
            connection.set_limit(limit, i32::try_from(value).unwrap_or(i32::MAX))?;
        }
        Ok(i64::from(before))
    }

    fn run(
        &self,
        limits: Limits,
        action: impl FnOnce(&Connection, usize) -> Result<Vec<Row>, SqlError>,
    ) -> Result<Vec<Row>, SqlError> {
        let Limits {
            bytes_max,
            mut has_time,
        } = limits;
        let mut connection = self.connection.lock();
        connection.progress_handler(STEPS_BETWEEN_QUESTIONS, Some(move || !has_time()))?;
        let rows = action(&connection, bytes_max);
        self.last_insert_row
            .store(connection.last_insert_rowid(), Ordering::Release);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        rows
    }
}

/// Settings that hold before the first statement of a program.
fn set_up(connection: &Connection, is_written_ahead: bool) -> Result<(), rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // As a program of ToastStunt finds it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    set(connection, "hard_heap_limit", &MEMORY_BYTES_MAX.to_string())?;
    // What does not fit is not written to other folders.
    set(connection, "temp_store", "MEMORY")?;
    if is_written_ahead {
        // Whoever has the file alone needs no memory that is shared by a further file.
        set(connection, "locking_mode", "EXCLUSIVE")?;
    }
    Ok(())
}

fn set(connection: &Connection, pragma: &str, value: &str) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, pragma, value)
}

fn add_regexp(connection: &Connection, regexp: Regexp) -> Result<(), rusqlite::Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("REGEXP", 2, flags, move |context| {
        let text = |index| match context.get_raw(index) {
            ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            _ => None,
        };
        let (Some(pattern), Some(text)) = (text(0), text(1)) else {
            return Ok(Some(false));
        };
        regexp(&pattern, &text).map(Some).ok_or_else(|| {
            let why = format!("not a regular expression: {pattern}");
            rusqlite::Error::UserFunctionError(why.into())
        })
    })
}

/// Adds the rows of a statement.
fn collect(
    statement: &mut Statement<'_>,
    values: &[Cell],
    all: &mut Vec<Row>,
    bytes: &mut usize,
    bytes_max: usize,
) -> Result<(), SqlError> {
    let columns: Arc<[String]> = statement.column_names().map(ToString::to_string).collect();
    for (index, value) in values.iter().enumerate().take(statement.parameter_count()) {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut cells = Vec::with_capacity(columns.len());
        for index in 0..columns.len() {
            let value = row.get_ref(index)?;
            *bytes += CELL_BYTES + size_of_value(value);
            if *bytes > bytes_max {
                return Err(SqlError::TooLarge { bytes_max });
            }
            cells.push(Cell::from(value));
        }
        all.push(Row {
            columns: Arc::clone(&columns),
            cells,
        });
    }
    Ok(())
}

fn size_of_value(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 0,
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::Text(text.to_owned()),
                Err(_) => Self::Blob(bytes.to_vec()),
            },
        }
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Real(number) => ToSqlOutput::Owned(Value::Real(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// The limits that programs know, by their numbers.
fn limit_of(number: i64) -> Option<Limit> {
    Some(match number {
        0 => Limit::SQLITE_LIMIT_LENGTH,
        1 => Limit::SQLITE_LIMIT_SQL_LENGTH,
        2 => Limit::SQLITE_LIMIT_COLUMN,
        3 => Limit::SQLITE_LIMIT_EXPR_DEPTH,
        4 => Limit::SQLITE_LIMIT_COMPOUND_SELECT,
        5 => Limit::SQLITE_LIMIT_VDBE_OP,
        6 => Limit::SQLITE_LIMIT_FUNCTION_ARG,
        7 => Limit::SQLITE_LIMIT_ATTACHED,
        8 => Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
        9 => Limit::SQLITE_LIMIT_VARIABLE_NUMBER,
        10 => Limit::SQLITE_LIMIT_TRIGGER_DEPTH,
        11 => Limit::SQLITE_LIMIT_WORKER_THREADS,
        _ => return None,
    })
}
