//! The lock of a run on the hosts it changes: taken before the first change, kept alive by the host itself.
//!
//! A lock is the file `etcdsh.lock` in `/run` with the run's id, its owner and its start. A loop on the host
//! touches it every second for as long as our shell there lives and removes it when that is gone, so that a run
//! that died leaves no lock and costs no round trips while it lives. A lock not touched for 30 s is stale.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::command::quote;
use crate::error::{Error, Kind, Result};
use crate::host::Link;

/// A lock not touched for this many seconds belongs to nobody.
const STALE: u64 = 30;
/// How long to wait for the lock of a dead run of this machine, whose last step may still be running on the host.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Default)]
pub(super) struct Locks(Mutex<State>);

#[derive(Default)]
struct State {
    expected: Vec<Arc<Link>>,
    held: Vec<Arc<Link>>,
    names: HashSet<String>,
    /// What the run does, for the user of a run that finds its lock.
    what: String,
}

/// Who holds a lock, as its file says.
struct Holder {
    id: String,
    owner: String,
    since: String,
    what: String,
}

/// The id of this run: unique, and it tells whether its process still lives on this machine.
fn id() -> &'static str {
    static ID: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ID.get_or_init(|| {
        let pid = std::process::id();
        format!("{}/{pid}/{}", machine(), start_of(pid).unwrap_or_default())
    })
}

fn machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_string()
}

/// When a process of this machine started, in ticks since boot.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_string)
}

/// Does that run belong to this machine and is its process gone?
fn is_dead(id: &str) -> bool {
    let mut words = id.split('/');
    let (Some(boot), Some(pid), Some(start)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    boot == machine()
        && pid
            .parse()
            .ok()
            .and_then(start_of)
            .is_none_or(|now| now != start)
}

fn owner() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    format!(
        "{user}@{} pid {}",
        rustix::system::uname().nodename().to_string_lossy(),
        std::process::id()
    )
}

impl Locks {
    pub(super) fn expect(&self, links: Vec<Arc<Link>>, what: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.expected = links;
        state.what = what.to_string();
    }

    /// Hold the lock of `link`, and with it those of all hosts that the run expects to change.
    pub(super) fn hold(&self, link: &Arc<Link>) -> Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.names.contains(link.name()) {
            return Ok(());
        }
        let mut wanted: Vec<Arc<Link>> = std::mem::take(&mut state.expected);
        wanted.retain(|other| !other.gone() && !state.names.contains(other.name()));
        if !wanted.iter().any(|other| other.name() == link.name()) {
            wanted.push(Arc::clone(link));
        }
        let what = state.what.clone();
        let results = super::parallel(&wanted, wanted.len(), |link| take(link, &what));
        let mut failure = None;
        for (link, result) in wanted.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    state.names.insert(link.name().to_string());
                    state.held.push(link);
                }
                // A host that cannot be reached is found out when its own turn comes.
                Err(error) if error.kind == Kind::Connect => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            None => Ok(()),
            Some(error) => {
                release(&mut state);
                Err(error)
            }
        }
    }

    pub(super) fn release(&self) {
        release(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn release(state: &mut State) {
    let held = std::mem::take(&mut state.held);
    state.names.clear();
    super::parallel(&held, held.len(), |link| {
        let script = format!(
            "{} [ \"$(head -n 1 \"$l\" 2>/dev/null)\" != {} ] || rm -f \"$l\"",
            place(link),
            quote(id())
        );
        // Nobody is hurt when it fails: the loop on the host removes it.
        let _ = link.exec(&script, Some(Duration::from_secs(10)));
    });
}

/// Sets `l` to the path of the lock.
fn place(link: &Link) -> String {
    let folder = quote(&link.path("/run"));
    format!("l={folder}/etcdsh.lock; [ -w {folder} ] || l=/tmp/etcdsh.lock;")
}

fn take(link: &Arc<Link>, what: &str) -> Result<()> {
    let start = Instant::now();
    loop {
        let Some(holder) = try_take(link, what)? else {
            return Ok(());
        };
        // Without an id it went away while it was read, or is just being written.
        let passing = holder.id.is_empty() || is_dead(&holder.id);
        if !passing || start.elapsed() > PATIENCE {
            return Err(Error::new(
                Kind::Remote,
                format!("locked by {} since {}", holder.owner, holder.since),
            )
            .because(format!("it runs {}", holder.what))
            .hint(format!(
                "wait until it is done; a lock that is not renewed for {STALE} s is taken over"
            ))
            .on(link.name()));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Nothing when the lock is ours now, else who has it.
fn try_take(link: &Arc<Link>, what: &str) -> Result<Option<Holder>> {
    let id = quote(id());
    let text = quote(&format!(
        "{}\n{}\n{}\n{what}",
        self::id(),
        owner(),
        jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S %Z")
    ));
    let script = format!(
        "{place}\n\
         take() {{ ( set -C; printf '%s\\n' {text} >\"$l\" ) 2>/dev/null; }}\n\
         if ! take; then\n\
           age=$(( $(date +%s) - $(stat -c %Y \"$l\" 2>/dev/null || echo 0) ))\n\
           if [ $age -gt {STALE} ]; then mv \"$l\" \"$l.stale.$$\" 2>/dev/null && rm -f \"$l.stale.$$\"; take || {{ cat \"$l\"; exit 75; }}\n\
           elif [ \"$(head -n 1 \"$l\")\" = {id} ]; then exit 0\n\
           elif [ -e \"$l\" ]; then cat \"$l\"; exit 75\n\
           else take || {{ cat \"$l\" 2>/dev/null; exit 75; }}; fi\n\
         fi\n\
         ( trap '' INT HUP; while kill -0 $$ 2>/dev/null && [ \"$(head -n 1 \"$l\" 2>/dev/null)\" = {id} ]; do touch -c \"$l\"; sleep 1; done\n\
           kill -0 $$ 2>/dev/null || [ \"$(head -n 1 \"$l\" 2>/dev/null)\" != {id} ] || rm -f \"$l\" ) </dev/null >/dev/null 2>&1 &",
        place = place(link),
    );
    let output = link.exec(&script, Some(Duration::from_secs(30)))?;
    match output.status {
        0 => Ok(None),
        75 => {
            let text = output.text();
            let mut lines = text.lines().map(str::to_string);
            let mut next = || lines.next().unwrap_or_default();
            Ok(Some(Holder {
                id: next(),
                owner: next(),
                since: next(),
                what: next(),
            }))
        }
        _ => {
            let mut error =
                Error::new(Kind::Remote, "the lock of the run could not be taken").on(link.name());
            error.stderr = output.stderr;
            Err(error)
        }
    }
}
