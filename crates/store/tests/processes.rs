//! The store against other processes and a real full disk: the lock, `kill -9` at any moment, no space left.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use moor_store::{
    AppendError, Batch, CommitLog, DirectoryError, LogStatus, OpenError, Options, Seq, Store, Table,
};

const OPTIONS: Options = Options {
    // Small, so that segments and the state's own files change all the time.
    segment_bytes_max: 20_000,
    persist_bytes: 50_000,
    // A child that runs ahead of its state makes the replay long.
    pending_bytes_max: 2_000_000,
    ..Options::new(&["rows"])
};
const WAIT: Duration = Duration::from_secs(20);
/// Names the data directory to the child; without it the child's test does nothing.
const CHILD_PATH: &str = "MOOR_STORE_TEST_CHILD";

fn batch(n: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table(0), &(n % 50).to_be_bytes(), &n.to_be_bytes());
    batch.put(Table(0), b"last", &n.to_be_bytes());
    batch.put(Table(0), b"bulk", &[7; 400]);
    batch
}

fn number(store: &Store, key: &[u8]) -> u64 {
    let value = store.get(Table(0), key).expect("get").unwrap_or(vec![0; 8]);
    u64::from_be_bytes(value.try_into().expect("eight bytes"))
}

/// The other process: appends until killed and prints each durable horizon.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD_PATH) else {
        return;
    };
    let store = Store::open(Path::new(&path), OPTIONS).expect("open");
    store.on_durable(Box::new(|event| {
        let mut out = std::io::stdout();
        let seq = event.expect("the disk works");
        writeln!(out, "durable {seq}")
            .and_then(|()| out.flush())
            .expect("the parent reads");
    }));
    loop {
        let next = store.accepted().0 + 1;
        store.append(batch(next)).expect("accepted");
    }
}

fn spawn_child(path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command
        .args(["child", "--exact", "--nocapture"])
        .env(CHILD_PATH, path);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("spawn")
}

fn durable_lines(child: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    lines
        .map_while(Result::ok)
        .filter_map(|line| line.split_once("durable ")?.1.parse().ok())
}

#[test]
fn everything_reported_durable_is_there_after_kill_9() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("world");
    Store::create(&path, OPTIONS)
        .expect("create")
        .finish()
        .expect("finish")
        .close()
        .expect("close");
    let mut before = 0;
    for round in 1..=8_u32 {
        let mut child = spawn_child(&path);
        let mut lines = durable_lines(&mut child);
        lines.next().expect("the child appends");
        std::thread::sleep(Duration::from_millis(u64::from(round * 7)));
        child.kill().expect("kill");
        // What was printed before the kill is still in the pipe.
        let printed = lines.last().unwrap_or(before);
        child.wait().expect("wait");
        let store = Store::open(&path, OPTIONS).expect("open");
        let durable = store.durable().0;
        assert!(
            durable >= printed && durable > before,
            "round {round}: printed {printed}, came back {durable}"
        );
        assert_eq!(
            number(&store, b"last"),
            durable,
            "a whole number of batches"
        );
        for n in durable.saturating_sub(49).max(1)..=durable {
            assert_eq!(number(&store, &(n % 50).to_be_bytes()), n);
        }
        before = durable;
    }
}

#[test]
fn a_directory_in_use_is_refused_with_the_process_that_uses_it() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("world");
    Store::create(&path, OPTIONS)
        .expect("create")
        .finish()
        .expect("finish")
        .close()
        .expect("close");
    let mut child = spawn_child(&path);
    durable_lines(&mut child)
        .next()
        .expect("the child holds the lock");
    let refused = Store::open(&path, OPTIONS).err().expect("in use");
    let OpenError::Directory(DirectoryError::Locked { path: lock, pid }) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (lock.as_path(), *pid),
        (path.join("lock").as_path(), Some(child.id()))
    );
    assert!(
        refused
            .to_string()
            .contains(&format!("in use by process {}", child.id())),
        "{refused}"
    );
    let create = Store::create(&path, OPTIONS).err().expect("exists");
    assert!(
        create.to_string().contains("there is a database here"),
        "{create}"
    );
    child.kill().expect("kill");
    child.wait().expect("wait");
    Store::open(&path, OPTIONS).expect("the lock ends with its process");
}

/// A small file system of its own, if this user may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir(&path).expect("mkdir");
        let option = format!("size={size}");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &option, "tmpfs"])
            .arg(&path);
        let mounted = mount
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then_some(SmallDisk(path))
    }

    fn remount_read_only(&self) {
        let status = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(status.expect("mount").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: an engine's thread may still be closing its files.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_makes_the_store_read_only_until_there_is_space_again() {
    let folder = tempfile::tempdir().expect("tempdir");
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), "24m") else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let path = disk.0.join("world");
    let store = Store::create(
        &path,
        Options {
            persist_bytes: 1,
            // So that little more is accepted than the disk has room for.
            pending_bytes_max: 1_000_000,
            ..OPTIONS
        },
    )
    .expect("create")
    .finish()
    .expect("finish");
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![1; 16 * 1024 * 1024]).expect("there is space for the ballast");
    let (error, accepted) = fill(&store);
    assert!(
        matches!(&error, AppendError::ReadOnly { reason } if reason.contains("space")),
        "{error}"
    );
    assert!(matches!(store.status(), LogStatus::Failed { .. }));
    assert!(store.durable() <= accepted);
    std::fs::remove_file(&ballast).expect("remove the ballast");
    store
        .wait_durable(accepted, WAIT)
        .expect("recovers by itself");
    store
        .wait_applied(accepted, WAIT)
        .expect("the state recovers too");
    let begin = Instant::now();
    while store.status() != LogStatus::Ok {
        assert!(begin.elapsed() < WAIT, "{:?}", store.status());
        std::thread::yield_now();
    }
    let last = store.append(batch(1)).expect("writable again");
    store.wait_durable(last, WAIT).expect("durable");
    drop(store);
    let store = Store::open(&path, OPTIONS).expect("open");
    assert_eq!(store.durable(), last);
    assert_eq!(number(&store, b"last"), 1);
    drop(store);

    disk.remount_read_only();
    let refused = Store::open(&path, OPTIONS).err().expect("read-only");
    assert!(
        matches!(
            refused,
            OpenError::Directory(DirectoryError::ReadOnlyDisk { .. })
        ),
        "{refused:?}"
    );
}

/// Appends until refused; answers with the refusal and the last batch accepted.
fn fill(store: &Store) -> (AppendError, Seq) {
    for n in 0.. {
        let mut batch = Batch::new();
        let noise: Vec<u8> = (0..20_000_u64)
            .map(|i| (i.wrapping_mul(n * 2 + 1).wrapping_mul(0x9E37_79B9) >> 24) as u8)
            .collect();
        batch.put(Table(0), &n.to_be_bytes(), &noise);
        if let Err(error) = store.append(batch) {
            return (error, store.accepted());
        }
    }
    unreachable!("the disk is small")
}
