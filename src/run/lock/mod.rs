//! The lock of a run on the hosts it changes: taken whole before the first change, renewed by this process.
//!
//! A lock is the file `etcdsh.lock` in `/run` with the run's id, its owner and its start. Looking at it and taking it is
//! one act under flock (`lock.sh`). The first host decides who wins, then come the others at once: of several runs that
//! begin together one goes on. A refusal ends the whole run: nothing may be changed after it, on any host. A lock not
//! renewed for [`STALE`] belongs to nobody; that of a run of this machine that is known to be dead, at once. Since a run
//! may sleep longer than that (a suspended machine), each change looks first whether the lock is still its own
//! ([`Locks::guarded`]); a change that no host guards, as one in etcd, asks them beforehand ([`Locks::still_held`]).

mod holder;
mod pulse;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Cancel;
use crate::command::quote;
use crate::error::{Error, Hint, Kind, Result};
use crate::host::Link;
use crate::transport::Output;
pub use holder::Holder;
use pulse::Pulse;

/// A lock not renewed for this long belongs to nobody.
const STALE: Duration = Duration::from_secs(30);
/// How long the last step of a dead run of this machine may go on before its lock is taken all the same.
const LAST_STEP: Duration = Duration::from_secs(10);
/// The lock of a run was taken over while it slept.
const LOST: i32 = 97;

#[derive(Default)]
pub(super) struct Locks(Mutex<State>);

#[derive(Default)]
struct State {
    /// Plays that are under way: a script may run another one.
    depth: usize,
    /// Hosts that the run does not change, by name, and whose lock it wants all the same.
    beside: std::collections::HashSet<String>,
    expected: Vec<Arc<Link>>,
    /// The path of the lock on each host that is held.
    held: HashMap<String, (Arc<Link>, String)>,
    pulse: Pulse,
    refused: Option<Box<Error>>,
    /// When the locks were last seen to be ours.
    seen: Option<SystemTime>,
    /// What the run does, for the user of a run that finds its lock.
    what: String,
}

impl Locks {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A play begins, which is about to change these hosts.
    pub(super) fn expect(&self, links: Vec<Arc<Link>>, what: &str) {
        let mut state = self.state();
        state.depth += 1;
        state.expected.extend(links);
        state.what = what.to_string();
    }

    /// Hold the locks of these hosts, too. Those that the run would not change may be out of reach: they are locked where
    /// they can be, and the names of the others are returned.
    pub(super) fn hold_also(&self, links: Vec<Arc<Link>>, cancel: &Cancel) -> Result<Vec<String>> {
        let names: Vec<String> = links.iter().map(|link| link.name().to_string()).collect();
        {
            let mut state = self.state();
            let expected: Vec<String> = state
                .expected
                .iter()
                .map(|link| link.name().to_string())
                .collect();
            for link in links {
                let name = link.name().to_string();
                if !expected.contains(&name) && !state.held.contains_key(&name) {
                    state.beside.insert(name);
                    state.expected.push(link);
                }
            }
        }
        self.hold(None, cancel)?;
        let state = self.state();
        let open = names
            .into_iter()
            .filter(|name| !state.held.contains_key(name));
        Ok(open.collect())
    }

    /// Why nothing may be changed any more: a lock of the run was refused.
    pub(super) fn refused(&self) -> Option<Box<Error>> {
        self.state().refused.clone()
    }

    /// Hold the locks of all hosts that the run expects to change, and of `link`, before anything is changed.
    pub(super) fn hold(&self, link: Option<&Arc<Link>>, cancel: &Cancel) -> Result<()> {
        let mut state = self.state();
        if let Some(refusal) = &state.refused {
            let name = link.map(|link| link.name().to_string());
            return Err(untried(refusal, name.as_deref()));
        }
        let mut wanted: Vec<Arc<Link>> = std::mem::take(&mut state.expected);
        wanted.extend(link.cloned());
        wanted.retain(|other| !state.held.contains_key(other.name()));
        wanted.sort_by(|one, other| one.name().cmp(other.name()));
        wanted.dedup_by(|one, other| one.name() == other.name());
        // Which hosts are gone is found out when their own turns come.
        wanted.retain(|other| !other.gone());
        while !wanted.is_empty() {
            // Of runs that begin together the one that gets the first host goes on.
            let first = state.held.is_empty();
            let batch = if first {
                wanted.drain(..1).collect()
            } else {
                std::mem::take(&mut wanted)
            };
            if let Err(error) = state.take(&batch, cancel) {
                // Whatever kept it from being taken whole: a run that went on would change some hosts and not the others.
                state.refused = (error.kind != Kind::Interrupted).then(|| error.clone());
                state.release();
                return Err(error);
            }
        }
        Ok(())
    }

