//! What etcd would not say of its config, its unit and its packages: said before anything is written or restarted.

use super::lab::Lab;
use super::see::{born, etcdctl, healthy};

const NEWER: &str = "10.10.10.10";
const OLDER: &str = "10.10.10.11";

/// A cluster of one member on either release.
const BOTH: &str = "all: { children: {
  etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd } },
  older: { hosts: { 10.10.10.11: { etcd_seq: 1 } }, vars: { etcd_cluster: older } } } }
";

fn conf(lab: &Lab, host: &str) -> String {
    lab.on(
        host,
        "cat /etc/etcd/etcd.conf; stat -c %Y /etc/etcd/etcd.conf",
    )
}

#[test]
fn a_config_a_unit_and_packages_are_right_before_a_member_runs_with_them() {
    let Some(lab) = Lab::up(&["10.10.10.10=trixie", "10.10.10.11"], BOTH) else {
        return;
    };
    lab.flow("").ok();
    lab.flow("").changes_nothing();
    keys_are_those_of_the_release(&lab);
    the_unit_is_hardened(&lab);
    certificates_say_what_they_are_for(&lab);
    packages_restart_nobody(&lab);
    clocks_are_compared(&lab);
    folders_of_others_are_left_alone(&lab);
    files_that_are_still_to_come_are_no_mistake(&lab);
}

/// As a run leaves it that died in a purge.
fn files_that_are_still_to_come_are_no_mistake(lab: &Lab) {
    for (left, host) in [("ca.crt", NEWER), ("server.key", OLDER)] {
        lab.on(host, &format!("systemctl disable -q --now etcd; rm -rf /data/etcd /etc/etcd/etcd.conf /etc/etcd/{left} /var/lib/etcdsh"));
        lab.flow(&format!("-l {host}")).ok();
    }
}

fn keys_are_those_of_the_release(lab: &Lab) {
    let before = [conf(lab, NEWER), conf(lab, OLDER)];
    let rows = [
        (
            "",
            "{\"initial-corrupt-check\":true}",
            1,
            "which no release of etcd reads",
        ),
        (
            "",
            "{\"max-txn-ops\":\"8G\"}",
            1,
            "etcd wants a whole number",
        ),
        (
            "",
            "{\"wal-dir\":\"/etc/wal\"}",
            1,
            "`wal-dir` cannot be /etc/wal",
        ),
        (
            "-l 10.10.10.10",
            "{\"corrupt-check-time\":\"1h\"}",
            2,
            "3.5.16 calls it `experimental-corrupt-check-time`",
        ),
        (
            "-l 10.10.10.11",
            "{\"tls-max-version\":\"TLS1.3\"}",
            2,
            "which etcd reads since 3.5.8, and not 3.4.23",
        ),
        (
            "-l 10.10.10.10",
            "{\"cipher-suites\":[\"X\"]}",
            2,
            "unexpected TLS cipher suite",
        ),
        (
            "-l 10.10.10.11",
            "{\"cipher-suites\":[\"X\"]}",
            2,
            "unexpected TLS cipher suite",
        ),
        (
            "-l 10.10.10.10 -C",
            "{\"auto-compaction-retention\":\"soon\"}",
            2,
            "refuses the new config, and the old one stays",
        ),
    ];
    for (options, extra, code, said) in rows {
        lab.flow(&format!("{options} -e {{\"etcd_extra_config\":{extra}}}"))
            .exits(code)
            .says(&[said]);
    }
    assert_eq!([conf(lab, NEWER), conf(lab, OLDER)], before);
    for host in [NEWER, OLDER] {
        lab.on(host, "! ls -d /tmp/tmp.*");
    }
    // A duration is written as etcd reads it.
    let hour = "-e {\"etcd_extra_config\":{\"experimental-corrupt-check-time\":\"1h\"}}";
    assert_eq!(lab.flow(hour).ok().restarted().len(), 2);
    for host in [NEWER, OLDER] {
        lab.on(
            host,
            "grep '^experimental-corrupt-check-time: 3600000000000$' /etc/etcd/etcd.conf",
        );
    }
    lab.flow(hour).changes_nothing();
    // Comments, quotes, order and what etcd has by itself restart nobody.
    let births = [born(lab, NEWER), born(lab, OLDER)];
    for host in [NEWER, OLDER] {
        lab.on(host, "cd /etc/etcd; { echo '# mine'; tac etcd.conf | grep '^[a-z]*-*[a-z-]*: .' | sed \"s/: \\(.*\\)/: '\\1'/\"; grep -A3 '^[a-z-]*-transport-security' etcd.conf | grep -v '^--'; echo 'max-wals: 5'; } >new; cat new >etcd.conf; rm new; touch -d '1 hour ago' etcd.conf");
    }
    let run = lab.flow(hour).changes_something();
    assert_eq!(run.restarted(), [] as [&str; 0], "{}", run.readable());
    assert_eq!([born(lab, NEWER), born(lab, OLDER)], births);
    lab.flow("").ok();
}

