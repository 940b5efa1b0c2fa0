//! The syntax tree of one MOO program: statements, expressions, and the table of its variable names.
//!
//! The parser makes it, the unparser prints it, the code generator reads it. It holds what the program says,
//! never how it is laid out: redundant parentheses, comments and empty statements are gone. Every statement
//! and expression keeps the position in the source that it came from.
//! It knows nothing of registers, of the database, or of what a builtin function does.
//!
//! Bound: no path from the root to a leaf is longer than [`DEPTH_MAX`](crate::parser::DEPTH_MAX) nodes when the
//! tree comes from the parser, so that every walk over it may be recursive.

use moor_value::{ErrorCode, ErrorName, ObjId};

use crate::names::{Names, VarId};

/// A program: the body and the variables that it names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ast {
    /// Every variable that the program mentions, in order of first appearance.
    pub names: Names,
    /// The statements of the program.
    pub body: Vec<Stmt>,
}

/// A place in the source text, both counted from 1. Columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos {
    /// Line, from 1.
    pub line: u32,
    /// Character within the line, from 1.
    pub column: u32,
}

impl Pos {
    /// The same place of a text that begins so many lines further down.
    pub(crate) const fn lower(self, by: u32) -> Self {
        Self {
            line: self.line.saturating_add(by),
            ..self
        }
    }
}

/// A statement and where it begins. Two statements are equal when they say the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Where the statement's first token stands.
    pub pos: Pos,
    /// What it says.
    pub kind: StmtKind,
}

impl PartialEq for Stmt {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The forms of statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `if (..) .. elseif (..) .. else .. endif`. At least one arm; an empty `otherwise` is no `else` at all.
    If {
        /// `if` and each `elseif`, in order.
        arms: Vec<CondArm>,
        /// What follows `else`.
        otherwise: Vec<Stmt>,
    },
    /// `for value in (list)` or `for value, key in (list)`; the container is a list, a string or a map.
    ForIn {
        /// Receives each element (of a map: each value).
        value: VarId,
        /// Receives each index (of a map: each key).
        key: Option<VarId>,
        /// What is walked over.
        container: Expr,
        /// The loop's body.
        body: Vec<Stmt>,
    },
    /// `for var in [from..to]`.
    ForRange {
        /// Receives each integer or object number.
        var: VarId,
        /// The first value.
        from: Expr,
        /// The last value.
        to: Expr,
        /// The loop's body.
        body: Vec<Stmt>,
    },
    /// `while (condition)` or `while name (condition)`.
    While {
        /// The loop's name. It is a variable too: each test stores the condition's value in it.
        label: Option<VarId>,
        /// Tested before each turn.
        condition: Expr,
        /// The loop's body.
        body: Vec<Stmt>,
    },
    /// `fork (delay)` or `fork name (delay)`.
    Fork {
        /// Receives the new task's id, in the parent and in the child.
        task: Option<VarId>,
        /// Seconds until the child starts.
        delay: Expr,
        /// What the child runs.
        body: Vec<Stmt>,
    },
    /// `try .. except .. endtry`. At least one arm, at most 255.
    TryExcept {
        /// The protected statements.
        body: Vec<Stmt>,
        /// The handlers, in order.
        arms: Vec<ExceptArm>,
    },
    /// `try .. finally .. endtry`.
    TryFinally {
        /// The protected statements.
        body: Vec<Stmt>,
        /// Runs however the body is left.
        handler: Vec<Stmt>,
    },
    /// `break;` (the innermost loop) or `break name;` (the innermost enclosing loop that has this name: its
    /// value, key or range variable, or its `while` name). Never crosses a `fork`; the parser has checked it.
    Break(Option<VarId>),
    /// `continue;` or `continue name;`, with the loop chosen as for `break`.
    Continue(Option<VarId>),
    /// `return;` or `return expr;`.
    Return(Option<Expr>),
    /// `expr;`.
    Expr(Expr),
    /// `let name;`, `let name = value;` and the same with `const` and `global`. Constants have a value.
    Declare {
        /// Which word it is.
        declarator: Declarator,
        /// The variable.
        id: VarId,
        /// Its value, evaluated before the name means the variable; without it, the variable has none.
        value: Option<Expr>,
    },
    /// `let {items} = value;` and the same with `const` and `global`; the items are as in [`ExprKind::Scatter`].
    DeclareScatter {
        /// Which word it is.
        declarator: Declarator,
        /// The variables, in order.
        items: Vec<ScatterItem>,
        /// The list that is taken apart; the items' names do not yet mean them in it.
        value: Expr,
    },
    /// `fn name(params) .. endfn`: declares a variable of the block that holds the function.
    Function {
        /// The variable.
        id: VarId,
        /// The function, whose own name is the variable's.
        function: Box<Function>,
    },
    /// `begin .. end`: declarations in it end with it.
    Begin(Vec<Stmt>),
}

