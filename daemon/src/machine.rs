//! What programs of the world reach of this machine: a folder of files, a folder of executables, a dictionary.
//!
//! In: flags. Out: both folders, open, and how to read the dictionary. Who may use them is the runtime's business.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use moor_files::Folder;
use moor_files::executables::{Executables, Guard};
use moor_runtime::Spelling;

use crate::args::Args;

/// The folder of wizards' files in the data directory; the store makes nothing of this name.
const FILES: &str = "files";
/// This very program, even if its file has been replaced since it was started.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The folder of files, which is made if it is not there.
pub(crate) fn files(args: &Args) -> Result<Arc<Folder>> {
    let path = files_path(args);
    let folder = Folder::open(&path)
        .with_context(|| format!("--files {}: not to be used as a folder", path.display()))?;
    Ok(Arc::new(folder))
}

fn files_path(args: &Args) -> PathBuf {
    let usual = || args.database.join(FILES);
    args.files.clone().unwrap_or_else(usual)
}

/// The folder of executables, if there is one. It may not overlap with what the world can write: whoever may write a
/// file there may run anything. Nothing is made: the folder of files may not be there yet.
pub(crate) fn executables(args: &Args) -> Result<Option<Arc<Executables>>> {
    let Some(path) = &args.executables else {
        return Ok(None);
    };
    let guard = Guard::new(OWN_PROGRAM, crate::PROGRAM);
    let executables = Executables::open(path, Some(guard)).with_context(|| {
        let path = path.display();
        format!("--executables {path}: not to be used as a folder")
    })?;
    let (own, files) = (executables.path(), resolved(&files_path(args)));
    if own.starts_with(&files) || files.starts_with(own) {
        bail!(
            "--executables {}: the world can write there, in {}; choose a folder apart from it",
            path.display(),
            files.display()
        );
    }
    Ok(Some(Arc::new(executables)))
}

/// Where a path leads, without links as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let there = path
        .ancestors()
        .find_map(|part| Some((part, part.canonicalize().ok()?)));
    match there {
        Some((part, real)) => match path.strip_prefix(part) {
            Ok(rest) => real.join(rest),
            Err(_) => real,
        },
        None => path,
    }
}

/// The dictionary, which is read when a program first asks.
pub(crate) fn spelling(args: &Args) -> Arc<Spelling> {
    let path = args.spelling_dictionary.clone();
    Arc::new(Spelling::new(move || {
        Ok((read(&path, "aff")?, read(&path, "dic")?))
    }))
}

fn read(path: &Path, ending: &str) -> std::io::Result<Vec<u8>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    std::fs::read(&name).map_err(|error| {
        let text = format!(
            "--spelling-dictionary: {}: {error}",
            Path::new(&name).display()
        );
        std::io::Error::new(error.kind(), text)
    })
}
