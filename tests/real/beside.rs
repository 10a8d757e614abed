//! A cluster that was begun by hand beside the real one, members that the inventory or the member list has alone, and runs that
//! reach different hosts: a guard asks those whom it is about.

use super::lab::Lab;
use super::see::{HOSTS, ONE, THREE, etcdctl, healthy, json, refused};

/// The member that has this name, or, before it has started, the one that has none.
fn id_of(lab: &Lab, host: &str, name: &str) -> String {
    let list = json(lab, host, "member list");
    let all = list["members"].as_array().unwrap();
    let named = |member: &&serde_json::Value| member["name"].as_str().unwrap_or_default() == name;
    let member = all.iter().find(named).unwrap();
    format!("{:x}", member["ID"].as_u64().unwrap())
}

/// What a host's own member says: the others may be of another cluster.
fn own(lab: &Lab, host: &str, words: &str) -> String {
    let here = format!("ETCDCTL_ENDPOINTS=https://{host}:2379");
    lab.on(
        host,
        &format!(". /etc/profile.d/etcdctl.sh; {here} etcdctl {words}"),
    )
}

fn on_all(lab: &Lab, script: &str) {
    for host in HOSTS {
        lab.on(host, script);
    }
}

#[test]
fn a_guard_asks_those_whom_it_is_about() {
    let hosts = HOSTS.map(|host| format!("{host}=trixie"));
    let Some(lab) = Lab::up(&hosts.each_ref().map(String::as_str), THREE) else {
        return;
    };
    lab.flow("").ok();
    etcdctl(&lab, HOSTS[0], "put precious 42");
    one_begins_a_cluster_by_hand(&lab);
    two_disks_are_exchanged(&lab);
    the_port_of_a_member_that_runs_stays(&lab);
    a_member_was_added_by_hand(&lab);
    two_runs_reach_different_hosts(&lab);
    members_that_the_inventory_or_the_list_has_alone(&lab);
}

/// As in an emergency, with the same name, token and certificates.
fn one_begins_a_cluster_by_hand(lab: &Lab) {
    lab.on(
        HOSTS[0],
        "systemctl stop etcd; rm /var/lib/etcdsh/started; cd /data/etcd; mv member kept; cp -p /etc/etcd/etcd.conf /root/kept
        sed -i 's/^initial-cluster:.*/initial-cluster: etcd-1=https:\\/\\/10.10.10.10:2380/; s/^initial-cluster-state:.*/initial-cluster-state: new/' /etc/etcd/etcd.conf
        systemctl start etcd; cp -p /root/kept /etc/etcd/etcd.conf",
    );
    own(lab, HOSTS[0], "put /stray 1");
    let several = "the members of `etcd` are not in one cluster";
    let run = refused(lab.flow(""), &[several, "10.10.10.10: cluster", "runs"]);
    let line = "etcdsh run 10.10.10.10 -b -- sh -c '. /etc/profile.d/etcdctl.sh; ETCDCTL_ENDPOINTS=https://10.10.10.10:2379 etcdctl get --prefix --keys-only --limit=20 /'";
    assert!(run.text().contains(line), "{}", run.readable());
    let line = line.replacen("etcdsh", env!("CARGO_BIN_EXE_etcdsh"), 1);
    let typed = lab.command("sh").args(["-c", &line]).output().unwrap();
    let said = String::from_utf8_lossy(&typed.stdout);
    assert!(
        said.contains("/stray") && !said.contains("precious"),
        "{said}"
    );
    refused(
        lab.flow("-t etcd_purge -y -l 10.10.10.11"),
        &["purging this would leave 1 healthy of 3 voters"],
    );
    refused(
        lab.flow("-e etcd_clean=true -y -l 10.10.10.11"),
        &["this host would be without data"],
    );
    lab.flow("-l 10.10.10.11 -t etcd_config,etcd_launch -e etcd_heartbeat_interval=150")
        .exits(2)
        .says(&["cannot spare this member"]);
    assert_eq!(
        own(lab, HOSTS[2], "get precious --print-value-only"),
        "42\n"
    );
    // One that runs is no more than two that were stopped.
    for host in &HOSTS[1..] {
        lab.on(host, "systemctl stop etcd");
    }
    refused(
        lab.flow(""),
        &[several, "-l 10.10.10.11,10.10.10.12 -t etcd_launch"],
    );
    lab.flow("-l 10.10.10.11,10.10.10.12 -t etcd_launch").ok();
    assert_eq!(
        own(lab, HOSTS[2], "get precious --print-value-only"),
        "42\n"
    );
    // A purge of it alone, as a member that nobody misses, keeps to that.
    lab.flow("-t etcd_purge -l 10.10.10.10 -C").ok();
    lab.on(
        HOSTS[0],
        "systemctl stop etcd; cd /data/etcd; rm -rf member; mv kept member; systemctl start etcd",
    );
    lab.flow("").ok();
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
}

