//! The console with a cluster: three sandbox members on addresses of their own, deployed step by step, broken and repaired.

use std::time::Duration;

use super::Screen;
use crate::etcd_client::server::program;
use crate::program::Test;

/// Members that no other test has: their addresses follow from the process and `number`.
pub(crate) struct Members {
    pub(crate) addresses: Vec<String>,
    pub(crate) test: Test,
}

impl Members {
    pub(crate) fn new(number: u32) -> Members {
        let place = std::process::id() * 7 + number;
        let net = format!("127.{}.{}", 10 + place % 90, 1 + place / 90 % 9);
        let addresses: Vec<String> = (10..13).map(|last| format!("{net}.{last}")).collect();
        let hosts: String = addresses
            .iter()
            .enumerate()
            .map(|(at, address)| format!("        {address}: {{ etcd_seq: {} }}\n", at + 1))
            .collect();
        let inventory = format!(
            "all:\n  vars: {{ ansible_connection: sandbox }}\n  children:\n    etcd:\n      hosts:\n{hosts}      vars: {{ etcd_cluster: etcd }}\n"
        );
        // Nothing is fetched: the programs that the tests have anyway are taken.
        let test = Test::new()
            .file("hosts.yml", &inventory)
            .file(".bin/apt-get", "#!/bin/sh\nexit 100\n");
        for name in ["etcd", "etcdctl"] {
            std::os::unix::fs::symlink(program(name), test.path(&format!(".bin/{name}"))).unwrap();
        }
        let sandbox = test.path("sandbox").display().to_string();
        let test = test
            .env("ETCDSH_SANDBOX", &sandbox)
            .env("NO_COLOR", "1")
            .env("XDG_STATE_HOME", &sandbox.replace("/sandbox", "/state"));
        Members {
            addresses,
            test: test.env("TERM", "dumb"),
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        let ran = self.test.etcdsh(&["sandbox", "rm"]);
        if !std::thread::panicking() {
            assert_eq!(ran.status, 0, "{ran:?}");
        }
    }
}

/// What Tab in a shell is given, once the cluster was quick enough.
fn shell_completes(offered: &dyn Fn(&str) -> crate::program::Ran, line: &str, wanted: &str) {
    let end = std::time::Instant::now() + Duration::from_mins(1);
    while std::time::Instant::now() < end {
        let ran = offered(line);
        assert_eq!((ran.stderr.as_str(), ran.status), ("", 0), "{line}");
        if ran.stdout.contains(wanted) {
            return;
        }
    }
    panic!("`{line}` does not give `{wanted}`");
}

/// `:format` for what etcd answers, and files and commands of this machine.
fn forms_and_files_of_answers(test: &Test, screen: &mut Screen) {
    // Wide enough for a table.
    screen.size(200, 40);
    screen.line(":format table");
    assert_eq!(
        screen.line("e put /pg/a 10"),
        "OK\n",
        "what has no table stays as it is"
    );
    let said = screen.line("em list");
    assert!(said.contains(" ID ") && said.contains("+--"), "{said}");
    assert!(!screen.line("em list -w simple").contains('|'));
    screen.line(":format vertical");
    let said = screen.line("em list");
    assert!(said.contains("NAME") && said.lines().count() > 9, "{said}");
    screen.line(":format json");
    let said: serde_json::Value = serde_json::from_str(&screen.line("e get /pg/a")).unwrap();
    assert_eq!(said["value"], "10", "{said}");
    screen.line(":format simple");
    screen.size(100, 40);
    std::fs::write(test.path("value"), "of a file").unwrap();
    screen.line("e put /file < value");
    assert_eq!(screen.line("e get --prefix / | grep -c /"), "2\n");
    screen.line("e get /file --print-value-only > copy; e del /file");
    assert_eq!(
        std::fs::read_to_string(test.path("copy")).unwrap(),
        "of a file\n"
    );
}

/// Keys that would clear the screen, set its title or turn its text round are shown, offered or left out, and obeyed nowhere.
fn hostile_keys_touch_no_row(test: &Test, screen: &mut Screen) {
    let hostile = "/evil/\x1b[2J\x1b[H\x1b]0;TITLE\x07\u{9b}2J\u{202e}\rWIPED";
    let shown = "/evil/\\x1b[2J\\x1b[H\\x1b]0;TITLE\\x07\\u{9b}2J\\u{202e}\\rWIPED";
    for key in [hostile, "/evil/tame"] {
        let ran = test.etcdsh(&["-i", "hosts.yml", "e", "put", key, hostile]);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    // Tab first, so that a cleared screen would lose what stands above.
    screen.completes("e get /evil/", "/evil/tame");
    screen.keys("\x01\x0b");
    let mut raw = screen.rest(Duration::from_millis(500));
    let end = std::time::Instant::now() + Duration::from_mins(1);
    screen.keys("\"first \" + \"row\"\re get --prefix /evil/\re ls /evil/\r\"last \" + \"row\"\r");
    while !raw.contains("last row") && std::time::Instant::now() < end {
        raw.push_str(&screen.rest(Duration::from_millis(100)));
    }
    screen.keys("e get /evil/\t\t");
    raw.push_str(&screen.rest(Duration::from_secs(1)));
    screen.keys("\x03");
    raw.push_str(&screen.rest(Duration::from_millis(500)));
    let (rows, columns) = (40.try_into().unwrap(), 100.try_into().unwrap());
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    terminal.process(raw.as_bytes());
    let rows = terminal.screen().contents();
    assert!(
        !raw.contains("\x1b]") && !raw.contains('\u{9b}') && !raw.contains('\u{202e}'),
        "{raw:?}"
    );
    for wanted in ["first row", "last row", shown] {
        assert!(rows.contains(wanted), "{wanted}\n{rows}");
    }
}

#[test]
fn three_members_are_deployed_broken_repaired_and_what_was_done_is_saved() {
    let members = Members::new(1);
    let mut screen = Screen::ready(&members.test, "-i hosts.yml");
    for step in [
        "etcd_install()",
        "etcd_dir()",
        "etcd_config()",
        "etcd_launch()",
    ] {
        let said = screen.line(step);
        assert!(
            said.contains("PLAY RECAP") && said.contains("failed=0") && !said.contains("error:"),
            "{step}\n{said}"
        );
    }
    assert_eq!(
        screen.line("e put /pg/a 10; e get /pg/a"),
        "OK\n/pg/a\n10\n"
    );
    let said = screen.line("em list -w json");
    assert!(said.contains("\"name\":\"etcd-3\""), "{said}");
    let said = screen.line("let name = \"/pg/a\"; let list = etcd::client(host(hosts(\"etcd\")[0].name)).member_list(); list");
    assert!(
        said.starts_with("name    id") && said.lines().count() == 4,
        "{said}"
    );
    assert_eq!(screen.line("e get ${name} --print-value-only"), "10\n");
    forms_and_files_of_answers(&members.test, &mut screen);
    // A watch prints between prompts, and lives until it is stopped.
    assert!(
        screen
            .line("e watch /pg/a")
            .contains("[1] runs in the background")
    );
    std::thread::sleep(Duration::from_millis(700));
    screen.keys("e put /pg/a 11\n");
    screen.wait("[1] 11");
    // What a watch prints may come before the next prompt or behind it.
    screen.keys(":jobs\n");
    screen.wait("[1] runs  e watch /pg/a");
    screen.until_prompt();
    assert_eq!(screen.line(":stop 1"), "1 stopped\n");
    // One is broken: the flow says where, the console goes on, and the same step repairs it.
    let broken = &members.addresses[1];
    screen.line(&format!(":limit {broken}"));
    screen.line("for h in hosts(\"etcd\") { h.service(\"etcd\", #{ state: \"stopped\" }); }");
    screen.line(":limit all");
    let said = screen
        .line("etcd::client(host(hosts(\"etcd\")[0].name)).health().filter(|x| !x.healthy).len()");
    assert_eq!(said, "1\n");
    let said = screen.line("etcd_launch()");
    assert!(
        said.contains("start") && said.contains("failed=0"),
        "{said}"
    );
    assert_eq!(
        screen.line(
            "etcd::client(host(hosts(\"etcd\")[0].name)).health().filter(|x| !x.healthy).len()"
        ),
        "0\n"
    );
    assert!(
        screen.line("e nonsense").contains("unknown command"),
        "what etcdctl says"
    );
    // A second run of the whole changes nothing.
    let said = screen.line(":run etcd -t etcd_config,etcd_launch");
    assert!(said.matches("changed=0").count() == 3, "{said}");
    screen.line(":check on");
    screen.line("etcd_purge()");
    screen.line(":check off");
    let said = screen.line(":save mine.rhai");
    assert!(said.contains("run it with `etcdsh ./mine.rhai`"), "{said}");
    assert_eq!(screen.leave(), 0);
    let saved = std::fs::read_to_string(members.test.path("mine.rhai")).unwrap();
    assert!(
        saved.contains("run(\"etcd\", #{ tags: \"etcd_launch\" });")
            && saved.contains("print(e(`e put /pg/a 10; e get /pg/a`));"),
        "{saved}"
    );
    assert!(
        !saved.contains("purge") && !saved.contains("nonsense"),
        "{saved}"
    );
    let ran = members.test.etcdsh(&["check", "mine.rhai"]);
    assert_eq!(ran.status, 0, "{ran:?}\n{saved}");
    let ran = members.test.etcdsh(&["-i", "hosts.yml", "./mine.rhai"]);
    assert_eq!(ran.status, 0, "{ran:?}\n{saved}");

    // On a terminal with keys: what etcd holds is offered.
    let ran = members
        .test
        .sh("for key in /pg/b /pg/meta/x /other/y; do etcdsh -i hosts.yml e put $key 1; done");
    assert_eq!(ran.status, 0, "{ran:?}");
    let test = &members.test;
    let mut command = test.command(env!("CARGO_BIN_EXE_etcdsh"));
    command.args(["-i", "hosts.yml"]).env("TERM", "xterm");
    let mut screen = Screen::of(command);
    screen.until_prompt();
    screen.completes("e get /o", "/other/");
    screen.completes("e get /pg/", "/pg/meta/");
    screen.completes("e member remove ", "etcd-3");
    let ran = members.test.sh("for line in 'role add reader' 'user add alice --no-password' 'lease grant 600'; do etcdsh -i hosts.yml e $line; done");
    assert_eq!(ran.status, 0, "{ran:?}");
    let lease = ran
        .stdout
        .split_whitespace()
        .skip_while(|word| *word != "lease")
        .nth(1)
        .unwrap()
        .to_string();
    screen.completes("e role get re", "reader");
    screen.completes("e user get al", "alice");
    screen.completes("e user grant-role alice re", "reader");
    screen.completes("e role grant-permission reader readw", "readwrite");
    screen.completes("e lease revoke ", &lease);
    screen.completes("e put a 1 --lease=", &lease);
    screen.keys("\x03");
    screen.until_prompt();
    hostile_keys_touch_no_row(&members.test, &mut screen);
    let offered = |line: &str| test.sh(&format!("etcdsh __complete -i hosts.yml {line}"));
    for (line, wanted) in [
        ("e get /pg/", "/pg/meta/"),
        ("e role get re", "reader"),
        ("e put a 1 --lease=", &*format!("--lease={lease}")),
    ] {
        shell_completes(&offered, line, wanted);
    }
    shell_completes(&offered, "em remove ''", "etcd-3");
    // etcd is away: Tab is silent and quick.
    for address in &members.addresses {
        let ran = test.sh(&format!(
            "etcdsh -i hosts.yml run {address} -- systemctl stop etcd"
        ));
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    let ran = offered("e get /pg/");
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str(), ran.status),
        ("", "", 0)
    );
    std::thread::sleep(Duration::from_secs(4));
    screen.keys("e get /zz\t\t");
    let begin = std::time::Instant::now();
    screen.keys("\x01\x0b20 + 22\r");
    let said = screen.wait("42");
    assert!(
        begin.elapsed() < Duration::from_secs(3) && !said.contains("error"),
        "{said}"
    );
}
