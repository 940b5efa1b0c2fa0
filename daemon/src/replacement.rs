//! A file that is there whole or not at all.
//!
//! In: a path, and who writes the contents. Out: the file, durable, in the place of what was there; after any failure
//! what was there, and nothing beside it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use anyhow::{Context, Result};

/// Replaces the file at `path` by what `write` writes.
pub(crate) fn replace<T>(path: &Path, write: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    let name = path
        .file_name()
        .with_context(|| format!("{}: this names no file", path.display()))?;
    let folder = folder_of(path);
    let unfinished = folder.join(unfinished(name));
    let written = write_unfinished(&unfinished, write).and_then(|written| {
        std::fs::rename(&unfinished, path)?;
        Ok(written)
    });
    if written.is_err() {
        // It may not be there at all.
        let _ = std::fs::remove_file(&unfinished);
    }
    let written = written.with_context(|| path.display().to_string())?;
    sync_folder(folder).with_context(|| folder.display().to_string())?;
    Ok(written)
}

fn write_unfinished<T>(path: &Path, write: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    let written = write(&mut file)?;
    file.sync_all()?;
    Ok(written)
}

/// The name of a file that is being written: the same for every attempt, so that what a crash leaves is used again.
fn unfinished(name: &std::ffi::OsStr) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".unfinished");
    hidden
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the new name durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("moor-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = scratch("replacement");
        let path = folder.join("world.db");
        replace(&path, |file| Ok(file.write_all(b"first")?)).expect("it is written");
        let failed = replace(&path, |file| -> Result<()> {
            file.write_all(b"half of the sec")?;
            anyhow::bail!("no space left")
        });
        let message = format!("{:#}", failed.expect_err("it fails"));
        assert!(message.ends_with("world.db: no space left"), "{message}");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"first");
        assert_eq!(names(&folder), ["world.db"]);
        replace(&path, |file| Ok(file.write_all(b"second")?)).expect("it is written");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"second");
        std::fs::remove_dir_all(folder).expect("it is removed");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_stays_away() {
        let path = scratch("no-folder").join("missing").join("world.db");
        assert!(replace(&path, |_| Ok(())).is_err());
        assert!(!path.parent().expect("it has a parent").exists());
    }
}
