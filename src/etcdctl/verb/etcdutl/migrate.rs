//! `migrate`: refused. What a release has written to the log an older one may not read, and that is not looked at here.

use super::required;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(super) const VERB: Verb = Verb {
    name: "migrate",
    arguments: "",
    about: "not here: `etcdctl downgrade enable` migrates a cluster that runs",
    example: "",
    flags: &[
        Flag::text("data-dir", "", "the data folder of a member"),
        Flag::bool("force", "whatever the log has"),
        Flag::text("target-version", "", "the release to migrate to, as 3.5"),
    ],
    changes: false,
    deadline: Deadline::Local,
    endless: Endless::Never,
    since: Since::V36,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    required(call, &["data-dir", "target-version"])?;
    Err(Failure::new(
        ERROR,
        "nothing was migrated: this etcdutl does not migrate; `etcdctl downgrade enable` does, with the cluster running",
    ))
}
