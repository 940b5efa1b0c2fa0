//! Why something could not be done with a file.

/// Why something could not be done with a file or the folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path leads out of the folder, or names something hidden.
    #[error("invalid pathname")]
    BadPath,
    /// The letters are no way to open a file.
    #[error("invalid mode string")]
    BadMode,
    /// No file is open under this number.
    #[error("invalid FHANDLE")]
    UnknownHandle,
    /// As many files are open as may be.
    #[error("too many files open")]
    TooManyFiles,
    /// The file was not opened for reading.
    #[error("file is open write-only")]
    NotReadable,
    /// The file was not opened for writing.
    #[error("file is open read-only")]
    NotWritable,
    /// There is nothing more to read.
    #[error("end of file")]
    EndOfFile,
    /// The answer would be larger than is allowed.
    #[error("more than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// The caller has lost patience.
    #[error("there is no time left")]
    NoTime,
    /// What the path names is no file that could be read or written like one.
    #[error("not a regular file")]
    NotAFile,
    /// The operating system refused.
    #[error("{}", without_number(.0))]
    Io(#[from] std::io::Error),
}

/// What the operating system says, as C programs know it: without the number that Rust adds.
fn without_number(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
