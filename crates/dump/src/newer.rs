//! What a program uses that LambdaMOO's language has not got.
//! In: a syntax tree. Out: the first such thing, in words; a file of LambdaMOO's formats cannot hold the program.
//! Builtin functions are not looked at: LambdaMOO loads a call of one that it does not know, and the call fails.

use moor_compiler::LanguageVersion;
use moor_compiler::ast::{
    Arg, Ast, BinaryOp, Codes, Expr, ExprKind, Literal, Place, ScatterItem, Stmt, StmtKind, UnaryOp,
};
use moor_compiler::names::{Predefined, VarId};
use moor_value::ErrorCode;

/// The property that the server itself keeps and that LambdaMOO has not got.
const LAST_MOVE: &str = "last_move";

/// The first thing that LambdaMOO's parser does not take, or takes for something else.
pub(crate) fn newer_in(ast: &Ast) -> Option<&'static str> {
    let mut walk = Walk {
        found: None,
        read: Vec::new(),
        assigned: Vec::new(),
    };
    walk.block(&ast.body);
    let unassigned = |id: &&VarId| !walk.assigned.contains(id);
    let mut read = walk.read.iter().filter(unassigned);
    let newer = read.find_map(|id| {
        let predefined = ast.names.predefined(*id)?;
        let (_, name, since) = Predefined::ALL[predefined as usize];
        (since > LanguageVersion::LAMBDAMOO).then_some(name)
    });
    walk.found.or(newer)
}

struct Walk {
    found: Option<&'static str>,
    read: Vec<VarId>,
    assigned: Vec<VarId>,
}

impl Walk {
    fn newer(&mut self, what: &'static str) {
        self.found.get_or_insert(what);
    }

    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.statement(&stmt.kind));
    }

    fn statement(&mut self, kind: &StmtKind) {
        match kind {
            StmtKind::If { arms, otherwise } => {
                for arm in arms {
                    self.expr(&arm.condition);
                    self.block(&arm.body);
                }
                self.block(otherwise);
            }
            StmtKind::ForIn {
                value,
                key,
                container,
                body,
            } => {
                if key.is_some() {
                    self.newer("a loop over indices or keys");
                }
                self.assigned.extend([*value].into_iter().chain(*key));
                self.expr(container);
                self.block(body);
            }
            StmtKind::ForRange {
                var,
                from,
                to,
                body,
            } => {
                self.assigned.push(*var);
                self.expr(from);
                self.expr(to);
                self.block(body);
            }
            StmtKind::While {
                label,
                condition,
                body,
            } => {
                self.assigned.extend(*label);
                self.expr(condition);
                self.block(body);
            }
            StmtKind::Fork { task, delay, body } => {
                self.assigned.extend(*task);
                self.expr(delay);
                self.block(body);
            }
            StmtKind::TryExcept { body, arms } => {
                self.block(body);
                for arm in arms {
                    self.assigned.extend(arm.var);
                    self.codes(&arm.codes);
                    self.block(&arm.body);
                }
            }
            StmtKind::TryFinally { body, handler } => {
                self.block(body);
                self.block(handler);
            }
            StmtKind::Break(_) | StmtKind::Continue(_) | StmtKind::Return(None) => {}
            StmtKind::Return(Some(expr)) | StmtKind::Expr(expr) => self.expr(expr),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal),
            ExprKind::Var(id) => self.read.push(*id),
            ExprKind::First => self.newer("`^` as an index"),
            ExprKind::Last => {}
            ExprKind::Unary(op, operand) => {
                if *op == UnaryOp::Complement {
                    self.newer("the operator `~`");
                }
                self.expr(operand);
            }
            ExprKind::Step(_, place) => {
                self.newer("the operators `++` and `--`");
                self.place(place);
            }
            ExprKind::Binary(op, left, right) => {
                self.binary(*op);
                self.exprs(&[left, right]);
            }
            ExprKind::And(left, right) | ExprKind::Or(left, right) => self.exprs(&[left, right]),
            ExprKind::Cond {
                condition,
                consequent,
                alternate,
            } => self.exprs(&[condition, consequent, alternate]),
            ExprKind::Prop { object, name } => self.property(object, name),
            ExprKind::Verb { object, verb, args } => {
                self.exprs(&[object, verb]);
                self.args(args);
            }
            ExprKind::Index { base, index } => self.exprs(&[base, index]),
            ExprKind::Range { base, from, to } => self.exprs(&[base, from, to]),
            ExprKind::Call { args, .. } | ExprKind::List(args) => self.args(args),
            ExprKind::Map(pairs) => {
                self.newer("a map");
                for (key, value) in pairs {
                    self.exprs(&[key, value]);
                }
            }
            ExprKind::Assign { place, value } => {
                self.place(place);
                self.expr(value);
            }
            ExprKind::Scatter { items, value } => {
                items.iter().for_each(|item| self.scatter_item(item));
                self.expr(value);
            }
            ExprKind::Catch {
                body,
                codes,
                default,
            } => {
                self.expr(body);
                self.codes(codes);
                default.iter().for_each(|default| self.expr(default));
            }
        }
    }

    fn exprs(&mut self, exprs: &[&Expr]) {
        exprs.iter().for_each(|expr| self.expr(expr));
    }

    fn args(&mut self, args: &[Arg]) {
        args.iter().for_each(|arg| self.expr(arg.expr()));
    }

    fn codes(&mut self, codes: &Codes) {
        if let Codes::List(args) = codes {
            self.args(args);
        }
    }

    fn literal(&mut self, literal: &Literal) {
        let is_small = |number: i64| i32::try_from(number).is_ok();
        match literal {
            Literal::Int(number) if !is_small(*number) => {
                self.newer("an integer of more than 32 bits");
            }
            Literal::Obj(id) if !is_small(id.0) => {
                self.newer("an object number of more than 32 bits");
            }
            Literal::Err(code) if *code > ErrorCode::Float => self.newer(code.name()),
            _ => {}
        }
    }

    fn binary(&mut self, op: BinaryOp) {
        use BinaryOp::{BitAnd, BitOr, BitXor, Shl, Shr};
        if matches!(op, BitAnd | BitOr | BitXor | Shl | Shr) {
            self.newer("an operator on bits");
        }
    }

    fn property(&mut self, object: &Expr, name: &Expr) {
        if let ExprKind::Literal(Literal::Str(text)) = &name.kind {
            if text.starts_with(':') {
                self.newer("a property of a waif");
            }
            if text.eq_ignore_ascii_case(LAST_MOVE) {
                self.newer("the property `last_move`");
            }
        }
        self.exprs(&[object, name]);
    }

    fn place(&mut self, place: &Place) {
        match place {
            Place::Var(id) => self.assigned.push(*id),
            Place::Prop { object, name, .. } => self.property(object, name),
            Place::Index { base, index, .. } => {
                self.place(base);
                self.expr(index);
            }
            Place::Range { base, from, to, .. } => {
                self.place(base);
                self.exprs(&[from, to]);
            }
        }
    }

    fn scatter_item(&mut self, item: &ScatterItem) {
        match item {
            ScatterItem::Required(id) | ScatterItem::Rest(id) => self.assigned.push(*id),
            ScatterItem::Optional(id, default) => {
                self.assigned.push(*id);
                default.iter().for_each(|default| self.expr(default));
            }
        }
    }
}
