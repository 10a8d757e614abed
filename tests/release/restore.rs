//! `snapshot restore` beside the real etcdutl of each release, and the members that it makes, started by the real etcd.
//!
//! `make test` boots each release alone and as three, one as five; `make torture` all of them as one, three and five.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use etcdsh::etcd::restore::{Founding, Place, Restoration, Wishes};
use serde_json::Value;

use super::origin::{Addresses, Member, Saved, everything, hashes, ok, programs, run, saved};
use super::raw::{Buckets, buckets, records};
use super::{LINES, in_full, text};
use crate::etcd_client::raw::e;

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

/// A Patroni that runs knows the old term and takes a lower one of the same cluster id for a member that is behind.
#[test]
fn native_mode_begins_in_a_higher_term_and_an_end_that_is_asked_for_leaves_nothing() {
    let Some(saved) = saved("3.6") else { return };
    let own = saved.addresses.peer(1);
    let all = saved.addresses.cluster(1);
    let restored = run(Command::new(env!("CARGO_BIN_EXE_etcdsh"))
        .args(["e", "snapshot", "restore", "a.db", "--data-dir", "high"])
        .args(["--name", "m1", "--initial-cluster", &all])
        .args(["--initial-cluster-token", "tok", "-o", "json"])
        .args(["--initial-advertise-peer-urls", &own])
        .current_dir(saved.dir.path()));
    ok(&restored);
    assert_eq!(text(&restored.stderr), "");
    let said: Value = serde_json::from_str(&text(&restored.stdout)).unwrap();
    assert!(said["raft_term"].as_u64().unwrap() > 1000, "{said}");
    let path = saved.at("high");
    let mut member = (saved.addresses).start(&saved.programs, &path, 1, &all, "new");
    member.wait("native");
    let client = member.client();
    let status = client.status(&member.endpoint).unwrap();
    assert!(status.raft_term > said["raft_term"].as_u64().unwrap());
    assert!(everything(&client) == (saved.keys.clone(), saved.revision));

    let founding = Founding::read(&all, "tok").unwrap();
    let founder = founding.members[0].clone();
    let restoration = Restoration::open(&saved.path()).unwrap();
    let wishes = Wishes { bump: 0, term: 1 };
    let seed = restoration.seed(founding, wishes).unwrap();
    let place = Place {
        data_dir: saved.at("new/folder"),
        wal_dir: Some(saved.at("logs")),
    };
    let before = names(saved.dir.path());
    let error = seed.write(&founder, &place, &|| true).unwrap_err();
    assert!(error.what.ends_with("operation interrupted"), "{error}");
    assert_eq!(names(saved.dir.path()), before);
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
