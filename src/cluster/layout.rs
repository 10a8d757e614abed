//! Which hosts are in which cluster, and what is wrong with that.

use indexmap::IndexMap;

use super::member::{Member, cluster_name, written};
use super::parameter::{self, in_one_line};
use crate::error::{Error, Hint, Result, nearest};
use crate::inventory::{Inventory, Value};

/// The value that makes a group a cluster: its own `etcd_cluster`.
fn mark(inventory: &Inventory, group: &str) -> Option<Value> {
    if group == "all" || group == "ungrouped" {
        return None;
    }
    inventory
        .own_group_vars(group)
        .get("etcd_cluster")
        .filter(|value| **value != Value::Null)
        .cloned()
}

/// Has the inventory a group that is meant as a cluster?
#[must_use]
pub fn is_any(inventory: &Inventory) -> bool {
    inventory
        .groups()
        .any(|group| group == "etcd" || mark(inventory, group).is_some())
}

/// The hosts of each cluster: those of the group `etcd`, and of every group whose own variables set `etcd_cluster`.
///
/// A host's own variable and `-e` win over the group's.
pub fn hosts(inventory: &Inventory) -> Result<IndexMap<String, Vec<String>>> {
    let mut found: IndexMap<String, Vec<String>> = IndexMap::new();
    let mut claims: IndexMap<String, String> = IndexMap::new();
    let mut lines = Vec::new();
    for group in inventory.groups() {
        let mark = mark(inventory, group);
        if group != "etcd" && mark.is_none() {
            continue;
        }
        for host in inventory.group_hosts(group) {
            let (name, claim) = match claim(inventory, &host, mark.as_ref()) {
                Ok(both) => both,
                Err(error) => {
                    let line = format!("{host}: {}", in_one_line(&error));
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                    continue;
                }
            };
            match claims.get(&host) {
                Some(other) if *other != claim => return Err(in_two(&host, other, &claim)),
                Some(_) => {}
                None => {
                    claims.insert(host.clone(), claim);
                    found.entry(name).or_default().push(host);
                }
            }
        }
    }
    if !lines.is_empty() {
        return Err(wrong(lines));
    }
    if found.is_empty() {
        return Err(none(inventory));
    }
    Ok(found)
}

/// The cluster that a host is in, and the one that the group wants it in.
fn claim(inventory: &Inventory, host: &str, mark: Option<&Value>) -> Result<(String, String)> {
    let name = cluster_name(inventory, host)?;
    let claim = match mark {
        None => name.clone(),
        Some(Value::Str(text)) => inventory.render(host, text)?.to_text(),
        Some(other) => other.to_text(),
    };
    Ok((name, claim))
}

/// All that is wrong with the identity of the members on these hosts of one cluster: the host, and one line.
#[must_use]
pub fn mistakes(inventory: &Inventory, hosts: &[String]) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    let mut seen: IndexMap<i64, &str> = IndexMap::new();
    let mut members = Vec::new();
    for host in hosts {
        if let Ok(Some(seq)) = parameter::int(inventory, host, "etcd_seq") {
            match seen.get(&seq) {
                Some(other) => {
                    let at = written(inventory, host, "etcd_seq");
                    let line = format!("`etcd_seq` {seq} is that of {other} too{at}");
                    wrong.push((host.clone(), line));
                }
                None => {
                    seen.insert(seq, host);
                }
            }
        }
        match Member::read(inventory, host) {
            Ok(member) => members.push(member),
            Err(lines) => wrong.extend(lines.into_iter().map(|line| (host.clone(), line))),
        }
    }
    wrong.extend(in_one_place(&members));
    wrong
}

/// Two members that would listen on the same port of the same address.
fn in_one_place(members: &[Member]) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for (place, member) in members.iter().enumerate() {
        let taken = |other: &&Member| {
            let ports = [other.port, other.peer_port];
            other.address == member.address
                && (ports.contains(&member.port) || ports.contains(&member.peer_port))
        };
        if let Some(other) = members[..place].iter().find(taken) {
            let line = format!(
                "its address {} and a port are those of {} too",
                member.address, other.host
            );
            wrong.push((member.host.clone(), line));
        }
    }
    wrong
}

/// The one error for all mistakes.
pub(super) fn wrong(lines: impl IntoIterator<Item = String>) -> Box<Error> {
    let lines: Vec<String> = lines.into_iter().collect();
    let plural = if lines.len() == 1 { "" } else { "s" };
    let mut error = Error::config(format!("{} mistake{plural} in the inventory", lines.len()))
        .hint(Hint::All(vec![
        Hint::program("inventory --graph --vars"),
        Hint::Note(
            "shows the values; `inventory origin` and a host and a variable, where one comes from"
                .into(),
        ),
    ]));
    error.causes = lines;
    error
}

fn in_two(host: &str, one: &str, other: &str) -> Box<Error> {
    Error::config(format!(
        "the host is in two clusters, `{one}` and `{other}`"
    ))
    .on(host)
    .hint(Hint::Hosts)
}

fn none(inventory: &Inventory) -> Box<Error> {
    let error = Error::config("there is no etcd in the inventory");
    if is_any(inventory) {
        if inventory.groups().any(|group| group == "hosts") {
            let error = error.because("`hosts` is read as a group: it stands beside the group of the cluster, and not below it");
            return error.hint("indent `hosts:` below `etcd:`");
        }
        let error = error.because("the group that is meant as a cluster has no hosts");
        return error.hint(Hint::Hosts);
    }
    let error = error.because("no group is called `etcd` and none sets `etcd_cluster`");
    match nearest("etcd", inventory.groups()) {
        Some(near) => error.hint(format!("did you mean `etcd` by the group `{near}`?")),
        None => match inventory.groups().find(|group| group.contains("etcd")) {
            Some(group) => error.hint(format!(
                "rename the group `{group}` to etcd, or set `etcd_cluster` in its `vars`"
            )),
            None => error.hint(
                "write a group: etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } } }; or run it in an empty folder for a sandbox",
            ),
        },
    }
}
