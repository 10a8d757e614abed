//! Snapshot files read without etcd: real ones, ones made by hand, and broken ones, each beside the real `snapshot status`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use etcd_client::{Txn, TxnOp};
use etcdsh::error::{Error, Kind};
use etcdsh::etcd::{
    Client, PutOptions, SnapshotHash, SnapshotStatus, prefix_end, snapshot_hash, snapshot_status,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::raw::{self, e};
use super::server::{Server, program};

const PAGE: usize = 4096;
pub(super) const NO_FREELIST: u64 = u64::MAX;

/// What etcd's own tool says; nothing when it fails. 3.5.16 waits without end at some files, so it gets twenty seconds.
fn theirs(path: &Path) -> Option<Value> {
    let tool = [program("etcdutl"), program("etcdctl")]
        .into_iter()
        .find(|tool| tool.exists())
        .unwrap();
    let output = Command::new("timeout")
        .arg("20")
        .arg(tool)
        .env("ETCDCTL_API", "3")
        .args(["snapshot", "status", "-w", "json"])
        .arg(path)
        .output()
        .unwrap();
    output
        .status
        .success()
        .then(|| serde_json::from_slice(&output.stdout).unwrap())
}

fn as_theirs(status: &SnapshotStatus) -> Value {
    json!({ "hash": status.hash, "revision": status.revision, "totalKey": status.total_key, "totalSize": status.total_size })
}

pub(super) fn agrees(path: &Path) -> SnapshotStatus {
    let ours = snapshot_status(path).unwrap();
    let mut theirs = theirs(path).unwrap();
    if let Some(version) = theirs.as_object_mut().unwrap().remove("version") {
        assert_eq!(version, ours.version.as_str());
    }
    assert_eq!(as_theirs(&ours), theirs, "{}", path.display());
    ours
}

fn fill(server: &Server, prefix: &str, number: usize, value: &[u8]) {
    let put = |index: usize| TxnOp::put(format!("{prefix}{index:06}"), value, None);
    for first in (0..number).step_by(100) {
        let puts: Vec<TxnOp> = (first..number.min(first + 100)).map(put).collect();
        raw::ask(&server.endpoint, None, async |client| {
            client.txn(Txn::new().and_then(puts)).await
        });
    }
}

struct Saved<'s> {
    client: Client,
    number: usize,
    server: &'s Server,
}

impl Saved<'_> {
    fn agrees(&mut self) -> SnapshotStatus {
        self.number += 1;
        let path = self.path();
        self.client
            .snapshot_save(&self.server.endpoint, &path)
            .unwrap();
        assert_eq!(snapshot_hash(&path).unwrap(), SnapshotHash::Matches);
        agrees(&path)
    }

    fn path(&self) -> PathBuf {
        self.server
            .folder
            .path()
            .join(format!("{}.db", self.number))
    }
}

#[test]
fn a_snapshot_has_the_status_that_etcdctl_gives() {
    let mut server = Server::alone(None);
    let client = server.client();
    let mut saved = Saved {
        client: server.client(),
        number: 0,
        server: &server,
    };
    let empty = saved.agrees();
    assert_eq!((empty.revision, empty.version.as_str()), (0, ""));

    super::put(&client, b"a", b"x");
    assert_eq!(saved.agrees().revision, 2);
    fill(&server, "/small/", 3_000, b"value");
    fill(&server, "/page/", 300, &[b'x'; 9_000]);
    (0..6_u8).for_each(|number| super::put(&client, &[b'b', number], &vec![number; 1_400_000]));
    assert!(saved.agrees().total_key > 3_300);
    (0..500_u32).for_each(|number| super::put(&client, b"a", &number.to_be_bytes()));
    let all = |prefix: &[u8]| etcdsh::etcd::DeleteOptions {
        range_end: Some(prefix_end(prefix)),
        ..Default::default()
    };
    assert_eq!(
        client.delete(b"/page/", &all(b"/page/")).unwrap().deleted,
        300
    );
    let before = saved.agrees();

    for id in 1..200 {
        raw::grant(&server.endpoint, None, id, 1000);
        client
            .put(
                format!("/lease/{id}").as_bytes(),
                b"x",
                PutOptions {
                    lease: id,
                    ..PutOptions::default()
                },
            )
            .unwrap();
    }
    for number in 0..60 {
        let name = format!("name-{number}-{}", "n".repeat(number * 10));
        for words in [
            &["role", "add", &name][..],
            &["role", "grant-permission", &name, "read", &name],
            &["user", "add", &name, "--no-password"],
            &["user", "grant-role", &name, &name],
        ] {
            e(&client, words).unwrap();
        }
    }
    let after = saved.agrees();
    assert!(
        after.revision > before.revision && after.total_key >= before.total_key + 199 + 199 + 120
    );

    let rev = (after.revision - 10).to_string();
    e(&client, &["compaction", &rev, "--physical"]).unwrap();
    super::wait_until("the compaction is done", || {
        saved.agrees().total_key < after.total_key - 400
    });
    e(&client, &["defrag"]).unwrap();
    let small = saved.agrees();
    assert!(small.total_size < after.total_size);

    let copy = server.folder.path().join("data/member/snap/db");
    let error = snapshot_status(&copy).unwrap_err();
    assert_eq!(
        error.what,
        format!("{} is in use by a running etcd", copy.display())
    );
    server.kill();
    assert_eq!(snapshot_hash(&copy).unwrap(), SnapshotHash::Absent);
    assert_eq!(agrees(&copy).revision, small.revision);
}

