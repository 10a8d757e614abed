//! `user add NAME[:PASSWORD]`: a new user; the password is asked for when it is not given.

use super::super::{Deadline, Endless, Since, Verb};
use super::password;
use crate::etcd::raw::UserAddOptions;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;
use crate::etcdctl::line::flag::Flag;

pub(in super::super) const VERB: Verb = Verb {
    name: "user add",
    arguments: "<user name or user:password>",
    about: "add a user",
    example: "user add alice\nuser add alice --interactive=false < password.txt\nuser add backup --no-password",
    flags: FLAGS,
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    password::INTERACTIVE,
    Flag::text(
        "new-user-password",
        "",
        "the password; it can be seen in the list of processes",
    ),
    password::FILE,
    Flag::bool(
        "no-password",
        "a user who can only log in by a client certificate",
    ),
];

fn run(call: &mut Call<'_>) -> Outcome {
    let word = super::name(call, "user add")?;
    let (name, password) = user(call, word)?;
    call.lacks(&[Format::Table])?;
    let options = password
        .is_none()
        .then(|| UserAddOptions::new().with_no_pwd());
    let password = password.unwrap_or_default();
    let answer = call.write(async |etcd| {
        etcd.auth()
            .user_add(&*name, &*password, options.clone())
            .await
    })?;
    call.reply(&Done::new(answer.0.header, format!("User {name} created")))
}

/// The name and the password, which may stand after a colon. Without a password for one who needs none.
fn user(call: &mut Call<'_>, word: String) -> Outcome<(String, Option<String>)> {
    if call.flag("no-password") {
        return Ok((word, None));
    }
    let given = call.text("new-user-password");
    if !given.is_empty() {
        return Ok((word, Some(given)));
    }
    if call.given(password::FILE.name) {
        let password = password::read(call, &word)?;
        return Ok((word, Some(password)));
    }
    match word.split_once(':') {
        Some(("", _)) => Err(Failure::arguments("empty user name is not allowed")),
        Some((name, password)) => Ok((name.to_string(), Some(password.to_string()))),
        None => {
            let password = password::read(call, &word)?;
            Ok((word, Some(password)))
        }
    }
}
