//! Versions of the MOO language, numbered as the headers of textdumps number their formats.
//!
//! A program written before a word became a keyword may use it as a name. The parser is told which version a
//! program was written for, and treats later keywords and later predefined variables as plain names.

/// A version of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageVersion(pub u8);

impl LanguageVersion {
    /// Before versions were numbered.
    pub const PREHISTORY: Self = Self(0);
    /// `try`, `except`, `finally`, `endtry`, `ANY`.
    pub const EXCEPTIONS: Self = Self(1);
    /// `break`, `continue`.
    pub const BREAK_CONTINUE: Self = Self(2);
    /// Floats, `INT`, `FLOAT`, `E_FLOAT`.
    pub const FLOAT: Self = Self(3);
    /// LambdaMOO 1.8.1 and later.
    pub const LAMBDAMOO: Self = Self(4);
    /// `MAP`.
    pub const MAP: Self = Self(7);
    /// `E_FILE`.
    pub const FILE_IO: Self = Self(8);
    /// `E_EXEC`.
    pub const EXEC: Self = Self(9);
    /// `E_INTRPT`.
    pub const INTERRUPT: Self = Self(10);
    /// `ANON`.
    pub const ANON: Self = Self(13);
    /// `WAIF`.
    pub const WAIF: Self = Self(14);
    /// `BOOL`, `true`, `false`.
    pub const BOOL: Self = Self(17);
    /// The language as it is now.
    pub const CURRENT: Self = Self::BOOL;
}

impl Default for LanguageVersion {
    fn default() -> Self {
        Self::CURRENT
    }
}
