//! A host: its name, how it is reached, and what was found out about it once.
//!
//! Owns the connection (opened at the first question, opened again when lost), the facts and the count of
//! round trips. Must not know what a primitive wants. Start reading at [`Link::exec`].

mod facts;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

pub use facts::{Facts, Init, PackageTool};

use crate::error::{Kind, Result};
use crate::locked::locked;
use crate::transport::{Become, Connection, Output, Watched, Way};
use crate::value::Value;

/// What check mode has pretended to do on a host.
#[derive(Default)]
pub struct Pretended {
    /// Directories that come with a package: mode, owner and group.
    pub brought: HashMap<String, (u32, String, String)>,
    /// Services that would be enabled, or not.
    pub enabled: HashMap<String, bool>,
    /// Path to what would be there: its text, or `None` where that is not known or no text.
    pub files: HashMap<String, Option<String>>,
    /// Files that would be newer than what runs from them.
    pub newer: HashSet<String>,
    /// Packages that would be installed, or removed.
    pub packages: HashMap<String, bool>,
    removed: HashSet<String>,
    pub services: HashMap<String, String>,
}

impl Pretended {
    /// A path would be there with this text.
    pub fn put(&mut self, path: &str, text: Option<String>, newer: bool) {
        self.removed.remove(path);
        self.files.insert(path.to_string(), text);
        if newer {
            self.newer.insert(path.to_string());
        }
    }

    /// Would a package be installed, with units and directories that nobody can know here?
    #[must_use]
    pub fn installs(&self) -> bool {
        self.packages.values().any(|installed| *installed)
    }

    /// Would anything be different?
    #[must_use]
    pub fn anything(&self) -> bool {
        !(self.files.is_empty()
            && self.packages.is_empty()
            && self.removed.is_empty()
            && self.services.is_empty())
    }

    /// A path, with all below it, would be gone.
    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.files
            .retain(|name, _| name != path && !name.starts_with(&below));
        self.removed.insert(path.to_string());
    }

    /// Would this path be gone?
    #[must_use]
    pub fn is_removed(&self, path: &str) -> bool {
        if self.files.contains_key(path) {
            return false;
        }
        let mut path = path;
        loop {
            if self.removed.contains(path) {
                return true;
            }
            match path.rsplit_once('/') {
                Some((above, _)) if !above.is_empty() && !self.files.contains_key(above) => {
                    path = above;
                }
                _ => return false,
            }
        }
    }

    /// Would something in this directory be gone? Whether all of it then cannot be told.
    #[must_use]
    pub fn emptied(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.removed.iter().any(|name| name.starts_with(&below))
    }
}

/// What a shell does while nothing else is known of it.
const QUESTION: &str = "a question to the host";

/// Told a line about the host.
type Notice = Box<dyn Fn(&str) + Send + Sync>;

/// A connection that was silent for this long may be lost without a word.
const SILENCE: Duration = Duration::from_secs(2);

/// The way to one host, shared by everything that talks to it in a process.
pub struct Link {
    bytes: AtomicU64,
    connection: Mutex<Option<Connection>>,
    /// What the shell is about to do, in words; `None` for what may take as long as it wants.
    doing: Mutex<Option<String>>,
    escalate: Option<Become>,
    facts: OnceLock<Facts>,
    gone: AtomicBool,
    /// When it was used last.
    last: Mutex<Instant>,
    name: String,
    notes: Mutex<HashMap<String, Value>>,
    /// Told when a lost connection is opened again.
    notice: Mutex<Option<Notice>>,
    pretended: Mutex<Pretended>,
    /// The folder of a sandbox host; paths of the script lie below it.
    root: Option<String>,
    /// Told when the host has not answered for long.
    slow: Mutex<Option<Notice>>,
    trips: AtomicU64,
    /// Held from the question to the change that follows from it.
    turn: Mutex<()>,
    way: Way,
}

