//! LambdaMOO patterns compiled to a small program for the backtracking matcher.
//!
//! In: a pattern with `%` escapes. Out: instructions. The rules are those of the regular expression
//! package that LambdaMOO comes with: alternatives are tried in order, repetition is greedy, nine
//! groups are remembered, and an operator with nothing to operate on is an error.

/// Groups whose place is remembered.
pub(super) const GROUPS_MAX: usize = 9;

/// How deeply groups may nest; the compiler recurses once per group.
const NESTING_MAX: u32 = 100;

/// One step of matching. Jumps count instructions from the one that jumps.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// This character, or when folding one that differs in ASCII case only.
    Char(char),
    /// Any character but a line end.
    Any,
    /// A character of that set.
    Set(Box<Set>),
    /// A letter or digit.
    Word,
    /// Anything else.
    NotWord,
    /// The beginning of the text or of a line.
    LineStart,
    /// The end of the text or of a line.
    LineEnd,
    /// Between a word character and another.
    WordEdge,
    /// Not there.
    NotWordEdge,
    /// Where a word begins.
    WordStart,
    /// Where a word ends.
    WordEnd,
    /// The text that the group matched.
    Group(usize),
    /// Remembers the position in that slot.
    Save(usize),
    /// Tries the first place, and if that fails the second.
    Split(isize, isize),
    /// Goes on elsewhere.
    Jump(isize),
    /// Remembers where a repetition's turn begins.
    TurnStart(usize),
    /// Fails if the turn has matched nothing, or it would go on for ever.
    TurnEnd(usize),
    /// The pattern is matched.
    Match,
}

/// A set of characters such as `[^a-z]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Set {
    negated: bool,
    /// Bit `c` for the ASCII character `c`.
    ascii: u128,
    /// Ranges beyond ASCII, sorted and apart from each other.
    others: Vec<(char, char)>,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    /// The steps, ending in `Match`.
    pub(super) steps: Vec<Step>,
    /// Slots for positions: two per group, then one per repetition that may match nothing.
    pub(super) slots: usize,
    /// Whether the case of ASCII letters counts.
    pub(super) case_matters: bool,
}

impl Set {
    /// The set of these ranges; when folding, both cases of the ASCII letters in them.
    fn new(negated: bool, ranges: &[(char, char)], case_matters: bool) -> Self {
        let mut set = Self {
            negated,
            ..Self::default()
        };
        for &(from, to) in ranges.iter().filter(|(from, to)| from <= to) {
            for c in from..=to.min('\x7f') {
                set.ascii |= 1 << c as u32;
                if !case_matters {
                    set.ascii |= 1 << c.to_ascii_lowercase() as u32;
                    set.ascii |= 1 << c.to_ascii_uppercase() as u32;
                }
            }
            if to > '\x7f' {
                set.others.push((from.max('\u{80}'), to));
            }
        }
        set.others.sort_unstable();
        set.others.dedup_by(|next, last| {
            let touching = next.0 <= last.1;
            if touching {
                last.1 = last.1.max(next.1);
            }
            touching
        });
        set
    }

    /// Whether the set has the character.
    pub(super) fn has(&self, c: char) -> bool {
        let found = if c.is_ascii() {
            self.ascii >> c as u32 & 1 == 1
        } else {
            let after = self.others.partition_point(|(from, _)| *from <= c);
            after > 0 && c <= self.others[after - 1].1
        };
        found != self.negated
    }
}

/// Compiles a pattern; none if it is not one.
pub(super) fn compile(pattern: &str, case_matters: bool) -> Option<Program> {
    let mut compiler = Compiler {
        tokens: tokenize(pattern, case_matters)?.into_iter().peekable(),
        groups: 0,
        slots: 2 * (GROUPS_MAX + 1),
        case_matters,
    };
    let mut steps = compiler.alternatives(0)?.steps;
    if compiler.tokens.next().is_some() {
        return None;
    }
    steps.push(Step::Match);
    Some(Program {
        steps,
        slots: compiler.slots,
        case_matters,
    })
}

/// What a pattern is made of.
enum Token {
    Simple(Step),
    LineStart,
    LineEnd,
    Repeat { least: bool, most: bool },
    Or,
    Open,
    Close,
}

const STAR: Token = Token::Repeat {
    least: false,
    most: false,
};
const PLUS: Token = Token::Repeat {
    least: true,
    most: false,
};
const OPTION: Token = Token::Repeat {
    least: false,
    most: true,
};

fn tokenize(pattern: &str, case_matters: bool) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '%' => escaped(rest.next()?),
            '[' => Token::Simple(Step::Set(Box::new(set(&mut rest, case_matters)?))),
            '*' => STAR,
            '+' => PLUS,
            '?' => OPTION,
            '.' => Token::Simple(Step::Any),
            '^' => Token::LineStart,
            '$' => Token::LineEnd,
            other => Token::Simple(Step::Char(other)),
        });
    }
    Some(tokens)
}

fn escaped(c: char) -> Token {
    Token::Simple(match c {
        '(' => return Token::Open,
        ')' => return Token::Close,
        '|' => return Token::Or,
        '1'..='9' => Step::Group(c as usize - '0' as usize),
        'b' => Step::WordEdge,
        'B' => Step::NotWordEdge,
        '<' => Step::WordStart,
        '>' => Step::WordEnd,
        'w' => Step::Word,
        'W' => Step::NotWord,
        other => Step::Char(other),
    })
}