/// A snapshot with overflow pages and a tree of two levels.
pub(super) fn snapshot() -> (TempDir, Vec<u8>) {
    let server = Server::alone(None);
    let client = server.client();
    fill(&server, "/k/", 1_200, &[b'x'; 200]);
    super::put(&client, b"large", &[7; 100_000]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    client.snapshot_save(&server.endpoint, &path).unwrap();
    (folder, fs::read(&path).unwrap())
}

#[test]
fn every_cut_of_a_snapshot_is_an_error() {
    let (folder, whole) = snapshot();
    let path = folder.path().join("cut.db");
    let pages = whole.len() / PAGE;
    fs::write(&path, &whole[..pages * PAGE]).unwrap();
    assert_eq!(snapshot_hash(&path).unwrap(), SnapshotHash::Absent);
    agrees(&path);
    for page in 0..pages {
        fs::write(&path, &whole[..page * PAGE]).unwrap();
        let error = snapshot_status(&path).unwrap_err();
        let (what, why) = match page {
            0 => ("invalid database", "the file is empty".to_string()),
            1 => (
                "file size too small",
                "4096 bytes are less than two pages of 4096".into(),
            ),
            _ => (
                "invalid database",
                format!(
                    "the file is cut off: it should have {pages} pages of 4096 bytes and has {page}"
                ),
            ),
        };
        assert_eq!(
            (error.what.as_str(), error.causes),
            (what, vec![format!("{}: {why}", path.display())])
        );
        assert!(page > 5 || theirs(&path).is_none());
    }
}

/// Marsaglia's xorshift, so that a failure can be seen again.
pub(super) struct Luck(pub(super) u64);

impl Luck {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

#[test]
fn a_flipped_byte_is_an_error_or_another_hash_and_never_a_panic() {
    let (folder, whole) = snapshot();
    let path = folder.path().join("flipped.db");
    fs::write(&path, &whole).unwrap();
    let right = agrees(&path);
    let mut luck = Luck(0x5eed);
    let (mut refused, mut stricter, mut other) = (0, 0, 0);
    for number in 0..200 {
        // Every other one hits the head of a page, where the structure is.
        let at = if number % 2 == 0 {
            luck.below(whole.len())
        } else {
            luck.below(whole.len() / PAGE) * PAGE + luck.below(80)
        };
        let bits = u8::try_from(luck.below(255) + 1).unwrap();
        let mut broken = whole.clone();
        broken[at] ^= bits;
        fs::write(&path, &broken).unwrap();
        assert!(matches!(
            snapshot_hash(&path).unwrap(),
            SnapshotHash::Differs { .. }
        ));
        let start = Instant::now();
        let ours = snapshot_status(&path);
        assert!(start.elapsed() < Duration::from_secs(5));
        match (ours, theirs(&path)) {
            (Ok(ours), Some(theirs)) => {
                assert_eq!(as_theirs(&ours), theirs, "{at} {bits:#x}");
                other += i32::from(ours.hash != right.hash);
            }
            (Ok(ours), None) => panic!("{at} {bits:#x}: etcd's tool fails, and we say {ours:?}"),
            (Err(error), theirs) => {
                assert_eq!(error.kind, Kind::Config);
                refused += 1;
                // They read an element that lies outside of its page, and let flags pass that mean nothing.
                stricter += i32::from(theirs.is_some());
            }
        }
    }
    eprintln!(
        "200 flips: {refused} refused, {stricter} of them by us alone; {other} with another hash"
    );
    assert!(refused > 20 && other > 20);
}

#[test]
fn what_is_no_file_of_etcd_is_said_in_the_words_of_etcdctl() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let said = |name: &str| snapshot_status(&path(name)).unwrap_err();
    let text =
        |verb: &str, name: &str, why: &str| format!("{verb} {}: {why}", path(name).display());
    assert_eq!(
        said("none").to_string(),
        text("stat", "none", "no such file or directory")
    );
    assert_eq!(said("").to_string(), text("open", "", "is a directory"));
    assert!(
        Command::new("mkfifo")
            .arg(path("pipe"))
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(
        said("pipe").to_string(),
        text("open", "pipe", "not a regular file")
    );
    for (name, bytes, wanted) in [
        ("short", vec![b'x'; 100], "invalid database"),
        ("text", vec![b'x'; 9_000], "invalid database"),
        (
            "version",
            file(&[], NO_FREELIST, 2, |meta| meta[4] = 3),
            "version mismatch",
        ),
        (
            "sum",
            file(&[], NO_FREELIST, 2, |meta| meta[56] ^= 1),
            "checksum error",
        ),
    ] {
        fs::write(path(name), bytes).unwrap();
        assert_eq!(said(name).what, wanted);
        assert_eq!(theirs(&path(name)), None, "{name}");
    }
}

pub(super) struct Element<'e> {
    flags: u32,
    key: &'e [u8],
    value: Vec<u8>,
}

pub(super) fn pair<'e>(key: &'e [u8], value: &[u8]) -> Element<'e> {
    Element {
        flags: 0,
        key,
        value: value.to_vec(),
    }
}