fn the_unit_is_hardened(lab: &Lab) {
    for host in [NEWER, OLDER] {
        let said = lab.on(
            host,
            "systemd-analyze security etcd.service --no-pager | tail -n 1",
        );
        let words: Vec<&str> = said.split_whitespace().collect();
        let level = words
            .iter()
            .find_map(|word| word.parse::<f64>().ok())
            .unwrap();
        assert!(level < 3.0, "{host}: {said}");
        // A unit of before is replaced, and a member that runs is not restarted for that.
        let before = born(lab, host);
        lab.on(host, "sed -i '/^Protect/d; s/^Description=.*/Description=theirs/' /etc/systemd/system/etcd.service; touch -d '1 hour ago' /etc/systemd/system/etcd.service");
        let run = lab.flow(&format!("-l {host}")).changes_something();
        assert_eq!(run.restarted(), [] as [&str; 0], "{}", run.readable());
        assert_eq!(born(lab, host), before);
        // One that runs another program is.
        lab.on(
            host,
            "sed -i 's/^LimitNOFILE=.*/LimitNOFILE=1024/' /etc/systemd/system/etcd.service",
        );
        let dry = lab.flow(&format!("-C -l {host}")).changes_something();
        let run = lab.flow(&format!("-l {host}")).changes_something();
        assert_eq!(
            (dry.restarted(), run.restarted()),
            (vec![host.into()], vec![host.into()])
        );
    }
    // A site's own drop-in wins.
    lab.on(NEWER, "mkdir /etc/systemd/system/etcd.service.d; printf '[Service]\\nProtectSystem=no\\n' >/etc/systemd/system/etcd.service.d/site.conf; systemctl daemon-reload; systemctl show etcd -p ProtectSystem | grep -x ProtectSystem=no");
    lab.flow("").changes_nothing();
}

