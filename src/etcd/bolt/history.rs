//! What is in the history of all keys: its hash as of `endpoint hashkv`, and how many keys live.
//!
//! The last revision of each key is kept by a hash of the key, 40 bytes or so for each; etcd and its tools keep the keys.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::path::Path;

use super::checksum::Crc;
use super::node::Element;
use super::{Database, Draft, examined, trouble};
use crate::error::{Error, Result};

/// A revision is two numbers of eight bytes with `_` between; `t` follows when the key was deleted.
const REVISION: usize = 17;
const BUCKET: &[u8] = b"key";

/// The hash of all revisions up to one, without those that a compaction has taken or will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKv {
    /// -1 when there has never been a compaction.
    pub compact_revision: i64,
    pub hash: u32,
    pub revision: i64,
}

/// The hash that `endpoint hashkv` has of a member with this database, at a revision; 0 is the newest. The file is not changed.
pub fn hash_kv(path: &Path, revision: i64) -> Result<HashKv> {
    let (database, status) = examined(path)?;
    let read = |error: io::Error| trouble("read", path, &error);
    let draft = Draft::new(&database).map_err(read)?;
    let meta = draft.pairs(b"meta").map_err(read)?;
    let compacted = |name: &[u8]| meta.get(name).and_then(|row| main(row)).unwrap_or(-1);
    let compact_revision = compacted(b"finishedCompactRev").max(compacted(b"scheduledCompactRev"));
    let newest = status.revision.max(compact_revision).max(1);
    if revision > 0 && revision < compact_revision {
        return Err(Error::config("mvcc: required revision has been compacted"));
    }
    if revision > newest {
        return Err(Error::config(
            "mvcc: required revision is a future revision",
        ));
    }
    let revision = if revision > 0 { revision } else { newest };
    let last = Last::of(&draft, revision).map_err(read)?;
    let mut hash = Crc::new();
    hash.add(BUCKET);
    let hashed = draft.each(BUCKET, &mut |row| {
        let at = main(&row.key).unwrap_or_default();
        let is_gone = at <= compact_revision && last.any() && !last.is(&row);
        if at <= revision && !is_gone {
            hash.add(&row.key);
            hash.add(&row.value);
        }
        Ok(())
    });
    hashed.map_err(read)?;
    Ok(HashKv {
        compact_revision,
        hash: hash.value(),
        revision,
    })
}

/// How many keys there are that are not deleted.
pub fn live_keys(path: &Path) -> Result<i64> {
    let database = Database::open(path)?;
    let count = Draft::new(&database).and_then(|draft| Last::of(&draft, i64::MAX));
    let last = count.map_err(|error| trouble("read", path, &error))?;
    let live = last.rows.values().filter(|row| row.lives).count();
    Ok(i64::try_from(live).unwrap_or(i64::MAX))
}

struct Row {
    lives: bool,
    revision: [u8; REVISION],
}

/// The last row of each key.
struct Last {
    names: RandomState,
    rows: HashMap<u64, Row>,
}

impl Last {
    /// Up to a revision.
    fn of(draft: &Draft<'_>, revision: i64) -> io::Result<Last> {
        let mut last = Last {
            names: RandomState::new(),
            rows: HashMap::new(),
        };
        draft.each(BUCKET, &mut |row| {
            let Some(own) = row.key.first_chunk() else {
                return Err(io::Error::other("a key is no revision"));
            };
            if main(own).is_some_and(|main| main <= revision) {
                let lives = row.key.len() == REVISION;
                let name = last.names.hash_one(name(&row.value));
                let revision = *own;
                last.rows.insert(name, Row { lives, revision });
            }
            Ok(())
        })?;
        Ok(last)
    }

    /// Is it the last one of its key, and no deletion?
    fn is(&self, row: &Element) -> bool {
        let found = self.rows.get(&self.names.hash_one(name(&row.value)));
        found.is_some_and(|last| last.lives && row.key == last.revision)
    }

    fn any(&self) -> bool {
        self.rows.values().any(|row| row.lives)
    }
}

fn main(revision: &[u8]) -> Option<i64> {
    revision.first_chunk().map(|main| i64::from_be_bytes(*main))
}

/// The key of a row: the first field of the message that its value is.
fn name(value: &[u8]) -> &[u8] {
    let Some((0x0a, rest)) = value.split_first().map(|(tag, rest)| (*tag, rest)) else {
        return &[];
    };
    let (mut length, mut at) = (0, 0);
    for byte in rest.iter().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * at);
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    rest.get(at..at + length).unwrap_or_default()
}
