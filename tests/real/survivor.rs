//! What has data, and whose it is, decides what may be started: nothing is begun beside data, and no data is started
//! where it does not belong. What could not be told is never taken for absent.

use std::time::{Duration, Instant};

use super::lab::{Lab, Run};
use super::see::{HOSTS, THREE, births, etcdctl, healthy, json};

/// Refused, with these words, and nothing changed; no advice destroys.
#[track_caller]
fn refused(run: Run, words: &[&str]) {
    let run = super::see::refused(run, words);
    assert!(!run.text().contains("etcd_clean"), "{}", run.readable());
}

fn cluster_id(lab: &Lab, host: &str) -> String {
    json(lab, host, "endpoint status")[0]["Status"]["header"]["cluster_id"].to_string()
}

fn token(lab: &Lab, host: &str) -> String {
    let line = lab.on(host, "grep initial-cluster-token /etc/etcd/etcd.conf");
    let token = line.trim().rsplit(' ').next().unwrap();
    token.trim_matches(['"', '\'']).to_string()
}

#[test]
fn nothing_is_begun_beside_data_whoever_answers() {
    let Some(lab) = Lab::up(
        &[
            "10.10.10.10=trixie",
            "10.10.10.11=trixie",
            "10.10.10.12=trixie",
        ],
        THREE,
    ) else {
        return;
    };
    lab.flow("").ok();
    etcdctl(&lab, HOSTS[0], "put precious 42");
    let (first, first_token) = (cluster_id(&lab, HOSTS[0]), token(&lab, HOSTS[0]));
    assert!(first_token.starts_with("etcd-20"), "{first_token}");
    for host in HOSTS {
        assert_eq!(token(&lab, host), first_token, "{host}");
    }

    // One is alive without a quorum, two have lost their data.
    for host in &HOSTS[1..] {
        lab.on(host, "systemctl stop etcd; rm -rf /data/etcd/member");
    }
    let both = "-l 10.10.10.11,10.10.10.12";
    let words = [
        "has no data, and cluster `etcd` is not new",
        "10.10.10.10: a running etcd",
        "10.10.10.12: no data",
        "--force-new-cluster",
    ];
    refused(lab.flow(""), &words);
    refused(lab.flow("-C"), &words);
    refused(lab.flow(both), &words);
    refused(
        lab.flow(&format!("{both} -e etcd_init=existing")),
        &[
            "no member of cluster `etcd` answers",
            "10.10.10.10: a running etcd",
        ],
    );
    // All of them stopped.
    lab.on(HOSTS[0], "systemctl stop etcd");
    refused(
        lab.flow(""),
        &["10.10.10.10: data in /data/etcd, etcd does not run"],
    );
    // The one that has it cannot be looked at.
    lab.does("kill", &[HOSTS[0]]);
    lab.flow(&format!("-T 3 {both}")).exits(2).says(&[
        "could not tell whether cluster `etcd` has data on other hosts",
        "10.10.10.10",
    ]);
    for host in &HOSTS[1..] {
        lab.on(host, "test ! -e /data/etcd/member");
    }
    lab.does("boot", &[HOSTS[0]]);

    // What is made anew does not look like the old one gone back in time.
    lab.on(HOSTS[0], "systemctl stop etcd; test -d /data/etcd/member");
    lab.flow("-t etcd_purge -y")
        .exits(2)
        .says(&["-e etcd_gone=etcd-2,etcd-3"]);
    lab.flow("-t etcd_purge -y -e etcd_gone=etcd-2,etcd-3").ok();
    lab.flow("").ok();
    assert_ne!(token(&lab, HOSTS[0]), first_token);
    assert_ne!(cluster_id(&lab, HOSTS[0]), first);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    lab.flow("").changes_nothing();

    a_quorum_that_has_data_is_started_first(&lab);
    a_config_that_is_lost_is_written_again(&lab);
    a_cluster_that_is_purged_whole_says_what_is_in_it(&lab);
}

