//! The tree of groups: who contains whom, and in which order.

use std::collections::HashSet;
use std::sync::OnceLock;

use indexmap::{IndexMap, IndexSet};

use super::layer::{Var, Vars};
use super::node::Spot;
use super::value::Value;
use super::{Group, Host, Inventory, Vault, Warnings};
use crate::error::{Error, Result};

/// Where hosts come from that are being added.
#[derive(Clone, Debug)]
pub(super) struct Provenance {
    pub(super) dir: Option<String>,
    pub(super) file: String,
}

impl Inventory {
    /// An inventory with no host: only the groups `all` and `ungrouped`.
    #[must_use]
    pub fn empty() -> Inventory {
        let mut inventory = Inventory {
            warnings: Warnings::new(),
            beside: Vec::new(),
            extra: Vars::new(),
            folders: Vec::new(),
            groups: IndexMap::new(),
            hosts: IndexMap::new(),
            masking: false,
            play: None,
            vault: Vault::default(),
            whole: OnceLock::new(),
        };
        inventory.add_group("all");
        inventory.add_group("ungrouped");
        inventory.link("all", "ungrouped");
        inventory
    }

    /// The names of all groups, in the order of their definition.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// All hosts, in the order Ansible runs them.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.group_hosts("all")
    }

    #[must_use]
    pub fn has_group(&self, name: &str) -> bool {
        self.groups.contains_key(name)
    }

    #[must_use]
    pub fn has_host(&self, name: &str) -> bool {
        self.hosts.contains_key(name)
    }

    /// The hosts of a group and of the groups in it; none for an unknown group.
    #[must_use]
    pub fn group_hosts(&self, name: &str) -> Vec<String> {
        let mut hosts: IndexSet<&String> = IndexSet::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut level: Vec<&str> = self
            .groups
            .get_key_value(name)
            .map(|(name, _)| name.as_str())
            .into_iter()
            .collect();
        while !level.is_empty() {
            let mut below = Vec::new();
            for group in level {
                if !seen.insert(group) {
                    continue;
                }
                hosts.extend(&self.groups[group].hosts);
                below.extend(self.groups[group].children.iter().map(String::as_str));
            }
            level = below;
        }
        hosts.into_iter().cloned().collect()
    }

    /// The groups a host is in, directly or through others, sorted; without `all`.
    #[must_use]
    pub fn groups_of(&self, host: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .memberships(host)
            .into_iter()
            .map(str::to_string)
            .collect();
        names.retain(|name| name != "all");
        names.sort();
        names
    }

    pub(super) fn memberships(&self, host: &str) -> HashSet<&str> {
        let mut found = HashSet::new();
        let direct = self
            .groups
            .iter()
            .filter(|(_, group)| group.hosts.contains(host))
            .map(|(name, _)| name.as_str());
        for name in direct {
            found.insert(name);
            found.extend(self.ancestors(name));
        }
        found
    }

    fn ancestors(&self, name: &str) -> HashSet<&str> {
        let mut found = HashSet::new();
        let mut open: Vec<&String> = self.groups[name].parents.iter().collect();
        while let Some(parent) = open.pop() {
            if found.insert(parent.as_str()) {
                open.extend(&self.groups[parent].parents);
            }
        }
        found
    }

    pub(super) fn add_group(&mut self, name: &str) {
        self.groups
            .entry(name.to_string())
            .or_insert_with(|| Group {
                children: IndexSet::new(),
                depth: 0,
                hosts: IndexSet::new(),
                parents: IndexSet::new(),
                priority: 1,
                vars: Vars::new(),
            });
    }

    /// Put a group into another one. Both exist.
    pub(super) fn add_child(&mut self, group: &str, child: &str, at: &Spot) -> Result<()> {
        if group == child {
            return Err(
                Error::config(format!("group `{group}` cannot contain itself")).at(at.place()),
            );
        }
        if self.ancestors(group).contains(child) || child == "all" {
            return Err(Error::config(format!(
                "group `{child}` cannot be inside `{group}`, which is inside `{child}`"
            ))
            .at(at.place()));
        }
        self.link(group, child);
        Ok(())
    }

    fn link(&mut self, group: &str, child: &str) {
        let depth = self.groups[group].depth;
        self.groups[group].children.insert(child.to_string());
        self.groups[child].parents.insert(group.to_string());
        self.sink(child, depth + 1);
    }

    /// A group is one deeper than its deepest parent; deeper groups win.
    fn sink(&mut self, name: &str, depth: usize) {
        let group = &mut self.groups[name];
        if group.depth >= depth {
            return;
        }
        group.depth = depth;
        for child in group.children.clone() {
            self.sink(&child, depth + 1);
        }
    }

    /// Add a host to a group. A port counts only where the host is first named, as in Ansible.
    pub(super) fn add_host(
        &mut self,
        name: &str,
        group: &str,
        port: Option<(i64, &Spot)>,
        from: &Provenance,
    ) {
        if !self.hosts.contains_key(name) {
            let mut vars = Vars::new();
            if let Some((port, at)) = port {
                vars.insert(
                    "ansible_port".to_string(),
                    Var::new(Value::Int(port), at, at),
                );
            }
            self.hosts.insert(
                name.to_string(),
                Host {
                    dir: from.dir.clone(),
                    file: from.file.clone(),
                    vars,
                },
            );
        }
        self.groups[group].hosts.insert(name.to_string());
    }

    /// What holds for every inventory once all of it is read: everything is inside `all`, and
    /// `ungrouped` has the hosts that are in no other group.
    pub(super) fn settle(&mut self) {
        let roots: Vec<String> = self
            .groups
            .iter()
            .filter(|(name, group)| *name != "all" && group.parents.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for name in roots {
            self.link("all", &name);
        }
        for host in self.hosts.keys().cloned().collect::<Vec<_>>() {
            let grouped = self
                .memberships(&host)
                .iter()
                .any(|name| !matches!(*name, "all" | "ungrouped"));
            let ungrouped = &mut self.groups["ungrouped"].hosts;
            if grouped {
                ungrouped.shift_remove(&host);
            } else {
                ungrouped.insert(host);
            }
        }
        for name in self
            .hosts
            .keys()
            .filter(|name| self.groups.contains_key(*name))
        {
            self.warnings
                .push(format!("`{name}` is both a host and a group"));
        }
    }
}
