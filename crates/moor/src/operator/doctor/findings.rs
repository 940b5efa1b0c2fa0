//! What the doctor found: one line for each look.
//!
//! In: names of looks with their outcome. Out: a table for people, or its JSON form. It looks at nothing itself.

use serde::Serialize;

use crate::operator::output::pairs;

/// How a look went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Wrong.
    Fail,
    /// Not looked at: something that failed before makes it impossible, or it is not needed.
    Skip,
}

/// One look.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    check: String,
    verdict: Verdict,
    /// What was seen; if it is wrong, the cause and the mend.
    detail: String,
}

/// All looks, in their order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    findings: Vec<Finding>,
}

impl Findings {
    pub(super) fn ok(&mut self, check: impl Into<String>, detail: impl Into<String>) {
        self.add(check.into(), Verdict::Ok, detail.into());
    }

    /// `detail` names the cause and the mend.
    pub(super) fn fail(&mut self, check: impl Into<String>, detail: impl Into<String>) {
        self.add(check.into(), Verdict::Fail, detail.into());
    }

    pub(super) fn skip(&mut self, check: impl Into<String>, why: impl Into<String>) {
        self.add(check.into(), Verdict::Skip, why.into());
    }

    fn add(&mut self, check: String, verdict: Verdict, detail: String) {
        self.findings.push(Finding {
            check,
            verdict,
            detail,
        });
    }

    pub(super) fn all_well(&self) -> bool {
        let mut verdicts = self.findings.iter().map(|finding| finding.verdict);
        verdicts.all(|verdict| verdict != Verdict::Fail)
    }

    pub(super) fn human(&self) -> String {
        let rows = self.findings.iter().map(|finding| {
            let verdict = match finding.verdict {
                Verdict::Ok => "OK  ",
                Verdict::Fail => "FAIL",
                Verdict::Skip => "-   ",
            };
            (verdict, format!("{}: {}", finding.check, finding.detail))
        });
        let failed = self
            .findings
            .iter()
            .filter(|one| one.verdict == Verdict::Fail);
        let last = match failed.count() {
            0 => "all is well".into(),
            1 => "1 thing is wrong".into(),
            count => format!("{count} things are wrong"),
        };
        format!("{}{last}\n", pairs(rows))
    }
}
