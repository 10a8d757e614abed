//! The program as its users see it: a command line goes in, output, exit code and files come out.
//!
//! [`Test`] is the builder. `sessions/*.txt` hold whole sessions, compared to the letter: see [`sessions`].

#![allow(clippy::unwrap_used)]

mod broken_pipe;
mod bundle;
mod cluster;
mod http;
mod interrupt;
mod json;
mod lines;
mod sessions;
mod terminal;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use regex::Regex;
use tempfile::TempDir;

/// In place of ssh: it notes that somebody wanted a connection and makes none.
const NO_SSH: &str = "#!/bin/sh\necho called >>\"$HOME/.ssh-was-called\"\nexit 255\n";

static THIS_MACHINE: Mutex<()> = Mutex::new(());

/// A turn on this machine as a host: it has one lock of a run, so tests whose scripts change it through a local connection do so
/// one after the other.
pub(crate) fn this_machine() -> MutexGuard<'static, ()> {
    THIS_MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder that is home and current folder, a clean environment, and `etcdsh` in PATH.
pub(crate) struct Test {
    env: Vec<(String, String)>,
    folder: TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stderr: String,
    pub(crate) stdout: String,
}

impl Test {
    pub(crate) fn new() -> Test {
        let test = Test {
            env: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(test.path(".bin")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_etcdsh"), test.path(".bin/etcdsh")).unwrap();
        test.file(".bin/ssh", NO_SSH)
    }

    /// A file of the folder; one that begins with `#!` can be run.
    pub(crate) fn file(self, path: &str, text: &str) -> Test {
        let full = self.path(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(&full, text).unwrap();
        if text.starts_with("#!") {
            fs::set_permissions(&full, fs::Permissions::from_mode(0o755)).unwrap();
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Test {
        self.env.push((name.into(), value.into()));
        self
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Was a connection wanted since the folder was made?
    pub(crate) fn ssh_was_called(&self) -> bool {
        self.path(".ssh-was-called").exists()
    }

    /// `program` in the folder, with nothing of our own environment.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        let bin = self.path(".bin");
        command.current_dir(self.folder.path()).env_clear();
        command
            .env("HOME", self.folder.path())
            .env("LC_ALL", "C")
            .env("TERM", "xterm")
            .env(
                "PATH",
                format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()),
            );
        command.env("ETCDSH_CONTROL_DIR", self.folder.path());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn etcdsh(&self, words: &[&str]) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_etcdsh"));
        self.run(command.args(words))
    }

    /// A line for the shell.
    pub(crate) fn sh(&self, line: &str) -> Ran {
        let mut command = self.command("/bin/sh");
        self.run(command.arg("-c").arg(line))
    }

    fn run(&self, command: &mut Command) -> Ran {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdin.take());
        self.ran(&child.wait_with_output().unwrap())
    }

    fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| self.stable(&String::from_utf8_lossy(bytes));
        Ran {
            status: output.status.code().unwrap_or(-1),
            stderr: text(&output.stderr),
            stdout: text(&output.stdout),
        }
    }

    /// Without what differs from one run to the next: the folder, times, the version.
    pub(crate) fn stable(&self, text: &str) -> String {
        let text = text.replace(&self.folder.path().display().to_string(), "DIR");
        let text = text.replace(
            &format!("etcdsh {}", env!("CARGO_PKG_VERSION")),
            "etcdsh VERSION",
        );
        let times = Regex::new(r"\d+\.\d+s").unwrap();
        let padded = Regex::new(r" +TIME").unwrap();
        let text = times.replace_all(&text, "TIME").into_owned();
        padded.replace_all(&text, " TIME").into_owned()
    }
}

impl Ran {
    /// Both outputs and the code, as a session shows them.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}{}", self.stdout, self.stderr);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str("(no newline)\n");
        }
        if self.status != 0 {
            text.push_str(&format!("[exit {}]\n", self.status));
        }
        text
    }
}
