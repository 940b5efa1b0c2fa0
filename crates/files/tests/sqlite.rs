//! Databases in a folder and in memory: rows, bounds, and SQL that would reach beyond its file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moor_files::Folder;
use moor_files::sqlite::{Cell, Database, Databases, Limits, SqlError};
use tempfile::TempDir;

const MANY: usize = 10;
/// Counts to a million millions: no test waits for its end.
const ENDLESS: &str = "WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c WHERE x < 1000000) \
                       SELECT count(*) FROM c AS a, c AS b";

fn folder() -> (TempDir, Folder) {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::open(&outside.path().join("files")).expect("made");
    (outside, folder)
}

fn contains(pattern: &str, text: &str) -> Option<bool> {
    (pattern != "(").then(|| text.contains(pattern))
}

fn limits() -> Limits {
    Limits {
        bytes_max: 1 << 20,
        has_time: Box::new(|| true),
    }
}

fn in_memory() -> Arc<Database> {
    let (_, database) = Databases::default()
        .open(None, ":memory:", MANY, contains)
        .expect("it opens");
    database
}

fn cells(database: &Database, sql: &str) -> Vec<Vec<Cell>> {
    let rows = database.query(sql, limits()).expect(sql);
    rows.into_iter().map(|row| row.cells).collect()
}

fn refusal(database: &Database, sql: &str) -> String {
    match database.query(sql, limits()) {
        Err(error) => error.to_string(),
        Ok(rows) => panic!("{sql}: {rows:?}"),
    }
}

#[test]
fn values_go_in_and_rows_come_out() {
    let database = in_memory();
    cells(&database, "CREATE TABLE t(a, b); CREATE TABLE u(c)");
    let values = [Cell::Integer(7), Cell::Text("x".to_owned())];
    database
        .execute("INSERT INTO t VALUES (?, ?)", &values, limits())
        .expect("inserted");
    assert_eq!(database.last_insert_row(), 1);
    assert_eq!(cells(&database, "SELECT * FROM t"), [values.to_vec()]);
    let rows = database
        .query("SELECT 1.5 AS first, NULL, x'ff'", limits())
        .expect("rows");
    assert_eq!(
        rows[0].columns[..2],
        ["first".to_owned(), "NULL".to_owned()]
    );
    assert_eq!(
        rows[0].cells,
        [Cell::Real(1.5), Cell::Null, Cell::Blob(vec![0xff])]
    );
    assert_eq!(
        cells(&database, "SELECT 'abc' REGEXP 'b'"),
        [[Cell::Integer(1)]]
    );
    assert!(refusal(&database, "SELECT 'abc' REGEXP '('").contains("regular expression"));
    assert!(refusal(&database, "SELEKT").contains("syntax error"));
}

