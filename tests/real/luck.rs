//! Bad luck on real hosts: what is missing, full, busy, broken, gone or twice, and the one clear error for each.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::lab::{Lab, Run};
use super::see::{HOSTS, THREE};

const HOST: &str = HOSTS[0];
const ONE: &str = "all: { children: { etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } } } } }\n";

/// The flow with human output; extra options first.
fn flow(lab: &Lab, options: &str) -> Run {
    let words: Vec<&str> = options.split_whitespace().chain(["etcd"]).collect();
    lab.etcdsh(&words)
}

/// `etcdsh WORDS...` in the background, its output kept.
pub(super) fn start(lab: &Lab, words: &[&str]) -> Child {
    let mut command = lab.command(env!("CARGO_BIN_EXE_etcdsh"));
    command
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(super) fn end(child: Child) -> Run {
    child.wait_with_output().unwrap().into()
}

fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// A task that takes a while, once it has begun on the host.
const SLOW: &str = "play(\"slow\", \"all\", #{ become: true });\n\
    task(\"first\", \"takes a while\", |h| { h.run(\"echo >/srv/begun; sleep 3; echo >/srv/finished\"); h.run(\"echo >/srv/never\"); });\n\
    task(\"second\", \"is not begun\", |h| h.run(\"echo >/srv/never\"));\n";

#[test]
fn packages_that_are_missing_full_disks_and_folders_that_cannot_be_written() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    flow(&lab, "-e {\"etcd_packages\":[\"etcd-serverr\"]}")
        .exits(2)
        .says(&[
            "error: 10.10.10.10: package etcd-serverr was not found",
            "Unable to locate package etcd-serverr",
            "hint: add the repository that has it",
        ]);
    // The folder that etcd itself goes to.
    lab.does("fill", &[HOST, "/usr/local", "1m"]);
    lab.on(
        HOST,
        "mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=$(mkdir -p /usr/local/u /usr/local/w; echo /usr/local/u),workdir=/usr/local/w /usr/bin",
    );
    flow(&lab, "").exits(2).says(&[
        "error: 10.10.10.10: install",
        "No space left on device",
        "run 10.10.10.10 -b -- df -h / /var",
    ]);
    lab.on(HOST, "umount -l /usr/bin; umount -l /usr/local");
    // What dpkg left half way is repaired.
    flow(&lab, "").ok();
    lab.does("fill", &[HOST, "/etc/profile.d", "64k"]);
    flow(&lab, "-t etcd_conf").exits(2).says(&[
        "file /etc/profile.d/etcdctl.sh could not be changed",
        "No space left on device",
    ]);
    lab.on(HOST, "umount /etc/profile.d; echo >>/etc/profile.d/etcdctl.sh; mount --bind /etc/profile.d /etc/profile.d; mount -o remount,bind,ro /etc/profile.d; rm -f /etc/profile.d/x || :");
    flow(&lab, "-t etcd_conf").exits(2).says(&[
        "/etc/profile.d/etcdctl.sh could not be changed",
        "Read-only file system",
    ]);
    lab.on(HOST, "umount /etc/profile.d");
}

#[test]
fn a_port_that_is_held_and_an_etcd_that_does_not_come_up() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.on(HOST, "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => \"0.0.0.0\", LocalPort => 2380, Listen => 1) or die; $0 = \"squatter\"; sleep 600' >/dev/null 2>&1 & sleep 0.5");
    let run = flow(&lab, "").exits(2).says(&[
        "2380",
        "is in the way",
        "hint: stop that program, or set `etcd_port` and `etcd_peer_port`",
    ]);
    assert!(
        run.stdout.contains("perl") || run.stdout.contains("squatter"),
        "the program is named\n{}",
        run.text()
    );
    assert!(
        !run.stdout.contains("TASK [etcd_install]"),
        "refused before the first change\n{}",
        run.text()
    );
    assert_eq!(lab.tries(HOST, "test -e /usr/bin/etcd").code, 1);
    lab.on(HOST, "pkill -x squatter");
    flow(&lab, "-t etcd_install,etcd_dir,etcd_config").ok();
    lab.on(HOST, "mv /usr/bin/etcd /usr/bin/etcd.real; printf '#!/bin/sh\\necho the disk has melted >&2\\nexit 7\\n' >/usr/bin/etcd; chmod 755 /usr/bin/etcd");
    let begin = Instant::now();
    flow(&lab, "-t etcd_launch").exits(2).says(&[
        "service `etcd` did not start",
        "the disk has melted",
        "run 10.10.10.10 -b -- journalctl -u etcd -n 50",
    ]);
    assert!(
        begin.elapsed() < Duration::from_mins(1),
        "{:?}",
        begin.elapsed()
    );
    lab.on(HOST, "mv -f /usr/bin/etcd.real /usr/bin/etcd");
    flow(&lab, "").ok();
}

