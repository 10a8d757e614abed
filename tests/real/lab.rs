//! A laboratory of real hosts for one test: a builder around the script `lab` beside this file.
//!
//! Owns a name, a work folder with the inventory, and the end of both. Must not know etcd. README.md tells about the
//! hosts; start reading at [`Lab::up`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use expectrl::Expect as _;
use serde_json::Value;
use tempfile::TempDir;

/// How many laboratories stand at once: hosts that compete for two cores only time out.
const AT_ONCE: usize = 2;

static STANDING: Mutex<usize> = Mutex::new(0);
static LEAVES: Condvar = Condvar::new();

/// Held by each laboratory for as long as it stands.
pub(super) struct Place;

impl Place {
    pub(super) fn take() -> Place {
        let mut standing = STANDING.lock().unwrap_or_else(PoisonError::into_inner);
        while *standing >= AT_ONCE {
            standing = LEAVES
                .wait(standing)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *standing += 1;
        Place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *STANDING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        LEAVES.notify_one();
    }
}

/// What a command came to.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub code: i32,
    pub stderr: String,
    pub stdout: String,
}

/// A change that a run made, or in check mode would make: host, subject, what.
pub(super) type Change = (String, String, String);

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run {
            code: output.status.code().unwrap_or(-1),
            stderr: text(&output.stderr),
            stdout: text(&output.stdout),
        }
    }
}

