//! A link named `etcdutl`, line by line beside the real one of each release.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use super::origin::{Saved, ok, run, saved};
use super::text;
use crate::etcd_client::raw::e;

/// What is the same in all releases that have it.
const LINES: &[&str] = &[
    "snapshot status a.db",
    "snapshot status a.db -w json",
    "snapshot status a.db -w fields",
    "snapshot status a.db -w protobuf",
    "snapshot status a.db -w xml",
    "snapshot status nothing.db",
    "snapshot status",
    "snapshot status a.db a.db",
    "snapshot restore",
    "snapshot restore nothing.db --data-dir x",
    "snapshot restore a.db --data-dir x --bump-revision 5",
    "snapshot restore a.db --data-dir x --name nobody",
    "snapshot restore a.db --data-dir x --initial-cluster default=localhost",
    "snapshot restore a.db --data-dir origin",
    "snapshot restore foreign --data-dir x",
    "snapshot restore a.db --data-dir x --nothing",
    "snapshot restore a.db --data-dir made",
    "defrag",
    "defrag --data-dir nothing",
    "defrag --data-dir foreign",
    "defrag --data-dir origin",
    "hashkv",
    "hashkv a b",
    "migrate",
    "nothing",
    "snap stat a.db",
    "--nothing",
];

fn ours(saved: &Saved, words: &[&str]) -> Output {
    let link = saved.at("etcdutl");
    let _ = symlink(env!("CARGO_BIN_EXE_etcdsh"), &link);
    let layout = if saved.line == "3.5" { "3.5" } else { "3.6" };
    run(Command::new(link)
        .args(words)
        .env("ETCDSH_ETCDCTL_COMPAT", layout)
        .env("ETCDCTL_WRITE_OUT", "json")
        .current_dir(saved.dir.path()))
}

fn theirs(saved: &Saved, words: &[&str]) -> Output {
    run(Command::new("timeout")
        .arg("20")
        .arg(saved.programs.join("etcdutl"))
        .args(words)
        .current_dir(saved.dir.path()))
}

/// Exit code, standard output and the errors.
fn seen(output: &Output) -> (Option<i32>, String, Vec<String>) {
    let said = text(&output.stderr);
    let errors = said.lines().filter(|line| line.starts_with("Error: "));
    let errors = errors.map(str::to_string).collect();
    (output.status.code(), text(&output.stdout), errors)
}

#[test]
fn a_link_named_etcdutl_says_what_etcdutl_says() {
    for line in super::LINES {
        let Some(saved) = saved(line) else { continue };
        fs::write(saved.at("foreign"), "no snapshot ".repeat(1000)).unwrap();
        for words in LINES {
            let words: Vec<&str> = words.split(' ').collect();
            let wanted = seen(&theirs(&saved, &words));
            let _ = fs::remove_dir_all(saved.at("made"));
            let _ = fs::remove_dir_all(saved.at("x"));
            let found = seen(&ours(&saved, &words));
            assert_eq!(found, wanted, "{line}: {words:?}");
            let _ = fs::remove_dir_all(saved.at("made"));
        }
        if line != "3.7" {
            let words = ["snapshot", "status", "a.db", "-w", "table"];
            assert_eq!(
                seen(&ours(&saved, &words)),
                seen(&theirs(&saved, &words)),
                "{line}"
            );
        }
        is_honest(&saved);
    }
}

/// Where the real one waits without end, or says nothing and ends with 0.
fn is_honest(saved: &Saved) {
    let version = text(&ours(saved, &["version"]).stdout);
    assert!(version.starts_with("etcdutl version: 3."), "{version}");
    let migrated = ours(
        saved,
        &["migrate", "--data-dir", "origin", "--target-version", "3.5"],
    );
    assert_eq!(
        migrated.status.code(),
        Some(1),
        "{}",
        text(&migrated.stderr)
    );
    let save = ours(saved, &["snapshot", "save", "b.db"]);
    assert!(
        save.status.code() == Some(128) && text(&save.stderr).contains("etcdctl snapshot save")
    );
    let locked = fs::File::open(saved.at("origin/member/snap/db")).unwrap();
    locked.lock().unwrap();
    for words in [
        &["defrag", "--data-dir", "origin"][..],
        &["snapshot", "status", "origin/member/snap/db"],
    ] {
        let output = ours(saved, words);
        let said = text(&output.stderr);
        assert!(
            output.status.code() == Some(1) && said.contains("in use by a running etcd"),
            "{said}"
        );
    }
}

