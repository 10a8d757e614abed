//! Saves a member's database to a file that is complete or not there.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Client;
use super::client::{Effect, Patience};
use super::connection::{Answer, Connection};
use super::trouble::{Failure, Fault, Trouble};
use crate::output_file::OutputFile;

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

/// Why there is no snapshot though etcd answered.
#[derive(Debug)]
pub(crate) enum Broken {
    Disk(io::Error),
    /// What came is not what its hash says.
    Hash,
    Rename(io::Error),
    /// So many bytes came, and that cannot be a database and a hash.
    Size(u64),
    /// Nothing came any longer.
    Stalled,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Disk(error) | Broken::Rename(error) => write!(f, "{error}"),
            Broken::Hash => f.write_str("what etcd sent does not match its own hash"),
            Broken::Size(bytes) => write!(
                f,
                "etcd sent {bytes} bytes, which cannot be a whole snapshot"
            ),
            Broken::Stalled => f.write_str("etcd stopped sending"),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Disk(error)
    }
}

/// The file while it grows: everything but the last 32 bytes, which are the hash of the rest, is hashed.
pub(crate) struct Part {
    bytes: u64,
    file: OutputFile,
    hash: Sha256,
    tail: Vec<u8>,
}

impl Part {
    pub(crate) fn create(path: &Path) -> io::Result<Part> {
        Ok(Part {
            bytes: 0,
            file: OutputFile::create(path, 0o600)?,
            hash: Sha256::new(),
            tail: Vec::new(),
        })
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

    fn finish(mut self) -> Result<u64, Broken> {
        if self.bytes % SECTOR != HASH_SIZE as u64 {
            return Err(Broken::Size(self.bytes));
        }
        if self.hash.finalize_reset()[..] != self.tail {
            return Err(Broken::Hash);
        }
        self.file.finish().map_err(Broken::Rename)?;
        Ok(self.bytes)
    }
}

impl Client {
    /// Save the database of the member at an endpoint to a file, mode 0600.
    ///
    /// The file appears under its name only when it is complete and its hash is right.
    pub fn snapshot_save(&self, endpoint: &str, path: &Path) -> super::Result<Snapshot> {
        let status = self.status(endpoint)?;
        let failed = |broken: &Broken| {
            let trouble = Trouble::File(format!(
                "cannot save the snapshot to {}: {broken}",
                path.display()
            ));
            Fault::one(
                endpoint,
                Failure {
                    sent: true,
                    trouble,
                },
            )
        };
        let slot = RefCell::new(Some(
            Part::create(path).map_err(|error| failed(&Broken::Disk(error)))?,
        ));
        let stall = self.limit();
        let received = self.on(endpoint, NO_LIMIT, async |etcd| {
            receive(etcd, &slot, stall, &|_, _| ()).await
        })?;
        let (bytes, _) = received.map_err(|broken| failed(&broken))?;
        Ok(Snapshot {
            bytes,
            revision: status.header.revision,
            version: status.version,
        })
    }

    /// The same into a part that was made already, from any endpoint, and the version that came with it. `progress` is
    /// told how many bytes are there and how many are to come.
    pub(crate) fn snapshot_into(
        &self,
        part: Part,
        patience: Patience,
        stall: Option<Duration>,
        progress: impl FnMut(u64, u64),
    ) -> super::Result<Result<String, Broken>> {
        let slot = RefCell::new(Some(part));
        let progress = RefCell::new(progress);
        let tell = |bytes, left| (progress.borrow_mut())(bytes, left);
        let received = self.ask(Effect::Write, patience, async |etcd| {
            receive(etcd, &slot, stall.unwrap_or(NO_LIMIT), &tell).await
        })?;
        Ok(received.map(|(_, version)| version))
    }
}

/// The inner result is the disk's. A stream that stands still for `stall` is given up.
async fn receive(
    etcd: &Connection,
    slot: &RefCell<Option<Part>>,
    stall: Duration,
    progress: &impl Fn(u64, u64),
) -> Answer<Result<(u64, String), Broken>> {
    let mut stream = etcd.maintenance().snapshot().await?;
    // Until here the call may have been made again.
    let Some(mut part) = slot.take() else {
        return Ok(Err(Broken::Stalled));
    };
    let mut version = String::new();
    loop {
        let Ok(message) = tokio::time::timeout(stall, stream.message()).await else {
            return Ok(Err(Broken::Stalled));
        };
        let Some(message) = message? else {
            return Ok(part.finish().map(|bytes| (bytes, version)));
        };
        if version.is_empty() {
            version = message.version().to_string();
        }
        if let Err(error) = part.write(message.blob()) {
            return Ok(Err(Broken::Disk(error)));
        }
        progress(part.bytes, message.remaining_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn save(path: &Path, blobs: &[&[u8]]) -> Result<u64, Broken> {
        let mut part = Part::create(path)?;
        blobs.iter().try_for_each(|blob| part.write(blob))?;
        part.finish()
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
            let _ = std::fs::remove_file(&path);
            let left = std::fs::read_dir(folder.path()).unwrap();
            assert_eq!(left.count(), 0, "a part is left");
        }
    }
}
