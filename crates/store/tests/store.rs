//! The store through its public interface, on a real file system.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use moor_store::{
    AppendError, Batch, CommitLog, CreateError, DirectoryError, OpenError, Options, Presence, Seq,
    StateError, Store, Table, WaitError,
};

const OPTIONS: Options = Options::new(&["objects", "verbs"]);
const WAIT: Duration = Duration::from_secs(20);

fn rows(store: &Store, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    store
        .scan(table, |key, value| {
            rows.push((key.to_vec(), value.to_vec()))
        })
        .expect("scan");
    rows
}

fn put(key: &str, value: &str) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table(0), key.as_bytes(), value.as_bytes());
    batch
}

fn create(path: &Path) -> Store {
    Store::create(path, OPTIONS)
        .expect("create")
        .finish()
        .expect("finish")
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("metadata").permissions().mode() & 0o777
}

#[test]
fn a_new_store_takes_rows_in_any_order_and_the_last_of_a_key_stays() {
    let folder = tempfile::tempdir().expect("tempdir");
    let new = Store::create(&folder.path().join("world"), OPTIONS).expect("create");
    // Several times what is sorted at once: later rows lie before, between and upon earlier ones.
    let keys = (0..3_000_u32).map(|at| at * 7_919 % 2_500);
    let value = |at: usize| vec![at as u8; 4_096];
    new.bulk(|writer| {
        for (at, key) in keys.clone().enumerate() {
            writer.put(Table(0), &key.to_be_bytes(), &value(at))?;
            writer.put(Table(1), &key.to_le_bytes(), b"other")?;
        }
        Ok::<_, StateError>(())
    })
    .expect("the disk works");
    let store = new.finish().expect("finish");
    let expected: BTreeMap<Vec<u8>, Vec<u8>> = keys
        .clone()
        .enumerate()
        .map(|(at, key)| (key.to_be_bytes().to_vec(), value(at)))
        .collect();
    assert_eq!(expected.len(), 2_500);
    let found = rows(&store, Table(0));
    assert!(found == expected.into_iter().collect::<Vec<_>>());
    assert_eq!(rows(&store, Table(1)).len(), 2_500);
    store.close().expect("closed");
}

#[test]
fn batches_are_numbered_durable_and_there_after_a_clean_close() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("world");
    let store = create(&path);
    assert_eq!(store.durable(), Seq::ZERO);
    let (sender, events) = mpsc::channel();
    store.on_durable(Box::new(move |event| {
        sender
            .send(event.map_err(str::to_owned))
            .expect("receiver lives")
    }));
    assert_eq!(store.append(put("b", "1")), Ok(Seq(1)));
    assert_eq!(store.append(put("a", "2")), Ok(Seq(2)));
    let mut delete = Batch::new();
    delete.delete(Table(0), b"b");
    delete.put(Table(1), b"v", b"code");
    assert_eq!(store.append(delete), Ok(Seq(3)));
    store.wait_durable(Seq(3), WAIT).expect("durable");
    while events.recv_timeout(WAIT).expect("an event") != Ok(Seq(3)) {}
    store.wait_applied(Seq(3), WAIT).expect("applied");
    assert_eq!(store.get(Table(0), b"b").expect("get"), None);
    assert_eq!(
        store.get(Table(1), b"v").expect("get"),
        Some(b"code".to_vec())
    );
    let counters = store.counters();
    assert_eq!(
        (counters.batches, counters.applied, counters.pending_bytes),
        (3, 3, 0)
    );
    assert!(
        (1..=3).contains(&counters.groups)
            && counters.log_bytes > 0
            && counters.group_batches_max >= 1
    );
    assert_eq!(
        (
            mode(&path),
            mode(&path.join("FORMAT")),
            mode(&path.join("lock"))
        ),
        (0o700, 0o600, 0o600)
    );
    store.close().expect("close");
    assert_eq!(
        std::fs::read_dir(path.join("log"))
            .expect("log folder")
            .count(),
        0,
        "a clean close empties the log"
    );

    for round in 0..3 {
        let store = Store::open(&path, OPTIONS).expect("open");
        assert_eq!(store.durable(), Seq(3 + round));
        assert_eq!(rows(&store, Table(0))[0], (b"a".to_vec(), b"2".to_vec()));
        assert_eq!(store.append(put("c", "3")), Ok(Seq(4 + round)));
    }
    let store = Store::open(&path, OPTIONS).expect("open after drop");
    assert_eq!(rows(&store, Table(0)).len(), 2);
}

