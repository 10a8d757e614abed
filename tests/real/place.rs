//! Data and logs that lie in another place than the inventory says, that are lost, or out of sight: etcd would begin anew beside
//! them and say nothing, so nothing is started.

use super::lab::{Lab, Run};
use super::see::{HOSTS, ONE, THREE, births, etcdctl, healthy};

const HOST: &str = "10.10.10.10";

/// Refused, with these words, and nothing changed; no advice destroys.
#[track_caller]
fn refused(run: Run, words: &[&str]) {
    let run = super::see::refused(run, words);
    for destroys in ["etcd_clean", "etcd_purge", "rm -r", "out of the inventory"] {
        assert!(!run.text().contains(destroys), "{}", run.readable());
    }
}

#[test]
fn nothing_is_begun_beside_data_that_lies_elsewhere() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    // A config that nothing was ever started with is no trace of data, nor is one that a package brings.
    lab.on(
        HOST,
        "mkdir /etc/etcd; echo 'ETCD_NAME=default' >/etc/etcd/etcd.conf",
    );
    lab.flow("-t etcd_install,etcd_dir,etcd_conf,etcd_cert -e etcd_data=/data/first")
        .ok();
    // Nor is a disk that is mounted after it.
    lab.flow("-t etcd_dir,etcd_config").ok();
    lab.on(HOST, "mkdir /data/etcd/lost+found && rmdir /data/etcd/lost+found && grep none /var/lib/etcdsh/member");
    // Whoever starts it: from then on there is data.
    lab.on(
        HOST,
        "systemctl start etcd; systemctl stop etcd; mv /data/etcd /data/away",
    );
    let mark = "etcd has run here, and /data/etcd is not there";
    lab.flow("")
        .exits(2)
        .says(&[mark, "mv /etc/etcd /etc/etcd.old; mv /var/lib/etcdsh"]);
    lab.on(HOST, "mv /data/away /data/etcd");
    lab.flow("").ok();
    etcdctl(&lab, HOST, "put precious 42");

    let other_data = ["keeps its data in /data/etcd, not in /data/new"];
    let other_log = [
        "its log is in /data/etcd/member/wal, not in /data/log/wal",
        "leave `wal-dir` out",
    ];
    let with_log = r#"-e {"etcd_extra_config":{"wal-dir":"/data/log/wal"}}"#;
    for state in ["start", "stop"] {
        lab.on(HOST, &format!("systemctl {state} etcd"));
        for tags in ["", "-t etcd_launch", "-t etcd_conf", "-C"] {
            refused(
                lab.flow(&format!("{tags} -e etcd_data=/data/new")),
                &other_data,
            );
            refused(lab.flow(&format!("{tags} {with_log}")), &other_log);
        }
    }
    lab.on(HOST, "test ! -e /data/new; test ! -e /data/log");

    the_data_is_behind_a_link(&lab);
    the_data_is_out_of_sight(&lab);
    the_log_is_moved_and_the_move_is_followed(&lab, with_log);
    the_key_of_the_ca_lies_elsewhere(&lab);
    what_is_no_file_keeps_nobody_waiting(&lab);
    etcd_is_not_started_as_its_package_has_it(&lab);
}

fn the_data_is_behind_a_link(lab: &Lab) {
    lab.on(
        HOST,
        "mv /data/etcd /data/disk; ln -s /data/disk /data/etcd",
    );
    for tags in ["", "-t etcd_launch", "-t etcd_dir"] {
        refused(
            lab.flow(tags),
            &[
                "/data/etcd is a link to /data/disk",
                "-e etcd_data=/data/disk",
            ],
        );
    }
    lab.on(HOST, "ln -sfn /data/unmounted /data/etcd");
    for tags in ["", "-t etcd_launch", "-e etcd_init=existing"] {
        refused(
            lab.flow(tags),
            &["a link to /data/unmounted, which is not there", "findmnt"],
        );
    }
    lab.on(HOST, "rm /data/etcd; mv /data/disk /data/etcd");
    // A link above it is the site's own affair.
    lab.on(HOST, "mv /data /mnt/disk; ln -s /mnt/disk /data");
    lab.flow("").ok();
    lab.flow("").changes_nothing();
    lab.on(HOST, "systemctl stop etcd; rm /data; mv /mnt/disk /data");
}

