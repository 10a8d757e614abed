//! What is found on a host decides: nothing, ours or foreign, against `etcd_clean` and `etcd_safeguard`.

use super::lab::Lab;
use super::see::{ONE, born, etcdctl, healthy};

const HOST: &str = "10.10.10.10";

/// Refused, with these words said, and nothing changed on the host.
#[track_caller]
fn refused(lab: &Lab, options: &str, words: &[&str]) {
    let before = lab.trees(&[HOST]);
    let run = lab.flow(options).exits(2).says(words);
    assert_eq!(run.changes(), [], "{}", run.readable());
    // No advice destroys what nobody has asked to destroy.
    assert!(
        options.contains("purge")
            || options.contains("etcd_clean")
            || !run.text().contains("etcd_clean"),
        "{}",
        run.readable()
    );
    let after = lab.trees(&[HOST]);
    let bare = |trees: &[String]| -> Vec<String> {
        trees
            .iter()
            .flat_map(|tree| tree.lines())
            .filter(|line| !line.contains("/member"))
            .map(str::to_string)
            .collect()
    };
    assert_eq!(bare(&after), bare(&before), "{options}");
}

/// A valid snapshot is the only file in `backup/`, by the real etcdctl.
#[track_caller]
fn snapshot_is_valid(lab: &Lab) {
    let files = lab.files("backup");
    assert_eq!(files.len(), 1, "{files:?}");
    lab.keep_on(HOST, &files[0], "/tmp/snapshot.db");
    let status = lab.on(HOST, "etcdctl snapshot status /tmp/snapshot.db -w json");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(status["totalKey"].as_i64().unwrap() > 0, "{status}");
    std::fs::remove_dir_all(lab.folder().join("backup")).unwrap();
}

#[test]
fn an_etcd_of_ours_is_kept_refused_or_purged_as_it_is_asked() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    for options in [
        "-e etcd_safeguard=true -C",
        "-e etcd_clean=false -C",
        "-e etcd_clean=true -C",
    ] {
        lab.flow(options).changes_something();
    }
    lab.flow("-e etcd_safeguard=true").ok();
    healthy(&lab, HOST, &["etcd-1"]);
    etcdctl(&lab, HOST, "put kept yes");
    let process = born(&lab, HOST);

    let by_clean = [
        "a running etcd",
        "of `etcd-1`, and `etcd_clean` is false",
        "-t etcd_config,etcd_launch",
    ];
    refused(&lab, "-e etcd_clean=false", &by_clean);
    refused(&lab, "-C -e etcd_clean=false", &by_clean);
    lab.flow("-e etcd_clean=false -t etcd_config,etcd_launch")
        .changes_nothing();
    for clean in ["", "-e etcd_clean=false", "-e etcd_clean=true -y"] {
        refused(
            &lab,
            &format!("-e etcd_safeguard=true {clean}"),
            &["`etcd_safeguard` is true", "-e etcd_safeguard=false"],
        );
    }
    refused(
        &lab,
        "-t etcd_purge -y -e etcd_safeguard=true",
        &["`etcd_safeguard` is true"],
    );
    refused(
        &lab,
        "-t etcd_purge -y -e etcd_clean=false",
        &["`etcd_clean` is false"],
    );
    refused(
        &lab,
        "-e etcd_clean=true",
        &["there is no terminal to ask", "-y"],
    );
    refused(&lab, "-t etcd_purge", &["there is no terminal to ask"]);
    assert_eq!(born(&lab, HOST), process);

    lab.on(HOST, "systemctl stop etcd");
    refused(
        &lab,
        "-e etcd_clean=false",
        &["member data in /data/etcd of `etcd-1`"],
    );
    refused(
        &lab,
        "-e etcd_safeguard=true",
        &["member data in /data/etcd of `etcd-1`"],
    );
    let run = lab.flow("").ok();
    assert_eq!(
        run.changes(),
        [(HOST.into(), "service etcd".into(), "start".into())],
        "{}",
        run.readable()
    );
    assert_eq!(etcdctl(&lab, HOST, "get kept --print-value-only"), "yes\n");

    let typed = lab.on_terminal("-e etcd_clean=true", || (), "something else");
    typed
        .exits(2)
        .says(&["About to purge 1 member of cluster `etcd`", "not confirmed"]);
    assert_eq!(etcdctl(&lab, HOST, "get kept --print-value-only"), "yes\n");
    lab.on_terminal("-e etcd_clean=true", || (), "etcd").ok();
    assert_eq!(etcdctl(&lab, HOST, "get kept --print-value-only"), "");
    healthy(&lab, HOST, &["etcd-1"]);
    snapshot_is_valid(&lab);
}

