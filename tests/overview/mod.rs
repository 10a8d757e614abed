//! The overview of living members: as text and JSON, on a terminal, in a browser, for scripts.
//!
//! The members are real ones in a sandbox; `tests/real/overview.rs` has hosts whose cable is cut.

#![allow(clippy::unwrap_used)]

mod browser;
mod listen;
mod page;
mod screen;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::Ran;
use crate::repl::live::Members;

/// Three members that run.
fn cluster(number: u32) -> Members {
    let members = Members::new(number);
    let ran = members.test.etcdsh(&["-i", "hosts.yml", "etcd"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    members
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

impl Members {
    fn overview(&self, words: &[&str]) -> Ran {
        self.test
            .etcdsh(&[&["-i", "hosts.yml", "overview"], words].concat())
    }

    /// Send a signal to the etcd process of a member.
    fn signal(&self, place: usize, signal: &str) {
        let folder = self
            .test
            .path(&format!("sandbox/{}/", self.addresses[place]))
            .display()
            .to_string();
        let mut found = 0;
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let command = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            let name = entry.file_name().to_string_lossy().into_owned();
            if command.contains("--config-file")
                && command.contains(&folder)
                && std::fs::read_to_string(entry.path().join("comm"))
                    .unwrap_or_default()
                    .trim()
                    == "etcd"
            {
                assert!(
                    std::process::Command::new("kill")
                        .args([signal, &name])
                        .status()
                        .unwrap()
                        .success()
                );
                found += 1;
            }
        }
        assert_eq!(found, 1, "the process of {folder}");
    }
}

/// Wait for something that comes soon; how long it took.
#[track_caller]
fn soon(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "this does not come: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    start.elapsed()
}

#[test]
fn members_are_shown_as_they_are_and_a_dead_one_with_its_cause() {
    let members = cluster(11);
    for key in ["/a", "/b", "/c"] {
        let ran = members
            .test
            .etcdsh(&["-i", "hosts.yml", "e", "put", key, "1"]);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    // On a busy machine a member may be a moment behind, and a look take longer than it counts for.
    let mut seen = Value::Null;
    soon("three members without lag and without readers", || {
        let ran = members.overview(&["--once", "-o", "json"]);
        seen = json(&ran);
        let rows = seen["members"].as_array().expect("a list");
        (ran.status, &seen["verdict"]) == (0, &"healthy".into())
            && seen["keys"] == 3
            && seen["reads_per_second"] == 0.0
            && rows.iter().all(|member| member["lag"] == 0)
    });
    assert_eq!(
        (
            &seen["voters"],
            &seen["quorum"],
            &seen["up"],
            &seen["tolerance"],
            &seen["keys"]
        ),
        (&3.into(), &2.into(), &3.into(), &1.into(), &3.into())
    );
    assert_eq!(
        seen["leader_since_exact"], true,
        "the time of the election stands in the leader's log"
    );
    assert_eq!(
        seen["members"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|member| member["role"] == "leader")
            .count(),
        1
    );
    for (place, member) in seen["members"].as_array().unwrap().iter().enumerate() {
        assert_eq!(member["name"], format!("etcd-{}", place + 1));
        assert_eq!(
            (
                &member["host"],
                &member["up"],
                &member["healthy"],
                &member["lag"]
            ),
            (
                &members.addresses[place].as_str().into(),
                &true.into(),
                &true.into(),
                &0.into()
            )
        );
        assert_eq!(
            (
                &member["drift"],
                &member["certificate_days"],
                &member["no_metrics"]
            ),
            (&Value::Array(Vec::new()), &7299.into(), &Value::Null),
            "{member}"
        );
        for known in [
            "db_size",
            "db_size_in_use",
            "quota",
            "fsync_p99_seconds",
            "commit_p99_seconds",
            "memory",
            "started",
            "reads_per_second",
            "health_seconds",
        ] {
            assert!(member[known].is_number(), "{known} of {member}");
        }
    }
    // A parameter that is not on the hosts yet is drift.
    let ran = members.overview(&["--once", "-e", "etcd_heartbeat_interval=150"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(
        ran.stdout
            .contains("etcd-2: differs from the inventory: file ")
            && ran.stdout.contains("etcd.conf: content +1 -1 lines"),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("next: etcdsh -i hosts.yml etcd -t etcd_config -C -D -l "),
        "{ran:?}"
    );
    assert_eq!(
        members
            .overview(&["--once", "--no-hosts", "-e", "etcd_heartbeat_interval=150"])
            .status,
        0
    );

    // Gates of one's own.
    let gate = "let s = cluster_status(#{ over: \"300ms\" }); if s.verdict != \"healthy\" || s.tolerance < 1 { fail(\"not now\"); } print(s.members[0].name); overview();";
    let ran = members.test.etcdsh(&["-i", "hosts.yml", "--eval", gate]);
    assert!(
        ran.status == 0
            && ran
                .stdout
                .starts_with("etcd-1\netcd  healthy  3 members, 3 take part"),
        "{ran:?}"
    );
    let ran = members.test.etcdsh(&[
        "-i",
        "hosts.yml",
        "--eval",
        "cluster_status(#{ ovr: \"1s\" })",
    ]);
    assert!(
        ran.status == 1 && ran.stderr.contains("did you mean `over`?"),
        "{ran:?}"
    );

    members.signal(2, "-KILL");
    // Where it was the leader the others elect one first.
    let end = Instant::now() + Duration::from_secs(20);
    let ran = loop {
        let ran = members.overview(&["--once"]);
        assert_eq!(ran.status, 2, "{ran:?}");
        if !ran.stdout.contains("no leader") || Instant::now() > end {
            break ran;
        }
    };
    assert!(
        ran.stdout
            .starts_with("etcd  degraded  3 members, 2 take part, quorum 2, none may fail\n"),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("critical: etcd-3: does not answer for ")
            && ran.stdout.contains(": connection refused\n"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains(&format!(
            "  next: etcdsh -i hosts.yml run {} -b -- systemctl status etcd",
            members.addresses[2]
        )),
        "{ran:?}"
    );

    members.signal(1, "-KILL");
    let ran = members.overview(&["--once", "--no-hosts"]);
    assert!(
        ran.status == 2 && ran.stdout.starts_with("etcd  no quorum  "),
        "{ran:?}"
    );
    let ran = members
        .test
        .etcdsh(&["-i", "hosts.yml", "--eval", "cluster_status().verdict"]);
    assert_eq!(ran.stdout, "no_quorum\n", "{ran:?}");
    members.signal(0, "-KILL");
    let ran = members.overview(&["--once", "--no-hosts"]);
    assert!(
        ran.status == 4 && ran.stdout.starts_with("etcd  unreachable  "),
        "{ran:?}"
    );
}

#[test]
fn a_member_of_no_inventory_is_shown_too_and_one_of_the_inventory_that_is_none() {
    let members = cluster(12);
    // By an endpoint alone, with the certificates of the inventory's folder; the others are found on the list of members.
    let endpoint = format!("https://{}:2379", members.addresses[0]);
    let pki = [
        "--cacert",
        "sandbox/files/pki/ca/ca.crt",
        "--cert",
        "sandbox/files/pki/etcd/admin.crt",
        "--key",
        "sandbox/files/pki/etcd/admin.key",
    ];
    let folder = if members.test.path("files/pki").exists() {
        ""
    } else {
        "sandbox/"
    };
    let pki: Vec<String> = pki
        .iter()
        .map(|word| word.replace("sandbox/", folder))
        .collect();
    let words: Vec<&str> = [
        "overview",
        "--once",
        "--no-hosts",
        "-o",
        "json",
        "--endpoints",
        &endpoint,
    ]
    .into_iter()
    .chain(pki.iter().map(String::as_str))
    .collect();
    std::fs::create_dir(members.test.path("elsewhere")).unwrap();
    std::fs::rename(
        members.test.path("hosts.yml"),
        members.test.path("elsewhere/hosts.yml"),
    )
    .unwrap();
    let ran = members.test.etcdsh(&words);
    let seen = json(&ran);
    let names: Vec<&str> = seen["members"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|member| member["up"] == true)
        .filter_map(|member| member["name"].as_str())
        .collect();
    assert_eq!(names, ["etcd-1", "etcd-2", "etcd-3"], "{ran:?}");
    // The same with a CA that the system trusts, and none given.
    let line = format!(
        "SSL_CERT_FILE={} etcdsh overview --once --no-hosts -o json --endpoints {endpoint} {}",
        pki[1],
        pki[2..].join(" ")
    );
    let ran = members.test.sh(&line);
    let seen = json(&ran);
    assert!(
        seen["members"]
            .as_array()
            .unwrap()
            .iter()
            .all(|member| member["up"] == true && member["no_metrics"].is_null()),
        "{ran:?}"
    );
    std::fs::rename(
        members.test.path("elsewhere/hosts.yml"),
        members.test.path("hosts.yml"),
    )
    .unwrap();

    let text = std::fs::read_to_string(members.test.path("hosts.yml")).unwrap();
    let fourth = members.addresses[2].replace(".12", ".13");
    let last = format!("        {}: {{ etcd_seq: 3 }}\n", members.addresses[2]);
    std::fs::write(
        members.test.path("four.yml"),
        text.replace(
            &last,
            &format!("{last}        {fourth}: {{ etcd_seq: 4 }}\n"),
        ),
    )
    .unwrap();
    let ran = members
        .test
        .etcdsh(&["-i", "four.yml", "overview", "--once", "--no-hosts"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(
        ran.stdout
            .contains("warning: etcd-4: is in the inventory and no member of the cluster\n"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains(&format!(
            "  next: etcdsh -i four.yml etcd -l {fourth} -e etcd_init=existing -C\n"
        )),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .starts_with("etcd  degraded  3 members, 3 take part, quorum 2"),
        "{ran:?}"
    );
}

#[test]
fn wrong_words_are_refused_before_anything_is_asked() {
    let members = crate::repl::folder();
    for (words, wanted) in [
        (
            vec!["--listen", "0.0.0.0:80"],
            "only a loopback address: the page asks nobody who he is",
        ),
        (
            vec!["--interval", "5ms"],
            "`--interval 5ms` is not between 200ms and 1m",
        ),
        (
            vec!["--interval", "soon"],
            "`--interval soon` is no duration",
        ),
        (vec!["--for", "10s"], "--html <FILE>"),
        (
            vec!["--html", "no/such/folder/x.html"],
            "`no/such/folder/x.html` cannot be written",
        ),
        (vec!["--cluster-name", "ectd"], "did you mean `etcd`?"),
        (
            vec!["--cacert", "nothing.crt"],
            "open nothing.crt: no such file or directory",
        ),
    ] {
        let ran = members.etcdsh(&[vec!["-i", "hosts.yml", "overview"], words.clone()].concat());
        assert!(
            ran.status != 0 && ran.stderr.contains(wanted),
            "{words:?} {ran:?}"
        );
    }
}
