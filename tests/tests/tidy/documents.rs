//! Documents that must keep up with each other.

use regex::Regex;

use crate::sources::{assert_none, root, sources};

#[test]
fn decisions_are_numbered() {
    let name = Regex::new(r"^(\d{4})-[a-z0-9-]+\.md$").expect("a pattern");
    let mut names: Vec<String> = std::fs::read_dir(root().join("docs/decisions"))
        .expect("docs/decisions")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.retain(|name| name != "README.md");
    names.sort();
    let mut wrong = Vec::new();
    let mut last = String::new();
    for file in names {
        match name.captures(&file) {
            Some(found) if found[1] == last => wrong.push(format!("{file}: the number is taken")),
            Some(found) => last = found[1].to_owned(),
            None => wrong.push(format!("{file}: the name is not NNNN-title.md")),
        }
    }
    assert_none("these records have no number of their own", &wrong);
}

#[test]
fn decisions_are_in_their_index() {
    let folder = root().join("docs/decisions");
    let index =
        std::fs::read_to_string(folder.join("README.md")).expect("docs/decisions/README.md");
    let names = std::fs::read_dir(&folder).expect("docs/decisions");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let missing = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name != "README.md" && !index.contains(&format!("({name})")));
    assert_none(
        "these records are not in docs/decisions/README.md",
        &missing.collect::<Vec<_>>(),
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)\s#]+)[^)]*\)").expect("a pattern");
    let mut wrong = Vec::new();
    for source in sources(&[".md"]) {
        let folder = root().join(&source.path);
        let folder = folder.parent().expect("a file has a folder");
        for found in link.captures_iter(&source.text) {
            let target = &found[1];
            if !target.contains("://") && !folder.join(target).exists() {
                wrong.push(format!("{}: {target}", source.path));
            }
        }
    }
    assert_none("these links lead nowhere", &wrong);
}
