//! Which of many names are most like a text: equal, beginning with it, containing it, or nearly it.
//!
//! In: the text, and the names of each candidate, one after the other. Out: the candidates, best first. It knows nothing of what
//! the candidates are.

use moor_value::fold::{self, Case};

/// How well a candidate fits, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A name is the text.
    Exact,
    /// A name begins with it.
    Prefix,
    /// A name contains it.
    Substring,
    /// A name is a few letters away from it.
    Fuzzy,
}

/// How many tiers there are.
const TIERS: usize = 4;
/// Longer texts are never nearly a name: comparing costs their length times that of the name.
const FUZZY_LETTERS_MAX: usize = 64;
/// Bytes of as many letters.
const FUZZY_BYTES_MAX: usize = 4 * FUZZY_LETTERS_MAX;
/// Shorter texts are never nearly a name: every name would be.
const FUZZY_LETTERS_MIN: usize = 3;

/// Candidates by how well their names fit a text. Candidates are numbers of the caller's choice.
#[derive(Debug)]
pub struct Ranking<'a> {
    wanted: &'a str,
    /// The letters of the text in lower case, where it may be nearly a name.
    letters: Vec<char>,
    /// Changes of a letter that it may be away.
    distance_max: usize,
    tiers: [Vec<usize>; TIERS],
}

impl<'a> Ranking<'a> {
    /// A ranking for `wanted`, the letters' case aside. `fuzziness`, from 0 to 1, is how far a name may be from it: at 0.5 one letter of
    /// a short text and two of a longer one, at 1 twice as many; at 0 it is not enough to be near.
    pub fn new(wanted: &'a str, fuzziness: f64) -> Self {
        // Longer ones are not even taken apart.
        let is_short = wanted.len() <= FUZZY_BYTES_MAX;
        let letters = lower_letters(if is_short { wanted } else { "" });
        let fits = (FUZZY_LETTERS_MIN..=FUZZY_LETTERS_MAX).contains(&letters.len());
        let fuzziness = fuzziness.clamp(0.0, 1.0);
        let share = (0.4 * fuzziness * letters.len() as f64).ceil();
        let distance_max = share.min((4.0 * fuzziness).ceil()) as usize;
        Self {
            wanted,
            letters: if fits { letters } else { Vec::new() },
            distance_max: if fits { distance_max } else { 0 },
            tiers: Default::default(),
        }
    }

    /// Looks at one more candidate; the best of its names counts.
    ///
    /// # Errors
    /// That of the first name that has one; then the candidate is in no tier.
    pub fn consider<'n, E>(
        &mut self,
        candidate: usize,
        names: impl IntoIterator<Item = Result<&'n str, E>>,
    ) -> Result<(), E> {
        let mut best = None;
        for name in names {
            best = best.into_iter().chain(self.tier(name?)).min();
        }
        if let Some(tier) = best {
            self.tiers[tier as usize].push(candidate);
        }
        Ok(())
    }

    /// The candidates of one tier, in the order in which they were looked at.
    pub fn of(&self, tier: Tier) -> &[usize] {
        &self.tiers[tier as usize]
    }

    /// The candidates of the best tier that has any.
    pub fn best(&self) -> &[usize] {
        let filled = self.tiers.iter().find(|tier| !tier.is_empty());
        filled.map_or(&[], Vec::as_slice)
    }

    /// All that fit, the best first.
    pub fn all(&self) -> impl Iterator<Item = usize> {
        self.tiers.iter().flatten().copied()
    }

    fn tier(&self, name: &str) -> Option<Tier> {
        let (name_bytes, wanted) = (name.as_bytes(), self.wanted.as_bytes());
        if wanted.is_empty() {
            return None;
        }
        // A text that is longer than the name is not looked for: that alone would cost its length.
        let found =
            (wanted.len() <= name_bytes.len()).then(|| fold::find(name_bytes, wanted, Case::Fold));
        match found.flatten() {
            Some(0) if name_bytes.len() == wanted.len() => Some(Tier::Exact),
            Some(0) => Some(Tier::Prefix),
            Some(_) => Some(Tier::Substring),
            None => self.is_near(name).then_some(Tier::Fuzzy),
        }
    }

    /// Whether so few changes of a letter make the text of a name: one more, one less, another, or two that change places.
    fn is_near(&self, name: &str) -> bool {
        if self.distance_max == 0 || name.len() > 4 * (FUZZY_LETTERS_MAX + self.distance_max) {
            return false;
        }
        let name = lower_letters(name);
        name.len().abs_diff(self.letters.len()) <= self.distance_max
            && distance(&self.letters, &name) <= self.distance_max
    }
}

fn lower_letters(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The optimal string alignment distance (Damerau 1964, with no letter changed twice).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::{Ranking, Tier, distance};

    fn ranked<'a>(wanted: &'a str, fuzziness: f64, names: &[&str]) -> Ranking<'a> {
        let mut ranking = Ranking::new(wanted, fuzziness);
        for (at, name) in names.iter().enumerate() {
            let Ok(()) = ranking.consider(at, [Ok::<_, Infallible>(*name)]);
        }
        ranking
    }

    #[test]
    fn equal_beats_beginning_beats_containing_beats_near() {
        let names = ["bofooer", "foobar", "FOO", "foe", "bar"];
        let ranking = ranked("foo", 0.5, &names);
        assert_eq!(ranking.all().collect::<Vec<_>>(), [2, 1, 0, 3]);
        assert_eq!(ranking.best(), [2]);
        assert_eq!(ranking.of(Tier::Prefix), [1]);
        assert_eq!(ranked("foo", 0.0, &names).of(Tier::Fuzzy), []);
    }

    #[test]
    fn the_best_name_of_a_candidate_counts_once() {
        let mut ranking = Ranking::new("lamp", 0.0);
        let names = ["lampshade", "a lamp", "Lamp"].map(Ok::<_, Infallible>);
        let Ok(()) = ranking.consider(7, names);
        assert_eq!(ranking.all().collect::<Vec<_>>(), [7]);
        assert_eq!(ranking.of(Tier::Exact), [7]);
    }

    #[test]
    fn an_error_among_the_names_ends_the_look() {
        let mut ranking = Ranking::new("lamp", 0.0);
        assert_eq!(ranking.consider(7, [Ok("lamp"), Err("late")]), Err("late"));
        assert_eq!(ranking.all().count(), 0);
    }

    #[test]
    fn how_near_is_near() {
        for (wanted, fuzziness, name, near) in [
            ("lammp", 0.5, "lamp", true),
            ("lammp", 0.0, "lamp", false),
            ("alise", 0.3, "alice", true),
            ("bottel", 0.5, "bottle", true),
            ("botel", 0.5, "bottle", false),
            ("btl", 0.5, "bottle", false),
            ("containr", 0.5, "container", true),
            ("kontainr", 0.5, "container", true),
            ("ab", 1.0, "xy", false),
            ("xyz", 0.5, "abc", false),
        ] {
            let ranking = ranked(wanted, fuzziness, &[name]);
            let expected: &[usize] = if near { &[0] } else { &[] };
            assert_eq!(ranking.of(Tier::Fuzzy), expected, "{wanted} {name}");
        }
    }

    #[test]
    fn distances() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        for (a, b, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(&letters(a), &letters(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn an_empty_text_fits_nothing() {
        assert_eq!(ranked("", 1.0, &["", "a"]).all().count(), 0);
    }
}
