//! `user grant-role USER ROLE`: what the role allows, the user may do.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "user grant-role",
    arguments: "<user name> <role name>",
    about: "give a user a role",
    example: "user grant-role alice reader",
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
            "user grant command requires user name and role name as its argument",
        ));
    }
    let (user, role) = (call.word(0), call.word(1));
    call.lacks(&[Format::Table])?;
    let answer = call.write(async |etcd| etcd.auth().user_grant_role(&*user, &*role).await)?;
    call.reply(&Done::new(
        answer.0.header,
        format!("Role {role} is granted to user {user}"),
    ))
}
