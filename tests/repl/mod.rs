//! The console as its users have it: the real program on a terminal, keys in, screen out.
//!
//! [`Screen`] types and waits. Most tests use a terminal without editing (`TERM=dumb`), whose output is plain; those about
//! keys use a real one. `live.rs` deploys a cluster of sandbox members; `transcript.rs` plays what `docs/repl.md` shows.

#![allow(clippy::unwrap_used)]

mod keys;
mod lines;
pub(crate) mod live;
mod transcript;

use std::io::Read;
use std::time::{Duration, Instant};

use expectrl::Expect;
use expectrl::process::NonBlocking;
use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;

use crate::program::Test;

/// A console on a terminal of its own.
pub(crate) struct Screen {
    session: OsSession,
}

impl Screen {
    pub(crate) fn start(test: &Test, words: &str) -> Screen {
        let mut command = test.command(env!("CARGO_BIN_EXE_etcdsh"));
        command.args(words.split_whitespace());
        Screen::of(command)
    }

    pub(crate) fn of(command: std::process::Command) -> Screen {
        let mut session = expectrl::Session::spawn(command).unwrap();
        session.set_expect_timeout(Some(Duration::from_mins(1)));
        session.get_process_mut().set_window_size(100, 40).unwrap();
        Screen { session }
    }

    /// One that shows its first prompt.
    pub(crate) fn ready(test: &Test, words: &str) -> Screen {
        let mut screen = Screen::start(test, words);
        screen.until_prompt();
        screen
    }

    pub(crate) fn size(&mut self, columns: u16, rows: u16) {
        self.session
            .get_process_mut()
            .set_window_size(columns, rows)
            .unwrap();
    }

    pub(crate) fn keys(&mut self, text: &str) {
        self.session.send(text).unwrap();
    }

    /// Wait for a text and give what stood before it.
    #[track_caller]
    pub(crate) fn wait(&mut self, text: &str) -> String {
        match self.session.expect(text) {
            Ok(found) => plain(&String::from_utf8_lossy(found.before())),
            Err(error) => panic!(
                "`{text}` does not come: {error}\n{}",
                self.rest(Duration::from_millis(200))
            ),
        }
    }

    /// All that comes up to the next prompt, without it.
    #[track_caller]
    pub(crate) fn until_prompt(&mut self) -> String {
        let end = Instant::now() + Duration::from_mins(2);
        let mut text = String::new();
        while Instant::now() < end {
            text.push_str(&self.rest(Duration::from_millis(20)));
            let shown = plain(&text);
            if shown.ends_with("> ") {
                // Nothing more must come: a line may look like a prompt.
                let more = self.rest(Duration::from_millis(60));
                if more.is_empty() {
                    let before = shown.rfind('\n').map_or(0, |at| at + 1);
                    return shown[..before].to_string();
                }
                text.push_str(&more);
            }
        }
        panic!("no prompt comes:\n{text}");
    }

    /// Type the beginning of a line and Tab, over and over: the first answer may come too late for a key that waits 150 ms
    /// at most, then a later one has it.
    #[track_caller]
    pub(crate) fn completes(&mut self, text: &str, wanted: &str) {
        let end = Instant::now() + Duration::from_mins(1);
        while Instant::now() < end {
            self.keys(&format!("\x01\x0b{text}\t"));
            if plain(&self.rest(Duration::from_millis(1500))).contains(wanted) {
                return;
            }
        }
        panic!("Tab behind `{text}` does not give `{wanted}`");
    }

    /// What comes within a time.
    pub(crate) fn rest(&mut self, time: Duration) -> String {
        let _ = self.session.get_process_mut();
        self.session.set_blocking(false).unwrap();
        let (end, mut all) = (Instant::now() + time, Vec::new());
        let mut bytes = [0; 4096];
        loop {
            match self.session.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => all.extend_from_slice(&bytes[..count]),
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => break,
            }
        }
        self.session.set_blocking(true).unwrap();
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Type a line; what it prints. A terminal of these tests does not echo.
    #[track_caller]
    pub(crate) fn line(&mut self, text: &str) -> String {
        self.session.send(format!("{text}\n")).unwrap();
        self.until_prompt()
    }

    /// End of input; the exit code.
    pub(crate) fn leave(mut self) -> i32 {
        self.session.send("\x04").unwrap();
        self.left()
    }

    /// The exit code, when it ends by itself.
    pub(crate) fn left(mut self) -> i32 {
        let _ = self.session.expect(expectrl::Eof);
        match self.session.get_process().wait() {
            Ok(WaitStatus::Exited(_, code)) => code,
            other => panic!("{other:?}"),
        }
    }
}

/// A text without the codes that steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    let codes = regex::Regex::new("\x1b\\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07").unwrap();
    codes.replace_all(text, "").into_owned()
}

/// A folder with an inventory of sandbox hosts that are never started.
pub(crate) fn folder() -> Test {
    let hosts = "all:\n  vars: { ansible_connection: sandbox }\n  children:\n    etcd:\n      hosts:\n        one: { etcd_seq: 1, ansible_host: 127.0.9.1 }\n        two: { etcd_seq: 2, ansible_host: 127.0.9.2 }\n        three: { etcd_seq: 3, ansible_host: 127.0.9.3 }\n";
    let test = Test::new().file("hosts.yml", hosts);
    let sandbox = test.path("sandbox").display().to_string();
    test.env("ETCDSH_SANDBOX", &sandbox)
}

/// The same on a terminal that cannot edit.
pub(crate) fn dumb() -> Test {
    folder().env("TERM", "dumb")
}
