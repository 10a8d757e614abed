//! What is not the member that is meant is neither stopped nor cleared: other machines, other clusters, other members, by accident or by
//! an inventory that was edited.

use super::lab::{Lab, Run};
use super::see::{HOSTS, THREE, births, etcdctl, members, refused, six};

const OTHER: &str = "10.10.10.13";

/// `etcdsh -o json WORDS`; the words are split at spaces.
fn run(lab: &Lab, words: &str) -> Run {
    let words: Vec<&str> = ["-o", "json"].into_iter().chain(words.split(' ')).collect();
    lab.etcdsh(&words)
}

/// The three members and another cluster's one, with the same CA; what `line` says instead of the fourth host's.
fn both() -> Option<Lab> {
    let lab = Lab::up(
        &[HOSTS[0], HOSTS[1], HOSTS[2], OTHER]
            .map(|host| format!("{host}=trixie"))
            .each_ref()
            .map(String::as_str),
        THREE,
    )?;
    lab.flow("").ok();
    etcdctl(&lab, HOSTS[0], "put precious 42");
    lab.write(
        "other.yml",
        "all: { children: { etcd: { hosts: { 10.10.10.13: { etcd_seq: 1 } }, vars: { etcd_cluster: other } } } }\n",
    );
    run(&lab, "-i other.yml etcd").changes_something();
    lab.on(
        OTHER,
        ". /etc/profile.d/etcdctl.sh; etcdctl put precious 43",
    );
    Some(lab)
}

#[test]
fn what_is_not_the_member_that_is_meant_is_left_alone() {
    let Some(lab) = both() else { return };
    let all = [HOSTS[0], HOSTS[1], HOSTS[2], OTHER];
    let before = births(&lab, &all);
    let untouched = |what: &str| {
        assert_eq!(births(&lab, &all), before, "{what}");
        assert_eq!(members(&lab, HOSTS[0]).len(), 3, "{what}");
    };

    // A member of another cluster, listed as one of this, whether it answers or not.
    lab.write("pigsty.yml", &six(4));
    refused(
        run(&lab, "etcd-rm 10.10.10.13 -y"),
        &["answer as several clusters"],
    );
    untouched("a member of another cluster");
    lab.on(OTHER, "systemctl stop etcd");
    refused(
        run(&lab, "etcd-rm 10.10.10.13 -y"),
        &["of another cluster than the one that answers"],
    );
    lab.on(OTHER, "systemctl start etcd");
    lab.write("pigsty.yml", THREE);
    let all = HOSTS;
    let before = births(&lab, &all);
    let untouched = |what: &str| {
        assert_eq!(births(&lab, &all), before, "{what}");
        assert_eq!(members(&lab, HOSTS[0]).len(), 3, "{what}");
    };

    // ssh leads to another member.
    let astray = THREE.replace("etcd_seq: 3", "etcd_seq: 3, ansible_host: 10.10.10.11");
    lab.write("pigsty.yml", &astray);
    let wrong = "does not have the address 10.10.10.12";
    for line in [
        "etcd-rm etcd-3 -y",
        "etcd-rm 10.10.10.12 -y",
        "etcd-restart 10.10.10.12",
        "etcd-scale 1 -y",
    ] {
        refused(run(&lab, line), &[wrong]);
        untouched(line);
    }
    lab.on(HOSTS[2], "systemctl stop etcd");
    refused(run(&lab, "etcd-restart 10.10.10.12"), &[wrong]);
    lab.write("pigsty.yml", THREE);
    run(&lab, "etcd-restart 10.10.10.12").changes_something();
    let before = births(&lab, &all);
    let untouched = |what: &str| {
        assert_eq!(births(&lab, &all), before, "{what}");
        assert_eq!(members(&lab, HOSTS[0]).len(), 3, "{what}");
    };

    // The inventory was edited: by it nobody is a member.
    refused(
        run(
            &lab,
            "etcd-rm 10.10.10.11 10.10.10.12 -y -e etcd_peer_port=2390",
        ),
        &["its etcd is etcd-2, which is a member"],
    );
    untouched("another peer port");
    // What shall stay, by the inventory or by -l.
    refused(
        run(&lab, "etcd-rm etcd-3 -y -e etcd_safeguard=true"),
        &["`etcd_safeguard` is true"],
    );
    refused(
        run(&lab, "etcd-rm etcd-3 -y -e etcd_clean=false"),
        &["`etcd_clean` is false"],
    );
    refused(
        run(&lab, "etcd-rm etcd-3 -y -l 10.10.10.10"),
        &["-l leaves it out"],
    );
    untouched("guarded");

    // Who cannot be seen may need it.
    lab.does("cut", &[HOSTS[2]]);
    run(&lab, "etcd-restart -e ansible_timeout=3")
        .exits(2)
        .says(&["could not tell which members need a restart"]);
    lab.does("mend", &[HOSTS[2]]);

    // A folder of another account: what it puts there in the place of a file of ours is not written.
    lab.on(HOSTS[1], "echo precious >/etc/victim");
    let swap = "runuser -u etcd -- sh -c 'while :; do for f in /data/etcd/.etcdsh-check*; do [ ! -f \"$f\" ] || { rm -f \"$f\"; ln -s /etc/victim \"$f\"; }; done; done'";
    let mut swapping = lab.begin(HOSTS[1], swap);
    run(&lab, "etcd-check");
    swapping.kill().unwrap();
    swapping.wait().unwrap();
    assert_eq!(lab.on(HOSTS[1], "cat /etc/victim"), "precious\n");

    // One was begun anew by hand, and the others do not answer: it does not say whose the others' data is.
    for host in &HOSTS[1..] {
        lab.on(host, "systemctl stop etcd");
    }
    lab.on(
        HOSTS[0],
        "systemctl stop etcd; mv /data/etcd/member /root/member; rm -rf /var/lib/etcdsh; \
         sed -i -e 's,^initial-cluster: .*,initial-cluster: etcd-1=https://10.10.10.10:2380,' -e 's,^initial-cluster-token: .*,initial-cluster-token: anew,' /etc/etcd/etcd.conf; systemctl start etcd",
    );
    for line in ["etcd-rm etcd-3 -y", "etcd-rm 10.10.10.12 -y"] {
        let ran = run(&lab, line).exits(2);
        assert_eq!(ran.changes(), [], "{}", ran.readable());
    }
    lab.on(HOSTS[2], "[ -s /data/etcd/member/snap/db ]");
    assert!(
        lab.on(OTHER, ". /etc/profile.d/etcdctl.sh; etcdctl get precious")
            .contains("43")
    );
}