#[test]
fn a_purge_takes_what_is_etcds_and_nothing_else() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.flow("").ok();
    lab.does("save", &[]);
    lab.until(HOST, "systemctl is-active etcd");
    etcdctl(&lab, HOST, "put a 1");

    let fresh = lab.trees(&[HOST]);
    let dry = lab.flow("-C -D -t etcd_purge -y").changes_something();
    assert_eq!(
        changed_files(&lab.trees(&[HOST])),
        changed_files(&fresh),
        "a dry purge wrote something"
    );
    let real = lab.flow("-t etcd_purge -y").changes_something();
    same_changes(&dry.changes(), &real.changes());
    snapshot_is_valid(&lab);
    let left = lab.on(HOST, "ls -d /etc/etcd /data/etcd /etc/systemd/system/etcd.service /etc/profile.d/etcdctl.sh /data /etc/pki/ca.crt 2>/dev/null || :");
    assert_eq!(left, "/data\n/etc/pki/ca.crt\n");
    assert_eq!(lab.tries(HOST, "systemctl is-active etcd").code, 3);
    lab.flow("-t etcd_purge -y").changes_nothing();
    lab.flow("").changes_something();
    healthy(&lab, HOST, &["etcd-1"]);

    lab.on(
        HOST,
        "echo mine >/data/etcd/notes; mkdir /data/etcd/lost; echo mine >/etc/etcd/notes",
    );
    lab.flow("-t etcd_purge -y").ok();
    assert_eq!(
        lab.on(HOST, "find /data/etcd /etc/etcd | sort"),
        "/data/etcd\n/data/etcd/lost\n/data/etcd/notes\n/etc/etcd\n/etc/etcd/notes\n"
    );
    lab.on(
        HOST,
        "rm -r /data/etcd /etc/etcd /var/lib/etcdsh; rm -rf /data",
    );
    std::fs::remove_dir_all(lab.folder().join("backup")).unwrap();

    // A disk of its own for the data, then `etcd_data` straight in `node_data`, and a cluster that does not answer.
    lab.on(HOST, "mkdir -p /data/etcd; mount -t tmpfs disk /data/etcd");
    lab.flow("").ok();
    lab.flow("-t etcd_purge -y").ok();
    assert_eq!(
        lab.on(HOST, "mountpoint -q /data/etcd && ls -A /data/etcd"),
        ""
    );
    lab.on(
        HOST,
        "umount /data/etcd; mkdir -p /srv/etcd; echo mine >/srv/etcd/notes",
    );
    std::fs::remove_dir_all(lab.folder().join("backup")).unwrap();
    let own = "-e node_data=/srv/etcd -e etcd_data=/srv/etcd";
    lab.flow(own).ok();
    etcdctl(&lab, HOST, "put a 1");
    lab.on(HOST, "systemctl stop etcd");
    lab.flow(&format!("{own} -t etcd_purge -y")).ok();
    assert_eq!(
        lab.on(HOST, "find /srv/etcd"),
        "/srv/etcd\n/srv/etcd/notes\n"
    );
    let files = lab.files("backup");
    assert!(
        files.len() == 1 && files[0].contains("etcd-1-"),
        "the database file of a stopped member is saved: {files:?}"
    );
    a_log_in_a_folder_of_its_own_is_purged_too(&lab);
    for folder in ["/", "/etc", "/var/lib", "/data/../etc", "/usr/"] {
        lab.flow(&format!("-e etcd_data={folder}"))
            .exits(1)
            .says(&["`etcd_data` cannot be"]);
    }
}

