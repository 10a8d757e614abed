//! As `etcdctl` on a terminal, with neither HOME nor TERM: what goes to a pipe, and nothing else.

use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::{Eof, Expect, Session};

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
