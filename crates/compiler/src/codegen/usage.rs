//! What a program does with its variables, found before code is generated.

use rustc_hash::FxHashSet;

use super::function::captured;
use crate::ast::{Arg, Ast, Expr, ExprKind, Literal, Place, Stmt, StmtKind};
use crate::names::{Predefined, VarId};
use crate::walk::{Part, children, parts};

/// How a program uses `args`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArgsUse {
    /// Only element by element: `args[1]`, `length(args)`, `{a, b} = args;`.
    Window,
    /// As [`Window`](Self::Window), by one scattering assignment that runs at most once.
    Once,
    /// As a list.
    List,
}

/// The elements of an exception that come before its traceback.
const HEAD_LEN: u16 = 3;

/// The variables that are assigned, those of which more is used, and the use of `args`.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) assigned: FxHashSet<VarId>,
    /// Variables that are read otherwise than by their first [`HEAD_LEN`] elements and their length.
    pub(super) whole: FxHashSet<VarId>,
    pub(super) args: ArgsUse,
}

impl Usage {
    pub(super) fn of(ast: &Ast) -> Self {
        let args = ast.names.find(Predefined::Args.name());
        let args = args.filter(|id| ast.names.predefined(*id) == Some(Predefined::Args));
        let mut scan = Scan {
            args,
            ..Scan::default()
        };
        ast.body.iter().for_each(|stmt| scan.stmt(stmt));
        let scattered = |stmt: &&Stmt| args.is_some_and(|args| scatters(stmt, args));
        let first_level = ast.body.iter().filter(scattered).count();
        let is_list = scan.mentions != scan.element_uses
            || args.is_some_and(|id| scan.assigned.contains(&id));
        let args = match (is_list, scan.mentions, first_level) {
            (true, ..) => ArgsUse::List,
            (false, 1, 1) => ArgsUse::Once,
            _ => ArgsUse::Window,
        };
        Self {
            assigned: scan.assigned,
            whole: scan.whole,
            args,
        }
    }
}

/// Whether the statement is `{...} = args;`, or a declaration like it.
pub(super) fn scatters(stmt: &Stmt, args: VarId) -> bool {
    let value = match &stmt.kind {
        StmtKind::Expr(Expr {
            kind: ExprKind::Scatter { value, .. },
            ..
        }) => value,
        StmtKind::DeclareScatter { value, .. } => value,
        _ => return false,
    };
    value.kind == ExprKind::Var(args)
}

/// Whether evaluating the expression may assign the variable.
pub(super) fn assigns(expr: &Expr, id: VarId) -> bool {
    let mut scan = Scan::default();
    scan.expr(expr);
    scan.assigned.contains(&id)
}

/// Whether the expression reads or may assign the variable.
pub(super) fn mentions(expr: &Expr, id: VarId) -> bool {
    let mut found = expr.kind == ExprKind::Var(id) || assigns(expr, id);
    found |= captured(expr).any(|captured| captured == id);
    if !found {
        children(expr, &mut |child| found |= mentions(child, id));
    }
    found
}

/// Whether `^` or `$` in the expression mean the value that it indexes itself.
pub(super) fn has_edge(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::First | ExprKind::Last => true,
        // What stands between these brackets has `^` and `$` of its own.
        ExprKind::Index { base, .. } | ExprKind::Range { base, .. } => has_edge(base),
        ExprKind::Assign { place, value } => place_has_edge(place) || has_edge(value),
        ExprKind::Step(_, place) => place_has_edge(place),
        _ => {
            let mut found = false;
            children(expr, &mut |child| found |= has_edge(child));
            found
        }
    }
}

fn place_has_edge(place: &Place) -> bool {
    match place {
        Place::Var(_) => false,
        Place::Prop { object, name, .. } => has_edge(object) || has_edge(name),
        Place::Index { base, .. } | Place::Range { base, .. } => place_has_edge(base),
    }
}

#[derive(Default)]
struct Scan {
    assigned: FxHashSet<VarId>,
    whole: FxHashSet<VarId>,
    args: Option<VarId>,
    mentions: u32,
    element_uses: u32,
}

impl Scan {
    fn assign(&mut self, id: VarId) {
        self.assigned.insert(id);
    }

    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        if self.args.is_some_and(|args| scatters(stmt, args)) {
            self.element_uses += 1;
        }
        parts(stmt, &mut |part| match part {
            Part::Variable(id) => self.assign(id),
            Part::Expr(expr) => self.expr(expr),
            Part::Block(body) => self.block(body),
        });
        if let StmtKind::Function { function, .. } = &stmt.kind {
            let outer = function.captures.iter().map(|capture| capture.outer);
            self.whole.extend(outer);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.count_args(expr);
        match &expr.kind {
            ExprKind::Assign { place, .. } | ExprKind::Step(_, place) => self.assign_root(place),
            ExprKind::Scatter { items, .. } => {
                items.iter().for_each(|item| self.assign(item.variable()));
            }
            ExprKind::Function(_) => self.whole.extend(captured(expr)),
            ExprKind::Comprehension(inner) => {
                self.assign(inner.value);
                inner.key.iter().for_each(|key| self.assign(*key));
            }
            ExprKind::Var(id) => {
                self.whole.insert(*id);
            }
            _ if uses_head(expr).is_some_and(|id| self.args != Some(id)) => return,
            _ => {}
        }
        children(expr, &mut |child| self.expr(child));
    }

    /// The variable whose value an assignment changes, and its mention.
    fn assign_root(&mut self, place: &Place) {
        match place {
            Place::Var(id) => self.assign(*id),
            Place::Index { base, .. } | Place::Range { base, .. } => self.assign_root(base),
            Place::Prop { .. } => {}
        }
    }

    fn count_args(&mut self, expr: &Expr) {
        let Some(args) = self.args else { return };
        let is_args = |expr: &Expr| expr.kind == ExprKind::Var(args);
        match &expr.kind {
            ExprKind::Var(id) if *id == args => self.mentions += 1,
            ExprKind::Index { base, index } if is_args(base) && argument_index(index).is_some() => {
                self.element_uses += 1;
            }
            ExprKind::Call { builtin, args } if &**builtin == "length" => {
                if let [Arg::One(arg)] = args.as_slice()
                    && is_args(arg)
                {
                    self.element_uses += 1;
                }
            }
            _ => {}
        }
    }
}

/// The variable of which the expression is one of the first [`HEAD_LEN`] elements, or the length.
fn uses_head(expr: &Expr) -> Option<VarId> {
    let whole = match &expr.kind {
        ExprKind::Index { base, index }
            if argument_index(index).is_some_and(|n| (1..=HEAD_LEN).contains(&n)) =>
        {
            base
        }
        ExprKind::Call { builtin, args } if &**builtin == "length" => match args.as_slice() {
            [Arg::One(arg)] => arg,
            _ => return None,
        },
        _ => return None,
    };
    match whole.kind {
        ExprKind::Var(id) => Some(id),
        _ => None,
    }
}

/// The index of an element that can be taken from the arguments directly.
pub(super) fn argument_index(index: &Expr) -> Option<u16> {
    match &index.kind {
        ExprKind::Literal(Literal::Int(n)) => u16::try_from(*n).ok(),
        _ => None,
    }
}
