//! Scripts that change who is a member: each step is planned, borne by quorum and by Patroni, and finished by the same line where it
//! was not; what was done is told by the audit.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lab::{Lab, Run};
use super::linear::Load;
use super::see::{HOSTS, SIX, THREE, births, etcdctl, healthy, members, refused, six};

/// Hosts with etcd 3.5.
fn up(hosts: &[&str], inventory: &str) -> Option<Lab> {
    let images: Vec<String> = hosts.iter().map(|host| format!("{host}=trixie")).collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    Lab::up(&images, inventory)
}

/// `etcdsh -o json WORDS`; the words are split at spaces.
fn run(lab: &Lab, words: &str) -> Run {
    let words: Vec<&str> = ["-o", "json"].into_iter().chain(words.split(' ')).collect();
    lab.etcdsh(&words)
}

/// The steps that were planned, with the voters after each.
pub(super) fn planned(run: &Run) -> Vec<(String, u64)> {
    let plan = |event: &Value| event["steps"].as_array().cloned();
    let steps = run.events().iter().find_map(plan).unwrap_or_default();
    let step = |step: &Value| {
        let what = step["what"].as_str().unwrap().to_string();
        (what, step["after"]["voters"].as_u64().unwrap())
    };
    steps.iter().map(step).collect()
}

/// Somebody who writes all the time, and keeps in mind what was acknowledged.
struct Writer {
    ended: Arc<AtomicBool>,
    process: std::thread::JoinHandle<(Vec<usize>, Duration)>,
}

impl Writer {
    fn begin(lab: &Lab) -> Writer {
        let ended = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ended);
        let mut commands: Vec<_> = Vec::new();
        for nth in 0..20_000 {
            let mut command = lab.command(env!("CARGO_BIN_EXE_etcdsh"));
            let (key, value) = (format!("/load/{nth}"), nth.to_string());
            command.args(["e", "put", &key, &value]);
            commands.push(command);
        }
        let process = std::thread::spawn(move || {
            let (mut kept, mut longest, mut last) = (Vec::new(), Duration::ZERO, Instant::now());
            for (nth, command) in commands.iter_mut().enumerate() {
                if until.load(Ordering::Relaxed) {
                    break;
                }
                if command.output().is_ok_and(|done| done.status.success()) {
                    kept.push(nth);
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
            }
            (kept, longest)
        });
        Writer { ended, process }
    }

    /// All that was acknowledged is there.
    fn lost_nothing(self, lab: &Lab, host: &str) {
        self.ended.store(true, Ordering::Relaxed);
        let (kept, longest) = self.process.join().expect("the writer ends");
        assert!(kept.len() > 20, "it wrote {} keys", kept.len());
        let there = etcdctl(lab, host, "get --prefix /load/ --keys-only");
        let there: std::collections::HashSet<&str> = there.lines().collect();
        for nth in &kept {
            assert!(
                there.contains(format!("/load/{nth}").as_str()),
                "/load/{nth} is lost"
            );
        }
        eprintln!(
            "{} writes were acknowledged, none was lost; the longest pause was {longest:?}",
            kept.len()
        );
    }
}

#[test]
fn a_cluster_grows_and_shrinks_under_load() {
    let hosts = &SIX[..5];
    let Some(lab) = up(hosts, &six(1)) else {
        return;
    };
    lab.flow("").ok();
    lab.write("pigsty.yml", &six(5));
    let writer = Writer::begin(&lab);
    let load = Load::begin(&lab);

    refused(
        run(&lab, "etcd-scale 4"),
        &["4 voters bear no more failures than 3"],
    );
    let dry = run(&lab, "etcd-scale 5 -C").ok();
    assert_eq!(dry.changes(), [], "{}", dry.readable());
    let steps = planned(&dry);
    let voters: Vec<u64> = steps.iter().map(|(_, voters)| *voters).collect();
    assert_eq!(voters, [1, 2, 2, 3, 3, 4, 4, 5, 5], "{steps:?}");
    let grown = run(&lab, "etcd-scale 5").changes_something();
    assert_eq!(planned(&grown), steps);
    healthy(
        &lab,
        hosts[4],
        &["etcd-1", "etcd-2", "etcd-3", "etcd-4", "etcd-5"],
    );
    run(&lab, "etcd-scale 5").changes_nothing();

    refused(
        run(&lab, "etcd-scale 1 -y -l 10.10.10.14"),
        &["4 voters must leave, and 1 of them is selected"],
    );
    run(&lab, "etcd-scale 1")
        .exits(2)
        .says(&["1 voter stay, and none may fail"]);
    let shrunk = run(&lab, "etcd-scale 1 -y").changes_something();
    let removed: Vec<String> = planned(&shrunk)
        .into_iter()
        .map(|(what, _)| what)
        .filter(|what| what.starts_with("remove"))
        .collect();
    assert_eq!(
        removed,
        [
            "remove etcd-5",
            "remove etcd-4",
            "remove etcd-3",
            "remove etcd-2"
        ]
    );
    assert_eq!(members(&lab, hosts[0]).len(), 1);
    for host in &hosts[1..] {
        lab.on(
            host,
            "[ ! -e /data/etcd/member ] && ! systemctl is-active --quiet etcd",
        );
    }
    assert_eq!(lab.files("backup").len(), 4);
    load.explained();
    writer.lost_nothing(&lab, hosts[0]);
}

