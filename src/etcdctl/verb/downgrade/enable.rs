//! `downgrade enable VERSION`: the cluster goes back to this version.

use super::{send, version};
use crate::etcd::raw::DowngradeOptions;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::line::ask;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "downgrade enable",
    arguments: "<version>",
    about: "let the cluster go back to a version",
    example: "downgrade enable 3.5",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::V36,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let version = version(call)?;
    if !call.style.strict
        && call.io.terminal
        && !ask::yes(call.io, &format!("let the cluster go back to {version}?"))?
    {
        return Err(Failure::silent(1));
    }
    send(call, &DowngradeOptions::Enable(version), "enable")
}
