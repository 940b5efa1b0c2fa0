//! What can be assigned to: places, and the targets of scattering assignments.

use super::tree::{Args, Tree};
use super::{Parse, Parser, SCATTER_ITEMS_MAX};
use crate::ast::{AnyPos, Arg, Expr, ExprKind, Literal, Place, Pos, ScatterItem, StepOp};
use crate::error::ErrorKind;

/// The targets of a scattering assignment and the height of the highest default.
struct Targets {
    items: Vec<ScatterItem>,
    height: usize,
}

impl Parser<'_, '_> {
    /// `= value` after what it is assigned to.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn assignment(&mut self, target: Tree) -> Parse<Tree> {
        let pos = self.advance()?.pos;
        if let ExprKind::List(args) = target.expr.kind {
            let items = self.scatter_items(pos, args)?;
            return self.scatter_node(pos, Targets { items, height: 0 });
        }
        let target_pos = target.expr.pos;
        let value = self.expression()?;
        let below = target.height.max(value.height);
        let Some(place) = place(*target.expr) else {
            self.complain(pos, ErrorKind::IllegalTarget)?;
            return Ok(value);
        };
        self.check_place(target_pos, &place)?;
        let kind = ExprKind::Assign {
            place: Box::new(place),
            value: value.expr,
        };
        self.node(pos, below, kind)
    }

    /// `++` or `--` before a place.
    pub(super) fn step(&mut self, pos: Pos, op: StepOp, operand: Tree) -> Parse<Tree> {
        let (below, operand_pos) = (operand.height, operand.expr.pos);
        match place(*operand.expr) {
            Some(place) if !matches!(place, Place::Range { .. }) => {
                self.check_place(operand_pos, &place)?;
                self.node(pos, below, ExprKind::Step(op, Box::new(place)))
            }
            _ => {
                let word = match op {
                    StepOp::Increment => "increment",
                    StepOp::Decrement => "decrement",
                };
                self.complain(pos, ErrorKind::IllegalStep(word))?;
                Ok(self.leaf(pos, ExprKind::Literal(Literal::Int(0))))
            }
        }
    }

    /// `{..}`: a list, unless an element begins with `?`, as only a scattering assignment's target does, or a loop follows the
    /// first.
    pub(super) fn list_or_scatter(&mut self, pos: Pos) -> Parse<Tree> {
        self.advance()?;
        if self.at("?") {
            return self.scatter(pos, Args::default());
        }
        self.list(pos)
    }

    #[inline(never)] // to keep the frames of the recursion small
    fn list(&mut self, pos: Pos) -> Parse<Tree> {
        let mut args = Args::default();
        if self.eat("}")? {
            return self.node(pos, 0, ExprKind::List(args.list));
        }
        let before = self.before_element();
        let is_spliced = self.at("@");
        self.arg(&mut args)?;
        if self.at("for") && !is_spliced {
            return self.comprehension(pos, &before, args);
        }
        self.after_elements(&before);
        while self.eat(",")? {
            if self.at("?") {
                return self.scatter(pos, args);
            }
            self.arg(&mut args)?;
        }
        if !self.eat("}")? {
            return Err(self.unexpected("`}', `,' or an operator"));
        }
        self.node(pos, args.height, ExprKind::List(args.list))
    }

    /// The rest of `{a, ?b = 1, @c} = value`, from the first `?` on.
    #[inline(never)] // to keep the frames of the recursion small
    fn scatter(&mut self, pos: Pos, before: Args) -> Parse<Tree> {
        let items = if before.list.is_empty() {
            Vec::new()
        } else {
            self.scatter_items(pos, before.list)?
        };
        let mut targets = Targets { items, height: 0 };
        loop {
            self.scatter_item(&mut targets)?;
            if !self.eat(",")? {
                break;
            }
        }
        self.expect("}")?;
        self.expect("=")?;
        self.scatter_node(pos, targets)
    }

    fn scatter_item(&mut self, targets: &mut Targets) -> Parse<()> {
        let optional = self.eat("?")?;
        let rest = !optional && self.eat("@")?;
        let (pos, name) = (self.current.pos, self.expect_name()?);
        let id = self.resolve_assigned(pos, &name)?;
        let item = if rest {
            ScatterItem::Rest(id)
        } else if !optional {
            ScatterItem::Required(id)
        } else if self.eat("=")? {
            let default = self.expression()?;
            targets.height = targets.height.max(default.height);
            ScatterItem::Optional(id, Some(*default.expr))
        } else {
            ScatterItem::Optional(id, None)
        };
        targets.items.push(item);
        Ok(())
    }

    /// The value of a scattering assignment, and the assignment.
    fn scatter_node(&mut self, pos: Pos, targets: Targets) -> Parse<Tree> {
        self.check_scatter(pos, &targets.items)?;
        let value = self.expression()?;
        let below = targets.height.max(value.height);
        let kind = ExprKind::Scatter {
            items: targets.items,
            value: value.expr,
        };
        self.node(pos, below, kind)
    }

    /// A list's elements as targets.
    fn scatter_items(&mut self, pos: Pos, args: Vec<Arg>) -> Parse<Vec<ScatterItem>> {
        if args.is_empty() {
            self.complain(pos, ErrorKind::EmptyScatter)?;
        }
        let mut items = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                Arg::One(Expr {
                    kind: ExprKind::Var(id),
                    pos,
                }) => {
                    self.check_assigned(pos, id)?;
                    items.push(ScatterItem::Required(id));
                }
                Arg::Splice(Expr {
                    kind: ExprKind::Var(id),
                    pos,
                }) => {
                    self.check_assigned(pos, id)?;
                    items.push(ScatterItem::Rest(id));
                }
                Arg::One(other) | Arg::Splice(other) => {
                    self.complain(other.pos, ErrorKind::ScatterTarget)?;
                    break;
                }
            }
        }
        Ok(items)
    }

    /// Complains when the variable whose value changes is a constant.
    fn check_place(&mut self, pos: Pos, place: &Place) -> Parse<()> {
        match place {
            Place::Var(id) => self.check_assigned(pos, *id),
            Place::Index { base, .. } | Place::Range { base, .. } => self.check_place(pos, base),
            Place::Prop { .. } => Ok(()),
        }
    }

    pub(super) fn check_scatter(&mut self, pos: Pos, items: &[ScatterItem]) -> Parse<()> {
        let rests = items
            .iter()
            .filter(|item| matches!(item, ScatterItem::Rest(_)));
        if rests.count() > 1 {
            self.complain(pos, ErrorKind::ScatterRests)?;
        }
        if items.len() > SCATTER_ITEMS_MAX {
            self.complain(pos, ErrorKind::ScatterTargets)?;
        }
        Ok(())
    }
}

/// The place that an expression names, if it names one. Elements of a range are none.
fn place(expr: Expr) -> Option<Place> {
    match expr.kind {
        ExprKind::Range { base, from, to } => Some(Place::Range {
            pos: AnyPos(expr.pos),
            base: Box::new(element_place(*base)?),
            from: *from,
            to: *to,
        }),
        _ => element_place(expr),
    }
}

/// As [`place`], but a range is none.
fn element_place(expr: Expr) -> Option<Place> {
    let pos = AnyPos(expr.pos);
    match expr.kind {
        ExprKind::Var(id) => Some(Place::Var(id)),
        ExprKind::Prop { object, name } => Some(Place::Prop {
            pos,
            object: *object,
            name: *name,
        }),
        ExprKind::Index { base, index } => Some(Place::Index {
            pos,
            base: Box::new(element_place(*base)?),
            index: *index,
        }),
        _ => None,
    }
}
