//! List comprehensions: `{element for x in (list)}`, `{element for x, k in (map)}`, `{element for x in [a..b]}`.

use super::rename::rename;
use super::tree::{Args, Tree};
use super::{Parse, Parser};
use crate::ast::{Arg, Comprehension, Expr, ExprKind, Pos, Source};
use crate::features::Feature;
use crate::names::VarId;

/// What was there before the first element of a list, which may be the element of a comprehension.
pub(super) struct Before {
    /// How many variables the program had.
    names: usize,
    /// The most slots that were taken so far in this place.
    peak: u32,
}

impl Parser<'_, '_> {
    /// Remembers what a comprehension must know that may begin here.
    pub(super) fn before_element(&mut self) -> Before {
        Before {
            names: self.names.len(),
            peak: self.scopes.begin_peak(),
        }
    }

    /// The list that begins here is none whose loop follows.
    pub(super) fn after_elements(&mut self, before: &Before) {
        self.scopes.end_peak(before.peak);
    }

    /// The rest of a comprehension, from `for` on, behind its only element. Its variables exist in the element only.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn comprehension(&mut self, pos: Pos, before: &Before, only: Args) -> Parse<Tree> {
        let height = only.height;
        let Some(Arg::One(mut element)) = only.list.into_iter().next() else {
            return Err(self.unexpected("`}'"));
        };
        let for_pos = self.expect("for")?;
        self.require(for_pos, Feature::ListComprehensions)?;
        let value = self.element_variable(before, &mut element)?;
        let key = match self.eat(",")? {
            true => Some(self.element_variable(before, &mut element)?),
            false => None,
        };
        self.after_elements(before);
        self.expect("in")?;
        // Its frames are so large that it counts twice.
        let (source, source_height) = self.nested(|parser| parser.source(key.is_none()))?;
        self.expect("}")?;
        let below = height.max(source_height);
        let comprehension = Comprehension {
            element,
            value,
            key,
            source,
        };
        self.node(pos, below, ExprKind::Comprehension(Box::new(comprehension)))
    }

    /// A name behind `for`, which from now on means a variable of its own in the element.
    fn element_variable(&mut self, before: &Before, element: &mut Expr) -> Parse<VarId> {
        let name = self.expect_name()?;
        let slot = self.scopes.slot_above_peak();
        let meant = self.scopes.find(&name).or_else(|| self.names.find(&name));
        if let Some(id) = meant.filter(|id| id.0 as usize >= before.names) {
            // Nothing but the element knows it.
            self.names.make_local(id, &name, slot);
            return Ok(id);
        }
        let id = self.names.declare(&name, slot, false);
        if let Some(outer) = meant {
            rename(element, outer, id);
        }
        Ok(id)
    }

    /// `(container)`, or `[from..to]` where that may be, and its height.
    fn source(&mut self, may_be_range: bool) -> Parse<(Source, usize)> {
        if may_be_range && self.eat("[")? {
            let from = self.expression()?;
            self.expect("..")?;
            let to = self.expression()?;
            self.expect("]")?;
            let height = from.height.max(to.height);
            return Ok((Source::Range(*from.expr, *to.expr), height));
        }
        if !self.at("(") {
            return Err(self.unexpected(if may_be_range { "`(' or `['" } else { "`('" }));
        }
        self.advance()?;
        let container = self.expression()?;
        self.expect(")")?;
        Ok((Source::In(*container.expr), container.height))
    }
}
