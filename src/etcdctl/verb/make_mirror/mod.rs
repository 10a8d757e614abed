//! `make-mirror DESTINATION`: copy all keys to another cluster, and then every change.
//!
//! The first copy is read page by page at one revision and written in transactions; the watch goes on after that
//! revision, one transaction for each revision. Whatever is written may be written again, so a lost connection is waited
//! for on both sides. A folder because source, destination and checkpoint are nouns of their own. Start reading at
//! `Mirror::run`.

mod checkpoint;
mod destination;
mod source;

use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use checkpoint::Progress;
use destination::Write;
use source::{fetch, page_size};

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{PbEvent, PbRangeResponse};
use crate::etcd::{Client, Patience, Told, Watched, Watches, prefix_end};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::line::flag::{Flag, Kind};
use crate::etcdctl::wait::stop::TICK;

pub(super) const VERB: Verb = Verb {
    name: "make-mirror",
    arguments: "<destination>",
    about: "copy keys to another cluster, and go on with every change",
    example: "make-mirror http://10.0.0.9:2379\nmake-mirror --prefix /service/ --dest-prefix /copy/ https://10.0.0.9:2379 --dest-cacert ca.crt",
    flags: FLAGS,
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Always,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::text(
        "checkpoint",
        "",
        "file that says how far the mirror has come, to go on from there",
    )
    .native(),
    Flag::text(
        "dest-cacert",
        "",
        "CA that signs the destination's certificates, a PEM file",
    ),
    Flag::text(
        "dest-cert",
        "",
        "client certificate for the destination, a PEM file",
    ),
    Flag::new(
        "dest-insecure-transport",
        Kind::Bool,
        "true",
        "connect to the destination without TLS when nothing asks for it",
    ),
    Flag::text("dest-key", "", "key of that certificate, a PEM file"),
    Flag::text(
        "dest-password",
        "",
        "the destination user's password; --dest-user is then the name alone",
    ),
    Flag::text(
        "dest-prefix",
        "",
        "what the prefix becomes in the destination",
    ),
    Flag::text("dest-user", "", "user or user:password for the destination"),
    Flag::int(
        "max-txn-ops",
        "128",
        "most operations of one transaction in the destination",
    )
    .since(Since::V36),
    Flag::bool("no-dest-prefix", "drop the prefix in the destination"),
    Flag::text("prefix", "", "copy only the keys that begin so"),
    Flag::int(
        "rev",
        "0",
        "no first copy, only the changes from this revision on",
    )
    .since(Since::V36),
];

/// How often the number of copied keys is printed.
const REPORT: Duration = Duration::from_secs(30);

/// Keys of the first page, as etcdctl has them; later ones aim at this many bytes.
const FIRST_PAGE: i64 = 1000;
const PAGE_BYTES: usize = 8 << 20;

/// A transaction must be smaller than what a server takes by default.
const TXN_BYTES: usize = 1 << 20;

/// One try to reach the destination, before it is looked whether the end is asked for.
const ROUND: Duration = Duration::from_secs(5);

/// A checkpoint is not written more often than this while it follows changes.
const SAVE: Duration = Duration::from_secs(1);

const TOO_MANY: &str = "etcdserver: too many operations in txn request";
const TOO_LARGE: &str = "etcdserver: request is too large";
const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";

const PUT: i32 = 0;
const DELETE: i32 = 1;

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments(
            "make-mirror takes one destination argument",
        ));
    }
    let destination = destination::destination(call)?;
    call.client()?;
    if call.flag("no-dest-prefix") && !call.text("dest-prefix").is_empty() {
        return Err(Failure::arguments(
            "`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one",
        ));
    }
    let mut mirror = Mirror::new(call, destination)?;
    let outcome = mirror.run(call);
    mirror.save(true)?;
    match outcome {
        Err(failure) => Err(failure),
        Ok(()) if call.style.stop.asked() => Ok(()),
        // As etcdctl ends when the watch is closed.
        Ok(()) => Err(Failure::new(ERROR, "<nil>")),
    }
}