/// etcd goes on from its log, wherever that lies.
fn a_log_in_a_folder_of_its_own_is_purged_too(lab: &Lab) {
    let options = "-e {\"etcd_extra_config\":{\"wal-dir\":\"/srv/wal/etcd\"}}";
    lab.flow(options).ok();
    etcdctl(lab, HOST, "put old 1");
    lab.on(HOST, "ls /srv/wal/etcd/*.wal; echo mine >/srv/wal/notes");
    // The config says where the log is, whatever the inventory says by then.
    let dry = lab.flow("-C -t etcd_purge -y").changes_something();
    let real = lab.flow("-t etcd_purge -y").changes_something();
    same_changes(&dry.changes(), &real.changes());
    assert_eq!(lab.on(HOST, "ls /srv/wal"), "notes\n");
    lab.flow("-t etcd_purge -y").changes_nothing();
    lab.flow(options).ok();
    assert_eq!(etcdctl(lab, HOST, "get old"), "");
    // The data directory is lost and the log is not: that is no host without data.
    lab.on(HOST, "systemctl stop etcd; rm -rf /data/etcd/member");
    refused(
        lab,
        &format!("{options} -e etcd_clean=false"),
        &["member data", "of `etcd-1`"],
    );
    lab.flow(&format!("{options} -t etcd_purge -y")).ok();
    lab.on(HOST, "rm -rf /srv/wal");
}

/// The same changes but for the moment in the name of a snapshot.
#[track_caller]
fn same_changes(one: &[super::lab::Change], other: &[super::lab::Change]) {
    let bare = |changes: &[super::lab::Change]| {
        let mut all: Vec<String> = changes
            .iter()
            .map(|(host, subject, what)| {
                format!(
                    "{host} {}: {what}",
                    subject.split("-2").next().unwrap_or_default()
                )
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(bare(one), bare(other));
}

fn changed_files(trees: &[String]) -> Vec<&str> {
    trees
        .iter()
        .flat_map(|tree| tree.lines())
        .filter(|line| !line.contains("/member"))
        .collect()
}

#[test]
fn an_etcd_of_somebody_else_is_foreign_and_refused_unless_it_shall_be_purged() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.flow("").ok();
    lab.does("save", &[]);
    lab.until(HOST, "systemctl is-active etcd");
    etcdctl(&lab, HOST, "put theirs 1");

    for clean in ["", "-e etcd_clean=false"] {
        refused(
            &lab,
            &format!("-e etcd_cluster=other {clean}"),
            &[
                "not ours",
                "its name is `etcd-1`, not `other-1`",
                "use the inventory and the CA that it was made with",
            ],
        );
        refused(
            &lab,
            &format!("-e etcd_peer_port=2480 {clean}"),
            &["its initial-advertise-peer-urls is"],
        );
    }
    refused(
        &lab,
        "-e etcd_cluster=other -e etcd_safeguard=true -e etcd_clean=true -y",
        &["`etcd_safeguard` is true"],
    );
    lab.on(HOST, "systemctl stop etcd");
    refused(
        &lab,
        "-e etcd_cluster=other",
        &["member data in /data/etcd that is not ours"],
    );
    lab.on(HOST, "systemctl start etcd");

    let pki = lab.folder().join("files/pki");
    std::fs::rename(&pki, lab.folder().join("saved")).unwrap();
    refused(
        &lab,
        "",
        &[
            "there is none beside the inventory in files/pki/ca",
            "put the CA that this cluster was made with into files/pki/ca",
        ],
    );
    refused(
        &lab,
        "-t etcd_config",
        &["/etc/etcd/ca.crt is there, and there is no CA beside the inventory"],
    );
    let seen = lab.etcdsh(&["overview", "--once"]).exits(4);
    let seen = seen.says(&["cannot be judged from here: there is no CA"]);
    assert!(!seen.text().contains("no quorum"), "{}", seen.text());
    lab.flow("-C -e etcd_clean=true -y").changes_something();
    assert!(!pki.exists(), "a dry run made a CA");
    lab.flow("-e etcd_clean=true -y")
        .ok()
        .says(&["/etc/pki/ca.crt is of another CA and stays as it is"]);
    healthy(&lab, HOST, &["etcd-1"]);
    assert_eq!(etcdctl(&lab, HOST, "get theirs"), "");
    assert_eq!(
        lab.on(HOST, "cmp -s /etc/pki/ca.crt /etc/etcd/ca.crt; echo $?"),
        "1\n",
        "the file of another CA is left alone"
    );
    lab.flow("").changes_nothing();

    std::fs::rename(&pki, lab.folder().join("second")).unwrap();
    std::fs::rename(lab.folder().join("saved"), &pki).unwrap();
    refused(
        &lab,
        "",
        &["its CA is another one than files/pki/ca/ca.crt"],
    );

    lab.on(HOST, "systemctl stop etcd; rm -r /data/etcd /etc/etcd /var/lib/etcdsh; systemd-run -q --unit=squatter sh -c 'exec etcd --data-dir /tmp/theirs --name x --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://10.10.10.10:2379'");
    lab.until(
        HOST,
        "ETCDCTL_API=3 etcdctl --endpoints http://127.0.0.1:2379 put theirs 1",
    );
    refused(&lab, "", &["a running etcd", "not ours"]);
}

#[test]
fn the_etcd_that_debian_starts_is_replaced_unless_it_holds_a_key() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.on(HOST, "apt-get -qq update && apt-get -qq -y install etcd-server etcd-client >/dev/null 2>&1; systemctl is-active etcd; ls /var/lib/etcd/default");
    lab.does("save", &[]);
    lab.until(HOST, "ETCDCTL_API=3 etcdctl endpoint health");
    let dry = lab.flow("-C").changes_something();
    let real = lab.flow("").changes_something();
    same_changes(&dry.changes(), &real.changes());
    healthy(&lab, HOST, &["etcd-1"]);
    assert_eq!(lab.on(HOST, "ls -A /var/lib/etcd"), "");
    lab.flow("").changes_nothing();

    lab.reset();
    // Somebody has set it up, for whatever is not seen in these keys.
    lab.on(
        HOST,
        "echo 'ETCD_ENABLE_V2=\"true\"' >>/etc/default/etcd; systemctl restart etcd",
    );
    lab.until(HOST, "ETCDCTL_API=2 etcdctl set /service/pg/leader one");
    for options in ["", "-C"] {
        refused(&lab, options, &["a running etcd", "not ours"]);
    }
    lab.flow("-t etcd_install").changes_nothing();
    assert_eq!(
        lab.on(HOST, "ETCDCTL_API=2 etcdctl get /service/pg/leader"),
        "one\n"
    );

    lab.reset();
    lab.until(HOST, "ETCDCTL_API=3 etcdctl put somebodys key");
    refused(&lab, "", &["a running etcd", "not ours"]);
    refused(
        &lab,
        "-t etcd_install,etcd_config,etcd_launch",
        &["not ours"],
    );
    lab.on(HOST, "systemctl stop etcd");
    // Stopped, its key is not seen; its data stays where it is.
    lab.flow("").ok();
    assert_eq!(lab.on(HOST, "ls /var/lib/etcd"), "default\n");
}

#[test]
fn a_port_held_by_another_program_is_refused() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.on(HOST, "printf '[Socket]\\nListenStream=2380\\nAccept=yes\\n' >/run/systemd/system/squat.socket; printf '[Service]\\nExecStart=/bin/cat\\nStandardInput=socket\\n' >/run/systemd/system/squat@.service; systemctl daemon-reload; systemctl start squat.socket");
    refused(&lab, "", &["on port 2380", "is in the way"]);
    lab.flow("-e etcd_peer_port=2480").ok();
    healthy(&lab, HOST, &["etcd-1"]);
}

