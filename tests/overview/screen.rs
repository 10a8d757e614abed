//! The overview on a terminal: the picture after keys, at 60 columns, and while members die.

use std::time::Duration;

use super::{cluster, soon};
use crate::program::Test;
use crate::repl::Screen;
use crate::repl::live::Members;

/// A program on a terminal whose picture is looked at.
struct Picture {
    parser: vt100::Parser,
    screen: Screen,
}

impl Picture {
    fn of(test: &Test, words: &str, columns: u16, rows: u16) -> Picture {
        let mut command = test.command(env!("CARGO_BIN_EXE_etcdsh"));
        command
            .args(words.split_whitespace())
            .env("TERM", "xterm-256color");
        let mut screen = Screen::of(command);
        screen.size(columns, rows);
        Picture {
            parser: vt100::Parser::new(columns_of(rows), columns_of(columns), 0),
            screen,
        }
    }

    fn text(&mut self) -> String {
        let said = self.screen.rest(Duration::from_millis(50));
        self.parser.process(said.as_bytes());
        self.parser.screen().contents()
    }

    /// Wait for a picture that has all of these. On a busy machine one comes in parts: what belongs together is asked for together.
    #[track_caller]
    fn wait(&mut self, words: &[&str]) -> String {
        self.until(&words.join(", "), |text| {
            words.iter().all(|word| text.contains(word))
        })
    }

    #[track_caller]
    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        soon(what, || {
            last = self.text();
            holds(&last)
        });
        last
    }
}

fn columns_of(count: u16) -> std::num::NonZero<u16> {
    count.try_into().unwrap()
}

/// Is there a line with all of these?
fn has(text: &str, words: &[&str]) -> bool {
    let all = |line: &str| words.iter().all(|word| line.contains(word));
    text.lines().any(all)
}

/// The row below the heads of the table.
fn first_row(text: &str) -> Option<&str> {
    text.lines()
        .skip_while(|line| !line.contains("MEMBER"))
        .nth(1)
}

fn two_die(members: &Members) {
    members.signal(1, "-KILL");
    members.signal(2, "-KILL");
}

#[test]
fn keys_choose_sort_and_open_members_and_their_logs_and_it_survives_members_that_die() {
    let members = cluster(14);
    let mut picture = Picture::of(&members.test, "-i hosts.yml overview", 110, 40);
    picture.until("three healthy members", |text| {
        has(
            text,
            &[
                "etcd  healthy",
                "3 members, 3 take part, quorum 2, 1 more may fail",
            ],
        ) && has(text, &["> etcd-1", "healthy"])
            && [
                "nothing is wrong",
                "fsync p99",
                "peer round trip p95",
                "leader etcd-",
            ]
            .iter()
            .all(|word| text.contains(word))
    });

    picture.screen.keys("j\r");
    picture.until("the second member", |text| {
        text.contains("member id")
            && text.lines().any(|line| line.trim() == "etcd-2")
            && has(text, &["drift", "none"])
            && has(text, &["certificate", "7299 days"])
    });
    picture.screen.keys("l");
    picture.wait(&["became", "log of etcd-2"]);
    picture.screen.keys("\x1b");
    picture.wait(&["> etcd-2"]);
    picture.screen.keys("?");
    picture.wait(&["write what is seen into a page of HTML here"]);
    picture.screen.keys("q");
    picture.screen.keys("s");
    picture.until("the leader is first", |text| {
        let leader = text.lines().find(|line| line.contains("leader etcd-"));
        let leader = leader.and_then(|line| line.split_whitespace().nth(1));
        text.contains("sorted by role")
            && leader.is_some_and(|leader| first_row(text).is_some_and(|row| row.contains(leader)))
    });
    picture.screen.keys("w");
    picture.wait(&["written: etcd-overview-etcd-"]);
    // Held, the picture stays; what happens is told when it goes on.
    picture.screen.keys("p");
    picture.wait(&["held"]);
    members.signal(0, "-STOP");
    std::thread::sleep(Duration::from_secs(3));
    assert!(!picture.text().contains("down"));
    picture.screen.keys("p");
    picture.until("a member that is frozen", |text| {
        text.contains("no answer in time")
            && has(text, &["etcd-1", "down"])
            && has(text, &["etcd  degraded", "2 take part"])
    });
    members.signal(0, "-CONT");
    picture.wait(&["nothing is wrong"]);

    two_die(&members);
    picture.wait(&["etcd  no quorum", "critical: no quorum: "]);
    members.signal(0, "-KILL");
    picture.wait(&["etcd  unreachable"]);
    picture.screen.keys("q");
    picture.screen.wait("\x1b[?1049l");
}

#[test]
fn sixty_columns_and_no_colour_show_the_same_and_the_console_has_it_too() {
    let members = cluster(15);
    let mut picture = Picture::of(&members.test, "-i hosts.yml overview --no-hosts", 60, 24);
    picture.until("three healthy members", |text| {
        let members = ["etcd-1", "etcd-2", "etcd-3"];
        members.iter().all(|member| has(text, &[member, "healthy"]))
            && text.contains("nothing is wrong")
            && text.contains("FSYNC")
    });
    picture.screen.keys("q");
    picture.screen.wait("\x1b[?1049l");

    let mut screen = Screen::ready(&members.test, "-i hosts.yml");
    screen.keys(":overview\n");
    screen.wait("quorum");
    screen.keys("q");
    screen.until_prompt();
    assert_eq!(screen.line("20 + 22"), "42\n");
    assert_eq!(screen.line("cluster_status().verdict"), "healthy\n");
    assert_eq!(screen.leave(), 0);
    // Not on a terminal: the same in lines.
    let ran = members
        .test
        .sh("printf ':overview\\n' | etcdsh -i hosts.yml");
    assert!(
        ran.status == 0 && ran.stdout.contains("etcd-3") && ran.stdout.contains("healthy"),
        "{ran:?}"
    );
}
