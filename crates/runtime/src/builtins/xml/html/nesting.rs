//! Which elements of a page end when a tag comes, as HTML's rules for building a tree have it: end tags that may be missing, ends
//! that cross others, and where an end does not reach.
//!
//! In: the elements that are open, and the name of a tag. Out: which of them are open no longer. Nothing is known of attributes and
//! texts. Elements that are moved elsewhere (text straight in a table) or made up (`tbody`) stay what they are, as the question
//! is for texts.

/// What an element is to others: a set of the marks below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Role(u32);

/// Those that a start tag may end.
const P: u32 = 1;
const LI: u32 = 1 << 1;
const TERM: u32 = 1 << 2;
const OPTION: u32 = 1 << 3;
const OPTION_GROUP: u32 = 1 << 4;
const RUBY_TEXT: u32 = 1 << 5;
const HEADING: u32 = 1 << 6;
const BUTTON: u32 = 1 << 7;
const HEAD: u32 = 1 << 8;
/// The parts of a table.
const TABLE: u32 = 1 << 9;
const TABLE_SECTION: u32 = 1 << 10;
const ROW: u32 = 1 << 11;
/// Out of which most ends do not reach ("scope").
const SCOPE: u32 = 1 << 12;
/// The same for parts of tables.
const TABLE_SCOPE: u32 = 1 << 13;
/// Lists, out of which the end of an item does not reach.
const LIST: u32 = 1 << 14;
const SELECT: u32 = 1 << 15;
const RUBY: u32 = 1 << 16;
/// Elements with rules of their own; the end of another does not reach beyond one.
const SPECIAL: u32 = 1 << 17;
/// Special ones that an item of a list looks through.
const PLAIN: u32 = 1 << 18;
/// Those whose end may cross others: `<b><p></b></p>`.
const FORMATTING: u32 = 1 << 19;
/// Those that begin what is no HTML, in which `/>` ends an element.
const FOREIGN: u32 = 1 << 20;

impl Role {
    /// Of an element of that name, in lower case.
    pub(super) fn of(name: &str) -> Self {
        Self(match name {
            "p" => P | SPECIAL | PLAIN,
            "address" | "div" => SPECIAL | PLAIN,
            "li" => LI | SPECIAL,
            "dd" | "dt" => TERM | SPECIAL,
            "option" => OPTION,
            "optgroup" => OPTION_GROUP,
            "rb" | "rp" | "rt" | "rtc" => RUBY_TEXT,
            "ruby" => RUBY,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => HEADING | SPECIAL,
            "button" => BUTTON | SPECIAL,
            "head" => HEAD | SPECIAL,
            "table" => TABLE | SCOPE | TABLE_SCOPE | SPECIAL,
            "html" | "template" => SCOPE | TABLE_SCOPE | SPECIAL,
            "tbody" | "tfoot" | "thead" => TABLE_SECTION | SPECIAL,
            "tr" => ROW | SPECIAL,
            "applet" | "caption" | "marquee" | "object" | "td" | "th" => SCOPE | SPECIAL,
            "ol" | "ul" => LIST | SPECIAL,
            "select" => SELECT | SPECIAL,
            "a" | "b" | "big" | "code" | "em" | "font" | "i" | "nobr" | "s" | "small"
            | "strike" | "strong" | "tt" | "u" => FORMATTING,
            "math" | "svg" => FOREIGN,
            "article" | "aside" | "blockquote" | "body" | "center" | "colgroup" | "details"
            | "dir" | "dl" | "fieldset" | "figcaption" | "figure" | "footer" | "form"
            | "frameset" | "header" | "hgroup" | "iframe" | "listing" | "main" | "menu" | "nav"
            | "noembed" | "noframes" | "noscript" | "pre" | "script" | "search" | "section"
            | "style" | "summary" | "textarea" | "title" | "xmp" => SPECIAL,
            _ => 0,
        })
    }

    /// Whether `/>` ends the elements in it.
    pub(super) fn is_foreign(self) -> bool {
        self.has(FOREIGN)
    }

    fn has(self, any: u32) -> bool {
        self.0 & any != 0
    }
}

/// An element whose end has not come.
pub(super) trait Nested {
    /// Its name, in lower case.
    fn name(&self) -> &str;
    /// What it is to others.
    fn role(&self) -> Role;
}