/// The same address, written otherwise, is the same member.
#[test]
fn addresses_are_compared_as_addresses() {
    let Some(lab) = Lab::up(
        &["10.10.10.10=trixie"],
        "etcd: { hosts: { \"fd00:10::10\": { etcd_seq: 1 } } }\n",
    ) else {
        return;
    };
    let control: super::lab::Run = lab
        .command("sh")
        .args(["-ec", "sysctl -qw net.ipv6.conf.all.disable_ipv6=0; ip -6 addr add fd00:10::1/64 dev br0 nodad
            printf 'Host fd00:10:*\\n    User root\\n    StrictHostKeyChecking accept-new\\n' >>~/.ssh/config"])
        .output()
        .unwrap()
        .into();
    control.ok();
    lab.on(HOST, "sysctl -qw net.ipv6.conf.all.disable_ipv6=0; ip -6 addr add fd00:10::10/64 dev host0 nodad");
    lab.flow("").ok();
    let before = born(&lab, HOST);
    lab.write(
        "pigsty.yml",
        "etcd: { hosts: { \"FD00:10:0:0::10\": { etcd_seq: 1 } } }\n",
    );
    lab.flow("").changes_nothing();
    lab.on(HOST, "sed -i 's/fd00:10::10/FD00:10:0::10/g' /etc/etcd/etcd.conf; touch -d '1 hour ago' /etc/etcd/etcd.conf");
    let run = lab.flow("").ok();
    assert_eq!(run.restarted(), [] as [&str; 0], "{}", run.readable());
    assert_eq!(born(&lab, HOST), before);
}
