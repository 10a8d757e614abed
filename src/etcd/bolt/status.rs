//! What `snapshot status` says of a file, and whether the hash at the file's end is right.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::check::check;
use super::{Database, open, trouble};
use crate::error::{Error, Result};

/// `snapshot save` puts the sha256 of all bytes at the end, where no sector begins or ends.
const HASH_BYTES: usize = 32;
const HASH_SIZE: u64 = HASH_BYTES as u64;
const SECTOR: u64 = 512;

/// A snapshot, or the database of a member that is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotStatus {
    /// CRC-32C of the names of the buckets and of their keys and values.
    pub hash: u32,
    pub revision: i64,
    /// Of all buckets and revisions.
    pub total_key: i64,
    /// Bytes of the pages, not of the file.
    pub total_size: i64,
    /// The storage version; empty before etcd 3.6.
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotHash {
    /// The file is the copy of a member's database, no snapshot.
    Absent,
    Differs {
        /// The file ends with it.
        expected: [u8; 32],
        found: [u8; 32],
    },
    Matches,
}

/// Look at a file as `etcdctl snapshot status` does.
///
/// The error has etcdctl's words where etcdctl does not crash; its causes name the pages that are broken, one each.
/// The hash at the end is not looked at: see `snapshot_hash`.
pub fn snapshot_status(path: &Path) -> Result<SnapshotStatus> {
    examined(path).map(|(_, status)| status)
}

/// The same, and the file, which stays open.
pub(in crate::etcd) fn examined(path: &Path) -> Result<(Database, SnapshotStatus)> {
    sound(Database::open(path)?, path)
}

/// The same of one that is open.
pub(in crate::etcd) fn sound(
    database: Database,
    path: &Path,
) -> Result<(Database, SnapshotStatus)> {
    let problems = match check(&database).map_err(|error| trouble("read", path, &error))? {
        Ok(tally) => {
            let size = (database.meta.end * database.meta.page_size).cast_signed();
            return Ok((database, tally.status(size)));
        }
        Err(problems) => problems,
    };
    let more = problems.count - problems.lines.len() as u64;
    let mut error = Error::config(format!(
        "snapshot file integrity check failed. {} errors found.",
        problems.count
    ));
    error.causes = problems.lines;
    Err(if more > 0 {
        error.because(format!("{more} more"))
    } else {
        error
    })
}

/// Has an entry of a log ever been applied to this database, or a key been written to it? What a start left that died before
/// its log was made has neither.
pub fn database_has_lived(path: &Path) -> Result<bool> {
    let database = Database::open(path)?;
    match check(&database).map_err(|error| trouble("read", path, &error))? {
        Ok(tally) => Ok(tally.has_lived()),
        Err(_) => Err(Error::config(format!("{} is damaged", path.display()))),
    }
}

/// Compare the hash at the end of a snapshot with the rest of it, as `snapshot restore` does.
pub fn snapshot_hash(path: &Path) -> Result<SnapshotHash> {
    let mut file = open(path, std::fs::File::options().read(true))?;
    let read = |error: io::Error| trouble("read", path, &error);
    let length = file.metadata().map_err(read)?.len();
    if length % SECTOR != HASH_SIZE {
        return Ok(SnapshotHash::Absent);
    }
    let mut hash = Sha256::new();
    io::copy(&mut (&mut file).take(length - HASH_SIZE), &mut hash).map_err(read)?;
    let mut expected = [0; HASH_BYTES];
    file.read_exact(&mut expected).map_err(read)?;
    let found = hash.finalize().into();
    Ok(if expected == found {
        SnapshotHash::Matches
    } else {
        SnapshotHash::Differs { expected, found }
    })
}