/// Its disk is not mounted: the folder is missing, or empty and older than anything else.
fn the_data_is_out_of_sight(lab: &Lab) {
    let words = [
        "could not tell where the data of cluster `etcd` is",
        "findmnt",
    ];
    lab.on(HOST, "mv /data/etcd /data/away");
    for tags in ["", "-t etcd_launch"] {
        refused(lab.flow(tags), &words);
    }
    lab.on(
        HOST,
        "install -d -o etcd -g etcd -m 700 /data/etcd; touch -d 2020-01-01 /data/etcd",
    );
    for tags in ["", "-t etcd_launch"] {
        refused(lab.flow(tags), &words);
    }
    // The times may say otherwise, as after a reboot with a config that is newer than the mount point.
    lab.on(HOST, "touch /etc/etcd/etcd.conf");
    for tags in ["", "-t etcd_launch"] {
        refused(lab.flow(tags), &words);
    }
    lab.flow("-e etcd_clean=true -y").exits(2).says(&words);
    lab.flow("-e etcd_init=existing").exits(2).says(&words);
    lab.flow("-t etcd_purge -y")
        .exits(2)
        .says(&["could not tell where its data is", "-e etcd_gone=etcd-1"]);
    lab.flow("-t etcd_purge -y -C -e etcd_gone=etcd-1").ok();
    // A cluster that was made without marks.
    lab.on(
        HOST,
        "mv /var/lib/etcdsh /var/lib/etcdsh.old; touch /etc/etcd/etcd.conf",
    );
    refused(lab.flow(""), &words);
    lab.on(HOST, "rmdir /data/etcd; mv /data/away /data/etcd");
    lab.flow("").ok();
    assert_eq!(
        etcdctl(lab, HOST, "get precious --print-value-only"),
        "42\n"
    );
    lab.flow("").changes_nothing();
}

fn the_log_is_moved_and_the_move_is_followed(lab: &Lab, with_log: &str) {
    lab.on(HOST, "systemctl stop etcd && install -d -o etcd -g etcd -m 700 /data/log && mv /data/etcd/member/wal /data/log/wal");
    lab.flow(with_log).ok();
    assert_eq!(
        etcdctl(lab, HOST, "get precious --print-value-only"),
        "42\n"
    );
    lab.flow(with_log).changes_nothing();
    refused(
        lab.flow(""),
        &[
            "its log is in /data/log/wal, not in /data/etcd/member/wal",
            "set `wal-dir: /data/log/wal`",
        ],
    );
    lab.on(
        HOST,
        "systemctl stop etcd && mv /data/log/wal /data/etcd/member/wal",
    );
    lab.flow("").ok();
    assert_eq!(
        etcdctl(lab, HOST, "get precious --print-value-only"),
        "42\n"
    );
}

/// It is needed where something is issued, and nowhere else.
fn the_key_of_the_ca_lies_elsewhere(lab: &Lab) {
    let place = |name: &str| lab.folder().join("files/pki").join(name);
    std::fs::rename(place("ca/ca.key"), lab.folder().join("offline.key")).unwrap();
    lab.flow("").changes_nothing();
    lab.etcdsh(&["overview", "--once"]).ok();
    lab.etcdsh(&["e", "get", "precious"])
        .ok()
        .says(&["precious"]);
    std::fs::remove_file(place("etcd/etcd-1.crt")).unwrap();
    for check in ["", "-C"] {
        let run = lab.flow(check).exits(2).says(&[
            "the CA's key",
            "ca.key` is missing",
            "etcd-1.crt must be issued",
        ]);
        assert!(!run.text().contains("mv "), "{}", run.readable());
    }
    std::fs::rename(lab.folder().join("offline.key"), place("ca/ca.key")).unwrap();
    lab.flow("").ok();
    healthy(lab, HOST, &["etcd-1"]);
}

