//! On a terminal: questions of `--step`, passwords, colours, Ctrl-C.

use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::{Eof, Expect, Session};

use super::Test;

const HOSTS: &str = "all: { hosts: { one: { ansible_connection: sandbox }, two: { ansible_connection: sandbox } } }\n";
/// Where the first host's commands run.
const ONE: &str = ".local/state/etcdsh/sandbox/one";
const THREE: &str = "play(\"three\", \"all\");\n\
    task(\"first\", \"the first\", |h| say(h, \"in first\"));\n\
    task(\"second\", \"the second\", |h| say(h, \"in second\"));\n\
    task(\"third\", \"the third\", |h| say(h, \"in third\"));\n";

/// `etcdsh WORDS` on a terminal of its own.
fn start(test: &Test, words: &str) -> expectrl::session::OsSession {
    let mut command = test.command(env!("CARGO_BIN_EXE_etcdsh"));
    command.args(words.split_whitespace());
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session
}

/// All that is said up to the end, and the exit code.
fn end(mut session: expectrl::session::OsSession) -> (String, i32) {
    let said = session.expect(Eof).unwrap();
    let text = String::from_utf8_lossy(said.as_bytes()).into_owned();
    let code = match session.get_process().wait() {
        Ok(WaitStatus::Exited(_, code)) => code,
        other => panic!("{other:?}\n{text}"),
    };
    (text, code)
}

/// Wait for a file.
fn appears(test: &Test, path: &str) {
    for _ in 0..500 {
        if test.path(path).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{path} does not appear");
}

fn three() -> Test {
    Test::new()
        .file("hosts.yml", HOSTS)
        .file("three.rhai", THREE)
}

#[test]
fn step_asks_before_each_task() {
    let test = three();
    let mut session = start(&test, "-i hosts.yml --no-color --step three.rhai");
    session
        .expect("Perform task: first (the first)? (N)o/(y)es/(c)ontinue: ")
        .unwrap();
    session.send_line("what").unwrap();
    session
        .expect("Perform task: first (the first)? (N)o/(y)es/(c)ontinue: ")
        .unwrap();
    session.send_line("").unwrap();
    session
        .expect("Perform task: second (the second)? (N)o/(y)es/(c)ontinue: ")
        .unwrap();
    session.send_line("c").unwrap();
    let (text, code) = end(session);
    assert_eq!(code, 0);
    assert!(
        !text.contains("in first") && text.contains("in second") && text.contains("in third"),
        "{text}"
    );
    assert!(!text.contains("Perform task: third"), "{text}");
    assert!(text.contains("skipped=1"), "{text}");
}

#[test]
fn a_terminal_gets_colours_unless_it_wants_none() {
    let test = three();
    let (text, _) = end(start(&test, "-i hosts.yml three.rhai"));
    assert!(text.contains("\x1b[32m"), "{text:?}");
    let coloured = |text: &str| regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().is_match(text);
    let (text, _) = end(start(&test, "-i hosts.yml --no-color three.rhai"));
    assert!(!coloured(&text), "{text:?}");
    let test = three().env("NO_COLOR", "1");
    let (text, _) = end(start(&test, "-i hosts.yml three.rhai"));
    assert!(!coloured(&text), "{text:?}");
    let (text, code) = end(start(&test, "--eval nothing_here"));
    assert_eq!((coloured(&text), code), (false, 1), "{text:?}");
    let (text, _) = end(start(&three(), "--no-color --eval nothing_here"));
    assert!(!coloured(&text), "{text:?}");
}

#[test]
fn the_first_interrupt_finishes_the_step_and_reports() {
    let test = Test::new().file("hosts.yml", HOSTS).file(
        "slow.rhai",
        "play(\"slow\", \"one\");\n\
         task(\"first\", \"takes a second\", |h| { h.run(\"echo >begun; sleep 1; echo done >finished\"); h.run(\"echo more >never\"); });\n\
         task(\"second\", \"is not begun\", |h| h.run(\"echo more >never\"));\n",
    );
    let mut session = start(&test, "-i hosts.yml --no-color slow.rhai");
    session.expect("TASK [first]").unwrap();
    appears(&test, &format!("{ONE}/begun"));
    session.send("\x03").unwrap();
    let (text, code) = end(session);
    assert_eq!(code, 99, "{text}");
    assert!(
        text.contains("PLAY RECAP")
            && text.contains("interrupted")
            && !text.contains("TASK [second]"),
        "{text}"
    );
    assert!(
        test.path(&format!("{ONE}/finished")).exists()
            && !test.path(&format!("{ONE}/never")).exists(),
        "{text}"
    );
}

#[test]
fn the_second_interrupt_stops_at_once() {
    let test = Test::new()
        .file("hosts.yml", HOSTS)
        .file("slow.rhai", "play(\"slow\", \"one\");\ntask(\"first\", \"takes long\", |h| h.run(\"echo >begun; sleep 30\"));\n");
    let mut session = start(&test, "-i hosts.yml --no-color slow.rhai");
    session.expect("TASK [first]").unwrap();
    appears(&test, &format!("{ONE}/begun"));
    let begin = std::time::Instant::now();
    session.send("\x03").unwrap();
    session.expect("once more").unwrap();
    session.send("\x03").unwrap();
    let (text, code) = end(session);
    assert_eq!(code, 99, "{text}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{text}");
}

#[test]
fn an_interrupt_ends_a_script_without_tasks() {
    let test = Test::new().file("loop.rhai", "print(\"begun\");\nloop { }\n");
    let mut session = start(&test, "loop.rhai");
    session.expect("begun").unwrap();
    session.send("\x03").unwrap();
    let (text, code) = end(session);
    assert_eq!(code, 99, "{text}");
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let test = three();
    let mut session = start(&test, "-i hosts.yml --no-color -k -K three.rhai");
    session.expect("SSH password: ").unwrap();
    session.send_line("pass-one").unwrap();
    session
        .expect("BECOME password [defaults to SSH password]: ")
        .unwrap();
    session.send_line("pass-two").unwrap();
    let (text, code) = end(session);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("pass-"), "{text}");
}

#[test]
fn the_terminal_is_as_before_when_a_question_is_interrupted() {
    let test = three();
    let mut command = test.command("/bin/sh");
    let program = env!("CARGO_BIN_EXE_etcdsh");
    command.arg("-c").arg(format!("before=$(stty -g); {program} -i hosts.yml -K three.rhai; echo code=$?; [ \"$before\" = \"$(stty -g)\" ] && echo as before"));
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session.expect("BECOME password: ").unwrap();
    session.send("\x03").unwrap();
    session.expect("code=").unwrap();
    let said = session.expect(Eof).unwrap();
    let text = String::from_utf8_lossy(said.as_bytes()).into_owned();
    assert!(
        text.contains("99") && text.contains("as before"),
        "{text:?}"
    );
}
