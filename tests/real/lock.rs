//! The lock of a run: refused everywhere, won by one, renewed from here, broken by hand; and each host's own row.

use std::process::Child;
use std::time::{Duration, Instant};

use super::lab::{Lab, Run};
use super::luck::{end, start};
use super::see::{HOSTS, THREE};

/// A line of `/srv/mark` on each host says which run was there.
const MARK: &str = "play(\"mark\", \"all\", #{ become: true });\n\
    task(\"mark\", \"leaves a line\", |h| h.run(`echo ${args[0]} >>/srv/mark`));\n";
/// Goes on after whatever happens.
const CATCH: &str = "play(\"catch\", \"all\", #{ become: true });\n\
    task(\"catch\", \"tries\", |h| { try { h.run(`echo ${args[0]} >>/srv/mark`); } catch (error) { print(\"caught\"); } });\n";
/// Holds its hosts until `/srv/go` is there.
const HOLD: &str = "play(\"hold\", \"all\", #{ become: true });\n\
    task(\"hold\", \"waits\", |h| h.run(\"echo >/srv/begun; until [ -e /srv/go ]; do sleep 0.1; done\"));\n\
    task(\"after\", \"changes something\", |h| h.run(\"echo >/srv/after\"));\n";

/// Wait until it has begun on the host; when it ended instead, with what it said.
fn begun(lab: &Lab, host: &str, mut child: Child) -> Child {
    let start = Instant::now();
    while lab.tries(host, "test -e /srv/begun").code != 0 {
        let over = child.try_wait().unwrap().is_some();
        if over || start.elapsed() > Duration::from_mins(1) {
            let _ = child.kill();
            panic!("{host}: it has not begun: {}", end(child).text());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    // The process that was started is `lab exec`, which becomes etcdsh.
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn marks(lab: &Lab) -> Vec<String> {
    let read = |host: &&str| lab.on(host, "cat /srv/mark 2>/dev/null; rm -f /srv/mark");
    HOSTS[..3].iter().map(read).collect()
}

/// The lock of a run of another machine, not renewed for `age` seconds, on all hosts.
fn foreign_lock(lab: &Lab, age: u32) {
    for host in &HOSTS[..3] {
        lab.on(
            host,
            &format!("printf 'elsewhere/1/2\\nops@bastion pid 1\\nlong ago\\netcd.rhai\\n' >/run/etcdsh.lock; touch -d '{age} seconds ago' /run/etcdsh.lock"),
        );
    }
}

/// The status of each host in the last task, as `-o json` tells it.
fn statuses(run: &Run) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    run.events()
        .iter()
        .filter(|event| event["event"] == "host")
        .map(|event| (text(&event["host"]), text(&event["status"])))
        .collect()
}

#[test]
fn a_refusal_ends_the_run_everywhere_and_a_stale_lock_has_one_heir() {
    let Some(lab) = Lab::up(&HOSTS[..3], THREE) else {
        return;
    };
    lab.write("mark.rhai", MARK);
    lab.write("hold.rhai", HOLD);
    // The last host of the three is held: the others must not be changed either.
    let held = start(&lab, &["-l", HOSTS[2], "./hold.rhai"]);
    let held = begun(&lab, HOSTS[2], held);
    let refused = lab.etcdsh(&["-o", "json", "./mark.rhai", "x"]).exits(2);
    assert_eq!(marks(&lab), ["", "", ""], "{}", refused.readable());
    let mut rows = statuses(&refused);
    rows.sort();
    let words: Vec<&str> = rows.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(
        words.iter().filter(|word| **word == "refused").count(),
        1,
        "{rows:?}"
    );
    assert!(
        !words
            .iter()
            .any(|word| ["ok", "changed", "failed"].contains(word)),
        "{rows:?}"
    );
    refused.says(&["locked by ", &format!("etcdsh unlock {}", HOSTS[2])]);
    lab.on(HOSTS[2], "touch /srv/go");
    end(held).ok();

    // Runs that begin together on a lock that belongs to nobody: one goes on, and it alone.
    let rounds = if std::env::var_os("ETCDSH_TORTURE").is_some() {
        100
    } else {
        4
    };
    for round in 0..rounds {
        foreign_lock(&lab, 60);
        let names: Vec<String> = (0..6).map(|run| format!("{round}-{run}")).collect();
        let runs: Vec<Child> = names
            .iter()
            .map(|name| start(&lab, &["./mark.rhai", name]))
            .collect();
        let ended: Vec<Run> = runs.into_iter().map(end).collect();
        let winners: Vec<&String> = names
            .iter()
            .zip(&ended)
            .filter(|(_, run)| run.code == 0)
            .map(|(name, _)| name)
            .collect();
        // One that begins when the winner is done may win after it; none at the same time, none in part.
        assert!(!winners.is_empty(), "{}", ended[0].text());
        let expected: String = winners.iter().map(|name| format!("{name}\n")).collect();
        for mark in marks(&lab) {
            let mut lines: Vec<&str> = mark.lines().collect();
            lines.sort_unstable();
            let mut wanted: Vec<&str> = expected.lines().collect();
            wanted.sort_unstable();
            assert_eq!(lines, wanted, "round {round}");
        }
    }

    // A lock that is fresh is kept until somebody breaks it.
    foreign_lock(&lab, 0);
    lab.etcdsh(&["./mark.rhai", "x"])
        .exits(2)
        .says(&["locked by ops@bastion pid 1 since long ago"]);
    // What the file of a lock says steers no terminal.
    lab.on(
        HOSTS[2],
        r"sed -i '3s/$/\x1b[2J\x1b]0;t\x07/' /run/etcdsh.lock",
    );
    lab.etcdsh(&["unlock"])
        .exits(1)
        .says(&["there is no terminal to ask", r"\x1b[2J\x1b]0;t\x07"]);
    lab.etcdsh(&["unlock", "-y"])
        .ok()
        .says(&["10.10.10.12  unlocked", "it runs etcd.rhai"]);
    lab.etcdsh(&["unlock", "-y"])
        .ok()
        .says(&["10.10.10.12  not locked"]);
    lab.etcdsh(&["./mark.rhai", "x"]).ok();

    // What a script catches ends its run all the same, and not as if nothing had been.
    // Nor is it forgiven as what else goes wrong in a task that only warns.
    lab.write("catch.rhai", CATCH);
    lab.write(
        "warn.rhai",
        &MARK.replace("|h|", "#{ fail: \"warn\" }, |h|"),
    );
    marks(&lab);
    foreign_lock(&lab, 0);
    for script in ["./catch.rhai", "./warn.rhai"] {
        lab.etcdsh(&["-o", "json", script, "z"])
            .exits(2)
            .says(&["locked by ops@bastion pid 1"]);
        assert_eq!(marks(&lab), ["", "", ""]);
    }
    lab.etcdsh(&["unlock", "-y"]).ok();
    // An account without rights keeps nobody from working; a lock that cannot be taken on one host ends the run on all.
    lab.on(HOSTS[1], "systemd-run -q --uid=guest flock /run sleep 600");
    lab.etcdsh(&["./mark.rhai", "free"]).ok();
    assert_eq!(marks(&lab), ["free\n", "free\n", "free\n"]);
    lab.on(HOSTS[1], "mkdir /run/etcdsh.lock");
    lab.etcdsh(&["./mark.rhai", "half"]).exits(2);
    assert_eq!(marks(&lab), ["", "", ""]);
    lab.on(HOSTS[1], "rmdir /run/etcdsh.lock");

    // A link that is dead although it was warm.
    lab.does("cut", &[HOSTS[1]]);
    let begin = Instant::now();
    let run = lab
        .etcdsh(&["-o", "json", "-T", "3", "./mark.rhai", "y"])
        .exits(4);
    assert!(
        begin.elapsed() < Duration::from_secs(25),
        "{:?}",
        begin.elapsed()
    );
    let rows = statuses(&run);
    let unreachable: Vec<_> = rows
        .iter()
        .filter(|(_, status)| status == "unreachable")
        .collect();
    assert_eq!(unreachable.len(), 1, "{rows:?}");
    assert_eq!(unreachable[0].0, HOSTS[1]);
    lab.does("mend", &[HOSTS[1]]);
}

#[test]
fn a_lock_lives_as_long_as_its_run_is_awake() {
    let Some(lab) = Lab::up(
        &HOSTS[..2],
        THREE
            .replace("        10.10.10.12: { etcd_seq: 3 }\n", "")
            .as_str(),
    ) else {
        return;
    };
    lab.write("mark.rhai", MARK);
    lab.write("hold.rhai", HOLD);
    let (asleep, awake) = (HOSTS[0], HOSTS[1]);
    let sleeper = start(&lab, &["-l", asleep, "./hold.rhai"]);
    let worker = start(&lab, &["-l", awake, "./hold.rhai"]);
    let sleeper = begun(&lab, asleep, sleeper);
    let worker = begun(&lab, awake, worker);
    signal(&sleeper, rustix::process::Signal::STOP);
    // 30 s without a renewal, whatever sshd and the shell on the host believe.
    let begin = Instant::now();
    while lab.etcdsh(&["-l", asleep, "./mark.rhai", "heir"]).code != 0 {
        assert!(
            begin.elapsed() < Duration::from_mins(1),
            "it is still locked"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    // The one that is awake has kept its lock all the time, also through one long step.
    lab.etcdsh(&["-l", awake, "./mark.rhai", "x"])
        .exits(2)
        .says(&["locked by "]);
    for host in [asleep, awake] {
        lab.on(host, "touch /srv/go");
    }
    end(worker).ok();
    lab.on(awake, "test -e /srv/after");
    // And the one that wakes up late changes nothing any more.
    signal(&sleeper, rustix::process::Signal::CONT);
    end(sleeper)
        .exits(2)
        .says(&["the lock of this run is gone"]);
    lab.on(asleep, "! test -e /srv/after");
}
