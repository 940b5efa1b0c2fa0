//! How tightly each operator binds: the one table that the parser and the unparser share.
//!
//! A larger number binds tighter. All infix operators of one level associate to the left, except `^` and `=`.

use crate::ast::{BinaryOp, ExprKind, FunctionForm};

/// `place = value`, to the right.
pub(crate) const ASSIGN: u8 = 1;
/// `a ? b | c`, not associative.
pub(crate) const COND: u8 = 2;
/// `||` and `&&`, which share one level.
pub(crate) const LOGIC: u8 = 3;
/// Comparisons and `in`.
pub(crate) const COMPARE: u8 = 4;
/// `|.`, `&.`, `^.`.
pub(crate) const BITS: u8 = 5;
/// `<<`, `>>`.
pub(crate) const SHIFT: u8 = 6;
/// `+`, `-`.
pub(crate) const SUM: u8 = 7;
/// `*`, `/`, `%`.
pub(crate) const PRODUCT: u8 = 8;
/// `^`, to the right.
pub(crate) const POWER: u8 = 9;
/// Everything before its operand.
pub(crate) const UNARY: u8 = 10;
/// `.`, `:`, `[..]`.
pub(crate) const POSTFIX: u8 = 11;
/// What needs no operand.
pub(crate) const PRIMARY: u8 = 12;

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Infix {
    And,
    Or,
    Binary(BinaryOp),
}

const INFIX: [(&str, Infix, u8); 20] = [
    ("||", Infix::Or, LOGIC),
    ("&&", Infix::And, LOGIC),
    ("==", Infix::Binary(BinaryOp::Eq), COMPARE),
    ("!=", Infix::Binary(BinaryOp::Ne), COMPARE),
    ("<", Infix::Binary(BinaryOp::Lt), COMPARE),
    ("<=", Infix::Binary(BinaryOp::Le), COMPARE),
    (">", Infix::Binary(BinaryOp::Gt), COMPARE),
    (">=", Infix::Binary(BinaryOp::Ge), COMPARE),
    ("in", Infix::Binary(BinaryOp::In), COMPARE),
    ("|.", Infix::Binary(BinaryOp::BitOr), BITS),
    ("&.", Infix::Binary(BinaryOp::BitAnd), BITS),
    ("^.", Infix::Binary(BinaryOp::BitXor), BITS),
    ("<<", Infix::Binary(BinaryOp::Shl), SHIFT),
    (">>", Infix::Binary(BinaryOp::Shr), SHIFT),
    ("+", Infix::Binary(BinaryOp::Add), SUM),
    ("-", Infix::Binary(BinaryOp::Sub), SUM),
    ("*", Infix::Binary(BinaryOp::Mul), PRODUCT),
    ("/", Infix::Binary(BinaryOp::Div), PRODUCT),
    ("%", Infix::Binary(BinaryOp::Mod), PRODUCT),
    ("^", Infix::Binary(BinaryOp::Pow), POWER),
];

impl Infix {
    /// Whether `a op b op c` means `a op (b op c)`.
    pub(crate) fn is_to_the_right(self) -> bool {
        self == Infix::Binary(BinaryOp::Pow)
    }

    /// The infix operator of this text, and its level.
    pub(crate) fn from_text(text: &str) -> Option<(Infix, u8)> {
        INFIX
            .iter()
            .find(|(sign, ..)| *sign == text)
            .map(|&(_, infix, level)| (infix, level))
    }

    /// The operator's text and level.
    pub(crate) fn text(self) -> (&'static str, u8) {
        let row = INFIX.iter().find(|(_, infix, _)| *infix == self);
        let &(text, _, level) = row.expect("every infix operator is in the table");
        (text, level)
    }
}

/// The level of a whole expression. A map and a step are at the lowest, because ToastStunt's table leaves them
/// out: it prints a map that is an operand in parentheses, and so does `verb_code()` here. A `return`, and a
/// function behind `=>`, take everything behind them.
pub(crate) fn level(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Map(_) | ExprKind::Step(..) | ExprKind::Return(Some(_)) => 0,
        ExprKind::Function(function) if function.form == FunctionForm::Arrow => 0,
        ExprKind::Assign { .. } | ExprKind::Scatter { .. } => ASSIGN,
        ExprKind::Cond { .. } => COND,
        ExprKind::And(..) | ExprKind::Or(..) => LOGIC,
        ExprKind::Binary(op, ..) => Infix::Binary(*op).text().1,
        ExprKind::Unary(..) => UNARY,
        ExprKind::Prop { .. }
        | ExprKind::Verb { .. }
        | ExprKind::Index { .. }
        | ExprKind::Apply { .. }
        | ExprKind::Range { .. } => POSTFIX,
        ExprKind::Literal(_)
        | ExprKind::Var(_)
        | ExprKind::First
        | ExprKind::Last
        | ExprKind::Call { .. }
        | ExprKind::Error { .. }
        | ExprKind::Flyweight { .. }
        | ExprKind::List(_)
        | ExprKind::Comprehension(_)
        | ExprKind::Function(_)
        // It is printed in parentheses of its own.
        | ExprKind::Return(None)
        | ExprKind::Catch { .. } => PRIMARY,
    }
}
