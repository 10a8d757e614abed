//! Releases of etcd as binaries: where they are taken from, and the bundle of them that goes to hosts.
//!
//! Owns what a source may be (a folder, or a tarball as file or URL), the proof that it is what was published, and the
//! bundle: a tarball as etcd's releases are, with the programs alone and their `SHA256SUMS`. Must not know scripts, nor how a
//! bundle goes to a host. Start reading at [`bundle`].

mod contents;
mod machine;
mod source;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::hex;

pub use machine::Machine;

/// The programs of a release, in the order that a bundle has them. The last one is there since 3.5.
const PROGRAMS: [&str; 3] = ["etcd", "etcdctl", "etcdutl"];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// The machine that it is for.
    pub machine: Machine,
    /// What the tarball's digest must be, where no `SHA256SUMS` lies beside it.
    pub sha256: Option<String>,
    /// A folder with `etcd` and `etcdctl`, or a tarball: a path, or an URL.
    pub source: String,
    /// Such as `3.6.16`, or `3.6` for any of it; `None` takes what is there.
    pub version: Option<String>,
}

/// What goes to a host.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The tarball, kept among this user's caches.
    pub path: PathBuf,
    /// Such as `3.6.16`.
    pub version: String,
}

/// A program of a release.
struct Program {
    content: Vec<u8>,
    name: &'static str,
}

/// What a source holds.
struct Release {
    programs: Vec<Program>,
    version: String,
}

/// The bundle of a release, made once: later calls and runs find it where it is kept. A relative path is one from `beside`.
pub fn bundle(wanted: &Wanted, beside: &Path) -> Result<Bundle> {
    static MADE: Mutex<Option<HashMap<Wanted, Bundle>>> = Mutex::new(None);
    // One at a time: all hosts ask for the same.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    if let Some(bundle) = made.get(wanted) {
        return Ok(bundle.clone());
    }
    let bundle = source::open(wanted, beside)?;
    made.insert(wanted.clone(), bundle.clone());
    Ok(bundle)
}

/// The place for a bundle whose source has this digest.
fn place(version: &str, machine: Machine, digest: &str) -> Result<PathBuf> {
    let name = format!("etcd-{version}-{}-{digest}.tar.gz", machine.name());
    Ok(folder()?.join(name))
}

/// The bundle that was made of a source before.
fn found(machine: Machine, digest: &str) -> Result<Option<Bundle>> {
    let end = format!("-{}-{digest}.tar.gz", machine.name());
    let Ok(entries) = std::fs::read_dir(folder()?) else {
        return Ok(None);
    };
    Ok(entries.flatten().find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name.strip_prefix("etcd-")?.strip_suffix(&end)?.to_string();
        Some(Bundle {
            path: entry.path(),
            version,
        })
    }))
}

/// Where bundles are kept: `$XDG_CACHE_HOME/etcdsh`, else `~/.cache/etcdsh`, for this user alone.
fn folder() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = cache.or_else(home).ok_or_else(|| {
        Error::config("there is no place to keep a release of etcd")
            .hint("set HOME or XDG_CACHE_HOME")
    })?;
    Ok(cache.join("etcdsh"))
}

/// Make the bundle of a release, or take what is packed as one already, and keep it.
fn keep(
    release: &Release,
    machine: Machine,
    digest: &str,
    packed: Option<&[u8]>,
) -> Result<Bundle> {
    use std::os::unix::fs::DirBuilderExt;
    let path = place(&release.version, machine, digest)?;
    let unwritable = |error: std::io::Error| {
        Error::config(format!("`{}` cannot be written", path.display())).because(error.to_string())
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(unwritable)?;
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    match packed {
        Some(bytes) => new.write_all(bytes),
        None => contents::write(&mut new, release, machine),
    }
    .map_err(unwritable)?;
    new.as_file().sync_all().map_err(unwritable)?;
    new.persist(&path)
        .map_err(|error| unwritable(error.error))?;
    Ok(Bundle {
        path,
        version: release.version.clone(),
    })
}

/// The digest of bytes, as `sha256sum` writes it.
fn digest(bytes: &[u8]) -> String {
    hex::text(&Sha256::digest(bytes))
}

/// Is this the release that was asked for?
fn refuse_other(release: &str, wanted: &Wanted) -> Result<()> {
    let Some(asked) = &wanted.version else {
        return Ok(());
    };
    let asked = asked.trim_start_matches('v');
    if release == asked || release.starts_with(&format!("{asked}.")) {
        return Ok(());
    }
    Err(Error::config(format!(
        "`etcd_source` has etcd {release}, and `etcd_version` is {asked}"
    ))
    .because(format!("it is {}", wanted.source))
    .hint(format!(
        "-e etcd_version={release}   # or another `etcd_source`"
    )))
}
