//! The lines that a program writes, copied to the standard error of `moor up`.
//!
//! In: the standard output and error of a program. Out: its lines, each naming the program and each in one write, so
//! that lines of several programs do not mix. It does not know what the lines say.

use std::io::{BufRead, BufReader, Read, Write};

/// A longer line is cut into lines of this many bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Copies the lines of `source` until it ends, on a thread of its own.
///
/// # Errors
/// What the operating system says if it gives no thread.
pub(crate) fn copy_lines(
    program: &'static str,
    source: impl Read + Send + 'static,
) -> std::io::Result<()> {
    let copy = move || each_line(source, |line| write_line(&labelled(program, line)));
    std::thread::Builder::new()
        .name(format!("{program} lines"))
        .spawn(copy)?;
    Ok(())
}

/// Calls `take` with each line, without its line break, until the end or an error: both mean that the writer is gone.
fn each_line(source: impl Read, mut take: impl FnMut(&[u8])) {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    while (&mut source)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        take(line.trim_ascii_end());
        line.clear();
    }
}

/// The line with the program's name in front, unless it names the program itself: log lines do, as text or as JSON.
fn labelled(program: &str, line: &[u8]) -> Vec<u8> {
    let json = format!("{{\"program\":\"{program}\"");
    let own = line.starts_with(program.as_bytes()) || line.starts_with(json.as_bytes());
    let label = if own {
        String::new()
    } else {
        format!("{program}: ")
    };
    [label.as_bytes(), line, b"\n"].concat()
}

fn write_line(line: &[u8]) {
    // A closed standard error is no reason to stop the programs.
    let _ = std::io::stderr().write_all(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_their_program_once() {
        for (line, wanted) in [
            ("moor-daemon 2026 INFO up", "moor-daemon 2026 INFO up\n"),
            (
                "{\"program\":\"moor-daemon\",\"x\":1}",
                "{\"program\":\"moor-daemon\",\"x\":1}\n",
            ),
            ("Assertion failed", "moor-daemon: Assertion failed\n"),
            ("", "moor-daemon: \n"),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&labelled("moor-daemon", line.as_bytes())),
                wanted
            );
        }
    }

    #[test]
    fn lines_end_at_breaks_at_the_limit_and_at_the_end() {
        let limit = LINE_BYTES_MAX as usize;
        let text = [
            b"one\r\n".to_vec(),
            vec![b'x'; limit + 1],
            b"\nlast".to_vec(),
        ]
        .concat();
        let mut lengths = Vec::new();
        each_line(text.as_slice(), |line| lengths.push(line.len()));
        assert_eq!(lengths, [3, limit, 1, 4]);
    }
}
