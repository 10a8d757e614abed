//! `make-mirror DESTINATION`: copy all keys to another cluster, and then every change.
//!
//! The first copy is read page by page at one revision and written in transactions; the watch goes on behind that
//! revision, one transaction for each revision. Whatever is written may be written again, so a lost connection is waited
//! for on both sides.

use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{GetOptions, PbEvent, PbKeyValue, PbRangeResponse, Txn, TxnOp};
use crate::etcd::{
    Client, Config, Effect, Fault, Patience, Told, Trouble, Watched, Watches, prefix_end,
};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ARGUMENTS, CONNECTION, ERROR, Failure, Outcome};
use crate::etcdctl::line::ask;
use crate::etcdctl::line::flag::{Flag, Kind};
use crate::etcdctl::line::settings::io_text;
use crate::etcdctl::wait::stop::TICK;
use crate::secret::Secret;

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
    let destination = destination(call)?;
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

fn destination(call: &mut Call<'_>) -> Outcome<Client> {
    let read = |name: &str| -> Outcome<Option<String>> {
        match call.text(name) {
            path if path.is_empty() => Ok(None),
            path => std::fs::read_to_string(&path).map(Some).map_err(|error| {
                Failure::new(ARGUMENTS, format!("open {path}: {}", io_text(&error)))
            }),
        }
    };
    let (cert, key, ca) = (
        call.text("dest-cert"),
        call.text("dest-key"),
        read("dest-cacert")?,
    );
    if cert.is_empty() != key.is_empty() {
        return Err(Failure::arguments(format!(
            "KeyFile and CertFile must both be present[key: {key}, cert: {cert}]"
        )));
    }
    let endpoint = call.word(0).trim().to_string();
    let tls = endpoint.starts_with("https://")
        || !cert.is_empty()
        || !call.flag("dest-insecure-transport");
    let mut config = Config {
        cert_pem: read("dest-cert")?,
        key_pem: read("dest-key")?.map(Secret::new),
        system_roots: ca.is_none() && tls,
        ca_pem: ca,
        ..Config::default()
    };
    (config.user, config.password) = login(call)?;
    config.endpoints = vec![endpoint];
    let settings = call.settings()?;
    (config.connect_timeout, config.request_timeout) =
        (settings.config.connect_timeout, settings.command_timeout);
    let (dial, login) = (config.connect_timeout, config.user.is_some());
    let client = Client::new(config).map_err(|error| Failure {
        code: ARGUMENTS,
        ..*Failure::of_error(&error)
    })?;
    if login {
        let patience = Patience {
            deadline: Some(Instant::now() + dial),
            stubborn: call.style.strict,
        };
        client
            .connected(patience)
            .map_err(|fault| call.failed(&fault).with_code(CONNECTION))?;
    }
    Ok(client)
}

fn login(call: &mut Call<'_>) -> Outcome<(Option<String>, Option<Secret>)> {
    let (user, password) = (call.text("dest-user"), call.text("dest-password"));
    let (user, password) = match user.split_once(':') {
        _ if user.is_empty() => return Ok((None, None)),
        _ if !password.is_empty() => (user, password),
        Some((user, password)) => (user.to_string(), password.to_string()),
        None => (user, ask::secret(call.io, "Destination Password: ")?),
    };
    Ok((Some(user), Some(Secret::new(password))))
}

/// How far the mirror has come.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Progress {
    /// The first copy goes on with this key; nothing: it is complete.
    from: Option<Vec<u8>>,
    /// Of the first copy, later of the last change that was copied.
    revision: i64,
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

/// A write of the mirror, and about how many bytes it takes.
#[derive(Clone)]
struct Write {
    bytes: usize,
    op: TxnOp,
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

    /// Copy every change behind the revision.
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

