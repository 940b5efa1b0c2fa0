//! The folder of an object directory: which file holds what, and how files get there.
//! In: texts by name, or a folder. Out: files that are whole. An existing directory is brought up to date in its place,
//! so that it can be a work tree of git: nothing is changed before everything is written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use moor_value::ObjId;

/// The world's own file.
pub(crate) const WORLD: &str = "world.moo";
/// The folders of objects, which hold a folder for each thousand.
pub(crate) const OBJECTS: &str = "objects";
/// The folder, beside those of the thousands, of objects with unique ids.
const UNIQUE: &str = "unique";
/// The folder of anonymous objects.
pub(crate) const ANONYMOUS: &str = "anonymous";
/// How the names of all files end.
pub(crate) const ENDING: &str = ".moo";
/// The folder of files that are being written.
const UNFINISHED: &str = ".unfinished";
/// How many objects are in one folder.
const FOLDER_OBJECTS: i64 = 1000;

/// The file of all waifs.
pub(crate) const fn waifs_file() -> &'static str {
    "waifs.moo"
}

/// The file of a permanent object.
pub(crate) fn object_file(id: ObjId) -> String {
    if id.is_unique() {
        let text = id.to_string();
        return format!("{OBJECTS}/{UNIQUE}/{}{ENDING}", &text[1..]);
    }
    let thousand = id.0.div_euclid(FOLDER_OBJECTS);
    format!("{OBJECTS}/{thousand:03}/{}{ENDING}", id.0)
}

/// The file of an anonymous object.
pub(crate) fn anonymous_file(id: u64) -> String {
    format!("{ANONYMOUS}/{id}{ENDING}")
}

/// What was changed in a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changed {
    pub(crate) written: u64,
    pub(crate) removed: u64,
}

/// Files on their way into a folder. Whoever drops it before [`Files::settle`] has changed nothing.
pub(crate) struct Files {
    folder: PathBuf,
    unfinished: PathBuf,
    /// The files that the folder will have, with whether they are new or others than before.
    names: BTreeMap<String, bool>,
}

impl Files {
    /// Begins to write into `folder`, which is made if it is not there.
    pub(crate) fn begin(folder: &Path) -> io::Result<Self> {
        let unfinished = folder.join(UNFINISHED);
        fs::create_dir_all(folder)?;
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir(&unfinished)?;
        Ok(Self {
            folder: folder.to_owned(),
            unfinished,
            names: BTreeMap::new(),
        })
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, name: String, text: &str) -> io::Result<()> {
        let is_new = match fs::read(self.folder.join(&name)) {
            Ok(known) => known != text.as_bytes(),
            Err(_) => true,
        };
        if is_new {
            let path = self.unfinished.join(&name);
            make_parent(&path)?;
            fs::write(path, text)?;
        }
        self.names.insert(name, is_new);
        Ok(())
    }

    /// Puts the files in their places and removes those of objects that are no more.
    pub(crate) fn settle(self) -> io::Result<Changed> {
        let folder = File::open(&self.folder)?;
        // All at once: a world has more files than a disk has syncs to spare.
        rustix::fs::syncfs(&folder)?;
        let mut changed = Changed::default();
        for (name, _) in self.names.iter().filter(|(_, is_new)| **is_new) {
            let path = self.folder.join(name);
            make_parent(&path)?;
            fs::rename(self.unfinished.join(name), path)?;
            changed.written += 1;
        }
        for name in names(&self.folder)? {
            if !self.names.contains_key(&name) {
                fs::remove_file(self.folder.join(name))?;
                changed.removed += 1;
            }
        }
        rustix::fs::syncfs(&folder)?;
        Ok(changed)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next export.
        let _ = fs::remove_dir_all(&self.unfinished);
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The names of all files of an object directory, in the order of their names.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in [WORLD, waifs_file()] {
        if folder.join(name).is_file() {
            found.push(name.to_owned());
        }
    }
    files_of(folder, ANONYMOUS, &mut found)?;
    for thousand in entries(&folder.join(OBJECTS))? {
        files_of(folder, &format!("{OBJECTS}/{thousand}"), &mut found)?;
    }
    Ok(found)
}

fn files_of(folder: &Path, inner: &str, found: &mut Vec<String>) -> io::Result<()> {
    let path = folder.join(inner);
    let names = entries(&path)?.into_iter();
    let files = names.filter(|name| name.ends_with(ENDING) && path.join(name).is_file());
    found.extend(files.map(|name| format!("{inner}/{name}")));
    Ok(())
}

/// The names in a folder, sorted; none where there is no folder. Names that are not UTF-8 are not ours.
fn entries(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
