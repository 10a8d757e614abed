//! `downgrade validate VERSION`: could the cluster go back to this version?

use super::{send, version};
use crate::etcd::raw::DowngradeOptions;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "downgrade validate",
    arguments: "<version>",
    about: "check whether the cluster could go back to a version",
    example: "downgrade validate 3.5",
    flags: &[],
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::V36,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let version = version(call)?;
    send(call, &DowngradeOptions::Validate(version), "validate")
}
