//! Several clusters in one inventory, other ways to name a host, another distribution.

use super::lab::Lab;
use super::see::{HOSTS, healthy, members};

const TWO: &str = "all:
  children:
    etcd:
      hosts:
        10.10.10.10: { etcd_seq: 1 }
      vars: { etcd_cluster: etcd }
    etcd-test:
      hosts:
        10.10.10.11: { etcd_seq: 1 }
        10.10.10.12: { etcd_seq: 2 }
      vars: { etcd_cluster: test, etcd_data: /srv/test/etcd, etcd_port: 12379, etcd_peer_port: 12380 }
";

#[test]
fn two_clusters_stand_side_by_side_and_one_that_fails_leaves_the_other_going() {
    let Some(lab) = Lab::up(&HOSTS, TWO) else {
        return;
    };
    // Before any host of the cluster that is wrong is changed; the other is brought up.
    lab.on(
        HOSTS[1],
        "mkdir -p /etc/pki; echo nonsense >/etc/pki/ca.crt",
    );
    let run = lab.flow("").exits(2);
    assert!(
        !run.changes()
            .iter()
            .any(|(host, ..)| host == HOSTS[1] || host == HOSTS[2]),
        "{}",
        run.readable()
    );
    healthy(&lab, HOSTS[0], &["etcd-1"]);
    lab.on(HOSTS[1], "rm /etc/pki/ca.crt");

    let run = lab.flow("").ok();
    assert!(
        !run.changes().iter().any(|(host, ..)| host == HOSTS[0]),
        "{}",
        run.readable()
    );
    healthy(&lab, HOSTS[2], &["test-1", "test-2"]);
    assert_eq!(members(&lab, HOSTS[0]), ["etcd-1"]);
    assert_eq!(lab.on(HOSTS[1], "ls -A /srv/test"), "etcd\n");
    lab.flow("").changes_nothing();

    // A host of one that is gone ends the run for that one.
    lab.does("kill", &[HOSTS[2]]);
    lab.on(HOSTS[0], "rm /etc/profile.d/etcdctl.sh");
    let run = lab.flow("-T 2").exits(4);
    assert_eq!(
        run.changes(),
        [(
            HOSTS[0].to_string(),
            "file /etc/profile.d/etcdctl.sh".to_string(),
            "create".to_string()
        )],
        "{}",
        run.readable()
    );
    lab.does("boot", &[HOSTS[2]]);

    // One at a time, and a purge of one.
    lab.flow("-l etcd-test").changes_nothing();
    lab.flow("-l etcd-test -t etcd_purge -y")
        .changes_something();
    healthy(&lab, HOSTS[0], &["etcd-1"]);
    let snapshots = lab.files("backup");
    assert!(
        snapshots.len() == 1 && snapshots[0].starts_with("backup/etcd/test-"),
        "{snapshots:?}"
    );

    lab.write(
        "pigsty.yml",
        &TWO.replace(
            "10.10.10.11: { etcd_seq: 1 }",
            "10.10.10.10: { etcd_seq: 3 }",
        ),
    );
    let before = lab.trees(&HOSTS);
    lab.flow("").exits(1).says(&["two clusters"]);
    lab.write("pigsty.yml", &TWO.replace("etcd_seq: 2", "etcd_seq: 1"));
    lab.flow("")
        .exits(1)
        .says(&["`etcd_seq` 1 is that of 10.10.10.11 too"]);
    assert_eq!(lab.trees(&HOSTS)[..3], before[..3]);
}

#[test]
fn a_host_may_be_an_alias_of_ssh_and_log_in_as_a_user_who_asks_sudo() {
    let inventory = "all:
  children:
    etcd:
      hosts:
        10.10.10.10: { etcd_seq: 1, ansible_host: one }
        10.10.10.11: { etcd_seq: 2, ansible_host: 10.10.10.11, ansible_user: admin }
        three: { etcd_seq: 3, ansible_host: 10.10.10.12, ansible_user: oper, ansible_become_password: lab-oper }
      vars: { etcd_cluster: etcd, etcd_clean: true, etcd_safeguard: false }
";
    let Some(lab) = Lab::up(&HOSTS, inventory) else {
        return;
    };
    // What is in the inventory by habit would purge each time: `etcd_clean` is for the first run here.
    lab.append_ssh_config("Host one\n    HostName 10.10.10.10\n    User root\n");
    lab.flow("").ok();
    healthy(&lab, HOSTS[1], &["etcd-1", "etcd-2", "etcd-3"]);
    lab.flow("-t etcd_config,etcd_launch").changes_nothing();
    assert_eq!(
        lab.on(HOSTS[2], "grep ^initial-advertise /etc/etcd/etcd.conf"),
        "initial-advertise-peer-urls: https://10.10.10.12:2380\n"
    );
    lab.flow("").exits(2).says(&["there is no terminal to ask"]);
    healthy(&lab, HOSTS[1], &["etcd-1", "etcd-2", "etcd-3"]);
}

#[test]
fn a_host_with_dnf_becomes_a_member_beside_debian() {
    let inventory = "etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 }, 10.10.10.11: { etcd_seq: 2 }, 10.10.10.12: { etcd_seq: 3 } }, vars: { etcd_cluster: etcd } }\n";
    let Some(lab) = Lab::up(
        &["10.10.10.10=dnf", "10.10.10.11=trixie", "10.10.10.12=dnf"],
        inventory,
    ) else {
        return;
    };
    let before = lab.trees(&HOSTS);
    let dry = lab.flow("-C -D").ok();
    let bare = |trees: &[String]| -> Vec<String> {
        trees
            .iter()
            .flat_map(|tree| tree.lines())
            .filter(|line| {
                !line.starts_with("var/cache")
                    && !line.starts_with("var/lib/dnf")
                    && !line.starts_with("var/lib/rpm")
            })
            .map(str::to_string)
            .collect()
    };
    assert_eq!(bare(&lab.trees(&HOSTS)), bare(&before));
    let real = lab.flow("").ok();
    let (mut would, mut did) = (dry.changes(), real.changes());
    would.sort();
    did.sort();
    assert_eq!(would, did);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    assert_eq!(
        lab.on(
            HOSTS[0],
            "rpm -q etcd >/dev/null && stat -c '%U:%G %a' /etc/etcd /var/lib/etcd /data/etcd"
        ),
        "etcd:etcd 750\netcd:etcd 770\netcd:etcd 700\n"
    );
    lab.flow("").changes_nothing();
    lab.flow("-t etcd_purge -y").ok();
    lab.flow("").ok();
    healthy(&lab, HOSTS[2], &["etcd-1", "etcd-2", "etcd-3"]);
}