fn two_disks_are_exchanged(lab: &Lab) {
    on_all(lab, "systemctl stop etcd");
    let exchange = || {
        for (from, to) in [(0, 1), (1, 0)] {
            let packed = lab.on(HOSTS[from], "tar -C /data/etcd -cz member | base64 -w0");
            lab.write("packed", &packed);
            lab.keep_on(HOSTS[to], "packed", "/root/packed");
        }
        for host in &HOSTS[..2] {
            lab.on(
                host,
                "rm -rf /data/etcd/member; base64 -d /root/packed | tar -C /data/etcd -xz",
            );
        }
    };
    exchange();
    refused(
        lab.flow(""),
        &[
            "it has the data of etcd-2, which is 10.10.10.11",
            "findmnt",
            "10.10.10.11 has the data of etcd-1: their disks are exchanged",
        ],
    );
    exchange();
    lab.flow("").ok();
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
}

fn the_port_of_a_member_that_runs_stays(lab: &Lab) {
    for options in ["", "-t etcd_conf", "-t etcd_launch -l 10.10.10.11"] {
        refused(
            lab.flow(&format!("-e etcd_port=2391 {options}")),
            &[
                "its etcd runs, and not at client port 2391",
                "-e etcd_port=2379",
            ],
        );
    }
    refused(
        lab.flow("-e etcd_quota_backend_bytes=4096"),
        &["`etcd_quota_backend_bytes` is less than its database has"],
    );
    lab.flow("").changes_nothing();
}

/// Its disk was lost, and `member add` was typed; its config is still there.
fn a_member_was_added_by_hand(lab: &Lab) {
    let id = id_of(lab, HOSTS[0], "etcd-3");
    // etcd wants all of them connected for a while.
    lab.until(
        HOSTS[0],
        &format!(". /etc/profile.d/etcdctl.sh; etcdctl member remove {id}"),
    );
    lab.on(HOSTS[2], "systemctl stop etcd; rm -rf /data/etcd/member");
    lab.until(
        HOSTS[0],
        ". /etc/profile.d/etcdctl.sh; etcdctl member add etcd-3 --peer-urls=https://10.10.10.12:2380",
    );
    let id = id_of(lab, HOSTS[0], "");
    refused(
        lab.flow(""),
        &[
            "it is a member that was added later and has not started yet",
            &format!("member {id} is none that cluster `etcd` began with"),
            "-l 10.10.10.12 -e etcd_init=existing",
        ],
    );
    lab.flow("-l 10.10.10.12 -e etcd_init=existing").ok();
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    lab.flow("").changes_nothing();
}

/// Each of two operators reaches one host by ssh, and all members by their client ports.
fn two_runs_reach_different_hosts(lab: &Lab) {
    let mut half = THREE.to_string();
    for host in &HOSTS[1..] {
        half = half.replace(
            &format!("{host}: {{"),
            &format!("{host}: {{ ansible_port: 1,"),
        );
    }
    lab.write("half.yml", &half);
    let words = [
        "could not lock more than half of cluster `etcd`",
        "10.10.10.11: ssh does not reach it",
        "-e etcd_gone=NAME",
    ];
    refused(
        lab.flow("-i half.yml -t etcd_purge -y -l 10.10.10.10"),
        &words,
    );
    lab.flow(
        "-i half.yml -l 10.10.10.10 -t etcd_config,etcd_launch -e etcd_heartbeat_interval=150",
    )
    .exits(2)
    .says(&words);
    lab.flow("").ok();
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
}

