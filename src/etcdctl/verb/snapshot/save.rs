//! `snapshot save FILE`: a member's database in a file, which is complete and right or not there.
//!
//! Native mode chooses among several endpoints and shows on a terminal how far it is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::etcd::raw::PbStatusResponse;
use crate::etcd::snapshot::{Broken, Part};
use crate::etcd::{Client, Patience};
use crate::etcdctl::Layout;
use crate::etcdctl::call::{Call, Io};
use crate::etcdctl::failure::{Failure, INTERRUPTED, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::line::settings::io_text;
use crate::etcdctl::verb::endpoint::{Asked, ask_in_order, status, targets};
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "snapshot save",
    arguments: "<file>",
    about: "save the database of a member to a file",
    example: "snapshot save /backup/etcd.db --endpoints=10.10.10.10:2379",
    flags: &[],
    changes: true,
    deadline: Deadline::Given,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

/// A stream that stands still for this long is given up, in native mode.
const STALL: Duration = Duration::from_secs(30);
/// Between two lines of progress.
const STEP: Duration = Duration::from_millis(200);

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments("snapshot save expects one argument"));
    }
    call.settings()?;
    let word = call.words[0].clone();
    let path = Path::new(OsStr::from_bytes(&word)).to_path_buf();
    let part = Part::create(&path).map_err(|error| {
        if path.is_dir() {
            return Failure::new(INTERRUPTED, text(&Broken::Rename(error), &path));
        }
        let name = format!("{}.part", path.display());
        Failure::new(
            INTERRUPTED,
            format!("could not open {name} (open {name}: {})", io_text(&error)),
        )
    })?;
    let strict = call.style.strict;
    let client = if strict { only(call)? } else { chosen(call)? };
    let patience = call.patience()?;
    let stall = (!strict).then_some(STALL);
    let mut progress = Progress::new(call.io, !strict);
    let saved = client.snapshot_into(part, patience, stall, |bytes, left| {
        progress.show(bytes, left);
    });
    progress.clear();
    let saved = saved.map_err(|fault| call.failed(&fault).with_code(INTERRUPTED))?;
    let version = saved.map_err(|broken| Failure::new(INTERRUPTED, text(&broken, &path)))?;
    let name = String::from_utf8_lossy(&word).into_owned();
    if !strict && call.settings()?.config.endpoints.len() > 1 {
        call.complain(format_args!("from {}", client.endpoints().join(", ")))?;
    }
    call.say(format_args!("Snapshot saved at {name}"))?;
    if call.style.layout >= Layout::V36 && !version.is_empty() {
        call.say(format_args!("Server version {version}"))?;
    }
    Ok(())
}

/// etcdctl wants exactly one endpoint.
fn only(call: &mut Call<'_>) -> Outcome<Client> {
    let endpoints: Vec<String> = call
        .settings()?
        .config
        .endpoints
        .iter()
        .filter(|endpoint| !endpoint.is_empty())
        .cloned()
        .collect();
    if endpoints.len() != 1 {
        return Err(Failure::new(
            INTERRUPTED,
            format!(
                "snapshot must be requested to one selected node, not multiple [{}]",
                endpoints.join(" ")
            ),
        ));
    }
    Ok(call
        .client()
        .map_err(|failure| failure.with_code(INTERRUPTED))?
        .clone())
}

/// A healthy member, rather one that follows, and of those the one that is farthest.
fn chosen(call: &mut Call<'_>) -> Outcome<Client> {
    let allowed = call.settings()?.command_timeout;
    let targets = targets(call, false)?;
    let patience = Patience {
        deadline: Some(Instant::now() + allowed),
        stubborn: false,
    };
    let asked = ask_in_order(call, targets, |client, _| status::ask(client, patience))?;
    if let Some(endpoint) = best(&asked) {
        let endpoint = endpoint.to_string();
        return call.client_at(&endpoint);
    }
    let causes: Vec<String> = asked
        .iter()
        .filter_map(|asked| {
            Some(format!(
                "{}: {}",
                asked.target.endpoint,
                asked.answer.as_ref().err()?
            ))
        })
        .collect();
    let mut failure = Failure::new(
        INTERRUPTED,
        "no member answers that a snapshot could be taken from",
    );
    failure.causes = causes;
    Err(failure)
}

