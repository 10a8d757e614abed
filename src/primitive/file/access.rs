//! Owner, group and mode of a path: what is stated beside what is there.

use super::File;
use crate::command::quote;
use crate::host::{Facts, PackageTool};

/// As the host says; an id that has no name is a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) group: String,
    pub(super) mode: u32,
    pub(super) owner: String,
}

/// What is stated; `None` is left alone.
#[derive(Clone, Copy)]
pub(super) struct Access<'a> {
    pub(super) group: Option<&'a str>,
    pub(super) mode: Option<u32>,
    pub(super) owner: Option<&'a str>,
}

impl File {
    /// Only root gives files away, and nobody does in a sandbox.
    pub(super) fn owns(facts: &Facts) -> bool {
        facts.is_root() && facts.package_tool != PackageTool::Sandbox
    }

    /// What the call states.
    pub(super) fn access(&self, facts: &Facts) -> Access<'_> {
        let owns = File::owns(facts);
        Access {
            group: self.group.as_deref().filter(|_| owns),
            mode: self.mode,
            owner: self.owner.as_deref().filter(|_| owns),
        }
    }
}

impl<'a> Access<'a> {
    /// What is to be given to a path where `found` is.
    pub(super) fn missing(self, found: &Found) -> Access<'a> {
        Access {
            group: self.group.filter(|group| *group != found.group),
            mode: self.mode.filter(|mode| *mode != found.mode),
            owner: self.owner.filter(|owner| *owner != found.owner),
        }
    }

    /// The commands that give it to `path`, which is quoted, and where nobody else may put a link.
    pub(super) fn steps(self, path: &str) -> Vec<String> {
        let spec = match (self.owner, self.group) {
            (None, None) => None,
            (owner, None) => owner.map(str::to_string),
            (owner, Some(group)) => Some(format!("{}:{group}", owner.unwrap_or_default())),
        };
        let chown = spec.map(|spec| format!("chown -h {} {path}", quote(&spec)));
        let chmod = self.mode.map(|mode| format!("chmod {mode:04o} {path}"));
        chown.into_iter().chain(chmod).collect()
    }

    /// The same for a person: `mode 0644 -> 0600`.
    pub(super) fn told(self, found: &Found) -> Vec<String> {
        let owner = self
            .owner
            .map(|owner| format!("owner {} -> {owner}", found.owner));
        let group = self
            .group
            .map(|group| format!("group {} -> {group}", found.group));
        let mode = self
            .mode
            .map(|mode| format!("mode {:04o} -> {mode:04o}", found.mode));
        owner.into_iter().chain(group).chain(mode).collect()
    }
}
