//! `user delete NAME`: a user is no more.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "user delete",
    arguments: "<user name>",
    about: "delete a user",
    example: "user delete alice",
    flags: &[],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let name = super::name(call, "user delete")?;
    call.lacks(&[Format::Table])?;
    let answer = call.write(async |etcd| etcd.auth().user_delete(&*name).await)?;
    call.reply(&Done::new(answer.0.header, format!("User {name} deleted")))
}
