//! Agreeing on telnet options (RFC 854, 855, 857, 858, 856, 1073), without loops.
//!
//! In: the other side's WILL, WONT, DO and DONT, the world's wish about echo, and the bytes that the
//! world itself sends raw. Out: at most one answer to each. The host begins only the negotiation of
//! ECHO, so of RFC 1143's six states each option needs two; an answer is sent only where the other
//! side asked for a change, and never to an answer, so no exchange can go on forever. An option that
//! the world negotiates by itself (by raw output, as ToastStunt's worlds do) is left to it.

use super::IAC;

const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;

/// What the host agrees to do itself when asked: 8-bit data and no go-aheads are what it does anyway.
const OURS: [u8; 2] = [BINARY, SUPPRESS_GO_AHEAD];
/// What the host agrees that the client does. Everything else, such as telling its window's size, only
/// a world that asks for it knows what to do with.
const THEIRS: [u8; 2] = [BINARY, SUPPRESS_GO_AHEAD];

/// Three bytes: IAC, a verb, an option.
pub type OptionCommand = [u8; 3];

/// What has been agreed on one connection.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    ours: OptionSet,
    theirs: OptionSet,
    worlds: OptionSet,
}

impl Negotiation {
    /// The answer to the other side's `verb` on `option`, where one is due.
    pub(super) fn receive(&mut self, verb: u8, option: u8) -> Option<OptionCommand> {
        if self.worlds.has(option) {
            return None;
        }
        match verb {
            DO if self.ours.has(option) => None,
            DO if OURS.contains(&option) => {
                self.ours.insert(option);
                Some([IAC, WILL, option])
            }
            DO => Some([IAC, WONT, option]),
            DONT => self.ours.remove(option).then_some([IAC, WONT, option]),
            WILL if self.theirs.has(option) => None,
            WILL if THEIRS.contains(&option) => {
                self.theirs.insert(option);
                Some([IAC, DO, option])
            }
            WILL => Some([IAC, DONT, option]),
            WONT => self.theirs.remove(option).then_some([IAC, DONT, option]),
            _ => None,
        }
    }

    /// Whether `verb` on `option` can only be the answer to what the host itself began: no business of
    /// the world's.
    pub(super) fn answers_host(&self, verb: u8, option: u8) -> bool {
        option == ECHO && matches!(verb, DO | DONT) && !self.worlds.has(ECHO)
    }

    /// The command that asks the client to show what is typed, or not to. Sent at once and every time,
    /// as LambdaMOO does: many clients act on it without ever answering.
    pub(super) fn set_client_echo(&mut self, client_echoes: bool) -> OptionCommand {
        if client_echoes {
            self.ours.remove(ECHO);
            [IAC, WONT, ECHO]
        } else {
            self.ours.insert(ECHO);
            [IAC, WILL, ECHO]
        }
    }

    /// Notes which options the world negotiates in its raw output.
    pub(super) fn world_sends(&mut self, bytes: &[u8]) {
        for command in bytes.windows(3) {
            if let [IAC, WILL..=DONT, option] = *command {
                self.worlds.insert(option);
            }
        }
    }
}

/// Whether `byte` is one of the four verbs of negotiation.
pub(super) fn is_verb(byte: u8) -> bool {
    matches!(byte, WILL..=DONT)
}

/// A set of telnet options.
#[derive(Debug, Default)]
struct OptionSet([u64; 4]);

impl OptionSet {
    fn place(option: u8) -> (usize, u64) {
        (usize::from(option / 64), 1 << (option % 64))
    }

    fn has(&self, option: u8) -> bool {
        let (word, bit) = Self::place(option);
        self.0[word] & bit != 0
    }

    fn insert(&mut self, option: u8) {
        let (word, bit) = Self::place(option);
        self.0[word] |= bit;
    }

    /// Takes `option` out and says whether it was in.
    fn remove(&mut self, option: u8) -> bool {
        let had = self.has(option);
        let (word, bit) = Self::place(option);
        self.0[word] &= !bit;
        had
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agreed_option_is_answered_once() {
        let mut negotiation = Negotiation::default();
        let go_ahead = SUPPRESS_GO_AHEAD;
        assert_eq!(
            negotiation.receive(DO, go_ahead),
            Some([IAC, WILL, go_ahead])
        );
        assert_eq!(negotiation.receive(DO, go_ahead), None);
        assert_eq!(
            negotiation.receive(DONT, go_ahead),
            Some([IAC, WONT, go_ahead])
        );
        assert_eq!(negotiation.receive(DONT, go_ahead), None);
        assert_eq!(negotiation.receive(WILL, BINARY), Some([IAC, DO, BINARY]));
        assert_eq!(negotiation.receive(WILL, BINARY), None);
        assert_eq!(negotiation.receive(WONT, BINARY), Some([IAC, DONT, BINARY]));
        assert_eq!(negotiation.receive(WONT, BINARY), None);
    }

    #[test]
    fn an_unknown_option_is_refused() {
        let mut negotiation = Negotiation::default();
        assert_eq!(negotiation.receive(DO, 99), Some([IAC, WONT, 99]));
        assert_eq!(negotiation.receive(WILL, 99), Some([IAC, DONT, 99]));
        assert_eq!(negotiation.receive(DONT, 99), None);
        assert_eq!(negotiation.receive(WONT, 99), None);
    }

    #[test]
    fn the_answer_to_our_echo_is_not_answered() {
        let mut negotiation = Negotiation::default();
        assert_eq!(
            negotiation.receive(DO, ECHO),
            Some([IAC, WONT, ECHO]),
            "unasked"
        );
        assert_eq!(negotiation.set_client_echo(false), [IAC, WILL, ECHO]);
        assert_eq!(negotiation.receive(DO, ECHO), None);
        assert_eq!(negotiation.set_client_echo(true), [IAC, WONT, ECHO]);
        assert_eq!(negotiation.receive(DONT, ECHO), None);
        assert_eq!(
            negotiation.set_client_echo(true),
            [IAC, WONT, ECHO],
            "said again when asked"
        );
    }

    #[test]
    fn two_hosts_facing_each_other_fall_silent() {
        let mut sides = [Negotiation::default(), Negotiation::default()];
        for option in 0..=255 {
            for verb in WILL..=DONT {
                let mut command = Some([IAC, verb, option]);
                let mut exchanged = 0;
                while let Some([_, verb, option]) = command {
                    command = sides[exchanged % 2].receive(verb, option);
                    exchanged += 1;
                    assert!(exchanged < 8, "option {option} goes on");
                }
            }
        }
    }

    #[test]
    fn what_the_world_negotiates_is_left_to_the_world() {
        let mut negotiation = Negotiation::default();
        negotiation.world_sends(&[b'x', IAC, WILL, 201, b'y']);
        assert_eq!(negotiation.receive(DO, 201), None);
        assert_eq!(negotiation.receive(DO, 202), Some([IAC, WONT, 202]));
    }
}