/// The words that declare variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Declarator {
    /// `let`: a variable of the block.
    Let,
    /// `const`: one that is never assigned again.
    Const,
    /// `global`: to the end of the block the name means the variable of the whole program.
    Global,
}

impl Declarator {
    const ALL: [Self; 3] = [Self::Let, Self::Const, Self::Global];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Let => "let",
            Self::Const => "const",
            Self::Global => "global",
        }
    }

    /// The declarator of this word, in any case.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|declarator| declarator.word().eq_ignore_ascii_case(word))
    }
}

/// `if (condition) body` or `elseif (condition) body`.
#[derive(Clone, Debug)]
pub struct CondArm {
    /// Where `if` or `elseif` stands.
    pub pos: Pos,
    /// Decides whether the body runs.
    pub condition: Expr,
    /// The arm's statements.
    pub body: Vec<Stmt>,
}

impl PartialEq for CondArm {
    fn eq(&self, other: &Self) -> bool {
        self.condition == other.condition && self.body == other.body
    }
}

/// `except name (codes) body`.
#[derive(Clone, Debug)]
pub struct ExceptArm {
    /// Where `except` stands.
    pub pos: Pos,
    /// Receives `{code, message, value, traceback}`.
    pub var: Option<VarId>,
    /// Which errors are caught.
    pub codes: Codes,
    /// The handler.
    pub body: Vec<Stmt>,
}

impl PartialEq for ExceptArm {
    fn eq(&self, other: &Self) -> bool {
        self.var == other.var && self.codes == other.codes && self.body == other.body
    }
}

/// Which errors a handler catches.
#[derive(Clone, Debug, PartialEq)]
pub enum Codes {
    /// `ANY`: every error.
    Any,
    /// The elements of this list, evaluated when the protected part is entered. Never empty.
    List(Vec<Arg>),
}

