//! Declarations: `let`, `const`, `global`, and the block `begin .. end`.
//!
//! Their words are names wherever the older language has a meaning for them: what follows decides.

use super::{Parse, Parser, UnknownBuiltins};
use crate::ast::{Declarator, Expr, Pos, ScatterItem, Stmt, StmtKind};
use crate::error::ErrorKind;
use crate::features::Feature;
use crate::lexer::token::Token;
use crate::names::VarId;

/// The word that begins a block for its own sake.
pub(crate) const BEGIN: &str = "begin";
/// The word that ends it.
const END: &str = "end";

impl Parser<'_, '_> {
    /// The declaration that the statement here is, if it is one.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn declarator(&self) -> Option<Declarator> {
        let Token::Id(word) = &self.current.token else {
            return None;
        };
        let declarator = Declarator::from_word(word)?;
        let is_word = match self.lexer.peek_next().token {
            Token::Id(_) => true,
            Token::Sign(sign) => sign == "{",
            _ => false,
        };
        is_word.then_some(declarator)
    }

    /// `let name = value;`, `let {items} = value;` and the like, the word not yet taken.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn declaration(&mut self, declarator: Declarator) -> Parse<StmtKind> {
        let pos = self.current.pos;
        self.require(pos, Feature::LexicalScopes)?;
        self.advance()?;
        if self.at("{") {
            return self.scatter_declaration(declarator);
        }
        let (pos, name) = (self.current.pos, self.expect_name()?);
        let value = match declarator {
            // A constant that has no value would never have one.
            Declarator::Const => Some(self.declared_value()?),
            _ if self.at("=") => Some(self.declared_value()?),
            _ => None,
        };
        self.expect(";")?;
        let id = self.declare(pos, &name, declarator)?;
        Ok(StmtKind::Declare {
            declarator,
            id,
            value,
        })
    }

    fn declared_value(&mut self) -> Parse<Expr> {
        self.expect("=")?;
        Ok(*self.expression()?.expr)
    }

    /// `{items} = value;`. A default sees the names before it, the value none of them.
    fn scatter_declaration(&mut self, declarator: Declarator) -> Parse<StmtKind> {
        let pos = self.expect("{")?;
        let before = self.scopes.count();
        let mut items = Vec::new();
        loop {
            items.push(self.declared_item(declarator)?);
            if !self.eat(",")? {
                break;
            }
        }
        self.expect("}")?;
        self.check_scatter(pos, &items)?;
        let hidden = self.scopes.hide(before);
        let value = self.declared_value()?;
        self.scopes.show(hidden);
        self.expect(";")?;
        Ok(StmtKind::DeclareScatter {
            declarator,
            items,
            value,
        })
    }

    /// `name`, `?name`, `?name = default` or `@name`.
    pub(super) fn declared_item(&mut self, declarator: Declarator) -> Parse<ScatterItem> {
        let is_optional = self.eat("?")?;
        let is_rest = !is_optional && self.eat("@")?;
        let (pos, name) = (self.current.pos, self.expect_name()?);
        let default = match is_optional && self.at("=") {
            true => Some(self.declared_value()?),
            false => None,
        };
        let id = self.declare(pos, &name, declarator)?;
        Ok(match (is_optional, is_rest) {
            (true, _) => ScatterItem::Optional(id, default),
            (_, true) => ScatterItem::Rest(id),
            _ => ScatterItem::Required(id),
        })
    }

    /// Makes the name mean a new variable of the innermost block, or with `global` the program's own.
    pub(super) fn declare(&mut self, pos: Pos, name: &str, declarator: Declarator) -> Parse<VarId> {
        let known = self.scopes.find(name);
        if self.scopes.is_declared_here(name) && !known.is_some_and(|id| self.is_global(id)) {
            self.complain(pos, ErrorKind::DeclaredTwice(name.into()))?;
        }
        let id = match declarator {
            Declarator::Global => self.names.intern(name),
            Declarator::Let | Declarator::Const => {
                let slot = self.scopes.next_slot();
                self.scopes.take_slot();
                let is_constant = declarator == Declarator::Const;
                self.names.declare(name, slot, is_constant)
            }
        };
        self.scopes.declare(name, id);
        Ok(id)
    }

    /// Whether the variable belongs to the whole program.
    fn is_global(&self, id: VarId) -> bool {
        self.names.slot(id).is_none()
    }

    /// Whether `begin` stands here as a word: what follows cannot go on with a name, or begins a line of its own and may as
    /// well begin a statement.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn at_begin(&self) -> bool {
        if !self.at_id(BEGIN) {
            return false;
        }
        let next = self.lexer.peek_next();
        let is_below = next.pos.line > self.current.pos.line;
        match next.token {
            Token::Word(word) => word != "in",
            Token::Sign("{" | "`" | "$" | "!" | "~" | "++" | "--") => true,
            Token::Sign("(") => is_below || self.is_refused(BEGIN),
            Token::Sign("-" | "[" | "<" | "<<" | "'") => is_below,
            Token::Sign(_) => false,
            Token::Stray(_) | Token::End => false,
            _ => true,
        }
    }

    /// Whether a call of a function of this name would be an error.
    fn is_refused(&self, name: &str) -> bool {
        self.options.unknown_builtins == UnknownBuiltins::Refuse && !(self.options.is_builtin)(name)
    }

    /// `begin body end`.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn begin_statement(&mut self) -> Parse<StmtKind> {
        let pos = self.advance()?.pos;
        self.require(pos, Feature::LexicalScopes)?;
        let body = self.block_until(END)?;
        Ok(StmtKind::Begin(body))
    }

    /// A block with the word that ends it, which is a word wherever a statement of the block could begin.
    pub(super) fn block_until(&mut self, end: &'static str) -> Parse<Vec<Stmt>> {
        let body = self.scoped(|parser| {
            let mut statements = Vec::new();
            while !parser.at_block_end() && !parser.at_id(end) {
                statements.extend(parser.inner_statement()?);
            }
            Ok(statements)
        })?;
        if !self.at_id(end) {
            return Err(self.unexpected(format!("`{end}'")));
        }
        self.advance()?;
        Ok(body)
    }

    /// Whether the current token is this word, which is no keyword elsewhere.
    pub(super) fn at_id(&self, word: &str) -> bool {
        matches!(&self.current.token, Token::Id(name) if name.eq_ignore_ascii_case(word))
    }

    /// Parses something with a block of declarations of its own.
    pub(super) fn scoped<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        self.scopes.open();
        let parsed = parse(self)?;
        self.scopes.close();
        Ok(parsed)
    }

    /// The variable that a name means here.
    pub(super) fn resolve(&mut self, name: &str) -> VarId {
        if let Some(id) = self.scopes.find(name) {
            return id;
        }
        match self.declared_outside(name) {
            Some(is_constant) => self.names.intern_captured(name, is_constant),
            None => self.names.intern(name),
        }
    }

    /// The same for a variable that is about to be assigned at this place.
    pub(super) fn resolve_assigned(&mut self, pos: Pos, name: &str) -> Parse<VarId> {
        let id = self.resolve(name);
        self.check_assigned(pos, id)?;
        Ok(id)
    }

    /// Complains when the variable is a constant.
    pub(super) fn check_assigned(&mut self, pos: Pos, id: VarId) -> Parse<()> {
        if !self.names.is_constant(id) {
            return Ok(());
        }
        let name = self.names.spelling(id).into();
        self.complain(pos, ErrorKind::AssignedConstant(name))
    }
}