impl Link {
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        way: Way,
        escalate: Option<Become>,
        root: Option<String>,
    ) -> Link {
        Link {
            bytes: AtomicU64::new(0),
            connection: Mutex::new(None),
            doing: Mutex::new(Some(QUESTION.into())),
            escalate,
            facts: OnceLock::new(),
            gone: AtomicBool::new(false),
            last: Mutex::new(Instant::now()),
            name: name.into(),
            notes: Mutex::default(),
            notice: Mutex::default(),
            pretended: Mutex::default(),
            root,
            slow: Mutex::default(),
            trips: AtomicU64::new(0),
            turn: Mutex::default(),
            way,
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    /// `path` as it is called on the machine: below its folder for a sandbox host, whatever dots are in it.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        let Some(root) = &self.root else {
            return path.to_string();
        };
        if !path.starts_with('/') {
            return path.to_string();
        }
        let inside = path
            .strip_prefix(root.as_str())
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .unwrap_or(path);
        let mut parts: Vec<&str> = Vec::new();
        for part in inside.split('/').filter(|part| !part.is_empty()) {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let end = if inside.len() > 1 && inside.ends_with('/') {
            "/"
        } else {
            ""
        };
        let below: String = parts.iter().map(|part| format!("/{part}")).collect();
        format!("{root}{below}{end}")
    }

    /// Round trips since the connection was opened first.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }

    /// Bytes sent and received in them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Does the other one lead to the same shell?
    #[must_use]
    pub fn is_like(&self, other: &Link) -> bool {
        let passwords = |link: &Link| {
            link.escalate
                .as_ref()
                .and_then(|escalate| escalate.password.clone())
        };
        self.root == other.root
            && self.way == other.way
            && format!("{:?}", self.escalate) == format!("{:?}", other.escalate)
            && passwords(self) == passwords(other)
    }

    /// Forget what a run has noted and pretended; the connection and the facts stay.
    pub fn forget_run(&self) {
        self.notes().clear();
        *self.pretended() = Pretended::default();
    }

    /// From now on a lost connection is found out before it is used, opened again, and told once.
    pub fn watch(&self, notice: Notice) {
        *locked(&self.notice) = Some(notice);
    }

    /// From now on a host that does not answer for long is told of, once for each thing it is to do.
    pub fn watch_time(&self, notice: Notice) {
        *locked(&self.slow) = Some(notice);
    }

    /// While `work` goes on, the host's shell does this; `None` for what may take as long as it wants.
    pub fn doing<T>(&self, what: Option<&str>, work: impl FnOnce() -> T) -> T {
        let before = std::mem::replace(&mut *locked(&self.doing), what.map(str::to_string));
        let result = work();
        *locked(&self.doing) = before;
        result
    }

    /// Is there a connection that answered last?
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.trips() > 0 && !self.gone()
    }

    /// A socket file of this machine that leads to `address:port` as the host sees it, through its ssh connection;
    /// `None` for a host that is not reached over ssh.
    pub fn forward(&self, address: &str, port: u16) -> Option<Result<PathBuf>> {
        match &self.way {
            Way::Local => None,
            Way::Ssh(target) => Some(
                crate::transport::forward(target, address, port)
                    .map_err(|error| error.on(&self.name)),
            ),
        }
    }

    /// Was the connection lost or never made?
    #[must_use]
    pub fn gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    pub fn pretended(&self) -> MutexGuard<'_, Pretended> {
        locked(&self.pretended)
    }

    /// Two clusters of a run may share a host: what one of them has asked must still be so when it acts.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        locked(&self.turn)
    }

    pub fn notes(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        locked(&self.notes)
    }

    /// Run a script on the host: one round trip.
    pub fn exec(&self, script: &str, timeout: Option<Duration>) -> Result<Output> {
        self.trip(script, timeout, false)
    }

    /// The same for a script that changes nothing: the first Ctrl-C ends it.
    pub fn ask(&self, script: &str, timeout: Option<Duration>) -> Result<Output> {
        self.trip(script, timeout, true)
    }

    /// The host has not answered for long.
    fn say_slow(&self, since: &jiff::Timestamp) {
        if let (Some(notice), Some(doing)) = (&*locked(&self.slow), &*locked(&self.doing)) {
            let name = &self.name;
            let since = since.to_zoned(jiff::tz::TimeZone::system());
            let since = since.strftime("%H:%M:%S");
            notice(&format!(
                "{name}: no answer since {since}: {doing}; Ctrl-C ends it"
            ));
        }
    }

    fn trip(&self, script: &str, timeout: Option<Duration>, question: bool) -> Result<Output> {
        let mut slot = locked(&self.connection);
        self.wake(&mut slot);
        let since = jiff::Timestamp::now();
        let watched = Watched {
            escalate: self.escalate.as_ref(),
            question,
            slow: &|| self.say_slow(&since),
            way: &self.way,
        };
        let result = self.connected(&mut slot).and_then(|connection| {
            self.trips.fetch_add(1, Ordering::Relaxed);
            connection.exec_watched(script, timeout, &watched)
        });
        let heard = result
            .as_ref()
            .map_or(0, |output| output.stdout.len() + output.stderr.len());
        self.bytes
            .fetch_add((script.len() + heard) as u64, Ordering::Relaxed);
        *locked(&self.last) = Instant::now();
        if result
            .as_ref()
            .is_err_and(|error| error.kind == Kind::Interrupted)
        {
            self.end_what_runs(&mut slot);
        }
        if slot.as_ref().is_some_and(|connection| !connection.alive()) {
            *slot = None;
        }
        self.gone.store(
            result
                .as_ref()
                .is_err_and(|error| error.kind == Kind::Connect),
            Ordering::Relaxed,
        );
        result.map_err(|error| error.on(&self.name))
    }

    /// A second shell on the host, beside the one that may be busy.
    pub fn beside(&self) -> Result<Connection> {
        Connection::open(&self.way, self.escalate.as_ref())
    }

    /// Run a script when nothing else runs on the host's shell; `None` when something does.
    pub fn exec_if_idle(&self, script: &str, timeout: Duration) -> Option<Result<Output>> {
        let mut slot = self.connection.try_lock().ok()?;
        let connection = slot.as_mut()?;
        let result = connection.exec(script, Some(timeout));
        if !connection.alive() {
            *slot = None;
        }
        Some(result)
    }

    /// Ask a connection that was silent for long whether it is there; a lost one is left to be opened again.
    fn wake(&self, slot: &mut Option<Connection>) {
        let notice = locked(&self.notice);
        let Some(notice) = notice
            .as_ref()
            .filter(|_| locked(&self.last).elapsed() > SILENCE)
        else {
            return;
        };
        let Some(connection) = slot else { return };
        let answer = connection.exec(":", Some(Duration::from_secs(5)));
        if answer.is_err_and(|error| error.kind != Kind::Interrupted) {
            *slot = None;
            notice(&format!(
                "{}: the connection was lost; it is opened again",
                self.name
            ));
        }
    }

    /// The user stopped it: what the shell had started on the host is ended through a second connection.
    fn end_what_runs(&self, slot: &mut Option<Connection>) {
        let Some(shell) = slot.take().and_then(|connection| connection.pid()) else {
            return;
        };
        let script = format!(
            "end() {{ for child in $(cat /proc/$1/task/*/children 2>/dev/null || pgrep -P \"$1\"); do end \"$child\"; done; [ \"$1\" = {shell} ] || kill -TERM \"$1\" 2>/dev/null; }}; end {shell}; kill -TERM {shell} 2>/dev/null; :"
        );
        let limit = Duration::from_secs(5);
        let _ = Connection::aside(&self.way, self.escalate.as_ref(), &script, limit);
    }

    fn connected<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a mut Connection> {
        if slot.is_none() {
            let mut connection = Connection::open(&self.way, self.escalate.as_ref())?;
            if let Some(root) = &self.root {
                let bin = crate::command::quote(&format!("{root}/.sandbox/bin:{root}/usr/bin"));
                // `exec` runs scripts in a subshell, so the sandbox is told to each script by its prelude.
                connection.set_prelude(format!(
                    "PATH={bin}:$PATH; SANDBOX={0}; export PATH SANDBOX; cd {0}; ",
                    crate::command::quote(root)
                ));
            }
            *slot = Some(connection);
        }
        slot.as_mut()
            .ok_or_else(|| crate::error::Error::internal("a connection was just opened"))
    }

    /// What the host is: asked once.
    pub fn facts(&self) -> Result<&Facts> {
        if let Some(facts) = self.facts.get() {
            return Ok(facts);
        }
        let output = self.ask(facts::QUESTION, Some(Duration::from_mins(1)))?;
        let facts = Facts::parse(&output.text(), self.root().unwrap_or_default())
            .map_err(|error| error.on(&self.name))?;
        Ok(self.facts.get_or_init(|| facts))
    }
}
