//! Names, keys and values that would steer a terminal, from a real etcd: native mode shows them in letters on a terminal,
//! and nothing is changed for a file, a pipe or strict mode. And letters that are broader than one column.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use etcdsh::terminal::is_hidden;
use expectrl::{Eof, Expect, Session};

use super::run;
use super::server::{self, Release};
use crate::etcd_client::raw::{e, lease};
use crate::etcd_client::server::{Plan, Server, free};

const HOSTILE: &str =
    "\x1b]0;TITLE\x07\x1b[2J\x1b[31m\r\x08\x7f\u{202e}\u{2066}\u{9b}2J\u{200b}\nError: none";

fn shell(line: &str, server: &Server) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", line])
        .current_dir(server.folder.path())
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", server.folder.path().display()),
        )
        .env("ETCDCTL_ENDPOINTS", &server.endpoint)
        .env("HOSTILE", HOSTILE);
    shell
}

/// What a terminal is shown of a line for the shell, to which this is typed once the text has come.
fn shown(server: &Server, line: &str, typed: Option<(&str, &str)>) -> String {
    run::hear_interrupts();
    let mut session = Session::spawn(shell(line, server)).unwrap();
    session.set_expect_timeout(Some(Duration::from_mins(1)));
    let mut all = Vec::new();
    if let Some((text, typed)) = typed {
        let found = session.expect(text).unwrap();
        all.extend([found.before(), found.get(0).unwrap()].concat());
        session.send(typed).unwrap();
    }
    all.extend(session.expect(Eof).unwrap().as_bytes());
    String::from_utf8(all).unwrap().replace("\r\n", "\n")
}

/// One with `etcdsh` and `etcdctl` in its folder.
fn named(name: &str) -> Server {
    let server = Server::spawn(
        name,
        &free("127.0.0.1"),
        &free("127.0.0.1"),
        Plan::default(),
    );
    server.wait_for_log();
    for program in ["etcdsh", "etcdctl"] {
        symlink(
            env!("CARGO_BIN_EXE_etcdsh"),
            server.folder.path().join(program),
        )
        .unwrap();
    }
    server
}

