//! `snapshot restore FILE`: the data of a member of a new cluster, made of a snapshot. No etcd is asked, and none is needed.
//!
//! etcdctl has it up to 3.5, where it points to etcdutl; native mode has it always.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::status;
use crate::error::{Error, Kind};
use crate::etcd::restore::{self, Founder, Founding, Place, Restoration, Seed, Wishes};
use crate::etcd::{SnapshotHash, hex, snapshot_hash};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ARGUMENTS, ERROR, Failure, INTERRUPTED, Outcome};
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::log::{self, Fields};
use crate::etcdctl::form::print::{Format, Page, Reply};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};
use crate::etcdctl::wait::stop::Signals;

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "snapshot restore",
    arguments: "<file>",
    about: "make the data of a member of a new cluster of a snapshot file",
    example: "snapshot restore /backup/etcd.db --data-dir /var/lib/etcd/restored\nsnapshot restore a.db --data-dir a --name a --initial-cluster a=https://10.0.0.1:2380,b=https://10.0.0.2:2380 --initial-advertise-peer-urls https://10.0.0.1:2380",
    flags: FLAGS,
    changes: true,
    deadline: Deadline::Local,
    endless: Endless::Never,
    since: Since::UpTo35,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::int(
        "bump-revision",
        "0",
        "let revisions go on this much above the newest one, so that none comes twice; with --mark-compacted",
    ),
    Flag::text(
        "data-dir",
        "",
        "the folder to make, empty if it is there; NAME.etcd when not given",
    ),
    Flag::text(
        "for",
        "",
        "the release of etcd that is to run on it, as 3.5: a file of a newer one is refused",
    )
    .native(),
    Flag::text(
        "initial-advertise-peer-urls",
        "http://localhost:2380",
        "where the other members reach this one, separated by commas",
    ),
    Flag::text(
        "initial-cluster",
        "default=http://localhost:2380",
        "all members of the new cluster: name=peer URL, separated by commas",
    ),
    Flag::text(
        "initial-cluster-token",
        "etcd-cluster",
        "what the ids of the cluster and its members are made of, beside the peer URLs",
    ),
    Flag::int(
        "initial-memory-map-size",
        "0",
        "accepted; the file is not mapped into memory",
    ),
    Flag::bool(
        "mark-compacted",
        "end all watches from before: what is older than the bumped revision is compacted",
    ),
    Flag::text("name", "default", "the name of this member"),
    Flag::bool(
        "skip-hash-check",
        "take a file without a hash at its end, as the database of a stopped member is",
    ),
    Flag::int(
        "term",
        "0",
        "the raft term to begin in; 0 is 1000 above the term in the file, so that clients who remember that take this cluster for a newer one",
    )
    .native(),
    Flag::text(
        "wal-dir",
        "",
        "where the log goes, a folder that is not there yet; below --data-dir when not given",
    ),
];

/// So many elections may have been since the file was saved.
const ELECTIONS: u64 = 1000;

/// What a file is called that bbolt does not open; the cause says why.
const NO_DATABASE: [&str; 4] = [
    "checksum error",
    "file size too small",
    "invalid database",
    "version mismatch",
];

/// What the words and flags come to.
struct Wanted {
    bump: u64,
    file: PathBuf,
    name: String,
    place: Place,
}

fn run(call: &mut Call<'_>) -> Outcome {
    if call.style.strict {
        call.complain("Deprecated: Use `etcdutl snapshot restore` instead.\n")?;
        return strict(call);
    }
    call.lacks(&[Format::Protobuf])?;
    let wanted = wanted(call)?;
    let (founding, member) = founding(call).map_err(|error| failed(&wanted, &error))?;
    let signals = Signals::listen(&call.style.stop)?;
    let outcome = native(call, &wanted, founding, &member, &signals);
    let restored =
        outcome.map_err(|error| ended(&signals).unwrap_or_else(|| failed(&wanted, &error)))?;
    call.reply(&restored)
}

/// As etcdutl: what is done goes to standard error as its log.
pub(in crate::etcdctl::verb) fn strict(call: &mut Call<'_>) -> Outcome {
    let wanted = wanted(call)?;
    let said = |error: Box<Error>| status::strict_failure(&error);
    let (founding, member) = founding(call).map_err(said)?;
    wanted.place.check().map_err(said)?;
    let paths = paths(call, &wanted);
    call.complain(log::line("restoring snapshot", &paths))?;
    check_hash(call, &wanted.file)?;
    let restoration = Restoration::open(&wanted.file).map_err(said)?;
    let wishes = Wishes {
        bump: wanted.bump,
        term: 1,
    };
    let seed = restoration.seed(founding, wishes).map_err(said)?;
    let signals = Signals::listen(&call.style.stop)?;
    seed.write(&member, &wanted.place, &|| signals.asked())
        .map_err(|error| ended(&signals).unwrap_or_else(|| said(error)))?;
    told(call, &restoration, &seed, wanted.bump)?;
    call.complain(log::line("restored snapshot", &paths))
}

