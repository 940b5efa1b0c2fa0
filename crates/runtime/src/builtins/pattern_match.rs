//! The backtracking matcher for compiled LambdaMOO patterns.
//!
//! In: a program, a text, where to begin. Out: where the match and its groups lie, in characters
//! from 0. Work is charged to the call and the memory for choices is bounded, so that a pattern
//! that would run for ever ends in E_QUOTA.

use moor_value::ErrorCode;

use super::regex::{GROUPS_MAX, Program, Step};
use super::{Call, Raise};

/// Choices that may be open at once.
const CHOICES_MAX: usize = 1 << 20;

/// Steps taken between two charges to the call's budget.
const STEPS_PER_CHARGE: usize = 1 << 10;

/// A text whose characters are read by position.
pub(super) trait Subject {
    /// How many characters there are.
    fn len(&self) -> usize;
    /// The character at a position below `len`.
    fn at(&self, index: usize) -> char;
}

impl Subject for [u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn at(&self, index: usize) -> char {
        char::from(self[index])
    }
}

impl Subject for [char] {
    fn len(&self) -> usize {
        <[char]>::len(self)
    }

    fn at(&self, index: usize) -> char {
        self[index]
    }
}

/// Where the whole match (first) and the groups begin and end; none for a group without a match.
pub(super) type Places = [Option<(usize, usize)>; GROUPS_MAX + 1];

/// Finds the match that begins first, or with `reverse` the one that begins last.
///
/// # Errors
/// E_QUOTA when it takes too much time or memory.
pub(super) fn search<S: Subject + ?Sized>(
    call: &mut Call<'_>,
    program: &Program,
    text: &S,
    reverse: bool,
) -> Result<Option<Places>, Raise> {
    let mut matcher = Matcher {
        program,
        text,
        slots: vec![None; program.slots],
        choices: Vec::new(),
        steps: 0,
    };
    let first = first_char(program);
    for i in 0..=text.len() {
        let start = if reverse { text.len() - i } else { i };
        if first.is_some_and(|c| start == text.len() || matcher.read(start) != c) {
            matcher.count(call)?;
            continue;
        }
        if let Some(end) = matcher.match_at(call, start)? {
            return Ok(Some(matcher.places(start, end)));
        }
    }
    Ok(None)
}

/// The character that every match begins with, if the program says so at once.
fn first_char(program: &Program) -> Option<char> {
    let mut steps = program.steps.iter();
    match steps.find(|step| !matches!(step, Step::Save(_)))? {
        Step::Char(c) => Some(*c),
        _ => None,
    }
}

/// What to do when the present way fails.
enum Choice {
    /// Go on at this step and position.
    Resume(usize, usize),
    /// Put an older position back into a slot.
    Restore(usize, Option<usize>),
}

struct Matcher<'a, S: ?Sized> {
    program: &'a Program,
    text: &'a S,
    slots: Vec<Option<usize>>,
    choices: Vec<Choice>,
    steps: usize,
}

