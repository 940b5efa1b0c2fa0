//! Expressions as canonical source.
//!
//! Operands get parentheses by the levels of their operators. In four cases ToastStunt's text would mean another
//! program, and this one differs from it: a negative number before `.`, `:` or `[`, and `^` before `.`, get
//! parentheses; so does a negation under a negation, which would read as `--`; and a float that needs more than
//! 15 digits keeps them.

use moor_value::{Binary, FloatText, ObjId, Sym};

use super::Printer;
use crate::ast::{
    Arg, Codes, Comprehension, Expr, ExprKind, Function, FunctionForm, Literal, Place, ScatterItem,
    Source, StepOp, Stmt, StmtKind, UnaryOp,
};
use crate::lexer::token::is_identifier;
use crate::names::VarId;
use crate::parser::{BEGIN, FN};
use crate::precedence::{COND, Infix, POSTFIX, SUM, UNARY, level};

impl Printer<'_> {
    /// An expression that needs no parentheses where it stands.
    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal),
            ExprKind::Var(id) => self.name(*id),
            ExprKind::First => self.line.push('^'),
            ExprKind::Last => self.line.push('$'),
            ExprKind::Unary(op, operand) => self.unary(*op, operand),
            ExprKind::Step(op, place) => self.step(*op, place),
            ExprKind::Binary(op, left, right) => self.infix(Infix::Binary(*op), left, right),
            ExprKind::And(left, right) => self.infix(Infix::And, left, right),
            ExprKind::Or(left, right) => self.infix(Infix::Or, left, right),
            ExprKind::Cond {
                condition,
                consequent,
                alternate,
            } => self.cond(condition, consequent, alternate),
            ExprKind::Prop { object, name } => self.property(object, name),
            ExprKind::Verb { object, verb, args } => self.verb(object, verb, args),
            ExprKind::Index { base, index } => {
                self.base(base);
                self.index(index);
            }
            ExprKind::Range { base, from, to } => {
                self.base(base);
                self.range(from, to);
            }
            ExprKind::Call { builtin, args } => {
                self.line.push_str(builtin);
                self.call_args(args);
            }
            ExprKind::Error { name, message } => {
                self.line.push_str(name.as_str());
                self.line.push('(');
                self.expr(message);
                self.line.push(')');
            }
            ExprKind::Flyweight {
                delegate,
                slots,
                contents,
            } => self.flyweight(delegate, slots, contents.as_deref()),
            ExprKind::List(args) => self.list(args),
            ExprKind::Map(pairs) => self.map(pairs),
            ExprKind::Assign { place, value } => {
                self.place(place);
                self.line.push_str(" = ");
                self.expr(value);
            }
            ExprKind::Scatter { items, value } => self.scatter(items, value),
            ExprKind::Function(function) => self.function_expression(function),
            ExprKind::Apply {
                function,
                is_plain,
                args,
            } => {
                self.callee(function, *is_plain);
                self.call_args(args);
            }
            ExprKind::Comprehension(inner) => self.comprehension(inner),
            ExprKind::Return(value) => self.return_expression(value.as_deref()),
            ExprKind::Catch {
                body,
                codes,
                default,
            } => self.catch(body, codes, default.as_deref()),
        }
    }

    fn catch(&mut self, body: &Expr, codes: &Codes, default: Option<&Expr>) {
        self.line.push('`');
        self.expr(body);
        self.line.push_str(" ! ");
        self.codes(codes);
        if let Some(default) = default {
            self.line.push_str(" => ");
            self.expr(default);
        }
        self.line.push('\'');
    }

    /// An operand, in parentheses when its operator binds less tightly than this.
    fn operand(&mut self, expr: &Expr, level_min: u8) {
        let level = level(&expr.kind);
        let parentheses = level < level_min || (self.layout.fully_parenthesized && level < POSTFIX);
        self.parenthesized_if(parentheses, expr);
    }

    fn parenthesized_if(&mut self, parentheses: bool, expr: &Expr) {
        if !parentheses {
            return self.expr(expr);
        }
        self.line.push('(');
        self.expr(expr);
        self.line.push(')');
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr) {
        let (sign, level_min) = match op {
            UnaryOp::Negate if matches!(operand.kind, ExprKind::Unary(UnaryOp::Negate, _)) => {
                ('-', POSTFIX)
            }
            UnaryOp::Negate => ('-', UNARY),
            UnaryOp::Not => ('!', UNARY),
            UnaryOp::Complement => ('~', UNARY),
        };
        self.line.push(sign);
        self.operand(operand, level_min);
    }

    /// What is called, where it is no builtin function.
    fn callee(&mut self, function: &Expr, is_plain: bool) {
        let is_bare = match function.kind {
            ExprKind::Var(id) => is_plain && !self.begins_otherwise(id),
            ExprKind::Apply { .. }
            | ExprKind::Call { .. }
            | ExprKind::Verb { .. }
            | ExprKind::Index { .. } => true,
            _ => false,
        };
        self.parenthesized_if(!is_bare, function);
    }

    /// Whether the variable's name and a parenthesis begin something else here: `fn(` a function, `begin(` a block where a
    /// statement may begin.
    fn begins_otherwise(&self, id: VarId) -> bool {
        let is = |word: &str| self.names.spelling(id).eq_ignore_ascii_case(word);
        is(FN) || (is(BEGIN) && self.statement_at == Some(self.line.len()))
    }

    /// A function where an expression stands: with a name, and at the beginning of a statement, it would declare the name.
    fn function_expression(&mut self, function: &Function) {
        let declares = function.name.is_some() && self.statement_at == Some(self.line.len());
        if declares {
            self.line.push('(');
        }
        self.function(function);
        if declares {
            self.line.push(')');
        }
    }

    /// A function, whose variables have names of their own.
    pub(super) fn function(&mut self, function: &Function) {
        let mut inner = Printer {
            names: &function.ast.names,
            line: std::mem::take(&mut self.line),
            lines: std::mem::take(&mut self.lines),
            statement_at: None,
            ..*self
        };
        match function.form {
            FunctionForm::Arrow => inner.arrow_function(function),
            FunctionForm::Block => inner.block_function(function),
        }
        (self.line, self.lines) = (inner.line, inner.lines);
    }

    fn arrow_function(&mut self, function: &Function) {
        self.line.push('{');
        self.scatter_items(&function.params);
        self.line.push_str("} => ");
        if let [
            Stmt {
                kind: StmtKind::Return(Some(value)),
                ..
            },
        ] = &function.ast.body[..]
        {
            self.expr(value);
        }
    }

    fn block_function(&mut self, function: &Function) {
        self.line.push_str("fn ");
        if let Some(name) = function.name {
            self.name(name);
        }
        self.line.push('(');
        self.scatter_items(&function.params);
        self.line.push(')');
        self.end_line();
        self.worded_block(&function.ast.body, Some("endfn"));
        self.begin_line("endfn");
    }

    fn comprehension(&mut self, comprehension: &Comprehension) {
        self.line.push('{');
        self.expr(&comprehension.element);
        self.line.push_str(" for ");
        self.name(comprehension.value);
        if let Some(key) = comprehension.key {
            self.line.push_str(", ");
            self.name(key);
        }
        self.line.push_str(" in ");
        match &comprehension.source {
            Source::In(container) => self.parenthesized_if(true, container),
            Source::Range(from, to) => self.range(from, to),
        }
        self.line.push('}');
    }

    fn return_expression(&mut self, value: Option<&Expr>) {
        let Some(value) = value else {
            // Bare, it would take a `!` behind it for its own value.
            return self.line.push_str("(return)");
        };
        self.line.push_str("return ");
        self.expr(value);
    }

    fn step(&mut self, op: StepOp, place: &Place) {
        self.line.push_str(match op {
            StepOp::Increment => "++",
            StepOp::Decrement => "--",
        });
        self.place(place);
    }

    fn infix(&mut self, infix: Infix, left: &Expr, right: &Expr) {
        let (text, level) = infix.text();
        let to_the_right = infix.is_to_the_right();
        self.operand(left, if to_the_right { level + 1 } else { level });
        self.line.push(' ');
        self.line.push_str(text);
        self.line.push(' ');
        self.operand(right, if to_the_right { level } else { level + 1 });
    }

    fn cond(&mut self, condition: &Expr, consequent: &Expr, alternate: &Expr) {
        self.operand(condition, COND + 1);
        self.line.push_str(" ? ");
        self.expr(consequent);
        self.line.push_str(" | ");
        self.operand(alternate, COND + 1);
    }

    /// What stands before `.`, `:` or `[`.
    fn base(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(Literal::Int(value)) if *value < 0 => {
                self.parenthesized_if(true, expr)
            }
            ExprKind::Literal(Literal::Float(value)) if value.is_sign_negative() => {
                self.parenthesized_if(true, expr)
            }
            _ => self.operand(expr, POSTFIX),
        }
    }

    fn property(&mut self, object: &Expr, name: &Expr) {
        if let Some(name) = system_name(object, name) {
            self.line.push('$');
            self.line.push_str(name);
            return;
        }
        match &object.kind {
            // Digits and a dot would be a float.
            ExprKind::Literal(Literal::Int(value)) if *value >= 0 => {
                self.base(object);
                self.line.push(' ');
            }
            ExprKind::First => self.parenthesized_if(true, object),
            _ => self.base(object),
        }
        self.line.push('.');
        self.computed_name(name);
    }

    fn verb(&mut self, object: &Expr, verb: &Expr, args: &[Arg]) {
        if let Some(name) = system_name(object, verb) {
            self.line.push('$');
            self.line.push_str(name);
        } else {
            self.base(object);
            self.line.push(':');
            self.computed_name(verb);
        }
        self.call_args(args);
    }

    /// The name of a property or verb: as it is when it is an identifier, else an expression in parentheses.
    fn computed_name(&mut self, name: &Expr) {
        match identifier(name) {
            Some(name) => self.line.push_str(name),
            None => self.parenthesized_if(true, name),
        }
    }

    fn index(&mut self, index: &Expr) {
        self.line.push('[');
        self.expr(index);
        self.line.push(']');
    }

    fn range(&mut self, from: &Expr, to: &Expr) {
        self.line.push('[');
        self.expr(from);
        self.line.push_str("..");
        self.expr(to);
        self.line.push(']');
    }

    fn place(&mut self, place: &Place) {
        match place {
            Place::Var(id) => self.name(*id),
            Place::Prop { object, name, .. } => self.property(object, name),
            Place::Index { base, index, .. } => {
                self.place(base);
                self.index(index);
            }
            Place::Range { base, from, to, .. } => {
                self.place(base);
                self.range(from, to);
            }
        }
    }

    fn call_args(&mut self, args: &[Arg]) {
        self.line.push('(');
        self.args(args);
        self.line.push(')');
    }

    fn list(&mut self, args: &[Arg]) {
        self.line.push('{');
        self.args(args);
        self.line.push('}');
    }

    pub(super) fn args(&mut self, args: &[Arg]) {
        self.args_with(args, |_| false);
    }

    /// The same, with those in parentheses that want them here.
    pub(super) fn args_with(&mut self, args: &[Arg], wants_parentheses: fn(&Expr) -> bool) {
        for (index, arg) in args.iter().enumerate() {
            self.comma(index);
            if matches!(arg, Arg::Splice(_)) {
                self.line.push('@');
            }
            let expr = arg.expr();
            self.parenthesized_if(wants_parentheses(expr), expr);
        }
    }

    fn map(&mut self, pairs: &[(Expr, Expr)]) {
        self.line.push('[');
        for (index, (key, value)) in pairs.iter().enumerate() {
            self.comma(index);
            self.expr(key);
            self.line.push_str(" -> ");
            self.expr(value);
        }
        self.line.push(']');
    }

    /// What stands in it binds more tightly than what `>` could be a part of.
    fn flyweight(&mut self, delegate: &Expr, slots: &[(Box<str>, Expr)], contents: Option<&Expr>) {
        self.line.push('<');
        self.operand(delegate, SUM);
        for (name, value) in slots {
            self.line.push_str(", .");
            self.line.push_str(name);
            self.line.push_str(" = ");
            self.operand(value, SUM);
        }
        if let Some(contents) = contents {
            self.line.push_str(", ");
            self.operand(contents, SUM);
        }
        self.line.push('>');
    }

    pub(super) fn scatter(&mut self, items: &[ScatterItem], value: &Expr) {
        self.line.push('{');
        self.scatter_items(items);
        self.line.push_str("} = ");
        self.expr(value);
    }

    fn scatter_items(&mut self, items: &[ScatterItem]) {
        for (index, item) in items.iter().enumerate() {
            self.comma(index);
            self.scatter_item(item);
        }
    }

    fn scatter_item(&mut self, item: &ScatterItem) {
        match item {
            ScatterItem::Required(id) => self.name(*id),
            ScatterItem::Rest(id) => {
                self.line.push('@');
                self.name(*id);
            }
            ScatterItem::Optional(id, default) => {
                self.line.push('?');
                self.name(*id);
                if let Some(default) = default {
                    self.line.push_str(" = ");
                    self.expr(default);
                }
            }
        }
    }

    /// What separates an element from the one before it.
    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.line.push_str(", ");
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Int(value) => self.line.push_str(&value.to_string()),
            Literal::Float(value) => self.line.push_str(&float_text(*value)),
            Literal::Str(text) => self.string(text),
            Literal::Obj(id) => self.line.push_str(&id.to_string()),
            Literal::Err(code) => self.line.push_str(code.name()),
            Literal::Custom(name) => self.line.push_str(name),
            Literal::Sym(name) => {
                self.line.push('\'');
                match Sym::is_word(name) {
                    true => self.line.push_str(name),
                    false => self.string(name),
                }
            }
            Literal::Binary(bytes) => {
                let text = Binary::from_vec(bytes.to_vec()).to_base64();
                self.line.push('b');
                self.string(&text);
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.line.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                self.line.push('\\');
            }
            self.line.push(c);
        }
        self.line.push('"');
    }
}

