//! A folder in a temporary place: files as C's streams have them, and every way that could lead out of it.

use std::io::SeekFrom;
use std::os::unix::fs::symlink;

use moor_files::{FileError, Folder, Kind, Patience};
use tempfile::TempDir;

const MANY: usize = 100;
const KIB: usize = 1024;

fn folder() -> (TempDir, Folder) {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::open(&outside.path().join("files")).expect("made");
    (outside, folder)
}

fn open(folder: &Folder, path: &str, mode: &str) -> Result<i64, FileError> {
    folder.open_file(path, mode, MANY)
}

/// Does something with an open file within 1 KiB.
fn with<R>(
    folder: &Folder,
    handle: i64,
    act: impl FnOnce(&mut moor_files::OpenFile, &mut Patience<'_>) -> Result<R, FileError>,
) -> Result<R, FileError> {
    let mut patience = Patience {
        bytes_max: KIB,
        has_time: &mut || true,
    };
    folder.with(handle, |file| act(file, &mut patience))
}

fn write(folder: &Folder, path: &str, text: &str) {
    let handle = open(folder, path, "w-tn").expect(path);
    folder
        .with(handle, |file| file.write(text.as_bytes()))
        .expect(path);
    folder.close(handle).expect(path);
}

fn read(folder: &Folder, path: &str) -> String {
    let handle = open(folder, path, "r-tn").expect(path);
    let bytes = with(folder, handle, |file, patience| file.read(KIB, patience)).expect(path);
    folder.close(handle).expect(path);
    String::from_utf8(bytes).expect("text")
}

#[test]
fn what_is_written_is_read_line_by_line_and_as_bytes() {
    let (_outside, folder) = folder();
    write(&folder, "a", "one\ntwo\nthree");
    let handle = open(&folder, "/a", "r-tn").expect("it is there");
    let line = || with(&folder, handle, |file, patience| file.read_line(patience));
    assert_eq!(line().expect("a line"), b"one");
    assert_eq!(line().expect("a line"), b"two");
    assert!(
        !folder
            .with(handle, |file| Ok(file.is_at_end()))
            .expect("open")
    );
    assert_eq!(line().expect("a line"), b"three");
    assert!(
        folder
            .with(handle, |file| Ok(file.is_at_end()))
            .expect("open")
    );
    assert!(matches!(line(), Err(FileError::EndOfFile)));
    let counted = with(&folder, handle, |file, patience| file.count_lines(patience));
    assert_eq!(counted.expect("counted"), 3);
    let lines = with(&folder, handle, |file, patience| {
        file.read_lines(2, 9, patience)
    });
    assert_eq!(lines.expect("lines"), [b"two".to_vec(), b"three".to_vec()]);
    // The place is at the first of the lines that were read.
    assert_eq!(folder.with(handle, |file| file.tell()).expect("a place"), 4);
    let beyond = with(&folder, handle, |file, patience| {
        file.read_lines(5, 9, patience)
    });
    assert!(matches!(beyond, Err(FileError::EndOfFile)));
    let found = with(&folder, handle, |file, patience| {
        file.find(b"TW", true, patience)
    });
    let found = found.expect("searched");
    assert_eq!(
        (found.len(), found[0].number, &found[0].line[..]),
        (1, 2, &b"two"[..])
    );
}

#[test]
fn a_write_goes_where_reading_has_come_to_and_to_the_end_of_what_is_appended() {
    let (_outside, folder) = folder();
    write(&folder, "a", "one\ntwo\n");
    let handle = open(&folder, "a", "r+tn").expect("it is there");
    with(&folder, handle, |file, patience| file.read_line(patience)).expect("a line");
    folder
        .with(handle, |file| file.write(b"2"))
        .expect("written");
    folder.close(handle).expect("open");
    assert_eq!(read(&folder, "a"), "one\n2wo\n");

    let handle = open(&folder, "a", "a+tn").expect("it is there");
    folder
        .with(handle, |file| file.seek(SeekFrom::Start(0)))
        .expect("moved");
    folder
        .with(handle, |file| file.write(b"end"))
        .expect("written");
    assert_eq!(read(&folder, "a"), "one\n2wo\nend");
}

#[test]
fn handles_are_bounded_and_begin_anew_when_all_are_closed() {
    let (_outside, folder) = folder();
    write(&folder, "a", "x");
    let mode = "r-tn";
    let first = folder.open_file("a", mode, 2).expect("room");
    let second = folder.open_file("a", mode, 2).expect("room");
    assert_eq!((first, second), (1, 2));
    assert!(matches!(
        folder.open_file("a", mode, 2),
        Err(FileError::TooManyFiles)
    ));
    assert_eq!(folder.handles(), [1, 2]);
    folder.close(first).expect("open");
    assert!(matches!(folder.close(first), Err(FileError::UnknownHandle)));
    assert_eq!(folder.open_file("a", mode, 2).expect("room"), 3);
    folder.close(2).expect("open");
    folder.close(3).expect("open");
    assert_eq!(folder.open_file("a", mode, 2).expect("room"), 1);
}

#[test]
fn modes_are_kept() {
    let (_outside, folder) = folder();
    write(&folder, "a", "x");
    let reader = open(&folder, "a", "r-tn").expect("it is there");
    let written = folder.with(reader, |file| file.write(b"y"));
    assert!(matches!(written, Err(FileError::NotWritable)));
    let writer = open(&folder, "a", "a-tn").expect("it is there");
    let line = with(&folder, writer, |file, patience| file.read_line(patience));
    assert!(matches!(line, Err(FileError::NotReadable)));
}

#[test]
fn answers_have_a_size_and_a_time() {
    let (_outside, folder) = folder();
    let handle = open(&folder, "a", "w+tn").expect("made");
    folder
        .with(handle, |file| file.write(&[b'x'; KIB + 1]))
        .expect("written");
    let back = || {
        folder
            .with(handle, |file| file.seek(SeekFrom::Start(0)))
            .expect("moved")
    };
    back();
    let at_the_bound = with(&folder, handle, |file, patience| file.read(KIB, patience));
    assert_eq!(at_the_bound.expect("read").len(), KIB);
    let beyond = with(&folder, handle, |file, patience| {
        file.read(KIB + 1, patience)
    });
    assert!(matches!(
        beyond,
        Err(FileError::TooLarge { bytes_max: KIB })
    ));
    back();
    let line = with(&folder, handle, |file, patience| file.read_line(patience));
    assert!(matches!(line, Err(FileError::TooLarge { bytes_max: KIB })));
    let mut late = Patience {
        bytes_max: KIB,
        has_time: &mut || false,
    };
    let counted = folder.with(handle, |file| file.count_lines(&mut late));
    assert!(matches!(counted, Err(FileError::NoTime)));
}

#[test]
fn paths_are_made_moved_described_and_removed() {
    let (_outside, folder) = folder();
    folder.create_folder("d").expect("made");
    write(&folder, "d/b", "12345");
    write(&folder, "d/a", "");
    let names = folder.list("d", false, &mut || true).expect("listed");
    assert_eq!(
        names
            .iter()
            .map(|entry| entry.name.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    folder.set_mode("d/b", 0o640).expect("changed");
    let status = folder.status("/d/b").expect("it is there");
    assert_eq!(
        (status.size, status.kind, status.mode),
        (5, Kind::Regular, 0o640)
    );
    let handle = open(&folder, "d/b", "r-tn").expect("it is there");
    assert_eq!(folder.status_of(handle).expect("open"), status);
    assert_eq!(
        folder.status("d").expect("it is there").kind,
        Kind::Directory
    );
    folder.rename("d/b", "c").expect("moved");
    assert!(folder.remove_folder("d").is_err(), "it is not empty");
    folder.remove("d/a").expect("removed");
    folder.remove("d").expect("removed");
    folder.remove("c").expect("removed");
    assert!(
        folder
            .list("", false, &mut || true)
            .expect("listed")
            .is_empty()
    );
}

#[test]
fn no_path_and_no_link_leads_out() {
    let (outside, folder) = folder();
    std::fs::write(outside.path().join("secret"), "s").expect("written");
    let inside = outside.path().join("files");
    symlink("../secret", inside.join("near")).expect("linked");
    symlink(outside.path().join("secret"), inside.join("far")).expect("linked");
    symlink("..", inside.join("up")).expect("linked");
    for path in [
        "../secret",
        "/../secret",
        "near",
        "far",
        "up/secret",
        "./../secret",
    ] {
        assert!(open(&folder, path, "r-tn").is_err(), "{path}");
        assert!(open(&folder, path, "w-tn").is_err(), "{path}");
        assert!(folder.status(path).is_err(), "{path}");
        assert!(folder.set_mode(path, 0o600).is_err(), "{path}");
    }
    for path in ["../made", "up/made"] {
        assert!(folder.create_folder(path).is_err(), "{path}");
        assert!(folder.rename("near", path).is_err(), "{path}");
        assert!(open(&folder, path, "w-tn").is_err(), "{path}");
    }
    assert!(folder.list("up", false, &mut || true).is_err());
    assert!(folder.remove("up/secret").is_err());
    let secret = std::fs::read_to_string(outside.path().join("secret")).expect("still there");
    assert_eq!(secret, "s");
    assert_eq!(
        std::fs::read_dir(outside.path()).expect("listed").count(),
        2
    );
}

#[test]
fn what_is_no_file_is_not_opened_and_not_waited_for() {
    let (outside, folder) = folder();
    folder.create_folder("d").expect("made");
    assert!(open(&folder, "d", "r-tn").is_err());
    let pipe = outside.path().join("files/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("made");
    assert!(matches!(
        open(&folder, "pipe", "r-tn"),
        Err(FileError::NotAFile)
    ));
    assert!(open(&folder, "pipe", "w-tn").is_err());
    assert!(matches!(
        open(&folder, "none", "r-tn"),
        Err(FileError::Io(_))
    ));
    assert_eq!(
        open(&folder, "none", "r-tn")
            .expect_err("it is not there")
            .to_string(),
        "No such file or directory"
    );
}
