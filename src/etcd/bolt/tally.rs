//! What is counted of a file while its keys and values pass by in order.

use super::checksum::Crc;
use super::status::SnapshotStatus;

/// A revision is two numbers of eight bytes with `_` between; `t` follows when the key was deleted.
const REVISION: usize = 17;
/// A version is short.
const VERSION: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bucket {
    Key,
    Meta,
    Other,
}

pub(super) struct Tally {
    bucket: Bucket,
    /// Eight bytes, the index of the newest entry of the log that the database has.
    consistent_index: Vec<u8>,
    hash: Crc,
    keeps: Keeps,
    keys: i64,
    revision: i64,
    version: Vec<u8>,
}

/// Whose value it is that comes next.
#[derive(Clone, Copy)]
enum Keeps {
    ConsistentIndex,
    Nothing,
    Version,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            bucket: Bucket::Other,
            consistent_index: Vec::new(),
            hash: Crc::new(),
            keeps: Keeps::Nothing,
            keys: 0,
            revision: 0,
            version: Vec::new(),
        }
    }

    pub(super) fn bucket(&mut self, name: &[u8]) {
        self.hash.add(name);
        self.bucket = match name {
            b"key" => Bucket::Key,
            b"meta" => Bucket::Meta,
            _ => Bucket::Other,
        };
    }

    /// False when it cannot be a key of this bucket.
    pub(super) fn key(&mut self, key: &[u8]) -> bool {
        self.hash.add(key);
        self.keys += 1;
        self.keeps = match (self.bucket, key) {
            (Bucket::Meta, b"consistent_index") => Keeps::ConsistentIndex,
            (Bucket::Meta, b"storageVersion") => Keeps::Version,
            _ => Keeps::Nothing,
        };
        if self.bucket != Bucket::Key {
            return true;
        }
        let Some(main) = key.first_chunk() else {
            return false;
        };
        self.revision = i64::from_be_bytes(*main);
        key.len() >= REVISION
    }

    pub(super) fn value(&mut self, piece: &[u8]) {
        self.hash.add(piece);
        let kept = match self.keeps {
            Keeps::ConsistentIndex => &mut self.consistent_index,
            Keeps::Nothing => return,
            Keeps::Version => &mut self.version,
        };
        if kept.len() + piece.len() <= VERSION {
            kept.extend_from_slice(piece);
        }
    }

    /// Has an entry of a log ever been applied to it, or a key been written?
    pub(super) fn has_lived(&self) -> bool {
        self.revision > 0 || self.consistent_index.iter().any(|byte| *byte != 0)
    }

    pub(super) fn status(self, total_size: i64) -> SnapshotStatus {
        let version = String::from_utf8(self.version)
            .ok()
            .filter(|version| is_version(version))
            .unwrap_or_default();
        SnapshotStatus {
            hash: self.hash.value(),
            revision: self.revision,
            total_key: self.keys,
            total_size,
            version,
        }
    }
}

/// Three numbers with dots, and what a pre-release may add.
fn is_version(version: &str) -> bool {
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && !version.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_three_numbers() {
        for (text, wanted) in [
            ("3.6.0", true),
            ("3.6.0-alpha.0+x", true),
            ("3.6", false),
            ("3.6.", false),
            ("", false),
            ("v3.6.0", false),
            ("3.6.0\n", false),
        ] {
            assert_eq!(is_version(text), wanted, "{text:?}");
        }
    }
}