struct Mirror {
    /// The destination could not be reached the last time.
    away: bool,
    checkpoint: Option<PathBuf>,
    dest_prefix: Vec<u8>,
    destination: Client,
    max_ops: usize,
    prefix: Vec<u8>,
    progress: Option<Progress>,
    /// Something was written.
    reached: bool,
    reported: Instant,
    saved: Instant,
    source: Client,
    total: u64,
}

impl Mirror {
    fn new(call: &mut Call<'_>, destination: Client) -> Outcome<Mirror> {
        let prefix = call.text("prefix").into_bytes();
        let since = (call.number("rev") - 1).max(0);
        // etcdctl 3.6 forgets the prefix when there is no first copy.
        let forgets = call.style.strict && since > 0;
        let dest_prefix = call.text("dest-prefix").into_bytes();
        let dest_prefix = if dest_prefix.is_empty() && !call.flag("no-dest-prefix") && !forgets {
            prefix.clone()
        } else {
            dest_prefix
        };
        let checkpoint = Some(call.text("checkpoint"))
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let max_ops = usize::try_from(call.number("max-txn-ops"))
            .unwrap_or(0)
            .max(1);
        let mut mirror = Mirror {
            away: false,
            checkpoint,
            dest_prefix,
            destination,
            max_ops,
            prefix,
            progress: (since > 0).then_some(Progress {
                from: None,
                revision: since,
            }),
            reached: false,
            reported: Instant::now(),
            saved: Instant::now(),
            source: call.client()?.clone(),
            total: 0,
        };
        if mirror.progress.is_none() {
            mirror.progress = mirror.load()?;
        }
        Ok(mirror)
    }

    /// Ends when the end is asked for or the watch is closed.
    fn run(&mut self, call: &mut Call<'_>) -> Outcome {
        let mut progress = match self.progress.clone() {
            Some(progress) => progress,
            None => self.begin(call)?,
        };
        if progress.from.is_some() {
            match self.copy(call, &mut progress) {
                Err(failure)
                    if failure.text() == COMPACTED
                        && !self.reached
                        && self.checkpoint.is_some() =>
                {
                    call.complain("what the checkpoint began with has been compacted: copying everything anew")?;
                    progress = self.begin(call)?;
                    self.copy(call, &mut progress)?;
                }
                outcome => outcome?,
            }
        }
        if call.style.stop.asked() {
            Ok(())
        } else {
            self.follow(call, progress.revision)
        }
    }

    /// The revision of the first copy: that of now.
    fn begin(&self, call: &mut Call<'_>) -> Outcome<Progress> {
        // Any key does; etcdctl's is `foo`, which the user must be allowed to read.
        let key = if self.prefix.is_empty() {
            b"foo".to_vec()
        } else {
            self.prefix.clone()
        };
        let answer = call
            .read(async |etcd| etcd.kv().get(key.clone(), None).await)?
            .0;
        let from = if self.prefix.is_empty() {
            vec![0]
        } else {
            self.prefix.clone()
        };
        Ok(Progress {
            from: Some(from),
            revision: answer.header.map_or(0, |header| header.revision),
        })
    }

    fn end(&self) -> Vec<u8> {
        if self.prefix.is_empty() {
            vec![0]
        } else {
            prefix_end(&self.prefix)
        }
    }

    /// Copy what is there at the revision; the next page is fetched while one is written.
    fn copy(&mut self, call: &mut Call<'_>, progress: &mut Progress) -> Outcome {
        let from = progress.from.clone().unwrap_or_default();
        let mut size = FIRST_PAGE;
        let mut page = Some(self.fetch(call, &from, progress.revision, size)?);
        while let Some(answer) = page.take() {
            if call.style.stop.asked() {
                return Ok(());
            }
            let last = answer
                .kvs
                .last()
                .filter(|_| answer.more)
                .map(|kv| [kv.key.as_slice(), &[0]].concat());
            size = page_size(&answer);
            let (source, end, revision) = (self.source.clone(), self.end(), progress.revision);
            let patience = Patience {
                deadline: None,
                stubborn: call.style.strict,
            };
            let next = std::thread::scope(|scope| {
                let next = last.clone().map(|key| {
                    scope.spawn(move || fetch(&source, &key, &end, revision, size, patience))
                });
                let writes: Vec<Write> = answer.kvs.iter().map(|kv| self.put(kv)).collect();
                let written = self.write_all(call, &writes);
                let next = next.map(|next| {
                    next.join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                });
                written.map(|()| next)
            })?;
            progress.from = last;
            self.progress = Some(progress.clone());
            self.save(false)?;
            page = next.transpose().map_err(|fault| call.failed(&fault))?;
        }
        Ok(())
    }

