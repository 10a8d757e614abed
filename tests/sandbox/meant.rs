//! What was not said is not done: plans that are applied, words that are empty, configs that somebody has edited. In a sandbox.

use std::fs;

use crate::program::Ran;
use crate::repl::live::Members;

/// Three members in a sandbox, and a key.
fn cluster(number: u32) -> Members {
    let members = Members::new(number);
    let ran = line(&members, "etcd");
    assert_eq!(ran.status, 0, "{}", ran.text());
    assert_eq!(line(&members, "e put seed 1").status, 0);
    members
}

#[track_caller]
fn says(ran: &Ran, status: i32, words: &[&str]) {
    assert_eq!(ran.status, status, "{}", ran.text());
    for words in words {
        assert!(ran.text().contains(words), "{words}\n{}", ran.text());
    }
}

/// A line of words; `''` is an empty one.
fn line(members: &Members, line: &str) -> Ran {
    let words = line.split(' ').map(|word| word.trim_matches('\''));
    let words: Vec<&str> = ["-i", "hosts.yml"].into_iter().chain(words).collect();
    members.test.etcdsh(&words)
}

fn edit(members: &Members, host: usize, more: &str) {
    let host = &members.addresses[host];
    let path = members
        .test
        .path(&format!("sandbox/{host}/etc/etcd/etcd.conf"));
    let text = fs::read_to_string(&path).unwrap();
    let first = more.split(':').next().unwrap();
    let kept: String = text
        .lines()
        .filter(|line| !line.starts_with(first))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(path, format!("{kept}{more}\n")).unwrap();
}

#[test]
fn what_was_not_said_is_not_done() {
    let test = cluster(39);
    let second = test.addresses[1].clone();

    // A plan that leaves the purge out is applied without it, and nothing else is slipped in.
    let planned = "etcd -e etcd_clean=true -e etcd_heartbeat_interval=150 --skip-tags etcd_purge --plan plan.json";
    says(&line(&test, planned), 0, &["3 steps"]);
    says(
        &line(&test, "apply plan.json -y -e etcd_heartbeat_interval=150"),
        5,
        &["it was planned with -e etcd_clean"],
    );
    says(
        &line(
            &test,
            "apply plan.json -y -e etcd_heartbeat_interval=200 -e etcd_clean=true",
        ),
        5,
        &["which is another value now"],
    );
    says(
        &line(
            &test,
            "apply plan.json -y -e etcd_heartbeat_interval=150 -e etcd_clean=true -e etcd_data=/x",
        ),
        5,
        &["it was planned without -e etcd_data"],
    );
    says(
        &line(&test, "apply plan.json -y -l localhost"),
        5,
        &["`apply` does a whole plan"],
    );
    says(
        &line(
            &test,
            "apply plan.json -y -e etcd_heartbeat_interval=150 -e etcd_clean=true",
        ),
        0,
        &["service etcd: restart"],
    );
    assert_eq!(line(&test, "e get seed").stdout, "seed\n1\n");

    // Somebody else's file is no place for a plan.
    fs::write(test.test.path("hosts.txt"), "all: {}\n").unwrap();
    says(
        &line(&test, "etcd-restart etcd --plan hosts.txt"),
        1,
        &["`hosts.txt` is there, and is no plan"],
    );
    assert_eq!(
        fs::read_to_string(test.test.path("hosts.txt")).unwrap(),
        "all: {}\n"
    );

    // An unset variable names nobody, least of all everybody; the line to type next has the empty word, too.
    says(&line(&test, "etcd-rm -y"), 2, &["no member is named"]);
    says(&line(&test, "etcd-rm '' -y"), 2, &["etcd-rm '' -y"]);
    says(
        &line(&test, "etcd-rm etcd-9 -y"),
        2,
        &["has no member `etcd-9`"],
    );

    // A config that would make another cluster of it, or another member.
    edit(&test, 1, "force-new-cluster: true");
    for command in [
        &format!("etcd-restart {second} -y"),
        "etcd-restart -y",
        "etcd -t etcd_launch",
    ] {
        says(&line(&test, command), 2, &["force-new-cluster: true"]);
    }
    says(&line(&test, "etcd-check"), 2, &["force-new-cluster: true"]);
    says(&line(&test, "etcd-reload -y"), 0, &[]);
    // etcd reads keys in large letters, too.
    for other in [
        "wal-dir: /nowhere/wal",
        "data-dir: /nowhere/etcd",
        "Data-Dir: /nowhere/etcd",
        "Force-New-Cluster: true",
    ] {
        edit(&test, 2, other);
        says(&line(&test, "etcd-restart -y"), 2, &["its config has"]);
        says(&line(&test, "etcd-reload -y"), 0, &[]);
    }
    assert_eq!(line(&test, "e get seed").stdout, "seed\n1\n");
    says(&line(&test, "etcd-rm etcd -y"), 0, &["snapshot"]);
}

#[test]
fn who_is_dead_leaves_first_and_what_a_dead_run_has_left_is_cleared() {
    let test = cluster(41);
    let first = test.addresses[0].clone();
    let data = |host: usize| {
        let folder = format!("sandbox/{}/data/etcd/member", test.addresses[host]);
        test.test.path(&folder).exists()
    };
    says(
        &line(&test, &format!("run {first} -- systemctl stop etcd")),
        0,
        &[],
    );
    // It dies when the first member has left, and before anything is cleared.
    let mut dies = test.test.command(env!("CARGO_BIN_EXE_etcdsh"));
    let died = dies
        .args(["-i", "hosts.yml", "etcd-scale", "1", "-y"])
        .env("ETCDSH_FAULT", "etcd:1:after")
        .output()
        .unwrap();
    assert_eq!(died.status.code(), None, "{died:?}");
    let list = line(&test, "e member list").stdout;
    assert!(
        !list.contains("etcd-1") && list.contains("etcd-2"),
        "{list}"
    );
    assert!(data(0));
    says(&line(&test, "etcd-scale 1 -y"), 0, &["clear it"]);
    let list = line(&test, "e member list").stdout;
    assert_eq!(
        (list.lines().count(), list.contains("etcd-2")),
        (1, true),
        "{list}"
    );
    assert!(!data(0) && data(1) && !data(2));
    assert_eq!(line(&test, "e get seed").stdout, "seed\n1\n");
    says(&line(&test, "etcd-scale 1 -y"), 0, &["has 1 voter already"]);
}
