//! The texts of `ansible-inventory`: `--list`, `--graph`, `--host`.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::Inventory;
use super::value::Value;
use crate::error::{Error, Result, nearest};
use crate::secret::is_secret_name;

/// Variables Ansible keeps to itself and never lists.
const INTERNAL: [&str; 33] = [
    "ansible_async_path",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_names",
    "role_path",
    "role_uuid",
];

impl Inventory {
    /// Whether its texts show `***` for what is a secret by its name.
    #[must_use]
    pub fn masking(mut self, masking: bool) -> Inventory {
        self.masking = masking;
        self
    }

    /// Variables as its texts show them.
    fn shown(&self, vars: IndexMap<String, Value>) -> IndexMap<String, Value> {
        let mut vars = visible(vars);
        if self.masking {
            vars.iter_mut().for_each(|(name, value)| mask(name, value));
        } else {
            vars.values_mut().for_each(reveal);
        }
        vars
    }

    /// The JSON of `ansible-inventory --list`, for the hosts of `limit` when there is one.
    pub fn list(&self, limit: Option<&str>) -> Result<String> {
        let hosts = self.select_with_limit("all", limit)?;
        let known: HashSet<&str> = hosts.iter().map(String::as_str).collect();
        let mut top = IndexMap::new();
        for (name, group) in &self.groups {
            let mut body = IndexMap::new();
            if name != "all" {
                let own = group
                    .hosts
                    .iter()
                    .filter(|host| known.contains(host.as_str()));
                insert_names(&mut body, "hosts", own);
            }
            insert_names(&mut body, "children", &group.children);
            if !body.is_empty() {
                top.insert(name.clone(), Value::Map(body));
            }
        }
        let mut hostvars = IndexMap::new();
        for host in hosts {
            let vars = self.listed(&host);
            if !vars.is_empty() {
                hostvars.insert(host, Value::Map(vars));
            }
        }
        let meta = IndexMap::from([
            ("hostvars".to_string(), Value::Map(hostvars)),
            ("profile".to_string(), Value::from("inventory_legacy")),
        ]);
        top.insert("_meta".to_string(), Value::Map(meta));
        Ok(Value::Map(top).to_json())
    }

    /// The JSON of `ansible-inventory --host NAME`.
    pub fn host(&self, pattern: &str) -> Result<String> {
        match self.select(pattern)?.as_slice() {
            [host] => Ok(Value::Map(self.listed(host)).to_json()),
            hosts => Err(Error::usage(format!(
                "`{pattern}` is {} hosts, not one",
                hosts.len()
            ))),
        }
    }

    /// The tree of `ansible-inventory --graph`, from `group` down, with `--vars` when `vars` is set.
    pub fn graph(&self, group: &str, vars: bool) -> Result<String> {
        if !self.has_group(group) {
            let error = Error::usage(format!("no group is called `{group}`"));
            return Err(match nearest(group, self.groups()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        let mut lines = Vec::new();
        self.draw(group, 0, vars, &mut lines);
        Ok(lines.join("\n"))
    }

    fn draw(&self, name: &str, depth: usize, vars: bool, lines: &mut Vec<String>) {
        let group = &self.groups[name];
        lines.push(indented(&format!("@{name}:"), depth));
        for child in &group.children {
            self.draw(child, depth + 1, vars, lines);
        }
        for host in group.hosts.iter().filter(|_| name != "all") {
            lines.push(indented(host, depth + 1));
            if vars {
                draw_vars(self.listed(host), depth + 2, lines);
            }
        }
        if vars {
            let mut own: IndexMap<String, Value> = group
                .vars
                .iter()
                .map(|(name, var)| (name.clone(), var.value.clone()))
                .collect();
            for beside in &self.beside {
                let files = beside.groups.get(name).into_iter().flatten();
                own.extend(files.map(|(name, var)| (name.clone(), var.value.clone())));
            }
            if group.priority != 1 {
                own.insert(
                    "ansible_group_priority".to_string(),
                    Value::Int(group.priority),
                );
            }
            draw_vars(self.shown(own), depth + 1, lines);
        }
    }

    fn listed(&self, host: &str) -> IndexMap<String, Value> {
        self.shown(self.vars(host))
    }
}

fn insert_names<'a>(
    body: &mut IndexMap<String, Value>,
    key: &str,
    names: impl IntoIterator<Item = &'a String>,
) {
    let names: Vec<Value> = names
        .into_iter()
        .map(|name| Value::from(name.as_str()))
        .collect();
    if !names.is_empty() {
        body.insert(key.to_string(), Value::List(names));
    }
}

fn visible(mut vars: IndexMap<String, Value>) -> IndexMap<String, Value> {
    vars.retain(|name, _| !INTERNAL.contains(&name.as_str()));
    vars
}

/// What stands for a secret.
const MASK: &str = "***";

/// `***` for each value whose name says that it is a secret, however deep it lies.
fn mask(name: &str, value: &mut Value) {
    match value {
        Value::Map(map) => map.iter_mut().for_each(|(name, value)| mask(name, value)),
        Value::List(list) => list.iter_mut().for_each(|value| mask(name, value)),
        Value::Null | Value::Bool(_) => {}
        value if is_secret_name(name) || matches!(value, Value::Secret(_)) => {
            *value = Value::from(MASK);
        }
        _ => {}
    }
}

/// What `ansible-vault` encrypted, as the text that it is.
fn reveal(value: &mut Value) {
    match value {
        Value::Map(map) => map.values_mut().for_each(reveal),
        Value::List(list) => list.iter_mut().for_each(reveal),
        Value::Secret(secret) => *value = Value::from(secret.reveal()),
        _ => {}
    }
}

fn draw_vars(mut vars: IndexMap<String, Value>, depth: usize, lines: &mut Vec<String>) {
    vars.sort_keys();
    lines.extend(
        vars.iter()
            .map(|(name, value)| indented(&format!("{{{name} = {}}}", value.shown()), depth)),
    );
}

fn indented(text: &str, depth: usize) -> String {
    match depth {
        0 => text.to_string(),
        depth => format!("{}--{text}", "  |".repeat(depth)),
    }
}
