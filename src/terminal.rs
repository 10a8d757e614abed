//! The terminal somebody sits at: its width, what may stand on it and how broad that is, and what is typed there, a secret
//! without echo.
//!
//! Owns the terminal's modes: whatever ends a question, they are as before. Must not know what is asked for, or write to
//! standard output: a question stands on the terminal itself. Start reading at `secret`, and at `visible` in `visible.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "it asks what standard output is, and writes nothing"
)]

mod columns;
mod visible;

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize,
    tcsetattr,
};

pub use columns::{columns, cut, fitting, padded};
pub use visible::{coloured, in_json, is_hidden, visible};

const ENDS: [Signal; 4] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
];

/// Whether standard output is a terminal.
#[must_use]
pub fn shows_output() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard error is one.
#[must_use]
pub fn shows_errors() -> bool {
    io::stderr().is_terminal()
}

/// The columns of the terminal that standard output is, if it is one.
#[must_use]
pub fn width() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The rows of that terminal.
#[must_use]
pub fn height() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_row)).filter(|rows| *rows > 0)
}

/// Until something was typed, or `stop` says that nobody waits for it any more.
pub fn wait_for_line(stop: &dyn Fn() -> bool) {
    let pause = Timespec {
        tv_nsec: 50_000_000,
        tv_sec: 0,
    };
    let stdin = io::stdin();
    while !stop() {
        let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&pause));
        if !matches!(ready, Ok(0) | Err(rustix::io::Errno::INTR)) {
            return;
        }
    }
}

/// Forget what was typed before a question was there: it is no answer to it.
pub fn forget_typed() {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let _ = tcflush(&stdin, QueueSelector::IFlush);
    }
}

/// A line without its end.
pub fn line(input: &mut dyn BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.read_until(b'\n', &mut bytes)?;
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Put a question with `ask` and read a line that is not shown; `None` when Ctrl-C, Ctrl-D or a signal ended it.
///
/// A signal waits until the terminal is as before, and then does what it always does.
pub fn secret(
    terminal: &impl AsFd,
    ask: impl FnOnce() -> io::Result<()>,
) -> io::Result<Option<String>> {
    let silence = Silence::begin(terminal.as_fd())?;
    ask()?;
    silence.line()
}

/// Ask for a secret on the terminal of this program, whatever its input and output are; an error where it has none.
pub fn asked_secret(question: &str) -> io::Result<Option<String>> {
    let tty = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")?;
    let mut answer = Ok(None);
    let mut ask = || {
        answer = secret(&tty, || write!(&mut &tty, "{question}: "));
        let _ = writeln!(&mut &tty);
    };
    match &*AROUND.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(around) => around(&mut ask),
        None => ask(),
    }
    answer
}

/// Carries out a question so that nothing else is drawn meanwhile.
type Around = Box<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

static AROUND: Mutex<Option<Around>> = Mutex::new(None);

/// From now on `around` carries out each question: who draws live lines stops while one stands there.
pub fn questions_within(around: Around) {
    *AROUND.lock().unwrap_or_else(PoisonError::into_inner) = Some(around);
}

/// The terminal does not show what is typed, while this is there.
struct Silence<'a> {
    before: Termios,
    mask: SigSet,
    signals: SignalFd,
    terminal: BorrowedFd<'a>,
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
        let _ = self.mask.thread_set_mask();
    }
}

impl<'a> Silence<'a> {
    fn begin(terminal: BorrowedFd<'a>) -> io::Result<Silence<'a>> {
        let before = tcgetattr(terminal)?;
        let signals: SigSet = ENDS.into_iter().collect();
        let mut silent = before.clone();
        // Letters come as they are typed, Ctrl-C too.
        silent
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        let silence = Silence {
            before,
            mask: signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?,
            signals: SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?,
            terminal,
        };
        tcsetattr(terminal, OptionalActions::Now, &silent)?;
        Ok(silence)
    }

    fn line(&self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        loop {
            match self.letter()? {
                None | Some(CTRL_C | CTRL_BACKSLASH) => return Ok(None),
                Some(CTRL_D) if line.is_empty() => return Ok(None),
                Some(b'\r' | b'\n') => break,
                Some(BACKSPACE | DELETE) => {
                    // A letter of several bytes goes as a whole.
                    while line.pop().is_some_and(|byte: u8| byte & 0xc0 == 0x80) {}
                }
                Some(CTRL_U | CTRL_W) => line.clear(),
                Some(byte) => line.push(byte),
            }
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// The next byte that is typed; `None` when a signal came, or the terminal has gone.
    fn letter(&self) -> io::Result<Option<u8>> {
        let mut ready = [
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(&self.terminal, PollFlags::IN),
        ];
        poll(&mut ready, None)?;
        if !ready[0].revents().is_empty() {
            return Ok(None);
        }
        let mut letter = [0];
        Ok((rustix::io::read(self.terminal, &mut letter)? == 1).then_some(letter[0]))
    }
}

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const CTRL_U: u8 = 21;
const CTRL_W: u8 = 23;
const CTRL_BACKSLASH: u8 = 28;
const DELETE: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_blanks() {
        let mut rest = &b" p w \r\nnext"[..];
        assert_eq!(
            (line(&mut rest).unwrap().as_str(), rest),
            (" p w ", &b"next"[..])
        );
    }
}
