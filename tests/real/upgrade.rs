//! `etcd-upgrade` on real hosts: from 3.5 to 3.6 and on to 3.7 while clients write and read, refused where the path is none, finished
//! by the same line after a run that died.

use std::process::Command;

use super::lab::{Lab, Run};
use super::linear::Load;
use super::plan::planned;
use super::see::{HOSTS, THREE, births, etcdctl, healthy, refused};
use super::versions;

fn run(lab: &Lab, words: &str) -> Run {
    let words: Vec<&str> = ["-o", "json"].into_iter().chain(words.split(' ')).collect();
    lab.etcdsh(&words)
}

/// Give the repositories of all hosts the packages of another release line, too.
fn offer(lab: &Lab, line: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/release-image");
    let made = Command::new(script).arg(line).output().unwrap();
    let image = String::from_utf8(made.stdout).unwrap();
    let repository = format!("{}/root/opt/repo", image.trim());
    let tar = format!("{line}.tar");
    let packed = Command::new("tar")
        .args(["-C", &repository, "-cf"])
        .arg(lab.folder().join(&tar))
        .args(["--wildcards", "Packages", "."])
        .status()
        .unwrap();
    assert!(packed.success());
    for host in HOSTS {
        lab.keep_on(host, &tar, "/opt/new.tar");
        lab.on(host, &format!("mkdir /opt/repo/{line} && cd /opt/repo/{line} && tar xf /opt/new.tar && rm /opt/new.tar && sed 's,^Filename: \\./,Filename: ./{line}/,' Packages >>../Packages"));
    }
}

fn version(lab: &Lab, host: &str) -> String {
    etcdctl(lab, host, "version")
}

#[test]
fn a_cluster_is_upgraded_by_its_packages_and_loses_nothing() {
    let Some((lab, old)) = versions::lab("3.5", &HOSTS, THREE) else {
        return;
    };
    lab.flow("").ok();
    let before = births(&lab, &HOSTS);
    run(&lab, "etcd-upgrade 3.5")
        .changes_nothing()
        .says(&[&format!("all members run {old} already")]);
    refused(
        run(&lab, "etcd-upgrade 3.7"),
        &["minor releases are not skipped"],
    );
    refused(run(&lab, "etcd-upgrade 3.4"), &["is older than"]);
    refused(
        run(&lab, "etcd-upgrade 3.6"),
        &["no repository of this host has etcd 3.6"],
    );
    offer(&lab, "3.6");
    let steps =
        |run: &Run| -> Vec<String> { planned(run).into_iter().map(|step| step.0).collect() };
    let dry = run(&lab, "etcd-upgrade 3.6 -C").ok();
    let planned_steps = steps(&dry);
    assert_eq!(planned_steps.len(), 4, "{planned_steps:?}");
    assert_eq!(planned_steps[0], "save a snapshot");
    assert!(
        planned_steps[1].starts_with("upgrade etcd-") && planned_steps[1].contains(" to 3.6."),
        "{planned_steps:?}"
    );
    assert_eq!(dry.changes(), [], "{}", dry.readable());
    assert_eq!(births(&lab, &HOSTS), before);

    let load = Load::begin(&lab);
    let first = run(&lab, "etcd-upgrade 3.6").changes_something();
    assert_eq!(first.restarted().len(), 3, "{}", first.readable());
    assert_eq!(lab.files("backup/etcd").len(), 1);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    run(&lab, "etcd-upgrade 3.6").changes_nothing();
    lab.flow("").changes_nothing();
    refused(run(&lab, "etcd-upgrade 3.5"), &["is older than"]);

    offer(&lab, "3.7");
    // A run that died between the two halves of the raft snapshot has left this.
    etcdctl(&lab, HOSTS[0], "downgrade enable 3.5");
    lab.etcdsh(&["etcd-check"])
        .says(&["a downgrade to 3.5.0 is enabled"]);
    let dry = run(&lab, "etcd-upgrade 3.7 -C").ok();
    assert_eq!(steps(&dry)[1], "have all members take a raft snapshot");
    // It dies when the package of one is there: the same line goes on, and the snapshot is not taken beside a 3.7.
    let mut dies = lab.command(env!("CARGO_BIN_EXE_etcdsh"));
    dies.args(["etcd-upgrade", "3.7"])
        .env("ETCDSH_FAULT", "10.10.10.11:1:after");
    let died = dies.output().unwrap();
    assert_eq!(died.status.code(), None, "{died:?}");
    run(&lab, "etcd-upgrade 3.7").changes_something();
    for host in HOSTS {
        assert!(version(&lab, host).contains("3.7."), "{host}");
    }
    run(&lab, "etcd-upgrade 3.7").changes_nothing();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    load.explained();
    assert!(
        version(&lab, HOSTS[0]).contains("3.7."),
        "{}",
        version(&lab, HOSTS[0])
    );
    lab.flow("").changes_nothing();
}
