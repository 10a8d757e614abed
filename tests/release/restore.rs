//! `snapshot restore` beside the real etcdutl of each release, and the members that it makes, started by the real etcd.
//!
//! `make test` boots each release alone and as three, one as five; `make torture` all of them as one, three and five.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use etcdsh::etcd::{Client, Config, GetOptions, KeyValue, PutOptions};
use serde_json::Value;
use tempfile::TempDir;

use super::{LINES, folder, in_full, text};
use crate::etcd_client::raw::{e, lease};

/// A file that etcd of a release line saved, what was in it, and where its programs are.
struct Saved {
    addresses: Addresses,
    dir: TempDir,
    hash: Value,
    keys: Vec<KeyValue>,
    line: &'static str,
    programs: PathBuf,
    revision: i64,
}

impl Saved {
    fn path(&self) -> PathBuf {
        self.dir.path().join("a.db")
    }

    /// Ours, as `etcdctl` of 3.5.
    fn restore(&self, data_dir: &str, words: &[&str]) -> Output {
        let link = self.dir.path().join("etcdctl");
        let _ = symlink(env!("CARGO_BIN_EXE_etcdsh"), &link);
        run(Command::new(link)
            .env("ETCDSH_ETCDCTL_COMPAT", "3.5")
            .args(["snapshot", "restore", "a.db", "--data-dir", data_dir])
            .args(words)
            .current_dir(self.dir.path()))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn ok(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Programs of a line; 3.4 is Debian's.
fn programs(line: &str) -> Option<PathBuf> {
    if line != "3.4" {
        return Some(folder(line)?.0);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/etcd-binaries");
    let output = run(Command::new(script).arg("bookworm"));
    ok(&output);
    Some(text(&output.stdout).trim().into())
}

/// The addresses of one scene, at which nobody else is: those of `tests/etcdctl` end below 100.
struct Addresses(usize);

impl Addresses {
    fn new() -> Addresses {
        static NEXT: AtomicUsize = AtomicUsize::new(100);
        let first = NEXT.fetch_add(10, Ordering::Relaxed);
        assert!(first + 10 < 255, "too many scenes");
        Addresses(first)
    }

    fn url(&self, number: usize, port: u16) -> String {
        let id = std::process::id() % 62_500;
        let last = self.0 + number;
        format!("http://127.{}.{}.{last}:{port}", 1 + id / 250, 1 + id % 250)
    }

    fn peer(&self, number: usize) -> String {
        self.url(number, 2380)
    }

    /// All members as they are at the beginning.
    fn cluster(&self, members: usize) -> String {
        let all: Vec<String> = (1..=members)
            .map(|number| format!("m{number}={}", self.peer(number)))
            .collect();
        all.join(",")
    }

    fn start(
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

struct Member {
    child: Child,
    endpoint: String,
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Member {
    fn client(&self) -> Client {
        Client::new(Config {
            endpoints: vec![self.endpoint.clone()],
            ..Config::default()
        })
        .unwrap()
    }

    /// Until it reads through a quorum, and that it has not ended.
    #[track_caller]
    fn wait(&mut self, what: &str) {
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

fn everything(client: &Client) -> (Vec<KeyValue>, i64) {
    let all = GetOptions {
        range_end: Some(vec![0]),
        ..GetOptions::default()
    };
    let answer = client.get(b"\0", &all).unwrap();
    (answer.kvs, answer.header.revision)
}

/// Hash and compacted revision of each member, at a revision.
fn hashes(client: &Client, endpoints: &[&str], revision: i64) -> Vec<Value> {
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
    }
    put("/large", &vec![seed; 1_200_000], 0);
    let held = lease(client, 100_000);
    put("/leased", b"x", held);
    for words in [
        &["del", "--prefix", "/a/001"][..],
        &["role", "add", "reader"],
        &["role", "grant-permission", "reader", "read", "/a/"],
        &["user", "add", "alice", "--no-password"],
        &["user", "grant-role", "alice", "reader"],
        &["compaction", "200", "--physical"],
        &["del", "/page/7"],
        &["put", "/last", "1"],
    ] {
        e(client, words).unwrap();
    }
}

fn saved(line: &'static str) -> Option<Saved> {
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

// ---- what is in a database, read by the simplest of readers

type Buckets = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>;

fn short(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Elements of the page that begins here, and of all below it: whether it is a bucket, its key, its value.
fn elements(file: &[u8], page: &[u8], all: &mut Vec<(bool, Vec<u8>, Vec<u8>)>) {
    let is_branch = page[8] & 1 == 1;
    for index in 0..usize::from(u16::from_le_bytes([page[10], page[11]])) {
        let at = 16 + 16 * index;
        if is_branch {
            let child = usize::try_from(long(page, at + 8)).unwrap();
            elements(file, &file[child * 4096..], all);
            continue;
        }
        let (key, value) = (short(page, at + 8), short(page, at + 12));
        let from = at + short(page, at + 4);
        let key = page[from..from + key].to_vec();
        let from = from + key.len();
        all.push((page[at] == 1, key, page[from..from + value].to_vec()));
    }
}

fn buckets(database: &Path) -> Buckets {
    let file = fs::read(database).unwrap();
    let newest = [0, 4096]
        .into_iter()
        .max_by_key(|at| long(&file, at + 64))
        .unwrap();
    let page = |number: u64| &file[usize::try_from(number).unwrap() * 4096..];
    let mut names = Vec::new();
    elements(&file, page(long(&file, newest + 32)), &mut names);
    let inside = |(is_bucket, name, value): (bool, Vec<u8>, Vec<u8>)| {
        assert!(is_bucket);
        let mut pairs = Vec::new();
        match long(&value, 0) {
            0 => elements(&file, &value[16..], &mut pairs),
            root => elements(&file, page(root), &mut pairs),
        }
        let pairs = pairs.into_iter().map(|(_, key, value)| (key, value));
        (name, pairs.collect())
    };
    names.into_iter().map(inside).collect()
}

// ---- the log, record by record, without what is zero

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in 0.. {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// The fields of a message that are not zero, `within` naming the one that is a message, and the one within that.
fn fields(mut bytes: &[u8], within: &[u64]) -> String {
    let mut said = String::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = varint(&mut bytes);
        if tag.is_multiple_of(8) {
            if value != 0 {
                said += &format!("{}={value} ", tag >> 3);
            }
            continue;
        }
        let (part, rest) = bytes.split_at(usize::try_from(value).unwrap());
        bytes = rest;
        said += &match within.split_first() {
            Some((message, within)) if *message == tag >> 3 => {
                format!("{message}({}) ", fields(part, within))
            }
            _ => format!("{}={} ", tag >> 3, part.escape_ascii()),
        };
    }
    said
}

/// The records of a log, the sums left out; what follows them must be zeros.
fn records(path: &Path) -> Vec<String> {
    let log = fs::read(path).unwrap();
    let mut at = 0;
    let mut all = Vec::new();
    while long(&log, at) != 0 {
        let head = long(&log, at);
        let length = usize::try_from(head & 0x00ff_ffff_ffff_ffff).unwrap();
        let mut body = &log[at + 8..at + 8 + length];
        let (_, kind, _, _) = (
            varint(&mut body),
            varint(&mut body),
            varint(&mut body),
            varint(&mut body),
        );
        if !body.is_empty() {
            let (_, _) = (varint(&mut body), varint(&mut body));
        }
        let within: &[u64] = match kind {
            2 => &[4],
            5 => &[3],
            _ => &[],
        };
        all.push(format!("{kind}: {}", fields(body, within)));
        at += 8 + length.next_multiple_of(8);
    }
    assert!(log[at..].iter().all(|byte| *byte == 0));
    all
}

const LOG: &str = "member/wal/0000000000000000-0000000000000000.wal";

/// The same line to both; then the files side by side.
fn agrees(saved: &Saved, members: usize, bump: &[&str]) {
    let name = format!("{} with {members} {bump:?}", saved.line);
    let cluster = saved.addresses.cluster(members);
    let own = saved.addresses.peer(1);
    let words = [
        &["--name", "m1", "--initial-cluster", &cluster][..],
        &["--initial-cluster-token", "tok"],
        &["--initial-advertise-peer-urls", &own],
        bump,
    ]
    .concat();
    let theirs = run(Command::new(saved.programs.join("etcdutl"))
        .args(["snapshot", "restore", "a.db", "--data-dir", "theirs"])
        .args(&words)
        .current_dir(saved.dir.path()));
    ok(&theirs);
    ok(&saved.restore("ours", &words));
    let (theirs, ours) = (saved.at("theirs"), saved.at("ours"));
    if saved.line == "3.7" {
        let (theirs, ours) = (records(&theirs.join(LOG)), records(&ours.join(LOG)));
        assert_eq!(theirs, ours, "{name}");
        assert_eq!(ours.len(), 3 + members + 2, "{name}");
    } else {
        let (theirs, ours) = (theirs.join(LOG), ours.join(LOG));
        assert!(
            fs::read(theirs).unwrap() == fs::read(ours).unwrap(),
            "{name}"
        );
    }
    let database = |folder: &Path| buckets(&folder.join("member/snap/db"));
    let (mut theirs_db, mut ours_db) = (database(&theirs), database(&ours));
    let voters = |buckets: &mut Buckets| {
        buckets
            .get_mut(&b"meta"[..])
            .unwrap()
            .remove(&b"confState"[..])
    };
    voters(&mut theirs_db);
    let voters: Value = serde_json::from_slice(&voters(&mut ours_db).unwrap()).unwrap();
    assert_eq!(
        voters["voters"].as_array().unwrap().len(),
        members,
        "{name}"
    );
    assert!(
        ours_db[&b"members"[..]].len() == members && ours_db[&b"members_removed"[..]].is_empty()
    );
    assert!(
        theirs_db == ours_db,
        "{name}: {:?}",
        unlike(&theirs_db, &ours_db)
    );
    let status = run(Command::new(saved.programs.join("etcdutl"))
        .args(["snapshot", "status", "ours/member/snap/db"])
        .current_dir(saved.dir.path()));
    ok(&status);
    is_private(&ours);
    fs::remove_dir_all(theirs).unwrap();
    fs::remove_dir_all(ours).unwrap();
}

fn unlike(one: &Buckets, other: &Buckets) -> Vec<String> {
    let names = one.keys().chain(other.keys());
    let unlike = names.filter(|name| one.get(*name) != other.get(*name));
    unlike.map(|name| name.escape_ascii().to_string()).collect()
}

fn is_private(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    let mode = metadata.permissions().mode() & 0o777;
    assert_eq!(
        mode,
        if path.is_dir() { 0o700 } else { 0o600 },
        "{}",
        path.display()
    );
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            is_private(&entry.unwrap().path());
        }
    }
}

#[test]
fn a_restored_member_has_the_log_and_the_buckets_that_etcdutl_makes() {
    for saved in LINES.into_iter().filter_map(saved) {
        for members in [1, 3, 5] {
            agrees(&saved, members, &[]);
        }
        agrees(
            &saved,
            3,
            &["--bump-revision", "1000000", "--mark-compacted"],
        );
    }
}

/// Boot all members, and look for what was saved.
fn boots(saved: &Saved, line: &str, members: usize, bump: i64) {
    let Some(programs) = programs(line) else {
        return;
    };
    let name = format!("{} on {line} with {members}, bump {bump}", saved.line);
    let cluster = saved.addresses.cluster(members);
    let amount = bump.to_string();
    let bumped = ["--bump-revision", &amount, "--mark-compacted"];
    let home = tempfile::tempdir_in(saved.dir.path()).unwrap();
    let mut running: Vec<Member> = (1..=members)
        .map(|number| {
            let data_dir = home.path().join(format!("m{number}"));
            let (own, me) = (saved.addresses.peer(number), format!("m{number}"));
            let words = [
                &["--name", &me, "--initial-cluster", &cluster][..],
                &["--initial-cluster-token", "tok"],
                &["--initial-advertise-peer-urls", &own],
                if bump > 0 { &bumped } else { &[] },
            ];
            ok(&saved.restore(&data_dir.display().to_string(), &words.concat()));
            (saved.addresses).start(&programs, &data_dir, number, &cluster, "new")
        })
        .collect();
    for member in &mut running {
        member.wait(&name);
    }
    let client = running[0].client();
    let (keys, revision) = everything(&client);
    assert_eq!(revision, saved.revision + bump, "{name}");
    assert!(keys == saved.keys, "{name}: the keys differ");
    if bump > 0 {
        let old = e(
            &client,
            &["get", "/last", "--rev", &saved.revision.to_string()],
        );
        assert!(old.unwrap_err().what.contains("compacted"), "{name}");
    }
    e(&client, &["put", "/after", "1"]).unwrap();
    // Three and more let nobody in before they have known each other for five seconds.
    if members == 1 {
        joins(
            &saved.addresses,
            home.path(),
            &programs,
            &mut running,
            &name,
        );
    }
    let endpoints: Vec<&str> = running.iter().map(|one| one.endpoint.as_str()).collect();
    let all = hashes(&client, &endpoints, revision + 1);
    assert!(all.iter().all(|hash| *hash == all[0]), "{name}: {all:?}");
    if bump == 0 && saved.line == line {
        assert_eq!(
            hashes(&client, &endpoints, revision)[0],
            saved.hash,
            "{name}"
        );
    }
    let listed = client.member_list(false).unwrap().members;
    assert!(
        listed.iter().all(|one| !one.name.is_empty()),
        "{name}: {listed:?}"
    );
    assert_eq!(listed.len(), running.len(), "{name}");
}

/// One more member, which has nothing and gets everything.
fn joins(
    addresses: &Addresses,
    home: &Path,
    programs: &Path,
    running: &mut Vec<Member>,
    name: &str,
) {
    let number = running.len() + 1;
    let client = running[0].client();
    let (me, url) = (format!("m{number}"), addresses.peer(number));
    e(&client, &["member", "add", &me, "--peer-urls", &url]).unwrap();
    let all = addresses.cluster(number);
    let mut joined = addresses.start(programs, &home.join(&me), number, &all, "existing");
    joined.wait(name);
    let (theirs, ours) = (everything(&client), everything(&joined.client()));
    assert!(theirs == ours, "{name}: the member that joined lacks keys");
    running.push(joined);
}

#[test]
fn restored_members_start_and_one_more_joins() {
    for line in ["3.4", "3.5", "3.6", "3.7"] {
        let Some(saved) = saved(line) else { continue };
        boots(&saved, line, 1, 0);
        boots(&saved, line, 3, 1_000_000);
        if in_full() || line == "3.6" {
            boots(&saved, line, 5, 0);
        }
    }
}

#[test]
fn a_file_of_one_release_starts_on_another() {
    for (from, on) in [
        ("3.4", ["3.5"].as_slice()),
        ("3.5", &["3.6", "3.7"]),
        ("3.6", &["3.5", "3.7"]),
    ] {
        let Some(saved) = saved(from) else { continue };
        for on in on {
            boots(&saved, on, 1, 1000);
        }
    }
}

#[test]
fn what_cannot_be_restored_is_one_error_and_leaves_nothing() {
    let Some(saved) = saved("3.6") else { return };
    let whole = fs::read(saved.path()).unwrap();
    let before = names(saved.dir.path());
    let refused = |words: &[&str], wanted: &str| {
        let output = saved.restore("new/folder", words);
        let said = text(&output.stderr);
        let errors: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("Error: "))
            .collect();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            errors.len() == 1 && errors[0].contains(wanted),
            "{wanted}: {said}"
        );
        assert_eq!(
            names(saved.dir.path()),
            before,
            "{wanted}: something is left"
        );
    };
    let no_hash = "snapshot missing hash but --skip-hash-check=false";
    let mut flipped = whole.clone();
    flipped[9_000] ^= 1;
    let foreign = b"this is no snapshot".repeat(1000);
    for (bytes, words, wanted) in [
        (&whole[..whole.len() - 32], &[][..], no_hash),
        (
            &whole[..whole.len() / 2 / 4096 * 4096],
            &["--skip-hash-check"],
            "invalid database",
        ),
        (
            &whole[..5000],
            &["--skip-hash-check"],
            "file size too small",
        ),
        (&flipped, &[], "expected sha256 ["),
        (&foreign, &[], no_hash),
        (&foreign, &["--skip-hash-check"], "invalid database"),
        (&[], &[], no_hash),
    ] {
        fs::write(saved.path(), bytes).unwrap();
        refused(words, wanted);
    }
    fs::write(saved.path(), &whole).unwrap();
    is_too_new(&saved);
    refused(&["--name", "nobody"], "couldn't find local name \"nobody\"");
    fs::rename(saved.path(), saved.at("b.db")).unwrap();
    let output = saved.restore("new", &[]);
    assert!(text(&output.stderr).contains("open a.db: no such file or directory"));
    fs::rename(saved.at("b.db"), saved.path()).unwrap();
    not_over_what_is_there(&saved);
}

/// etcd 3.6 and newer do not start on what is newer than they are.
fn is_too_new(saved: &Saved) {
    for (wanted, code) in [
        ("3.4", 1),
        ("3.5", 0),
        ("v3.6.16", 0),
        ("3.10", 0),
        ("three", 128),
    ] {
        let output = run(Command::new(env!("CARGO_BIN_EXE_etcdsh"))
            .args([
                "e",
                "snapshot",
                "restore",
                "a.db",
                "--data-dir",
                "new",
                "--for",
                wanted,
            ])
            .current_dir(saved.dir.path()));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{wanted}: {said}");
        assert_eq!(saved.at("new").exists(), code == 0, "{wanted}");
        if code == 0 {
            fs::remove_dir_all(saved.at("new")).unwrap();
        } else if code == 1 {
            assert!(
                said.contains("a.db is of etcd 3.6, which is newer than 3.4"),
                "{said}"
            );
        }
    }
}

fn not_over_what_is_there(saved: &Saved) {
    fs::create_dir(saved.at("full")).unwrap();
    fs::write(saved.at("full/kept"), "kept").unwrap();
    let output = saved.restore("full", &[]);
    assert!(text(&output.stderr).contains("data-dir \"full\" not empty"));
    assert_eq!(names(&saved.at("full")), ["kept"]);
    let output = saved.restore("new", &["--wal-dir", "full"]);
    assert!(text(&output.stderr).contains("wal-dir \"full\" exists"));
    assert!(!saved.at("new").exists());
    // One that is empty keeps its mode and its owner.
    fs::create_dir(saved.at("empty")).unwrap();
    fs::set_permissions(saved.at("empty"), fs::Permissions::from_mode(0o750)).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        std::os::unix::fs::chown(saved.at("empty"), Some(1234), Some(1235)).unwrap();
    }
    ok(&saved.restore("empty", &["--wal-dir", "logs/of/m1"]));
    let metadata = fs::metadata(saved.at("empty")).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o750);
    let database = fs::metadata(saved.at("empty/member/snap/db")).unwrap();
    assert_eq!(
        (database.uid(), database.gid()),
        (metadata.uid(), metadata.gid())
    );
    assert_eq!(names(&saved.at("empty/member")), ["snap"]);
    assert_eq!(names(&saved.at("logs/of")), ["m1"]);
    assert_eq!(
        records(
            &saved
                .at("logs/of/m1")
                .join(Path::new(LOG).file_name().unwrap())
        )
        .len(),
        6
    );
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "etcdctl")
        .collect();
    names.sort_unstable();
    names
}

/// etcdctl has neither since 3.6: it shows the group's page and ends with 0, as if it were done.
#[test]
fn what_etcdctl_no_longer_has_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("etcdctl");
    symlink(env!("CARGO_BIN_EXE_etcdsh"), &link).unwrap();
    for (words, code, said) in [
        (
            &["snapshot", "restore", "a.db"][..],
            1,
            "`snapshot restore` is no command of etcdctl since 3.6: use `etcdutl snapshot restore`",
        ),
        (
            &["snapshot", "status", "a.db"],
            1,
            "`snapshot status` is no command of etcdctl since 3.6",
        ),
        (
            &["defrag", "--data-dir", "a"],
            1,
            "unknown flag: --data-dir",
        ),
        (&["snapshot", "nothing"], 0, ""),
        (&["snapshot", "restore", "--help"], 0, ""),
    ] {
        let output = run(Command::new(&link).args(words).current_dir(dir.path()));
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {error}");
        assert!(error.contains(said), "{words:?}: {error}");
        assert!(text(&output.stdout).starts_with("NAME:"), "{words:?}");
    }
}

/// A disk of its own for each size, so that it is full at another place.
#[test]
fn a_full_disk_is_one_error_and_leaves_nothing() {
    let Some(saved) = saved("3.5") else { return };
    let disk = saved.at("disk");
    fs::create_dir(&disk).unwrap();
    let length = fs::metadata(saved.path()).unwrap().len();
    for size in [
        40_960,
        length / 2,
        length + 4096,
        length + 40_000,
        length + 30_000_000,
    ] {
        let script = "mount -t tmpfs -o size=$2 tmpfs disk || exit 77
            \"$1\" e snapshot restore a.db --data-dir disk/a/b; code=$?
            ls -A disk; exit $code";
        let output = run(Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                script,
                "sh",
            ])
            .arg(env!("CARGO_BIN_EXE_etcdsh"))
            .arg(size.to_string())
            .current_dir(saved.dir.path()));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{size}: {said}");
        assert!(said.contains("no space left on device"), "{size}: {said}");
        assert_eq!(text(&output.stdout), "", "{size}: something is left");
    }
}
