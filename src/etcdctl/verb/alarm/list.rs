//! `alarm list`: the alarms that are on.

use crate::etcd::raw::{AlarmAction, AlarmType};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "alarm list",
    arguments: "",
    about: "list the alarms of all members",
    example: "alarm list",
    flags: &[],
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if !call.words.is_empty() {
        return Err(Failure::arguments(
            "alarm list command accepts no arguments",
        ));
    }
    let answer = call.read(async |etcd| {
        etcd.maintenance()
            .alarm(AlarmAction::Get, AlarmType::None, None)
            .await
    })?;
    call.reply(&answer.0)
}
