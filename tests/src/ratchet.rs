//! How many cases pass, and how many passed before.
//!
//! In: outcomes, and the recorded file. Out: counts for each level and area, and where they are below the record. It
//! does not know what the cases are about.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::{Outcome, Verdict};

/// The first lines of a record.
const HEAD: &str = "\
# How many cases pass, by level and area: LEVEL AREA PASSED of CASES.
# A run with the same number of cases must not pass fewer. MOOR_UPDATE_RATCHET=1 writes this file anew.
";

/// How cases of one level and area went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered as expected.
    pub passed: usize,
    /// Answered otherwise.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped => self.skipped += 1,
        }
    }

    /// All cases.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts {
            passed,
            failed,
            skipped,
        } = self;
        let run = (passed + failed).max(1);
        let percent = 100.0 * *passed as f64 / run as f64;
        write!(
            f,
            "{passed:6} passed {failed:5} failed {skipped:5} skipped  {percent:6.2}%"
        )
    }
}

/// Counts by level and area.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ratchet {
    counts: BTreeMap<(String, String), Counts>,
}

impl Ratchet {
    /// Counts the outcomes of an area.
    pub fn count(&mut self, area: &str, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let key = (outcome.level.clone(), area.to_owned());
            self.counts.entry(key).or_default().add(&outcome.verdict);
        }
    }

    /// A table of all counts, with a sum for each level and one of all.
    #[must_use]
    pub fn table(&self) -> String {
        let mut sums: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut text = String::new();
        for ((level, area), counts) in &self.counts {
            let _ = writeln!(text, "{level:<11} {area:<12} {counts}");
            for level in [level, "all"] {
                let sum = sums.entry(level).or_default();
                sum.passed += counts.passed;
                sum.failed += counts.failed;
                sum.skipped += counts.skipped;
            }
        }
        for (level, sum) in sums {
            let _ = writeln!(text, "{level:<11} {:<12} {sum}", "(sum)");
        }
        text
    }

    /// What is worse than in the record at `path`: one line for each level and area that has as many cases as recorded
    /// and passes fewer of them.
    ///
    /// # Panics
    /// If the record cannot be read.
    #[must_use]
    pub fn below(&self, path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let records = text.lines().filter(|line| !line.starts_with('#'));
        let worse = records.filter_map(|line| {
            let (key, passed, cases) =
                read_record(line).unwrap_or_else(|| panic!("{}: {line:?}", path.display()));
            let now = self.counts.get(&key)?;
            let is_worse = now.cases() == cases && now.passed < passed;
            is_worse.then(|| {
                format!(
                    "{} {}: {} passed, {passed} did before",
                    key.0, key.1, now.passed
                )
            })
        });
        worse.collect()
    }

    /// Writes the record.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, path: &Path) {
        let mut text = HEAD.to_owned();
        for ((level, area), counts) in &self.counts {
            let _ = writeln!(
                text,
                "{level} {area} {} of {}",
                counts.passed,
                counts.cases()
            );
        }
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn read_record(line: &str) -> Option<((String, String), usize, usize)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [level, area, passed, "of", cases] = words[..] else {
        return None;
    };
    Some((
        (level.into(), area.into()),
        passed.parse().ok()?,
        cases.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(passed: usize, failed: usize) -> Vec<Outcome> {
        let verdicts = std::iter::repeat_n(Verdict::Passed, passed)
            .chain(std::iter::repeat_n(Verdict::Failed("why".into()), failed));
        let outcome = |verdict| Outcome {
            id: "a/b::c".into(),
            level: "lambdamoo".into(),
            verdict,
        };
        verdicts.map(outcome).collect()
    }

    fn counted(passed: usize, failed: usize) -> Ratchet {
        let mut ratchet = Ratchet::default();
        ratchet.count("a", &outcomes(passed, failed));
        ratchet
    }

    #[test]
    fn fewer_of_as_many_are_worse() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ratchet");
        counted(3, 1).write(&path);
        assert_eq!(counted(3, 1).below(&path), Vec::<String>::new());
        assert_eq!(counted(4, 0).below(&path), Vec::<String>::new());
        assert_eq!(
            counted(2, 2).below(&path),
            ["lambdamoo a: 2 passed, 3 did before"]
        );
        assert_eq!(
            counted(1, 9).below(&path),
            Vec::<String>::new(),
            "other cases"
        );
    }
}
