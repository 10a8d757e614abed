//! The folder of a member on this machine: whole under its name, or not there.
//!
//! It grows in a folder of its own beside its place, or in the empty data folder that is there already, and is renamed when
//! all of it is on the disk. Nothing that is there is written over.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::etcd::bolt::trouble;

/// A log file has room from its beginning, as etcd makes it.
const LOG_SIZE: u64 = 64_000_000;
const LOG_NAME: &str = "0000000000000000-0000000000000000.wal";

/// Where the data of a member go.
#[derive(Clone, Debug)]
pub struct Place {
    pub data_dir: PathBuf,
    /// When the log is to be elsewhere.
    pub wal_dir: Option<PathBuf>,
}

/// What is written.
pub(super) struct Files<'f> {
    pub(super) database: &'f dyn Fn(&mut File) -> io::Result<()>,
    pub(super) log: &'f [u8],
    /// Its name and its bytes.
    pub(super) snapshot: (&'f str, &'f [u8]),
}

impl Place {
    /// Is there room for it: no data folder yet, or an empty one, and no folder of logs? The words are etcd's.
    pub fn check(&self) -> Result<()> {
        let Place { data_dir, wal_dir } = self;
        if data_dir.exists() && !is_empty(data_dir) {
            return Err(Error::config(format!(
                "data-dir {:?} not empty or could not be read",
                data_dir.display().to_string()
            )));
        }
        match wal_dir {
            Some(wal_dir) if wal_dir.exists() => Err(Error::config(format!(
                "wal-dir {:?} exists",
                wal_dir.display().to_string()
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn put(&self, files: &Files<'_>) -> Result<()> {
        let data_dir = &self.data_dir;
        // In an empty one it is `member` that is renamed: who made it chose its owner, its mode and its disk.
        let is_there = data_dir.exists();
        let data = Growing::begin(&if is_there {
            data_dir.join("member")
        } else {
            data_dir.clone()
        })?;
        let member = if is_there {
            data.path()
        } else {
            data.path().join("member")
        };
        let (wal, elsewhere) = match &self.wal_dir {
            None => (member.join("wal"), None),
            Some(wal_dir) => match wal_dir.strip_prefix(&data.name) {
                Ok(below) => (data.path().join(below), None),
                Err(_) => {
                    let wal = Growing::begin(wal_dir)?;
                    (wal.path(), Some(wal))
                }
            },
        };
        write(files, &member, &wal)?;
        // Who is not root has the rights on the folder by a group, and cannot give files away.
        let gives = is_there && rustix::process::geteuid().is_root();
        let owner = fs::metadata(data_dir).ok().filter(|_| gives);
        for root in [Some(&data), elsewhere.as_ref()].into_iter().flatten() {
            root.settle(owner.as_ref())
                .map_err(|error| trouble("write", &root.name, &error))?;
        }
        let elsewhere = elsewhere.map(Growing::finish).transpose()?;
        data.finish().map(drop).inspect_err(|_| {
            let made = elsewhere.iter();
            made.for_each(|made| drop(fs::remove_dir_all(made)));
        })
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn write(files: &Files<'_>, member: &Path, wal: &Path) -> Result<()> {
    let snap = member.join("snap");
    for folder in [&snap, wal] {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| trouble("mkdir", folder, &error))?;
    }
    file(&snap.join("db"), |db| (files.database)(db))?;
    let (name, snapshot) = files.snapshot;
    file(&snap.join(name), |file| file.write_all(snapshot))?;
    file(&wal.join(LOG_NAME), |file| {
        match fallocate(&mut *file, FallocateFlags::empty(), 0, LOG_SIZE) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(LOG_SIZE)?,
            done => done?,
        }
        file.write_all(files.log)
    })
}

fn file(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let made = || {
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        fill(&mut file)?;
        file.sync_all()
    };
    made().map_err(|error| trouble("write", path, &error))
}

/// A folder that is to have this name, under another one until all of it is there.
struct Growing {
    name: PathBuf,
    part: TempDir,
    // Behind the part: fields go in their order, and a folder only when it is empty.
    above: Above,
}

/// Folders that had to be made, the uppermost first: they go when nothing came of it.
struct Above(Vec<PathBuf>);

impl Drop for Above {
    fn drop(&mut self) {
        // One that is not empty by now stays.
        let made = self.0.iter().rev();
        made.for_each(|folder| drop(fs::remove_dir(folder)));
    }
}

impl Growing {
    fn begin(name: &Path) -> Result<Growing> {
        begin(name).map_err(|error| trouble("mkdir", name, &error))
    }

    fn path(&self) -> PathBuf {
        self.part.path().to_path_buf()
    }

    /// All folders are the owner's, and on the disk.
    fn settle(&self, owner: Option<&Metadata>) -> io::Result<()> {
        settle(self.part.path(), owner)
    }

    fn finish(mut self) -> Result<PathBuf> {
        let name = self.name.clone();
        let renamed = fs::rename(self.part.path(), &name);
        renamed.map_err(|error| trouble("rename", &name, &error))?;
        let _ = self.part.keep();
        let made = std::mem::take(&mut self.above.0);
        for folder in made.iter().map(PathBuf::as_path).chain([name.as_path()]) {
            let above = parent(folder);
            File::open(above)
                .and_then(|above| above.sync_all())
                .map_err(|error| trouble("sync", above, &error))?;
        }
        Ok(name)
    }
}

fn begin(name: &Path) -> io::Result<Growing> {
    let parent = parent(name);
    let is_missing =
        |folder: &&Path| !folder.as_os_str().is_empty() && fs::symlink_metadata(folder).is_err();
    let mut missing: Vec<&Path> = parent.ancestors().take_while(is_missing).collect();
    missing.reverse();
    let mut above = Above(Vec::new());
    for folder in missing {
        DirBuilder::new().mode(0o700).create(folder)?;
        above.0.push(folder.to_path_buf());
    }
    let mut prefix = OsString::from(".");
    prefix.push(name.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    prefix.push(".");
    let part = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".part")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)?;
    Ok(Growing {
        name: name.to_path_buf(),
        part,
        above,
    })
}

fn settle(path: &Path, owner: Option<&Metadata>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            settle(&entry?.path(), owner)?;
        }
        File::open(path)?.sync_all()?;
    }
    match owner {
        Some(owner) => chown(path, Some(owner.uid()), Some(owner.gid())),
        None => Ok(()),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
