//! The two folders of a program: what it is, and its keys.
//!
//! In: `--data-dir`, the XDG folders. Out: private folders. One given folder serves for both.

use std::path::{Path, PathBuf};

use moor_node::{PathError, Paths, PrivateError, create_private_dir};

/// A program has no place of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// No folder can be derived.
    #[error("--data-dir is needed: {0}")]
    NoPlace(#[from] PathError),
    /// The folder cannot be made, or is open to others.
    #[error("--data-dir: {0}")]
    Private(#[from] PrivateError),
}

/// Where a program's identity and its keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The folder of `node-N`.
    pub data: PathBuf,
    /// The folder of `key-N` and `daemon-N`.
    pub keys: PathBuf,
}

/// The folders of the program `service`, made if they are new: `data_dir` for both if it is given.
///
/// # Errors
/// [`HomeError`].
pub fn home(service: &str, data_dir: Option<&Path>, paths: &Paths) -> Result<Home, HomeError> {
    let data = data_home(service, data_dir, paths)?;
    let keys = match data_dir {
        Some(folder) => folder.to_path_buf(),
        None => paths.config_dir()?.join(service),
    };
    create_private_dir(&keys)?;
    Ok(Home { data, keys })
}

/// The same for a program that needs no keys: there may be no config folder at all.
///
/// # Errors
/// [`HomeError`].
pub(crate) fn local_home(
    service: &str,
    data_dir: Option<&Path>,
    paths: &Paths,
) -> Result<Home, HomeError> {
    let data = data_home(service, data_dir, paths)?;
    let keys = data.clone();
    Ok(Home { data, keys })
}

fn data_home(service: &str, data_dir: Option<&Path>, paths: &Paths) -> Result<PathBuf, HomeError> {
    let folder = match data_dir {
        Some(folder) => folder.to_path_buf(),
        None => paths.data_dir()?.join(service),
    };
    create_private_dir(&folder)?;
    Ok(folder)
}
