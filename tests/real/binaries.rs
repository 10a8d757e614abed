//! etcd from binaries instead of packages, on real hosts: installed without a package, upgraded, converted from a package and back.

use super::lab::Lab;
use super::see::{HOSTS, THREE, births, etcdctl, healthy, refused};
use crate::release;

/// The program that runs on a host, and its release.
fn runs(lab: &Lab, host: &str) -> String {
    lab.on(
        host,
        "p=/proc/$(systemctl show etcd -p MainPID --value)/exe; readlink $p; $p --version | sed -n 's/^etcd Version: //p'",
    )
}

#[test]
fn hosts_without_a_package_get_the_binaries_and_are_upgraded() {
    let (Some((old_folder, old)), Some((new_folder, new))) =
        (release::folder("3.6"), release::folder("3.7"))
    else {
        return;
    };
    let Some(lab) = Lab::up(&HOSTS, THREE) else {
        return;
    };
    let old_source = format!("-e etcd_source={}", old_folder.display());
    let new_source = format!("-e etcd_source={}", new_folder.display());
    for host in HOSTS {
        lab.on(host, "apt-get -qq purge -y 'etcd*' >/dev/null 2>&1; userdel etcd 2>/dev/null; rm -rf /var/lib/etcd; ! command -v etcd");
    }
    lab.flow(&format!("-C {old_source}")).ok();
    for host in HOSTS {
        lab.on(
            host,
            "! test -e /usr/local/lib/etcd && ! id etcd 2>/dev/null",
        );
    }
    lab.flow(&old_source)
        .ok()
        .says(&[&format!("etcd {old} in /usr/local/lib/etcd/{old}")]);
    lab.flow(&old_source).changes_nothing();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    for host in HOSTS {
        assert_eq!(
            runs(&lab, host).trim(),
            format!("/usr/local/lib/etcd/{old}/etcd\n{old}")
        );
        assert!(etcdctl(&lab, host, "version").contains(&old));
    }
    etcdctl(&lab, HOSTS[0], "put before upgrade");
    // What was changed on a host is put right, and the member that ran it is restarted.
    lab.on(
        HOSTS[1],
        &format!("printf x >>/usr/local/lib/etcd/{old}/etcdutl"),
    );
    lab.flow(&old_source).changes_something();
    lab.flow(&old_source).changes_nothing();
    let before = births(&lab, &HOSTS);
    lab.etcdsh(&[
        "-o",
        "json",
        "etcd-upgrade",
        "3.7",
        "-y",
        "-e",
        &new_source[3..],
    ])
    .ok();
    for (host, birth) in HOSTS.iter().zip(births(&lab, &HOSTS)) {
        assert_eq!(
            runs(&lab, host).trim(),
            format!("/usr/local/lib/etcd/{new}/etcd\n{new}")
        );
        assert!(!before.contains(&birth));
        // The release before stays for going back.
        assert_eq!(
            lab.on(host, "ls /usr/local/lib/etcd").trim(),
            format!("{old}\n{new}\ncurrent")
        );
    }
    assert!(etcdctl(&lab, HOSTS[2], "get before").contains("upgrade"));
    lab.flow(&new_source).changes_nothing();
    refused(lab.flow(&old_source), &["is not followed by", "taken back"]);
    lab.flow(&format!("-t etcd_purge -y {new_source}")).ok();
}

#[test]
fn a_package_is_converted_to_binaries_of_the_next_release_and_never_back_by_chance() {
    let Some((folder, version)) = release::folder("3.5") else {
        return;
    };
    let Some(lab) = Lab::up(&HOSTS, THREE) else {
        return;
    };
    let source = format!("-e etcd_source={}", folder.display());
    lab.flow("").ok();
    etcdctl(&lab, HOSTS[0], "put of package");
    assert!(runs(&lab, HOSTS[0]).starts_with("/usr/bin/etcd\n3.4"));
    let run = lab.flow(&source).ok();
    assert_eq!(run.restarted().len(), 3, "{}", run.readable());
    lab.flow(&source).changes_nothing();
    for host in HOSTS {
        assert_eq!(
            runs(&lab, host).trim(),
            format!("/usr/local/lib/etcd/{version}/etcd\n{version}")
        );
        // One unit, and nothing is masked.
        assert_eq!(
            lab.on(
                host,
                "systemctl is-enabled etcd; systemctl list-unit-files 'etcd*' --no-legend | wc -l"
            )
            .trim(),
            "enabled\n1"
        );
        assert!(etcdctl(&lab, host, "version").contains(&version));
    }
    assert!(etcdctl(&lab, HOSTS[1], "get of").contains("package"));
    // Whoever forgets `etcd_source` does not start 3.4 on what 3.5 has written.
    refused(lab.flow(""), &["is not followed by", "taken back"]);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
}