/// Of what is really there: the real hashkv changes the file.
fn hash_of(saved: &Saved, revision: i64, real: bool) -> (Option<i32>, String, Vec<String>) {
    let revision = revision.to_string();
    let words = ["hashkv", "b.db", "--rev", &revision, "-w", "json"];
    if !real {
        let before = fs::read(saved.at("b.db")).unwrap();
        let output = ours(saved, &words);
        assert!(
            fs::read(saved.at("b.db")).unwrap() == before,
            "the file was changed"
        );
        return seen(&output);
    }
    fs::copy(saved.at("b.db"), saved.at("c.db")).unwrap();
    let output = theirs(saved, &[&["hashkv", "c.db"], &words[2..]].concat());
    seen(&output)
}

/// Every revision of a random history; the compaction done in some of the files, still to be done in others.
#[test]
fn the_hash_of_a_file_is_that_of_the_member_at_every_revision() {
    let Some(saved) = saved("3.7") else { return };
    fs::rename(saved.path(), saved.at("b.db")).unwrap();
    for revision in [
        0,
        saved.revision,
        saved.revision - 1,
        373,
        372,
        371,
        1,
        100_000,
    ] {
        assert_eq!(
            hash_of(&saved, revision, false),
            hash_of(&saved, revision, true),
            "{revision}"
        );
    }
    let said: serde_json::Value =
        serde_json::from_str(&hash_of(&saved, saved.revision, false).1).unwrap();
    let pair = serde_json::json!([said["hash"], said["compactRevision"]]);
    assert_eq!(pair, saved.hash, "of the member itself");
    let data_dir = saved.at("origin");
    let all = format!("m9={}", saved.addresses.peer(9));
    let mut member = saved
        .addresses
        .start(&saved.programs, &data_dir, 9, &all, "existing");
    member.wait("3.7");
    let client = member.client();
    let mut seed = 0x5eed_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let first = saved.revision;
    let mut newest = first;
    for number in 0..150 {
        let key = format!("/random/{}", random(12));
        if random(3) == 0 {
            e(&client, &["del", &key]).unwrap();
        } else {
            e(&client, &["put", &key, &number.to_string()]).unwrap();
        }
        newest = client
            .get(b"x", &etcdsh::etcd::GetOptions::default())
            .unwrap()
            .header
            .revision;
        if number == 90 {
            e(&client, &["compaction", &newest.to_string()]).unwrap();
        }
    }
    let path = saved.at("b.db");
    fs::remove_file(&path).unwrap();
    client.snapshot_save(&member.endpoint, &path).unwrap();
    for revision in (first..=newest + 1).step_by(3) {
        assert_eq!(
            hash_of(&saved, revision, false),
            hash_of(&saved, revision, true),
            "{revision}"
        );
    }
    bumped(&saved, &path);
}

/// A compaction that etcd is still to do.
fn bumped(saved: &Saved, path: &Path) {
    let words = [
        "snapshot",
        "restore",
        "b.db",
        "--data-dir",
        "bumped",
        "--bump-revision",
        "50",
        "--mark-compacted",
    ];
    ok(&ours(saved, &words));
    fs::copy(saved.at("bumped/member/snap/db"), path).unwrap();
    for revision in [0, 1, 700] {
        assert_eq!(
            hash_of(saved, revision, false),
            hash_of(saved, revision, true),
            "{revision}"
        );
    }
}