/// Ends what a start tag of that name ends.
pub(super) fn begin<E: Nested>(open: &mut Vec<E>, name: &str) {
    let is_head = |element: &E| element.role().has(HEAD);
    if open.last().is_some_and(is_head) && !is_of_head(name) {
        open.pop();
    }
    match name {
        "li" => end_last(open, LI, looks_at_items),
        "dd" | "dt" => end_last(open, TERM, looks_at_items),
        "option" | "optgroup" => {
            end_last(open, OPTION, |role| role.has(OPTION_GROUP | SELECT | SCOPE));
            if name == "optgroup" {
                end_last(open, OPTION_GROUP, |role| role.has(SELECT | SCOPE));
            }
        }
        "rb" | "rp" | "rt" | "rtc" => {
            end_last(open, RUBY_TEXT, |role| role.has(RUBY | SCOPE));
        }
        "button" => end_last(open, BUTTON, |role| role.has(SCOPE)),
        "a" => end(open, name),
        "td" | "th" => clear(open, ROW | TABLE_SECTION | TABLE),
        "tr" => clear(open, TABLE_SECTION | TABLE),
        "tbody" | "tfoot" | "thead" | "caption" | "colgroup" | "col" => clear(open, TABLE),
        _ => {}
    }
    if ends_paragraph(name) {
        end_last(open, P, |role| role.has(SCOPE | BUTTON));
    }
    let is_heading = |element: &E| element.role().has(HEADING);
    if Role::of(name).has(HEADING) && open.last().is_some_and(is_heading) {
        open.pop();
    }
}

/// Ends what text ends that is not only spaces.
pub(super) fn begin_text<E: Nested>(open: &mut Vec<E>) {
    if open.last().is_some_and(|element| element.role().has(HEAD)) {
        open.pop();
    }
}

/// Ends what an end tag of that name ends: the element of the name, as far as the tag reaches, with all in it.
pub(super) fn end<E: Nested>(open: &mut Vec<E>, name: &str) {
    let role = Role::of(name);
    let reach = match name {
        // What comes behind still belongs to the page.
        "body" | "html" => return,
        "p" => SCOPE | BUTTON,
        "li" => SCOPE | LIST,
        "table" | "tbody" | "tfoot" | "thead" | "tr" | "td" | "th" | "caption" | "colgroup" => {
            TABLE_SCOPE
        }
        _ if role.has(SPECIAL | FORMATTING) => SCOPE,
        _ => SPECIAL,
    };
    let is_it = |element: &E| match role.has(HEADING) {
        true => element.role().has(HEADING),
        false => element.name() == name,
    };
    let mut crosses = false;
    for at in (0..open.len()).rev() {
        let element = &open[at];
        if is_it(element) {
            match crosses && role.has(FORMATTING) {
                true => drop(open.remove(at)),
                false => open.truncate(at),
            }
            return;
        }
        if element.role().has(reach) {
            return;
        }
        crosses |= element.role().has(SPECIAL);
    }
}

/// Whether an item of a list looks no further for the one before it.
fn looks_at_items(role: Role) -> bool {
    role.has(SPECIAL) && !role.has(PLAIN)
}

/// Ends the innermost of these, if nothing stands before it that stops the search.
fn end_last<E: Nested>(open: &mut Vec<E>, which: u32, stops: impl Fn(Role) -> bool) {
    let found = open
        .iter()
        .rposition(|element| element.role().has(which) || stops(element.role()));
    if let Some(at) = found.filter(|at| open[*at].role().has(which)) {
        open.truncate(at);
    }
}

/// Ends all that is within the innermost of these parts of a table.
fn clear<E: Nested>(open: &mut Vec<E>, parts: u32) {
    let found = open
        .iter()
        .rposition(|element| element.role().has(parts | TABLE_SCOPE));
    if let Some(at) = found.filter(|at| open[*at].role().has(parts)) {
        open.truncate(at + 1);
    }
}

/// Whether an element may stand in the head of a page.
fn is_of_head(name: &str) -> bool {
    matches!(
        name,
        "base"
            | "basefont"
            | "bgsound"
            | "link"
            | "meta"
            | "noframes"
            | "noscript"
            | "script"
            | "style"
            | "template"
            | "title"
    )
}

/// Whether a paragraph ends before such an element.
fn ends_paragraph(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "li"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "table"
            | "ul"
            | "xmp"
    )
}