#[test]
fn waiting_for_a_batch_that_nobody_appends_times_out_or_ends_with_the_store() {
    let folder = tempfile::tempdir().expect("tempdir");
    let store = create(folder.path());
    let short = Duration::from_millis(10);
    assert_eq!(
        store.wait_durable(Seq(1), short),
        Err(WaitError::Timeout {
            seq: Seq(1),
            waited: short
        })
    );
    let log = store.log();
    let waiter = std::thread::spawn({
        let log = store.log();
        move || log.wait_durable(Seq(1), WAIT)
    });
    store.close().expect("close");
    assert_eq!(
        waiter.join().expect("waiter"),
        Err(WaitError::Closed { seq: Seq(1) })
    );
    assert_eq!(log.append(put("late", "1")), Err(AppendError::Closed));
}

#[test]
fn a_creation_that_is_dropped_or_cut_off_leaves_the_path_vacant() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("world");
    let new = Store::create(&path, OPTIONS).expect("create");
    let failed: Result<(), StateError> = new.bulk(|writer| {
        writer.put(Table(0), b"k", b"v")?;
        writer.put(Table(9), b"k", b"v")
    });
    assert!(
        matches!(failed, Err(StateError::UndeclaredTable { table: 9 })),
        "{failed:?}"
    );
    assert!(matches!(
        Store::open(&path, OPTIONS),
        Err(OpenError::Directory(DirectoryError::Missing { .. }))
    ));
    drop(new);
    assert!(!path.exists());

    // An existing empty folder stays, empty; so does one with the remains of a process that was killed.
    std::fs::create_dir(&path).expect("mkdir");
    drop(Store::create(&path, OPTIONS).expect("create"));
    assert_eq!(std::fs::read_dir(&path).expect("folder").count(), 0);
    for leftover in ["UNFINISHED", "FORMAT.draft", "lock"] {
        std::fs::write(path.join(leftover), "").expect("write");
    }
    std::fs::create_dir_all(path.join("state/keyspaces")).expect("mkdir");
    assert_eq!(Store::presence(&path).expect("presence"), Presence::Vacant);
    let store = create(&path);
    assert_eq!(rows(&store, Table(0)), []);
    assert_eq!(
        Store::presence(&path).expect("presence"),
        Presence::Database
    );
    drop(store);
    let again = Store::create(&path, OPTIONS).err();
    assert!(
        matches!(
            again,
            Some(CreateError::Directory(DirectoryError::Exists { .. }))
        ),
        "{again:?}"
    );
}

#[test]
fn a_bulk_load_is_fast_and_durable() {
    let folder = tempfile::tempdir().expect("tempdir");
    let new = Store::create(folder.path(), OPTIONS).expect("create");
    let begin = Instant::now();
    let filled: Result<(), StateError> = new.bulk(|writer| {
        // Falling keys: the order of writing does not matter.
        (0..10_000_u32)
            .rev()
            .try_for_each(|i| writer.put(Table((i % 2) as u8), &i.to_be_bytes(), &[7; 240]))
    });
    filled.expect("bulk");
    let store = new.finish().expect("finish");
    // Twenty times the time it takes, so that a busy machine does not fail it.
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "took {:?}",
        begin.elapsed()
    );
    assert_eq!(store.append(put("k", "v")), Ok(Seq(1)));
    store.close().expect("close");
    let store = Store::open(folder.path(), OPTIONS).expect("open");
    let odd = rows(&store, Table(1));
    assert_eq!(odd.len(), 5_000);
    assert!(odd.is_sorted());
}

#[test]
fn an_export_is_a_database_of_one_moment_while_appends_go_on() {
    let folder = tempfile::tempdir().expect("tempdir");
    let store = create(&folder.path().join("world"));
    let copy = folder.path().join("copy");
    // Every batch writes its number to two tables: a torn copy would show two numbers.
    let numbered = |n: u64| {
        let mut batch = Batch::new();
        batch.put(Table(0), b"n", &n.to_be_bytes());
        batch.put(Table(1), b"n", &n.to_be_bytes());
        batch
    };
    let exported = std::thread::scope(|scope| {
        let appender = scope
            .spawn(|| (1..=2_000).for_each(|n| assert_eq!(store.append(numbered(n)), Ok(Seq(n)))));
        store.wait_durable(Seq(100), WAIT).expect("durable");
        let exported = store.export_snapshot(&copy).expect("export");
        appender.join().expect("appender");
        exported
    });
    assert!(exported >= Seq(100));
    let again = store.export_snapshot(&copy).expect_err("the path is taken");
    assert!(
        matches!(again, CreateError::Directory(DirectoryError::Exists { .. })),
        "{again}"
    );
    let copy = Store::open(&copy, OPTIONS).expect("open the copy");
    assert_eq!(copy.durable(), exported);
    for table in [Table(0), Table(1)] {
        assert_eq!(
            rows(&copy, table),
            [(b"n".to_vec(), exported.0.to_be_bytes().to_vec())]
        );
    }
    assert_eq!(copy.append(numbered(exported.0 + 1)), Ok(exported.next()));
}