pub(super) fn bucket(name: &str, root: u64) -> Element<'_> {
    Element {
        flags: 1,
        key: name.as_bytes(),
        value: [root.to_le_bytes(), [0; 8]].concat(),
    }
}

pub(super) fn inline<'e>(name: &'e str, elements: &[Element]) -> Element<'e> {
    Element {
        flags: 1,
        key: name.as_bytes(),
        value: [vec![0; 16], leaf(0, elements)].concat(),
    }
}

fn head(page: u64, kind: u16, count: usize, overflow: u32) -> Vec<u8> {
    let count = u16::try_from(count).unwrap();
    [
        &page.to_le_bytes()[..],
        &kind.to_le_bytes(),
        &count.to_le_bytes(),
        &overflow.to_le_bytes(),
    ]
    .concat()
}

fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_le_bytes()
}

pub(super) fn leaf(page: u64, elements: &[Element]) -> Vec<u8> {
    let mut bytes = head(page, 2, elements.len(), 0);
    let mut distance = 16 * elements.len();
    for element in elements {
        bytes.extend(
            [
                element.flags.to_le_bytes(),
                number(distance),
                number(element.key.len()),
                number(element.value.len()),
            ]
            .concat(),
        );
        distance = distance + element.key.len() + element.value.len() - 16;
    }
    for element in elements {
        bytes.extend([element.key, &element.value].concat());
    }
    let overflow = number((bytes.len() - 1) / PAGE);
    bytes[12..16].copy_from_slice(&overflow);
    bytes
}

pub(super) fn branch(page: u64, children: &[(&[u8], u64)]) -> Vec<u8> {
    let mut bytes = head(page, 1, children.len(), 0);
    let mut distance = 16 * children.len();
    for (key, child) in children {
        bytes.extend(
            [
                &number(distance)[..],
                &number(key.len()),
                &child.to_le_bytes(),
            ]
            .concat(),
        );
        distance = distance + key.len() - 16;
    }
    for (key, _) in children {
        bytes.extend_from_slice(key);
    }
    bytes
}

