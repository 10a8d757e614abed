//! `auth enable`: from now on who asks must be a user; `root` gets the role `root` where it lacks it.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;

pub(in super::super) const VERB: Verb = Verb {
    name: "auth enable",
    arguments: "",
    about: "switch authentication on; a user root must be there",
    example: "auth enable",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

const ROOT: &str = "root";
const ROOT_HAS_NO_ROLE: &str = "etcdserver: root user does not have root role";
const ROLE_IS_THERE: &str = "etcdserver: role name already exists";

fn run(call: &mut Call<'_>) -> Outcome {
    super::no_words(call, "auth enable")?;
    loop {
        match call.write(async |etcd| etcd.auth().auth_enable().await) {
            Ok(_) => break,
            Err(failure) if failure.text() == ROOT_HAS_NO_ROLE => grant(call)?,
            Err(failure) => return Err(failure),
        }
    }
    call.say("Authentication Enabled")
}

/// Make the role and grant it to the user. etcdctl stumbles over a role that is there already.
fn grant(call: &mut Call<'_>) -> Outcome {
    match call.write(async |etcd| etcd.auth().role_add(ROOT).await) {
        Err(failure) if call.style.strict || failure.text() != ROLE_IS_THERE => {
            return Err(failure);
        }
        _ => {}
    }
    call.write(async |etcd| etcd.auth().user_grant_role(ROOT, ROOT).await)?;
    Ok(())
}
