//! Restarts: when they are due, one at a time, the leader last, and never without a reason.

use super::lab::{Lab, Run};
use super::see::{HOSTS, THREE, births, etcdctl, healthy, json};

/// Address of the leader.
fn leader(lab: &Lab) -> String {
    let status = json(lab, HOSTS[0], "endpoint status --cluster");
    let row = status
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["Status"]["leader"] == row["Status"]["header"]["member_id"])
        .expect("there is a leader")
        .clone();
    row["Endpoint"]
        .as_str()
        .unwrap()
        .trim_start_matches("https://")
        .trim_end_matches(":2379")
        .to_string()
}

/// All were restarted, each once, the leader last; writes went on meanwhile.
#[track_caller]
fn rolls(lab: &Lab, run: impl FnOnce() -> Run) -> Run {
    let last = leader(lab);
    lab.on(HOSTS[0], "rm -f /tmp/stop /tmp/writes");
    let mut writer = lab.begin(
        HOSTS[0],
        // A member that stops ends the requests that are on their way to it; the next try goes to another one.
        ". /etc/profile.d/etcdctl.sh; beat() { etcdctl --command-timeout=3s --dial-timeout=500ms put beat $(date +%s%N) >/dev/null 2>&1; }; while [ ! -e /tmp/stop ]; do if beat || beat; then echo ok; else echo lost; fi >>/tmp/writes; done",
    );
    lab.until(HOSTS[0], "grep -q ok /tmp/writes");
    let run = run();
    lab.on(HOSTS[0], "touch /tmp/stop");
    writer.wait().unwrap();
    let run = run.ok();
    let writes = lab.on(HOSTS[0], "cat /tmp/writes");
    let lost = writes.lines().filter(|line| *line == "lost").count();
    assert!(
        lost == 0,
        "{lost} writes of {} were lost\n{}",
        writes.lines().count(),
        run.readable()
    );
    let mut order = run.restarted();
    assert_eq!(
        order.last(),
        Some(&last),
        "the leader is the last: {order:?}"
    );
    order.sort();
    assert_eq!(order, HOSTS, "{}", run.readable());
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    lab.flow("").changes_nothing();
    run
}

/// Only this host was restarted, for this reason.
#[track_caller]
fn restarts_one(lab: &Lab, host: &str, why: &str) {
    let run = lab.flow("-t etcd_config,etcd_launch").ok().says(&[why]);
    assert_eq!(run.restarted(), [host], "{}", run.readable());
    lab.flow("").changes_nothing();
}

#[test]
fn a_member_is_restarted_when_it_is_due_and_only_then() {
    let Some(lab) = Lab::up(&["10.10.10.10", "10.10.10.11", "10.10.10.12=trixie"], THREE) else {
        return;
    };
    lab.flow("").ok();

    // A parameter. Its dry run lists what is done, and does nothing.
    let change = "-e etcd_quota_backend_bytes=4GiB -t etcd_config,etcd_launch";
    let before = births(&lab, &HOSTS);
    let dry = lab.flow(&format!("-C -D {change}")).changes_something();
    assert_eq!(births(&lab, &HOSTS), before);
    lab.write(
        "pigsty.yml",
        &THREE.replace(
            "etcd_cluster: etcd",
            "etcd_cluster: etcd, etcd_quota_backend_bytes: 4GiB",
        ),
    );
    let real = rolls(&lab, || lab.flow("-t etcd_config,etcd_launch"));
    let sorted = |run: &Run| {
        let mut changes = run.changes();
        changes.sort();
        changes
    };
    assert_eq!(sorted(&dry), sorted(&real));

    // The CA file is read when etcd starts; leaf certificates are read again by themselves.
    lab.on(HOSTS[0], "touch /etc/etcd/ca.crt");
    restarts_one(&lab, HOSTS[0], "its CA file is newer");
    lab.on(
        HOSTS[1],
        "touch /etc/systemd/system/etcd.service; systemctl daemon-reload",
    );
    restarts_one(&lab, HOSTS[1], "its unit is newer");
    lab.on(
        HOSTS[2],
        "cp /usr/bin/etcd /usr/bin/etcd.new; mv /usr/bin/etcd.new /usr/bin/etcd",
    );
    restarts_one(&lab, HOSTS[2], "its binary was replaced");
    lab.on(
        HOSTS[1],
        "sed -i 's/^LimitNOFILE=.*/LimitNOFILE=1000/' /etc/systemd/system/etcd.service",
    );
    restarts_one(&lab, HOSTS[1], "its unit is newer");

    // A run that dies after the config was written and before the restart is caught up by the next.
    lab.on(HOSTS[0], "sed -i 's/^election-timeout.*/election-timeout: 3000/' /etc/etcd/etcd.conf; systemctl restart etcd");
    healthy(&lab, HOSTS[1], &["etcd-1", "etcd-2", "etcd-3"]);
    let died = lab.flow_with(
        ("ETCDSH_FAULT", "10.10.10.10:1:after"),
        "-t etcd_config,etcd_launch",
    );
    assert_ne!(died.code, 0, "{}", died.readable());
    assert_eq!(
        lab.on(HOSTS[0], "grep election-timeout /etc/etcd/etcd.conf"),
        "election-timeout: 1000\n"
    );
    restarts_one(&lab, HOSTS[0], "its config is newer");

    nothing_is_restarted_without_a_reason(&lab);
    a_cluster_that_cannot_spare_a_member_is_left_alone(&lab);
}

fn nothing_is_restarted_without_a_reason(lab: &Lab) {
    let before = births(lab, &HOSTS);
    for name in ["etcd-1", "etcd-2", "admin"] {
        std::fs::remove_file(lab.folder().join(format!("files/pki/etcd/{name}.crt"))).unwrap();
        std::fs::remove_file(lab.folder().join(format!("files/pki/etcd/{name}.key"))).unwrap();
    }
    let run = lab.flow("").changes_something();
    assert!(run.restarted().is_empty(), "{}", run.readable());
    healthy(lab, HOSTS[1], &["etcd-1", "etcd-2", "etcd-3"]);
    // What only the beginning of a cluster is told by.
    lab.on(HOSTS[1], "sed -i 's/^initial-cluster-state.*/initial-cluster-state: existing/' /etc/etcd/etcd.conf; touch -d @1700000000 /etc/etcd/etcd.conf");
    lab.flow("").ok();
    assert_eq!(births(lab, &HOSTS), before);
}

fn a_cluster_that_cannot_spare_a_member_is_left_alone(lab: &Lab) {
    // The leader too: then an election is on when the health of the others is asked.
    let frozen = leader(lab);
    let host = HOSTS.into_iter().find(|host| *host != frozen).unwrap();
    lab.on(
        &frozen,
        "kill -STOP $(systemctl show etcd -p MainPID --value)",
    );
    lab.on(host, "touch /etc/etcd/ca.crt");
    let before = births(lab, &HOSTS);
    lab.flow(&format!("-t etcd_launch -l {host}"))
        .exits(2)
        .says(&["cannot spare this member: 1 of 3 others are healthy and the quorum is 2"]);
    assert_eq!(births(lab, &HOSTS), before);
    lab.on(
        &frozen,
        "kill -CONT $(systemctl show etcd -p MainPID --value)",
    );
    lab.until(
        host,
        ". /etc/profile.d/etcdctl.sh; etcdctl endpoint health --cluster",
    );
    restarts_one(lab, host, "its CA file is newer");
    etcdctl(lab, host, "put done 1");
}