#[test]
fn two_runs_at_once_and_one_that_was_killed() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.write("slow.rhai", &SLOW.replace("sleep 3", "sleep 6"));
    lab.write("quick.rhai", "play(\"quick\", \"all\", #{ become: true });\ntask(\"quick\", \"changes something\", |h| h.run(\"true\"));\n");
    let first = start(&lab, &["./slow.rhai"]);
    lab.until(HOST, "test -e /srv/begun");
    lab.etcdsh(&["./quick.rhai"]).exits(2).says(&[
        "error: 10.10.10.10: locked by ",
        &format!("pid {}", first.id()),
        " since ",
        "caused by: it runs ./slow.rhai",
        "hint: wait until it is done",
    ]);
    // What changes nothing does not care.
    lab.etcdsh(&["-C", "./quick.rhai"]).ok();
    lab.etcdsh(&["--list-hosts", "./quick.rhai"]).ok();
    end(first).ok();
    lab.etcdsh(&["./quick.rhai"]).ok();
    assert_eq!(
        lab.tries(HOST, "test -e /run/etcdsh.lock").code,
        1,
        "the lock is released"
    );
    lab.on(HOST, "rm /srv/*");
    let mut killed = start(&lab, &["./slow.rhai"]);
    lab.until(HOST, "test -e /srv/begun");
    killed.kill().unwrap();
    let _ = killed.wait();
    let begin = Instant::now();
    lab.etcdsh(&["./quick.rhai"]).ok();
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn an_interrupted_run_finishes_its_step() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.write("slow.rhai", SLOW);
    let run = start(&lab, &["./slow.rhai"]);
    lab.until(HOST, "test -e /srv/begun");
    interrupt(&run);
    end(run).exits(99).says(&[
        "interrupted: finishing the step at hand; once more to stop now",
        "PLAY RECAP",
        "next: ",
    ]);
    lab.on(
        HOST,
        "test -e /srv/finished && ! test -e /srv/never && ! test -e /run/etcdsh.lock",
    );
    lab.on(HOST, "rm /srv/*");
    let run = start(&lab, &["./slow.rhai"]);
    lab.until(HOST, "test -e /srv/begun");
    let begin = Instant::now();
    interrupt(&run);
    std::thread::sleep(Duration::from_millis(200));
    interrupt(&run);
    end(run).exits(99);
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    // A shell that hangs over ssh is found out, named, and ended by one interrupt.
    lab.on(HOST, "rm /srv/*");
    lab.write("hangs.rhai", &SLOW.replace("sleep 3", "kill -STOP $$"));
    let run = start(&lab, &["./hangs.rhai"]);
    lab.until(HOST, "test -e /srv/begun");
    interrupt(&run);
    end(run)
        .exits(99)
        .says(&["10.10.10.10: no answer since ", "Ctrl-C ends it"]);
}

#[test]
fn a_host_that_dies_or_freezes_in_mid_run() {
    let Some(lab) = Lab::up(
        &HOSTS[..2],
        THREE
            .replace("        10.10.10.12: { etcd_seq: 3 }\n", "")
            .as_str(),
    ) else {
        return;
    };
    lab.write(
        "slow.rhai",
        &SLOW.replace("sleep 3", "[ $(hostname) = node-11 ] && sleep 60"),
    );
    let begin = Instant::now();
    let run = start(&lab, &["-T", "3", "./slow.rhai"]);
    lab.until(HOSTS[1], "test -e /srv/begun");
    lab.does("kill", &[HOSTS[1]]);
    end(run).exits(4).says(&[
        "unreachable 10.10.10.11",
        "the connection was lost",
        "next: ",
    ]);
    assert!(
        begin.elapsed() < Duration::from_secs(75),
        "{:?}",
        begin.elapsed()
    );
    lab.on(HOST, "! test -e /run/etcdsh.lock");
    lab.does("boot", &[HOSTS[1]]);
    lab.etcdsh(&["run", "etcd", "--", "true"]).ok();
    lab.does("cut", &[HOSTS[1]]);
    let begin = Instant::now();
    let run = lab.etcdsh(&["-T", "3", "run", "etcd", "--", "true"]);
    assert_eq!(run.code, 4, "{}", run.text());
    assert!(
        begin.elapsed() < Duration::from_secs(25),
        "{:?}",
        begin.elapsed()
    );
    lab.does("mend", &[HOSTS[1]]);
}

