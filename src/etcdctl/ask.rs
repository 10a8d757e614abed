//! Questions: a password typed without echo, yes or no.

use std::io::BufRead;

use super::call::Io;
use super::failure::Outcome;

/// Ask on standard output and read one line without echo, as etcdctl does. Without a terminal the line is read, too.
pub(super) fn secret(io: &mut Io<'_>, question: &str) -> Outcome<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    write!(io.out, "{question}")?;
    io.out.flush()?;
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).ok();
    if let Some(before) = &before {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(&stdin, OptionalActions::Now, &silent);
    }
    let line = line(io.input);
    if let Some(before) = &before {
        let _ = tcsetattr(&stdin, OptionalActions::Now, before);
    }
    let line = line?;
    writeln!(io.out)?;
    Ok(line)
}

fn line(input: &mut dyn BufRead) -> Outcome<String> {
    let mut bytes = Vec::new();
    input.read_until(b'\n', &mut bytes)?;
    while bytes
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Ask for yes; anything else is no.
pub(super) fn yes(io: &mut Io<'_>, question: &str) -> Outcome<bool> {
    io.out.flush()?;
    write!(io.err, "{question} [y/N] ")?;
    io.err.flush()?;
    let answer = line(io.input)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