#[test]
fn nothing_from_a_server_steers_a_terminal_in_native_mode() {
    let server = named("m\x1b]0;TITLE\x07\u{202e}\u{9b}2J");
    let client = server.client();
    let key = format!("/p/{HOSTILE}");
    let id = format!("{:x}", lease(&client, 600));
    // A value may have lines of its own.
    let value = HOSTILE.lines().next().unwrap();
    e(&client, &["put", &key, value]).unwrap();
    e(
        &client,
        &["put", &format!("{key}/a"), "1", &format!("--lease={id}")],
    )
    .unwrap();
    e(&client, &["role", "add", HOSTILE]).unwrap();
    e(
        &client,
        &["role", "grant-permission", HOSTILE, "readwrite", &key],
    )
    .unwrap();
    e(&client, &["user", "add", HOSTILE, "--no-password"]).unwrap();
    e(&client, &["user", "grant-role", HOSTILE, HOSTILE]).unwrap();
    for line in [
        "get --prefix /p/",
        "get --prefix /p/ --keys-only",
        "get --prefix /p/ -w table",
        "get --prefix /p/ -w fields",
        "get --prefix /p/ -w json",
        "get --prefix /p/ -o json",
        "ls /p/",
        "ls -l /p/",
        "ls /p/ -w table",
        "ls /p/ -o json",
        "tree /p/",
        "tree /p/ -o json",
        "history \"/p/$HOSTILE\"",
        "history \"/p/$HOSTILE\" --diff",
        "history \"/p/$HOSTILE\" -w table",
        "history \"/p/$HOSTILE\" -o json",
        "diff --rev=1 /p/",
        "diff --rev=1 -w table",
        "diff --rev=1 -o json",
        "user list",
        "user list -w table",
        "user list -o json",
        "user get \"$HOSTILE\"",
        "user get \"$HOSTILE\" --detail",
        "user get \"$HOSTILE\" -w table",
        "user get nobody\"$HOSTILE\"",
        "role list",
        "role list -w table",
        "role get \"$HOSTILE\"",
        "role get \"$HOSTILE\" -w table",
        "role get \"$HOSTILE\" -w json",
        "role get nobody\"$HOSTILE\"",
        "role add \"$HOSTILE\"",
        "user revoke-role \"$HOSTILE\" nobody",
        "member list",
        "member list -w table",
        "member list -w json",
        "member list -o json",
        "member list -w fields",
        &format!("lease timetolive {id} --keys"),
        "get a --endpoints=\"$HOSTILE\"",
        "\"$HOSTILE\"",
        "get a --\"$HOSTILE\"",
    ] {
        let text = shown(&server, &format!("etcdsh e {line}"), None);
        let hidden = |letter| letter != '\n' && letter != '\t' && is_hidden(letter);
        assert!(!text.contains(hidden), "{line}: {text:?}");
        assert!(
            !text.lines().any(|line| line == "Error: none"),
            "{line}: {text}"
        );
        assert!(
            text.contains("]0;")
                || text.contains("Error")
                || line.ends_with("json")
                || line.starts_with("lease"),
            "{line}: {text}"
        );
        if line.ends_with("json") {
            let parses = |line| serde_json::from_str::<serde_json::Value>(line).is_ok();
            assert!(text.lines().all(parses), "{line}: {text}");
        }
    }
    let asked = shown(
        &server,
        "etcdsh e del --prefix /p/",
        Some(("[y/N] ", "n\n")),
    );
    assert!(
        !asked.contains(|letter| letter != '\n' && is_hidden(letter)),
        "{asked:?}"
    );
    assert!(asked.contains("\n  /p/\\x1b]0;TITLE\\x07"), "{asked:?}");
    // A watch ends by Ctrl-C once it has shown what it was to show.
    let watched = shown(
        &server,
        "etcdsh e watch --prefix /p/ --rev=1",
        Some(("/a", "\x03")),
    );
    assert!(
        watched.contains("PUT\n/p/\\x1b]0;TITLE\\x07"),
        "{watched:?}"
    );
    assert!(
        !watched
            .replace("^C", "")
            .contains(|letter| letter != '\n' && is_hidden(letter)),
        "{watched:?}"
    );
}

#[test]
fn files_pipes_and_strict_mode_have_the_bytes_as_they_are() {
    let server = named("m1");
    e(&server.client(), &["put", "k", HOSTILE]).unwrap();
    let get = "get k --print-value-only";
    let wanted = format!("{HOSTILE}\n");
    // The terminal is there, and the output goes elsewhere.
    for line in [
        format!("etcdsh e {get} >out"),
        format!("etcdsh e {get} | cat >out"),
        format!("etcdctl {get} >out"),
    ] {
        assert_eq!(shown(&server, &line, None), "", "{line}");
        let out = std::fs::read_to_string(server.folder.path().join("out")).unwrap();
        assert_eq!(out, wanted, "{line}");
    }
    assert_eq!(shown(&server, &format!("etcdctl {get}"), None), wanted);
    // Nobody types there, and somebody reads.
    let text = shown(&server, &format!("etcdsh e {get} </dev/null"), None);
    assert!(
        !text.contains('\x1b') && text.contains("\\x1b]0;TITLE"),
        "{text:?}"
    );
}

#[test]
fn tables_of_strict_mode_have_the_columns_of_etcdctl() {
    let server = named("\u{4e2d}\u{6587}e\u{301}");
    for release in [Release::V34, Release::V35] {
        let real = server::program(release, "etcdctl").display().to_string();
        let ran = |program: &str| {
            let mut command = shell(&format!("{program} member list -w table"), &server);
            command
                .env("ETCDCTL_API", "3")
                .env("ETCDSH_ETCDCTL_COMPAT", "3.5");
            let output = command.stdin(Stdio::null()).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let (ours, theirs) = (ran("etcdctl"), ran(&real));
        assert!(
            ours == theirs && ours.contains("\u{4e2d}"),
            "{ours}\n{theirs}"
        );
    }
}
