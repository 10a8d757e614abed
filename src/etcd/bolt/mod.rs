//! Reads etcd's database file, a B+tree of pages in the format of bbolt, without etcd and without trusting it.
//!
//! Owns the format, what `snapshot status` says of a file, and how another one is made of it (`draft.rs`). Pages are read one at a time, so memory does not grow with the
//! file but for one bit a page. Whatever is broken is named by its page. Must not know the network. Start at `status.rs`.

mod check;
mod checksum;
mod compact;
mod draft;
mod history;
mod meta;
mod node;
mod page;
mod page_set;
mod problem;
mod status;
mod tally;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::error::{Error, Kind, Result};
use meta::Meta;

pub(super) use compact::compact;
pub(super) use draft::{Draft, Pairs, Patch};
pub use history::{HashKv, hash_kv, live_keys};
pub use status::{
    SnapshotHash, SnapshotStatus, database_has_lived, snapshot_hash, snapshot_status,
};
pub(super) use status::{examined, sound};

/// A file whose newest meta page is right and whose pages are all there.
pub(super) struct Database {
    file: File,
    meta: Meta,
}

impl Database {
    fn open(path: &Path) -> Result<Database> {
        let file = open(path, File::options().read(true))?;
        let locked = file.try_lock_shared();
        Database::of(file, path, locked)
    }

    /// The same, so that nobody else has it meanwhile, and to be written.
    pub(super) fn open_alone(path: &Path) -> Result<Database> {
        let file = open(path, File::options().read(true).write(true))?;
        let locked = file.try_lock();
        Database::of(file, path, locked)
    }

    fn of(
        file: File,
        path: &Path,
        locked: std::result::Result<(), TryLockError>,
    ) -> Result<Database> {
        // Readers share the lock, a running etcd holds it alone; etcdctl 3.5.16 waits for it without end.
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let busy = Error::config(format!("{} is in use by a running etcd", path.display()));
                return Err(busy.hint(crate::error::Hint::Etcd("snapshot save FILE".into())));
            }
            Err(TryLockError::Error(error)) => return Err(trouble("lock", path, &error)),
        }
        let length = file
            .metadata()
            .map_err(|error| trouble("stat", path, &error))?
            .len();
        let meta = Meta::newest(&file, length).map_err(|error| match error {
            meta::Wrong::File(error) => trouble("read", path, &error),
            meta::Wrong::Format(what, why) => {
                Error::config(what).because(format!("{}: {why}", path.display()))
            }
        })?;
        Ok(Database { file, meta })
    }

    /// Let nobody take the file for a database any longer, who has it open and waits for its lock. Only where it has no name.
    pub(super) fn spoil(&self) -> io::Result<()> {
        if self.file.metadata()?.nlink() == 0 {
            for page in [0, 1] {
                self.file
                    .write_all_at(&[0; 128], page * self.meta.page_size)?;
            }
        }
        Ok(())
    }
}

/// Opens an ordinary file; anything else could keep the reader waiting.
fn open(path: &Path, options: &OpenOptions) -> Result<File> {
    let metadata = fs::metadata(path).map_err(|error| trouble("stat", path, &error))?;
    if metadata.is_dir() {
        return Err(trouble(
            "open",
            path,
            &io::Error::from(ErrorKind::IsADirectory),
        ));
    }
    if !metadata.is_file() {
        return Err(Error::config(format!(
            "open {}: not a regular file",
            path.display()
        )));
    }
    options
        .open(path)
        .map_err(|error| trouble("open", path, &error))
}

/// The words of etcdctl, which are those of Go.
pub(super) fn trouble(verb: &str, path: &Path, error: &io::Error) -> Box<Error> {
    let why = match error.kind() {
        ErrorKind::IsADirectory => "is a directory".into(),
        ErrorKind::NotFound => "no such file or directory".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::StorageFull => "no space left on device".into(),
        ErrorKind::NotADirectory => "not a directory".into(),
        _ => error.to_string(),
    };
    Error::new(Kind::Config, format!("{verb} {}: {why}", path.display()))
}
