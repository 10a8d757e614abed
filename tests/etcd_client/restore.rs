//! Files of every shape restored: made by hand, so that no etcd need be found that makes them, and broken ones.

use std::fs;
use std::path::{Path, PathBuf};

use etcdsh::error;
use etcdsh::etcd::restore::{Founding, Place, Restoration, Wishes};
use etcdsh::etcd::snapshot_status;

use super::bolt::{
    Luck, NO_FREELIST, agrees, branch, bucket, file, inline, leaf, made, pair, revision, snapshot,
};

/// The database that comes of it.
fn restored(path: &Path, bump: u64) -> error::Result<PathBuf> {
    let founding = Founding::read("a=http://1.1.1.1:1", "t")?;
    let member = founding.members[0].clone();
    let restoration = Restoration::open(path)?;
    let seed = restoration.seed(founding, Wishes { bump, term: 1 })?;
    let place = Place {
        data_dir: path.with_extension("data"),
        wal_dir: None,
    };
    let _ = fs::remove_dir_all(&place.data_dir);
    seed.write(&member, &place, &|| false)?;
    Ok(place.data_dir.join("member/snap/db"))
}

fn shapes() -> Vec<(&'static str, Vec<u8>, i64)> {
    let (one, two, three, four) = (revision(1), revision(2), revision(3), revision(4));
    let version = [pair(b"consistent_index", &[0; 8])];
    let wide = [pair(b"x", &[7; 900])];
    let many = || {
        let names = ["a1", "a2", "a3", "a4", "a5"];
        let mut all: Vec<_> = names.into_iter().map(|name| inline(name, &wide)).collect();
        all.extend([bucket("key", 5), inline("meta", &version)]);
        all
    };
    let rest = |first: u64| leaf(first, &[inline("meta", &version), inline("z", &wide)]);
    let rows = leaf(5, &[pair(&one, b""), pair(&two, b"")]);
    vec![
        ("a free list", made(7, |_| {}), 3),
        ("none", made(NO_FREELIST, |_| {}), 3),
        // The root flows over into pages 3 and 4.
        (
            "a wide root",
            file(
                &[padded(leaf(2, &many()), 3), rows.clone()],
                NO_FREELIST,
                2,
                |_| {},
            ),
            2,
        ),
        (
            "a root of two leaves",
            file(
                &[
                    branch(2, &[(b"key", 3), (b"meta", 4)]),
                    leaf(3, &[bucket("key", 5)]),
                    rest(4),
                    rows,
                ],
                NO_FREELIST,
                2,
                |_| {},
            ),
            2,
        ),
        (
            "keys inside of the root",
            file(
                &[leaf(
                    2,
                    &[inline("key", &[pair(&four, b"")]), inline("meta", &version)],
                )],
                NO_FREELIST,
                2,
                |_| {},
            ),
            4,
        ),
        (
            "no keys",
            file(
                &[leaf(2, &[inline("key", &[]), inline("meta", &version)])],
                NO_FREELIST,
                2,
                |_| {},
            ),
            0,
        ),
        (
            "keys on an empty page",
            file(
                &[
                    leaf(2, &[bucket("key", 3), inline("meta", &version)]),
                    leaf(3, &[]),
                ],
                NO_FREELIST,
                2,
                |_| {},
            ),
            0,
        ),
        (
            "keys three pages deep",
            file(
                &[
                    leaf(2, &[bucket("key", 3), inline("meta", &version)]),
                    branch(3, &[(&one, 4), (&three, 5)]),
                    branch(4, &[(&one, 6), (&two, 7)]),
                    branch(5, &[(&three, 8), (&four, 9)]),
                    leaf(6, &[pair(&one, b"")]),
                    leaf(7, &[pair(&two, b"")]),
                    leaf(8, &[pair(&three, b"")]),
                    leaf(9, &[pair(&four, &[7; 9000])]),
                ],
                NO_FREELIST,
                2,
                |_| {},
            ),
            4,
        ),
    ]
}

/// As many pages as the file counts.
fn padded(mut page: Vec<u8>, pages: usize) -> Vec<u8> {
    page.resize(pages * 4096, 0);
    page
}

#[test]
fn a_tree_of_any_shape_is_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    for (name, bytes, newest) in shapes() {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(snapshot_status(&path).unwrap().revision, newest, "{name}");
        for bump in [0, 5] {
            let database = restored(&path, bump).unwrap();
            let status = agrees(&database);
            assert_eq!(status.revision, newest + bump.cast_signed(), "{name}");
        }
        assert!(
            fs::read(&path).unwrap() == bytes,
            "{name}: the file was changed"
        );
    }
    assert!(restored(&path, u64::MAX).is_err());
    assert!(restored(&path, i64::MAX.cast_unsigned()).is_err());
}

#[test]
fn a_database_that_is_none_of_etcd_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let bytes = file(&[leaf(2, &[inline("key", &[])])], NO_FREELIST, 2, |_| {});
    fs::write(&path, bytes).unwrap();
    let error = restored(&path, 0).unwrap_err();
    assert_eq!(
        error.what,
        format!("{} is a database, and none of etcd", path.display())
    );
}

#[test]
fn a_flipped_byte_is_refused_or_ends_in_a_sound_database() {
    let (folder, whole) = snapshot();
    let path = folder.path().join("flipped.db");
    let mut luck = Luck(0xfee1);
    let (mut refused, mut made) = (0, 0);
    for number in 0..120 {
        let at = if number % 2 == 0 {
            luck.below(whole.len())
        } else {
            luck.below(whole.len() / 4096) * 4096 + luck.below(80)
        };
        let mut broken = whole.clone();
        broken[at] ^= u8::try_from(luck.below(255) + 1).unwrap();
        fs::write(&path, &broken).unwrap();
        match restored(&path, 10) {
            Ok(database) => {
                snapshot_status(&database).unwrap();
                made += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10 && made > 10, "{refused} refused, {made} made");
}
