//! `member promote ID`: a learner that has caught up votes from now on.

use super::{Change, LACKS, id};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "member promote",
    arguments: "<id>",
    about: "make a learner a voting member",
    example: "member promote 8211f1d0f64f3269",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let id = id(call)?;
    call.lacks(LACKS)?;
    let answer = call.write(async |etcd| etcd.cluster().member_promote(id).await)?;
    call.reply(&answer.0.changed(id))
}