/// An expression and where it begins. Two expressions are equal when they say the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where the expression stands: of an infix or postfix operator its operator, else its first token.
    pub pos: Pos,
    /// What it says.
    pub kind: ExprKind,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The forms of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Literal),
    /// A variable's value.
    Var(VarId),
    /// `^` inside `[..]`: the first index or key of the innermost value being indexed.
    First,
    /// `$` inside `[..]`: the last index or key of the innermost value being indexed.
    Last,
    /// `-a`, `!a`, `~a`.
    Unary(UnaryOp, Box<Expr>),
    /// `++place`, `--place`: adds or subtracts one; the value is the new one. Never a range.
    Step(StepOp, Box<Place>),
    /// An operator that always evaluates both sides, left first.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a && b`: `b` is evaluated only when `a` is true.
    And(Box<Expr>, Box<Expr>),
    /// `a || b`: `b` is evaluated only when `a` is false.
    Or(Box<Expr>, Box<Expr>),
    /// `condition ? consequent | alternate`.
    Cond {
        /// Decides.
        condition: Box<Expr>,
        /// The value when true.
        consequent: Box<Expr>,
        /// The value when false.
        alternate: Box<Expr>,
    },
    /// `object.name`, `object.(name)`, `$name` (which is `#0.name`), `object.:name` (whose name begins with `:`).
    Prop {
        /// The object, evaluated first.
        object: Box<Expr>,
        /// The name; a string literal when the source names the property itself.
        name: Box<Expr>,
    },
    /// `object:verb(args)`, `object:(verb)(args)`, `$verb(args)` (which is `#0:verb(args)`).
    Verb {
        /// The object, evaluated first.
        object: Box<Expr>,
        /// The name; a string literal when the source names the verb itself.
        verb: Box<Expr>,
        /// The arguments, evaluated last.
        args: Vec<Arg>,
    },
    /// `base[index]`.
    Index {
        /// A list, string or map; what `^` and `$` in `index` mean.
        base: Box<Expr>,
        /// An index or a key.
        index: Box<Expr>,
    },
    /// `base[from..to]`.
    Range {
        /// A list, string or map; what `^` and `$` in `from` and `to` mean.
        base: Box<Expr>,
        /// The first index or key.
        from: Box<Expr>,
        /// The last index or key.
        to: Box<Expr>,
    },
    /// `builtin(args)`. The name is in lower case and was known to the parser's caller.
    Call {
        /// The builtin function's name.
        builtin: Box<str>,
        /// Its arguments.
        args: Vec<Arg>,
    },
    /// `E_PERM(message)`: an error with a message of its own.
    Error {
        /// Which error.
        name: ErrorName,
        /// A string.
        message: Box<Expr>,
    },
    /// `<delegate, .slot = value, {contents}>`.
    Flyweight {
        /// The object whose verbs it has.
        delegate: Box<Expr>,
        /// Names, no two of them equal, and values.
        slots: Vec<(Box<str>, Expr)>,
        /// A list; without it there are none.
        contents: Option<Box<Expr>>,
    },
    /// `{args}`.
    List(Vec<Arg>),
    /// `[key -> value, ..]`.
    Map(Vec<(Expr, Expr)>),
    /// `place = value`; the value of the expression is `value`.
    Assign {
        /// What is assigned. Its own parts are evaluated before `value`.
        place: Box<Place>,
        /// The new value.
        value: Box<Expr>,
    },
    /// `{items} = value`; the value of the expression is `value`, a list. Never without items, at most 255, at
    /// most one of them a rest.
    Scatter {
        /// The targets, in order.
        items: Vec<ScatterItem>,
        /// The list that is taken apart.
        value: Box<Expr>,
    },
    /// `{params} => expr` or `fn (params) .. endfn`: a function, which captures variables of this program.
    Function(Box<Function>),
    /// `function(args)`: a call of a value.
    Apply {
        /// What is called; evaluated first.
        function: Box<Expr>,
        /// Whether it is written as its name before the parentheses: it is declared, or the program has mentioned it before
        /// and there is no builtin function of the name.
        is_plain: bool,
        /// The arguments.
        args: Vec<Arg>,
    },
    /// `{element for x in (list)}` and the like: a list of the element's values.
    Comprehension(Box<Comprehension>),
    /// `return value` or `return` within an expression: the program ends there. Never a whole statement, which is a
    /// [`StmtKind::Return`].
    Return(Option<Box<Expr>>),
    /// `` `body ! codes => default' ``.
    Catch {
        /// The protected expression.
        body: Box<Expr>,
        /// Which errors are caught.
        codes: Codes,
        /// The value after an error; without it, the error's code.
        default: Option<Box<Expr>>,
    },
}

/// A function: a program of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// How it is written.
    pub form: FunctionForm,
    /// The name by which it calls itself.
    pub name: Option<VarId>,
    /// Its parameters, taken from the arguments as a scattering assignment takes them.
    pub params: Vec<ScatterItem>,
    /// Its variables and statements; of [`FunctionForm::Arrow`] one `return` with a value. Parameters and name are variables of
    /// it too.
    pub ast: Ast,
    /// Every variable that it mentions and that is neither declared in it nor predefined.
    pub captures: Vec<Capture>,
}

/// How a function is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionForm {
    /// `{params} => expr`.
    Arrow,
    /// `fn name(params) .. endfn`, with or without a name.
    Block,
}