    /// `script`, which changes a host, unless the lock there is another's by now.
    pub(super) fn guarded(&self, link: &Link, script: &str) -> String {
        let state = self.state();
        let Some((_, path)) = state.held.get(link.name()) else {
            return script.to_string();
        };
        format!(
            "{{ read -r lock_of <{}; }} 2>/dev/null; [ \"$lock_of\" = {} ] || exit {LOST}\n{script}",
            quote(path),
            quote(holder::id())
        )
    }

    /// See that all locks are still this run's, before it changes what no host guards: what etcd itself keeps. Asked at most
    /// once a second, by the clock on the wall, since a machine may have slept.
    pub(super) fn still_held(&self) -> Result<()> {
        let now = SystemTime::now();
        let held: Vec<Arc<Link>> = {
            let state = self.state();
            let age = state.seen.and_then(|seen| now.duration_since(seen).ok());
            if age.is_some_and(|age| age < Duration::from_secs(1)) {
                return Ok(());
            }
            let links = state.held.values().map(|(link, _)| Arc::clone(link));
            links.filter(|link| !link.gone()).collect()
        };
        let asked = super::parallel(&held, held.len(), |link| {
            let question = self.guarded(link, ":");
            let patience = Duration::from_secs(10);
            // A host that works for another cluster is asked beside that.
            let answer = link.exec_if_idle(&question, patience).unwrap_or_else(|| {
                link.beside()
                    .and_then(|mut shell| shell.exec(&question, Some(patience)))
            });
            match answer {
                Ok(output) => self.is_lost(link, &output),
                // A host that has died holds nothing any more: its own turn tells that.
                Err(error) if error.kind == Kind::Connect => Ok(()),
                Err(error) => Err(error),
            }
        });
        asked.into_iter().collect::<Result<()>>()?;
        self.state().seen = Some(now);
        Ok(())
    }

    /// Was the change refused by [`Locks::guarded`]?
    pub(super) fn is_lost(&self, link: &Link, output: &Output) -> Result<()> {
        if output.status != LOST || !self.state().held.contains_key(link.name()) {
            return Ok(());
        }
        let now = show(link).ok().flatten();
        if now.as_ref().is_some_and(|holder| holder.id == holder::id()) {
            return Ok(());
        }
        let error = Error::new(Kind::Refused, "the lock of this run is gone")
            .because(match now {
                Some(holder) => format!(
                    "it was not renewed for a while, and {} took it",
                    holder.owner
                ),
                None => {
                    "it was removed, or not renewed for a while and taken by a run that has ended"
                        .into()
                }
            })
            .hint("look at the hosts, then run again")
            .on(link.name());
        self.state().refused = Some(error.clone());
        Err(error)
    }

    /// A play is over: with the outermost one all locks are given back.
    pub(super) fn release(&self) {
        let mut state = self.state();
        state.depth = state.depth.saturating_sub(1);
        if state.depth == 0 {
            state.release();
            state.refused = None;
            state.beside.clear();
            state.expected.clear();
        }
    }
}

/// What a host hears that another one's refusal has kept from being changed.
fn untried(refusal: &Error, host: Option<&str>) -> Box<Error> {
    let error =
        Error::new(Kind::Untried, "not changed: the run has ended").because(refusal.headline());
    match host {
        Some(host) => error.on(host),
        None => error,
    }
}

