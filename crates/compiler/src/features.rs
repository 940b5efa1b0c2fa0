//! The additions to the language that a server may switch on and off: one table of their names, defaults and meaning.
//!
//! In: nothing. Out: a set of features, which the parser asks about syntax and the runtime about everything else. It does not
//! know how a set is configured.
//!
//! A feature is on from the start where it only gives a meaning to what was an error before; one that changes what existing
//! programs mean is off. Names are those of mooR where it has the feature.

/// One addition to the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)] // the table says what each is
pub enum Feature {
    LexicalScopes,
    ListComprehensions,
    ReturnExpressions,
    Lambdas,
    SymbolType,
    FlyweightType,
    BinaryType,
    TypeDispatch,
    CustomErrors,
    UseUuobjids,
    UseBooleanReturns,
    UseSymbolsInBuiltins,
}

/// A row of the table of features.
#[derive(Clone, Copy, Debug)]
pub struct FeatureRow {
    /// Which feature.
    pub feature: Feature,
    /// Its name, as in the flag `--NAME`.
    pub name: &'static str,
    /// Whether it is on unless somebody says otherwise: existing programs mean the same with it.
    pub is_on: bool,
    /// What programs have with it, for help texts.
    pub enables: &'static str,
}

const fn row(
    feature: Feature,
    name: &'static str,
    is_on: bool,
    enables: &'static str,
) -> FeatureRow {
    FeatureRow {
        feature,
        name,
        is_on,
        enables,
    }
}

impl Feature {
    /// Every feature, in order of its number.
    pub const ALL: [FeatureRow; 12] = [
        row(
            Feature::LexicalScopes,
            "lexical-scopes",
            true,
            "Programs may declare variables of a block: let, const, global, begin ... end",
        ),
        row(
            Feature::ListComprehensions,
            "list-comprehensions",
            true,
            "Programs may build lists by loops: { x * 2 for x in (list) }",
        ),
        row(
            Feature::ReturnExpressions,
            "return-expressions",
            true,
            "Programs may return from within an expression: x = `y.z ! E_PROPNF => return 0'",
        ),
        row(
            Feature::Lambdas,
            "lambdas",
            true,
            "Programs may have functions as values: {x} => x + 1, fn (x) ... endfn, and call variables",
        ),
        row(
            Feature::SymbolType,
            "symbol-type",
            true,
            "Programs may write symbols: 'name",
        ),
        row(
            Feature::FlyweightType,
            "flyweight-type",
            true,
            "Programs may write flyweights: <#1, .slot = value, {contents}>",
        ),
        row(
            Feature::BinaryType,
            "binary-type",
            true,
            "Programs may write binary values: b\"base64\"",
        ),
        row(
            Feature::TypeDispatch,
            "type-dispatch",
            false,
            "Programs may call verbs on values that are no objects, which $string, $list and their like have",
        ),
        row(
            Feature::CustomErrors,
            "custom-errors",
            false,
            "Words that begin with E_ are errors of the program's own, not variables",
        ),
        row(
            Feature::UseUuobjids,
            "use-uuobjids",
            false,
            "create() makes objects with unique numbers such as #048D05-1234567890",
        ),
        row(
            Feature::UseBooleanReturns,
            "use-boolean-returns",
            false,
            "Builtin functions answer true and false, not 1 and 0",
        ),
        row(
            Feature::UseSymbolsInBuiltins,
            "use-symbols-in-builtins",
            false,
            "Builtin functions answer symbols where they answer the names of properties and verbs",
        ),
    ];

    /// The feature's row of the table.
    pub fn row(self) -> &'static FeatureRow {
        &Self::ALL[self as usize]
    }

    /// The name, as in the flag `--NAME`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Which features are on. The default is the table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features(u32);

impl Default for Features {
    fn default() -> Self {
        let on = Feature::ALL.iter().filter(|row| row.is_on);
        on.fold(Self::NONE, |set, row| set.with(row.feature, true))
    }
}

impl Features {
    /// None at all: the language of ToastStunt.
    pub const NONE: Self = Self(0);

    /// Whether the feature is on.
    #[inline]
    pub fn has(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    /// The same set with one feature on or off.
    #[must_use]
    pub fn with(self, feature: Feature, is_on: bool) -> Self {
        match is_on {
            true => Self(self.0 | feature.bit()),
            false => Self(self.0 & !feature.bit()),
        }
    }

    /// The set for programs that were accepted before, perhaps by a server with other settings: what takes nothing from
    /// them is on, so that switching a feature off stops new programs from using it and breaks none.
    #[must_use]
    pub fn of_accepted(self) -> Self {
        Self(self.0 | Self::default().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for (index, row) in Feature::ALL.iter().enumerate() {
            assert_eq!(row.feature as usize, index, "{}", row.name);
            assert_eq!(Features::default().has(row.feature), row.is_on);
        }
    }

    #[test]
    fn features_are_switched_one_by_one() {
        let set = Features::NONE.with(Feature::Lambdas, true);
        for row in &Feature::ALL {
            assert_eq!(set.has(row.feature), row.feature == Feature::Lambdas);
        }
        assert_eq!(set.with(Feature::Lambdas, false), Features::NONE);
    }

    #[test]
    fn accepted_programs_keep_their_syntax_and_their_meaning() {
        let set = Features::NONE
            .with(Feature::CustomErrors, true)
            .of_accepted();
        assert!(set.has(Feature::LexicalScopes) && set.has(Feature::CustomErrors));
        assert!(!set.has(Feature::UseUuobjids));
    }
}
