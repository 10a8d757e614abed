//! The flow on hosts whose packages bring etcd 3.5, 3.6 and 3.7: deployed, kept, asked without a login, purged.
//!
//! `make test` takes the oldest and the newest, `make torture` all. The images are those of `release-image` beside this file.

use std::time::{Duration, Instant};

use super::lab::{Lab, Run};
use super::see::{HOSTS, THREE, births, etcdctl, healthy};
use crate::release;

const PASSWORD: &str = "of-root-only";

/// Less than the 90 s that a member which is not healthy is waited for.
const AT_ONCE: Duration = Duration::from_mins(1);

/// Hosts of a release line; none where it cannot be had.
pub(super) fn lab(line: &str, hosts: &[&str], inventory: &str) -> Option<(Lab, String)> {
    let (_, version) = release::folder(line)?;
    let hosts: Vec<String> = hosts.iter().map(|host| format!("{host}={line}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    Some((Lab::up(&hosts, inventory)?, version))
}

/// The same run, which must not have waited.
#[track_caller]
fn at_once(run: impl FnOnce() -> Run) -> Run {
    let start = Instant::now();
    let run = run();
    let took = start.elapsed();
    assert!(took < AT_ONCE, "it took {took:?}\n{}", run.readable());
    run
}

fn is_kept(line: &str) {
    let Some((lab, version)) = lab(line, &HOSTS, THREE) else {
        return;
    };
    let mut last = Instant::now();
    let mut took = |what: &str| {
        println!("{version}: {what} {:.1} s", last.elapsed().as_secs_f64());
        last = Instant::now();
    };
    lab.flow("").ok();
    lab.flow("").changes_nothing();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    took("deploy");
    runs_hardened(&lab, &version);
    certificates_connect(&lab);
    took("certificates");
    config_is_checked(&lab, line);
    took("config");
    wants_a_login(&lab, &version);
    took("login");
    without_a_quorum(&lab);
    took("quorum");
    let login = format!("-e etcd_root_password={PASSWORD}");
    let run = lab
        .flow(&format!("-e etcd_heartbeat_interval=150 {login}"))
        .ok();
    assert_eq!(run.restarted(), HOSTS[..1], "{}", run.readable());
    lab.flow(&format!("-t etcd_purge -y {login}"))
        .ok()
        .says(&["snapshot of"]);
    for host in HOSTS {
        lab.on(
            host,
            "! test -e /data/etcd/member && ! test -e /etc/etcd/etcd.conf && ! pidof etcd",
        );
    }
    took("purge");
}

/// The unit keeps it in its place, and it is the etcd of this release.
fn runs_hardened(lab: &Lab, version: &str) {
    for host in HOSTS {
        let runs = lab.on(
            host,
            "/proc/$(systemctl show etcd -p MainPID --value)/exe --version",
        );
        assert!(
            runs.contains(&format!("etcd Version: {version}\n")),
            "{runs}"
        );
    }
    // etcdctl 3.6 warns of a variable that 3.4 may want, before every answer.
    let said = lab.on(
        HOSTS[1],
        ". /etc/profile.d/etcdctl.sh; etcdctl version 2>&1",
    );
    assert!(said.starts_with("etcdctl version"), "{said}");
    let said = lab.on(
        HOSTS[0],
        "systemd-analyze security --no-pager etcd | tail -n 1",
    );
    let exposure = said
        .split("etcd.service: ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let exposure: f64 = exposure
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{said}"));
    println!("{version}: systemd-analyze security {exposure}");
    assert!(exposure < 3.0, "{said}");
}

/// Go's etcdctl of each release, curl and openssl take our certificates, and so do the members.
fn certificates_connect(lab: &Lab) {
    let files = "--cacert files/pki/ca/ca.crt --cert files/pki/etcd/admin.crt --key files/pki/etcd/admin.key";
    let here = |script: &str| -> Run {
        lab.command("sh")
            .args(["-ec", script])
            .output()
            .expect("sh runs")
            .into()
    };
    for line in release::LINES {
        let Some((programs, version)) = release::folder(line) else {
            continue;
        };
        let etcdctl = format!(
            "{}/etcdctl --endpoints https://10.10.10.10:2379,https://10.10.10.12:2379 {files}",
            programs.display()
        );
        here(&format!("{etcdctl} put by {version}; {etcdctl} get by --print-value-only; {etcdctl} endpoint health")).ok().says(&["OK", &version]);
    }
    for path in ["metrics", "health"] {
        here(&format!("curl -sSf {files} https://10.10.10.11:2379/{path} | grep -e etcd_server_has_leader -e '\"true\"'")).ok();
    }
    // Who shows none is refused.
    assert_ne!(
        here("curl -sS --cacert files/pki/ca/ca.crt https://10.10.10.11:2379/version").code,
        0
    );
    here("openssl s_client -verify_return_error -CAfile files/pki/ca/ca.crt -cert files/pki/etcd/etcd-1.crt -key files/pki/etcd/etcd-1.key -connect 10.10.10.12:2380 -purpose sslserver </dev/null 2>&1")
        .ok()
        .says(&["Verify return code: 0 (ok)"]);
}

/// What lies in /etc of hosts.
fn in_etc(trees: &str) -> Vec<&str> {
    trees
        .lines()
        .filter(|line| line.starts_with("etc/"))
        .collect()
}

/// What this release does not read, what no table knows to be wrong, and what it takes.
fn config_is_checked(lab: &Lab, line: &str) {
    let (unread, successor, refused, taken, written) = match line {
        "3.5" => (
            "'corrupt-check-time': '1h'",
            "calls it `experimental-corrupt-check-time`",
            "'tls-min-version': 'TLS9'",
            "'experimental-compact-hash-check-enabled': true, 'experimental-compact-hash-check-time': '1h'",
            "experimental-compact-hash-check-time: 3600000000000",
        ),
        "3.6" => (
            "'enable-v2': true",
            "reads up to 3.5",
            "'feature-gates': 'NoSuchGate=true'",
            "'feature-gates': 'CompactHashCheck=true', 'compact-hash-check-time': '1h'",
            "compact-hash-check-time: 3600000000000",
        ),
        _ => (
            "'experimental-initial-corrupt-check': true",
            "now it is `feature-gates: InitialCorruptCheck=true`",
            "'feature-gates': 'NoSuchGate=true'",
            "'feature-gates': 'CompactHashCheck=true', 'compact-hash-check-time': '1h'",
            "compact-hash-check-time: 3600000000000",
        ),
    };
    let with = |keys: &str| {
        let vars = format!("vars: {{ etcd_cluster: etcd, etcd_extra_config: {{ {keys} }}");
        lab.write(
            "pigsty.yml",
            &THREE.replace("vars: { etcd_cluster: etcd", &vars),
        );
    };
    let (trees, old) = (lab.trees(&HOSTS), births(lab, &HOSTS));
    with(unread);
    lab.flow("")
        .exits(2)
        .says(&["does not fit the etcd on this host", successor]);
    with(refused);
    lab.flow("")
        .exits(2)
        .says(&["refuses the new config, and the old one stays"]);
    assert_eq!(in_etc(&lab.trees(&HOSTS).concat()), in_etc(&trees.concat()));
    assert_eq!(births(lab, &HOSTS), old);
    with(taken);
    let run = lab.flow("").ok();
    assert_eq!(run.restarted().len(), 3, "{}", run.readable());
    lab.on(HOSTS[2], &format!("grep '^{written}$' /etc/etcd/etcd.conf"));
}

/// Authentication is on, and nobody says who asks: that is said at once, and is no fault of the cluster.
fn wants_a_login(lab: &Lab, version: &str) {
    for words in [
        &format!("user add root:{PASSWORD}"),
        "role add root",
        "user grant-role root root",
        "auth enable",
    ] {
        etcdctl(lab, HOSTS[0], words);
    }
    // These releases tell nobody their status.
    assert_ne!(
        lab.tries(
            HOSTS[0],
            ". /etc/profile.d/etcdctl.sh; etcdctl endpoint status"
        )
        .code,
        0,
        "{version}"
    );
    at_once(|| lab.flow("")).changes_nothing().says(&[
        "authentication is on in cluster `etcd`, and nobody is logged in",
        "etcd_root_password",
    ]);
    at_once(|| lab.flow("-e etcd_root_password=wrong"))
        .exits(2)
        .says(&["refuses the login", "invalid user ID or password"]);
    let login = format!("etcd_root_password={PASSWORD}");
    at_once(|| lab.flow(&format!("-e {login}"))).changes_nothing();
    // What would restart a member needs a login before it begins.
    let before = (births(lab, &HOSTS), lab.trees(&HOSTS).concat());
    at_once(|| lab.flow("-e etcd_heartbeat_interval=150"))
        .exits(2)
        .says(&["a rolling restart needs a login", "etcd_root_password"]);
    assert_eq!(births(lab, &HOSTS), before.0);
    assert_eq!(in_etc(&lab.trees(&HOSTS).concat()), in_etc(&before.1));

    let look = |more: &[&str]| at_once(|| lab.etcdsh(&[&["overview", "--once"], more].concat()));
    let seen = look(&[]).ok().says(&[
        "etcd  healthy  3 members, 3 take part",
        "leader etcd-",
        version,
        "authentication is on",
    ]);
    assert!(!seen.text().contains("no leader"), "{}", seen.text());
    look(&["-e", &login])
        .ok()
        .says(&["etcd  healthy  3 members, 3 take part", "revision"]);
    let wrong = look(&["-e", "etcd_root_password=wrong"]).exits(2).says(&[
        "3 take part",
        "the login is refused",
        "invalid user ID or password",
    ]);
    assert!(!wrong.text().contains("no quorum"), "{}", wrong.text());
    lab.etcdsh(&["e", "put", "a", "1"])
        .exits(1)
        .says(&["nobody is logged in", "etcdsh_password"]);
}

/// That nobody is logged in must not hide that the quorum is gone.
fn without_a_quorum(lab: &Lab) {
    for host in &HOSTS[1..] {
        lab.on(host, "systemctl stop etcd");
    }
    lab.etcdsh(&["overview", "--once"])
        .exits(2)
        .says(&["no quorum"]);
}

#[test]
fn etcd_3_5_is_deployed_kept_and_asked_without_a_login() {
    is_kept("3.5");
}

#[test]
fn etcd_3_6_is_deployed_kept_and_asked_without_a_login() {
    if release::in_full() {
        is_kept("3.6");
    }
}

#[test]
fn etcd_3_7_is_deployed_kept_and_asked_without_a_login() {
    is_kept("3.7");
}
