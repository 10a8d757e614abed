//! Keys: Tab, Ctrl-C, Ctrl-D, Ctrl-R, paste, history, hints, colours, narrow terminals.

use super::{Screen, folder, plain};
use crate::program::Test;

/// The folder must outlive the screen.
fn terminal() -> (Test, Screen) {
    let test = folder().env("NO_COLOR", "1");
    let screen = Screen::ready(&test, "-i hosts.yml");
    (test, screen)
}

#[test]
fn tab_completes_what_can_stand_there() {
    let test = folder().env("NO_COLOR", "1").file("scripts/mine.rhai", "");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    for (typed, wanted) in [
        ("etcd_ins\t", "etcd_install()"),
        (":lim\t", ":limit"),
        (":limit thr\t", ":limit three"),
        (":limit one,tw\t", ":limit one,two"),
        (":set etcd_init=ex\t", ":set etcd_init=existing"),
        (":run etcd -t etcd_laun\t", ":run etcd -t etcd_launch"),
        (":load scr\t", ":load scripts/"),
        ("hosts(\"thr\t", "hosts(\"three"),
        ("host(\"one\").addr\t", "host(\"one\").address"),
        ("h.vars.etcd_elec\t", "h.vars.etcd_election_timeout"),
        ("host(\"one\").file(\"/a\", #{ own\t", "#{ owner: "),
        ("etcd_conf(#{ lim\t", "etcd_conf(#{ limit: "),
        ("etcd::leader_l\t", "etcd::leader_last("),
        ("e memb\t", "e member"),
        ("e get a --pref\t", "e get a --prefix"),
    ] {
        screen.keys(typed);
        screen.wait(wanted);
        // Ctrl-U: the line is empty again.
        screen.keys("\x01\x0b");
    }
    screen.keys("etcd_c\t");
    // The offers say what they do.
    screen.wait("issue and copy the certificates");
}

#[test]
fn keys_of_maps_are_completed() {
    let (_test, mut screen) = terminal();
    screen.keys("let m = #{ first: 1, second: #{ inner: 2 } };\r");
    screen.until_prompt();
    screen.keys("m.second.inn\t");
    screen.wait("m.second.inner");
}

#[test]
fn control_c_gives_up_a_line_and_control_d_leaves() {
    let (_test, mut screen) = terminal();
    screen.keys("this is no");
    screen.wait("this is no");
    screen.keys("\x03");
    screen.until_prompt();
    screen.keys("20 + 22\r");
    assert!(screen.until_prompt().contains("42"));
    assert_eq!(screen.leave(), 0);
}

