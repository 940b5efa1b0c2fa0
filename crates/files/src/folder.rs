//! The folder: what can be done with paths in it, and the files that are open.
//!
//! In: paths as programs give them. Out: facts, numbers of open files. Paths are resolved beneath the folder by the
//! operating system, symbolic links included. Open files die with the process.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{
    Dir, DirBuilder, DirBuilderExt, Metadata, MetadataExt, OpenOptions, OpenOptionsExt,
};
use cap_std::fs::{FileTypeExt, Permissions, PermissionsExt};
use parking_lot::Mutex;

use crate::handles::Handles;
use crate::path::below_folder;
use crate::{FileError, OpenFile, OpenMode};

/// Files that may be open at a time, whatever the world says.
const FILES_MAX: usize = 1_000;

/// Entries that a list may have. A folder with more cannot be listed.
const ENTRIES_MAX: usize = 100_000;

/// The bits of a mode that programs see.
const MODE_BITS: u32 = 0o777;

/// What kind of thing a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Regular,
    /// A folder.
    Directory,
    /// A named pipe.
    Fifo,
    /// A block device.
    Block,
    /// A socket.
    Socket,
    /// Something else.
    Unknown,
}

/// Facts about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: Kind,
    /// Who may do what: nine bits.
    pub mode: u32,
    /// When it was read last: seconds since 1970.
    pub accessed: i64,
    /// When its content was changed last: seconds since 1970.
    pub modified: i64,
    /// When it or facts about it were changed last: seconds since 1970.
    pub changed: i64,
}

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Facts, if they were asked for.
    pub status: Option<Status>,
}

/// A folder that programs use.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    dir: Dir,
    open: Mutex<Handles<OpenFile>>,
}

