//! Variables in layers, from the weakest to the strongest; the strongest one is the value.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

use super::beside::Beside;
use super::node::{Node, Spot};
use super::value::Value;
use super::{Inventory, LOCALHOST, address};

/// A variable and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Var {
    pub key_at: Option<Spot>,
    pub value: Value,
    pub value_at: Option<Spot>,
}

/// The names of [`Inventory::magic_vars`].
pub(super) const MAGIC: [&str; 6] = [
    "inventory_hostname",
    "inventory_hostname_short",
    "group_names",
    "groups",
    "inventory_dir",
    "inventory_file",
];

pub type Vars = IndexMap<String, Var>;

/// Who sets a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    Extra,
    Group(String),
    Host(String),
}

impl Var {
    pub(super) fn new(value: Value, key_at: &Spot, value_at: &Spot) -> Var {
        Var {
            key_at: Some(key_at.clone()),
            value,
            value_at: Some(value_at.clone()),
        }
    }

    pub(super) fn of(key: &Node, value: &Node) -> Var {
        Var::new(value.to_value(), &key.at, &value.at)
    }
}

impl From<Value> for Var {
    fn from(value: Value) -> Var {
        Var {
            key_at: None,
            value,
            value_at: None,
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Level::Extra => f.write_str("-e"),
            Level::Group(name) => write!(f, "group {name}"),
            Level::Host(name) => write!(f, "host {name}"),
        }
    }
}

/// Whether Ansible likes this name for a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

impl Inventory {
    /// All variables of a host as they are written, templates unrendered.
    ///
    /// Without the magic ones; a host no inventory knows has those of `all`.
    #[must_use]
    pub fn vars(&self, host: &str) -> IndexMap<String, Value> {
        self.merged(host)
            .into_iter()
            .map(|(name, var)| (name, var.value))
            .collect()
    }

    /// The value of a variable in the strongest layer that sets it.
    pub(super) fn strongest(&self, host: &str, name: &str) -> Option<Var> {
        let found = self
            .layers(host)
            .into_iter()
            .rev()
            .find_map(|(_, layer)| layer.get(name).cloned());
        let is_local =
            name == "ansible_connection" && !self.has_host(host) && LOCALHOST.contains(&host);
        found.or_else(|| is_local.then(|| Value::from("local").into()))
    }

    pub(super) fn merged(&self, host: &str) -> Vars {
        let mut all = Vars::new();
        if !self.has_host(host) && LOCALHOST.contains(&host) {
            all.insert(
                "ansible_connection".to_string(),
                Value::from("local").into(),
            );
        }
        for (_, layer) in self.layers(host) {
            for (name, var) in layer {
                all.insert(name.clone(), var.clone());
            }
        }
        all
    }

    /// The variables set on a group itself: in the inventory and in its `group_vars` files.
    #[must_use]
    pub fn own_group_vars(&self, group: &str) -> IndexMap<String, Value> {
        let files = self
            .beside
            .iter()
            .chain(&self.play)
            .filter_map(|beside| beside.groups.get(group));
        let layers = self
            .groups
            .get(group)
            .map(|group| &group.vars)
            .into_iter()
            .chain(files);
        layers
            .flatten()
            .map(|(name, var)| (name.clone(), var.value.clone()))
            .collect()
    }

    /// Variables that win over all others: those of `-e`.
    /// What `-e` has set.
    #[must_use]
    pub fn extra_vars(&self) -> &Vars {
        &self.extra
    }

    pub fn set_extra(&mut self, extra: Vars) {
        self.extra = extra;
        self.whole = OnceLock::new();
    }

    /// This inventory for what outlives a call.
    pub(super) fn whole(&self) -> Arc<Inventory> {
        let copy = || {
            let mut copy = self.clone();
            copy.whole = OnceLock::new();
            Arc::new(copy)
        };
        Arc::clone(self.whole.get_or_init(copy))
    }

    /// The variables of `-e`.
    #[must_use]
    pub fn extra(&self) -> &Vars {
        &self.extra
    }

    /// The layers of a host, weakest first. The order is that of Ansible's `VARIABLE_PRECEDENCE`:
    /// a `group_vars` file wins over the `vars:` of every group in the inventory.
    pub(super) fn layers(&self, host: &str) -> Vec<(Level, &Vars)> {
        let groups = self.groups_by_strength(host);
        let all = ["all"];
        let mut layers = Vec::new();
        layers.extend(self.written(&all));
        layers.extend(self.written(&groups));
        layers.extend(files(&self.beside, &all));
        layers.extend(files(&self.play, &all));
        layers.extend(files(&self.beside, &groups));
        layers.extend(files(&self.play, &groups));
        let level = || Level::Host(host.to_string());
        layers.extend(self.hosts.get(host).map(|host| (level(), &host.vars)));
        let files = self
            .beside
            .iter()
            .chain(&self.play)
            .filter_map(|beside| beside.hosts.get(host));
        layers.extend(files.map(|vars| (level(), vars)));
        layers.push((Level::Extra, &self.extra));
        layers
    }