fn free(page: u64, pages: &[u64]) -> Vec<u8> {
    let mut bytes = head(page, 16, pages.len(), 0);
    for page in pages {
        bytes.extend(page.to_le_bytes());
    }
    bytes
}

/// The pages from 2 on, with two meta pages before them that may be changed.
pub(super) fn file(
    pages: &[Vec<u8>],
    freelist: u64,
    root: u64,
    change: impl Fn(&mut [u8]),
) -> Vec<u8> {
    let end = 2 + pages
        .iter()
        .map(|page| page.len().div_ceil(PAGE) as u64)
        .sum::<u64>();
    let meta = |page: u64| {
        let mut meta = [
            &0xED0C_DAED_u32.to_le_bytes()[..],
            &2_u32.to_le_bytes(),
            &number(PAGE),
            &[0; 4],
            &root.to_le_bytes(),
        ]
        .concat();
        for number in [0, freelist, end, 7 + page] {
            meta.extend(number.to_le_bytes());
        }
        let sum = meta.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        meta.extend(sum.to_le_bytes());
        change(&mut meta);
        [head(page, 4, 0, 0), meta].concat()
    };
    let mut bytes = Vec::new();
    for page in [meta(0), meta(1)].iter().chain(pages) {
        bytes.extend(page);
        bytes.resize(bytes.len().next_multiple_of(PAGE), 0);
    }
    bytes
}

pub(super) fn revision(main: u64) -> Vec<u8> {
    [&main.to_be_bytes()[..], b"_", &[0; 8]].concat()
}

/// A database made by hand, with all that etcd does not make any more. `change` may spoil its pages 2 to 7.
pub(super) fn made(freelist: u64, change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let (one, two, three) = (revision(1), revision(2), revision(3));
    let version = [
        pair(b"consistent_index", &[0; 8]),
        pair(b"storageVersion", b"3.6.0"),
    ];
    let mut pages = vec![
        leaf(
            2,
            &[
                inline("alarm", &[]),
                bucket("key", 3),
                inline("meta", &version),
                bucket("outer", 6),
            ],
        ),
        branch(3, &[(&one, 4), (&two, 5)]),
        leaf(4, &[pair(&one, b"first")]),
        leaf(5, &[pair(&two, b"second"), pair(&three, b"")]),
        leaf(
            6,
            &[inline("inner", &[pair(b"a", b"b")]), pair(b"key", b"value")],
        ),
        free(7, &[8]),
        Vec::from([0; PAGE]),
    ];
    change(&mut pages);
    file(&pages, freelist, 2, |_| {})
}

#[test]
fn nested_buckets_free_pages_and_the_version_of_etcd_3_6_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.db");
    for freelist in [7, NO_FREELIST] {
        fs::write(&path, made(freelist, |_| {})).unwrap();
        let status = snapshot_status(&path).unwrap();
        let wanted = SnapshotStatus {
            hash: status.hash,
            revision: 3,
            total_key: 7,
            total_size: 9 * 4096,
            version: "3.6.0".into(),
        };
        assert_eq!(status, wanted);
        // Their tools before 3.6 print no version.
        let mut theirs = theirs(&path).unwrap();
        theirs.as_object_mut().unwrap().remove("version");
        assert_eq!(as_theirs(&status), theirs);
    }
    // The newer meta page counts, and the older one when the newer is torn.
    for page in [0, 1] {
        let mut torn = made(7, |_| {});
        torn[page * PAGE + 20] ^= 1;
        fs::write(&path, torn).unwrap();
        assert_eq!(snapshot_status(&path).unwrap().revision, 3);
    }
}

fn causes(path: &Path, bytes: Vec<u8>) -> Vec<String> {
    fs::write(path, bytes).unwrap();
    let error: Box<Error> = snapshot_status(path).unwrap_err();
    assert_eq!(
        error.what,
        format!(
            "snapshot file integrity check failed. {} errors found.",
            error.causes.len()
        )
    );
    error.causes
}