fn wanted(call: &Call<'_>) -> Outcome<Wanted> {
    let bump = u64::try_from(call.number("bump-revision"))
        .map_err(|_| Failure::arguments("--bump-revision is a number from 0"))?;
    if (bump > 0) != call.flag("mark-compacted") {
        return Err(Failure::arguments(
            "--mark-compacted required if --revision-bump > 0",
        ));
    }
    let [file] = call.words.as_slice() else {
        return Err(Failure::arguments(
            "snapshot restore requires exactly one argument",
        ));
    };
    let name = call.text("name");
    let given =
        |flag: &str| Some(PathBuf::from(call.text(flag))).filter(|path| path != Path::new(""));
    let data_dir = given("data-dir").unwrap_or_else(|| format!("{name}.etcd").into());
    Ok(Wanted {
        bump,
        file: Path::new(OsStr::from_bytes(file)).to_path_buf(),
        name,
        place: Place {
            data_dir,
            wal_dir: given("wal-dir"),
        },
    })
}

fn founding(call: &Call<'_>) -> crate::error::Result<(Founding, Founder)> {
    let urls = call.text("initial-advertise-peer-urls");
    let urls: Vec<&str> = urls.split(',').collect();
    let all = call.text("initial-cluster");
    let founding = Founding::read(&all, &call.text("initial-cluster-token"))?;
    let member = founding.member(&call.text("name"), &urls)?.clone();
    Ok((founding, member))
}

fn paths(call: &Call<'_>, wanted: &Wanted) -> Fields {
    let Place { data_dir, wal_dir } = &wanted.place;
    let member = data_dir.join("member");
    let wal = wal_dir.clone().unwrap_or_else(|| member.join("wal"));
    let shown = |path: &Path| path.display().to_string();
    Fields::default()
        .text("path", &shown(&wanted.file))
        .text("wal-dir", &shown(&wal))
        .text("data-dir", &shown(data_dir))
        .text("snap-dir", &shown(&member.join("snap")))
        .raw(
            "initial-memory-map-size",
            call.text("initial-memory-map-size"),
        )
}

/// In etcdutl's words, which shows a hash as Go shows bytes.
fn check_hash(call: &Call<'_>, file: &Path) -> Outcome {
    let said = |error: Box<Error>| {
        let mut failure = status::strict_failure(&error);
        // etcdutl opens it, and does not look before.
        failure.text = failure.text.map(|text| match text.strip_prefix("stat ") {
            Some(rest) => format!("open {rest}"),
            None => text,
        });
        failure
    };
    let found = snapshot_hash(file).map_err(said)?;
    let shown = |hash: &[u8; 32]| {
        let bytes: Vec<String> = hash.iter().map(u8::to_string).collect();
        format!("[{}]", bytes.join(" "))
    };
    let text = match found {
        _ if call.flag("skip-hash-check") => return Ok(()),
        SnapshotHash::Matches => return Ok(()),
        SnapshotHash::Absent => "snapshot missing hash but --skip-hash-check=false".into(),
        SnapshotHash::Differs { expected, found } => {
            format!(
                "expected sha256 {}, got {}",
                shown(&expected),
                shown(&found)
            )
        }
    };
    Err(Failure::new(ERROR, text))
}

fn told(call: &mut Call<'_>, file: &Restoration, seed: &Seed<'_>, bump: u64) -> Outcome {
    let message = "Trimming membership information from the backend...";
    call.complain(log::line(message, &Fields::default()))?;
    if bump > 0 {
        let fields = Fields::default()
            .raw("latest-revision", file.status.revision)
            .raw("bump-amount", bump)
            .raw("new-latest-revision", seed.revision);
        call.complain(log::line("bumping latest revision", &fields))?;
        let fields = Fields::default().raw("revision", seed.revision);
        call.complain(log::line("marking revision compacted", &fields))?;
    }
    for member in &seed.founding.members {
        let fields = Fields::default()
            .text("cluster-id", &hex(seed.founding.id))
            .text("local-member-id", "0")
            .text("added-peer-id", &hex(member.id))
            .raw("added-peer-peer-urls", json!(member.peer_urls))
            .raw("added-peer-is-learner", false);
        call.complain(log::line("added member", &fields))?;
    }
    Ok(())
}

