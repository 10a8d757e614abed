//! A snapshot becomes the data of a new cluster, without etcd and without its tools.
//!
//! The file is read and never changed. The database of all new members is the same: the file's own pages, with the new
//! membership behind them; a member's log is its own. What is written here is what etcdutl writes, but that the record of who
//! votes is the new one, too. Must not know command lines. Start reading at [`Restoration::open`].

mod cluster;
mod membership;
mod place;

use std::path::{Path, PathBuf};

use super::bolt::{Database, Draft, Patch, SnapshotStatus, examined, trouble};
use super::wal::{Fields, Log};
use crate::error::{Error, Result};

pub use cluster::{Founder, Founding};
pub use place::Place;

/// The first two numbers of a version.
pub type Minor = (u32, u32);

/// Those of a text: of `3.6.1`, `v3.6.1` or `3.6`.
#[must_use]
pub fn minor(version: &str) -> Option<Minor> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

/// A file that can be restored.
pub struct Restoration {
    /// `3.5.0`: the release that all members of the old cluster had; empty when the file does not say it.
    cluster_version: String,
    database: Database,
    path: PathBuf,
    pub status: SnapshotStatus,
    /// The term of the last entry of the log that it has; 0 before etcd 3.5, which did not write it down.
    pub term: u64,
}

/// What the new cluster shall be told beside its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Added to the newest revision; what is older is then compacted, so that every watch from before ends.
    pub bump: u64,
    /// The term that the new log begins in, 1 at least.
    pub term: u64,
}

/// What the members of a new cluster begin with.
pub struct Seed<'r> {
    pub founding: Founding,
    patch: Patch,
    restoration: &'r Restoration,
    /// The newest revision.
    pub revision: i64,
    pub term: u64,
}

impl Restoration {
    /// Look at a snapshot, or at the database of a member that is stopped, page by page.
    ///
    /// The hash at its end is not looked at: see `snapshot_hash`.
    pub fn open(path: &Path) -> Result<Restoration> {
        let (database, status) = examined(path)?;
        let read = |error| trouble("read", path, &error);
        let draft = Draft::new(&database).map_err(read)?;
        if !draft.has(b"key") || !draft.has(b"meta") {
            return Err(Error::config(format!(
                "{} is a database, and none of etcd",
                path.display()
            )));
        }
        let meta = draft.pairs(b"meta").map_err(read)?;
        let term = meta.get(&b"term"[..]).and_then(|term| term.first_chunk());
        let cluster = draft.pairs(b"cluster").map_err(read)?;
        let version = cluster.get(&b"clusterVersion"[..]);
        Ok(Restoration {
            cluster_version: version.map_or_else(String::new, |version| {
                String::from_utf8_lossy(version).into_owned()
            }),
            path: path.to_path_buf(),
            status,
            term: term.map_or(0, |term| u64::from_be_bytes(*term)),
            database,
        })
    }

    /// The first two numbers of the release whose data these are; `None` when the file does not say it.
    #[must_use]
    pub fn release(&self) -> Option<Minor> {
        let stored = minor(&self.status.version);
        stored.max(minor(&self.cluster_version))
    }

    /// Why etcd of this release is not to run on it: it is older, and nobody has seen it read what the newer one wrote.
    ///
    /// 3.6 refuses what 3.7 has stored; 3.5 reads what 3.6 has stored, which is the way back of a downgrade.
    pub fn check_for(&self, release: Minor) -> Result<()> {
        let own = self.release().filter(|own| *own > release);
        let Some(own) = own.filter(|own| (*own, release) != ((3, 6), (3, 5))) else {
            return Ok(());
        };
        Err(Error::config(format!(
            "{} is of etcd {}.{}, which is newer than {}.{}",
            self.path.display(),
            own.0,
            own.1,
            release.0,
            release.1
        )))
    }

