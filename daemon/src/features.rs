//! The flags of the language's features, made from the compiler's table of them.
//!
//! In: `--NAME` or `--NAME=false` for each. Out: the set of features. What a feature is, is the compiler's knowledge.

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use moor_runtime::{Feature, Features};

/// The heading of these flags in help texts.
const HEADING: &str = "Features of the language";

/// The flags of the features of the language.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeatureArgs(Features);

impl FeatureArgs {
    /// The features that are on.
    pub fn features(&self) -> Features {
        self.0
    }

    /// The same as flags of another program that has them, each given.
    pub fn flags(&self) -> Vec<OsString> {
        let flag = |name, is_on| OsString::from(format!("--{name}={is_on}"));
        let rows = Feature::ALL.iter();
        rows.map(|row| flag(row.name, self.0.has(row.feature)))
            .collect()
    }
}

impl clap::Args for FeatureArgs {
    fn augment_args(command: Command) -> Command {
        let args = Feature::ALL.iter().map(|row| {
            Arg::new(row.name)
                .long(row.name)
                .help(row.enables)
                .help_heading(HEADING)
                .action(ArgAction::Set)
                .value_parser(BoolishValueParser::new())
                .num_args(0..=1)
                .require_equals(true)
                .value_name("BOOL")
                .hide_possible_values(true)
                .default_value(if row.is_on { "true" } else { "false" })
                .default_missing_value("true")
        });
        args.fold(command, Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FeatureArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for row in &Feature::ALL {
            if let Some(is_on) = matches.get_one::<bool>(row.name) {
                self.0 = self.0.with(row.feature, *is_on);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        features: FeatureArgs,
    }

    fn features(argv: &[&str]) -> Features {
        let argv = std::iter::once("program").chain(argv.iter().copied());
        let flags = Flags::try_parse_from(argv).expect("the flags are right");
        flags.features.features()
    }

    #[test]
    fn without_flags_the_table_decides() {
        assert_eq!(features(&[]), Features::default());
    }

    #[test]
    fn each_feature_is_switched_on_and_off_by_its_flag() {
        for row in &Feature::ALL {
            for (flag, is_on) in [
                (format!("--{}", row.name), true),
                (format!("--{}=true", row.name), true),
                (format!("--{}=false", row.name), false),
            ] {
                let wanted = Features::default().with(row.feature, is_on);
                assert_eq!(features(&[&flag]), wanted, "{flag}");
            }
        }
    }

    #[test]
    fn what_is_passed_on_says_the_same() {
        let given = FeatureArgs(Features::NONE.with(Feature::CustomErrors, true));
        let words = given.flags();
        let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
        assert_eq!(features(&words), given.features());
    }
}
