//! What the reference says about a builtin: names of its arguments, its answer, errors, permission.
//!
//! In: rows of the table, each with the words that stand beside its code. Out: the signature, the
//! lines of `function_help()`, and what docs/BUILTINS.md is written from. Nothing here runs one.

use super::{ArgType, BuiltinSpec, Origin};

/// The words of a row.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// The names of the arguments, in order, separated by spaces. A name may be followed by `:` and
    /// the types that it takes, where the table's own type says less; a last one that ends in `...`
    /// stands for any number.
    pub args: &'static str,
    /// The type of the answer, or a few words of it.
    pub returns: &'static str,
    /// One or two sentences on what it does.
    pub text: &'static str,
    /// What is raised besides `E_ARGS` and `E_TYPE` for wrong arguments: `CODE if ...`, separated by
    /// `; `.
    pub raises: &'static str,
    /// Who may call it; empty for everybody.
    pub permission: &'static str,
}

impl Reference {
    /// Of a row without words.
    pub(crate) const NONE: Self = Self {
        args: "",
        returns: "",
        text: "",
        raises: "",
        permission: "",
    };
}

impl BuiltinSpec {
    /// Gives the row its words: names of arguments, what it returns, what it does.
    pub(crate) const fn doc(
        mut self,
        args: &'static str,
        returns: &'static str,
        text: &'static str,
    ) -> Self {
        self.reference.args = args;
        self.reference.returns = returns;
        self.reference.text = text;
        self
    }

    /// Says that 1 and 0, where it answers them, stand for true and false.
    pub(crate) const fn truth(mut self) -> Self {
        self.answers_truth = true;
        self
    }

    /// Says what it raises.
    pub(crate) const fn raises(mut self, raises: &'static str) -> Self {
        self.reference.raises = raises;
        self
    }

    /// Says who may call it.
    pub(crate) const fn permission(mut self, permission: &'static str) -> Self {
        self.reference.permission = permission;
        self
    }

    /// How it is called: `listappend(list: LIST, value [, after: INT]) -> LIST`.
    #[must_use]
    pub fn signature(&self) -> String {
        let mut text = format!("{}(", self.name);
        for (index, arg) in self.args().enumerate() {
            let optional = index >= usize::from(self.args_min);
            text += match (optional, index) {
                (false, 0) => "",
                (false, _) => ", ",
                (true, 0) => "[",
                (true, _) => " [, ",
            };
            text += &arg;
            text += if optional { "]" } else { "" };
        }
        let truth = if self.answers_truth { "|BOOL" } else { "" };
        format!("{text}) -> {}{truth}", self.reference.returns)
    }

    /// The arguments, each with its types where it has any.
    fn args(&self) -> impl Iterator<Item = String> {
        let names = self.reference.args.split_ascii_whitespace().enumerate();
        names.map(|(index, arg)| {
            let (name, own) = arg.split_once(':').unwrap_or((arg, ""));
            let types = match self.types.get(index) {
                Some(ArgType::Any) | None => own,
                Some(one) => one.word(),
            };
            match types {
                "" => name.to_owned(),
                types => format!("{name}: {types}"),
            }
        })
    }

    /// What `function_help()` shows, line by line: signature, text, errors, permission, origin.
    #[must_use]
    pub fn help(&self) -> Vec<String> {
        let mut lines = vec![self.signature(), self.reference.text.to_owned()];
        let errors = self.errors();
        lines.extend(errors.map(|(code, cause)| format!("{code} {cause}")));
        if !self.reference.permission.is_empty() {
            lines.push(format!("Permission: {}", self.reference.permission));
        }
        lines.push(format!("From: {}", self.origin.name()));
        lines
    }

    /// What is raised, and when: the code and a clause that begins with `if` or another such word.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let clauses = self.reference.raises.split("; ");
        clauses.filter_map(|clause| clause.split_once(' '))
    }
}

impl Origin {
    /// The server's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LambdaMoo => "LambdaMOO",
            Self::ToastStunt => "ToastStunt",
            Self::MooR => "mooR",
            Self::Own => "moor",
        }
    }
}

impl ArgType {
    /// The type as programs and the reference name it.
    fn word(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Num => "INT|FLOAT",
            Self::Int => "INT",
            Self::Obj => "OBJ",
            Self::Str => "STR",
            Self::Err => "ERR",
            Self::List => "LIST",
            Self::Float => "FLOAT",
            Self::Map => "MAP",
            Self::Anon => "ANON",
            Self::Waif => "WAIF",
            Self::Bool => "BOOL",
            Self::Flyweight => "FLYWEIGHT",
            Self::Sym => "SYM",
            Self::Binary => "BINARY",
            Self::Name => "STR|SYM",
        }
    }
}
