//! `role delete NAME`: a role is no more; users who had it lose it.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "role delete",
    arguments: "<role name>",
    about: "delete a role",
    example: "role delete reader",
    flags: &[],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let name = super::name(call, "role delete")?;
    call.lacks(&[Format::Table])?;
    let answer = call.write(async |etcd| etcd.auth().role_delete(&*name).await)?;
    call.reply(&Done::new(answer.0.header, format!("Role {name} deleted")))
}