#[test]
fn members_that_are_dead_are_removed_replaced_and_finished_by_the_same_line() {
    let hosts = &SIX[..4];
    let Some(lab) = up(hosts, THREE) else {
        return;
    };
    lab.flow("").ok();
    etcdctl(&lab, hosts[0], "put precious 42");
    lab.write("pigsty.yml", &six(4));

    // One is dead: no other may be stopped, and it may go.
    lab.does("kill", &[hosts[2]]);
    refused(
        run(&lab, "etcd-restart 10.10.10.11"),
        &[
            "step 1 would leave 1 healthy of 3 voters, and the quorum is 2",
            "etcd-3 is not healthy",
        ],
    );
    run(&lab, "etcd-rm nobody -y")
        .exits(2)
        .says(&["has no member `nobody`"]);
    run(&lab, "etcd-replace etcd-9 10.10.10.13 -y")
        .exits(2)
        .says(&["has no member `etcd-9`"]);
    let replaced = run(&lab, "etcd-replace etcd-3 10.10.10.13 -y").changes_something();
    let what: Vec<String> = planned(&replaced)
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(
        what[..4],
        [
            "remove etcd-3",
            "stop etcd on 10.10.10.12 and clear it",
            "add etcd-4 as a learner",
            "promote etcd-4"
        ]
    );
    healthy(&lab, hosts[0], &["etcd-1", "etcd-2", "etcd-4"]);
    run(&lab, "etcd-replace etcd-3 10.10.10.13 -y").changes_nothing();

    // It comes back: what is left of it goes by the same line.
    lab.does("boot", &[hosts[2]]);
    lab.until(hosts[2], "true");
    run(&lab, "etcd-rm etcd-3 -y").changes_something();
    lab.on(
        hosts[2],
        "[ ! -e /data/etcd/member ] && ! systemctl is-active --quiet etcd",
    );
    run(&lab, "etcd-rm etcd-3 -y").changes_nothing();

    // One that never starts is taken off the list again.
    lab.on(hosts[2], "mkdir -p /etc/systemd/system/etcd.service.d; printf '[Service]\nExecStartPre=/bin/false\n' > /etc/systemd/system/etcd.service.d/no.conf");
    run(&lab, "etcd-add 10.10.10.12")
        .exits(2)
        .says(&["did not start, and was taken off the member list again"]);
    assert_eq!(members(&lab, hosts[0]).len(), 3);
    lab.on(
        hosts[2],
        "rm -r /etc/systemd/system/etcd.service.d; systemctl daemon-reload",
    );
    run(&lab, "etcd-rm 10.10.10.12 -y").ok();
    run(&lab, "etcd-add 10.10.10.12").changes_something();
    healthy(&lab, hosts[2], &["etcd-1", "etcd-2", "etcd-3", "etcd-4"]);

    // The same machine: its data is there, or it was emptied.
    lab.on(hosts[1], "systemctl stop etcd");
    refused(
        run(&lab, "etcd-replace 10.10.10.11 10.10.10.11 -y"),
        &["etcd-2 is not healthy, and its data is there"],
    );
    assert_eq!(members(&lab, hosts[0]).len(), 4);
    lab.on(hosts[1], "rm -rf /data/etcd /etc/etcd /var/lib/etcdsh /etc/systemd/system/etcd.service; systemctl daemon-reload");
    run(&lab, "etcd-replace 10.10.10.11 10.10.10.11 -y").changes_something();
    healthy(&lab, hosts[1], &["etcd-1", "etcd-2", "etcd-3", "etcd-4"]);
    assert!(etcdctl(&lab, hosts[1], "get precious").contains("42"));
    run(&lab, "etcd-check").says(&["checks of `etcd`"]);

    // Healthy again for a second, and not connected long enough for etcd to spare one: that is waited for.
    run(&lab, "etcd-restart etcd").changes_something();
    run(&lab, "etcd-rm etcd-4 -y").changes_something();
    healthy(&lab, hosts[0], &["etcd-1", "etcd-2", "etcd-3"]);
}

