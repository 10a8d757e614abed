//! `member update ID --peer-urls=...`: where a member is reached by its peers.

use super::{Change, LACKS, id, peer_urls};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "member update",
    arguments: "<id>",
    about: "change where a member is reached by its peers",
    example: "member update 8211f1d0f64f3269 --peer-urls=https://10.10.10.14:2380",
    flags: &[Flag::text(
        "peer-urls",
        "",
        "where its peers reach it, separated by commas",
    )],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let id = id(call)?;
    let urls = peer_urls(call)?;
    call.lacks(LACKS)?;
    let answer = call.write(async |etcd| etcd.cluster().member_update(id, urls.clone()).await)?;
    call.reply(&answer.0.changed(id))
}
