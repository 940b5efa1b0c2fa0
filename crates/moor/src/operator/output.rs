//! What the operator's commands write: tables for people, JSON for machines.
//!
//! In: rows of texts, numbers, durations; or anything that has a JSON form. Out: standard output. What comes from users
//! or from other machines may hold control characters: none reaches the terminal.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

/// How a command's result is written.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Write JSON, for machines
    #[arg(long)]
    pub(crate) json: bool,
}

impl OutputArgs {
    /// Writes `result` as JSON, or what `human` makes of it.
    pub(crate) fn show<T: Serialize>(self, result: &T, human: impl FnOnce(&T) -> String) {
        match self.json {
            true => write_json(result),
            false => write(&human(result)),
        }
    }
}

/// One JSON value on standard output.
pub(crate) fn write_json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("these types have a JSON form");
    write(&format!("{text}\n"));
}

/// A text on standard output. A reader that has gone (`| head -1`) is no failure.
pub(crate) fn write(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Columns under their headings; `empty` instead if there are no rows.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    empty: &str,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(headings);
    let mut count = 0;
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
        count += 1;
    }
    match count {
        0 => format!("{empty}\n"),
        _ => lines(&table),
    }
}

/// A name and a value a line.
pub(crate) fn pairs(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (name, value) in rows {
        table.add_row([name.to_owned(), printable(&value)]);
    }
    lines(&table)
}

/// Without the padding at both ends of the lines.
fn lines(table: &Table) -> String {
    let text = table.to_string();
    let lines = text.lines().map(|line| {
        let line = line.strip_prefix(' ').unwrap_or(line);
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

/// The text with every control character as its escape.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => clean.extend(character.escape_default()),
            false => clean.push(character),
        }
    }
    clean
}

/// Seconds as people say them, in at most two units: `2days 3h`.
pub(crate) fn seconds(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    let text = humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string();
    let parts: Vec<&str> = text.split(' ').take(2).collect();
    parts.join(" ")
}

/// A moment, to the second: `2026-01-31T12:00:00Z`.
pub(crate) fn time(time: SystemTime) -> String {
    // The last second that the format knows, for a moment beyond it.
    let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_seconds(time.clamp(UNIX_EPOCH, last)).to_string()
}

/// A number of bytes as people say it: `1.5 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut amount = count as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while amount >= 1024.0
        && let Some(larger) = units.next()
    {
        amount /= 1024.0;
        unit = Some(larger);
    }
    format!("{amount:.1} {}", unit.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_clean() {
        let rows = [
            ["1".into(), "Wizard".into()],
            ["23".into(), "\u{1b}[2JÄ\n".into()],
        ];
        assert_eq!(
            table(["ID", "NAME"], rows, "nobody"),
            "ID  NAME\n1   Wizard\n23  \\u{1b}[2JÄ\\n\n"
        );
        assert_eq!(table(["ID", "NAME"], [], "nobody"), "nobody\n");
        assert_eq!(
            pairs([("a", "1".into()), ("long", "2".into())]),
            "a     1\nlong  2\n"
        );
    }

    #[test]
    fn amounts_are_short() {
        for (amount, text) in [
            (0.0, "0s"),
            (-1.0, "0s"),
            (59.9, "59s"),
            (3600.0, "1h"),
            (183_845.0, "2days 3h"),
            (f64::NAN, "0s"),
        ] {
            assert_eq!(seconds(amount), text, "{amount}");
        }
        for (count, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(bytes(count), text, "{count}");
        }
        let moment = UNIX_EPOCH + Duration::from_millis(1_500_000_000_999);
        assert_eq!(time(moment), "2017-07-14T02:40:00Z");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert_eq!(time(far), "9999-12-31T23:59:59Z");
    }
}
