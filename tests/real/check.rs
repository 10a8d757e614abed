//! `etcd-check` says what is wrong, where, and what to type; `etcd-reload` brings members to what the inventory says, and no more.

use super::lab::{Lab, Run};
use super::see::{HOSTS, THREE, births, healthy, refused};

fn run(lab: &Lab, words: &str) -> Run {
    let words: Vec<&str> = ["-o", "json"].into_iter().chain(words.split(' ')).collect();
    lab.etcdsh(&words)
}

/// Hosts with etcd 3.5, deployed.
fn deployed() -> Option<Lab> {
    let hosts = HOSTS.map(|host| format!("{host}=trixie"));
    let lab = Lab::up(&hosts.each_ref().map(String::as_str), THREE)?;
    lab.flow("").ok();
    Some(lab)
}

/// The row of a check of a host, in the table of `etcd-check all`.
#[track_caller]
fn row(checked: &Run, host: &str, check: &str) -> String {
    let text = checked.readable();
    let is_it = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.contains(&host) && words.contains(&check)
    };
    let found = text.lines().find(is_it);
    found
        .unwrap_or_else(|| panic!("no row of {host} {check}\n{text}"))
        .to_string()
}

#[test]
fn what_is_wrong_is_said_with_its_host_and_the_line_to_type() {
    let Some(lab) = deployed() else { return };
    // How fast this machine's disk is, is not what this is about.
    let well = run(&lab, "etcd-check all");
    assert_eq!(well.changes(), [], "{}", well.readable());
    for host in HOSTS {
        for check in ["ssh", "machine", "clock", "peer", "release"] {
            let row = row(&well, host, check);
            assert!(!row.contains("fail"), "{row}");
        }
    }
    row(&well, HOSTS[0], "disk");

    // The clock of one, the machine id of another, a config that was edited, and a member that stands still.
    let clock = "mv /usr/bin/date /usr/bin/date.real; printf '#!/bin/sh\\nexec /usr/bin/date.real -d \"+1 hour\" \"$@\"\\n' >/usr/bin/date; chmod 755 /usr/bin/date";
    lab.on(HOSTS[0], clock);
    lab.on(HOSTS[1], "cat /etc/machine-id");
    let id = lab.on(HOSTS[0], "cat /etc/machine-id");
    lab.on(HOSTS[1], &format!("echo {} >/etc/machine-id", id.trim()));
    lab.on(
        HOSTS[1],
        "sed -i 's/^heartbeat-interval: .*/heartbeat-interval: 150/' /etc/etcd/etcd.conf",
    );
    lab.on(HOSTS[2], "systemctl stop etcd");
    let sick = run(&lab, "etcd-check").exits(2);
    assert!(row(&sick, HOSTS[0], "clock").contains("fail"));
    assert!(row(&sick, HOSTS[1], "machine").contains(HOSTS[0]));
    sick.says(&[
        "differs from the inventory",
        "2 of 3 voters are up, 0 may fail",
    ]);
    lab.on(HOSTS[0], "mv /usr/bin/date.real /usr/bin/date");
    lab.on(HOSTS[2], "systemctl start etcd");
    lab.does("cut", &[HOSTS[2]]);
    let cut = run(&lab, "etcd-check -e ansible_timeout=3").exits(2);
    assert!(row(&cut, HOSTS[2], "ssh").contains("fail"));
    lab.does("mend", &[HOSTS[2]]);
}

#[test]
fn a_reload_restarts_the_members_that_differ_and_no_other() {
    let Some(lab) = deployed() else { return };
    let before = births(&lab, &HOSTS);
    run(&lab, "etcd-reload").changes_nothing();
    lab.on(
        HOSTS[1],
        "sed -i 's/^heartbeat-interval: .*/heartbeat-interval: 150/' /etc/etcd/etcd.conf",
    );
    lab.on(HOSTS[2], "rm /etc/profile.d/etcdctl.sh");
    let shown = lab.etcdsh(&["etcd-reload", "-C", "-D"]).ok();
    shown.says(&[
        "-heartbeat-interval: 150",
        "+heartbeat-interval: 100",
        "would change",
    ]);
    assert_eq!(births(&lab, &HOSTS), before);
    let mended = run(&lab, "etcd-reload").changes_something();
    assert_eq!(mended.restarted(), [HOSTS[1]], "{}", mended.readable());
    lab.on(HOSTS[2], "[ -s /etc/profile.d/etcdctl.sh ]");
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    run(&lab, "etcd-reload").changes_nothing();
    let all = run(&lab, "etcd-reload -e etcd_heartbeat_interval=150").changes_something();
    assert_eq!(all.restarted().len(), 3, "{}", all.readable());

    // Somebody else's is not reloaded.
    lab.on(
        HOSTS[2],
        "sed -i 's/^name: .*/name: other-1/' /etc/etcd/etcd.conf; systemctl restart etcd",
    );
    let before = births(&lab, &HOSTS);
    refused(run(&lab, "etcd-reload"), &["other-1"]);
    assert_eq!(births(&lab, &HOSTS), before);
}