#[test]
fn what_serving_programs_and_file_systems_put_there_does_not_stand_in_the_way() {
    let folder = tempfile::tempdir().expect("tempdir");
    let identity = folder.path().join("hosts/node-1");
    for name in ["hosts", "files", "lost+found"] {
        std::fs::create_dir(folder.path().join(name)).expect("made");
    }
    std::fs::write(&identity, "a host").expect("written");
    create(folder.path()).close().expect("closed");
    let store = Store::open(folder.path(), OPTIONS).expect("opened");
    store.close().expect("closed");
    assert_eq!(std::fs::read(&identity).expect("still there"), b"a host");
}

#[test]
fn folders_that_are_no_database_of_ours_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path();
    std::fs::write(path.join("holiday.txt"), "photos").expect("write");
    for error in [
        Store::open(path, OPTIONS).err().map(|e| e.to_string()),
        Store::create(path, OPTIONS).err().map(|e| e.to_string()),
    ] {
        let error = error.expect("refused");
        assert!(
            error.contains("holiday.txt") && error.contains("not a data directory"),
            "{error}"
        );
    }
    assert_eq!(
        std::fs::read_dir(path).expect("folder").count(),
        1,
        "nothing was added"
    );

    let world = path.join("world");
    create(&world).close().expect("close");
    std::fs::write(world.join("FORMAT"), "moor data directory\nversion 2\n").expect("write");
    let newer = Store::open(&world, OPTIONS).err();
    assert!(
        matches!(
            newer,
            Some(OpenError::Directory(DirectoryError::NewerVersion {
                found: 2,
                supported: 1,
                ..
            }))
        ),
        "{newer:?}"
    );
    std::fs::write(world.join("FORMAT"), "a poem\n").expect("write");
    let strange = Store::open(&world, OPTIONS).err();
    assert!(
        matches!(
            strange,
            Some(OpenError::Directory(DirectoryError::Malformed { .. }))
        ),
        "{strange:?}"
    );
}

#[test]
fn a_table_that_the_opener_does_not_know_is_refused() {
    let folder = tempfile::tempdir().expect("tempdir");
    create(folder.path()).close().expect("close");
    let older = Store::open(folder.path(), Options::new(&["objects"])).err();
    assert!(
        matches!(
            older,
            Some(OpenError::State(StateError::UnknownTable { .. }))
        ),
        "{older:?}"
    );
    let newer = Store::open(folder.path(), Options::new(&["objects", "verbs", "tasks"]))
        .expect("a table is added");
    assert_eq!(rows(&newer, Table(2)), []);
}

#[test]
fn values_and_keys_at_their_limits() {
    let folder = tempfile::tempdir().expect("tempdir");
    let store = create(folder.path());
    let key = vec![9; moor_store::KEY_BYTES_MAX];
    let mut batch = Batch::new();
    batch.put(Table(0), &key, &vec![5; 3 * 1024 * 1024]);
    batch.put(Table(1), b"empty", b"");
    let seq = store.append(batch).expect("append");
    store.wait_applied(seq, WAIT).expect("applied");
    assert_eq!(
        store
            .get(Table(0), &key)
            .expect("get")
            .map(|value| value.len()),
        Some(3 * 1024 * 1024)
    );
    assert_eq!(
        store.get(Table(1), b"empty").expect("get"),
        Some(Vec::new())
    );
    let mut long = Batch::new();
    long.put(Table(0), &vec![9; moor_store::KEY_BYTES_MAX + 1], b"");
    assert!(matches!(
        store.append(long),
        Err(AppendError::KeyLength { .. })
    ));
    let mut large = Batch::new();
    large.put(Table(0), b"k", b"");
    let framing = large.as_bytes().len();
    let mut largest = Batch::new();
    largest.put(
        Table(0),
        b"k",
        &vec![0; moor_store::BATCH_BYTES_MAX - framing + 1],
    );
    assert!(
        matches!(store.append(largest), Err(AppendError::TooLarge { bytes, max }) if bytes == max + 1)
    );
    assert_eq!(
        store.append(Batch::new()),
        Ok(seq.next()),
        "an empty batch has a number too"
    );
}
