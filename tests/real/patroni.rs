//! A running Patroni and a cluster that is purged and made anew: with a fresh token it goes on, with the old one it is locked out.
//!
//! Patroni remembers the highest raft term of each cluster id, and a cluster id is made of peer URLs and token alone. Patroni's
//! own class for etcd is what asks (`patroni_client.py`), over TLS with certificates of ours.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::see::{ONE, json};
use super::versions;
use crate::release;

const HOST: &str = "10.10.10.10";

/// Longer than it takes Patroni to find a member again.
const FOUND_AGAIN: Duration = Duration::from_mins(1);

/// Python with Patroni in it, made once.
fn python() -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/patroni-venv");
    let output = Command::new(script).output().expect("sh runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// One Patroni process.
struct Patroni {
    process: Child,
    asked: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Patroni {
    fn begin(lab: &Lab, python: &str) -> Patroni {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/patroni_client.py");
        let mut process = lab
            .command(python)
            .args([program, &format!("{HOST}:2379"), "pki"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python runs");
        let asked = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("its output"));
        Patroni {
            process,
            asked,
            answers,
        }
    }

    /// Write a word and read it back: `ok CLUSTER TERM`, or why not.
    fn ask(&mut self, word: &str) -> String {
        let asked = self.asked.as_mut().expect("it listens");
        writeln!(asked, "{word}").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "it has ended");
        line.trim().to_string()
    }

    /// The cluster's id and term, once it is well; and that what it wrote is in etcd.
    #[track_caller]
    fn goes_on(&mut self, lab: &Lab, word: &str) -> (String, u64) {
        let start = Instant::now();
        loop {
            let said = self.ask(word);
            if let ["ok", cluster, term] = said.split(' ').collect::<Vec<_>>()[..] {
                assert!(
                    super::see::etcdctl(lab, HOST, "get /service/demo/config")
                        .contains(&format!("\"{word}\""))
                );
                return (cluster.to_string(), term.parse().expect("a number"));
            }
            assert!(start.elapsed() < FOUND_AGAIN, "it stays so: {said}");
        }
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        // It ends with its input.
        self.asked = None;
        let _ = self.process.wait();
    }
}

/// Elections raise the term, which Patroni then remembers.
fn raise_term(lab: &Lab) -> u64 {
    for _ in 0..3 {
        lab.on(HOST, "systemctl restart etcd");
    }
    let status = json(lab, HOST, "endpoint status");
    status[0]["Status"]["raftTerm"].as_u64().expect("a number")
}

fn survives_a_rebuild(line: &str) {
    let Some((lab, version)) = versions::lab(line, &[HOST], ONE) else {
        return;
    };
    let python = python();
    lab.flow("").ok();
    let copied = lab
        .command("sh")
        .args([
            "-c",
            "mkdir pki && cp files/pki/ca/ca.crt files/pki/etcd/admin.* pki/",
        ])
        .status();
    assert!(copied.expect("sh runs").success());
    let mut patroni = Patroni::begin(&lab, &python);
    let (first, term) = patroni.goes_on(&lab, "one");
    let raised = raise_term(&lab);
    assert!(raised > term, "{raised}");
    assert_eq!(patroni.goes_on(&lab, "two"), (first.clone(), raised));

    lab.flow("-e etcd_clean=true -y").ok();
    let (second, term) = patroni.goes_on(&lab, "three");
    assert_ne!(second, first);
    assert!(term < raised, "{term}");
    println!(
        "{version}: cluster {first} of term {raised}, made anew as {second} of term {term}: Patroni goes on"
    );

    // With the token that it had, the same cluster seems to have gone back in time.
    let raised = raise_term(&lab);
    assert_eq!(patroni.goes_on(&lab, "four"), (second.clone(), raised));
    lab.on(
        HOST,
        "systemctl stop etcd; rm -r /data/etcd/member /var/lib/etcdsh/started; systemctl start etcd",
    );
    lab.until(HOST, ". /etc/profile.d/etcdctl.sh; etcdctl endpoint health");
    for _ in 0..3 {
        let said = patroni.ask("five");
        assert!(said.starts_with("failed"), "{said}");
    }
    let (third, _) = Patroni::begin(&lab, &python).goes_on(&lab, "six");
    assert_eq!(third, second, "it has another id: this shows nothing");
    let said = patroni.ask("seven");
    assert!(said.starts_with("failed"), "{said}");
}

#[test]
fn patroni_goes_on_when_its_cluster_is_made_anew() {
    if release::in_full() {
        for line in ["3.5", "3.6"] {
            survives_a_rebuild(line);
        }
    }
    survives_a_rebuild("3.7");
}