impl<S: Subject + ?Sized> Matcher<'_, S> {
    /// The end of a match that begins at `start`.
    fn match_at(&mut self, call: &mut Call<'_>, start: usize) -> Result<Option<usize>, Raise> {
        call.charge(self.slots.len() / 8)?;
        self.slots.fill(None);
        self.choices.clear();
        let (mut step, mut at) = (0, start);
        loop {
            self.count(call)?;
            if self.program.steps[step] == Step::Match {
                return Ok(Some(at));
            }
            match self.advance(step, at)? {
                Some(next) => (step, at) = next,
                None => match self.backtrack() {
                    Some(next) => (step, at) = next,
                    None => return Ok(None),
                },
            }
        }
    }

    fn count(&mut self, call: &mut Call<'_>) -> Result<(), Raise> {
        self.steps += 1;
        if self.steps < STEPS_PER_CHARGE {
            return Ok(());
        }
        self.steps = 0;
        call.charge(4 * STEPS_PER_CHARGE)
    }

    /// The next step and position, or none if this way fails.
    fn advance(&mut self, step: usize, at: usize) -> Result<Option<(usize, usize)>, Raise> {
        let matched = match &self.program.steps[step] {
            Step::Char(c) => self.one(at, |read| read == *c),
            Step::Any => self.one(at, |read| read != '\n'),
            Step::Set(set) => self.one(at, |read| set.has(read)),
            Step::Word => self.one(at, is_word),
            Step::NotWord => self.one(at, |read| !is_word(read)),
            Step::LineStart => keep(at, at == 0 || self.read(at - 1) == '\n'),
            Step::LineEnd => keep(at, at == self.text.len() || self.read(at) == '\n'),
            Step::WordEdge => keep(at, self.at_edge(at)),
            Step::NotWordEdge => keep(at, !self.at_edge(at)),
            Step::WordStart => keep(at, self.word_at(at) && !self.word_before(at)),
            Step::WordEnd => keep(at, !self.word_at(at) && self.word_before(at)),
            Step::Group(number) => self.same_as_group(*number, at),
            Step::Save(slot) | Step::TurnStart(slot) => {
                self.save(*slot, at)?;
                Some(at)
            }
            Step::TurnEnd(slot) => keep(at, self.slots[*slot] != Some(at)),
            Step::Jump(by) => return Ok(Some((step.wrapping_add_signed(*by), at))),
            Step::Split(first, second) => {
                self.push(Choice::Resume(step.wrapping_add_signed(*second), at))?;
                return Ok(Some((step.wrapping_add_signed(*first), at)));
            }
            Step::Match => Some(at),
        };
        Ok(matched.map(|at| (step + 1, at)))
    }

    fn backtrack(&mut self) -> Option<(usize, usize)> {
        loop {
            match self.choices.pop()? {
                Choice::Resume(step, at) => return Some((step, at)),
                Choice::Restore(slot, position) => self.slots[slot] = position,
            }
        }
    }

    fn push(&mut self, choice: Choice) -> Result<(), Raise> {
        if self.choices.len() == CHOICES_MAX {
            return Err(ErrorCode::Quota.into());
        }
        self.choices.push(choice);
        Ok(())
    }

    fn save(&mut self, slot: usize, at: usize) -> Result<(), Raise> {
        let old = self.slots[slot].replace(at);
        self.push(Choice::Restore(slot, old))
    }

    /// The character, in lower case where case does not matter.
    fn read(&self, at: usize) -> char {
        let c = self.text.at(at);
        if self.program.case_matters {
            c
        } else {
            c.to_ascii_lowercase()
        }
    }

    fn one(&self, at: usize, accept: impl FnOnce(char) -> bool) -> Option<usize> {
        (at < self.text.len() && accept(self.read(at))).then_some(at + 1)
    }

    fn same_as_group(&self, number: usize, at: usize) -> Option<usize> {
        let (from, to) = self.group(number)?;
        let end = at + (to - from);
        let same = end <= self.text.len()
            && (from..to)
                .zip(at..end)
                .all(|(a, b)| self.read(a) == self.read(b));
        same.then_some(end)
    }

    fn group(&self, number: usize) -> Option<(usize, usize)> {
        let (from, to) = (self.slots[2 * number]?, self.slots[2 * number + 1]?);
        (from <= to).then_some((from, to))
    }

    fn places(&self, start: usize, end: usize) -> Places {
        std::array::from_fn(|number| match number {
            0 => Some((start, end)),
            number => self.group(number),
        })
    }

    fn word_at(&self, at: usize) -> bool {
        at < self.text.len() && is_word(self.text.at(at))
    }

    fn word_before(&self, at: usize) -> bool {
        at > 0 && is_word(self.text.at(at - 1))
    }

    fn at_edge(&self, at: usize) -> bool {
        self.word_at(at) != self.word_before(at)
    }
}

fn keep(at: usize, accepted: bool) -> Option<usize> {
    accepted.then_some(at)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}
