//! What a program uses that LambdaMOO's language has not got, and what ToastStunt's has not got either.
//! In: a syntax tree. Out: the first such thing of each kind, in words; files of those servers cannot hold the program.
//! Builtin functions are not looked at: LambdaMOO loads a call of one that it does not know, and the call fails.

use moor_compiler::LanguageVersion;
use moor_compiler::ast::{
    Ast, BinaryOp, Expr, ExprKind, Literal, Place, ScatterItem, Stmt, StmtKind, UnaryOp,
};
use moor_compiler::names::{Predefined, VarId};
use moor_compiler::walk::{Part, children, parts};
use moor_value::ErrorCode;

/// The property that the server itself keeps and that LambdaMOO has not got.
const LAST_MOVE: &str = "last_move";

/// The first thing in a program that another server's parser does not take, or takes for something else.
pub(crate) struct Newer {
    /// Than LambdaMOO's language.
    pub(crate) lambdamoo: Option<&'static str>,
    /// Than ToastStunt's.
    pub(crate) toaststunt: Option<&'static str>,
}

/// What is newer in a program.
pub(crate) fn newer_in(ast: &Ast) -> Newer {
    let mut walk = Walk {
        found: None,
        own: None,
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
    Newer {
        lambdamoo: walk.found.or(newer),
        toaststunt: walk.own,
    }
}

struct Walk {
    found: Option<&'static str>,
    /// What only this server has.
    own: Option<&'static str>,
    read: Vec<VarId>,
    assigned: Vec<VarId>,
}

impl Walk {
    fn newer(&mut self, what: &'static str) {
        self.found.get_or_insert(what);
    }

    fn own(&mut self, what: &'static str) {
        self.own.get_or_insert(what);
    }

    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.statement(stmt));
    }

    fn statement(&mut self, stmt: &Stmt) {
        if let StmtKind::ForIn { key: Some(_), .. } = &stmt.kind {
            self.newer("a loop over indices or keys");
        }
        match &stmt.kind {
            StmtKind::Declare { declarator, .. } | StmtKind::DeclareScatter { declarator, .. } => {
                self.own(declarator.word());
            }
            StmtKind::Begin(_) => self.own("`begin`"),
            StmtKind::Function { .. } => self.own("a function"),
            _ => {}
        }
        parts(stmt, &mut |part| match part {
            Part::Variable(id) => self.assigned.push(id),
            Part::Expr(expr) => self.expr(expr),
            Part::Block(body) => self.block(body),
        });
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal),
            ExprKind::Var(id) => self.read.push(*id),
            ExprKind::First => self.newer("`^` as an index"),
            ExprKind::Unary(UnaryOp::Complement, _) => self.newer("the operator `~`"),
            ExprKind::Step(_, place) => {
                self.newer("the operators `++` and `--`");
                self.place(place);
            }
            ExprKind::Binary(op, ..) => self.binary(*op),
            ExprKind::Prop { name, .. } => self.property(name),
            ExprKind::Map(_) => self.newer("a map"),
            ExprKind::Assign { place, .. } => self.place(place),
            ExprKind::Scatter { items, .. } => {
                self.assigned
                    .extend(items.iter().map(ScatterItem::variable));
            }
            ExprKind::Return(_) => self.own("`return` in an expression"),
            ExprKind::Error { .. } => self.own("an error with a message"),
            ExprKind::Flyweight { .. } => self.own("a flyweight"),
            ExprKind::Comprehension(_) => self.own("a list comprehension"),
            ExprKind::Function(_) => self.own("a function"),
            ExprKind::Apply { .. } => self.own("a call of a function that is a value"),
            _ => {}
        }
        children(expr, &mut |child| self.expr(child));
    }

    fn literal(&mut self, literal: &Literal) {
        let is_small = |number: i64| i32::try_from(number).is_ok();
        match literal {
            Literal::Int(number) if !is_small(*number) => {
                self.newer("an integer of more than 32 bits");
            }
            Literal::Obj(id) if id.is_unique() => self.own("a unique id"),
            Literal::Obj(id) if !is_small(id.0) => {
                self.newer("an object number of more than 32 bits");
            }
            Literal::Err(code) if *code > ErrorCode::Float => self.newer(code.name()),
            Literal::Custom(_) => self.own("an error of the world's own"),
            Literal::Sym(_) => self.own("a symbol"),
            Literal::Binary(_) => self.own("a binary value"),
            _ => {}
        }
    }

    fn binary(&mut self, op: BinaryOp) {
        use BinaryOp::{BitAnd, BitOr, BitXor, Shl, Shr};
        if matches!(op, BitAnd | BitOr | BitXor | Shl | Shr) {
            self.newer("an operator on bits");
        }
    }

    fn property(&mut self, name: &Expr) {
        if let ExprKind::Literal(Literal::Str(text)) = &name.kind {
            if text.starts_with(':') {
                self.newer("a property of a waif");
            }
            if text.eq_ignore_ascii_case(LAST_MOVE) {
                self.newer("the property `last_move`");
            }
        }
    }

    /// What is assigned; the expressions in it are looked at where the assignment is.
    fn place(&mut self, place: &Place) {
        match place {
            Place::Var(id) => self.assigned.push(*id),
            Place::Prop { name, .. } => self.property(name),
            Place::Index { base, .. } | Place::Range { base, .. } => self.place(base),
        }
    }
}