    fn change(&self, event: &PbEvent) -> Outcome<Write> {
        let kv = event.kv.clone().unwrap_or_default();
        match event.r#type {
            PUT => Ok(self.put(&kv)),
            DELETE => Ok(Write {
                bytes: kv.key.len() + self.dest_prefix.len(),
                op: TxnOp::delete(self.key(&kv), None),
            }),
            other => Err(Failure::new(
                ERROR,
                format!("unexpected event type {other}"),
            )),
        }
    }

    fn key(&self, kv: &PbKeyValue) -> Vec<u8> {
        let rest = kv
            .key
            .strip_prefix(self.prefix.as_slice())
            .unwrap_or(&kv.key);
        [&self.dest_prefix, rest].concat()
    }

    fn put(&self, kv: &PbKeyValue) -> Write {
        let key = self.key(kv);
        Write {
            bytes: key.len() + kv.value.len() + 32,
            op: TxnOp::put(key, kv.value.clone(), None),
        }
    }

    fn write_all(&mut self, call: &mut Call<'_>, mut rest: &[Write]) -> Outcome {
        while !rest.is_empty() && !call.style.stop.asked() {
            let mut bytes = 0;
            let fits = |write: &&Write| {
                bytes += write.bytes;
                bytes <= TXN_BYTES
            };
            let count = rest
                .iter()
                .take(self.max_ops)
                .take_while(fits)
                .count()
                .max(1);
            self.write(call, &rest[..count])?;
            rest = &rest[count..];
            self.report(call)?;
        }
        Ok(())
    }

    /// One transaction; in halves when the destination takes only smaller ones.
    fn write(&mut self, call: &mut Call<'_>, writes: &[Write]) -> Outcome {
        let txn = Txn::new().and_then(
            writes
                .iter()
                .map(|write| write.op.clone())
                .collect::<Vec<_>>(),
        );
        while !call.style.stop.asked() {
            let patience = Patience {
                deadline: Some(Instant::now() + ROUND),
                stubborn: call.style.strict,
            };
            let done = self.destination.ask(Effect::Read, patience, async |etcd| {
                etcd.kv().txn(txn.clone()).await
            });
            let Err(fault) = done else {
                if std::mem::take(&mut self.away) {
                    notice(call, "the destination answers again")?;
                }
                self.reached = true;
                self.total += writes.len() as u64;
                return Ok(());
            };
            let text = fault.trouble().to_string();
            if (text == TOO_MANY || text == TOO_LARGE) && writes.len() > 1 {
                let half = writes.len() / 2;
                if text == TOO_MANY {
                    self.max_ops = self.max_ops.min(half).max(1);
                }
                self.write(call, &writes[..half])?;
                return self.write(call, &writes[half..]);
            }
            if fault.trouble().is_answer() || !self.reached && !call.style.strict {
                return Err(at_destination(call, &fault));
            }
            if !std::mem::replace(&mut self.away, true) {
                notice(
                    call,
                    &format!(
                        "the destination does not answer, waiting for it: {}",
                        fault.trouble()
                    ),
                )?;
            }
        }
        Ok(())
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

    /// The checkpoint, when there is one that belongs to this mirror.
    fn load(&self) -> Outcome<Option<Progress>> {
        let Some(path) = self.checkpoint.as_ref().filter(|path| path.exists()) else {
            return Ok(None);
        };
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::arguments(format!("open {shown}: {}", io_text(&error))))?;
        let Some(saved) = Saved::read(&text) else {
            return Err(Failure::arguments(format!(
                "`{shown}` is not a checkpoint of make-mirror"
            )));
        };
        if saved.destination != self.destination.endpoints()[0]
            || saved.prefix != self.prefix
            || saved.dest_prefix != self.dest_prefix
        {
            return Err(Failure::arguments(format!(
                "the checkpoint `{shown}` is of another mirror"
            ))
            .with_hint(format!("rm {shown}   # to begin anew")));
        }
        Ok(Some(saved.progress))
    }

    fn save(&mut self, at_once: bool) -> Outcome {
        let (Some(path), Some(progress)) = (&self.checkpoint, &self.progress) else {
            return Ok(());
        };
        if !at_once && self.saved.elapsed() < SAVE {
            return Ok(());
        }
        let saved = Saved {
            dest_prefix: self.dest_prefix.clone(),
            destination: self.destination.endpoints()[0].clone(),
            prefix: self.prefix.clone(),
            progress: progress.clone(),
        };
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let written =
            std::fs::write(&part, saved.text()).and_then(|()| std::fs::rename(&part, path));
        self.saved = Instant::now();
        written.map_err(|error| {
            Failure::new(
                ERROR,
                format!("open {}: {}", path.display(), io_text(&error)),
            )
        })
    }
}