fn what_is_no_file_keeps_nobody_waiting(lab: &Lab) {
    let conf = "/etc/etcd/etcd.conf";
    lab.on(HOST, &format!("mv {conf} {conf}.kept; mkfifo {conf}"));
    lab.flow("").exits(2);
    lab.on(HOST, &format!("mv {conf}.kept {conf}"));
    lab.flow("").changes_nothing();
}

fn etcd_is_not_started_as_its_package_has_it(lab: &Lab) {
    lab.flow("-t etcd_purge -y").ok();
    refused(
        lab.flow("-t etcd_launch"),
        &[
            "no readable /etc/etcd/etcd.conf",
            "-t etcd_config,etcd_launch",
        ],
    );
    lab.on(HOST, "! systemctl is-active etcd");
    lab.flow("").ok();
    healthy(lab, HOST, &["etcd-1"]);
}

#[test]
fn a_member_without_its_log_is_not_started() {
    let hosts = HOSTS.map(|host| format!("{host}=trixie"));
    let Some(lab) = Lab::up(&hosts.each_ref().map(String::as_str), THREE) else {
        return;
    };
    // What a start left that died before its log was made is no data.
    lab.flow("-t etcd_install,etcd_dir,etcd_conf,etcd_cert")
        .ok();
    lab.on(
        HOSTS[0],
        "runuser -u etcd -- timeout 20 etcd --data-dir /data/etcd --wal-dir /proc/nowhere >/dev/null 2>&1; test -s /data/etcd/member/snap/db",
    );
    lab.flow("").ok();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);

    etcdctl(&lab, HOSTS[0], "put old 1");
    lab.on(HOSTS[2], "systemctl stop etcd");
    etcdctl(&lab, HOSTS[0], "put precious 42");
    for host in &HOSTS[..2] {
        lab.on(host, "systemctl stop etcd");
    }
    let keep = "mv /data/etcd/member/wal /data/etcd/kept";
    lab.on(HOSTS[1], keep);
    let words = [
        "it has a database and no log",
        "/data/etcd/member/snap/db has been written to",
        "mv /data/etcd/member /data/etcd/member.without-log",
    ];
    for options in [
        "",
        "-t etcd_launch -l 10.10.10.11,10.10.10.12",
        "-t etcd_launch",
    ] {
        refused(lab.flow(options), &words);
    }
    // It is whole again, and so is the cluster.
    lab.on(HOSTS[1], "mv /data/etcd/kept /data/etcd/member/wal");
    lab.flow("").ok();
    for host in HOSTS {
        let got = etcdctl(&lab, host, "get precious --print-value-only");
        assert_eq!(got, "42\n", "{host}");
    }
    // The others are a quorum: it is told first, and the way that is shown is gone to its end.
    lab.on(HOSTS[1], &format!("systemctl stop etcd; {keep}"));
    refused(lab.flow(""), &words);
    lab.on(
        HOSTS[1],
        "mv /data/etcd/member /data/etcd/member.without-log",
    );
    let run = lab.flow("").exits(2);
    let text = run.text();
    let id = text.split("e member remove ").nth(1).unwrap();
    let id = id.split(|letter: char| !letter.is_ascii_hexdigit()).next();
    etcdctl(&lab, HOSTS[0], &format!("member remove {}", id.unwrap()));
    lab.flow("-l 10.10.10.11 -e etcd_init=existing").ok();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    a_copy_is_known_without_its_original(&lab);
}