/// A Patroni as etcd sees it: two leases that are renewed each second, until it is silent.
struct Scope<'a> {
    lab: &'a Lab,
    renewing: Vec<Child>,
}

impl Scope<'_> {
    fn begin(lab: &Lab) -> Scope<'_> {
        let grant = || {
            let said = etcdctl(lab, HOSTS[0], "lease grant 60");
            said.split(' ').nth(1).expect("an id").to_string()
        };
        let leases = [grant(), grant()];
        let put = |key: &str, value: &str, lease: &str| {
            etcdctl(
                lab,
                HOSTS[0],
                &format!("put /pg/pg-test/{key} '{value}' {lease}"),
            );
        };
        let renewing = leases.iter().zip(["", "[ -e /run/silent ] ||"]).map(|(lease, unless)| {
            let renew = format!("while sleep 1; do {unless} timeout 5 etcdctl lease keep-alive --once {lease}; done");
            lab.begin(HOSTS[0], &format!(". /etc/profile.d/etcdctl.sh; {renew}"))
        });
        let renewing = renewing.collect();
        put(
            "config",
            r#"{"ttl":60,"loop_wait":5,"retry_timeout":5}"#,
            "",
        );
        put("initialize", "7000000000000000001", "");
        put(
            "members/pg-test-2",
            r#"{"role":"replica"}"#,
            &format!("--lease={}", leases[1]),
        );
        put(
            "members/pg-test-1",
            r#"{"role":"primary"}"#,
            &format!("--lease={}", leases[0]),
        );
        put("leader", "pg-test-1", &format!("--lease={}", leases[0]));
        Scope { lab, renewing }
    }

    /// The replica does not renew its lease any more.
    fn silence(&self) {
        self.lab.on(HOSTS[0], "touch /run/silent");
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        for process in &mut self.renewing {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

#[test]
fn a_plan_is_kept_and_done_exactly_so_while_patroni_bears_it() {
    let Some(lab) = up(&HOSTS, THREE) else {
        return;
    };
    lab.flow("").ok();
    let before = births(&lab, &HOSTS);
    run(&lab, "etcd-restart")
        .changes_nothing()
        .says(&["no member needs a restart"]);
    run(&lab, "etcd-restart etcd --plan plan.json").changes_nothing();
    assert_eq!(births(&lab, &HOSTS), before);
    run(
        &lab,
        "etcd-restart etcd --plan with.json -e etcd_rm_data=false",
    )
    .changes_nothing();
    run(&lab, "apply with.json")
        .exits(5)
        .says(&["it was planned with -e etcd_rm_data"]);
    let applied = run(&lab, "apply plan.json")
        .says(&["no Patroni found"])
        .changes_something();
    assert_eq!(applied.restarted().len(), 3);
    run(&lab, "etcd-restart").changes_nothing();

    // Reality has moved.
    lab.on(HOSTS[2], "systemctl stop etcd");
    refused(
        run(&lab, "apply plan.json"),
        &["is not as it was when this was planned"],
    );
    let mended = run(&lab, "etcd-restart").changes_something();
    assert_eq!(mended.restarted(), [HOSTS[2]], "{}", mended.readable());

    let patroni = Scope::begin(&lab);
    let watched = run(&lab, "etcd-restart etcd")
        .says(&[
            "Patroni: 1 scope, each with a leader",
            "Patroni has renewed its leases",
        ])
        .changes_something();
    assert_eq!(watched.restarted().len(), 3);
    patroni.silence();
    let stopped = run(&lab, "etcd-restart etcd").exits(2).says(&[
        "Patroni is not as well as before this step",
        "pg-test-2 did not renew its lease",
    ]);
    assert_eq!(stopped.restarted().len(), 1, "{}", stopped.readable());
    run(&lab, "etcd-restart etcd --no-gate patroni").exits(5);
    let reason = [
        "-o",
        "json",
        "etcd-restart",
        HOSTS[0],
        "--no-gate",
        "patroni=moving house",
        "-e",
        "etcd_root_password=hunter2",
    ];
    lab.etcdsh(&reason).changes_something();

    let list = lab.etcdsh(&["audit"]).ok().text();
    assert_eq!(list.lines().count(), lab.files("audit").len(), "{list}");
    let shown = lab
        .etcdsh(&["audit", "show"])
        .ok()
        .says(&["moving house", "restart etcd-1", "service etcd: restart"])
        .text();
    for file in lab.files("audit") {
        assert!(!lab.read(&file).contains("hunter2"), "{shown}");
    }
    lab.etcdsh(&["audit", "clean", "--older", "1"])
        .ok()
        .says(&["0 removed"]);
}
