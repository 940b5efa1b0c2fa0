//! Where the file of a database is.
//!
//! In: a path as programs give it. Out: the path of a regular file of the folder, free of symbolic links, which SQLite
//! may open by name.

use std::io::Read;
use std::path::{Path, PathBuf};

use cap_std::fs::{OpenOptions, OpenOptionsExt};

use crate::path::below_folder;
use crate::{FileError, Folder};

/// Where the header of a database tells how it is written: twice 2 for a log of writes ahead.
const VERSIONS_AT: usize = 18;
const WRITTEN_AHEAD: [u8; 2] = [2, 2];

/// The file of a database.
pub(super) struct Place<'a> {
    folder: &'a Folder,
    below: &'a Path,
    /// Its path from the root of the file system.
    pub(super) path: PathBuf,
}

impl<'a> Place<'a> {
    /// Finds the place of a file, which need not be there. Nothing is opened: to close a file of a database that is in
    /// use would give up its locks.
    pub(super) fn find(folder: &'a Folder, path: &'a str) -> Result<Self, FileError> {
        let below = below_folder(path)?;
        let name = below.file_name().ok_or(FileError::NotAFile)?;
        // The last part is named as it was, so that SQLite refuses it if it is a link.
        let above = match below.parent() {
            Some(above) if !above.as_os_str().is_empty() => folder.dir().canonicalize(above)?,
            _ => PathBuf::new(),
        };
        let path = folder.path().join(above).join(name);
        Ok(Self {
            folder,
            below,
            path,
        })
    }

    /// Makes the file if it is not there. Answers whether it was left with a log of writes ahead of it.
    pub(super) fn prepare(&self) -> Result<bool, FileError> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            // A pipe without another end is not waited for.
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let mut file = self.folder.dir().open_with(self.below, &options)?;
        if !file.metadata()?.is_file() {
            return Err(FileError::NotAFile);
        }
        let mut header = [0; VERSIONS_AT + WRITTEN_AHEAD.len()];
        Ok(file.read_exact(&mut header).is_ok() && header.ends_with(&WRITTEN_AHEAD))
    }
}
