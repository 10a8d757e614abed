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

    #[track_caller]
    fn wait(&mut self, text: &str) -> String {
        let mut last = String::new();
        soon(text, || {
            last = self.text();
            last.contains(text)
        });
        last
    }
}

fn columns_of(count: u16) -> std::num::NonZero<u16> {
    count.try_into().unwrap()
}

fn line<'a>(text: &'a str, word: &str) -> &'a str {
    text.lines()
        .find(|line| line.contains(word))
        .unwrap_or_else(|| panic!("no line with `{word}`\n{text}"))
}

fn row<'a>(text: &'a str, member: &str) -> &'a str {
    text.lines()
        .find(|line| line.trim_start_matches(['>', ' ']).starts_with(member))
        .unwrap_or_else(|| panic!("no row of {member}\n{text}"))
}

fn two_die(members: &Members) {
    members.signal(1, "-KILL");
    members.signal(2, "-KILL");
}

#[test]
fn keys_choose_sort_and_open_members_and_their_logs_and_it_survives_members_that_die() {
    let members = cluster(14);
    let mut picture = Picture::of(&members.test, "-i hosts.yml overview", 110, 40);
    let text = picture.wait("nothing is wrong");
    assert!(
        line(&text, "etcd  healthy").contains("3 members, 3 take part, quorum 2, 1 more may fail"),
        "{text}"
    );
    assert!(
        row(&text, "etcd-1").contains("healthy") && text.contains("> etcd-1"),
        "{text}"
    );
    assert!(
        text.contains("fsync p99")
            && text.contains("peer round trip p95")
            && text.contains("leader etcd-"),
        "{text}"
    );

    picture.screen.keys("j\r");
    let text = picture.wait("member id");
    assert!(
        text.lines().any(|line| line.trim() == "etcd-2")
            && line(&text, "drift").contains("none")
            && line(&text, "certificate").contains("7299 days"),
        "{text}"
    );
    picture.screen.keys("l");
    let text = picture.wait("became");
    assert!(text.contains("log of etcd-2"), "{text}");
    picture.screen.keys("\x1b");
    picture.wait("> etcd-2");
    picture.screen.keys("?");
    picture.wait("write what is seen into a page of HTML here");
    picture.screen.keys("q");
    picture.screen.keys("s");
    picture.wait("sorted by role");
    let text = picture.text();
    let leader = line(&text, "leader etcd-")
        .split_whitespace()
        .nth(1)
        .unwrap()
        .to_string();
    let first = text
        .lines()
        .skip_while(|line| !line.contains("MEMBER"))
        .nth(1)
        .unwrap()
        .to_string();
    assert!(first.contains(&leader), "the leader is first: {text}");
    picture.screen.keys("w");
    picture.wait("written: etcd-overview-etcd-");
    // Held, the picture stays; what happens is told when it goes on.
    picture.screen.keys("p");
    picture.wait("held");
    members.signal(0, "-STOP");
    std::thread::sleep(Duration::from_secs(3));
    assert!(!picture.text().contains("down"));
    picture.screen.keys("p");
    let text = picture.wait("no answer in time");
    assert!(
        row(&text, "etcd-1").contains("down")
            && line(&text, "etcd  degraded").contains("2 take part"),
        "{text}"
    );
    members.signal(0, "-CONT");
    picture.wait("nothing is wrong");

    two_die(&members);
    let text = picture.wait("etcd  no quorum");
    assert!(text.contains("critical: no quorum: "), "{text}");
    members.signal(0, "-KILL");
    picture.wait("etcd  unreachable");
    picture.screen.keys("q");
    picture.screen.wait("\x1b[?1049l");
}

#[test]
fn sixty_columns_and_no_colour_show_the_same_and_the_console_has_it_too() {
    let members = cluster(15);
    let mut picture = Picture::of(&members.test, "-i hosts.yml overview --no-hosts", 60, 24);
    let text = picture.wait("nothing is wrong");
    for member in ["etcd-1", "etcd-2", "etcd-3"] {
        assert!(row(&text, member).contains("healthy"), "{text}");
    }
    assert!(text.contains("FSYNC"), "{text}");
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