/// The set whose `[` has been read; none if it does not end. `]` may come first as itself, and `-`
/// stands for itself where it makes no range.
fn set(rest: &mut std::str::Chars<'_>, case_matters: bool) -> Option<Set> {
    let mut c = rest.next()?;
    let negated = c == '^';
    if negated {
        c = rest.next()?;
    }
    let mut ranges = Vec::new();
    let mut first = true;
    let mut previous = None;
    let mut range_from = None;
    while c != ']' || first {
        first = false;
        match (range_from.take(), previous) {
            (Some(from), _) => {
                ranges.push((from, c));
                previous = None;
            }
            (None, Some(from)) if c == '-' => range_from = Some(from),
            _ => {
                ranges.push((c, c));
                previous = Some(c);
            }
        }
        c = rest.next()?;
    }
    if range_from.is_some() {
        ranges.push(('-', '-'));
    }
    Some(Set::new(negated, &ranges, case_matters))
}

struct Compiler {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    groups: usize,
    slots: usize,
    case_matters: bool,
}

/// Steps that belong together. `empty` says whether they may match nothing.
struct Piece {
    steps: Vec<Step>,
    empty: bool,
}

impl Piece {
    fn one(step: Step) -> Self {
        let empty = !matches!(
            step,
            Step::Char(_) | Step::Any | Step::Set(_) | Step::Word | Step::NotWord
        );
        Self {
            steps: vec![step],
            empty,
        }
    }

    fn append(&mut self, mut other: Piece) {
        self.steps.append(&mut other.steps);
        self.empty &= other.empty;
    }
}

impl Compiler {
    /// Sequences with `%|` between them, up to the end or a `%)`.
    fn alternatives(&mut self, nesting: u32) -> Option<Piece> {
        let mut choices = vec![self.sequence(nesting)?];
        while self.tokens.next_if(|t| matches!(t, Token::Or)).is_some() {
            choices.push(self.sequence(nesting)?);
        }
        Some(join(choices))
    }

    /// Items one after another. An operator is misplaced where no item comes before it, `^`
    /// anywhere but at the beginning, `$` anywhere but at the end.
    fn sequence(&mut self, nesting: u32) -> Option<Piece> {
        let mut whole = Piece {
            steps: Vec::new(),
            empty: true,
        };
        let mut at_start = true;
        loop {
            let item = match self.tokens.peek() {
                None | Some(Token::Or | Token::Close) => return Some(whole),
                Some(_) => self.item(at_start, nesting)?,
            };
            whole.append(self.repeated(item));
            at_start = false;
        }
    }

    fn item(&mut self, at_start: bool, nesting: u32) -> Option<Piece> {
        match self.tokens.next()? {
            Token::Simple(Step::Char(c)) if !self.case_matters => {
                Some(Piece::one(Step::Char(c.to_ascii_lowercase())))
            }
            Token::Simple(step) => Some(Piece::one(step)),
            Token::LineStart => at_start.then(|| Piece::one(Step::LineStart)),
            Token::LineEnd => {
                let next = self.tokens.peek();
                let last = matches!(next, None | Some(Token::Or | Token::Close));
                last.then(|| Piece::one(Step::LineEnd))
            }
            Token::Open => self.group(nesting + 1),
            Token::Repeat { .. } | Token::Or | Token::Close => None,
        }
    }

    fn group(&mut self, nesting: u32) -> Option<Piece> {
        if nesting > NESTING_MAX {
            return None;
        }
        self.groups += 1;
        let number = self.groups;
        let mut inner = self.alternatives(nesting)?;
        self.tokens.next_if(|t| matches!(t, Token::Close))?;
        if number <= GROUPS_MAX {
            inner.steps.insert(0, Step::Save(2 * number));
            inner.steps.push(Step::Save(2 * number + 1));
        }
        Some(inner)
    }

    /// The item under the operators that follow it. Several in a row say no more than one.
    fn repeated(&mut self, item: Piece) -> Piece {
        let mut operators = None;
        while let Some(Token::Repeat { least, most }) =
            self.tokens.next_if(|t| matches!(t, Token::Repeat { .. }))
        {
            let (l, m) = operators.unwrap_or((true, true));
            operators = Some((l && least, m && most));
        }
        match operators {
            None => item,
            Some((least, most)) => self.repeat(item, least, most),
        }
    }

    /// At least once if `least`, at most once if `most`.
    fn repeat(&mut self, item: Piece, least: bool, most: bool) -> Piece {
        let mut body = item.steps;
        if item.empty && !most {
            body.insert(0, Step::TurnStart(self.slots));
            body.push(Step::TurnEnd(self.slots));
            self.slots += 1;
        }
        let len = body.len() as isize;
        let steps = match (least, most) {
            (_, true) => wrap(Some(Step::Split(1, len + 1)), body, None),
            (true, false) => wrap(None, body, Some(Step::Split(-len, 1))),
            (false, false) => wrap(
                Some(Step::Split(1, len + 2)),
                body,
                Some(Step::Jump(-len - 1)),
            ),
        };
        Piece {
            steps,
            empty: item.empty || !least,
        }
    }
}

fn wrap(before: Option<Step>, body: Vec<Step>, after: Option<Step>) -> Vec<Step> {
    before.into_iter().chain(body).chain(after).collect()
}

/// Tries the choices in order: each but the last is preceded by a split and followed by a jump to
/// the end.
fn join(choices: Vec<Piece>) -> Piece {
    let empty = choices.iter().any(|choice| choice.empty);
    let count = choices.len();
    let total: usize = choices.iter().map(|c| c.steps.len() + 2).sum::<usize>() - 2;
    let mut steps = Vec::with_capacity(total);
    for (i, choice) in choices.into_iter().enumerate() {
        if i + 1 == count {
            steps.extend(choice.steps);
            break;
        }
        steps.push(Step::Split(1, choice.steps.len() as isize + 2));
        steps.extend(choice.steps);
        steps.push(Step::Jump((total - steps.len()) as isize));
    }
    Piece { steps, empty }
}