fn a_quorum_that_has_data_is_started_first(lab: &Lab) {
    for host in HOSTS {
        lab.on(host, "systemctl stop etcd");
    }
    lab.flow("-l 10.10.10.12 -t etcd_launch").exits(2).says(&[
        "cluster `etcd` has no quorum",
        "10.10.10.10: etcd does not run",
        "10.10.10.11: etcd does not run",
        "-t etcd_launch   # without -l",
    ]);
    lab.on(HOSTS[2], "systemctl stop etcd; rm -rf /data/etcd/member");
    refused(
        lab.flow(""),
        &[
            "10.10.10.12: no data",
            "-l 10.10.10.10,10.10.10.11 -t etcd_launch",
        ],
    );
    lab.flow("-l 10.10.10.10,10.10.10.11 -t etcd_launch").ok();
    let list = json(lab, HOSTS[0], "member list");
    let id = list["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["name"] == "etcd-3")
        .map(|member| format!("{:x}", member["ID"].as_u64().unwrap()))
        .unwrap();
    refused(lab.flow(""), &[&format!("e member remove {id}")]);
    etcdctl(lab, HOSTS[0], &format!("member remove {id}"));
    lab.flow("-l 10.10.10.12 -e etcd_init=existing").ok();
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
}

/// A member that answers says itself whose it is.
fn a_config_that_is_lost_is_written_again(lab: &Lab) {
    etcdctl(lab, HOSTS[0], "put kept yes");
    let before = births(lab, &HOSTS);
    lab.on(HOSTS[1], "rm /etc/etcd/etcd.conf");
    lab.on(
        HOSTS[2],
        "sed -i 's/^name:.*/name: mallory/' /etc/etcd/etcd.conf",
    );
    let run = lab.flow("").ok();
    assert_eq!(run.restarted().len(), 2, "{}", run.readable());
    lab.on(HOSTS[2], "grep '^name: etcd-3' /etc/etcd/etcd.conf");
    healthy(lab, HOSTS[1], &["etcd-1", "etcd-2", "etcd-3"]);
    assert_eq!(
        etcdctl(lab, HOSTS[1], "get kept --print-value-only"),
        "yes\n"
    );
    assert_eq!(births(lab, &HOSTS[..1]), before[..1]);
    lab.flow("").changes_nothing();
}

fn a_cluster_that_is_purged_whole_says_what_is_in_it(lab: &Lab) {
    for key in [
        "/pg/pg-test/initialize",
        "/pg/pg-test/leader",
        "/service/main/initialize",
        "other",
    ] {
        etcdctl(lab, HOSTS[0], &format!("put {key} 1"));
    }
    lab.flow("-t etcd_purge")
        .exits(2)
        .says(&["has 5 keys, those of Patroni's pg-test, main among them"]);
    lab.flow("-t etcd_purge -l 10.10.10.12 -C").ok();
}

const TWO: &str = "etcd:
  hosts:
    10.10.10.10: { etcd_seq: 1 }
    10.10.10.11: { etcd_seq: 2 }
  vars: { etcd_cluster: etcd }
";

#[test]
fn data_that_does_not_belong_there_is_not_started() {
    let Some(lab) = Lab::up(&["10.10.10.10", "10.10.10.11=trixie"], super::see::ONE) else {
        return;
    };
    lab.flow("").ok();
    lab.write("pigsty.yml", TWO);
    let join = "-l 10.10.10.11 -e etcd_init=existing";
    // Why it did not start is quoted, and not the last of a hundred lines; when that is mended the same line goes on.
    lab.does("fill", &[HOSTS[1], "/data", "1m"]);
    let run = lab.flow(join).exits(2).says(&["no space left on device"]);
    assert!(!run.text().contains("goroutine"), "{}", run.text());
    lab.on(HOSTS[1], "umount /data");
    lab.flow(join).ok();
    let remove = || {
        let list = json(&lab, HOSTS[0], "member list");
        let members = list["members"].as_array().unwrap().clone();
        let second = members
            .iter()
            .find(|member| member["name"] == "etcd-2")
            .unwrap();
        let id = format!("{:x}", second["ID"].as_u64().unwrap());
        lab.until(
            HOSTS[0],
            // Whoever answers may be the one that leaves: then it is done, and is not said.
            &format!(". /etc/profile.d/etcdctl.sh; etcdctl member remove {id} || {{ ETCDCTL_ENDPOINTS=https://10.10.10.10:2379 etcdctl member list >/tmp/list && ! grep -q {id} /tmp/list; }}"),
        );
        id
    };

    // A member that was removed, with its data still there.
    let id = remove();
    lab.until(HOSTS[1], "! systemctl -q is-active etcd");
    let begin = Instant::now();
    for options in [join, "-l 10.10.10.11", ""] {
        refused(
            lab.flow(options),
            &[
                "that was removed from cluster `etcd`",
                &id,
                "-l 10.10.10.11",
                "-t etcd_purge",
            ],
        );
    }
    assert!(
        begin.elapsed() < Duration::from_secs(40),
        "{:?}",
        begin.elapsed()
    );
    // It has failed so often that systemd refuses to start it; the flow's own start is not refused for that.
    lab.on(
        HOSTS[1],
        "for try in 1 2 3 4 5 6 7 8; do systemctl start etcd >/dev/null 2>&1; done; :",
    );
    lab.write("start.rhai", "play(\"start\", \"10.10.10.11\", #{ become: true });\ntask(\"start\", \"starts it\", |h| h.service(\"etcd\", #{ state: \"running\" }));\n");
    let run = lab.etcdsh(&["./start.rhai"]);
    assert!(!run.text().contains("too quickly"), "{}", run.text());
    lab.flow("-t etcd_purge -y -l 10.10.10.11").ok();
    lab.flow(join).ok();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2"]);

    // A copy of another member's data.
    lab.on(
        HOSTS[1],
        "systemctl stop etcd; mv /data/etcd/member /data/etcd/member.own",
    );
    let copied = lab.on(HOSTS[0], "tar -C /data/etcd -cf - member | base64 -w0");
    lab.write("copied", &copied);
    lab.keep_on(HOSTS[1], "copied", "/tmp/copied");
    lab.on(
        HOSTS[1],
        "base64 -d /tmp/copied | tar -C /data/etcd -xf -; chown -R etcd:etcd /data/etcd/member",
    );
    for options in ["", "-t etcd_launch", "-l 10.10.10.11"] {
        refused(
            lab.flow(options),
            &[
                "have the data of one and the same member",
                "/data/etcd/member.copy",
            ],
        );
    }
    lab.on(HOSTS[1], "systemctl is-active etcd && exit 1; rm -rf /data/etcd/member; mv /data/etcd/member.own /data/etcd/member");
    lab.flow("").ok();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2"]);

    // Founded alone, as a cluster of its own.
    remove();
    lab.on(HOSTS[1], "systemctl stop etcd; rm -rf /data/etcd/member /var/lib/etcdsh/started; cp -p /etc/etcd/etcd.conf /root/kept
        sed -i 's/^initial-cluster:.*/initial-cluster: etcd-2=https:\\/\\/10.10.10.11:2380/; s/^initial-cluster-state:.*/initial-cluster-state: new/' /etc/etcd/etcd.conf
        systemctl start etcd; cp -p /root/kept /etc/etcd/etcd.conf");
    refused(
        lab.flow(""),
        &["are not in one cluster", "10.10.10.11: cluster"],
    );
    lab.on(HOSTS[1], "systemctl stop etcd");
    refused(
        lab.flow(""),
        &[
            "the members of `etcd` are not in one cluster",
            "10.10.10.10: cluster",
            "put what is not wanted aside",
        ],
    );
}

/// As behind a bastion: ssh reaches the hosts, the client port is filtered.
#[test]
fn a_client_port_that_is_filtered_is_asked_through_ssh() {
    let Some(lab) = Lab::up(
        &["10.10.10.10=trixie", "10.10.10.11=trixie"],
        super::see::ONE,
    ) else {
        return;
    };
    // Packets to the port go to a machine that is not there, or are turned away at once.
    lab.write(
        "filter",
        "ip neigh replace 10.10.10.99 lladdr 02:00:00:00:00:99 dev br0 nud permanent
        ip route replace default via 10.10.10.99 dev br0 table 100
        ip rule add pref 10 ipproto tcp dport 2379 lookup 100",
    );
    lab.write(
        "refuse",
        "ip rule add pref 9 ipproto tcp dport 2379 prohibit",
    );
    let control = |words: &[&str]| {
        let run: Run = lab.command("sh").args(words).output().unwrap().into();
        run.ok();
    };
    control(&["filter"]);
    lab.flow("").ok();
    lab.flow("").changes_nothing();
    control(&["refuse"]);
    lab.flow("").changes_nothing();
    let first = births(&lab, &HOSTS[..1]);
    lab.write("pigsty.yml", TWO);
    refused(
        lab.flow("-l 10.10.10.11"),
        &["is alive and this host has no data"],
    );
    control(&["-c", "ip rule del pref 9"]);
    refused(
        lab.flow("-l 10.10.10.11"),
        &["is alive and this host has no data"],
    );
    lab.flow("-l 10.10.10.11 -e etcd_init=existing").ok();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2"]);
    assert_eq!(births(&lab, &HOSTS[..1]), first);
    let run = lab
        .flow("-t etcd_config,etcd_launch -e etcd_heartbeat_interval=150")
        .ok();
    assert_eq!(run.restarted().len(), 2, "{}", run.readable());
    lab.flow("-e etcd_heartbeat_interval=150 -e etcdsh_via=10.10.10.10")
        .changes_nothing();

    // Where ssh may not forward either it is said at once, and nothing is guessed.
    for host in &HOSTS[..2] {
        lab.on(
            host,
            "echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/no.conf; systemctl restart ssh",
        );
    }
    let begin = Instant::now();
    let run = lab
        .flow_with(("ETCDSH_NO_PERSIST", "1"), "")
        .exits(2)
        .says(&[
            "its etcd runs and cannot be reached from here",
            "etcdsh_via",
        ]);
    assert_eq!(run.changes(), [], "{}", run.readable());
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
}