#[test]
fn what_is_broken_is_named_by_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.db");
    let (one, two, three) = (&revision(1), &revision(2), &revision(3));
    let hex = |main: u64| format!("{main:016x}5f{:016x}", 0);
    let cases: Vec<(Vec<u8>, Vec<String>)> = vec![
        (
            made(7, |pages| pages[5] = free(7, &[])),
            vec!["page 8: unreachable unfreed".into()],
        ),
        (
            made(7, |pages| pages[5] = free(7, &[8, 8])),
            vec!["page 8: already freed".into()],
        ),
        (
            made(7, |pages| pages[5] = free(7, &[4, 8])),
            vec!["page 4: reachable freed".into()],
        ),
        (
            made(7, |pages| pages[5] = free(7, &[8, 1 << 40])),
            vec!["page 7: page 1099511627776 is free and outside of the file".into()],
        ),
        (
            made(7, |pages| {
                pages[5] = [head(7, 16, 0xffff, 0), vec![255; 8]].concat();
            }),
            vec!["page 7: 18446744073709551615 free pages are more than the page can hold".into()],
        ),
        (
            made(6, |_| {}),
            vec!["invalid freelist page: 6, page type is leaf".into()],
        ),
        (
            [vec![1], made(NO_FREELIST, |_| {})[1..].to_vec()].concat(),
            vec!["page 0: expected to be a meta page, says that it is page 1, meta".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2] = leaf(5, &[])),
            vec!["page 4: says that it is page 5".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][8] = 3),
            vec!["page 4: has unexpected type/flags: 3".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][8] = 4),
            vec![
                "page 4: invalid type: meta (stack: [3 4])".into(),
                "unexpected page type for pgId:4".into(),
            ],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][12] = 9),
            vec!["page 4: 9 pages of overflow reach beyond the last page".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][12] = 1),
            vec!["page 5: multiple references (stack: [3 5])".into()],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[2][10..12].copy_from_slice(&[255; 2]);
            }),
            vec!["page 4: 65535 elements are more than the page can hold".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][16] = 2),
            vec!["page 4: element 0 has unknown flags 0x2".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][20] = 15),
            vec!["page 4: element 0 overlaps another one".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][30] = 1),
            vec!["page 4: element 0 reaches beyond the page".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[2][24] = 0),
            vec!["page 4: the key of element 0 has 0 bytes".into()],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[2][24..28].copy_from_slice(&[255; 4]);
            }),
            vec!["page 4: the key of element 0 has 4294967295 bytes".into()],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[2] = leaf(4, &[pair(b"short", b"")]);
            }),
            vec![
                format!(
                    "key[0]=(hex)73686f7274 on leaf page(4) needs to be < than key of the next element in ancestor (hex){}. Pages stack: [3 4]",
                    hex(2)
                ),
                format!(
                    "key[1]=(hex){} on branch page(5) needs to be > (found <) than previous element (hex)73686f7274. Stack: [3]",
                    hex(2)
                ),
                "page 4: key 73686f7274 is no revision".into(),
            ],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[3] = leaf(5, &[pair(three, b""), pair(two, b""), pair(two, b"")]);
            }),
            vec![
                format!(
                    "key[1]=(hex){} on leaf page(5) needs to be > (found <) than previous element (hex){}. Stack: [3 5]",
                    hex(2),
                    hex(3)
                ),
                format!(
                    "key[2]=(hex){} on leaf page(5) needs to be > (found =) than previous element (hex){}. Stack: [3 5]",
                    hex(2),
                    hex(2)
                ),
            ],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[1] = branch(3, &[(one, 4), (three, 5)]);
            }),
            vec![format!(
                "the first key[0]=(hex){} on leaf page(5) needs to be >= the key in the ancestor ({}). Stack: [3 5]",
                hex(2),
                hex(3)
            )],
        ),
        (
            made(NO_FREELIST, |pages| pages[1] = branch(3, &[])),
            vec!["page 3: a branch page without elements".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[1] = branch(3, &[(one, 3)])),
            vec!["page 3: multiple references (stack: [3 3])".into()],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[1] = branch(3, &[(one, 4), (two, 4)]);
            }),
            vec!["page 4: multiple references (stack: [3 4])".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[1] = branch(3, &[(one, 1)])),
            vec!["page 1: multiple references (stack: [3 1])".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[1] = branch(3, &[(one, 9)])),
            vec!["page 9: out of bounds: 9 (stack: [3 9])".into()],
        ),
        (
            made(NO_FREELIST, |pages| pages[4] = leaf(6, &[bucket("me", 6)])),
            vec!["page 6: multiple references (stack: [6])".into()],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[0] = leaf(2, &[pair(b"k\n", b"v")]);
            }),
            vec!["cannot get hash of bucket k\\n".into()],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[0] = leaf(
                    2,
                    &[Element {
                        flags: 1,
                        key: b"key",
                        value: vec![0; 8],
                    }],
                );
            }),
            vec!["page 2: bucket `key` has a value of 8 bytes".into()],
        ),
        (
            made(NO_FREELIST, |pages| {
                pages[0] = leaf(
                    2,
                    &[Element {
                        flags: 1,
                        key: b"key",
                        value: vec![0; 32],
                    }],
                );
            }),
            vec!["page 2: bucket `key` is no leaf".into()],
        ),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(causes(&path, bytes), wanted);
    }
}

