//! A file system of its own that is soon full.
//!
//! In: a folder and a size. Out: the mounted folder; unmounted at the end. It needs the right to mount.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes that are written at a time while a disk is filled.
const BALLAST_STEP: usize = 4096;

/// A small disk; unmounted when it is dropped.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts a disk of that many bytes on a new folder; `None` where that is not allowed.
    ///
    /// # Panics
    /// If the folder cannot be made.
    #[must_use]
    pub fn mount(folder: &Path, bytes: usize) -> Option<Self> {
        fs::create_dir(folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        let done = mounted.is_ok_and(|status| status.success());
        done.then(|| Self(folder.to_owned()))
    }

    /// Fills what is left with a file, to the last block.
    ///
    /// # Panics
    /// If the file cannot be made.
    pub fn fill(&self) {
        let mut file = File::create(self.ballast()).expect("a file");
        while file.write_all(&[1; BALLAST_STEP]).is_ok() {}
    }

    /// Removes what [`SmallDisk::fill`] wrote.
    ///
    /// # Panics
    /// If it was not called.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("the disk was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a program may still be closing its files.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
