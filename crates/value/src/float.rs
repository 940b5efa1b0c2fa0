//! Floats as text: C's `%.*g` and `%.*f`, and the language's literal form built on it.
//! In: a float. Out: its text. Parsing is the compiler's and the conversion builtins' business.

use std::fmt::{self, Write as _};

/// Significant digits of a float's literal (C's `DBL_DIG`), as ToastStunt prints them.
const LITERAL_DIGITS: usize = 15;

/// A float that displays as the language writes it: 15 significant digits, with `.0` added where
/// nothing else would show that it is a float.
pub struct FloatText(pub f64);

impl fmt::Display for FloatText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The shortest text that means the float is the same where it has no more digits and
        // no exponent; it is found several times faster.
        if self.0 == 0.0 || (1e-4..1e9).contains(&self.0.abs()) {
            let shortest = format!("{:?}", self.0);
            let digits = shortest.bytes().filter(u8::is_ascii_digit).count();
            if digits <= LITERAL_DIGITS {
                return f.write_str(&shortest);
            }
        }
        let mut text = String::new();
        write_general(&mut text, self.0, LITERAL_DIGITS)?;
        f.write_str(&text)?;
        let plain = text.bytes().all(|b| !matches!(b, b'.' | b'e'));
        if plain { f.write_str(".0") } else { Ok(()) }
    }
}

/// Writes `value` as C's `%.{digits}g`: the shorter of fixed and exponent form, without trailing
/// zeros.
pub fn write_general(out: &mut impl fmt::Write, value: f64, digits: usize) -> fmt::Result {
    if !value.is_finite() {
        return out.write_str(non_finite(value));
    }
    let digits = digits.max(1);
    let mut scientific = String::new();
    write!(scientific, "{:.*e}", digits - 1, value)?;
    let (mantissa, exponent) = split_exponent(&scientific);
    if exponent < -4 || exponent >= digits as i32 {
        return write_exponent(out, trim_zeros(mantissa), exponent);
    }
    let mut fixed = String::new();
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    write!(fixed, "{value:.decimals$}")?;
    out.write_str(trim_zeros(&fixed))
}

/// Writes `value` as C's `%.{decimals}e`.
pub fn write_scientific(out: &mut impl fmt::Write, value: f64, decimals: usize) -> fmt::Result {
    if !value.is_finite() {
        return out.write_str(non_finite(value));
    }
    let text = format!("{value:.decimals$e}");
    let (mantissa, exponent) = split_exponent(&text);
    write_exponent(out, mantissa, exponent)
}

fn non_finite(value: f64) -> &'static str {
    match (value.is_nan(), value.is_sign_negative()) {
        (true, false) => "nan",
        (true, true) => "-nan",
        (false, false) => "inf",
        (false, true) => "-inf",
    }
}

fn split_exponent(scientific: &str) -> (&str, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

fn write_exponent(out: &mut impl fmt::Write, mantissa: &str, exponent: i32) -> fmt::Result {
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn trim_zeros(text: &str) -> &str {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        FloatText(value).to_string()
    }

    #[test]
    fn literals_read_as_c_prints_them() {
        let cases: &[(f64, &str)] = &[
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333333333333"),
            (1e15, "1e+15"),
            (1e14, "100000000000000.0"),
            (123456789012345678.0, "1.23456789012346e+17"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e300, "1.5e+300"),
            (9.999999999999999e14, "1e+15"),
            (0.00012345678901234, "0.00012345678901234"),
            (123456789.5, "123456789.5"),
            (999999999.9999999, "1000000000.0"),
            (2.5e-4, "0.00025"),
            (f64::MAX, "1.79769313486232e+308"),
            (5e-324, "4.94065645841247e-324"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(*value), *expected);
        }
    }

    #[test]
    fn the_short_way_agrees_with_the_long_one() {
        for i in 0..20_000u64 {
            let mantissa = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            for value in [mantissa as f64 / 1e7, (i as f64) / 8.0, (i as f64) * 1e-5] {
                let mut long = String::new();
                write_general(&mut long, value, LITERAL_DIGITS).expect("a string takes all");
                if !long.contains(['.', 'e']) {
                    long.push_str(".0");
                }
                assert_eq!(text(value), long);
            }
        }
    }

    #[test]
    fn scientific_pads_the_exponent() {
        let mut out = String::new();
        write_scientific(&mut out, 12345.678, 3).expect("writing to a string cannot fail");
        assert_eq!(out, "1.235e+04");
    }
}
