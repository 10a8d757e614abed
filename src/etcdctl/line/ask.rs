//! Questions: a password typed without echo, yes or no.

use std::io::IsTerminal;

use crate::etcdctl::call::Io;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::terminal;

/// etcdctl ends so at a Ctrl-C.
const GIVEN_UP: i32 = 255;

/// Ask on standard output and read one line without echo, as etcdctl does. Without a terminal the line is read, too.
pub(crate) fn secret(io: &mut Io<'_>, question: &str) -> Outcome<String> {
    let (out, stdin) = (&mut *io.out, std::io::stdin());
    let mut ask = || {
        write!(out, "{question}")?;
        out.flush()
    };
    let answer = if io.stdin && stdin.is_terminal() {
        terminal::secret(&stdin, ask)?
    } else {
        ask()?;
        Some(terminal::line(io.input)?)
    };
    writeln!(io.out)?;
    answer.ok_or_else(|| Failure::silent(GIVEN_UP))
}

/// Ask for yes; anything else is no.
pub(crate) fn yes(io: &mut Io<'_>, question: &str) -> Outcome<bool> {
    io.out.flush()?;
    if io.stdin {
        terminal::forget_typed();
    }
    write!(io.err, "{question} [y/N] ")?;
    io.err.flush()?;
    let answer = terminal::line(io.input)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
