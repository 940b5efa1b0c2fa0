//! What must be right on this machine alone: folders, files of keys and of the token, space for logs and keys.
//!
//! In: the program's folders. Out: findings, and the identities whose keys can be read. Nothing is made or mended.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use moor_keyring::KeyPair;
use moor_peer::{IDENTITIES_MAX, Known};

use super::Case;
use super::findings::Findings;
use crate::operator::output::bytes;

/// With less, files of keys and lines of logs are soon lost.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// Permission bits of the group and of others.
const FOREIGN_BITS: u32 = 0o077;

/// A key of this machine, and the daemon that knows it.
#[derive(Debug)]
pub(super) struct Identity {
    /// The name of its file.
    pub(super) name: String,
    pub(super) pair: KeyPair,
    pub(super) known: Option<Known>,
}

pub(super) fn look(case: &Case, findings: &mut Findings) -> Vec<Identity> {
    let Some(folder) = &case.keys else {
        findings.fail(
            "folder",
            "neither --data-dir nor HOME says where keys are; give --data-dir",
        );
        return Vec::new();
    };
    look_at_space(folder, findings);
    if !case.needs_keys() {
        return Vec::new();
    }
    if !is_private(folder, "folder", 0o700, findings) {
        return Vec::new();
    }
    let identities = look_at_keys(folder, findings);
    if identities.is_empty() {
        findings.skip(
            "key",
            "there is none yet; the program makes one at its first start",
        );
    }
    identities
}

fn look_at_space(folder: &Path, findings: &mut Findings) {
    // The folder itself may not be there yet.
    let Some(existing) = folder.ancestors().find(|path| path.exists()) else {
        return;
    };
    let free = rustix::fs::statvfs(existing).map(|found| found.f_bavail * found.f_frsize);
    match free {
        Ok(free) if free >= FREE_BYTES_MIN => {
            findings.ok(
                "disk",
                format!("{} free at {}", bytes(free), existing.display()),
            );
        }
        Ok(free) => findings.fail(
            "disk",
            format!(
                "only {} free at {}; make room",
                bytes(free),
                existing.display()
            ),
        ),
        Err(error) => findings.fail("disk", format!("{}: {error}", existing.display())),
    }
}

/// Whether only this user may open what is at `path`; a thing that is not there is open to nobody.
pub(super) fn is_private(path: &Path, check: &str, wanted: u32, findings: &mut Findings) -> bool {
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            findings.skip(check, format!("{shown} is not there yet"));
            return true;
        }
        Err(error) => {
            findings.fail(
                check,
                format!("{shown}: {error}; run this as the user of the program"),
            );
            return false;
        }
    };
    let (mode, owner) = (found.mode() & 0o7777, found.uid());
    let own = rustix::process::geteuid().as_raw();
    if mode & FOREIGN_BITS != 0 {
        findings.fail(
            check,
            format!("{shown}: mode {mode:04o} lets others in; run chmod {wanted:o} {shown}"),
        );
    } else if owner != own {
        findings.fail(
            check,
            format!("{shown}: belongs to user {owner}; run this, and the program, as one user"),
        );
    } else {
        findings.ok(check, format!("{shown}, mode {mode:04o}"));
        return true;
    }
    false
}

fn look_at_keys(folder: &Path, findings: &mut Findings) -> Vec<Identity> {
    let mut identities = Vec::new();
    for number in 1..=IDENTITIES_MAX {
        let name = format!("key-{number}");
        let path = folder.join(&name);
        if !path.exists() {
            continue;
        }
        let known = Known::read(&folder.join(format!("daemon-{number}")));
        match (KeyPair::load(&path), known) {
            (Err(error), _) => findings.fail("key", error.to_string()),
            (_, Err(error)) => findings.fail("key", error.to_string()),
            (Ok(pair), Ok(known)) => {
                let enrolled = match known {
                    Some(known) => format!("enrolled as {}", known.uuid),
                    None => "not enrolled yet".into(),
                };
                findings.ok("key", format!("{}, {enrolled}", path.display()));
                identities.push(Identity { name, pair, known });
            }
        }
    }
    identities
}
