//! Saves a member's database to a file that is complete or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::connection::{Answer, Connection};
use super::trouble::{Failure, Fault, Trouble};
use super::{Client, Result};

const HASH_SIZE: usize = 32;
/// bbolt grows its file in pages; etcd's own tools call a snapshot complete when 512 divides it, the hash aside.
const SECTOR: u64 = 512;

/// A large database may come over a slow line; what ends the wait is a stream that stands still.
const NO_LIMIT: Duration = Duration::from_hours(24);

/// A snapshot on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub bytes: u64,
    /// The newest revision when the member was asked; the snapshot holds at least this one.
    pub revision: i64,
    /// The member's version.
    pub version: String,
}

/// The file while it grows: everything but the last 32 bytes, which are the hash of the rest, is hashed.
struct Part {
    bytes: u64,
    file: File,
    hash: Sha256,
    path: PathBuf,
    tail: Vec<u8>,
}

impl Part {
    fn create(path: &Path) -> io::Result<Part> {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        // An older part may have another mode, which opening would keep.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().create_new(true).mode(0o600).write(true).open(&path)?;
        Ok(Part { bytes: 0, file, hash: Sha256::new(), path, tail: Vec::new() })
    }

    fn write(&mut self, blob: &[u8]) -> io::Result<()> {
        self.file.write_all(blob)?;
        self.bytes += blob.len() as u64;
        self.tail.extend_from_slice(blob);
        let hashed = self.tail.len().saturating_sub(HASH_SIZE);
        self.hash.update(&self.tail[..hashed]);
        self.tail.drain(..hashed);
        Ok(())
    }

    fn is_whole(&mut self) -> bool {
        self.bytes % SECTOR == HASH_SIZE as u64 && self.hash.finalize_reset()[..] == self.tail
    }

    fn finish(mut self, path: &Path) -> io::Result<u64> {
        if !self.is_whole() {
            return Err(io::Error::other("what etcd sent does not match its own hash"));
        }
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(self.bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

impl Client {
    /// Save the database of the member at an endpoint to a file, mode 0600.
    ///
    /// The file appears under its name only when it is complete and its hash is right.
    pub fn snapshot_save(&self, endpoint: &str, path: &Path) -> Result<Snapshot> {
        let status = self.status(endpoint)?;
        let stall = self.limit();
        let bytes = self
            .on(endpoint, NO_LIMIT, async |etcd| receive(etcd, path, stall).await)?
            .map_err(|error| {
                let trouble = Trouble::Other(format!("cannot save the snapshot to {}: {error}", path.display()));
                Fault::one(endpoint, Failure { sent: true, trouble })
            })?;
        Ok(Snapshot { bytes, revision: status.header.revision, version: status.version })
    }
}

/// The inner result is the disk's. A stream that stands still for `stall` is given up.
async fn receive(etcd: &Connection, path: &Path, stall: Duration) -> Answer<io::Result<u64>> {
    let mut stream = etcd.maintenance().snapshot().await?;
    let mut part = match Part::create(path) {
        Ok(part) => part,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        let Ok(message) = tokio::time::timeout(stall, stream.message()).await else {
            return Ok(Err(io::Error::new(io::ErrorKind::TimedOut, "etcd stopped sending")));
        };
        let Some(message) = message? else { return Ok(part.finish(path)) };
        if let Err(error) = part.write(message.blob()) {
            return Ok(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn save(path: &Path, blobs: &[&[u8]]) -> io::Result<u64> {
        let mut part = Part::create(path)?;
        blobs.iter().try_for_each(|blob| part.write(blob))?;
        part.finish(path)
    }

    #[test]
    fn a_snapshot_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = vec![7; 1024];
        let hash = Sha256::digest(&database);
        let whole = [database.as_slice(), &hash].concat();
        let mut wrong = whole.clone();
        wrong[5] = 8;
        for (blobs, saved) in [
            (vec![&whole[..]], true),
            (whole.chunks(7).collect(), true),
            (vec![&database[..], &hash[..]], true),
            (vec![&database[..]], false),
            (vec![&wrong[..]], false),
            (vec![&whole[1..]], false),
            (Vec::new(), false),
        ] {
            assert_eq!(save(&path, &blobs).is_ok(), saved);
            assert_eq!(path.exists(), saved);
            assert!(!folder.path().join("a.db.part").exists());
            let _ = fs::remove_file(&path);
        }
    }
}