    /// What the members of `founding` begin with.
    pub fn seed(&self, founding: Founding, wishes: Wishes) -> Result<Seed<'_>> {
        let revision = i64::try_from(wishes.bump)
            .ok()
            .and_then(|bump| self.status.revision.checked_add(bump))
            .ok_or_else(|| {
                let bump = wishes.bump;
                Error::usage(format!("no revision is {bump} above that of the file"))
            })?;
        let patch = self
            .patch(&founding, wishes, revision)
            .map_err(|error| trouble("read", &self.path, &error))?;
        Ok(Seed {
            founding,
            patch,
            restoration: self,
            revision,
            term: wishes.term,
        })
    }

    fn patch(&self, founding: &Founding, wishes: Wishes, revision: i64) -> std::io::Result<Patch> {
        let mut draft = Draft::new(&self.database)?;
        draft.set(b"members", &membership::rows(founding));
        draft.set(b"members_removed", &[].into());
        let mut meta = draft.pairs(b"meta")?;
        let mut put = |key: &str, value: Vec<u8>| meta.insert(key.into(), value);
        let index = founding.members.len() as u64;
        put("consistent_index", index.to_be_bytes().into());
        put("term", wishes.term.to_be_bytes().into());
        put("confState", membership::voters(founding).into_bytes());
        if wishes.bump > 0 {
            let row = [&revision.to_be_bytes()[..], b"_", &[0; 8]].concat();
            draft.append(b"key", &row, b"")?;
            put("scheduledCompactRev", row);
        }
        draft.set(b"meta", &meta);
        Ok(draft.finish())
    }
}

impl Seed<'_> {
    /// The raft snapshot of all members: its name, and its bytes.
    ///
    /// Without it etcd up to 3.6 would begin at the first entry of the log, and send a member that joins later the entries
    /// alone, without what was restored.
    fn raft_snapshot(&self) -> (String, Vec<u8>) {
        let last = self.founding.members.len() as u64;
        let about = Fields::default().bytes(1, &voters(&self.founding));
        let about = about.number(2, last).number(3, self.term).done();
        let store = membership::v2_store(&self.founding);
        let snapshot = Fields::default().bytes(1, store.as_bytes());
        let snapshot = snapshot.bytes(2, &about).done();
        let sum = crc32c::crc32c(&snapshot);
        let file = Fields::default().number(1, sum.into()).bytes(2, &snapshot);
        (format!("{:016x}-{last:016x}.snap", self.term), file.done())
    }

    /// Write the data of a member into a folder of this machine, which appears there when all of it is on the disk, or not
    /// at all: also when `stop` asks for the end.
    pub fn write(&self, member: &Founder, place: &Place, stop: &dyn Fn() -> bool) -> Result<()> {
        place.check()?;
        let log = log(&self.founding, member, self.term);
        let (name, snapshot) = self.raft_snapshot();
        let files = place::Files {
            database: &|file| self.patch.write(&self.restoration.database, file, stop),
            log: &log,
            snapshot: (&name, &snapshot),
        };
        place.put(&files)
    }
}

/// The log of a member.
fn log(founding: &Founding, member: &Founder, term: u64) -> Vec<u8> {
    let members = &founding.members;
    let mut log = Log::new(member.id, founding.id);
    log.snapshot(0, 0, None);
    for (index, added) in (1..).zip(members) {
        let change = Fields::default().number(1, 0).number(2, 0);
        let text = membership::member(added);
        let change = change.number(3, added.id).bytes(4, text.as_bytes());
        log.change(term, index, &change.done());
    }
    let last = members.len() as u64;
    let vote = members.first().map_or(0, |first| first.id);
    log.state(term, vote, last);
    log.snapshot(last, term, Some(&voters(founding)));
    log.done()
}

fn voters(founding: &Founding) -> Vec<u8> {
    let ids = founding.members.iter().map(|member| member.id);
    let voters = ids.fold(Fields::default(), |voters, id| voters.number(1, id));
    voters.number(5, 0).done()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length and sum of what etcdutl 3.5.35 and 3.6.16 write for `m`.
    #[test]
    fn the_log_is_that_of_etcdutl() {
        let all = "m=http://127.0.0.77:12380,n=http://127.0.0.78:12380";
        let founding = Founding::read(all, "tok").expect("it is read");
        let member = founding.members.iter().find(|member| member.name == "m");
        let log = log(&founding, member.expect("m"), 1);
        assert_eq!((log.len(), crc32c::crc32c(&log)), (408, 0x9499_39ff));
    }

    #[test]
    fn a_version_has_two_numbers_first() {
        for (text, wanted) in [
            ("3.6.1", Some((3, 6))),
            ("v3.10", Some((3, 10))),
            ("3", None),
            ("", None),
            ("3.x", None),
        ] {
            assert_eq!(minor(text), wanted, "{text}");
        }
    }
}
