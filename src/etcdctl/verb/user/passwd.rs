//! `user passwd NAME`: a new password for a user.

use super::super::{Deadline, Endless, Since, Verb};
use super::password;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "user passwd",
    arguments: "<user name>",
    about: "give a user a new password",
    example: "user passwd alice\nuser passwd alice --interactive=false < password.txt",
    flags: &[password::INTERACTIVE, password::FILE],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let name = super::name(call, "user passwd")?;
    let password = password::read(call, &name)?;
    call.lacks(&[Format::Table])?;
    let answer =
        call.write(async |etcd| etcd.auth().user_change_password(&*name, &*password).await)?;
    call.reply(&Done::new(answer.0.header, "Password updated"))
}
