//! Log lines: `tracing` events to standard error, as text for people or as JSON for machines.
//!
//! In: events of every crate, a filter and a format. Out: one line each, which names the program. A standard error
//! that is closed or full never stops or ends a program. What is secret is never given to it: keys and tokens have
//! no `Debug` that shows them.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{Format, Full, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum LogFormat {
    /// `PROGRAM TIME LEVEL TARGET: MESSAGE FIELD=VALUE ...`; in colour on a terminal.
    #[default]
    Text,
    /// One JSON object a line, with `program`, `timestamp`, `level`, `target` and `fields`.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        })
    }
}

/// Which events are written: a level, or a comma separated list of `TARGET=LEVEL` and one level for the rest
/// (`info,moor_link=debug`). Levels: `off`, `error`, `warn`, `info`, `debug`, `trace`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogFilter {
    directives: String,
}

/// Why a text is no log filter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogFilterError {
    /// A part without `=` is not a level. (`tracing` itself would take it for a target, and stay silent.)
    #[error("`{0}` is no log level; write off, error, warn, info, debug or trace, or TARGET=LEVEL")]
    Level(String),
    /// A part with `=` cannot be read.
    #[error("{0}; write for example info,moor_link=debug")]
    Directive(#[from] tracing_subscriber::filter::ParseError),
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, LogFilterError> {
        let is_directive = |part: &str| {
            part.contains('=') || (!part.is_empty() && part.parse::<LevelFilter>().is_ok())
        };
        match text
            .split(',')
            .map(str::trim)
            .find(|part| !is_directive(part))
        {
            Some(part) => Err(LogFilterError::Level(part.into())),
            None => {
                EnvFilter::try_new(text)?;
                Ok(Self {
                    directives: text.into(),
                })
            }
        }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.directives)
    }
}

/// Sends the events of this process to standard error from now on. The first call of a process counts; later ones
/// change nothing.
pub fn start_logging(program: &'static str, format: LogFormat, filter: &LogFilter) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&filter.directives))
        .with_writer(std::io::stderr)
        .with_ansi(format == LogFormat::Text && std::io::stderr().is_terminal())
        // Otherwise a log line that cannot be written is reported by `eprintln!`, which panics.
        .log_internal_errors(false);
    // An error means that logging was started before.
    let _ = match format {
        LogFormat::Text => builder
            .event_format(Text {
                program,
                inner: Format::default(),
            })
            .finish()
            .try_init(),
        LogFormat::Json => {
            let inner = Format::default().json();
            builder
                .fmt_fields(JsonFields::new())
                .event_format(JsonLine { program, inner })
                .finish()
                .try_init()
        }
    };
}

/// Writes the program's name in front of the usual text line.
struct Text {
    program: &'static str,
    inner: Format<Full>,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "{} ", self.program)?;
        self.inner.format_event(context, writer, event)
    }
}

/// Writes the program's name as the first field of the usual JSON object. Program names need no escape.
struct JsonLine {
    program: &'static str,
    inner: Format<Json>,
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut object = String::new();
        self.inner
            .format_event(context, Writer::new(&mut object), event)?;
        let fields = object.strip_prefix('{').ok_or(fmt::Error)?;
        write!(writer, "{{\"program\":\"{}\",{fields}", self.program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_levels_and_targets() {
        for text in [
            "info",
            "off",
            "warn,moor_link=debug",
            "moor_link=trace, info",
        ] {
            assert_eq!(text.parse::<LogFilter>().expect(text).to_string(), text);
        }
        for text in ["", "inof", "info,moor_link", "moor_link=loud"] {
            assert!(
                text.parse::<LogFilter>().is_err(),
                "{text:?} was taken for a filter"
            );
        }
    }
}
