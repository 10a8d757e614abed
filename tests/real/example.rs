//! The examples, as a reader would run them: the inventories deploy, a member is added, members are restarted.

use std::path::Path;

use super::lab::Lab;
use super::see::{HOSTS, births, healthy};

/// An example's text.
fn example(name: &str) -> String {
    std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name),
    )
    .unwrap()
}

#[test]
fn a_member_is_added_and_all_are_restarted_one_by_one() {
    let three = example("three.yml");
    let Some(lab) = Lab::up(
        &[
            "10.10.10.10",
            "10.10.10.11",
            "10.10.10.12=trixie",
            "10.10.10.13",
        ],
        &three,
    ) else {
        return;
    };
    lab.flow("").ok();
    let four = three.replace(
        "10.10.10.12: { etcd_seq: 3 }",
        "10.10.10.12: { etcd_seq: 3 }\n        10.10.10.13: { etcd_seq: 4 }",
    );
    lab.write("pigsty.yml", &four);

    lab.etcdsh(&["add-member"])
        .exits(1)
        .says(&["name the host to add"]);
    lab.etcdsh(&["-C", "add-member", "10.10.10.13"])
        .ok()
        .says(&["would change", "add as learner"]);
    let added = lab.etcdsh(&["add-member", "10.10.10.13"]).ok();
    added.says(&["promote", "voter    etcd-4  https://10.10.10.13:2380"]);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3", "etcd-4"]);
    lab.etcdsh(&["-o", "json", "add-member", "10.10.10.13"])
        .changes_nothing();

    let all = ["10.10.10.10", "10.10.10.11", "10.10.10.12", "10.10.10.13"];
    let before = births(&lab, &all);
    lab.etcdsh(&["-C", "-o", "json", "rolling-restart"])
        .changes_something();
    assert_eq!(births(&lab, &all), before, "a dry run restarted etcd");
    let restart = lab.etcdsh(&["-o", "json", "rolling-restart"]).ok();
    let mut restarted = restart.restarted();
    restarted.sort();
    assert_eq!(restarted, all);
    assert!(
        births(&lab, &all)
            .iter()
            .zip(&before)
            .all(|(after, before)| after != before),
        "each is a new process"
    );
    healthy(&lab, HOSTS[2], &["etcd-1", "etcd-2", "etcd-3", "etcd-4"]);
}

#[test]
fn two_clusters_of_the_examples_stand_side_by_side() {
    let Some(lab) = Lab::up(
        &["10.10.10.10", "10.10.10.11", "10.10.10.12", "10.10.10.13"],
        &example("two-clusters.yml"),
    ) else {
        return;
    };
    lab.flow("").ok();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    healthy(&lab, "10.10.10.13", &["etcd-test-1"]);
}