/// The checkpoint as it stands in its file.
#[derive(Debug, PartialEq, Eq)]
struct Saved {
    dest_prefix: Vec<u8>,
    destination: String,
    prefix: Vec<u8>,
    progress: Progress,
}

impl Saved {
    fn text(&self) -> String {
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        let value = serde_json::json!({
            "destination": self.destination,
            "prefix": base64(&self.prefix),
            "dest_prefix": base64(&self.dest_prefix),
            "revision": self.progress.revision,
            "from": self.progress.from.as_deref().map(base64),
        });
        format!("{value}\n")
    }

    fn read(text: &str) -> Option<Saved> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let bytes = |name: &str| STANDARD.decode(value[name].as_str()?).ok();
        let from = if value["from"].is_null() {
            None
        } else {
            Some(bytes("from")?)
        };
        let progress = Progress {
            from,
            revision: value["revision"].as_i64()?,
        };
        Some(Saved {
            dest_prefix: bytes("dest_prefix")?,
            destination: value["destination"].as_str()?.into(),
            prefix: bytes("prefix")?,
            progress,
        })
    }
}

fn fetch(
    source: &Client,
    key: &[u8],
    end: &[u8],
    revision: i64,
    size: i64,
    patience: Patience,
) -> crate::etcd::Result<PbRangeResponse> {
    let options = GetOptions::new()
        .with_range(end)
        .with_revision(revision)
        .with_limit(size);
    source
        .ask(Effect::Read, patience, async |etcd| {
            etcd.kv().get(key, Some(options.clone())).await
        })
        .map(|answer| answer.0)
}

/// Keys of the next page, judged by those of this one.
fn page_size(page: &PbRangeResponse) -> i64 {
    let bytes: usize = page
        .kvs
        .iter()
        .map(|kv| kv.key.len() + kv.value.len() + 32)
        .sum();
    i64::try_from(PAGE_BYTES / (bytes / page.kvs.len().max(1)).max(1))
        .unwrap_or(FIRST_PAGE)
        .max(1)
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

/// What the destination said; in native mode it is named.
fn at_destination(call: &Call<'_>, fault: &Fault) -> Box<Failure> {
    let failure = call.failed(fault);
    if call.style.strict || !matches!(fault.trouble(), Trouble::Auth(_) | Trouble::Server(..)) {
        failure
    } else {
        failure.within(|text| format!("destination: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_back() {
        for from in [None, Some(vec![0]), Some(b"/a\xff".to_vec())] {
            let progress = Progress { from, revision: 7 };
            let saved = Saved {
                dest_prefix: b"/b/".to_vec(),
                destination: "http://d:2379".into(),
                prefix: b"/a/".to_vec(),
                progress,
            };
            assert_eq!(Saved::read(&saved.text()), Some(saved));
        }
        for broken in ["", "{}", "[]", r#"{"revision":1}"#] {
            assert_eq!(Saved::read(broken), None, "{broken}");
        }
    }

    #[test]
    fn pages_aim_at_bytes() {
        let kv = |bytes| PbKeyValue {
            value: vec![0; bytes],
            ..Default::default()
        };
        assert_eq!(
            page_size(&PbRangeResponse {
                kvs: vec![kv(PAGE_BYTES)],
                ..Default::default()
            }),
            1
        );
        assert_eq!(
            page_size(&PbRangeResponse {
                kvs: vec![kv(992), kv(992)],
                ..Default::default()
            }),
            8192
        );
        assert!(page_size(&PbRangeResponse::default()) > 0);
    }
}
