//! Counts what is on its way to a peer, so that a peer that stops reading costs bounded memory: libzmq
//! bounds its queues in messages only, and a message may have 16 MiB.
//!
//! In: sizes of messages sent and received, reports of the other side. Out: bytes in flight, and when to
//! report.

use crate::bounds::{MESSAGE_OVERHEAD_BYTES, REPORT_EVERY_BYTES};

/// What a message of this many payload bytes weighs, on both sides alike.
fn weight(payload_bytes: usize) -> u64 {
    payload_bytes as u64 + MESSAGE_OVERHEAD_BYTES
}

/// The sending half: how much is in flight.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    sent: u64,
    acknowledged: u64,
}

impl Credit {
    pub(crate) fn sent(&mut self, payload_bytes: usize) {
        self.sent += weight(payload_bytes);
    }

    /// Takes a report. A peer cannot have received more than was sent, nor less than it said before.
    pub(crate) fn report(&mut self, total: u64) {
        self.acknowledged = total.clamp(self.acknowledged, self.sent);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.sent - self.acknowledged
    }
}

/// The receiving half: how much has come.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    received: u64,
    reported: u64,
}

impl Tally {
    /// Counts a message; `true` when it is time for a report.
    pub(crate) fn received(&mut self, payload_bytes: usize) -> bool {
        self.received += weight(payload_bytes);
        self.received - self.reported >= REPORT_EVERY_BYTES
    }

    /// The total to report, which counts as reported.
    pub(crate) fn report(&mut self) -> u64 {
        self.reported = self.received;
        self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_agree() {
        let (mut credit, mut tally) = (Credit::default(), Tally::default());
        for bytes in [0, 1, 500, 100_000] {
            credit.sent(bytes);
            tally.received(bytes);
        }
        credit.report(tally.report());
        assert_eq!(credit.in_flight(), 0);
    }

    #[test]
    fn a_lying_report_changes_nothing() {
        let mut credit = Credit::default();
        credit.sent(10);
        credit.report(u64::MAX);
        assert_eq!(credit.in_flight(), 0);
        credit.sent(0);
        credit.report(0);
        assert_eq!(credit.in_flight(), MESSAGE_OVERHEAD_BYTES);
    }

    #[test]
    fn reports_at_the_bound_and_not_before() {
        let mut tally = Tally::default();
        let payload = (REPORT_EVERY_BYTES - 2 * MESSAGE_OVERHEAD_BYTES) as usize;
        assert!(!tally.received(payload));
        assert!(tally.received(0));
        tally.report();
        assert!(!tally.received(0));
    }
}
