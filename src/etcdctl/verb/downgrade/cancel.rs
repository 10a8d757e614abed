//! `downgrade cancel`: the cluster stays at its version.

use super::send;
use crate::etcd::raw::DowngradeOptions;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "downgrade cancel",
    arguments: "",
    about: "call the downgrade off",
    example: "downgrade cancel",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::V36,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    send(call, &DowngradeOptions::Cancel, "cancel")
}