impl Run {
    /// Both streams, for a look at what was said.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub(super) fn ok(self) -> Run {
        self.exits(0)
    }

    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, code, "exit code\n{}", self.readable());
        self
    }

    /// All of `words` were said.
    #[track_caller]
    pub(super) fn says(self, words: &[&str]) -> Run {
        let text = self.readable();
        for word in words {
            assert!(text.contains(word), "`{word}` was not said\n{text}");
        }
        self
    }

    /// The events of `-o json`.
    pub(super) fn events(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        let word = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_string();
        let what = |event: &Value| {
            event["what"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.events()
            .iter()
            .filter(|event| event["event"] == "change")
            .map(|event| (word(event, "host"), word(event, "subject"), what(event)))
            .collect()
    }

    /// It went well and changed nothing anywhere.
    #[track_caller]
    pub(super) fn changes_nothing(self) -> Run {
        let run = self.ok();
        assert!(
            run.events().iter().any(|event| event["event"] == "recap"),
            "no recap\n{}",
            run.readable()
        );
        assert_eq!(run.changes(), [], "{}", run.readable());
        run
    }

    /// It went well and changed something.
    #[track_caller]
    pub(super) fn changes_something(self) -> Run {
        let run = self.ok();
        assert_ne!(run.changes(), [], "{}", run.readable());
        run
    }

    /// Hosts whose service was restarted, in that order.
    pub(super) fn restarted(&self) -> Vec<String> {
        self.changes()
            .into_iter()
            .filter(|(_, subject, what)| subject == "service etcd" && what.contains("restart"))
            .map(|(host, ..)| host)
            .collect()
    }

    /// JSON events with the noise left out; other text as it is.
    pub(super) fn readable(&self) -> String {
        let line = |line: &str| match serde_json::from_str::<Value>(line) {
            Ok(event) => {
                let keep = ["change", "warning", "message", "unknown", "recap"]
                    .iter()
                    .any(|kind| event["event"] == *kind)
                    || !event["error"].is_null();
                keep.then(|| event.to_string().replace("\\n", "\n"))
            }
            Err(_) => Some(line.to_string()),
        };
        self.stdout
            .lines()
            .filter_map(line)
            .chain([self.stderr.clone()])
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Hosts that are up, and a work folder with an inventory.
pub(super) struct Lab {
    name: String,
    work: TempDir,
    _place: Place,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/lab")
}

fn call(args: &[&str]) -> Run {
    Command::new(script())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs the script `lab`")
        .into()
}

/// Can this machine boot hosts? If not the test says so; in CI that is a failure.
pub(super) fn can_boot() -> bool {
    let check = call(&["check"]);
    if check.code == 0 {
        return true;
    }
    let why = check.stderr.trim();
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
        "no real hosts in CI: {why}"
    );
    eprintln!("not run, no real hosts here: {why}");
    false
}

impl Lab {
    /// Boot hosts, each `ADDRESS` or `ADDRESS=IMAGE`. Nothing on a machine that cannot.
    pub(super) fn up(hosts: &[&str], inventory: &str) -> Option<Lab> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        if !can_boot() {
            return None;
        }
        let place = Place::take();
        let pid = std::process::id().to_string();
        let name = format!("t{pid}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let lab = Lab {
            name,
            work: tempfile::tempdir().expect("a folder for the test"),
            _place: place,
        };
        let boot = || call(&[&["up", "--owner", &pid, &lab.name], hosts].concat());
        let mut up = boot();
        if up.code != 0 {
            // A machine under load may be too slow once.
            eprintln!("lab up, once more: {}", up.stderr);
            up = boot();
        }
        assert_eq!(up.code, 0, "lab up: {}", up.stderr);
        lab.write("pigsty.yml", inventory);
        Some(lab)
    }

    /// Run the script `lab` on this laboratory: `lab.does("kill", &["10.10.10.11"])`.
    #[track_caller]
    pub(super) fn does(&self, what: &str, args: &[&str]) -> String {
        let run = call(&[&[what, self.name.as_str()], args].concat());
        assert_eq!(run.code, 0, "lab {what} {args:?}: {}", run.stderr);
        run.stdout
    }

    /// The folder that commands run in.
    pub(super) fn folder(&self) -> &Path {
        self.work.path()
    }

    #[track_caller]
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("a folder is made");
        fs::write(path, text).expect("a file is written");
    }

    #[track_caller]
    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder().join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Files below `folder` of the work folder, sorted; none when it is not there.
    pub(super) fn files(&self, folder: &str) -> Vec<String> {
        let listed = Command::new("find")
            .args([folder, "-type", "f"])
            .current_dir(self.folder())
            .output()
            .expect("find runs");
        let mut files: Vec<String> = String::from_utf8_lossy(&listed.stdout)
            .lines()
            .map(str::to_string)
            .collect();
        files.sort();
        files
    }

    /// A command on the control side, to be started.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(script());
        command
            .args(["exec", &self.name, program])
            .current_dir(self.folder())
            .stdin(Stdio::null());
        for variable in [
            "ETCDSH_INVENTORY",
            "ETCDSH_FAULT",
            "ETCDSH_NO_PERSIST",
            "SSH_AUTH_SOCK",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// `etcdsh WORDS...`, human output.
    pub(super) fn etcdsh(&self, words: &[&str]) -> Run {
        self.command(env!("CARGO_BIN_EXE_etcdsh"))
            .args(words)
            .output()
            .expect("etcdsh runs")
            .into()
    }

    /// `etcdsh -o json etcd OPTIONS`; the options are split at spaces.
    pub(super) fn flow(&self, options: &str) -> Run {
        let words: Vec<&str> = ["-o", "json"]
            .into_iter()
            .chain(options.split_whitespace())
            .chain(["etcd"])
            .collect();
        self.etcdsh(&words)
    }

    /// The same with a variable in the environment.
    pub(super) fn flow_with(&self, variable: (&str, &str), options: &str) -> Run {
        let mut command = self.command(env!("CARGO_BIN_EXE_etcdsh"));
        command
            .env(variable.0, variable.1)
            .args(["-o", "json"])
            .args(options.split_whitespace())
            .arg("etcd")
            .output()
            .expect("etcdsh runs")
            .into()
    }

    /// `etcdsh etcd OPTIONS` on a terminal, `typed` at the question of a purge after `meanwhile` has happened.
    pub(super) fn on_terminal(&self, options: &str, meanwhile: impl FnOnce(), typed: &str) -> Run {
        let mut command = self.command(env!("CARGO_BIN_EXE_etcdsh"));
        command
            .args(options.split_whitespace())
            .arg("etcd")
            .stdin(Stdio::inherit());
        let mut session = expectrl::Session::spawn(command).expect("a terminal");
        session.set_expect_timeout(Some(Duration::from_mins(2)));
        // It is no answer, since nobody was asked.
        session.send_line("etcd").expect("the keyboard is read");
        let asked = session.expect("to go on:");
        let asked = asked.unwrap_or_else(|error| {
            let rest = session
                .expect(expectrl::Eof)
                .map(|rest| rest.as_bytes().to_vec());
            let rest = rest.unwrap_or_default();
            panic!("no question: {error}: {}", String::from_utf8_lossy(&rest))
        });
        let mut stdout = String::from_utf8_lossy(asked.before()).into_owned();
        meanwhile();
        session.send_line(typed).expect("the keyboard is read");
        let rest = session.expect(expectrl::Eof).expect("it ends");
        stdout += &String::from_utf8_lossy(rest.as_bytes());
        let code = match session.get_process().wait().expect("it ends") {
            expectrl::process::unix::WaitStatus::Exited(_, code) => code,
            other => panic!("{other:?}"),
        };
        Run {
            code,
            stderr: String::new(),
            stdout,
        }
    }

    /// A shell script on a host, without ssh; what it prints.
    #[track_caller]
    pub(super) fn on(&self, host: &str, script: &str) -> String {
        let run = self.tries(host, script);
        assert_eq!(run.code, 0, "on {host}: {script}\n{}", run.text());
        run.stdout
    }

    pub(super) fn tries(&self, host: &str, script: &str) -> Run {
        call(&["nsenter", &self.name, host, "sh", "-c", script])
    }

    /// The same, still running when this returns.
    pub(super) fn begin(&self, host: &str, text: &str) -> Child {
        let mut command = Command::new(script());
        command
            .args(["nsenter", &self.name, host, "sh", "-c", text])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("bash runs the script `lab`")
    }

    /// More for the `~/.ssh/config` of the control side.
    #[track_caller]
    pub(super) fn append_ssh_config(&self, text: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(".work/labs")
            .join(&self.name)
            .join("ssh");
        let old = fs::read_to_string(folder.join("config"))
            .expect("the laboratory has a configuration of ssh");
        fs::write(folder.join("config"), old + text).expect("it is written");
    }

    /// Put a file of the work folder on a host.
    #[track_caller]
    pub(super) fn keep_on(&self, host: &str, path: &str, target: &str) {
        let bytes = fs::File::open(self.folder().join(path)).expect("the file is there");
        let mut command = Command::new(script());
        let run: Run = command
            .args([
                "nsenter",
                &self.name,
                host,
                "sh",
                "-c",
                &format!("cat >{target}"),
            ])
            .stdin(bytes)
            .output()
            .expect("bash runs the script `lab`")
            .into();
        assert_eq!(run.code, 0, "{}", run.text());
    }

    /// Every file of a host that differs from the image, with mode, owner, time and sum.
    pub(super) fn tree(&self, host: &str) -> String {
        self.does("tree", &[host])
    }

    /// The trees of several hosts and of the work folder.
    pub(super) fn trees(&self, hosts: &[&str]) -> Vec<String> {
        let here = Command::new("find")
            .args([".", "-printf", "%P %M %s %T@\n"])
            .current_dir(self.folder())
            .output()
            .expect("find runs");
        hosts
            .iter()
            .map(|host| self.tree(host))
            .chain([String::from_utf8_lossy(&here.stdout).into_owned()])
            .collect()
    }

    /// All hosts anew, as after `up` or the last `save`; the work folder stays.
    pub(super) fn reset(&self) {
        self.does("reset", &[]);
    }

    /// Wait until a script on a host succeeds.
    #[track_caller]
    pub(super) fn until(&self, host: &str, script: &str) {
        let start = Instant::now();
        loop {
            let run = self.tries(host, script);
            if run.code == 0 {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_mins(1),
                "on {host} this stays untrue: {script}\n{}",
                run.text()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let down = call(&["down", &self.name]);
        if down.code != 0 {
            eprintln!("lab down {}: {}", self.name, down.stderr);
        }
    }
}
