//! The order in which people expect numbered names: `a2` before `a10`.
//! In: two texts. Out: which comes first, without regard to ASCII case.

use std::cmp::Ordering;

/// Compares runs of digits as numbers and everything else by lower-cased character. A run that
/// begins with 0 is compared digit by digit, as a fraction; blanks are passed over.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        a = a.trim_ascii_start();
        b = b.trim_ascii_start();
        let (Some(x), Some(y)) = (a.first(), b.first()) else {
            return a.len().cmp(&b.len());
        };
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (digits_a, rest_a) = split_digits(a);
            let (digits_b, rest_b) = split_digits(b);
            let order = number_order(digits_a, digits_b);
            if order.is_ne() {
                return order;
            }
            (a, b) = (rest_a, rest_b);
            continue;
        }
        let order = x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase());
        if order.is_ne() {
            return order;
        }
        (a, b) = (&a[1..], &b[1..]);
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    text.split_at(digits)
}

fn number_order(a: &[u8], b: &[u8]) -> Ordering {
    if a[0] == b'0' || b[0] == b'0' {
        return a.cmp(b);
    }
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
