//! Ctrl-C is heard by every word that may wait for long: the program begins to wait, gets one SIGINT, and ends.

use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Test;
use crate::repl::Screen;

/// How long it may take to begin on a busy machine.
const BEGINS: Duration = Duration::from_mins(2);
/// How long the end may take that was asked for.
const ENDS: Duration = Duration::from_secs(5);
/// The same where it is first found out that a host hangs: 10 s of silence, 5 s for a second shell.
const HANGS: Duration = Duration::from_secs(25);

fn test() -> Test {
    let test = Test::new().file(
        "hosts.yml",
        "all: { hosts: { one: { ansible_connection: local } } }\n",
    );
    test.file(
        "naps.rhai",
        "write_file(\"begun\", \"x\"); sleep(\"600s\");\n",
    )
}

fn wait(child: &mut Child, limit: Duration) -> Option<i32> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// What is wrong when a script is interrupted that makes the file `begun` just before it waits.
fn interrupted(body: &str, limit: Duration) -> Result<String, String> {
    let script = format!("play(\"p\", \"all\");\ntask(\"t\", \"waits\", |h| {{ {body} }});\n");
    let test = test().file("waits.rhai", &script);
    test.sh("mkfifo fifo");
    let mut command = test.command(env!("CARGO_BIN_EXE_etcdsh"));
    command.args(["-i", "hosts.yml", "./waits.rhai"]);
    let (out, err) = (test.path("out"), test.path("err"));
    command
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(std::fs::File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let said = || {
        let text = |path| std::fs::read_to_string(path).unwrap();
        format!("{body}\n{}{}", text(&out), text(&err))
    };
    let end = Instant::now() + BEGINS;
    while !test.path("begun").exists() {
        if let Some(status) = child.try_wait().unwrap() {
            return Err(format!("ended before it waited: {status}\n{}", said()));
        }
        if Instant::now() > end {
            child.kill().unwrap();
            return Err(format!("does not begin\n{}", said()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    match wait(&mut child, limit) {
        Some(99) => Ok(said()),
        Some(other) => Err(format!("ended with {other}\n{}", said())),
        None => Err(format!("was not ended\n{}", said())),
    }
}

#[test]
fn every_word_that_waits_hears_one_interrupt() {
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let begun = "write_file(\"begun\", \"x\");";
    let bodies = [
        format!("{begun} sleep(\"600s\");"),
        format!("{begun} loop {{ }}"),
        format!("{begun} let a = [1, 2]; loop {{ a = a.map(|x| x + 1); }}"),
        format!("{begun} wait_until(\"600s\", \"it\", || false);"),
        format!("{begun} parallel([1, 2], |x| sleep(\"600s\"));"),
        format!("{begun} h.wait_for(\"/never\", #{{ timeout: \"600s\" }});"),
        "h.wait_for(\"touch begun; false\", #{ timeout: \"600s\" });".into(),
        "h.run(\"touch begun; sleep 600\", #{ changes: false });".into(),
        "run(\"./naps.rhai\");".into(),
        format!("{begun} read_file(\"fifo\");"),
        format!("{begun} http(\"http://{address}/\", #{{ timeout: \"600s\" }});"),
        format!("{begun} etcdctl(#{{ endpoints: [\"http://{address}\"] }}).get(\"a\");"),
        format!(
            "{begun} etcdctl(#{{ endpoints: [\"http://{address}\"], timeout: \"600s\" }}).status();"
        ),
        format!(
            "{begun} etcdctl(#{{ endpoints: [\"http://{address}\"] }}).command(\"get a --command-timeout=600s --dial-timeout=600s\");"
        ),
        format!("{begun} retry(1000, #{{ every: \"60s\" }}, || throw \"no\");"),
        "h.run(\"touch begun; cat fifo\", #{ changes: false });".into(),
        format!("{begun} fetch_to(h, env(\"PWD\") + \"/fifo\", \"copy\");"),
    ];
    let outcomes = std::thread::scope(|scope| {
        let threads = bodies.map(|body| scope.spawn(move || interrupted(&body, ENDS)));
        threads.map(|thread| thread.join().unwrap())
    });
    let wrong: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_host_that_hangs_in_mid_change_is_named_and_ended_by_one_interrupt() {
    let _turn = super::this_machine();
    // The shell stops: nobody will ever answer.
    let text = interrupted("h.run(\"touch begun; kill -STOP $$\");", HANGS).unwrap();
    assert_eq!(text.matches("one: no answer since ").count(), 1, "{text}");
    assert!(
        text.contains(": run touch begun; kill -STOP $$; Ctrl-C ends it"),
        "{text}"
    );
}

#[test]
fn a_question_is_given_up_at_once() {
    let test = test().file("asks.rhai", "confirm(\"All of it goes.\", \"etcd\");\n");
    let mut screen = Screen::start(&test, "-i hosts.yml ./asks.rhai");
    screen.wait("Type `etcd` to go on:");
    screen.keys("\x03");
    screen.wait("error");
    assert_eq!(screen.leave(), 99);
}
