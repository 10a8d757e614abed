//! `role add NAME`: a role that allows nothing yet.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "role add",
    arguments: "<role name>",
    about: "add a role",
    example: "role add reader",
    flags: &[],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let name = super::name(call, "role add")?;
    call.lacks(&[Format::Table])?;
    let answer = call.write(async |etcd| etcd.auth().role_add(&*name).await)?;
    call.reply(&Done::new(answer.0.header, format!("Role {name} created")))
}