    /// The groups of a host, weakest first: by depth, then by priority, then by name.
    fn groups_by_strength(&self, host: &str) -> Vec<&str> {
        let mut groups: Vec<&str> = self
            .memberships(host)
            .into_iter()
            .filter(|name| *name != "all")
            .collect();
        groups.sort_by_key(|name| (self.groups[*name].depth, self.groups[*name].priority, *name));
        groups
    }

    fn written(&self, groups: &[&str]) -> Vec<(Level, &Vars)> {
        groups
            .iter()
            .map(|name| (Level::Group((*name).to_string()), &self.groups[*name].vars))
            .collect()
    }

    /// What Ansible itself says about a host: its name, its groups, where it is written.
    #[must_use]
    pub fn magic_vars(&self, host: &str) -> IndexMap<String, Value> {
        let list = |names: Vec<String>| Value::List(names.into_iter().map(Value::from).collect());
        let is_address = address::is_ipv4(host) || address::is_ipv6(host);
        let short = if is_address {
            host
        } else {
            host.split('.').next().unwrap_or(host)
        };
        let groups = self
            .groups
            .keys()
            .map(|name| (name.clone(), list(self.group_hosts(name))))
            .collect();
        let (dir, file) = match self.hosts.get(host) {
            Some(known) => (
                known.dir.clone().map_or(Value::Null, Value::from),
                Value::from(known.file.clone()),
            ),
            None => (Value::Null, Value::Null),
        };
        [
            ("inventory_hostname", Value::from(host)),
            ("inventory_hostname_short", Value::from(short)),
            ("group_names", list(self.groups_of(host))),
            ("groups", Value::Map(groups)),
            ("inventory_dir", dir),
            ("inventory_file", file),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into()
    }
}

fn files<'a>(
    places: impl IntoIterator<Item = &'a Beside>,
    groups: &[&str],
) -> Vec<(Level, &'a Vars)> {
    let mut found = Vec::new();
    for beside in places {
        for name in groups {
            found.extend(
                beside
                    .groups
                    .get(*name)
                    .map(|vars| (Level::Group((*name).to_string()), vars)),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeper_then_higher_then_later_groups_win() {
        let yaml = "
all: { vars: { v: all, w: all } }
a: { vars: { v: a }, hosts: { h: } }
z: { vars: { v: z, w: z }, hosts: { h: } }
b: { vars: { v: b, w: b, ansible_group_priority: 5 }, hosts: { h: } }
p: { children: { q: { vars: { v: q }, hosts: { h: } } } }
";
        let mut inventory = Inventory::parse("t.yml", yaml).unwrap();
        assert_eq!(inventory.vars("h")["v"], Value::from("q"));
        assert_eq!(inventory.vars("h")["w"], Value::from("b"));
        inventory.set_extra([("w".to_string(), Value::from("e").into())].into());
        assert_eq!(inventory.vars("h")["v"], Value::from("q"));
        assert_eq!(inventory.vars("h")["w"], Value::from("e"));
    }

    #[test]
    fn own_group_vars_are_not_inherited() {
        let yaml = "all: { vars: { x: 1 }, children: { etcd: { vars: { etcd_cluster: etcd }, hosts: { h: } } } }";
        let inventory = Inventory::parse("t.yml", yaml).unwrap();
        let own = inventory.own_group_vars("etcd");
        assert_eq!(own.keys().collect::<Vec<_>>(), ["etcd_cluster"]);
        assert!(inventory.own_group_vars("nope").is_empty());
    }

    #[test]
    fn short_names_end_at_the_first_dot_unless_they_are_addresses() {
        let inventory =
            Inventory::parse("t.yml", "all: { hosts: { db.example.com: , 10.0.0.1: } }").unwrap();
        assert_eq!(
            inventory.magic_vars("db.example.com")["inventory_hostname_short"],
            Value::from("db")
        );
        assert_eq!(
            inventory.magic_vars("10.0.0.1")["inventory_hostname_short"],
            Value::from("10.0.0.1")
        );
    }
}
