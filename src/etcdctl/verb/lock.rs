//! `lock NAME [COMMAND...]`: hold a lock until a signal comes, or while a command runs.

use super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::wait::child;
use crate::etcdctl::wait::session::Session;
use crate::etcdctl::wait::stop::Signals;
use crate::etcdctl::wait::turn::{Ends, Turn};

pub(super) const VERB: Verb = Verb {
    name: "lock",
    arguments: "<lockname> [command arg1 arg2 ...]",
    about: "hold a lock until interrupted, or while a command runs",
    example: "lock backup\nlock backup -- tar -cf /tmp/backup.tar /etc",
    flags: &[Flag::int(
        "ttl",
        "10",
        "seconds until the lock is free when its holder has died",
    )],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Always,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let Some(name) = call.words.first().cloned() else {
        return Err(Failure::arguments(
            "lock takes a lock name argument and an optional command to execute",
        ));
    };
    call.client()?;
    let session = Session::open(call, call.number("ttl"))?;
    let signals = Signals::listen(&call.style.stop)?;
    let mut turn = Turn::take(call, &session, &name, b"")?;
    if !turn.reached(call, &session, &signals, "mutex: session is expired")? {
        return Ok(());
    }
    if call.words.len() > 1 {
        with_command(call, &session, &turn)
    } else {
        let ends = Ends {
            gone: Some("lock lost on init"),
            over: "session expired",
        };
        turn.hold(call, &session, &signals, &ends)
    }
}

fn with_command(call: &mut Call<'_>, session: &Session, turn: &Turn) -> Outcome {
    call.io.out.flush()?;
    let mut command = child::command(&call.words[1..], call.style);
    let variables = [
        (
            "ETCD_LOCK_KEY",
            String::from_utf8_lossy(&turn.key).into_owned(),
        ),
        ("ETCD_LOCK_REV", turn.revision.to_string()),
    ];
    // In etcdctl a variable that was there before comes first: of two locks in each other the outer one's.
    for (name, value) in variables
        .into_iter()
        .filter(|(name, _)| !call.style.strict || std::env::var_os(name).is_none())
    {
        command.env(name, value);
    }
    let end = child::run(command);
    if session.is_over() && !call.style.strict {
        call.complain("the lock was lost while the command ran: its session has expired")?;
    }
    let left = turn.leave(call);
    end.map_err(|ended| Failure::new(ended.code.unwrap_or(ERROR), ended.text))?;
    left
}
