//! One command, run to its end: what it is given on the way, and what it comes to.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Once};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::SIGINT;
use signal_hook::flag::register_conditional_default;

use super::case;

/// Nothing in the suite takes as long; what does, hangs.
const LONGEST: Duration = Duration::from_secs(20);

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// `0`, `signal 2`, or `timeout`.
    pub(super) code: String,
    pub(super) stderr: Vec<u8>,
    pub(super) stdout: Vec<u8>,
}

/// A program that may be started many times.
#[derive(Clone)]
pub(super) struct Tool {
    pub(super) env: Vec<(String, String)>,
    pub(super) folder: PathBuf,
    pub(super) program: PathBuf,
}

impl Tool {
    /// Neither HOME nor TERM, as in a service.
    pub(super) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(case::words(line).into_iter().map(OsString::from_vec));
        command
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(super) fn with(&self, env: impl IntoIterator<Item = (String, String)>) -> Tool {
        let mut tool = self.clone();
        tool.env.extend(env);
        tool
    }

    pub(super) fn start(&self, line: &str) -> Running {
        Running::start(&mut self.command(line))
    }

    /// With nothing on standard input.
    pub(super) fn run(&self, line: &str) -> Outcome {
        self.start(line).end(b"")
    }
}

type Shared = Arc<Mutex<Vec<u8>>>;

pub(super) struct Running {
    child: Child,
    limit: Instant,
    stderr: (Shared, JoinHandle<()>),
    stdout: (Shared, JoinHandle<()>),
}

fn read(mut from: impl Read + Send + 'static) -> (Shared, JoinHandle<()>) {
    let shared = Shared::default();
    let into = Arc::clone(&shared);
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().extend(&buffer[..count]);
        }
    });
    (shared, thread)
}

/// What a shell without job control starts in the background ignores SIGINT, and so does what that starts: etcdctl
/// would not end. A handler is not inherited. This one does what SIGINT does anyway.
pub(super) fn hear_interrupts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        register_conditional_default(SIGINT, Arc::new(AtomicBool::new(true))).unwrap();
    });
}

impl Running {
    fn start(command: &mut Command) -> Running {
        hear_interrupts();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running {
            child,
            limit: Instant::now() + LONGEST,
            stderr: read(stderr),
            stdout: read(stdout),
        }
    }

    pub(super) fn stdout(&self) -> Vec<u8> {
        self.stdout.0.lock().unwrap().clone()
    }

    pub(super) fn over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some() || Instant::now() > self.limit
    }

    /// What is written stays readable for the command while standard input is open.
    pub(super) fn write(&mut self, text: &[u8]) {
        let _ = self.child.stdin.as_mut().unwrap().write_all(text);
    }

    pub(super) fn wait_for(&mut self, text: &str) {
        let wanted = text.as_bytes();
        while !self.over()
            && !self
                .stdout()
                .windows(wanted.len())
                .any(|window| window == wanted)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Standard input stays open while the signal does its work: else its end may be what ends the command.
    pub(super) fn signal(&mut self, name: &str) {
        let signal = match name {
            "INT" => Signal::INT,
            "KILL" => Signal::KILL,
            "TERM" => Signal::TERM,
            other => panic!("signal `{other}`"),
        };
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = kill_process(pid, signal);
        let end = Instant::now() + Duration::from_secs(1);
        while !self.over() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// As [`Running::end`], with a limit of its own.
    pub(super) fn end_within(mut self, rest: &[u8], seconds: u64) -> Outcome {
        self.limit = Instant::now() + Duration::from_secs(seconds);
        self.end(rest)
    }

    /// Close standard input after `rest` and wait.
    pub(super) fn end(mut self, rest: &[u8]) -> Outcome {
        if let Some(mut stdin) = self.child.stdin.take() {
            let rest = rest.to_vec();
            std::thread::spawn(move || stdin.write_all(&rest));
        }
        let code = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break said(status),
                None if Instant::now() > self.limit => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    break "timeout".into();
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let all = |(shared, thread): (Shared, JoinHandle<()>)| {
            // A grandchild may have the pipe open; what it says later is not waited for.
            let end = Instant::now() + Duration::from_secs(1);
            while !thread.is_finished() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(1));
            }
            shared.lock().unwrap().clone()
        };
        Outcome {
            code,
            stderr: all(self.stderr),
            stdout: all(self.stdout),
        }
    }
}

fn said(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => code.to_string(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "nothing".into(),
    }
}

/// `etcdsh` under the name of etcdctl.
pub(super) fn ours(folder: &Path) -> PathBuf {
    let link = folder.join("etcdctl");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_etcdsh"), &link).unwrap();
    link
}
