//! `member remove ID`: a member leaves the cluster.

use super::{Change, LACKS, id, row};
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::line::ask;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "member remove",
    arguments: "<id>",
    about: "remove a member from the cluster",
    example: "member remove 8211f1d0f64f3269",
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
    if !call.style.strict && call.io.terminal && !confirmed(call, id)? {
        return Err(Failure::silent(1));
    }
    let answer = call.write(async |etcd| etcd.cluster().member_remove(id).await)?;
    call.reply(&answer.0.changed(id))
}

/// Show which member goes, and ask. An unknown one is left to etcd, which says so.
fn confirmed(call: &mut Call<'_>, id: u64) -> Outcome<bool> {
    let list = call.read(async |etcd| Ok(rpc::member_list(&etcd.channel, true).await?))?;
    let Some(member) = list.members.iter().find(|member| member.id == id) else {
        return Ok(true);
    };
    call.complain(format_args!("  {}", row(member).join(", ")))?;
    ask::yes(call.io, "remove this member?")
}