fn members_that_the_inventory_or_the_list_has_alone(lab: &Lab) {
    // A member is lost while the question stands.
    lab.on_terminal(
        "-t etcd_purge -l 10.10.10.10",
        || {
            lab.on(HOSTS[2], "systemctl stop etcd");
        },
        "etcd",
    )
    .exits(2)
    .says(&[
        "About to purge 1 member",
        "purging this would leave 1 healthy of 3 voters",
    ]);
    lab.on(HOSTS[2], "systemctl start etcd");
    lab.until(
        HOSTS[2],
        ". /etc/profile.d/etcdctl.sh; etcdctl endpoint health",
    );
    // The third is alive, and was taken out of the inventory: the others keep their quorum with it.
    let two = THREE.replace("        10.10.10.12: { etcd_seq: 3 }\n", "");
    lab.write("two.yml", &two);
    lab.flow("-i two.yml -t etcd_purge -y -l 10.10.10.10").ok();
    assert_eq!(
        etcdctl(lab, HOSTS[1], "get precious --print-value-only"),
        "42\n"
    );
    // It is purged, and still on the list.
    let id = id_of(lab, HOSTS[1], "etcd-1");
    refused(
        lab.flow("-t etcd_purge -y -l 10.10.10.11"),
        &[
            &format!("etcd-1 has no data any more, and is still member {id}"),
            &format!("e member remove {id}"),
        ],
    );
    lab.until(
        HOSTS[1],
        &format!(". /etc/profile.d/etcdctl.sh; etcdctl member remove {id}"),
    );
    lab.flow("-l 10.10.10.10 -e etcd_init=existing").ok();
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
}

/// The disk of the log is not mounted, that of the data is.
#[test]
fn a_log_that_is_out_of_sight_is_not_purged() {
    let Some(lab) = Lab::up(&["10.10.10.10=trixie"], ONE) else {
        return;
    };
    let with_log = r#"-e {"etcd_extra_config":{"wal-dir":"/wal/etcd/log"}}"#;
    // The folder above it would become etcd's.
    lab.on(
        HOSTS[0],
        "install -d -o nobody /wal/etcd /wal/etcd/16 && echo 16 >/wal/etcd/16/PG_VERSION",
    );
    for tags in ["", "-C", "-t etcd_dir"] {
        refused(
            lab.flow(&format!("{with_log} {tags}")),
            &[
                "/wal/etcd has somebody else's content",
                "it belongs to nobody",
            ],
        );
    }
    lab.on(HOSTS[0], "rm -r /wal");
    lab.flow(with_log).ok();
    etcdctl(&lab, HOSTS[0], "put precious 42");
    lab.on(HOSTS[0], "systemctl stop etcd; mv /wal /wal.disk");
    refused(
        lab.flow(&format!("{with_log} -t etcd_purge -y")),
        &[
            "could not tell where its log is",
            "there is no log in /wal/etcd/log",
            "findmnt",
            "-e etcd_gone=etcd-1",
        ],
    );
    let run = lab.flow(with_log);
    assert!(!run.text().contains("mv /data"), "{}", run.readable());
    refused(run, &["it has a database and no log", "findmnt"]);
    lab.on(HOSTS[0], "mv /wal.disk /wal");
    lab.flow(with_log).ok();
    assert_eq!(
        etcdctl(&lab, HOSTS[0], "get precious --print-value-only"),
        "42\n"
    );
    // A database that is full is said, and is no reason to refuse a run.
    let small = format!("{with_log} -e etcd_quota_backend_bytes=4000000");
    lab.flow(&small).ok();
    lab.on(
        HOSTS[0],
        ". /etc/profile.d/etcdctl.sh; for key in 1 2 3 4 5 6; do head -c 1000000 /dev/zero | tr '\\0' x | etcdctl put /big/$key >/dev/null 2>&1; done; etcdctl alarm list | grep NOSPACE",
    );
    lab.flow(&small).ok().says(&[
        "has alarm NOSPACE and takes no writes",
        "etcdctl alarm disarm",
    ]);
    lab.flow(with_log).ok();
    etcdctl(&lab, HOSTS[0], "alarm disarm");
    // systemd itself begins nothing beside a disk that is not mounted.
    lab.on(
        HOSTS[0],
        "systemctl stop etcd; mv /data/etcd/member /root/member; systemctl start etcd && exit 1; systemctl stop etcd; test ! -e /data/etcd/member
        journalctl -u etcd -o cat | grep 'etcd has run here, and /data/etcd/member is not there'; mv /root/member /data/etcd/member; systemctl reset-failed etcd",
    );
    lab.flow(with_log).ok();
    assert_eq!(
        etcdctl(&lab, HOSTS[0], "get precious --print-value-only"),
        "42\n"
    );
    // What others keep in a folder that the config names is theirs, whatever its name ends with.
    lab.on(HOSTS[0], "systemctl stop etcd; rm -rf /wal/etcd/log; mkdir -p /wal/etcd/log; echo theirs >/wal/etcd/log/_00001.wal");
    lab.flow(&format!("{with_log} -t etcd_purge -y -e etcd_gone=etcd-1"))
        .ok();
    assert_eq!(lab.on(HOSTS[0], "cat /wal/etcd/log/_00001.wal"), "theirs\n");
}
