//! As `etcdctl` on a terminal, with neither HOME nor TERM: what goes to a pipe, and nothing else.

use std::process::Command;
use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::{Eof, Expect, Session};
use rustix::process::{Pid, Signal, kill_process};

use super::run::{self, Tool};
use super::server::{self, Addresses, Certificates, Kind, Release, Servers};

/// What a terminal is shown, and the exit code.
fn shown(tool: &Tool, line: &str, typed: &str) -> (String, i32) {
    let mut session = Session::spawn(tool.command(line)).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session.get_process_mut().set_echo(false, None).unwrap();
    if !typed.is_empty() {
        session.send(typed).unwrap();
    }
    let said = session
        .expect(Eof)
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    let text = String::from_utf8_lossy(said.as_bytes()).replace("\r\n", "\n");
    match session.get_process().wait() {
        Ok(WaitStatus::Exited(_, code)) => (text, code),
        other => panic!("{line}: {other:?}\n{text}"),
    }
}

#[test]
fn a_terminal_is_shown_what_a_pipe_gets() {
    let addresses = Addresses::of_worker(20);
    let certificates = Certificates::new(std::slice::from_ref(&addresses));
    let servers = Servers::start(Kind::Plain, Release::V35, &addresses, &certificates);
    let folder = server::folder();
    let endpoint = ("ETCDCTL_ENDPOINTS".to_string(), servers.endpoint(1));
    let tool = Tool {
        env: vec![endpoint],
        folder: folder.path().into(),
        program: run::ours(folder.path()),
    };
    for number in 0..100 {
        let put = tool.run(&format!("put key{number:03} value"));
        assert_eq!(
            (put.code.as_str(), put.stdout.as_slice()),
            ("0", &b"OK\n"[..]),
            "{}",
            String::from_utf8_lossy(&put.stderr)
        );
    }
    // Longer than any terminal, a table, usage, an error, help, and a range delete, which etcdctl does not ask about.
    for line in [
        "get key --prefix",
        "member list -w table",
        "get a --nothing",
        "get",
        "--help",
        "",
        "help",
        "lease list",
        "version",
        "del key --prefix",
    ] {
        // The one that changes something is run on the terminal only.
        let (text, code) = shown(&tool, line, "");
        assert!(!text.contains('\x1b'), "{line}: {text:?}");
        if line.starts_with("del") {
            assert_eq!((text.as_str(), code), ("100\n", 0));
            continue;
        }
        let piped = tool.run(line);
        let whole = format!(
            "{}{}",
            String::from_utf8_lossy(&piped.stdout),
            String::from_utf8_lossy(&piped.stderr)
        );
        assert_eq!((text, code.to_string()), (whole, piped.code), "{line}");
    }
    let said = String::from_utf8(
        tool.run("get a --debug --user root:hunter2 --keepalive-timeout 1s")
            .stderr,
    )
    .unwrap();
    for wanted in [
        "ETCDCTL_USER=root:********\n",
        "ETCDCTL_KEEPALIVE_TIMEOUT=1s\n",
        ": connected (",
        ": answered (",
    ] {
        assert!(
            said.contains(wanted) && !said.contains("hunter2"),
            "{wanted}: {said}"
        );
    }
    let (text, code) = shown(&tool, "txn", "\nput a 1\n\n\n");
    assert_eq!((text.as_str(), code), ("SUCCESS\n\nOK\n", 0));
    let (text, code) = shown(&tool, "user add someone", "secret\nsecret\n");
    assert!(
        text.contains("User someone created")
            && !text.contains("secret")
            && !text.contains('\x1b')
            && code == 0,
        "{code} {text:?}"
    );
}

/// Ended at the question for a password by a key or by a signal: what is wrong with it.
fn left_silent(tool: &Tool, line: &str, end: Option<Signal>) -> Option<String> {
    // The terminal of a test shows nothing by itself.
    let mut shell = Command::new("/bin/sh");
    let command = tool.command(line);
    shell
        .args(["-c", "stty echo; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(&tool.folder);
    let mut session = Session::spawn(shell).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session.expect("assword").unwrap();
    let process = session.get_process();
    assert!(!process.get_echo().unwrap(), "{line}: a password is shown");
    match end {
        None => session.send("\x03").unwrap(),
        Some(signal) => {
            let pid = Pid::from_raw(process.pid().as_raw()).unwrap();
            kill_process(pid, signal).unwrap();
        }
    }
    let _ = session.expect(Eof);
    let process = session.get_process();
    let (shows, ended) = (process.get_echo().unwrap(), process.wait().unwrap());
    let as_wanted = match (end, ended) {
        (None, WaitStatus::Exited(_, 255)) => true,
        (Some(signal), WaitStatus::Signaled(_, by, _)) => by as i32 == signal.as_raw(),
        _ => false,
    };
    (!shows || !as_wanted).then(|| format!("{line}, {end:?}: echo {shows}, {ended:?}"))
}

#[test]
fn the_terminal_shows_what_is_typed_after_a_question_for_a_password() {
    let folder = server::folder();
    let tool = |program| Tool {
        env: Vec::new(),
        folder: folder.path().into(),
        program,
    };
    let strict = tool(run::ours(folder.path()));
    let native = tool(env!("CARGO_BIN_EXE_etcdsh").into());
    let mut faults = Vec::new();
    for end in [None, Some(Signal::INT), Some(Signal::TERM)] {
        for line in ["--user root get a", "user add joe"] {
            faults.extend(left_silent(&strict, line, end));
            faults.extend(left_silent(&native, &format!("e {line}"), end));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
