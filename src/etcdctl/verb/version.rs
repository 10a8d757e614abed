//! `version`: which release of etcdctl the output follows, and which etcdsh says so.

use super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::{api_version, verb_version};

pub(super) const VERB: Verb = Verb {
    name: "version",
    arguments: "",
    about: "print the version",
    example: "version",
    flags: &[],
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let (version, api) = (verb_version(call.style), api_version(call.style));
    let tool = if call.style.is_etcdutl() {
        "etcdutl"
    } else {
        "etcdctl"
    };
    call.say(format_args!("{tool} version: {version}"))?;
    call.say(format_args!("API version: {api}"))?;
    if call.style.strict {
        Ok(())
    } else {
        call.say(format_args!(
            "etcdsh version: {}",
            env!("CARGO_PKG_VERSION")
        ))
    }
}
