//! The folder of a database: who may use it, and whether it is one.
//!
//! In comes a path; out goes a held lock on a folder of a known format, or one clear refusal. The layout is described
//! in `docs/formats/data-directory.md`. It knows nothing of the log's or the engine's files.
//!
//! A folder is a database exactly when its `FORMAT` file exists, and that file appears last, by rename.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::DirectoryError;

/// Version of the layout written, and the newest one read.
pub const FORMAT_VERSION: u32 = 1;

const FORMAT_FILE: &str = "FORMAT";
const FORMAT_TITLE: &str = "moor data directory";
/// Present while a database is being made: everything beside it may be thrown away.
const UNFINISHED_FILE: &str = "UNFINISHED";
const FORMAT_DRAFT_FILE: &str = "FORMAT.draft";
const LOCK_FILE: &str = "lock";
const LOG_FOLDER: &str = "log";
const STATE_FOLDER: &str = "state";
/// Names that do not make a folder a foreign one: ours, what file systems put at their root, and the folders that are
/// kept free for the programs which serve the database together and may start before it is made, and for files that belong to
/// what is in the database and may be there before it.
const IGNORED: [&str; 4] = [LOCK_FILE, "lost+found", "hosts", "files"];

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// Nothing, an empty folder, or the remains of a creation that was cut off: a database can be made here.
    Vacant,
    /// A database.
    Database,
}

/// A locked folder. The lock is given back on drop, or by the system when the process ends.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Locks the database at `path`.
    pub(crate) fn open(path: &Path) -> Result<Directory, DirectoryError> {
        if presence(path)? == Presence::Vacant {
            return Err(DirectoryError::Missing {
                path: path.to_owned(),
            });
        }
        let directory = Directory {
            path: path.to_owned(),
            _lock: lock(path)?,
        };
        match read_version(path)? {
            FORMAT_VERSION => Ok(directory),
            found => Err(DirectoryError::NewerVersion {
                path: path.join(FORMAT_FILE),
                found,
                supported: FORMAT_VERSION,
            }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn log_folder(&self) -> PathBuf {
        self.path.join(LOG_FOLDER)
    }

    pub(crate) fn state_folder(&self) -> PathBuf {
        self.path.join(STATE_FOLDER)
    }
}

/// A locked folder that is not a database until [`Draft::finish`]. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Draft {
    directory: Option<Directory>,
    made_folder: bool,
}

impl Draft {
    /// Locks a vacant path, making the folder and throwing away the remains of an earlier attempt.
    pub(crate) fn begin(path: &Path) -> Result<Draft, DirectoryError> {
        require_vacant(path)?;
        let made_folder = !path.exists();
        make_folder(path)?;
        let lock = lock(path)?;
        // Another process may have made a database between the look and the lock.
        require_vacant(path)?;
        let draft = Draft {
            directory: Some(Directory {
                path: path.to_owned(),
                _lock: lock,
            }),
            made_folder,
        };
        draft.fill(path)?;
        Ok(draft)
    }

    fn fill(&self, path: &Path) -> Result<(), DirectoryError> {
        write_file(
            &path.join(UNFINISHED_FILE),
            "This database is being made; it is thrown away if that stops.\n",
        )?;
        sync_folder(path)?;
        clear(path, &[STATE_FOLDER, LOG_FOLDER, FORMAT_DRAFT_FILE])?;
        make_folder(&path.join(LOG_FOLDER))?;
        make_folder(&path.join(STATE_FOLDER))
    }

    pub(crate) fn directory(&self) -> &Directory {
        self.directory
            .as_ref()
            .expect("present until it is finished or dropped")
    }

    /// Makes the folder a database, durably and in one step. Its contents must be durable already.
    pub(crate) fn finish(mut self) -> Result<Directory, DirectoryError> {
        let path = self.directory().path.clone();
        let draft = path.join(FORMAT_DRAFT_FILE);
        write_file(
            &draft,
            &format!("{FORMAT_TITLE}\nversion {FORMAT_VERSION}\n"),
        )?;
        sync_folder(&path)?;
        let format = path.join(FORMAT_FILE);
        fs::rename(&draft, &format).map_err(failed(&format, "rename into place"))?;
        sync_folder(&path)?;
        let directory = self
            .directory
            .take()
            .expect("present until it is finished or dropped");
        // From here on the marker means nothing; if it stays, it is only untidy.
        let _ = fs::remove_file(path.join(UNFINISHED_FILE));
        sync_folder(
            path.parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new(".")),
        )?;
        Ok(directory)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let Some(directory) = self.directory.take() else {
            return;
        };
        let path = &directory.path;
        // The marker goes last, so that a half-finished removal is still recognised as ours.
        let names = [
            STATE_FOLDER,
            LOG_FOLDER,
            FORMAT_DRAFT_FILE,
            FORMAT_FILE,
            UNFINISHED_FILE,
            LOCK_FILE,
        ];
        let cleared = clear(path, &names);
        if cleared.is_ok() && self.made_folder {
            // Fails when somebody put something else there meanwhile, which then stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Looks at a path without changing anything.
pub(crate) fn presence(path: &Path) -> Result<Presence, DirectoryError> {
    if path.join(FORMAT_FILE).exists() {
        return Ok(Presence::Database);
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Presence::Vacant),
        Err(source) => return Err(failed(path, "read the folder")(source)),
    };
    if path.join(UNFINISHED_FILE).exists() {
        return Ok(Presence::Vacant);
    }
    for entry in entries {
        let name = entry
            .map_err(failed(path, "read the folder"))?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if !IGNORED.contains(&name.as_str()) {
            return Err(DirectoryError::Foreign {
                path: path.to_owned(),
                found: name,
            });
        }
    }
    Ok(Presence::Vacant)
}

fn require_vacant(path: &Path) -> Result<(), DirectoryError> {
    match presence(path)? {
        Presence::Vacant => Ok(()),
        Presence::Database => Err(DirectoryError::Exists {
            path: path.to_owned(),
        }),
    }
}

fn read_version(path: &Path) -> Result<u32, DirectoryError> {
    let path = path.join(FORMAT_FILE);
    let text = fs::read_to_string(&path).map_err(failed(&path, "read"))?;
    let mut lines = text.lines();
    let titled = lines.next() == Some(FORMAT_TITLE);
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix("version "))
        .and_then(|number| number.parse().ok());
    version
        .filter(|&version| titled && version > 0)
        .ok_or(DirectoryError::Malformed { path })
}

/// Takes the lock or says who has it. The lock itself is the kernel's; the number in the file is only for the message.
fn lock(folder: &Path) -> Result<File, DirectoryError> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let mut file = options.open(&path).map_err(failed(&path, "open"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let pid = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            return Err(DirectoryError::Locked { path, pid });
        }
        Err(error) => return Err(failed(&path, "lock")(error.into())),
    }
    // A full disk must not keep a database from being opened for the sake of a message.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn make_folder(path: &Path) -> Result<(), DirectoryError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed(path, "make the folder"))
}

fn write_file(path: &Path, text: &str) -> Result<(), DirectoryError> {
    let mut options = OpenOptions::new();
    let open = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let written = open.and_then(|mut file| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
    });
    written.map_err(failed(path, "write"))
}

fn sync_folder(path: &Path) -> Result<(), DirectoryError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(path, "sync the folder"))
}

/// Removes files and folders, present or not.
fn clear(path: &Path, names: &[&str]) -> Result<(), DirectoryError> {
    for name in names {
        let path = path.join(name);
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&path, "remove")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => DirectoryError::ReadOnlyDisk { path },
        _ => DirectoryError::Io {
            path,
            action,
            source,
        },
    }
}