impl State {
    fn take(&mut self, links: &[Arc<Link>], cancel: &Cancel) -> Result<()> {
        let what = self.what.clone();
        let results = super::parallel(links, links.len(), |link| take(link, &what, cancel));
        let mut failure = None;
        for (link, result) in links.iter().zip(results) {
            match result {
                Ok(path) => {
                    self.held
                        .insert(link.name().to_string(), (Arc::clone(link), path));
                    self.pulse.keep(link);
                }
                // A host that cannot be reached is found out when its own turn comes.
                Err(error) if error.kind == Kind::Connect => {}
                Err(error)
                    if error.kind != Kind::Refused
                        && error.kind != Kind::Interrupted
                        && self.beside.contains(link.name()) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn release(&mut self) {
        self.pulse.stop();
        let held: Vec<_> = std::mem::take(&mut self.held).into_values().collect();
        super::parallel(&held, held.len(), |(link, _)| {
            // Nobody is hurt when it fails: the host removes it when our shell there is gone.
            let _ = link.exec(&script(link, "release", &[]), Some(Duration::from_secs(10)));
        });
    }
}

/// The script of one act on the lock of a host.
fn script(link: &Link, verb: &str, more: &[(&str, &str)]) -> String {
    let folder = link.path("/run");
    let first = [
        ("verb", verb),
        ("folder", folder.as_str()),
        ("id", holder::id()),
    ];
    let set: String = first
        .iter()
        .chain(more)
        .map(|(name, value)| format!("{name}={}\n", quote(value)))
        .collect();
    format!("{set}{}", include_str!("lock.sh"))
}

/// Take the lock of a host, and return its path.
fn take(link: &Arc<Link>, what: &str, cancel: &Cancel) -> Result<String> {
    let start = Instant::now();
    let text = holder::text(what);
    let stale = STALE.as_secs().to_string();
    let mut dead = String::new();
    loop {
        let force = if start.elapsed() > LAST_STEP {
            "yes"
        } else {
            ""
        };
        let more = [
            ("text", text.as_str()),
            ("stale", &stale),
            ("dead", &dead),
            ("force", force),
        ];
        let output = link.exec(&script(link, "take", &more), Some(Duration::from_secs(30)))?;
        match output.status {
            0 => return Ok(output.text().trim().to_string()),
            75 => {
                let holder = Holder::read(&output.text()).unwrap_or_default();
                if !holder.is_dead() || holder.id == dead {
                    return Err(refusal(link, &holder));
                }
                dead = holder.id;
            }
            76 => {
                cancel.check()?;
                std::thread::sleep(Duration::from_millis(200));
            }
            _ => return Err(broken(link, output)),
        }
    }
}

fn refusal(link: &Link, holder: &Holder) -> Box<Error> {
    Error::new(
        Kind::Refused,
        format!("locked by {} since {}", holder.owner, holder.since),
    )
    .because(format!(
        "it runs {}; its lock was renewed {} s ago, and is free when it has not been for {} s",
        holder.what,
        holder.age,
        STALE.as_secs()
    ))
    .hint(Hint::All(vec![
        Hint::Text("wait until it is done, or break its lock:".into()),
        Hint::program(&format!("unlock {}", link.name())),
    ]))
    .on(link.name())
}

fn broken(link: &Link, output: Output) -> Box<Error> {
    let mut error =
        Error::new(Kind::Remote, "the lock of the run could not be taken").on(link.name());
    error.stderr = output.stderr;
    error
}

/// Who holds the lock of a host; `None` when nobody does.
pub fn show(link: &Link) -> Result<Option<Holder>> {
    let output = link.exec(&script(link, "show", &[]), Some(Duration::from_secs(30)))?;
    if output.status != 0 {
        return Err(broken(link, output));
    }
    Ok(Holder::read(&output.text()))
}

/// Remove the lock of `holder` from a host. An error when another run has it by now.
pub fn unlock(link: &Link, holder: &Holder) -> Result<()> {
    let output = link.exec(
        &script(link, "break", &[("id", &holder.id)]),
        Some(Duration::from_secs(30)),
    )?;
    match output.status {
        0 => Ok(()),
        75 => Err(match Holder::read(&output.text()) {
            Some(other) => refusal(link, &other),
            None => return Ok(()),
        }),
        _ => Err(broken(link, output)),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// `lock.sh` as a host runs it: in a part of a shell that goes on; `watch` has the process that watches the lock.
    const SHELL: &str = r#"set -eu
folder=$PWD id=boot/1/2 stale=30 dead= force=
text="$id
owner
since
what"
flock() {
    if [ -z "${pass-}" ]; then while [ -e hold ]; do : >waits; sleep 0.05; done; fi
    command flock "$@"
}
run() { (verb=$1; . ./lock.sh; echo "${!-}" >watch) }
gone() { while kill -0 "$1" 2>/dev/null; do sleep 0.05; done; }
"#;

    fn shell(script: &str) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lock.sh"), include_str!("lock.sh")).unwrap();
        std::fs::write(folder.path().join("shell"), SHELL).unwrap();
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("{SHELL}{script}"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn the_watch_of_one_play_leaves_the_lock_of_the_next() {
        shell(
            r#"run take
first=$(cat watch)
: >hold
rm etcdsh.lock
until [ -e waits ]; do sleep 0.05; done
pass=yes
run take
rm hold
gone "$first"
[ -e etcdsh.lock ] || { echo 'the lock is gone' >&2; exit 1; }
run release
[ ! -e etcdsh.lock ]"#,
        );
    }

    #[test]
    fn the_watch_of_an_earlier_shell_leaves_the_lock_of_the_run() {
        shell(
            r#"sh -c '. ./shell; run take; until [ -e go ]; do sleep 0.05; done' >said &
until [ -s watch ]; do sleep 0.05; done
first=$(cat watch)
run take
: >go
wait $!
gone "$first"
[ "$(sed -n 's/^shell //p' etcdsh.lock)" = $$ ] || { cat etcdsh.lock >&2; exit 1; }"#,
        );
    }
}
