//! `watch -i`: many watches, asked for line by line.
//!
//! Owns the reading of those lines while watches print. Start reading at `interactive`.

use std::io::{self, BufRead};
use std::sync::mpsc::{channel, sync_channel};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::request::{Environment, Words, watched};
use super::shown::Shown;
use super::{FLAGS, Happening, WAITING, next};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ARGUMENTS, Failure, INPUT, Outcome};
use crate::etcdctl::line::flag::{self, Flag, HELP};
use crate::etcdctl::line::words;
use crate::etcdctl::wait::stop::{Stop, TICK};

/// Watches from standard input.
pub(super) fn interactive(call: &mut Call<'_>, environment: &Environment) -> Outcome {
    call.client()?;
    let (sender, happenings) = sync_channel(WAITING);
    let mut shown = Shown::new(sender.clone(), true);
    // The reader holds the input while the rest of the call prints.
    let input = std::mem::replace(&mut call.io.input, Box::leak(Box::new(io::empty())));
    let (stdin, done) = (call.io.stdin, Stop::default());
    std::thread::scope(|scope| {
        let (more, wanted) = channel::<()>();
        let over = done.clone();
        let _ = more.send(());
        scope.spawn(move || {
            let mut lines = Lines {
                buffer: Vec::new(),
                input,
                over,
                stdin,
            };
            // One line at a time, so that nothing is read after the one that ends the command.
            while wanted.recv().is_ok() && sender.send(Happening::Read(lines.next())).is_ok() {}
        });
        let outcome = (|| {
            while let Some(happening) = next(&happenings, &call.style.stop) {
                let Happening::Read(read) = happening else {
                    shown.heed(call, happening)?;
                    continue;
                };
                match read {
                    Ok(Some(line)) => order(call, &mut shown, environment, &line)?,
                    Ok(None) => {
                        return Err(Failure::new(INPUT, "error reading watch request line: EOF"));
                    }
                    Err(error) => {
                        return Err(Failure::new(
                            INPUT,
                            format!("error reading watch request line: {error}"),
                        ));
                    }
                }
                let _ = more.send(());
            }
            Ok(())
        })();
        done.ask();
        drop((more, happenings));
        outcome
    })
}

/// A line of input: `watch ...` or `progress`.
fn order(
    call: &mut Call<'_>,
    shown: &mut Shown,
    environment: &Environment,
    line: &[u8],
) -> Outcome {
    let text = String::from_utf8_lossy(line).into_owned();
    let words = words::split(line).ok_or_else(|| Failure::new(INPUT, "invalid syntax"))?;
    match words.first().map(Vec::as_slice) {
        None => {
            return call.complain(format_args!(
                "Invalid command: {text} (watch and progress supported)"
            ));
        }
        Some(b"progress") => {
            if let Some(source) = &shown.source {
                source.progress();
            }
            return Ok(());
        }
        Some(b"watch") => {}
        Some(_) => {
            return call.complain(format_args!("Invalid command {text} (only support watch)"));
        }
    }
    if words.len() < 2 && environment.is_empty() {
        return call.complain(format_args!(
            "Invalid command {text} (command type or key is not provided)"
        ));
    }
    let flags: Vec<&'static Flag> = std::iter::once(&HELP).chain(FLAGS).collect();
    let (values, words) = flag::parse(&words[1..], &flags)
        .map_err(|failure| Failure::new(ARGUMENTS, failure.text()))?;
    if values.given("help").is_some() {
        return Err(Failure::arguments("pflag: help requested"));
    }
    let words = Words::split(&values, words);
    words
        .check(&values, environment, true)
        .map_err(Failure::arguments)?;
    match watched(&values, environment, &words.keys) {
        Ok(watched) => shown.add(call, watched, words.command),
        Err(why) => call.complain(format_args!("Invalid command {text} ({why})")),
    }
}

/// Lines of the input, waited for until the command is over.
struct Lines<'i> {
    buffer: Vec<u8>,
    input: &'i mut (dyn BufRead + Send),
    over: Stop,
    stdin: bool,
}

impl Lines<'_> {
    /// The next line without its end; `None` at the end of the input, whatever stands before it.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            if self.stdin && !self.ready()? {
                return Ok(None);
            }
            let read = self.input.fill_buf()?;
            if read.is_empty() {
                return Ok(None);
            }
            let length = read.len();
            self.buffer.extend_from_slice(read);
            self.input.consume(length);
        }
    }

    /// Wait until there is something to read; false when the command is over.
    fn ready(&self) -> io::Result<bool> {
        let stdin = io::stdin();
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: TICK.subsec_nanos().into(),
        };
        while !self.over.asked() {
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&tick)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_the_input() {
        let mut input = &b"watch a\n\nprogress"[..];
        let mut lines = Lines {
            buffer: Vec::new(),
            input: &mut input,
            over: Stop::default(),
            stdin: false,
        };
        let mut read = || {
            lines
                .next()
                .unwrap()
                .map(|line| String::from_utf8(line).unwrap())
        };
        assert_eq!(
            (read().as_deref(), read().as_deref(), read()),
            (Some("watch a"), Some(""), None)
        );
    }
}
