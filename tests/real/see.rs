//! What a host's own tools say about its etcd: the judge that is not ours.

use serde_json::Value;

use super::lab::{Lab, Run};

/// Three nodes, as in the manual of Pigsty.
pub(super) const THREE: &str = "all:
  children:
    etcd:
      hosts:
        10.10.10.10: { etcd_seq: 1 }
        10.10.10.11: { etcd_seq: 2 }
        10.10.10.12: { etcd_seq: 3 }
      vars: { etcd_cluster: etcd }
";

/// A single node on 10.10.10.10.
pub(super) const ONE: &str =
    "etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd } }\n";

const OF_SIX: &str = "etcd:
  hosts:
    10.10.10.10: { etcd_seq: 1 }
    10.10.10.11: { etcd_seq: 2 }
    10.10.10.12: { etcd_seq: 3 }
    10.10.10.13: { etcd_seq: 4 }
    10.10.10.14: { etcd_seq: 5 }
    10.10.10.15: { etcd_seq: 6 }
  vars: { etcd_cluster: etcd }
";
pub(super) const SIX: [&str; 6] = [
    "10.10.10.10",
    "10.10.10.11",
    "10.10.10.12",
    "10.10.10.13",
    "10.10.10.14",
    "10.10.10.15",
];

/// The inventory with the first `count` of six hosts.
pub(super) fn six(count: usize) -> String {
    OF_SIX
        .lines()
        .filter(|line| !SIX[count..].iter().any(|host| line.contains(host)))
        .map(|line| format!("{line}\n"))
        .collect()
}

pub(super) const HOSTS: [&str; 3] = ["10.10.10.10", "10.10.10.11", "10.10.10.12"];

/// Refused, with these words, and nothing changed.
#[track_caller]
pub(super) fn refused(run: Run, words: &[&str]) -> Run {
    let run = run.exits(2).says(words);
    assert_eq!(run.changes(), [], "{}", run.readable());
    run
}

/// `etcdctl WORDS` of the distribution, on a host, with the environment that etcdsh has put there.
pub(super) fn ctl(host: &str, words: &str) -> (String, String) {
    (
        host.to_string(),
        format!(". /etc/profile.d/etcdctl.sh; etcdctl {words}"),
    )
}

#[track_caller]
pub(super) fn etcdctl(lab: &Lab, host: &str, words: &str) -> String {
    let (host, script) = ctl(host, words);
    lab.on(&host, &script)
}

#[track_caller]
pub(super) fn json(lab: &Lab, host: &str, words: &str) -> Value {
    serde_json::from_str(&etcdctl(lab, host, &format!("{words} -w json")))
        .expect("etcdctl prints JSON")
}

/// Names of the members that have started, sorted, learners with a `?`.
#[track_caller]
pub(super) fn members(lab: &Lab, host: &str) -> Vec<String> {
    let list = json(lab, host, "member list");
    let mut names: Vec<String> = list["members"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|member| {
            format!(
                "{}{}",
                member["name"].as_str().unwrap_or_default(),
                if member["isLearner"] == true { "?" } else { "" }
            )
        })
        .collect();
    names.sort();
    names
}

/// These members are there, each of them healthy over TLS, with one leader.
#[track_caller]
pub(super) fn healthy(lab: &Lab, host: &str, names: &[&str]) {
    assert_eq!(members(lab, host), names);
    let health = json(lab, host, "endpoint health --cluster");
    let well = health
        .as_array()
        .into_iter()
        .flatten()
        .filter(|row| row["health"] == true)
        .count();
    assert_eq!(well, names.len(), "{health}");
    let status = json(lab, host, "endpoint status --cluster");
    let rows: Vec<&Value> = status.as_array().into_iter().flatten().collect();
    assert!(
        rows.iter().all(|row| row["Endpoint"]
            .as_str()
            .is_some_and(|url| url.starts_with("https://"))),
        "{status}"
    );
    let leaders = rows
        .iter()
        .filter(|row| row["Status"]["leader"] == row["Status"]["header"]["member_id"])
        .count();
    assert_eq!(leaders, 1, "{status}");
}

/// When the etcd process was started, in ticks: another number is another process.
pub(super) fn born(lab: &Lab, host: &str) -> String {
    lab.on(host, "pid=$(systemctl show etcd -p MainPID --value); echo $pid; sed 's/.*) //' /proc/$pid/stat | cut -d ' ' -f 20")
}

pub(super) fn births(lab: &Lab, hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|host| born(lab, host)).collect()
}
