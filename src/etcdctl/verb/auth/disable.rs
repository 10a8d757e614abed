//! `auth disable`: from now on everybody may do everything.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;

pub(in super::super) const VERB: Verb = Verb {
    name: "auth disable",
    arguments: "",
    about: "switch authentication off",
    example: "auth disable",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    super::no_words(call, "auth disable")?;
    call.write(async |etcd| etcd.auth().auth_disable().await)?;
    call.say("Authentication Disabled")
}
