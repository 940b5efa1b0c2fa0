//! The disk under the log: a flat folder of append-only files.
//!
//! The log reaches its files only through [`Disk`] and [`DiskFile`], so that a test can break any write and lose
//! whatever was not synced. Names are file names inside the one folder. It does not know what the files hold.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A folder of files, as the log uses it.
pub trait Disk: Send + Sync {
    /// Makes a new file, to be appended to.
    ///
    /// # Errors
    /// When it exists or cannot be made. Its name is durable only after [`Disk::sync_folder`].
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// The names of all files, in no order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A whole file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Removes a file.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the creation and removal of names durable.
    ///
    /// # Errors
    /// When the device refuses.
    fn sync_folder(&self) -> io::Result<()>;
}

/// One open file of a [`Disk`].
pub trait DiskFile: Send {
    /// Adds all of `bytes` at the end; on an error any part of them may be there.
    ///
    /// # Errors
    /// When the device is full or fails.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything appended so far durable. After an error nothing appended since the last success may be
    /// trusted, not even if a later call succeeds.
    ///
    /// # Errors
    /// When the device fails.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Clone, Debug)]
pub struct FolderDisk {
    folder: PathBuf,
}

impl FolderDisk {
    /// The disk whose files are those of `folder`, which must exist.
    #[must_use]
    pub fn new(folder: &Path) -> FolderDisk {
        FolderDisk {
            folder: folder.to_owned(),
        }
    }
}

impl Disk for FolderDisk {
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(self.folder.join(name))?;
        Ok(Box::new(file))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // The length counts as data to fdatasync, so that an appended file reads back whole.
        self.sync_data()
    }
}