#[test]
fn a_database_is_one_file_of_the_folder() {
    let (outside, folder) = folder();
    let databases = Databases::default();
    let (handle, database) = databases
        .open(Some(&folder), "/a.db", MANY, contains)
        .expect("it opens");
    cells(&database, "CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    let again = databases.open(Some(&folder), "a.db", MANY, contains);
    assert!(
        matches!(again, Err(SqlError::AlreadyOpen { handle: 1 })),
        "{again:?}"
    );
    drop(database);
    databases.close(handle).expect("open");
    let (_, database) = databases
        .open(Some(&folder), "a.db", MANY, contains)
        .expect("it opens again");
    assert_eq!(cells(&database, "SELECT a FROM t"), [[Cell::Integer(1)]]);

    std::os::unix::fs::symlink("../out.db", outside.path().join("files/link")).expect("linked");
    std::os::unix::fs::symlink("..", outside.path().join("files/up")).expect("linked");
    for path in [
        "..",
        "../out.db",
        "a/../../out.db",
        "link",
        "up/out.db",
        "none/out.db",
        "/",
        "",
    ] {
        assert!(
            databases.open(Some(&folder), path, MANY, contains).is_err(),
            "{path:?}"
        );
    }
    assert!(databases.open(None, "a.db", MANY, contains).is_err());
    assert!(!outside.path().join("out.db").exists());
}

#[test]
fn sql_reaches_no_other_file_and_no_foreign_code() {
    let (outside, folder) = folder();
    let databases = Databases::default();
    let (_, database) = databases
        .open(Some(&folder), "a.db", MANY, contains)
        .expect("it opens");
    let out = outside.path().join("out.db");
    let out = out.display();
    for sql in [
        format!("ATTACH '{out}' AS other"),
        format!("ATTACH 'file:{out}' AS other"),
        format!("ATTACH '{}' || 'x' AS other", outside.path().display()),
        format!("VACUUM INTO '{out}'"),
        format!(
            "PRAGMA temp_store_directory = '{}'",
            outside.path().display()
        ),
        "SELECT load_extension('x')".to_owned(),
        "PRAGMA journal_mode = WAL".to_owned(),
        "PRAGMA mmap_size = 1000000".to_owned(),
        "PRAGMA hard_heap_limit = 1".to_owned(),
        "PRAGMA locking_mode = NORMAL".to_owned(),
    ] {
        let why = refusal(&database, &sql);
        assert!(why.contains("authoriz"), "{sql}: {why}");
    }
    cells(
        &database,
        "CREATE TABLE t(a); VACUUM; PRAGMA journal_mode = TRUNCATE; ANALYZE",
    );
    let names = std::fs::read_dir(outside.path()).expect("listed");
    assert_eq!(names.count(), 1, "nothing was made beside the folder");
}

#[test]
fn a_file_with_a_log_of_writes_ahead_shares_no_memory() {
    let (outside, folder) = folder();
    let path = outside.path().join("files/a.db");
    let other = rusqlite::Connection::open(&path).expect("it opens");
    other
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (5)")
        .expect("written");
    drop(other);
    let databases = Databases::default();
    let (_, database) = databases
        .open(Some(&folder), "a.db", MANY, contains)
        .expect("it opens");
    assert_eq!(
        cells(&database, "INSERT INTO t VALUES (6); SELECT sum(a) FROM t"),
        [[Cell::Integer(11)]]
    );
    assert!(!outside.path().join("files/a.db-shm").exists());
}

#[test]
fn what_takes_too_long_or_is_too_large_ends() {
    let database = in_memory();
    let late = Limits {
        bytes_max: 1 << 20,
        has_time: Box::new(|| false),
    };
    let ended = database
        .query(ENDLESS, late)
        .expect_err("it does not end by itself");
    assert_eq!(ended.to_string(), "interrupted");

    let small = Limits {
        bytes_max: 1_000,
        ..limits()
    };
    let ended = database.query("SELECT zeroblob(1001)", small);
    assert!(
        matches!(ended, Err(SqlError::TooLarge { bytes_max: 1_000 })),
        "{ended:?}"
    );
    let memory = refusal(&database, "SELECT length(hex(zeroblob(400000000)))");
    assert!(
        memory.contains("memory") || memory.contains("too big"),
        "{memory}"
    );
    assert_eq!(cells(&database, "SELECT 1"), [[Cell::Integer(1)]]);
}

#[test]
fn another_thread_interrupts() {
    let database = in_memory();
    let has_begun = Arc::new(AtomicBool::new(false));
    let begun = Arc::clone(&has_begun);
    let limits = Limits {
        bytes_max: 1 << 20,
        has_time: Box::new(move || {
            begun.store(true, Ordering::Release);
            true
        }),
    };
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| database.query(ENDLESS, limits));
        while !has_begun.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(matches!(database.limit(2, -1), Err(SqlError::Busy)));
        database.interrupt();
        let ended = ended.join().expect("no panic").expect_err("interrupted");
        assert_eq!(ended.to_string(), "interrupted");
    });
}

#[test]
fn databases_are_bounded_and_closed_when_they_rest() {
    let databases = Databases::default();
    let open = || databases.open(None, ":memory:", 2, contains);
    let (first, database) = open().expect("room");
    open().expect("room");
    assert!(matches!(open(), Err(SqlError::TooManyDatabases)));
    database.lock();
    assert!(matches!(databases.close(first), Err(SqlError::Busy)));
    database.unlock();
    databases.close(first).expect("it rests");
    assert!(matches!(
        databases.close(first),
        Err(SqlError::UnknownHandle)
    ));
    assert_eq!(databases.handles(), [2]);
}

#[test]
fn limits_are_shown_and_set() {
    let database = in_memory();
    let before = database.limit(2, -1).expect("a limit");
    assert_eq!(database.limit(2, before - 1).expect("a limit"), before);
    assert_eq!(database.limit(2, -1).expect("a limit"), before - 1);
    assert!(matches!(
        database.limit(12, -1),
        Err(SqlError::UnknownLimit)
    ));
    assert!(matches!(
        database.limit(-1, -1),
        Err(SqlError::UnknownLimit)
    ));
}
