//! The database of a member that is stopped, without the free space in it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::bolt::{Database, compact, examined, sound, trouble};
use crate::error::{Error, Result};

/// What became of it, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defragmented {
    pub after: u64,
    pub before: u64,
}

/// Write the database in a data folder anew. The new file takes the old one's place when all of it is on the disk and has
/// the same keys and values, by their sum.
pub fn defragment(data_dir: &Path) -> Result<Defragmented> {
    let path = data_dir.join("member/snap/db");
    let folder = data_dir.join("member/snap");
    let (old, status) = sound(Database::open_alone(&path)?, &path)?;
    let about = fs::metadata(&path).map_err(|error| trouble("stat", &path, &error))?;
    // etcd removes what begins so, when it starts, should this program end here.
    let part = tempfile::Builder::new()
        .prefix("db.tmp.")
        .permissions(Permissions::from_mode(0o600))
        .make_in(&folder, |part| {
            File::options().write(true).create_new(true).open(part)
        })
        .map_err(|error| trouble("write", &path, &error))?;
    let (mut file, part) = part.into_parts();
    let write = |error: io::Error| trouble("write", &path, &error);
    compact(&old, &mut file)
        .and_then(|()| file.set_permissions(about.permissions()))
        .and_then(|()| chown(&part, Some(about.uid()), Some(about.gid())))
        .and_then(|()| file.sync_all())
        .map_err(write)?;
    let new = PathBuf::from(&*part);
    let (_, found) = examined(&new)?;
    if (found.hash, found.total_key) != (status.hash, status.total_key) {
        return Err(Error::config(format!(
            "what was written is not what {} has; it stays as it is",
            path.display()
        )));
    }
    part.persist(&path).map_err(|error| write(error.error))?;
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(write)?;
    // An etcd that was started meanwhile waits for the lock of the old file, and would go on with it.
    old.spoil().map_err(write)?;
    Ok(Defragmented {
        after: found.total_size.cast_unsigned(),
        before: about.len(),
    })
}
