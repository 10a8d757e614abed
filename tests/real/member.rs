//! Members that come and go: joining a living cluster, and purging a part of one.

use super::lab::{Lab, Run};
use super::see::{SIX as HOSTS, births, etcdctl, healthy, json, members, six as inventory};

/// Changes of the membership in order, without the ids.
fn joins(run: &Run) -> Vec<String> {
    let change = |(_, subject, what): &super::lab::Change| {
        subject.starts_with("member ").then(|| what.clone())
    };
    run.changes().iter().filter_map(change).collect()
}

#[test]
fn members_are_added_one_after_the_other_and_become_voters() {
    let Some(lab) = Lab::up(
        &[
            "10.10.10.10",
            "10.10.10.11",
            "10.10.10.12=trixie",
            "10.10.10.13",
            "10.10.10.14",
            "10.10.10.15=trixie",
        ],
        &inventory(3),
    ) else {
        return;
    };
    lab.flow("").ok();
    let old = births(&lab, &HOSTS[..3]);
    let add = |count: usize, options: &str| {
        lab.write("pigsty.yml", &inventory(count));
        lab.flow(options)
    };

    // Without `existing` a host without data must not begin a second cluster.
    let before = lab.trees(&["10.10.10.13"]);
    add(4, "-l 10.10.10.13").exits(2).says(&[
        "cluster `etcd` is alive and this host has no data",
        "-l 10.10.10.13 -e etcd_init=existing",
    ]);
    add(4, "")
        .exits(2)
        .says(&["-l 10.10.10.13 -e etcd_init=existing"]);
    assert_eq!(lab.trees(&["10.10.10.13"])[0], before[0]);

    let dry = add(4, "-C -D -l 10.10.10.13 -e etcd_init=existing").ok();
    assert_eq!(lab.trees(&["10.10.10.13"])[0], before[0]);
    let real = add(4, "-l 10.10.10.13 -e etcd_init=existing").ok();
    let steps = |run: &Run| {
        let mut all: Vec<_> = run
            .changes()
            .into_iter()
            .filter(|(host, subject, _)| {
                host == "10.10.10.13" && subject != "file /etc/etcd/etcd.conf"
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(steps(&dry), steps(&real));
    assert!(dry.readable().contains("known when"), "{}", dry.readable());
    healthy(
        &lab,
        "10.10.10.13",
        &["etcd-1", "etcd-2", "etcd-3", "etcd-4"],
    );
    add(4, "-l 10.10.10.13 -e etcd_init=existing").changes_nothing();
    assert_eq!(
        births(&lab, &HOSTS[..3]),
        old,
        "a member that joins restarts nobody"
    );

    // One of the two was announced by hand, and it waits half made.
    lab.write("pigsty.yml", &inventory(6));
    // etcd itself refuses until all have been connected for five seconds.
    lab.until("10.10.10.10", ". /etc/profile.d/etcdctl.sh; etcdctl member add etcd-5 --peer-urls=https://10.10.10.14:2380");
    let run = lab
        .flow("-l 10.10.10.14,10.10.10.15 -e etcd_init=existing")
        .ok();
    healthy(
        &lab,
        "10.10.10.15",
        &["etcd-1", "etcd-2", "etcd-3", "etcd-4", "etcd-5", "etcd-6"],
    );
    assert_eq!(
        joins(&run),
        ["add as learner", "promote"],
        "{}",
        run.readable()
    );
    let starts: Vec<String> = run
        .changes()
        .into_iter()
        .filter(|(_, _, what)| what.contains("start"))
        .map(|(host, ..)| host)
        .collect();
    assert_eq!(starts, ["10.10.10.14", "10.10.10.15"]);

    // The environment of the older ones learns of them; nobody is restarted.
    lab.flow("").ok();
    assert_eq!(births(&lab, &HOSTS[..3]), old);
    lab.flow("").changes_nothing();

    data_was_lost(&lab);
    a_part_is_purged(&lab);
}

/// A member that is listed as started and has no data would start with an empty log.
fn data_was_lost(lab: &Lab) {
    lab.on("10.10.10.15", "systemctl stop etcd; rm -r /data/etcd");
    let id = json(lab, "10.10.10.10", "member list")["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["name"] == "etcd-6")
        .map(|m| format!("{:x}", m["ID"].as_u64().unwrap()))
        .unwrap();
    lab.flow("-l 10.10.10.15 -e etcd_init=existing")
        .exits(2)
        .says(&[
            "listed as a member that has started",
            &format!("e member remove {id}"),
        ]);
    lab.flow("-l 10.10.10.15")
        .exits(2)
        .says(&["its data was lost", &format!("e member remove {id}")]);
    etcdctl(lab, "10.10.10.10", &format!("member remove {id}"));
    lab.flow("-l 10.10.10.15 -e etcd_init=existing").ok();
    healthy(
        lab,
        "10.10.10.15",
        &["etcd-1", "etcd-2", "etcd-3", "etcd-4", "etcd-5", "etcd-6"],
    );
}

/// Six voters: the quorum is four.
fn a_part_is_purged(lab: &Lab) {
    lab.flow("-t etcd_purge -y -l 10.10.10.13,10.10.10.14,10.10.10.15")
        .exits(2)
        .says(&[
            "would leave 3 healthy of 6 voters, and the quorum is 4",
            "e member remove",
        ]);
    lab.on("10.10.10.10", "systemctl stop etcd");
    lab.flow("-t etcd_purge -y -l 10.10.10.14,10.10.10.15")
        .exits(2)
        .says(&["would leave 3 healthy of 6"]);
    lab.on("10.10.10.10", "systemctl start etcd");
    lab.flow("-t etcd_purge -y -l 10.10.10.14,10.10.10.15").ok();
    assert_eq!(
        members(lab, "10.10.10.10").len(),
        6,
        "a purge removes no member from the list"
    );
    assert_eq!(lab.files("backup").len(), 1);
    // The hosts that were purged are still members to the others; what is left may go when nothing remains.
    lab.flow("-t etcd_purge -y -l 10.10.10.10,10.10.10.11")
        .exits(2)
        .says(&["the quorum is 4"]);
    lab.flow("-t etcd_purge -y").ok();
    assert_eq!(lab.files("backup").len(), 2);
    lab.write("pigsty.yml", &inventory(3));
    lab.flow("").ok();
    healthy(lab, "10.10.10.10", &["etcd-1", "etcd-2", "etcd-3"]);
}

#[test]
fn a_learner_stays_one_when_it_is_asked_to() {
    let Some(lab) = Lab::up(&["10.10.10.10", "10.10.10.11"], &inventory(1)) else {
        return;
    };
    lab.flow("").ok();
    lab.write("pigsty.yml", &inventory(2));
    lab.flow("-l 10.10.10.11 -e etcd_init=existing -e etcd_learner=true")
        .ok();
    assert_eq!(members(&lab, "10.10.10.10"), ["etcd-1", "etcd-2?"]);
    lab.etcdsh(&["overview", "--once", "--no-hosts"])
        .ok()
        .says(&["etcd  healthy", "is a learner: it has no vote"]);
    lab.flow("-l 10.10.10.11 -e etcd_init=existing -e etcd_learner=true")
        .changes_nothing();
    // The learner would be left alone, and nothing in it could be reached.
    let run = lab.flow("-t etcd_purge -y -l 10.10.10.10").exits(2).says(&[
        "purging this would leave etcd-2 without a voter",
        "member promote ",
    ]);
    assert_eq!(run.changes(), []);
    lab.flow("-l 10.10.10.11").ok();
    healthy(&lab, "10.10.10.10", &["etcd-1", "etcd-2"]);
    lab.flow("").ok().says(&["has 2 members: an even number"]);
}

#[test]
fn nobody_joins_a_cluster_that_does_not_answer() {
    let Some(lab) = Lab::up(&["10.10.10.10"], &inventory(1)) else {
        return;
    };
    let before = lab.trees(&["10.10.10.10"]);
    for options in ["", "-t etcd_member,etcd_launch"] {
        lab.flow(&format!("-e etcd_init=existing {options}"))
            .exits(2)
            .says(&[
                "no member of cluster `etcd` answers",
                "without -e etcd_init=existing a new cluster is made",
            ]);
    }
    assert_eq!(lab.trees(&["10.10.10.10"]), before);
}