#[test]
fn depth_and_work_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep.db");
    let chain: Vec<Vec<u8>> = (2..5_000)
        .map(|page| branch(page, &[(b"k", page + 1)]))
        .collect();
    assert_eq!(
        causes(&path, file(&chain, NO_FREELIST, 2, |_| {})),
        ["page 34: deeper than a tree can be"]
    );
    let nest: Vec<Vec<u8>> = (2..5_000)
        .map(|page| leaf(page, &[bucket("b", page + 1)]))
        .collect();
    assert_eq!(
        causes(&path, file(&nest, NO_FREELIST, 2, |_| {})),
        ["page 10: bucket `b` is in more buckets than etcd knows"]
    );
    let mut lost = vec![leaf(2, &[]), free(3, &[])];
    lost.resize(5_000, Vec::from([0; PAGE]));
    fs::write(&path, file(&lost, 3, 2, |_| {})).unwrap();
    let error = snapshot_status(&path).unwrap_err();
    assert_eq!(
        (error.what.as_str(), error.causes.len()),
        (
            "snapshot file integrity check failed. 4998 errors found.",
            101
        )
    );
    assert_eq!(
        (error.causes[0].as_str(), error.causes[100].as_str()),
        ("page 4: unreachable unfreed", "4898 more")
    );
}

/// Started by the next test in a process of its own, since the peak of a process cannot be taken back.
#[test]
#[ignore = "is a part of the next one"]
fn peak_of_one_file() {
    let Some(path) = std::env::var_os("ETCDSH_TEST_FILE") else {
        return;
    };
    let start = Instant::now();
    let status = snapshot_status(Path::new(&path)).unwrap();
    let took = start.elapsed();
    let process = fs::read_to_string("/proc/self/status").unwrap();
    let peak = process
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    println!(
        "peak {} size {} took {took:?}",
        peak.trim(),
        status.total_size
    );
}

fn peak(path: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child
        .args([
            "--exact",
            "etcd_client::bolt::peak_of_one_file",
            "--ignored",
            "--nocapture",
        ])
        .env("ETCDSH_TEST_FILE", path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    eprintln!(
        "{}",
        text.lines().find(|line| line.contains("peak ")).unwrap()
    );
    text.split_once("peak ")
        .and_then(|(_, rest)| rest.split_once(" kB"))
        .unwrap()
        .0
        .parse()
        .unwrap()
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (
        folder.path().join("small.db"),
        folder.path().join("large.db"),
    );
    fs::write(&small, made(7, |_| {})).unwrap();
    let keys: Vec<Vec<u8>> = (0..100).map(revision).collect();
    let pages = || {
        let mut next = 4;
        let leaves = keys.iter().map(|key| {
            let bytes = leaf(next, &[pair(key, &vec![b'x'; 640_000])]);
            let at = next;
            next += bytes.len().div_ceil(PAGE) as u64;
            ((key.as_slice(), at), bytes)
        });
        let (children, leaves): (Vec<_>, Vec<_>) = leaves.unzip();
        [
            vec![leaf(2, &[bucket("key", 3)]), branch(3, &children)],
            leaves,
        ]
        .concat()
    };
    fs::write(&large, file(&pages(), NO_FREELIST, 2, |_| {})).unwrap();
    agrees(&large);
    let (small, large) = (peak(&small), peak(&large));
    assert!(
        large < small + 2048,
        "{small} kB for 36 kB, {large} kB for 64 MB"
    );
}
