//! How a command reaches a host: one persistent `/bin/sh` per host, over ssh, on this machine or in a sandbox.
//!
//! Owns connections and the frames on them. Must not know what the commands mean. Async is sealed in here;
//! everything above is plain threads. Start reading at [`Connection`].

mod askpass;
mod escalation;
pub(crate) mod frame;
mod key;
mod local;
mod refusal;
mod shell;
mod ssh;
mod watched;

use std::time::Duration;

use crate::error::{Error, Result};
use crate::runtime::block_on;
use crate::secret::Secret;

pub use askpass::answer as answer_askpass;
pub use escalation::Method;
pub use ssh::{HostKeys, Target};
pub use watched::Watched;

/// What a command on a host came to.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub status: i32,
    pub stderr: String,
    pub stdout: Vec<u8>,
}

impl Output {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// How to become root on the host.
#[derive(Clone, Debug)]
pub struct Become {
    pub method: Method,
    pub password: Option<Secret>,
    /// The variable that sets the password, and where; `None` where it was asked for.
    pub set_by: Option<String>,
    pub user: String,
}

/// Where the shell runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    Local,
    Ssh(Box<Target>),
}

/// A shell on a host, kept open.
pub struct Connection {
    /// Put in front of every script.
    prelude: String,
    shell: shell::Shell,
}

impl Connection {
    /// Open a shell, as another user when `escalate` says so; its password is on no command line and in no error.
    pub fn open(way: &Way, escalate: Option<&Become>) -> Result<Connection> {
        block_on(unless_aborted(open(way, escalate)))
    }

    /// Run one script through a connection of its own, even while everything else is stopped.
    pub fn aside(
        way: &Way,
        escalate: Option<&Become>,
        script: &str,
        timeout: Duration,
    ) -> Result<Output> {
        block_on(async {
            let mut connection = open(way, escalate).await?;
            connection.shell.exec(script, Some(timeout)).await
        })
    }

    /// Run a script: one round trip. A script that ends with a status other than 0 is no error here.
    pub fn exec(&mut self, script: &str, timeout: Option<Duration>) -> Result<Output> {
        let script = format!("{}{script}", self.prelude);
        block_on(unless_aborted(self.shell.exec(&script, timeout)))
    }

    /// The same, and somebody watches how long it takes.
    pub fn exec_watched(
        &mut self,
        script: &str,
        timeout: Option<Duration>,
        watched: &Watched<'_>,
    ) -> Result<Output> {
        let script = format!("{}{script}", self.prelude);
        let shell = self.shell.pid();
        let work = self.shell.exec(&script, timeout);
        block_on(unless_aborted(watched.until(work, shell)))
    }

    /// Put `prelude` in front of every script from now on.
    pub fn set_prelude(&mut self, prelude: String) {
        self.prelude = prelude;
    }

    /// The process of the shell on the host.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.shell.pid()
    }

    /// Can another command be sent?
    #[must_use]
    pub fn alive(&self) -> bool {
        self.shell.alive()
    }
}

async fn open(way: &Way, escalate: Option<&Become>) -> Result<Connection> {
    let shell = match way {
        Way::Local => local::open(escalate).await,
        Way::Ssh(target) => ssh::open(target, escalate).await,
    }?;
    Ok(Connection {
        prelude: String::new(),
        shell,
    })
}

/// Is everything stopped? A state and no event: a command that begins just after it must not run either.
fn stopped() -> &'static tokio::sync::watch::Sender<bool> {
    static STOPPED: std::sync::OnceLock<tokio::sync::watch::Sender<bool>> =
        std::sync::OnceLock::new();
    STOPPED.get_or_init(|| tokio::sync::watch::Sender::new(false))
}

/// Stop waiting for every command that is under way, and let none begin until [`resume`].
pub fn abort() {
    stopped().send_replace(true);
}

/// Commands may begin again.
pub fn resume() {
    stopped().send_replace(false);
    crate::runtime::allow_questions();
}

async fn unless_aborted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut stopped = stopped().subscribe();
    tokio::select! {
        biased;
        _ = stopped.wait_for(|stopped| *stopped) => {
            Err(Error::new(crate::error::Kind::Interrupted, "interrupted"))
        }
        result = work => result,
    }
}

/// A socket file of this machine that leads to `host:port` as `target` sees it, through its ssh connection.
pub fn forward(target: &Target, host: &str, port: u16) -> Result<std::path::PathBuf> {
    block_on(ssh::forward(target, host, port))
}

/// Forget the connections that shall not outlive this process.
pub fn close_all() {
    ssh::close_all();
}

fn lost(what: impl std::fmt::Display) -> Box<Error> {
    Error::new(crate::error::Kind::Connect, "the connection was lost").because(what.to_string())
}
