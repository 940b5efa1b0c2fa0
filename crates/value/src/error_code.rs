//! The error codes of the language: one table of number, name and message.
//! In: a number or a name. Out: the code. Raising is the virtual machine's business.

macro_rules! error_codes {
    ($($variant:ident = $number:literal, $name:literal, $message:literal;)*) => {
        /// An error value. The numbers are those of ToastStunt and appear in databases.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names are MOO's own")]
        pub enum ErrorCode { $($variant = $number,)* }

        impl ErrorCode {
            /// Every code, by number.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The spelling in source, such as `E_TYPE`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The sentence of `tostr()` and of tracebacks, such as `Type mismatch`.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

error_codes! {
    None = 0, "E_NONE", "No error";
    Type = 1, "E_TYPE", "Type mismatch";
    Div = 2, "E_DIV", "Division by zero";
    Perm = 3, "E_PERM", "Permission denied";
    PropNf = 4, "E_PROPNF", "Property not found";
    VerbNf = 5, "E_VERBNF", "Verb not found";
    VarNf = 6, "E_VARNF", "Variable not found";
    InvInd = 7, "E_INVIND", "Invalid indirection";
    RecMove = 8, "E_RECMOVE", "Recursive move";
    MaxRec = 9, "E_MAXREC", "Too many verb calls";
    Range = 10, "E_RANGE", "Range error";
    Args = 11, "E_ARGS", "Incorrect number of arguments";
    NAcc = 12, "E_NACC", "Move refused by destination";
    InvArg = 13, "E_INVARG", "Invalid argument";
    Quota = 14, "E_QUOTA", "Resource limit exceeded";
    Float = 15, "E_FLOAT", "Floating-point arithmetic error";
    File = 16, "E_FILE", "File system error";
    Exec = 17, "E_EXEC", "Exec error";
    Intrpt = 18, "E_INTRPT", "Interrupted";
}

impl ErrorCode {
    /// The number that `toint()` gives.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code of that number, if there is one.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number)
            .ok()
            .and_then(|i| Self::ALL.get(i).copied())
    }

    /// The code spelled `name`, without regard to case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_lead_back() {
        for (i, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(usize::from(code.number()), i);
            assert_eq!(ErrorCode::from_number(i as i64), Some(*code));
            assert_eq!(
                ErrorCode::from_name(&code.name().to_lowercase()),
                Some(*code)
            );
        }
        assert_eq!(
            ErrorCode::from_number(ErrorCode::ALL.len() as i64),
            Option::None
        );
        assert_eq!(ErrorCode::from_number(-1), Option::None);
        assert_eq!(ErrorCode::from_name("E_BOGUS"), Option::None);
    }
}
