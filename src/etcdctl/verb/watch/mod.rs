//! `watch KEY [RANGE_END] [-- COMMAND...]`: print what happens to keys, and run a command for each event; with `-i` many
//! watches, asked for line by line.
//!
//! A folder because a request, the watches that go on, their lines of input and what is printed are nouns of their own.
//! Start reading at `run`.

mod interactive;
mod printed;
mod request;
mod shown;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};

use request::{BAD_ARGUMENTS, Environment, Words, watched};
use shown::Shown;

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::Told;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::wait::child::Ended;
use crate::etcdctl::wait::stop::{Stop, TICK};

pub(super) const VERB: Verb = Verb {
    name: "watch",
    arguments: "[key or prefix] [range_end] [--] [command arg1 arg2 ...]",
    about: "print what happens to a key, a range or a prefix",
    example: "watch --prefix /service/pg-test/\nwatch --rev=100 --prev-kv greeting\nwatch greeting -- sh -c 'echo $ETCD_WATCH_VALUE'",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Always,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool(
        "interactive",
        "read watches from standard input, one a line, and `progress`",
    )
    .short('i'),
    Flag::bool("prefix", "watch all keys that begin so"),
    Flag::bool("prev-kv", "print the pair that was there before, too"),
    Flag::bool(
        "progress-notify",
        "print from time to time how far the watch has come",
    ),
    Flag::int("rev", "0", "the first revision to print; 0 is the next one"),
];

/// Replies that may wait to be printed.
const WAITING: usize = 64;

fn run(call: &mut Call<'_>) -> Outcome {
    let environment = Environment::of(call.style)?;
    if call.flag("interactive") {
        return interactive::interactive(call, &environment);
    }
    let words = Words::split(&call.values, call.words.clone());
    words
        .check(&call.values, &environment, false)
        .map_err(Failure::arguments)?;
    if words.keys.is_empty() && words.command.is_empty() && environment.is_empty() {
        let failure = Failure::arguments(BAD_ARGUMENTS);
        return Err(if call.style.strict {
            failure
        } else {
            failure
                .within(|_| "watch command needs a key".into())
                .with_hint(format!("{} watch KEY", call.style.program))
        });
    }
    call.client()?;
    let watched = watched(&call.values, &environment, &words.keys).map_err(Failure::arguments)?;
    let (sender, happenings) = sync_channel(WAITING);
    let mut shown = Shown::new(sender, false);
    shown.add(call, watched, words.command)?;
    loop {
        match next(&happenings, &call.style.stop) {
            None => return Ok(()),
            Some(happening) => shown.heed(call, happening)?,
        }
    }
}

/// What the one that prints has to look at.
enum Happening {
    /// The commands for the events of a watch have run.
    Ran(usize, Result<(), (Vec<Vec<u8>>, Ended)>),
    Read(io::Result<Option<Vec<u8>>>),
    Told(Told),
}

impl From<Told> for Happening {
    fn from(told: Told) -> Happening {
        Happening::Told(told)
    }
}

/// The next one; `None` when the end is asked for.
fn next(happenings: &Receiver<Happening>, stop: &Stop) -> Option<Happening> {
    while !stop.asked() {
        match happenings.recv_timeout(TICK) {
            Ok(happening) => return Some(happening),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}
