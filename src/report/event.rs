//! The events of a run. Their JSON form is documented in `docs/json.md` and follows the names here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::primitive::Diff;
use crate::transport::Output;

/// What was changed on a host, kept for the line of its task.
#[derive(Clone, Debug)]
pub struct Change {
    /// `what` names the thing by itself, as in `install etcd`.
    pub names_thing: bool,
    /// What kind of thing, and which: `file /etc/etcd/etcd.conf`.
    pub subject: String,
    pub what: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.what)
    }
}

/// How a task ended on a host, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Ok,
    Changed,
    /// Its turn did not come.
    Untried,
    /// Trouble on another host of its cluster ended the task before it was done here.
    Stopped,
    /// A lock or a guard protects what is there.
    Refused,
    Failed,
    Unreachable,
}

impl Status {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Changed => "changed",
            Status::Failed => "failed",
            Status::Ok => "ok",
            Status::Refused => "refused",
            Status::Stopped => "stopped",
            Status::Unreachable => "unreachable",
            Status::Untried => "not tried",
        }
    }
}

/// A row of the recap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub changed: usize,
    /// The row is that of a cluster, not of a host: what was changed in etcd itself.
    pub cluster: bool,
    pub failed: usize,
    pub ok: usize,
    pub seconds: Duration,
    pub skipped: usize,
    pub trips: u64,
    /// Things that a dry run could not know.
    pub unknown: usize,
    pub unreachable: usize,
}

/// How many voters a cluster has, and how many of them are healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub healthy: usize,
    pub voters: usize,
}

impl Standing {
    #[must_use]
    pub fn quorum(self) -> usize {
        self.voters / 2 + 1
    }

    /// How many more may fail before nothing can be written.
    #[must_use]
    pub fn may_fail(self) -> usize {
        self.healthy.saturating_sub(self.quorum())
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} healthy of {} voters", self.healthy, self.voters)
    }
}

/// What a step does to the membership of its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// A learner joins.
    Adds,
    /// What lies on the host of a member that has left goes.
    Clears,
    /// Nothing that counts.
    None,
    /// A learner becomes a voter.
    Promotes,
    /// A member leaves for good.
    Removes,
    /// A member is away for a moment, and comes back.
    Stops,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub after: Standing,
    pub before: Standing,
    /// While it is carried out.
    pub during: Standing,
    pub effect: Effect,
    pub host: String,
    /// The id of the member that it is about; empty where there is none yet.
    #[serde(default)]
    pub member: String,
    pub what: String,
    pub why: String,
}

#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// What a command that changes something came to: for the audit.
    Answer {
        host: &'a str,
        output: &'a Output,
    },
    /// Something was, or in check mode would be, changed. `nth` counts the changes of a host from 1.
    Change {
        check: bool,
        diff: Option<&'a Diff>,
        host: &'a str,
        nth: usize,
        subject: &'a str,
        task: &'a str,
        what: &'a [String],
    },
    /// A command is sent: with -vv one that changes something, with -vvv also what is looked at. Without secrets.
    Command {
        command: &'a str,
        host: &'a str,
    },
    /// A script says something.
    Message {
        host: Option<&'a str>,
        text: &'a str,
    },
    /// The one line that tells what to do next.
    Next {
        text: &'a str,
    },
    /// What is going to be done with the members of a cluster, step by step.
    Plan {
        cluster: &'a str,
        steps: &'a [Step],
    },
    Play {
        hosts: &'a [String],
        name: &'a str,
    },
    Recap {
        check: bool,
        rows: &'a [(String, Counts)],
        seconds: Duration,
        slowest: &'a [(String, Duration)],
    },
    Start {
        check: bool,
        hosts: usize,
        inventory: &'a str,
        script: &'a str,
    },
    Task {
        description: &'a str,
        hosts: &'a [String],
        name: &'a str,
        /// Where it does nothing, a person is not told of it.
        quiet: bool,
    },
    TaskEnd {
        name: &'a str,
        seconds: Duration,
    },
    /// A task ended on a host.
    TaskHost {
        error: Option<&'a Error>,
        host: &'a str,
        seconds: Duration,
        status: Status,
        task: &'a str,
        trips: u64,
        what: &'a [Change],
    },
    /// Something that only the real run can tell.
    Unknown {
        host: &'a str,
        subject: &'a str,
        task: &'a str,
        why: &'a str,
    },
    Warning {
        text: &'a str,
    },
}
