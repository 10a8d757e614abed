//! Private keys: a passphrase, a mode, a key that no host takes; and sockets whose paths would be too long.

use std::collections::BTreeSet;

use super::lab::Lab;
use super::login::{fresh, seen_in_processes, typed, up_with};

const HOST: &str = "10.10.10.10";

/// One machine under three names, so that three logins want the key at once.
const THREE: &str = "all: { hosts: { a: , b: , c: }, vars: { ansible_host: 10.10.10.10 } }\n";

/// Looked for in all processes of the machine, so no other test may use it.
const PHRASE: &str = "lab-words-of-one-test";

const ALONE: [(&str, &str); 1] = [("ETCDSH_NO_PERSIST", "1")];

fn here(lab: &Lab, line: &str) -> String {
    let output = lab.command("sh").args(["-c", line]).output().unwrap();
    assert!(
        output.status.success(),
        "{line}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// Give the laboratory's key a passphrase: where it lies, and what is asked for it.
fn locked_key(lab: &Lab, phrase: &str) -> (String, String) {
    let key = here(lab, "echo ~/.ssh/id_ed25519");
    here(
        lab,
        &format!("ssh-keygen -q -p -f ~/.ssh/id_ed25519 -P '' -N {phrase}"),
    );
    let question = format!("Passphrase for key {key}: ");
    (key, question)
}

#[test]
fn a_passphrase_is_asked_for_once_on_a_terminal() {
    let Some(lab) = up_with("bookworm", THREE) else {
        return;
    };
    let (key, question) = locked_key(&lab, PHRASE);
    fresh(&lab, &["-l", "a", "./who.rhai"], &ALONE)
        .exits(4)
        .says(&[
            &format!("error: a: the key `{key}` has a passphrase"),
            "caused by: there is no terminal to ask for it",
            &format!("hint: ssh-add {key}"),
        ]);
    let seen = seen_in_processes(PHRASE, || {
        let (said, code) = typed(
            &lab,
            &["--no-color", "-vvv", "./who.rhai"],
            &[(&question, PHRASE)],
        );
        assert_eq!(code, 0, "{said}");
        for host in ["a", "b", "c"] {
            assert!(said.contains(&format!("{host}  root")), "{said}");
        }
        assert!(
            !said.contains("Passphrase") && !said.contains(PHRASE),
            "{said}"
        );
    });
    assert_eq!(seen, BTreeSet::new());
}

#[test]
fn a_passphrase_that_is_wrong_or_not_given_is_told() {
    let Some(lab) = up_with("bookworm", THREE) else {
        return;
    };
    let (key, question) = locked_key(&lab, "lab-phrase");
    for (answer, words) in [
        ("lab-wrong", "the passphrase does not open the key"),
        ("", "no passphrase was given for the key"),
    ] {
        let (said, code) = typed(
            &lab,
            &["--no-color", "-l", "a", "./who.rhai"],
            &[(&question, answer)],
        );
        assert_eq!(code, 4, "{said}");
        assert!(
            said.contains(words) && said.contains(&format!("ssh-add {key}")),
            "{said}"
        );
        assert!(!said.contains("lab-"), "{said}");
    }
    // A key that the host does not take is asked for by nobody.
    here(
        &lab,
        "rm ~/.ssh/id_ed25519*; ssh-keygen -q -t ed25519 -f ~/.ssh/id_ed25519 -N lab-phrase",
    );
    let (said, code) = typed(&lab, &["--no-color", "-l", "a", "./who.rhai"], &[]);
    assert_eq!(code, 4, "{said}");
    assert!(
        said.contains("login as `root@10.10.10.10` refused")
            && said.contains("ssh-copy-id root@10.10.10.10"),
        "{said}"
    );
    assert!(!said.contains("Passphrase"), "{said}");
}

#[test]
fn each_cause_of_a_refusal_has_its_line_to_type() {
    let Some(lab) = up_with("bookworm", THREE) else {
        return;
    };
    let key = here(&lab, "echo ~/.ssh/id_ed25519");
    here(&lab, "chmod 644 ~/.ssh/id_ed25519");
    let run = fresh(&lab, &["-l", "a", "./who.rhai"], &ALONE)
        .exits(4)
        .says(&[
            &format!("error: a: ssh does not use the key `{key}`"),
            "caused by: others may read it: its mode is 0644",
            &format!("hint: chmod 600 {key}"),
        ]);
    assert!(!run.text().contains("ssh-copy-id"), "{}", run.text());
    // What the hint says helps.
    here(&lab, &format!("chmod 600 {key}"));
    fresh(&lab, &["-vvv", "-l", "a", "./who.rhai"], &ALONE)
        .ok()
        .says(&["a  root\n"]);
    here(&lab, "mv ~/.ssh/id_ed25519 ~/.ssh/gone");
    let run = fresh(&lab, &["-l", "a", "./who.rhai"], &ALONE)
        .exits(4)
        .says(&[
            "error: a: login as `root@10.10.10.10` refused",
            "hint: ssh-copy-id root@10.10.10.10",
        ]);
    assert!(!run.text().contains("Permanently added"), "{}", run.text());
    fresh(
        &lab,
        &["--private-key", "/nowhere", "-l", "a", "./who.rhai"],
        &ALONE,
    )
    .exits(4)
    .says(&[
        "error: a: there is no key `/nowhere` to log in with",
        "hint: ls ~/.ssh",
    ]);
    lab.on(HOST, "systemctl stop ssh.socket ssh 2>&1 || :");
    fresh(&lab, &["-l", "a", "./who.rhai"], &ALONE)
        .exits(4)
        .says(&[
            "Connection refused",
            "hint: ssh 10.10.10.10 true",
            "hint: set `ansible_port`",
        ]);
}

#[test]
fn control_sockets_find_a_place_that_is_short_enough() {
    let Some(lab) = up_with("bookworm", THREE) else {
        return;
    };
    let long = lab.folder().join("x".repeat(90));
    std::fs::create_dir(&long).unwrap();
    let output = lab
        .command("env")
        .arg(format!("ETCDSH_CONTROL_DIR={}", long.display()))
        .args([
            "ETCDSH_NO_PERSIST=1",
            env!("CARGO_BIN_EXE_etcdsh"),
            "-vvv",
            "-l",
            "a",
            "./who.rhai",
        ])
        .output()
        .unwrap();
    super::lab::Run::from(output).ok().says(&["a  root\n"]);
    assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
}
