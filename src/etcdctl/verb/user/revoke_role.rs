//! `user revoke-role USER ROLE`: the opposite of `grant-role`.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "user revoke-role",
    arguments: "<user name> <role name>",
    about: "take a role from a user",
    example: "user revoke-role alice reader",
    flags: &[],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 2 {
        return Err(Failure::arguments(
            "user revoke-role requires user name and role name as its argument",
        ));
    }
    let (user, role) = (call.word(0), call.word(1));
    call.lacks(&[Format::Table])?;
    let answer = call.write(async |etcd| etcd.auth().user_revoke_role(&*user, &*role).await)?;
    call.reply(&Done::new(
        answer.0.header,
        format!("Role {role} is revoked from user {user}"),
    ))
}