fn best(asked: &[Asked<PbStatusResponse>]) -> Option<&str> {
    let rank = |status: &PbStatusResponse| {
        let leads = status
            .header
            .is_some_and(|header| header.member_id == status.leader);
        let corrupt = status.errors.iter().any(|error| error.contains("CORRUPT"));
        (
            !corrupt,
            status.leader != 0,
            !status.is_learner,
            !leads,
            status.raft_applied_index,
        )
    };
    let known = asked
        .iter()
        .filter_map(|asked| Some((asked.target.endpoint.as_str(), rank(asked.ok()?))));
    known
        .max_by_key(|(_, rank)| *rank)
        .map(|(endpoint, _)| endpoint)
}

fn text(broken: &Broken, path: &Path) -> String {
    let name = path.display();
    match broken {
        Broken::Disk(error) => format!("write {name}.part: {}", io_text(error)),
        Broken::Hash => "what etcd sent does not match its own hash".into(),
        Broken::Rename(_) if path.is_dir() => format!(
            "could not rename {name}.part to {name} (rename {name}.part {name}: file exists)"
        ),
        Broken::Rename(error) => format!(
            "could not rename {name}.part to {name} (rename {name}.part {name}: {})",
            io_text(error)
        ),
        Broken::Size(bytes) => format!("sha256 checksum not found [bytes: {bytes}]"),
        Broken::Stalled => "etcd stopped sending".into(),
    }
}

/// How far it is, in one line of a terminal.
struct Progress<'a, 'b> {
    io: &'a mut Io<'b>,
    shown: Option<Instant>,
    start: Instant,
    visible: bool,
}

impl<'a, 'b> Progress<'a, 'b> {
    fn new(io: &'a mut Io<'b>, wanted: bool) -> Progress<'a, 'b> {
        let visible = wanted && io.terminal;
        Progress {
            io,
            shown: None,
            start: Instant::now(),
            visible,
        }
    }

    fn show(&mut self, bytes: u64, left: u64) {
        let due = self.shown.unwrap_or(self.start).elapsed() >= STEP;
        if !self.visible || !due {
            return;
        }
        self.shown = Some(Instant::now());
        let all = bytes.saturating_add(left);
        let _ = write!(
            self.io.err,
            "\r\x1b[K{} of {}, {}%",
            go::size(bytes),
            go::size(all),
            bytes.saturating_mul(100) / all.max(1)
        );
        let _ = self.io.err.flush();
    }

    fn clear(&mut self) {
        if self.shown.is_some() {
            let _ = write!(self.io.err, "\r\x1b[K");
            let _ = self.io.err.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::etcd::raw::PbResponseHeader;

    use super::*;
    use crate::etcdctl::verb::endpoint::Target;

    fn member(endpoint: &str, member_id: u64, raft_applied_index: u64) -> Asked<PbStatusResponse> {
        let header = Some(PbResponseHeader {
            member_id,
            ..PbResponseHeader::default()
        });
        let status = PbStatusResponse {
            header,
            leader: 1,
            raft_applied_index,
            ..PbStatusResponse::default()
        };
        Asked {
            answer: Ok(status),
            target: Target {
                endpoint: endpoint.into(),
                member: None,
            },
        }
    }

    #[test]
    fn a_healthy_follower_that_is_far_is_chosen() {
        let dead = || Asked {
            answer: Err("connection refused".into()),
            target: Target {
                endpoint: "dead".into(),
                member: None,
            },
        };
        assert_eq!(
            best(&[
                dead(),
                member("leader", 1, 9),
                member("behind", 2, 3),
                member("far", 3, 8)
            ]),
            Some("far")
        );
        assert_eq!(best(&[member("leader", 1, 9), dead()]), Some("leader"));
        let mut corrupt = member("corrupt", 2, 9);
        corrupt
            .answer
            .as_mut()
            .unwrap()
            .errors
            .push("memberID:2 alarm:CORRUPT ".into());
        assert_eq!(best(&[corrupt, member("leader", 1, 9)]), Some("leader"));
        assert_eq!(best(&[dead()]), None);
    }
}
