//! A file that the real etcd of a release saved, and members that start on what is made of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use etcdsh::etcd::{Client, Config, GetOptions, KeyValue, PutOptions};
use serde_json::Value;
use tempfile::TempDir;

use super::{folder, text};
use crate::etcd_client::raw::{e, lease};

/// A file that etcd of a release line saved, what was in it, and where its programs are.
pub(super) struct Saved {
    pub(super) addresses: Addresses,
    pub(super) dir: TempDir,
    pub(super) hash: Value,
    pub(super) keys: Vec<KeyValue>,
    pub(super) line: &'static str,
    pub(super) programs: PathBuf,
    pub(super) revision: i64,
}

impl Saved {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("a.db")
    }

    /// Ours, as `etcdctl` of 3.5.
    pub(super) fn restore(&self, data_dir: &str, words: &[&str]) -> Output {
        let link = self.dir.path().join("etcdctl");
        let _ = symlink(env!("CARGO_BIN_EXE_etcdsh"), &link);
        run(Command::new(link)
            .env("ETCDSH_ETCDCTL_COMPAT", "3.5")
            .args(["snapshot", "restore", "a.db", "--data-dir", data_dir])
            .args(words)
            .current_dir(self.dir.path()))
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

pub(super) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
pub(super) fn ok(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Programs of a line; 3.4 is Debian's.
pub(super) fn programs(line: &str) -> Option<PathBuf> {
    if line != "3.4" {
        return Some(folder(line)?.0);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/etcd-binaries");
    let output = run(Command::new(script).arg("bookworm"));
    ok(&output);
    Some(text(&output.stdout).trim().into())
}

/// The addresses of one scene, at which nobody else is: those of `tests/etcdctl` end below 100.
pub(super) struct Addresses(usize);

static TAKEN: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

impl Drop for Addresses {
    fn drop(&mut self) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.0);
    }
}

impl Addresses {
    fn new() -> Addresses {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let first = (100..240).step_by(10).find(|first| taken.insert(*first));
        Addresses(first.expect("fewer scenes than that at a time"))
    }

    fn url(&self, number: usize, port: u16) -> String {
        let id = std::process::id() % 62_500;
        let last = self.0 + number;
        format!("http://127.{}.{}.{last}:{port}", 1 + id / 250, 1 + id % 250)
    }

    pub(super) fn peer(&self, number: usize) -> String {
        self.url(number, 2380)
    }

    /// All members as they are at the beginning.
    pub(super) fn cluster(&self, members: usize) -> String {
        let all: Vec<String> = (1..=members)
            .map(|number| format!("m{number}={}", self.peer(number)))
            .collect();
        all.join(",")
    }

    pub(super) fn start(
        &self,
        programs: &Path,
        data_dir: &Path,
        number: usize,
        all: &str,
        state: &str,
    ) -> Member {
        let (client, peer) = (self.url(number, 2379), self.peer(number));
        let log = File::create(data_dir.with_extension("log")).unwrap();
        let child = Command::new(programs.join("etcd"))
            .args(["--name", &format!("m{number}"), "--logger=zap"])
            .args(["--initial-cluster", all, "--initial-cluster-token", "tok"])
            .args(["--initial-cluster-state", state])
            .args(["--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(["--heartbeat-interval=50", "--election-timeout=500"])
            .args(["--unsafe-no-fsync", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Member {
            child,
            endpoint: client,
        }
    }
}

pub(super) struct Member {
    child: Child,
    pub(super) endpoint: String,
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Member {
    pub(super) fn client(&self) -> Client {
        Client::new(Config {
            endpoints: vec![self.endpoint.clone()],
            ..Config::default()
        })
        .unwrap()
    }

    /// Until it reads through a quorum, and that it has not ended.
    #[track_caller]
    pub(super) fn wait(&mut self, what: &str) {
        let end = Instant::now() + Duration::from_secs(40);
        while self
            .client()
            .get(b"health", &GetOptions::default())
            .is_err()
        {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{what}: etcd ended");
            assert!(Instant::now() < end, "{what}: etcd did not serve");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

pub(super) fn everything(client: &Client) -> (Vec<KeyValue>, i64) {
    let all = GetOptions {
        range_end: Some(vec![0]),
        ..GetOptions::default()
    };
    let answer = client.get(b"\0", &all).unwrap();
    (answer.kvs, answer.header.revision)
}

/// Hash and compacted revision of each member, at a revision.
pub(super) fn hashes(client: &Client, endpoints: &[&str], revision: i64) -> Vec<Value> {
    let (endpoints, revision) = (endpoints.join(","), revision.to_string());
    let words = ["endpoint", "hashkv", "-w", "json", "--rev", &revision];
    let line = [&words[..], &["--endpoints", &endpoints]].concat();
    let end = Instant::now() + Duration::from_secs(20);
    let said = loop {
        match e(client, &line) {
            Ok(said) => break said,
            // A member that follows may not have it yet.
            Err(error) if error.what.contains("future revision") && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(30));
            }
            Err(error) => panic!("{error}"),
        }
    };
    let said: Vec<Value> = serde_json::from_str(&said).unwrap();
    let part = |one: &Value| {
        let hash = &one["HashKV"];
        serde_json::json!([hash["hash"], hash["compact_revision"]])
    };
    said.iter().map(part).collect()
}

/// Small values and large ones, some of them overwritten and deleted, with leases, users, and a compaction in the middle.
fn fill(client: &Client, seed: u8) {
    let put = |key: &str, value: &[u8], lease: u64| {
        let options = PutOptions {
            lease,
            ..PutOptions::default()
        };
        client.put(key.as_bytes(), value, options).unwrap();
    };
    for number in 0..250_usize {
        put(&format!("/a/{number:04}"), &vec![seed; number % 90], 0);
    }
    for number in 0..40_usize {
        put(&format!("/a/{number:04}"), &vec![seed; 40 * number], 0);
        put(&format!("/page/{number}"), &[seed; 5_000], 0);
        put(&format!("/gone/{number}"), &[seed; 9_000], 0);
    }
    put("/large", &vec![seed; 1_200_000], 0);
    let held = lease(client, 100_000);
    put("/leased", b"x", held);
    for words in [
        &["del", "--prefix", "/a/001"][..],
        &["del", "--prefix", "/gone/"],
        &["role", "add", "reader"],
        &["role", "grant-permission", "reader", "read", "/a/"],
        &["user", "add", "alice", "--no-password"],
        &["user", "grant-role", "alice", "reader"],
        &["compaction", "372", "--physical"],
        &["del", "/page/7"],
        &["put", "/last", "1"],
    ] {
        e(client, words).unwrap();
    }
}

pub(super) fn saved(line: &'static str) -> Option<Saved> {
    let programs = programs(line)?;
    let dir = tempfile::tempdir().unwrap();
    let addresses = Addresses::new();
    let data_dir = dir.path().join("origin");
    let all = format!("m9={}", addresses.peer(9));
    let mut origin = addresses.start(&programs, &data_dir, 9, &all, "new");
    origin.wait(line);
    let client = origin.client();
    fill(&client, line.as_bytes()[2]);
    let (keys, revision) = everything(&client);
    let hash = hashes(&client, &[&origin.endpoint], revision).remove(0);
    client
        .snapshot_save(&origin.endpoint, &dir.path().join("a.db"))
        .unwrap();
    Some(Saved {
        addresses,
        dir,
        hash,
        keys,
        line,
        programs,
        revision,
    })
}