    fn fetch(
        &self,
        call: &mut Call<'_>,
        key: &[u8],
        revision: i64,
        size: i64,
    ) -> Outcome<PbRangeResponse> {
        let patience = call.patience()?;
        fetch(&self.source, key, &self.end(), revision, size, patience)
            .map_err(|fault| call.failed(&fault))
    }

    /// Copy every change after the revision.
    fn follow(&mut self, call: &mut Call<'_>, revision: i64) -> Outcome {
        let key = if self.prefix.is_empty() {
            vec![0]
        } else {
            self.prefix.clone()
        };
        // So a checkpoint does not stay behind while nothing happens to these keys.
        let progress_notify = self.checkpoint.is_some();
        let watched = Watched {
            end: self.end(),
            key,
            prev_kv: false,
            progress_notify,
            revision: revision + 1,
        };
        let patience = call.patience()?;
        let (_watches, told) = Watches::one(&self.source, patience, watched);
        loop {
            if call.style.stop.asked() {
                return Ok(());
            }
            self.report(call)?;
            match told.recv_timeout(TICK) {
                Ok(Told::Response(_, response)) if response.canceled => {
                    return Err(compacted(call, response.compact_revision));
                }
                Ok(Told::Response(_, response)) if response.events.is_empty() => {
                    self.came_to(response.header.map_or(0, |header| header.revision))?;
                }
                Ok(Told::Response(_, response)) => self.changes(call, &response.events)?,
                Ok(Told::Ended(_, reason)) if !call.style.strict => {
                    return Err(Failure::new(ERROR, reason.text()));
                }
                Ok(Told::Failed(fault)) if !call.style.strict => return Err(call.failed(&fault)),
                Ok(Told::Ended(..) | Told::Failed(_)) | Err(RecvTimeoutError::Disconnected) => {
                    return Ok(());
                }
                Ok(Told::Lost(why)) => {
                    notice(call, &format!("connection to the source lost: {why}"))?;
                }
                Ok(Told::Back(endpoint)) => {
                    notice(call, &format!("connected again, to {endpoint}"))?;
                }
                Err(RecvTimeoutError::Timeout) => self.save(false)?,
            }
        }
    }

    /// What happened in one revision is done in one transaction, as far as it fits.
    fn changes(&mut self, call: &mut Call<'_>, events: &[PbEvent]) -> Outcome {
        let revision = |event: &PbEvent| event.kv.as_ref().map_or(0, |kv| kv.mod_revision);
        for one in events.chunk_by(|event, next| revision(event) == revision(next)) {
            let writes: Outcome<Vec<Write>> = one.iter().map(|event| self.change(event)).collect();
            self.write_all(call, &writes?)?;
            if call.style.stop.asked() {
                return Ok(());
            }
            self.came_to(one.first().map_or(0, revision))?;
        }
        Ok(())
    }

    fn came_to(&mut self, revision: i64) -> Outcome {
        self.progress = Some(Progress {
            from: None,
            revision,
        });
        self.save(false)
    }

    /// Print the number of copied keys when it is time.
    fn report(&mut self, call: &mut Call<'_>) -> Outcome {
        if self.reported.elapsed() < REPORT {
            return Ok(());
        }
        self.reported = Instant::now();
        call.say(self.total)?;
        Ok(call.io.out.flush()?)
    }
}

fn notice(call: &mut Call<'_>, text: &str) -> Outcome {
    if call.style.strict {
        Ok(())
    } else {
        call.complain(text)
    }
}

fn compacted(call: &Call<'_>, revision: i64) -> Box<Failure> {
    let failure = Failure::new(ERROR, COMPACTED);
    if call.style.strict {
        failure
    } else {
        failure.with_hint(format!(
            "the history begins at revision {revision}: copy everything anew"
        ))
    }
}
