//! The text files of the workspace.
//!
//! In: the folder of the workspace. Out: its files, by path from there. What cargo and git keep is left out.

use std::path::{Path, PathBuf};

/// A file and what is in it.
pub(crate) struct Source {
    /// From the folder of the workspace, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent
        .expect("the tests are a folder of the workspace")
        .to_owned()
}

/// The files whose names end in one of `ends`, in order.
pub(crate) fn sources(ends: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root(), &mut paths);
    paths.sort();
    let wanted = paths
        .into_iter()
        .filter(|path| ends.iter().any(|end| path.to_string_lossy().ends_with(end)));
    wanted.map(|path| read(&path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let is_kept = name == "target" || (name.starts_with('.') && name != ".ci");
        if path.is_dir() && !is_kept {
            collect(&path, paths);
        } else if path.is_file() {
            paths.push(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let bytes = std::fs::read(path).expect("a file of the workspace");
    let relative = path.strip_prefix(root()).expect("it was found there");
    Source {
        path: relative.to_string_lossy().replace('\\', "/"),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Fails with the lines of `wrong`, if there are any.
pub(crate) fn assert_none(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}
