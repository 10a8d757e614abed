//! The vocabulary about hosts: each primitive compares what shall be with what is, and plans the difference.
//!
//! One file or folder each. A primitive asks (a read-only script), plans (pure) and never executes or prints: check mode,
//! diff, "changed", masking, locks and fault points are the runner's (`run/apply.rs`). A new one is its file and
//! one line in [`ALL`]; binding, static checks, help and the reference page come from its [`Spec`].

mod fetch;
mod file;
mod group;
mod hidden;
pub(crate) mod journal;
mod package;
pub(crate) mod reach;
mod run;
mod service;
mod unarchive;
mod user;
mod wait_for;

use std::time::Duration;

use crate::error::{Error, Hint, Result};
use crate::host::{Facts, Pretended};
use crate::transport::Output;
use crate::value::{Map, Value};
use crate::word::{Args, Word};

/// A primitive as the rest of the program knows it: how it is called, and what is made of a call.
pub struct Spec {
    pub build: fn(&Args) -> Result<Box<dyn Primitive>>,
    pub word: Word,
}

/// Every primitive, in the order of the manual.
pub const ALL: &[&Spec] = &[
    &run::SPEC,
    &package::SPEC,
    &file::SPEC,
    &fetch::SPEC,
    &unarchive::SPEC,
    &service::SPEC,
    &user::SPEC,
    &group::SPEC,
    &wait_for::SPEC,
];

/// What a primitive may know of the host while it plans.
pub struct Seen<'a> {
    pub answer: &'a Output,
    pub facts: &'a Facts,
    /// What check mode has pretended so far; empty in a real run.
    pub pretended: &'a Pretended,
}

/// The text of a file before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    pub after: String,
    pub before: String,
    pub path: String,
}

/// What has to be done.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub diff: Option<Diff>,
    /// The file that it writes is no newer than the one it replaces.
    pub keeps_time: bool,
    /// The command as it may be shown: without secrets.
    pub shown: String,
    pub script: String,
    pub timeout: Option<Duration>,
    /// Each a short line such as `mode 0644 -> 0600`.
    pub what: Vec<String>,
}

/// The difference between what shall be and what is.
#[derive(Debug)]
pub enum Plan {
    Change(Change),
    Unchanged,
}

/// A wanted state, ready to be compared.
pub trait Primitive: Send + Sync {
    /// What it is about, such as `file /etc/etcd/etcd.conf`: how a change is named in reports.
    fn subject(&self) -> String;

    /// Does what is said of a change name the thing, so that the subject need not stand before it?
    fn names_thing(&self) -> bool {
        false
    }

    /// The read-only script that tells how things are.
    fn ask(&self, facts: &Facts) -> Result<String>;

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan>;

    /// Does its question wait for what earlier calls have changed?
    fn waits(&self) -> bool {
        false
    }

    /// What a script gets besides `changed` and `what`.
    fn result(&self, seen: &Seen<'_>, done: Option<&Output>) -> Map {
        let _ = (seen, done);
        Map::new()
    }

    /// What later calls of a dry run shall believe.
    fn pretend(&self, pretended: &mut Pretended, change: &Change) {
        let _ = (pretended, change);
    }

    /// Turn the outcome of the change into an error when it did not come true.
    fn judge(&self, change: &Change, output: &Output) -> Result<()> {
        if output.status == 0 {
            return Ok(());
        }
        if let Some(refused) = reach::refused(&self.subject(), output) {
            return Err(refused);
        }
        let mut error = Error::new(
            crate::error::Kind::Remote,
            format!("{} could not be changed", self.subject()),
        );
        error.command = Some(format!("{} (exit {})", change.shown, output.status));
        error.stderr.clone_from(&output.stderr);
        if output.stderr.contains("No space left") {
            error = error.hint(Hint::OnHost("df -h".into()));
        }
        Err(error)
    }
}

/// An answer that should have been there and was not: never taken for "absent".
fn could_not_tell(subject: &str, output: &Output) -> Box<Error> {
    if let Some(refused) = reach::refused(subject, output) {
        return refused;
    }
    let mut error = Error::new(
        crate::error::Kind::Unknown,
        format!("could not tell how {subject} is"),
    );
    if output.status != 0 {
        error = error.because(format!("the question ended with exit {}", output.status));
    }
    error.stderr.clone_from(&output.stderr);
    error
}

fn texts(values: &[&str]) -> Value {
    Value::List(values.iter().map(|text| Value::from(*text)).collect())
}
