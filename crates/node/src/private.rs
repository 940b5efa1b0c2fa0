//! Folders and files that only this user may open.
//!
//! In: a path, and for a file its bytes. Out: a folder of mode 0700, a file of mode 0600 that is never seen half
//! written nor with wider permissions. It does not know what the secret is.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Permission bits of the group and of others: none may be set.
const FOREIGN_BITS: u32 = 0o077;

/// Why a private folder or file is not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateError {
    /// A file, a link, or nothing that could be made into a folder is at the path.
    #[error("{}: is not a folder; remove it or choose another path", path.display())]
    NotAFolder {
        /// The path that was to be a private folder.
        path: PathBuf,
    },
    /// The folder belongs to another user, who could read or replace what is put there.
    #[error("{}: belongs to user {owner}; remove it or choose another path", path.display())]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others may enter the folder.
    #[error("{path}: mode {mode:04o} lets others in; run chmod 700 {path}", path = path.display())]
    OpenToOthers {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Makes `path` (and missing folders above it) with mode 0700, or checks that what is there is a folder, no link,
/// of this user and closed to others.
///
/// # Errors
/// [`PrivateError::NotAFolder`], [`PrivateError::ForeignOwner`], [`PrivateError::OpenToOthers`] for what is
/// there; [`PrivateError::Io`] if it cannot be made or examined.
pub fn create_private_dir(path: &Path) -> Result<(), PrivateError> {
    let io = |source| PrivateError::Io {
        path: path.to_path_buf(),
        source,
    };
    if let Some(parent) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(io)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_private(path),
        Err(error) => Err(io(error)),
    }
}

fn check_private(path: &Path) -> Result<(), PrivateError> {
    let path = path.to_path_buf();
    let found = match fs::symlink_metadata(&path) {
        Ok(found) => found,
        Err(source) => return Err(PrivateError::Io { path, source }),
    };
    let mode = found.mode() & 0o7777;
    if !found.is_dir() {
        Err(PrivateError::NotAFolder { path })
    } else if found.uid() != rustix::process::geteuid().as_raw() {
        Err(PrivateError::ForeignOwner {
            path,
            owner: found.uid(),
        })
    } else if mode & FOREIGN_BITS != 0 {
        Err(PrivateError::OpenToOthers { path, mode })
    } else {
        Ok(())
    }
}

/// Puts `bytes` at `path` with mode 0600: written beside it, made durable, then renamed over it, so that a reader
/// (also after a power loss) sees the old file or the new one. The folder must exist.
///
/// # Errors
/// [`PrivateError::Io`] if a step fails; what was at `path` is then still there.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), PrivateError> {
    let beside = name_beside(path);
    let written = write_new(&beside, bytes)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_folder_of(path));
    written.map_err(|source| {
        // Absent if the creation or the rename was what failed or succeeded; then there is nothing to remove.
        let _ = fs::remove_file(&beside);
        PrivateError::Io {
            path: path.to_path_buf(),
            source,
        }
    })
}

/// A name in the same folder that no other writer uses: the process and a count are in it.
fn name_beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}-{count}.new", std::process::id()));
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A leftover of a process that was killed and had the same number.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").mode() & 0o7777
    }

    #[test]
    fn folders_are_made_private_and_kept() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let path = temp.path().join("above/run");
        create_private_dir(&path).expect("made");
        assert_eq!(
            (mode(&path), mode(&temp.path().join("above"))),
            (0o700, 0o700)
        );
        create_private_dir(&path).expect("kept");
    }

    #[test]
    fn what_is_not_a_private_folder_is_refused() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let open = temp.path().join("open");
        fs::create_dir(&open).expect("made");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).expect("opened");
        assert!(matches!(
            create_private_dir(&open),
            Err(PrivateError::OpenToOthers { mode: 0o755, .. })
        ));
        let link = temp.path().join("link");
        symlink(&open, &link).expect("linked");
        assert!(matches!(
            create_private_dir(&link),
            Err(PrivateError::NotAFolder { .. })
        ));
        let file = temp.path().join("file");
        fs::write(&file, "").expect("written");
        assert!(matches!(
            create_private_dir(&file),
            Err(PrivateError::NotAFolder { .. })
        ));
    }

    #[test]
    fn secrets_are_replaced_whole_and_leave_nothing_beside() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let path = temp.path().join("token");
        write_secret(&path, b"first, and longer").expect("written");
        write_secret(&path, b"second").expect("replaced");
        assert_eq!(fs::read(&path).expect("read"), b"second");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(temp.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_and_leaves_nothing_beside() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let path = temp.path().join("folder");
        fs::create_dir(&path).expect("made");
        fs::write(path.join("inside"), "kept").expect("written");
        write_secret(&path, b"x").expect_err("a folder cannot be replaced by a file");
        assert_eq!(fs::read_dir(temp.path()).expect("listed").count(), 1);
    }
}