impl Folder {
    /// The folder at `path`, which is made, for this user alone, if it is not there.
    ///
    /// # Errors
    /// It is no folder, or cannot be made or entered.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        match std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
            .create(path)
        {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Ok(Self {
            path: path.canonicalize()?,
            dir: Dir::open_ambient_dir(path, ambient_authority())?,
            open: Mutex::default(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    // Open files.

    /// Opens a file, if fewer than `files_max` are open; its number. The mode is that of [`OpenMode::parse`].
    ///
    /// # Errors
    /// [`FileError::BadPath`], [`FileError::BadMode`], [`FileError::TooManyFiles`], [`FileError::NotAFile`]; what opening
    /// meets.
    pub fn open_file(&self, path: &str, mode: &str, files_max: usize) -> Result<i64, FileError> {
        let below = below_folder(path)?;
        let mode = OpenMode::parse(mode).ok_or(FileError::BadMode)?;
        let mut open = self.open.lock();
        if open.len() >= files_max.min(FILES_MAX) {
            return Err(FileError::TooManyFiles);
        }
        let mut options = OpenOptions::new();
        options
            .read(mode.reads)
            .write(mode.writes && !mode.appends)
            .append(mode.appends)
            .truncate(mode.truncates)
            .create(mode.truncates || mode.appends)
            // A pipe without another end is not waited for.
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let file = self.dir.open_with(below, &options)?.into_std();
        if !file.metadata()?.is_file() {
            return Err(FileError::NotAFile);
        }
        Ok(open.add(OpenFile::new(path, mode, file)))
    }

    /// Closes a file.
    ///
    /// # Errors
    /// [`FileError::UnknownHandle`].
    pub fn close(&self, handle: i64) -> Result<(), FileError> {
        let closed = self.open.lock().remove(handle);
        closed.map(drop).ok_or(FileError::UnknownHandle)
    }

    /// Does something with an open file.
    ///
    /// # Errors
    /// [`FileError::UnknownHandle`]; what `action` meets.
    pub fn with<R>(
        &self,
        handle: i64,
        action: impl FnOnce(&mut OpenFile) -> Result<R, FileError>,
    ) -> Result<R, FileError> {
        let mut open = self.open.lock();
        action(open.get_mut(handle).ok_or(FileError::UnknownHandle)?)
    }

    /// The numbers of open files.
    #[must_use]
    pub fn handles(&self) -> Vec<i64> {
        self.open.lock().iter().map(|(handle, _)| handle).collect()
    }

    // Paths.

    /// Facts about what a path names; a symbolic link stands for what it leads to.
    ///
    /// # Errors
    /// [`FileError::BadPath`]; there is nothing, or it is not within the folder.
    pub fn status(&self, path: &str) -> Result<Status, FileError> {
        Ok(status(&self.dir.metadata(below_folder(path)?)?))
    }

    /// Facts about an open file.
    ///
    /// # Errors
    /// [`FileError::UnknownHandle`]; what the operating system says.
    pub fn status_of(&self, handle: i64) -> Result<Status, FileError> {
        self.with(handle, |open| {
            let metadata = Metadata::from_file(open.file())?;
            Ok(status(&metadata))
        })
    }

    /// What is in a folder, in the order of the names; with facts about each if `detailed`.
    ///
    /// # Errors
    /// [`FileError::BadPath`]; [`FileError::TooLarge`] for a folder of more than 100,000; what reading it meets.
    pub fn list(
        &self,
        path: &str,
        detailed: bool,
        has_time: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<Entry>, FileError> {
        let mut entries = Vec::new();
        for entry in self.dir.read_dir(below_folder(path)?)? {
            let entry = entry?;
            if !has_time() {
                return Err(FileError::NoTime);
            }
            if entries.len() >= ENTRIES_MAX {
                return Err(FileError::TooLarge {
                    bytes_max: ENTRIES_MAX,
                });
            }
            let facts = || entry.metadata().map(|metadata| status(&metadata));
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                status: detailed.then(facts).transpose()?,
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// [`FileError::BadPath`]; what making it meets.
    pub fn create_folder(&self, path: &str) -> Result<(), FileError> {
        let mut builder = DirBuilder::new();
        builder.mode(MODE_BITS);
        Ok(self.dir.create_dir_with(below_folder(path)?, &builder)?)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// [`FileError::BadPath`]; what removing it meets.
    pub fn remove_folder(&self, path: &str) -> Result<(), FileError> {
        Ok(self.dir.remove_dir(below_folder(path)?)?)
    }

    /// Removes a file, or an empty folder.
    ///
    /// # Errors
    /// [`FileError::BadPath`]; what removing it meets.
    pub fn remove(&self, path: &str) -> Result<(), FileError> {
        let below = below_folder(path)?;
        let is_folder = self.dir.symlink_metadata(below)?.is_dir();
        match is_folder {
            true => self.dir.remove_dir(below)?,
            false => self.dir.remove_file(below)?,
        }
        Ok(())
    }

    /// Gives something another name; what had that name is replaced.
    ///
    /// # Errors
    /// [`FileError::BadPath`] for either; what renaming meets.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        let (from, to) = (below_folder(from)?, below_folder(to)?);
        Ok(self.dir.rename(from, &self.dir, to)?)
    }

    /// Says who may do what: nine bits.
    ///
    /// # Errors
    /// [`FileError::BadPath`]; what changing it meets.
    pub fn set_mode(&self, path: &str, mode: u32) -> Result<(), FileError> {
        let permissions = Permissions::from_mode(mode & MODE_BITS);
        Ok(self.dir.set_permissions(below_folder(path)?, permissions)?)
    }
}

fn status(metadata: &Metadata) -> Status {
    let kind = metadata.file_type();
    let kind = match () {
        () if kind.is_file() => Kind::Regular,
        () if kind.is_dir() => Kind::Directory,
        () if kind.is_fifo() => Kind::Fifo,
        () if kind.is_block_device() => Kind::Block,
        () if kind.is_socket() => Kind::Socket,
        () => Kind::Unknown,
    };
    Status {
        size: metadata.size(),
        kind,
        mode: metadata.mode() & MODE_BITS,
        accessed: metadata.atime(),
        modified: metadata.mtime(),
        changed: metadata.ctime(),
    }
}