/// The shortest text that reads as this float again: LambdaMOO's, when its 15 digits are enough.
fn float_text(value: f64) -> String {
    let usual = FloatText(value).to_string();
    match usual.parse::<f64>() {
        Ok(read) if read == value => usual,
        _ => format!("{value:?}"),
    }
}

/// The name in `$name`, when that is how `object.name` or `object:name()` is written.
fn system_name<'e>(object: &Expr, name: &'e Expr) -> Option<&'e str> {
    match object.kind {
        ExprKind::Literal(Literal::Obj(ObjId::SYSTEM)) => identifier(name),
        _ => None,
    }
}

/// The text of a string literal that can stand as a name.
fn identifier(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Literal(Literal::Str(text)) if is_identifier(text) => Some(text),
        _ => None,
    }
}

/// Whether the text of an expression may have a `{..} =>` in it that no bracket encloses: among the codes of a catch expression
/// that would be a list, and the arrow before the default.
pub(super) fn shows_arrow(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Function(function) => function.form == FunctionForm::Arrow,
        ExprKind::Unary(_, operand) => shows_arrow(operand),
        ExprKind::Binary(_, left, right)
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right) => shows_arrow(left) || shows_arrow(right),
        ExprKind::Cond {
            condition,
            consequent,
            alternate,
        } => [condition, consequent, alternate]
            .into_iter()
            .any(|part| shows_arrow(part)),
        ExprKind::Assign { value, .. } | ExprKind::Scatter { value, .. } => shows_arrow(value),
        ExprKind::Return(value) => value.as_deref().is_some_and(shows_arrow),
        ExprKind::Flyweight {
            delegate,
            slots,
            contents,
        } => {
            let slots = slots.iter().map(|(_, value)| value);
            let contents = contents.as_deref();
            let mut parts = slots.chain(contents).chain([&**delegate]);
            parts.any(shows_arrow)
        }
        _ => false,
    }
}
