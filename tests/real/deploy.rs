//! Deployment: fresh hosts become a cluster, and a second run leaves them alone.

use super::lab::Lab;
use super::see::{HOSTS, THREE, births, etcdctl, healthy};

#[test]
fn three_fresh_hosts_become_a_cluster_and_a_second_run_changes_nothing() {
    let Some(lab) = Lab::up(&["10.10.10.10", "10.10.10.11", "10.10.10.12=trixie"], THREE) else {
        return;
    };
    let fresh = lab.trees(&HOSTS);
    let dry = lab.flow("-C -D").ok();
    assert_eq!(lab.trees(&HOSTS), fresh, "a dry run wrote something");

    let real = lab.flow("").ok();
    healthy(&lab, HOSTS[2], &["etcd-1", "etcd-2", "etcd-3"]);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    let (mut would, mut did) = (dry.changes(), real.changes());
    would.sort();
    did.sort();
    assert_eq!(would, did, "the dry run lists what the real run does");

    let before = (lab.trees(&HOSTS), births(&lab, &HOSTS));
    lab.flow("").changes_nothing();
    lab.flow("-t etcd_config,etcd_launch").changes_nothing();
    lab.flow("-C -D").changes_nothing();
    let after = (lab.trees(&HOSTS), births(&lab, &HOSTS));
    for (before, after) in before.0.iter().zip(&after.0) {
        assert_eq!(
            without_data(before),
            without_data(after),
            "a second run wrote something"
        );
    }
    assert_eq!(before.1, after.1, "a second run restarted etcd");

    owners_and_modes_are_those_of_pigsty(&lab);
    the_client_environment_works(&lab);
    each_sub_task_runs_alone(&lab);
    a_lost_file_comes_back(&lab);
}

/// A tree without what etcd itself writes.
fn without_data(tree: &str) -> Vec<&str> {
    tree.lines()
        .filter(|line| !line.starts_with("data/etcd/member"))
        .collect()
}

fn owners_and_modes_are_those_of_pigsty(lab: &Lab) {
    let paths = "/etc/etcd /var/lib/etcd /data /data/etcd /etc/etcd/etcd.conf /etc/etcd/ca.crt /etc/etcd/server.crt /etc/etcd/server.key \
                 /etc/profile.d/etcdctl.sh /etc/systemd/system/etcd.service /etc/pki/ca.crt";
    for host in HOSTS {
        let modes = lab.on(host, &format!("stat -c '%n %U:%G %a' {paths}"));
        let wanted = "/etc/etcd etcd:etcd 750
/var/lib/etcd etcd:etcd 770
/data root:root 755
/data/etcd etcd:etcd 700
/etc/etcd/etcd.conf etcd:etcd 644
/etc/etcd/ca.crt etcd:etcd 644
/etc/etcd/server.crt etcd:etcd 644
/etc/etcd/server.key etcd:etcd 600
/etc/profile.d/etcdctl.sh root:root 644
/etc/systemd/system/etcd.service root:root 644
/etc/pki/ca.crt root:root 644
";
        assert_eq!(modes, wanted, "{host}");
        assert_eq!(
            lab.on(host, "systemctl is-enabled etcd; systemctl is-active etcd"),
            "enabled\nactive\n"
        );
    }
    let here = std::process::Command::new("stat")
        .args([
            "-c",
            "%n %a",
            "files/pki/ca",
            "files/pki/ca/ca.key",
            "files/pki/etcd/etcd-1.key",
        ])
        .current_dir(lab.folder())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&here.stdout),
        "files/pki/ca 700\nfiles/pki/ca/ca.key 600\nfiles/pki/etcd/etcd-1.key 600\n"
    );
}

fn the_client_environment_works(lab: &Lab) {
    etcdctl(lab, HOSTS[0], "put a 10");
    assert_eq!(etcdctl(lab, HOSTS[2], "get a --print-value-only"), "10\n");
    let aliases = lab.on(HOSTS[1], "bash -lic 'e get a; em list | wc -l' 2>/dev/null");
    assert_eq!(aliases, "a\n10\n3\n");
}

/// By the names of this flow and by those of both eras of Pigsty.
fn each_sub_task_runs_alone(lab: &Lab) {
    let tags = [
        "etcd_assert",
        "etcd_install",
        "etcd_clean",
        "etcd_check",
        "etcd_dir",
        "etcd_config",
        "etcd_conf",
        "etcd_cert",
        "etcd_member",
        "etcd_launch",
        "etcd_register",
        "etcd_target",
        "etcd_rules",
        "etcd_dashboard",
        "etcd_scrape",
        "etcd_watch",
        "etcd_env",
        "etcd_pkg",
        "etcd_cert_issue",
        "etcd_cert_copy",
        "etcd_start",
        "register",
        "register_prometheus",
        "add_metrics",
    ];
    for tag in tags {
        lab.flow(&format!("-t {tag}")).changes_nothing();
    }
    lab.flow("-t etcd_confg").exits(5).says(&[
        "no task has the tag `etcd_confg`",
        "did you mean `etcd_conf",
    ]);
    lab.flow("--skip-tags etcd_launch,etcd_config")
        .changes_nothing();
    lab.flow("--start-at-task etcd_launch").changes_nothing();
}

fn a_lost_file_comes_back(lab: &Lab) {
    let before = births(lab, &HOSTS);
    lab.on(HOSTS[1], "rm /etc/profile.d/etcdctl.sh /etc/etcd/server.crt; chmod 777 /data/etcd; chown root /etc/etcd/server.key");
    let run = lab.flow("").changes_something();
    assert!(
        run.changes().iter().all(|(host, ..)| host == HOSTS[1]),
        "{}",
        run.readable()
    );
    assert_eq!(
        births(lab, &HOSTS),
        before,
        "leaf certificates and modes restart nothing"
    );
    lab.flow("").changes_nothing();
    owners_and_modes_are_those_of_pigsty(lab);
}