/// The data of a member that has joined says nothing of a name: the mark of the host does.
fn a_copy_is_known_without_its_original(lab: &Lab) {
    for host in HOSTS {
        lab.on(host, "systemctl stop etcd");
    }
    lab.on(HOSTS[0], "cd /data/etcd && mv member mine");
    copy(lab, (HOSTS[1], "member"), HOSTS[0]);
    let away = THREE.replace(
        &format!("{}: {{", HOSTS[1]),
        &format!("{}: {{ ansible_port: 1,", HOSTS[1]),
    );
    lab.write("away.yml", &away);
    refused(
        lab.flow("-i away.yml -l 10.10.10.10,10.10.10.12"),
        &[
            "it has the data of another member",
            "has run here as member",
        ],
    );
    refused(
        lab.flow(""),
        &["that on 10.10.10.10, which was another, is a copy"],
    );
    lab.on(HOSTS[0], "cd /data/etcd && rm -r member && mv mine member");
    // Where all of them can be looked at, who ran here before is no reason to refuse, as after a restore.
    lab.on(
        HOSTS[1],
        "sed -i 's/^member_id:.*/member_id: 1/' /var/lib/etcdsh/member",
    );
    lab.flow("").ok();
    lab.on(HOSTS[1], "! grep -x 'member_id: 1' /var/lib/etcdsh/member");
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    // A system that was installed anew beside its data.
    lab.on(HOSTS[1], "systemctl disable --now etcd; rm -r /etc/etcd /etc/pki /var/lib/etcdsh /etc/systemd/system/etcd.service; systemctl daemon-reload");
    lab.flow("").ok();
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    two_purges_at_once_leave_a_quorum(lab);
}

/// Each of them would leave one, both together would not.
fn two_purges_at_once_leave_a_quorum(lab: &Lab) {
    let purge = |host: &str| lab.flow(&format!("-t etcd_purge -y -l {host}"));
    let exits = std::thread::scope(|scope| {
        let both = [HOSTS[0], HOSTS[1]].map(|host| scope.spawn(move || purge(host).code));
        both.map(|one| one.join().unwrap())
    });
    assert!(
        exits.iter().filter(|exit| **exit == 0).count() < 2,
        "{exits:?}"
    );
    assert!(exits.iter().all(|exit| [0, 2].contains(exit)), "{exits:?}");
    etcdctl(lab, HOSTS[2], "put still writable");
}

/// The data of a member, as it lies in this folder of its data directory, onto another host.
fn copy(lab: &Lab, (from, folder): (&str, &str), to: &str) {
    let packed = lab.on(
        from,
        &format!("tar -C /data/etcd -cz {folder} | base64 -w0"),
    );
    lab.write("packed", &packed);
    lab.keep_on(to, "packed", "/tmp/packed");
    lab.on(
        to,
        &format!("base64 -d /tmp/packed | tar -C /data/etcd -xz --transform s,^{folder},member,"),
    );
}

