//! The folder of executables: which names mean a file in it.
//!
//! In: names as programs of the world give them. Out: the file's place. Names are resolved beneath the folder by the
//! operating system, symbolic links included. What a file does when it runs is not known here.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::{ExecutableError, Guard};

/// A folder whose files may be run.
#[derive(Debug)]
pub struct Executables {
    path: PathBuf,
    dir: Dir,
    guard: Option<Guard>,
}

/// A file that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executable {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The folder that it runs in.
    pub(super) folder: PathBuf,
    /// Who watches over it.
    pub(super) guard: Option<Guard>,
}

impl Executables {
    /// The folder at `path`, which must be there. Without a guard a program may outlive a process that is killed.
    ///
    /// # Errors
    /// It is no folder, or cannot be entered.
    pub fn open(path: &Path, guard: Option<Guard>) -> io::Result<Self> {
        Ok(Self {
            path: path.canonicalize()?,
            dir: Dir::open_ambient_dir(path, ambient_authority())?,
            guard,
        })
    }

    /// Where it is, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of this name.
    ///
    /// # Errors
    /// [`ExecutableError::BadPath`], [`ExecutableError::Missing`], [`ExecutableError::NotAFile`].
    pub fn find(&self, name: &str) -> Result<Executable, ExecutableError> {
        check_name(name)?;
        let found = self.dir.metadata(name);
        let found = found.map_err(|_| ExecutableError::Missing)?;
        if !found.is_file() {
            return Err(ExecutableError::NotAFile);
        }
        Ok(Executable {
            path: self.path.join(name),
            folder: self.path.clone(),
            guard: self.guard.clone(),
        })
    }
}

/// Refuses names that begin at the root, go up, or contain the folder itself; as ToastStunt does.
///
/// # Errors
/// [`ExecutableError::BadPath`].
pub fn check_name(name: &str) -> Result<(), ExecutableError> {
    let is_bad = name.is_empty()
        || name.starts_with('/')
        || name.starts_with("..")
        || name.contains("/.")
        || name.contains("./")
        || name.contains('\0');
    if is_bad {
        return Err(ExecutableError::BadPath);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "", "/bin/sh", "..", "../sh", "./sh", "a/../sh", "a/./sh", "a/.sh", "a./sh", "a\0",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["sh", "a/sh", "a.sh", ".sh", "a..b"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_link_that_leads_out_of_the_folder_names_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("inside");
        std::fs::create_dir_all(inside.join("sub")).expect("folders");
        std::fs::write(inside.join("tool"), "").expect("a file");
        std::os::unix::fs::symlink("/bin/sh", inside.join("out")).expect("a link");
        std::os::unix::fs::symlink("tool", inside.join("in")).expect("a link");
        let executables = Executables::open(&inside, None).expect("it is there");
        let found = |name| executables.find(name).map(|_| ());
        assert!(found("tool").is_ok() && found("in").is_ok());
        assert!(matches!(found("out"), Err(ExecutableError::Missing)));
        assert!(matches!(found("other"), Err(ExecutableError::Missing)));
        assert!(matches!(found("sub"), Err(ExecutableError::NotAFile)));
    }
}