/// A variable of a function that begins with the value which a variable around it has when the function is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The function's variable.
    pub inner: VarId,
    /// The variable around it.
    pub outer: VarId,
}

/// A list that a loop makes. Its variables exist in the element only.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// Evaluated in each turn.
    pub element: Expr,
    /// Receives each element or value of what is walked over.
    pub value: VarId,
    /// Receives each index or key.
    pub key: Option<VarId>,
    /// What is walked over; evaluated before the first turn.
    pub source: Source,
}

/// What a list comprehension walks over.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `in (container)`: a list, a string or a map.
    In(Expr),
    /// `in [from..to]`, which has no index.
    Range(Expr, Expr),
}

/// A constant as the source wrote it. There is no boolean literal: `true` and `false` are variables that begin
/// with these values, as ToastStunt has them.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// An integer; one that is too large has wrapped around at 64 bits.
    Int(i64),
    /// A float, always finite.
    Float(f64),
    /// A string, its escapes resolved.
    Str(Box<str>),
    /// `#n`.
    Obj(ObjId),
    /// `E_TYPE` and its like.
    Err(ErrorCode),
    /// An error of the world's own, as it is spelled.
    Custom(Box<str>),
    /// `'name`.
    Sym(Box<str>),
    /// `b".."`.
    Binary(Box<[u8]>),
}

/// Operators before their operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-a`. The parser folds it into an integer or float literal.
    Negate,
    /// `!a`.
    Not,
    /// `~a`.
    Complement,
}

/// `++` and `--`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepOp {
    /// `++place`.
    Increment,
    /// `--place`.
    Decrement,
}

/// Operators between two operands that are both always evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is its operator
pub enum BinaryOp {
    /// `a in b`.
    In,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `a |. b`.
    BitOr,
    /// `a &. b`.
    BitAnd,
    /// `a ^. b`.
    BitXor,
    /// `a << b`.
    Shl,
    /// `a >> b`.
    Shr,
    Add,
    Sub,
    Mul,
    Div,
    /// `a % b`.
    Mod,
    /// `a ^ b`.
    Pow,
}

/// Something that can be assigned to.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A variable.
    Var(VarId),
    /// A property.
    Prop {
        /// Where the `.` stands.
        pos: AnyPos,
        /// The object.
        object: Expr,
        /// The name, as in [`ExprKind::Prop`].
        name: Expr,
    },
    /// One element of what another place holds.
    Index {
        /// Where the `[` stands.
        pos: AnyPos,
        /// The place that holds the container; never a [`Place::Range`].
        base: Box<Place>,
        /// An index or a key.
        index: Expr,
    },
    /// A part of what another place holds. Only ever the outermost place.
    Range {
        /// Where the `[` stands.
        pos: AnyPos,
        /// The place that holds the container; never a [`Place::Range`].
        base: Box<Place>,
        /// The first index or key.
        from: Expr,
        /// The last index or key.
        to: Expr,
    },
}

/// A position that does not count when two trees are compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyPos(pub Pos);

impl PartialEq for AnyPos {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One element of an argument list or of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `expr`.
    One(Expr),
    /// `@expr`: every element of a list.
    Splice(Expr),
}

impl Arg {
    /// The expression, with or without `@`.
    pub fn expr(&self) -> &Expr {
        match self {
            Arg::One(expr) | Arg::Splice(expr) => expr,
        }
    }
}

/// One target of a scattering assignment.
#[derive(Clone, Debug, PartialEq)]
pub enum ScatterItem {
    /// `name`: must be given.
    Required(VarId),
    /// `?name` or `?name = default`: without a default, left as it is when not given.
    Optional(VarId, Option<Expr>),
    /// `@name`: everything else.
    Rest(VarId),
}

impl ScatterItem {
    /// The variable that it assigns.
    pub fn variable(&self) -> VarId {
        match self {
            Self::Required(id) | Self::Optional(id, _) | Self::Rest(id) => *id,
        }
    }
}