#[test]
fn control_c_stops_what_runs_on_the_hosts_too() {
    let (_test, mut screen) = terminal();
    screen.keys("let kept = 1;\r");
    screen.until_prompt();
    let unique = format!("98{}", std::process::id());
    screen.keys(&format!(":! sleep {unique}\r"));
    let runs = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
            .any(|line| line == format!("sleep\0{unique}\0").into_bytes())
    };
    let wait_for = |wanted: bool| {
        for _ in 0..600 {
            if runs() == wanted {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("runs: {}", !wanted);
    };
    wait_for(true);
    screen.keys("\x03");
    screen.wait("interrupted");
    wait_for(false);
    screen.keys("kept + 41\r");
    screen.wait("42");
    screen.keys(":! echo again\r");
    screen.wait("one, two, three | ok | rc=0");
    screen.keys("loop { }\r");
    std::thread::sleep(std::time::Duration::from_millis(300));
    screen.keys("\x03");
    screen.wait("error: interrupted");
}

#[test]
fn control_c_stops_hosts_that_were_not_begun_with() {
    let test = folder().env("NO_COLOR", "1");
    let mut screen = Screen::ready(&test, "-i hosts.yml -f 1");
    let begun = test.path("begun").display().to_string();
    screen.keys(&format!(":! echo >>{begun}; sleep 98765\r"));
    let count = || std::fs::read_to_string(&begun).unwrap_or_default().len();
    while count() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    screen.keys("\x03");
    screen.wait("error: interrupted");
    screen.keys(":! echo again\r");
    screen.wait("one, two, three | ok | rc=0");
    assert_eq!(count(), 1, "the other hosts do not begin");
}

#[test]
fn a_pasted_text_is_one_line() {
    let (_test, mut screen) = terminal();
    screen.keys("\x1b[200~let a = [\n  20,\n  22,\n];\x1b[201~");
    screen.keys("\r");
    screen.until_prompt();
    screen.keys("a[0] + a[1]\r");
    screen.wait("42");
}

#[test]
fn a_pasted_text_of_mixed_lines_is_run_up_to_the_first_mistake() {
    let (_test, mut screen) = terminal();
    let text = "let q = 5\n# a remark\nfn twice(x) {\n  x * 2\n}\ne version\n// more\nif q > 4 {\n  print(\"yes\")\n}\nelse {\n  print(\"no\")\n}\ntwice(q) + 32";
    screen.keys(&format!("\x1b[200~{text}\x1b[201~\r"));
    let said = screen.wait("42\r\n");
    assert!(
        said.contains("etcdctl version") && said.contains("\nyes\n") && !said.contains("error"),
        "{said}"
    );
    screen.until_prompt();
    screen.keys("\x1b[200~let a = 1\nnope(a)\ne get never\n\nprint(\"nev\" + \"er\")\n\x1b[201~\r");
    let said = screen.wait("not run:");
    assert!(said.contains("there is no function `nope`"), "{said}");
    let said = screen.until_prompt();
    assert_eq!(said, "\n  e get never\n  print(\"nev\" + \"er\")\n");
    screen.keys("a + 41\r");
    screen.wait("42");
}

#[test]
fn a_block_is_typed_behind_dots() {
    let (_test, mut screen) = terminal();
    screen.keys("for i in 0..2 {\r");
    screen.wait("  ... ");
    screen.keys("print(40 + i);\r}\r");
    let said = screen.until_prompt();
    assert!(said.contains("\n40\n41\n"), "{said}");
    screen.keys("[1,\r");
    screen.wait("  ... ");
    screen.keys("\x03");
    screen.until_prompt();
    screen.keys("20 + 22\r");
    screen.wait("42");
}

#[test]
fn what_is_long_goes_through_a_pager() {
    let pager = "#!/bin/sh\necho \"pager $LESS\"\ncat >paged\necho page ended\n";
    let test = folder()
        .file("pager", pager)
        .env("NO_COLOR", "1")
        .env("PAGER", "./pager");
    let paged = || std::fs::read_to_string(test.path("paged")).unwrap_or_default();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.size(100, 20);
    screen.keys("(0..15).len()\r");
    screen.until_prompt();
    assert_eq!(paged(), "");
    screen.keys(":help\r");
    screen.wait("pager FRX");
    screen.wait("page ended");
    screen.until_prompt();
    assert!(paged().contains(":limit [PATTERN|all]"), "{}", paged());
    screen.keys("e get --help\r");
    screen.wait("page ended");
    screen.until_prompt();
    assert!(paged().contains("--keys-only"), "{}", paged());
    drop(screen);
    the_other_pager_ends_at_the_end(&test);
    // Not where somebody else reads.
    let ran = test.sh("printf ':help\\n' | etcdsh -i hosts.yml");
    assert!(
        ran.stdout.contains(":limit [PATTERN|all]") && !ran.stdout.contains("pager"),
        "{ran:?}"
    );
}

/// Where there is no `less`, util-linux has `more`, which would keep what is typed next.
fn the_other_pager_ends_at_the_end(test: &Test) {
    let more = "#!/bin/sh\ncat >/dev/null\necho \"more with $MORE\"\n";
    std::fs::create_dir(test.path("only")).unwrap();
    std::fs::write(test.path("only/more"), more).unwrap();
    test.sh("chmod +x only/more; for name in sh cat; do ln -s \"$(command -v $name)\" only/; done");
    let only = test.path("only").display().to_string();
    let alone = folder().env("NO_COLOR", "1").env("PATH", &only);
    let mut screen = Screen::ready(&alone, "-i hosts.yml");
    screen.size(100, 20);
    screen.keys(":help\r");
    screen.wait("more with -e");
    screen.until_prompt();
}

#[test]
fn a_line_that_failed_is_not_proposed() {
    let test = folder().env("NO_COLOR", "1");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    for line in ["print(40 + 2)", "print(41 + nope)", ":halp"] {
        screen.keys(&format!("{line}\r"));
        screen.until_prompt();
    }
    screen.keys("print(4");
    screen.wait("0 + 2)");
    screen.keys("\x01\x0b");
    assert_eq!(screen.leave(), 0);
    // Nor in the next session; Up has it, to be mended.
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.keys("print(41");
    screen.wait("print(41");
    screen.keys("\x01\x0b:ha");
    let said = screen.rest(std::time::Duration::from_millis(300));
    assert!(!said.contains("nope") && !said.contains("lp"), "{said}");
    screen.keys("\x01\x0b\x1b[A\x1b[A");
    screen.wait("print(41 + nope)");
}

#[test]
fn what_is_typed_most_is_offered_first() {
    let (_test, mut screen) = terminal();
    screen.size(150, 60);
    screen.keys("let mine = 1;\r");
    screen.until_prompt();
    screen.keys("\t");
    let said = screen.wait("monitor::");
    let places: Vec<usize> = ["mine", "etcd_install()", "e ", "hosts(", "etcd::"]
        .iter()
        .map(|word| said.find(word).unwrap_or_else(|| panic!("{word}: {said}")))
        .collect();
    assert!(
        !said.contains("etcd::brings(") && places.len() == 5,
        "{said}"
    );
    screen.keys("\x03");
    screen.until_prompt();
    screen.keys("e get a --\t");
    let said = screen.wait("--write-out=");
    assert!(
        said.contains("--cacert=")
            && said.contains("CA that signs the servers' certificates")
            && said.find("--prefix") < said.find("--cacert="),
        "{said}"
    );
}

#[test]
fn what_is_typed_ahead_is_not_lost() {
    let (_test, mut screen) = terminal();
    screen.keys("sleep(\"500ms\");\r");
    std::thread::sleep(std::time::Duration::from_millis(200));
    screen.keys("let a = 40;\rlet b = 2;\ra + b\r");
    screen.wait("42");
}

#[test]
fn history_stays_for_the_project_without_secrets() {
    let test = folder().env("NO_COLOR", "1");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    for line in [
        "let first = 123456;",
        "let p = secret(\"hunter2\");",
        ":set ansible_password=hunter3",
    ] {
        screen.keys(&format!("{line}\r"));
        screen.until_prompt();
    }
    assert_eq!(screen.leave(), 0);
    let folder = test.path(".local/state/etcdsh/history");
    let kept: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(
        kept.contains("let first = 123456;") && !kept.contains("hunter"),
        "{kept}"
    );
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.keys("\x12first");
    screen.wait("let first = 123456;");
    screen.keys("\r");
    screen.until_prompt();
    // A beginning is enough: the rest is shown, and Right takes it.
    screen.keys("let fi");
    screen.wait("rst = 123456;");
    screen.keys("\x1b[C\r");
    screen.until_prompt();
    screen.keys("first\r");
    screen.wait("123456");
}

#[test]
fn arguments_are_shown_while_a_call_is_typed() {
    let (_test, mut screen) = terminal();
    screen.keys("wait_until(");
    screen.wait("timeout, what, || ...)");
    screen.keys("\x01\x0be put ");
    screen.wait("<key> [value]");
}

#[test]
fn unknown_names_are_red_before_enter() {
    let test = folder();
    let mut screen = Screen::start(&test, "-i hosts.yml");
    screen.wait("> ");
    screen.keys("etcd_instal()");
    screen.wait("\x1b[31metcd_instal\x1b[0m");
    screen.keys("\x01\x0bprint(\"x\")");
    screen.wait("\x1b[32m\"x\"\x1b[0m");
    let test = folder().env("NO_COLOR", "1");
    let mut screen = Screen::start(&test, "-i hosts.yml");
    screen.wait("> ");
    screen.keys("etcd_instal()\r");
    let said = screen.until_prompt();
    assert_eq!(said, plain(&said));
}

#[test]
fn sixty_columns_are_enough() {
    let (_test, mut screen) = terminal();
    screen.size(60, 20);
    screen.keys("let long = \"0123456789012345678901234567890123456789012345678901234567890123456789\"; long.len()\r");
    screen.wait("70");
    screen.size(120, 40);
    screen.keys(
        "[#{ id: \"8e9e05c52164694d\", name: \"etcd-1\", urls: \"https://10.10.10.10:2379\" }]\r",
    );
    screen.wait("8e9e05c52164694d");
    screen.keys(":set editing vi\r");
    screen.until_prompt();
    screen.keys("42 + 1\x1b0x\r");
    screen.wait("3");
}

#[test]
fn an_editor_is_opened_on_the_line_at_hand() {
    let test = folder()
        .env("NO_COLOR", "1")
        .file("editor", "#!/bin/sh\nsed -i 's/20/21/' \"$1\"\n")
        .env("EDITOR", "./editor");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.keys("20 * 2");
    screen.wait("20 * 2");
    screen.keys("\x18\x05");
    screen.wait("42");
    // An editor that fails is one error, and the line is not lost.
    let test = folder().env("NO_COLOR", "1").env("EDITOR", "false");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.keys("let kept = 1;\r");
    screen.until_prompt();
    screen.keys("kept + 41\x18\x05");
    screen.wait("the editor `false` ended with 1");
    screen.wait("kept + 41");
    screen.keys("\r");
    screen.wait("42");
    screen.until_prompt();
    screen.keys(":edit\r");
    screen.wait("the editor `false` ended with 1");
    screen.until_prompt();
    screen.keys("kept + 7\r");
    screen.wait("8");
}