#[test]
fn certificate_authorities_that_cannot_be_used() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    let sh = |script: &str| {
        let output = std::process::Command::new("sh")
            .arg("-ec")
            .arg(script)
            .current_dir(lab.folder())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{script}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let ca = |more: &str| {
        sh(&format!(
            "rm -rf files; mkdir -p files/pki/ca; cd files/pki/ca; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=ours {more} 2>/dev/null"
        ));
    };
    let before = lab.tree(HOST);
    ca("-days 1000; rm ca.key");
    flow(&lab, "").exits(2).says(&["files/pki/ca/ca.key"]);
    ca("-days 1000; openssl genpkey -algorithm ed25519 -out ca.key");
    flow(&lab, "")
        .exits(2)
        .says(&["does not belong to the CA certificate"]);
    expired(&lab);
    flow(&lab, "").exits(2).says(&["expired"]);
    assert_eq!(before, lab.tree(HOST), "nothing was changed");
    ca("-days 1000");
    lab.on(HOST, "mkdir -p /etc/pki");
    sh(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.crt -subj /CN=other -days 99 2>/dev/null",
    );
    lab.keep_on(HOST, "other.crt", "/etc/pki/ca.crt");
    let before = lab.tree(HOST);
    flow(&lab, "")
        .exits(2)
        .says(&["/etc/pki/ca.crt", "another CA"]);
    assert_eq!(before, lab.tree(HOST), "nothing was changed");
}

/// A CA whose last day was long ago.
fn expired(lab: &Lab) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    lab.write(
        "files/pki/ca/ca.crt",
        &params.self_signed(&key).unwrap().pem(),
    );
    lab.write("files/pki/ca/ca.key", &key.serialize_pem());
}

#[test]
fn locks_of_apt_are_waited_for_and_an_interrupted_dpkg_is_repaired() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    // As another apt would: a lock of fcntl, for four seconds.
    let holder = |file: &str| {
        format!(
            "perl -MFcntl -e 'open(F, \">>\", \"{file}\"); $l = pack(\"s s l! l! i\", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; sleep 4' & sleep 0.3"
        )
    };
    for file in ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"] {
        lab.reset();
        lab.on(
            HOST,
            &format!(
                "{} ; :",
                holder(file).replace(" & sleep", " >/dev/null 2>&1 & sleep")
            ),
        );
        let begin = Instant::now();
        flow(&lab, "-t etcd_install").ok();
        assert!(
            begin.elapsed() > Duration::from_secs(2),
            "{file} was not held"
        );
    }
    lab.reset();
    lab.on(HOST, "cd /opt/repo; dpkg --unpack etcd-server_*.deb >/dev/null 2>&1; dpkg -s etcd-server | grep 'Status.*unpacked'");
    flow(&lab, "-t etcd_install").ok();
    lab.on(
        HOST,
        "dpkg -s etcd-server | grep 'Status: install ok installed'; test -z \"$(dpkg --audit)\"",
    );
    // A package whose configuration was cut off.
    lab.reset();
    lab.on(HOST, "cd /opt/repo; dpkg --unpack etcd-server_*.deb >/dev/null 2>&1; sed -i '2i exit 1' /var/lib/dpkg/info/etcd-server.postinst; dpkg --configure etcd-server >/dev/null 2>&1; sed -i '2d' /var/lib/dpkg/info/etcd-server.postinst; dpkg -s etcd-server | grep 'Status.*half-configured'");
    flow(&lab, "-t etcd_install").ok();
    lab.on(
        HOST,
        "dpkg -s etcd-server | grep 'Status: install ok installed'; test -z \"$(dpkg --audit)\"",
    );
}

#[test]
fn sudo_that_breaks_in_mid_run() {
    let Some(lab) = Lab::up(
        &[HOST],
        "all: { hosts: { 10.10.10.10: { ansible_user: admin } } }\n",
    ) else {
        return;
    };
    lab.write(
        "broken.rhai",
        "play(\"broken\", \"all\", #{ become: true });\n\
         task(\"first\", \"breaks sudo and loses its shell\", |h| h.run(\"rm /etc/sudoers.d/lab; kill -9 $PPID $$\", #{ ok: \"any\" }));\n\
         task(\"second\", \"needs it again\", |h| h.run(\"true\"));\n",
    );
    lab.etcdsh(&["./broken.rhai"])
        .exits(4)
        .says(&["unreachable 10.10.10.10", "the connection was lost"]);
    lab.etcdsh(&["./broken.rhai"])
        .exits(4)
        .says(&["10.10.10.10: sudo"]);
}