/// A database without its log: started, it would have forgotten what it voted for.
#[test]
fn a_member_without_its_log_is_not_started_by_a_script_either() {
    let hosts = HOSTS.map(|host| format!("{host}=trixie"));
    let Some(lab) = Lab::up(&hosts.each_ref().map(String::as_str), THREE) else {
        return;
    };
    lab.flow("").ok();
    etcdctl(&lab, HOSTS[0], "put precious 42");
    lab.on(
        HOSTS[2],
        "systemctl stop etcd; mv /data/etcd/member/wal /root/wal",
    );
    for line in ["etcd-restart", "etcd-restart 10.10.10.12"] {
        refused(run(&lab, line), &["it has a database and no log"]);
    }
    refused(
        run(&lab, "etcd-add 10.10.10.12"),
        &["is a member already, and is not healthy"],
    );
    lab.on(HOSTS[2], "mv /data/etcd/member /root/member");
    refused(run(&lab, "etcd-restart"), &["has nothing of etcd-3"]);
    lab.on(
        HOSTS[2],
        "mv /root/member /data/etcd/member; mv /root/wal /data/etcd/member/wal",
    );
    run(&lab, "etcd-restart").changes_something();

    // Something else in the place of its log keeps nobody waiting, and is no log.
    lab.on(
        HOSTS[2],
        "systemctl stop etcd; runuser -u etcd -- mkfifo '/data/etcd/member/wal/!.wal'",
    );
    run(&lab, "etcd-restart 10.10.10.12")
        .exits(2)
        .says(&["could not tell what etcd there is"]);
    refused(
        run(&lab, "etcd-rm etcd-3 -y -e etcd_safeguard=true"),
        &["`etcd_safeguard` is true"],
    );
    lab.on(
        HOSTS[2],
        "rm '/data/etcd/member/wal/!.wal'; systemctl start etcd",
    );

    // Nor by the unit of the package, where ours is lost.
    lab.on(
        HOSTS[2],
        "systemctl stop etcd; mv /etc/systemd/system/etcd.service /root/; systemctl daemon-reload",
    );
    refused(
        run(&lab, "etcd-restart"),
        &["its unit does not start etcd with /etc/etcd/etcd.conf"],
    );
    run(&lab, "etcd -t etcd_config,etcd_launch -l 10.10.10.12").changes_something();

    // Without its config it is not started as the package has it. It may be removed, also without its log: the mark says who it was.
    lab.on(HOSTS[2], "systemctl stop etcd; rm /etc/etcd/etcd.conf");
    refused(
        run(&lab, "etcd-restart 10.10.10.12"),
        &["there is no readable /etc/etcd/etcd.conf"],
    );
    lab.on(HOSTS[2], "mv /data/etcd/member/wal /root/lost");
    run(&lab, "etcd-rm etcd-3 -y").changes_something();
    assert_eq!(members(&lab, HOSTS[0]).len(), 2);
    run(&lab, "etcd-rm")
        .exits(2)
        .says(&["About to purge 2 members"]);
    run(&lab, "etcd-rm etcd -y").changes_something();
    for host in HOSTS {
        lab.on(host, "[ ! -e /data/etcd/member ]");
    }
}
