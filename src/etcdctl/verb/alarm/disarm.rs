//! `alarm disarm`: take back every alarm that is on.

use crate::etcd::raw::{AlarmAction, AlarmOptions, AlarmType, PbAlarmResponse};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "alarm disarm",
    arguments: "",
    about: "take back all alarms",
    example: "alarm disarm",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if !call.words.is_empty() {
        return Err(Failure::arguments(
            "alarm disarm command accepts no arguments",
        ));
    }
    let listed = call
        .read(async |etcd| {
            etcd.maintenance()
                .alarm(AlarmAction::Get, AlarmType::None, None)
                .await
        })?
        .0;
    // As etcdctl puts it together: no header.
    let mut done = PbAlarmResponse::default();
    for alarm in listed.alarms {
        let Ok(kind) = AlarmType::try_from(alarm.alarm) else {
            continue;
        };
        let mut options = AlarmOptions::new();
        options.with_member(alarm.member_id);
        let answer = call.write(async |etcd| {
            etcd.maintenance()
                .alarm(AlarmAction::Deactivate, kind, Some(options.clone()))
                .await
        })?;
        done.alarms.extend(answer.0.alarms);
    }
    call.reply(&done)
}