#[test]
fn a_member_is_its_machine_and_its_data() {
    let hosts = HOSTS.map(|host| format!("{host}=trixie"));
    let Some(lab) = Lab::up(&hosts.each_ref().map(String::as_str), THREE) else {
        return;
    };
    lab.flow("").ok();
    etcdctl(&lab, HOSTS[0], "put precious 42");
    let same = |before: &[String]| assert_eq!(births(&lab, &HOSTS), before);
    let before = births(&lab, &HOSTS);

    // One slip in `ansible_host`, and two.
    let with = |from: &str, to: &str| {
        THREE.replace(
            &format!("{from}: {{"),
            &format!("{from}: {{ ansible_host: {to},"),
        )
    };
    lab.write("typo.yml", &with(HOSTS[1], HOSTS[0]));
    let swapped = with(HOSTS[1], HOSTS[0]).replace(
        &format!("{}: {{", HOSTS[0]),
        &format!("{}: {{ ansible_host: {},", HOSTS[0], HOSTS[1]),
    );
    lab.write("swapped.yml", &swapped);
    for inventory in ["typo.yml", "swapped.yml"] {
        for words in [
            "",
            "-t etcd_config",
            "-t etcd_launch",
            "-t etcd_purge -y -l 10.10.10.11",
        ] {
            let run = lab.flow(&format!("-i {inventory} {words}")).exits(2);
            assert_eq!(run.changes(), [], "{}", run.readable());
            run.says(&["does not have the address 10.10.10.1", "hostname -I"]);
        }
    }
    same(&before);

    // A part is not purged where nobody says what the rest needs.
    let part = "-t etcd_purge -y -l 10.10.10.10,10.10.10.11";
    let blind = ["could not tell whether the cluster keeps its quorum"];
    std::fs::rename(lab.folder().join("files"), lab.folder().join("away")).unwrap();
    lab.flow(part).exits(2).says(&blind);
    std::fs::rename(lab.folder().join("away"), lab.folder().join("files")).unwrap();
    // Another peer port than the member list has: they are its members all the same.
    lab.flow(&format!("{part} -e etcd_peer_port=2390"))
        .exits(2)
        .says(&["purging this would leave 1 healthy of 3 voters"]);
    same(&before);
    for host in HOSTS {
        lab.on(host, "systemctl stop etcd");
    }
    lab.flow(part).exits(2).says(&blind);
    // Nor where the inventory has forgotten one.
    let third = THREE.lines().filter(|line| !line.contains(HOSTS[2]));
    lab.write("two.yml", &third.collect::<Vec<_>>().join("\n"));
    lab.flow("-i two.yml -t etcd_purge -y").exits(2).says(&[
        blind[0],
        "etcd-3 (https://10.10.10.12:2380) is a member by what lies on 10.10.10.10, and not in the inventory",
        "-e etcd_gone=NAME",
    ]);
    let gone = "-i two.yml -t etcd_purge -y -C -e etcd_gone=x,etcd-3";
    lab.flow(gone).ok();
    // Their databases know members that joined later than their configs were written.
    for host in &HOSTS[..2] {
        lab.on(host, "cp -p /etc/etcd/etcd.conf /root/; sed -i 's/,etcd-3=[^,]*//' /etc/etcd/etcd.conf; ! grep etcd-3 /etc/etcd/etcd.conf");
    }
    lab.flow("-i two.yml -t etcd_purge -y")
        .exits(2)
        .says(&[blind[0], "etcd-3 (https://10.10.10.12:2380) is a member"]);
    lab.flow(gone).ok();
    for host in &HOSTS[..2] {
        lab.on(host, "cp -p /root/etcd.conf /etc/etcd/");
    }
    // Data that is out of sight is data, and who can be looked at is not gone.
    lab.on(HOSTS[2], "mv /data/etcd /data/away");
    for more in ["", "-e etcd_gone=etcd-3"] {
        lab.flow(&format!("{part} {more}"))
            .exits(2)
            .says(&[blind[0], "10.10.10.12: etcd has run here as member"]);
    }
    lab.on(HOSTS[2], "mv /data/away /data/etcd");
    // Nor is it purged beside others that have theirs.
    for host in &HOSTS[..2] {
        lab.on(host, "mv /data/etcd /data/away");
    }
    lab.flow(part).exits(2).says(&[
        "could not tell where its data is",
        "etcd_gone=etcd-1,etcd-2",
    ]);
    lab.flow(&format!("{part} -e etcd_gone=etcd-1,etcd-2"))
        .exits(2)
        .says(&blind);
    for host in &HOSTS[..2] {
        lab.on(host, "mv /data/away /data/etcd");
    }

    // The data of two is exchanged, or that of one copied; the original need not be selected.
    let take = |host: &str, path: &str| lab.on(host, &format!("cd /data/etcd && mv member {path}"));
    for host in &HOSTS[..2] {
        take(host, "mine");
    }
    copy(&lab, (HOSTS[0], "mine"), HOSTS[1]);
    copy(&lab, (HOSTS[1], "mine"), HOSTS[0]);
    let swapped = ["it has the data of etcd-", "votes twice"];
    for words in [
        "",
        "-l 10.10.10.11,10.10.10.12",
        "-t etcd_launch -l 10.10.10.11",
    ] {
        refused(lab.flow(words), &swapped);
    }
    for host in &HOSTS[..2] {
        lab.on(host, "cd /data/etcd && rm -r member && mv mine member");
    }
    lab.flow("").ok();
    for host in HOSTS {
        assert_eq!(
            etcdctl(&lab, host, "get precious --print-value-only"),
            "42\n"
        );
    }
}
