//! The commands of etcdutl, for a link of that name: they look at files and ask no etcd.
//!
//! Those that etcdctl 3.5 has, too, are carried out there.

mod hashkv;
mod migrate;

use super::{Deadline, Endless, Since, Verb, completion, defrag, snapshot, version};
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::line::flag::Flag;

/// All commands, by name.
pub(super) static ALL: &[Verb] = &[
    Verb {
        since: Since::V36,
        ..completion::VERB
    },
    DEFRAG,
    hashkv::VERB,
    migrate::VERB,
    Verb {
        run: restore,
        since: Since::Always,
        ..snapshot::restore::VERB
    },
    Verb {
        arguments: "<filename>",
        run: save,
        ..snapshot::save::VERB
    },
    Verb {
        run: snapshot::status::shown,
        since: Since::Always,
        ..snapshot::status::VERB
    },
    version::VERB,
];

const DEFRAG: Verb = Verb {
    name: "defrag",
    arguments: "",
    about: "give the free space of a stopped member's database back to its disk",
    example: "",
    flags: &[Flag::text(
        "data-dir",
        "",
        "the data folder of a member that does not run",
    )],
    changes: true,
    deadline: Deadline::Local,
    endless: Endless::Never,
    since: Since::Always,
    run: defrag_offline,
};

fn defrag_offline(call: &mut Call<'_>) -> Outcome {
    required(call, &["data-dir"])?;
    let data_dir = call.text("data-dir");
    defrag::offline(call, &data_dir)
}

/// Flags that must be given, in cobra's words.
fn required(call: &Call<'_>, flags: &[&str]) -> Outcome {
    let missing: Vec<String> = flags
        .iter()
        .filter(|flag| !call.given(flag))
        .map(|flag| format!("{flag:?}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "required flag(s) {} not set",
        missing.join(", ")
    )))
}

fn restore(call: &mut Call<'_>) -> Outcome {
    if call.style.layout == Layout::V35 {
        required(call, &["data-dir"])?;
    }
    snapshot::restore::strict(call)
}

fn save(_: &mut Call<'_>) -> Outcome {
    Err(Failure::arguments(
        "In order to download snapshot use: `etcdctl snapshot save ...`",
    ))
}