fn native(
    call: &Call<'_>,
    wanted: &Wanted,
    founding: Founding,
    member: &Founder,
    signals: &Signals,
) -> crate::error::Result<Restored> {
    wanted.place.check()?;
    let release = call.text("for");
    let release = match restore::minor(&release) {
        None if !release.is_empty() => {
            return Err(Error::usage("--for is a version of etcd, as 3.5"));
        }
        release => release,
    };
    let restoration = Restoration::open(&wanted.file)?;
    release.map_or(Ok(()), |release| restoration.check_for(release))?;
    let file = wanted.file.display();
    match snapshot_hash(&wanted.file)? {
        SnapshotHash::Differs { .. } if !call.flag("skip-hash-check") => {
            return Err(status::damaged(&wanted.file));
        }
        SnapshotHash::Absent if !call.flag("skip-hash-check") => {
            let error = Error::config(format!("{file} has no hash at its end"));
            return Err(error
                .because("`snapshot save` writes one; the database of a member has none")
                .hint("--skip-hash-check   # for such a database"));
        }
        _ => {}
    }
    let term = match call.number("term") {
        0 => restoration.term.saturating_add(ELECTIONS),
        term => u64::try_from(term).map_err(|_| Error::usage("--term is a number from 1"))?,
    };
    let wishes = Wishes {
        bump: wanted.bump,
        term,
    };
    let seed = restoration.seed(founding, wishes)?;
    seed.write(member, &wanted.place, &|| signals.asked())?;
    Ok(Restored {
        cluster_id: seed.founding.id,
        data_dir: wanted.place.data_dir.display().to_string(),
        file: file.to_string(),
        member_id: member.id,
        members: seed.founding.members.len(),
        name: wanted.name.clone(),
        revision: seed.revision,
        term: seed.term,
    })
}

/// Who wanted the end gets it, and no other cause.
fn ended(signals: &Signals) -> Option<Box<Failure>> {
    let text = "interrupted: nothing was made";
    signals.asked().then(|| Failure::new(INTERRUPTED, text))
}

/// One thing to type where that mends it.
fn failed(wanted: &Wanted, error: &Error) -> Box<Failure> {
    let mut failure = Failure::of_error(error);
    if error.kind == Kind::Usage {
        return failure.with_code(ARGUMENTS);
    }
    let folder = wanted.place.data_dir.display();
    if NO_DATABASE.contains(&failure.text()) {
        let file = wanted.file.display();
        failure.text = Some(format!("{file} is no snapshot of etcd, or not all of one"));
        return failure;
    }
    if failure.text().starts_with("data-dir ") {
        return failure.with_hint(format!(
            "mv {folder} {folder}.old   # or another --data-dir"
        ));
    }
    failure
}

/// What was made.
struct Restored {
    cluster_id: u64,
    data_dir: String,
    file: String,
    member_id: u64,
    members: usize,
    name: String,
    revision: i64,
    term: u64,
}

impl Reply for Restored {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        let Restored {
            data_dir,
            file,
            name,
            revision,
            term,
            ..
        } = self;
        let (member, cluster) = (hex(self.member_id), hex(self.cluster_id));
        page.line(format_args!("{file} restored into {data_dir}"))?;
        page.line(format_args!(
            "member {name} ({member}) of {} in cluster {cluster}, revision {revision}, term {term}",
            self.members
        ))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            object.string("file", &self.file)?;
            object.string("dataDir", &self.data_dir)?;
            object.string("name", &self.name)?;
            object.raw("memberID", self.member_id)?;
            object.raw("clusterID", self.cluster_id)?;
            object.raw("members", self.members)?;
            object.raw("revision", self.revision)?;
            object.raw("raftTerm", self.term)
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        Some(json!({
            "file": self.file,
            "data_dir": self.data_dir,
            "name": self.name,
            "member_id": hex(self.member_id),
            "cluster_id": hex(self.cluster_id),
            "members": self.members,
            "revision": self.revision,
            "raft_term": self.term,
        }))
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.quoted("File", self.file.as_bytes())?;
        page.quoted("DataDir", self.data_dir.as_bytes())?;
        page.quoted("Name", self.name.as_bytes())?;
        page.id_field("MemberID", self.member_id)?;
        page.id_field("ClusterID", self.cluster_id)?;
        page.field("Members", self.members)?;
        page.field("Revision", self.revision)?;
        page.field("RaftTerm", self.term)
    }

    fn table(&self, _: &Page<'_>) -> Outcome<Table> {
        let columns = [
            "data dir",
            "name",
            "member",
            "cluster",
            "members",
            "revision",
            "raft term",
        ];
        Ok(Table {
            rows: vec![vec![
                self.data_dir.clone(),
                self.name.clone(),
                hex(self.member_id),
                hex(self.cluster_id),
                self.members.to_string(),
                self.revision.to_string(),
                self.term.to_string(),
            ]],
            ..Table::new(&columns)
        })
    }
}
