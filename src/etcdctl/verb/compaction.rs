//! `compaction REVISION`: forget the history before a revision.

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::CompactionOptions;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::line::flag::Flag;

pub(super) const VERB: Verb = Verb {
    name: "compaction",
    arguments: "<revision>",
    about: "forget the history before a revision",
    example: "compaction 1000",
    flags: &[Flag::bool(
        "physical",
        "wait until the old revisions are gone from the database",
    )],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments("compaction command needs 1 argument"));
    }
    let revision = go::parse_int(&call.word(0), 10).map_err(|why| Failure::new(ERROR, why))?;
    let options = CompactionOptions::new();
    let options = if call.flag("physical") {
        options.with_physical()
    } else {
        options
    };
    call.write(async |etcd| etcd.kv().compact(revision, Some(options.clone())).await)?;
    call.say(format_args!("compacted revision {revision}"))
}
