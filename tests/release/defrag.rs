//! `defrag --data-dir` on what the real etcd of each release left, beside etcdutl's.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::process::{Command, Output};

use super::origin::{Saved, everything, hashes, ok, programs, run, saved};
use super::raw::buckets;
use super::text;

const DATABASE: &str = "member/snap/db";

fn ours(saved: &Saved, words: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_etcdsh"))
        .args(["e", "defrag", "--data-dir"])
        .args(words)
        .current_dir(saved.dir.path()))
}

#[test]
fn a_stopped_member_has_the_same_keys_in_less_room_and_starts() {
    for line in ["3.4", "3.5", "3.6", "3.7"] {
        let Some(saved) = saved(line) else { continue };
        let origin = saved.at("origin");
        let path = origin.join(DATABASE);
        let (before, size) = (buckets(&path), fs::metadata(&path).unwrap().len());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let kept = fs::File::options().read(true).open(&path).unwrap();
        ok(&ours(&saved, &["origin"]));
        assert!(buckets(&path) == before, "{line}: it differs");
        let about = fs::metadata(&path).unwrap();
        assert!(about.len() < size, "{line}: {size} became {}", about.len());
        assert_eq!(about.mode() & 0o777, 0o640, "{line}");
        // Who waited for the lock of the old file finds no database there.
        let mut bytes = [1; 128];
        kept.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes, [0; 128], "{line}");
        assert_eq!(
            fs::read_dir(origin.join("member/snap")).unwrap().count(),
            1,
            "{line}"
        );
        no_larger_than_theirs(&saved, about.len());
        let programs = programs(line).unwrap();
        let all = format!("m9={}", saved.addresses.peer(9));
        let mut member = saved
            .addresses
            .start(&programs, &origin, 9, &all, "existing");
        member.wait(line);
        let client = member.client();
        assert!(
            everything(&client) == (saved.keys.clone(), saved.revision),
            "{line}"
        );
        let hash = hashes(&client, &[&member.endpoint], saved.revision).remove(0);
        assert_eq!(hash, saved.hash, "{line}");
        let busy = ours(&saved, &["origin"]);
        let said = text(&busy.stderr);
        assert!(
            !busy.status.success() && said.contains("is in use by a running etcd"),
            "{said}"
        );
    }
}

/// But for a page for each of the small buckets, which bbolt keeps in one.
fn no_larger_than_theirs(saved: &Saved, ours: u64) {
    if saved.line == "3.4" {
        return;
    }
    let copy = run(Command::new("cp")
        .args(["-r", "origin", "theirs"])
        .current_dir(saved.dir.path()));
    ok(&copy);
    ok(&run(Command::new(saved.programs.join("etcdutl"))
        .args(["defrag", "--data-dir", "theirs"])
        .current_dir(saved.dir.path())));
    let theirs = fs::metadata(saved.at("theirs").join(DATABASE))
        .unwrap()
        .len();
    assert!(
        ours <= theirs + 16 * 4096,
        "{}: {ours}, theirs {theirs}",
        saved.line
    );
}

#[test]
fn what_cannot_be_defragmented_stays_as_it_is() {
    let Some(saved) = saved("3.6") else { return };
    let path = saved.at("origin").join(DATABASE);
    let output = ours(&saved, &["nothing"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("stat nothing/member/snap/db: no such file or directory"),
        "{said}"
    );
    // Another name for the file, as of a copy that some program made.
    fs::hard_link(&path, saved.at("link")).unwrap();
    let whole = fs::read(&path).unwrap();
    ok(&ours(&saved, &["origin"]));
    assert!(fs::read(saved.at("link")).unwrap() == whole);
    let mut broken = whole.clone();
    for page in 2..whole.len() / 4096 {
        broken[page * 4096 + 8] ^= 0xff;
    }
    fs::write(&path, &broken).unwrap();
    let output = ours(&saved, &["origin"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(fs::read(&path).unwrap() == broken);
    assert_eq!(
        fs::read_dir(saved.at("origin/member/snap"))
            .unwrap()
            .count(),
        1
    );
}
