//! Ending with the process that started this one, even if that process was killed and could say nothing.
//!
//! In: the number of the parent. Out: SIGTERM to this process when the parent ends, which begins its drain. The
//! kernel sends it (Linux: `PR_SET_PDEATHSIG`); elsewhere the flag is refused rather than ignored.

/// Why the end of the parent cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ParentError {
    /// The parent ended before it could be followed, or never was the parent.
    #[error(
        "--parent-process {named}: the parent is process {found}; start this program from {named}"
    )]
    NotTheParent {
        /// The number that the flag gave.
        named: u32,
        /// The number of the process that is the parent now; 0 if it is outside this container.
        found: u32,
    },
    /// The operating system refused, or has no such thing.
    #[error("--parent-process: {0}")]
    Unsupported(#[from] std::io::Error),
}

/// Has the kernel send SIGTERM to this process when its parent `named` ends.
///
/// # Errors
/// [`ParentError::NotTheParent`] if `named` is not the parent, or no more; [`ParentError::Unsupported`] if the
/// kernel cannot do it.
pub(crate) fn follow(named: u32) -> Result<(), ParentError> {
    ask_kernel()?;
    // Checked after asking, so that a parent that ended in between is noticed by one or the other.
    let found = std::os::unix::process::parent_id();
    if found == named {
        Ok(())
    } else {
        Err(ParentError::NotTheParent { named, found })
    }
}

#[cfg(target_os = "linux")]
fn ask_kernel() -> std::io::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::TERM))?)
}

#[cfg(not(target_os = "linux"))]
fn ask_kernel() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