fn certificates_say_what_they_are_for(lab: &Lab) {
    let text = |file: &str| {
        let output = std::process::Command::new("openssl")
            .args(["x509", "-noout", "-text", "-in", file])
            .current_dir(lab.folder())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let server = text("files/pki/etcd/etcd-1.crt");
    assert!(
        server.contains("TLS Web Server Authentication, TLS Web Client Authentication"),
        "{server}"
    );
    assert!(!server.contains("Key Encipherment"), "{server}");
    let admin = text("files/pki/etcd/admin.crt");
    assert!(
        admin.contains("TLS Web Client Authentication") && !admin.contains("Server"),
        "{admin}"
    );
    let authority = text("files/pki/ca/ca.crt");
    assert!(authority.contains("CA:TRUE, pathlen:0"), "{authority}");
}

/// What a package does to the units of its own, and a version that must not follow.
fn packages_restart_nobody(lab: &Lab) {
    // The same program as a newer package.
    lab.on(NEWER, "cd /opt/repo && dpkg-deb -R etcd-server_*.deb /tmp/new && sed -i 's/^Version: .*/Version: 3.5.17-1/' /tmp/new/DEBIAN/control && dpkg-deb -Znone -b /tmp/new newer.deb >/dev/null
        { cat /tmp/new/DEBIAN/control; printf 'Filename: ./newer.deb\\nSize: %s\\nSHA256: %s\\n\\n' $(stat -c %s newer.deb) $(sha256sum newer.deb | cut -d' ' -f1); cat Packages; } >Packages.new && mv Packages.new Packages; apt-get -qq update");
    let package = |version: &str| {
        format!(
            "-l 10.10.10.10 -e {{\"etcd_packages\":[\"etcd-server={version}\",\"etcd-client\"]}}"
        )
    };
    for (version, said) in [
        (
            "3.7.1-1",
            "minor releases are not skipped: all members run one of 3.6 first",
        ),
        ("3.4.45-1", "is not taken back to an older minor release"),
    ] {
        let run = lab.flow(&package(version)).exits(2).says(&[said]);
        assert_eq!(run.changes(), [], "{}", run.readable());
    }
    lab.flow(&package("3.5.99-1")).exits(2);
    lab.on(NEWER, "! ls -d /usr/sbin/policy-rc.d*; printf '#!/bin/sh\\nexit 0\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d");
    let before = born(lab, NEWER);
    let newer = package("3.5.17-1");
    let dry = lab.flow(&format!("-C {newer}")).ok();
    assert_eq!(dry.restarted(), [NEWER], "{}", dry.readable());
    lab.flow(&format!("-t etcd_install {newer}"))
        .changes_something();
    assert_eq!(born(lab, NEWER), before, "the package restarted a member");
    lab.on(NEWER, "dpkg -s etcd-server | grep -x 'Version: 3.5.17-1'; grep -x 'exit 0' /usr/sbin/policy-rc.d; ! ls -d /usr/sbin/policy-rc.d.*");
    let run = lab.flow(&newer).ok();
    assert_eq!(run.restarted(), [NEWER], "{}", run.readable());
    lab.flow(&newer).changes_nothing();
    healthy(lab, NEWER, &["etcd-1"]);
    etcdctl(lab, NEWER, "get nothing");
}

fn clocks_are_compared(lab: &Lab) {
    let clock = |seconds: &str| {
        let script = format!(
            "printf '#!/bin/sh\\nexec /bin/date -d \"{seconds} seconds\" \"$@\"\\n' >/usr/local/bin/date; chmod 755 /usr/local/bin/date"
        );
        lab.on(NEWER, &script);
    };
    lab.flow("-t etcd_assert").changes_nothing();
    clock("20");
    lab.flow("-t etcd_assert").ok().says(&[
        "10.10.10.10: its clock is",
        "s ahead of that of this machine",
    ]);
    clock("-1000");
    lab.flow("-t etcd_assert -l 10.10.10.10").exits(2).says(&[
        "the clocks are too far apart",
        "s behind that of this machine",
        "timedatectl",
    ]);
    lab.on(NEWER, "rm /usr/local/bin/date");
}

fn folders_of_others_are_left_alone(lab: &Lab) {
    lab.flow("-t etcd_purge -y -l 10.10.10.11").ok();
    lab.on(
        OLDER,
        "mkdir -p /srv/pg /srv/games/mine; touch /srv/pg/PG_VERSION; chown -R games /srv/games",
    );
    for (folder, said) in [
        ("/srv/pg", "there is /srv/pg/PG_VERSION"),
        ("/srv/games", "it belongs to games"),
        ("/var/lib/dpkg", "it belongs to root"),
        ("/usr/share/doc", "it belongs to root"),
    ] {
        let run = lab
            .flow(&format!(
                "-l 10.10.10.11 -e etcd_data={folder} -e etcd_clean=true -y"
            ))
            .exits(2)
            .says(&["has somebody else's content", said]);
        assert_eq!(run.changes(), [], "{}", run.readable());
    }
    // A disk of its own, as mkfs makes it.
    lab.on(OLDER, "mkdir -p /srv/disk/lost+found");
    lab.flow("-l 10.10.10.11 -t etcd_dir -e etcd_data=/srv/disk")
        .ok();
    for folder in ["//etc", "/./etc", "/etc/x", "/a%b", "/a\nb"] {
        let variable = format!("{{\"etcd_data\":{folder:?}}}");
        lab.etcdsh(&["etcd", "-e", &variable])
            .exits(1)
            .says(&["`etcd_data` cannot be"]);
    }
}
