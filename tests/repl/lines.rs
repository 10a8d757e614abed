//! What lines do: settings, errors, Rhai, files, help.

use super::{Screen, dumb, folder, plain};

#[test]
fn the_prompt_shows_cluster_selection_and_mode() {
    let test = dumb();
    let mut screen = Screen::start(&test, "-i hosts.yml");
    screen.wait("etcd> ");
    screen.keys(":limit two\n");
    screen.wait("etcd:two> ");
    screen.keys(":check on\n");
    screen.wait("etcd:two (check)> ");
    screen.keys(":limit all\n:check off\n");
    screen.wait("etcd> ");
    assert_eq!(screen.leave(), 0);
}

#[test]
fn settings_change_what_the_next_call_means() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    assert_eq!(screen.line("hosts(\"etcd\").len()"), "3\n");
    screen.line("let h = host(\"two\");");
    screen.line(":set etcd_port=3379");
    assert_eq!(
        screen.line("h.vars.etcd_port"),
        "3379\n",
        "a variable of an earlier line sees the new value"
    );
    assert_eq!(screen.line(":set"), "etcd_port=3379\n");
    screen.line(":unset etcd_port");
    assert_eq!(screen.line("h.vars.etcd_port"), "2379\n");
    screen.line(":limit one,two");
    assert_eq!(screen.line("hosts(\"etcd\")"), "[one, two]\n");
    assert!(
        screen.line(":limit nowhere").contains("nowhere"),
        "a pattern that fits nothing is refused"
    );
    assert_eq!(
        screen.line("hosts(\"etcd\")"),
        "[one, two]\n",
        "and the one before stays"
    );
    screen.line(":check on");
    assert!(
        screen
            .line("h.run(\"touch /tmp/never\")")
            .contains("would change"),
        "check mode holds for values of earlier lines"
    );
    assert!(
        screen
            .line("e put a 1")
            .contains("would change etcd: put a 1")
    );
    assert!(
        screen
            .line(":! touch never")
            .contains("would run on one, two")
    );
    assert_eq!(screen.leave(), 0);
    assert!(!test.path("never").exists());
}

#[test]
fn a_mistake_is_underlined_and_nothing_is_lost() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.line("let kept = 41;");
    let said = screen.line("etcd_instal()");
    assert!(
        said.contains("there is no function `etcd_instal`")
            && said.contains("^^^^^^^^^^^")
            && said.contains("did you mean `etcd_install`?"),
        "{said}"
    );
    assert!(screen.line(":lmit x").contains("did you mean `:limit`?"));
    assert_eq!(screen.line("kept + 1"), "42\n");
    assert_eq!(screen.line("_ * 2"), "84\n");
    screen.line("fn thrower(n) { throw `number ${n}` }");
    let said = screen.line("thrower(3)");
    assert!(
        said.contains("number 3") && said.contains("fn thrower(n)"),
        "{said}"
    );
    let again = screen.line(":bt");
    assert!(again.contains("number 3"), "{again}");
}

#[test]
fn lines_go_on_where_the_parser_says_so() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.keys("fn double(x) {\n");
    screen.keys("    x * 2\n");
    screen.line("}");
    assert_eq!(screen.line("double(21)"), "42\n");
    screen.line("let f = |x| double(x) + 1;");
    assert_eq!(screen.line("f.call(1)"), "3\n");
    assert!(
        screen
            .line("switch 3 { 1 => \"one\", _ => \"other\" }")
            .contains("other")
    );
}

#[test]
fn results_are_tables() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    assert_eq!(
        screen.line("[#{ name: \"a\", n: 1 }, #{ name: \"bbb\", n: 22 }]"),
        "name  n\na     1\nbbb   22\n"
    );
    assert_eq!(
        screen.line("#{ one: 1, three: \"x\" }"),
        "one    1\nthree  x\n"
    );
    assert_eq!(screen.line("secret(\"abc\")"), "********\n");
}

#[test]
fn files_are_read_again_when_they_change() {
    let test = dumb().file("mine.rhai", "fn answer() { 1 }\ntask(\"greet\", \"say hello\", |h| say(h, \"hello\"));\nplay(\"mine\", \"etcd\");\n");
    let test = test.file("other.rhai", "fn f() { 1 }\n");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    assert_eq!(screen.line(":load ./mine.rhai"), "steps: greet()\n");
    assert_eq!(screen.line("answer()"), "1\n");
    let said = screen.line("greet()");
    assert!(
        said.contains("TASK [greet] say hello")
            && said.contains("two  hello")
            && said.contains("PLAY RECAP"),
        "{said}"
    );
    screen.line("import \"other\" as o;");
    assert_eq!(screen.line("o::f()"), "1\n", "an import stays");
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(test.path("mine.rhai"), "fn answer() { 22 }\n").unwrap();
    std::fs::write(test.path("other.rhai"), "fn f() { 2 }\n").unwrap();
    let hosts = std::fs::read_to_string(test.path("hosts.yml"))
        .unwrap()
        .replace("three:", "four:");
    std::fs::write(test.path("hosts.yml"), hosts).unwrap();
    let said = screen.line("answer()");
    assert!(
        said.contains("read again: hosts.yml")
            && said.contains("read again: ./mine.rhai")
            && said.ends_with("22\n"),
        "{said}"
    );
    assert_eq!(screen.line("o::f()"), "2\n");
    assert_eq!(screen.line("hosts(\"etcd\")[2].name"), "four\n");
}

#[test]
fn a_script_is_stepped_through() {
    let script = "play(\"three\", \"etcd\");\ntask(\"first\", \"the first\", |h| say(h, \"in first\"));\ntask(\"second\", \"the second\", |h| say(h, \"in second\"));\ntask(\"third\", \"the third\", |h| say(h, \"in third\"));\n";
    let test = dumb().file("three.rhai", script);
    let mut screen = Screen::ready(&test, "-i hosts.yml -l one");
    let said = screen.line(":step ./three.rhai");
    assert!(
        said.contains(">  1  first") && said.contains("   3  third"),
        "{said}"
    );
    screen.keys(":next\n");
    let said = screen.wait("step 2/3 second> ");
    assert!(
        said.contains("in first") && !said.contains("in second"),
        "{said}"
    );
    assert_eq!(
        screen.line("host(\"one\").vars.etcd_seq"),
        "1\n",
        "between two steps all of the console is there"
    );
    assert!(screen.line(":redo").contains("in first"));
    screen.line(":skip");
    let said = screen.line(":continue");
    assert!(
        said.contains("in third") && !said.contains("in second"),
        "{said}"
    );
    screen.keys(":step off\n");
    screen.wait("etcd:one> ");
}

#[test]
fn a_name_tells_what_it_means_and_where_it_is_written() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    let cases = [
        ("file?", "h.file(path, #{ ... })"),
        (
            "etcd_install?",
            "a step of scripts/etcd.rhai: install the etcd packages",
        ),
        (
            "etcd_install??",
            "task(\"etcd_install\", \"install the etcd packages\"",
        ),
        ("etcd::instance??", "fn instance(h) { h.member.name }"),
        ("etcd_port?", "client port"),
        (":help limit", ":limit [PATTERN|all]"),
        (":help", "e get a; e put a 10"),
        ("split?", "split(string"),
        ("etcd_instal?", "there is no help on `etcd_instal`"),
    ];
    for (line, wanted) in cases {
        let said = screen.line(line);
        assert!(said.contains(wanted), "{line}\n{said}");
    }
}

#[test]
fn words_of_other_consoles_work_or_say_what_to_type() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    for line in ["help", "?", "\\?"] {
        assert!(screen.line(line).contains("e get a; e put a 10"), "{line}");
    }
    assert!(screen.line("help file").contains("h.file(path, #{ ... })"));
    let cases = [
        ("get a", "hint: e get a\n"),
        ("ls", "hint: e ls\n hint: :! ls\n"),
        ("limit two", "hint: :limit two\n"),
        (
            "let s = 1; e put ${s} 1",
            "hint: e put ${s} 1   # on a line of its own\n",
        ),
        ("etcd_install", "hint: etcd_install()\n"),
        ("etcd_launch -C", "hint: etcd_launch(#{ check: true })\n"),
        ("etcd -C", "hint: :run etcd -C\n"),
        (
            "etcd_conf(10.10.10.10)",
            "hint: etcd_conf(#{ limit: \"10.10.10.10\" })\n",
        ),
        (
            "etcd_conf(limit: \"x\")",
            "hint: etcd_conf(#{ limit: \"x\" })\n",
        ),
        ("!ls", "hint: :! ls\n"),
        ("systemctl status etcd", "hint: :! systemctl status etcd\n"),
        ("cd /tmp", "hint: :! cd /tmp\n"),
        (":watch 1x e get a", "hint: :watch 1s e get a\n"),
    ];
    for (line, wanted) in cases {
        let said = screen.line(line);
        assert!(
            said.contains("error:") && said.ends_with(wanted),
            "{line}\n{said}"
        );
    }
    screen.line("let get = 40;");
    assert_eq!(screen.line("get + 2"), "42\n");
    for word in ["exit", "quit;", "\\q", "exit()", "quit();"] {
        let mut screen = Screen::ready(&test, "-i hosts.yml");
        screen.keys(&format!("{word}\n"));
        assert_eq!(screen.left(), 0, "{word}");
    }
}

#[test]
fn output_goes_to_files_and_commands_of_this_machine() {
    let test = dumb().file("old", "old\n").file("plain", "plain\n");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    let text = |name: &str| std::fs::read_to_string(test.path(name)).unwrap_or_default();
    let version = screen.line("e version");
    assert!(version.starts_with("etcdctl version"), "{version}");
    assert_eq!(screen.line("e version > 'my file'; e version>>old"), "");
    assert_eq!(text("my file"), version);
    assert_eq!(text("old"), format!("old\n{version}"));
    screen.line("let name = \"named; touch never\"; let what = \"API\"");
    screen.line("e version > ${name}");
    assert_eq!(text("named; touch never"), version);
    let said = screen.line("e version | grep ${what} | tr a-z A-Z; e version | wc -l # lines");
    assert_eq!(said, "API VERSION: 3.6\n3\n");
    assert_eq!(screen.line("e version | head -c 4 >head"), "");
    assert_eq!(text("head"), "etcd");
    let said = screen.line("e version | grep -q nothing; e version");
    assert!(
        said.contains("error: `grep -q nothing` ended with 1") && !said.contains("API"),
        "{said}"
    );
    // A command that fails leaves the file alone; so does check mode.
    let said = screen.line("e get a --endpoints=127.0.0.1:1 --command-timeout=100ms > plain");
    assert!(
        said.contains("connection refused") && said.contains("`plain` is as it was"),
        "{said}"
    );
    screen.line(":check on");
    assert_eq!(
        screen.line("e version > plain"),
        "would write plain: version\n"
    );
    assert_eq!(
        screen.line("e version | touch never"),
        "would run `touch never` with what comes of: version\n"
    );
    screen.line(":check off");
    assert_eq!(text("plain"), "plain\n");
    assert!(!test.path("never").exists());
    for (line, wanted) in [
        ("e get a >", "a file is missing behind `>`"),
        ("e get a && e get b", "`&` is no part of a line of etcdctl"),
        ("e version > nowhere/f", "`nowhere/f` cannot be written"),
        ("e put a < nowhere", "`nowhere` cannot be read"),
        ("e watch a > f", "`watch` goes on in the background"),
    ] {
        let said = screen.line(line);
        assert!(said.contains(wanted), "{line}\n{said}");
    }
    let said = screen.line("e(\"get a > f\")");
    assert!(
        said.contains("`>` writes no file here") && !test.path("f").exists(),
        "{said}"
    );
    // No script could have such lines.
    assert!(!screen.line(":lines").contains("version >"));
}

#[test]
fn results_have_the_form_that_is_wanted() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    assert_eq!(screen.line(":format"), "simple\n");
    let rows = "[#{ name: \"a\", n: 1 }, #{ name: \"b\", n: 2 }]";
    screen.line(":format vertical");
    assert_eq!(screen.line(rows), "n     1\nname  a\n\nn     2\nname  b\n");
    screen.line(":format json");
    let shown: serde_json::Value = serde_json::from_str(&screen.line(rows)).unwrap();
    assert_eq!(shown[1]["name"], "b");
    assert!(
        screen
            .line(":format tabel")
            .contains("did you mean `:format table`?")
    );
    screen.line(":format table");
    assert_eq!(screen.line(rows), "name  n\na     1\nb     2\n");
}

#[test]
fn a_line_is_watched_until_control_c() {
    let test = folder().env("NO_COLOR", "1");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.keys("let n = 40;\r");
    screen.until_prompt();
    screen.keys(":watch 0.1s n += 1; n\r");
    for wanted in ["every 0.1s: n += 1; n", "\n41", "\n42", "\n43"] {
        screen.wait(wanted);
    }
    // It may fall between two runs, where it is taken back.
    loop {
        screen.keys("\x03");
        if plain(&screen.rest(std::time::Duration::from_secs(1))).ends_with("> ") {
            break;
        }
    }
    screen.keys("n > 42\r");
    screen.wait("true");
    for (line, wanted) in [
        (":watch e watch a", "it goes on by itself"),
        (":watch 1s :quit", "cannot be watched"),
        (":watch 1s", "`:watch` needs a line"),
        (":watch 1s nope()", "there is no function `nope`"),
    ] {
        screen.keys(&format!("{line}\r"));
        screen.wait(wanted);
        screen.until_prompt();
    }
}

#[test]
fn the_prompt_names_the_inventory_and_has_its_colour() {
    let hosts = "all:\n  vars: { ansible_connection: sandbox, etcdsh_color: red }\n  children:\n    etcd:\n      hosts: { one: { etcd_seq: 1, ansible_host: 127.0.9.1 } }\n";
    let test = folder()
        .file("production.yml", hosts)
        .file("pink.yml", &hosts.replace("red", "pink"));
    let mut screen = Screen::start(&test, "-i production.yml");
    screen.wait("\x1b[1m\x1b[31mproduction.yml:etcd> ");
    let mut screen = Screen::start(&test, "-i pink.yml");
    let said = screen.wait("pink.yml:etcd> ");
    assert!(
        said.contains("`etcdsh_color` takes one of blue, cyan") && said.contains("pink.yml"),
        "{said}"
    );
    let mut screen = Screen::start(&test, "-i hosts.yml");
    screen.wait("\x1b[1mhosts.yml:etcd> ");
    let mut screen = Screen::start(&test, "");
    screen.wait("\x1b[1m\x1b[36msandbox");
}

#[test]
fn a_command_without_an_inventory_says_where_it_goes() {
    let test = dumb();
    let mut flags = String::from("--command-timeout=100ms --dial-timeout=100ms");
    let ran = test.sh(&format!("etcdsh e get a {flags}"));
    let said = "no inventory here: this goes to 127.0.0.1:2379; -i FILE names one\n";
    assert_eq!(ran.stderr.matches(said).count(), 1, "{ran:?}");
    flags.push_str(" --endpoints=127.0.0.1:1");
    for line in [
        format!("etcdsh e get a {flags}"),
        format!("etcdsh -i hosts.yml e get a {flags}"),
    ] {
        assert!(!test.sh(&line).stderr.contains("this goes to"), "{line}");
    }
}

#[test]
fn an_expression_is_json_or_a_table_without_a_terminal_too() {
    let test = dumb();
    let eval = |words: &[&str], text: &str| test.etcdsh(&[words, &["--eval", text]].concat());
    let rows = "[#{ name: \"a\", n: 1 }, #{ name: \"bbb\", n: 22 }]";
    assert_eq!(eval(&[], rows).stdout, "name  n\na     1\nbbb   22\n");
    assert_eq!(
        eval(&["-o", "json"], rows).stdout,
        "{\"event\":\"value\",\"value\":[{\"n\":1,\"name\":\"a\"},{\"n\":22,\"name\":\"bbb\"}]}\n"
    );
    assert_eq!(
        eval(&["-o", "json"], "print(1)")
            .stdout
            .matches("event")
            .count(),
        1
    );
    assert_eq!(eval(&[], "[1, 2]").stdout, "[1, 2]\n");
}

#[test]
fn a_variable_shows_its_type_and_value() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.line("let m = #{ inner: [1, 2], name: \"x\" };");
    assert_eq!(screen.line("m?"), "m: map\n\ninner  [1, 2]\nname   x\n");
    assert_eq!(screen.line("m.inner?"), "m.inner: array\n\n[1, 2]\n");
    screen.line("let h = host(\"one\");");
    assert_eq!(screen.line("h?"), "h: host\n\none\n");
    screen.line("let file = secret(\"hunter2\");");
    let said = screen.line("file?");
    assert!(
        said.starts_with("file: secret\n\n********\n") && said.contains("h.file(path, #{ ... })"),
        "{said}"
    );
}

#[test]
fn a_copy_of_the_session_has_no_secrets() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.line(":log copy.txt");
    screen.line("let p = secret(\"hunter2\");");
    screen.line(":set ansible_become_password=hunter3");
    screen.line("1 + 1");
    screen.line(":log off");
    screen.line("3 + 3");
    let copy = std::fs::read_to_string(test.path("copy.txt")).unwrap();
    assert!(
        !copy.contains("hunter")
            && copy.contains("secret(\"********\")")
            && copy.contains("etcd> 1 + 1\n2\n")
            && !copy.contains("3 + 3"),
        "{copy}"
    );
}

#[test]
fn the_start_file_runs_unless_it_shall_not() {
    let test = dumb().file(
        ".config/etcdsh/init.rhai",
        "// mine\nfn mine() {\n    7\n}\n:limit two\n",
    );
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    assert_eq!(screen.line("mine()"), "7\n");
    assert_eq!(screen.line("hosts(\"etcd\")"), "[two]\n");
    let mut screen = Screen::ready(&test, "-i hosts.yml --norc");
    assert!(
        screen
            .line("mine()")
            .contains("there is no function `mine`")
    );
}

#[test]
fn lines_from_a_pipe_stop_at_the_first_error() {
    let test = dumb();
    let ran = test
        .sh("printf 'let a = 2;\\na + 1\\n:limit two\\nhosts(\"etcd\")\\n' | etcdsh -i hosts.yml");
    assert_eq!(
        (ran.stdout.as_str(), ran.status),
        ("3\n[two]\n", 0),
        "{ran:?}"
    );
    let ran = test.sh("printf ':limit two\\nnope()\\nprint(\"never\")\\n' | etcdsh -i hosts.yml");
    assert!(
        ran.status == 1
            && ran.stderr.contains("there is no function `nope`")
            && !ran.stdout.contains("never"),
        "{ran:?}"
    );
    let ran = test.sh("printf ':limit two\\nhosts(\"etcd\")\\n' | etcdsh -i hosts.yml -o json");
    assert_eq!(
        ran.stdout, "{\"event\":\"value\",\"value\":[\"two\"]}\n",
        "{ran:?}"
    );
}

#[test]
fn an_editor_changes_the_last_line() {
    let test = dumb().file("editor", "#!/bin/sh\nsed -i 's/20/21/' \"$1\"\n");
    let test = test.env("EDITOR", "./editor");
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    assert_eq!(screen.line("20 * 2"), "40\n");
    assert_eq!(screen.line(":edit"), "42\n");
}

#[test]
fn equal_answers_of_hosts_stand_together() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    assert_eq!(
        screen.line(":! echo same"),
        "one, two, three | ok | rc=0\nsame\n"
    );
    screen.line(":timing on");
    let said = screen.line(":! echo $((6 * 7))");
    assert!(
        said.contains("42") && said.contains("one: 1 trip"),
        "{said}"
    );
}

#[test]
fn scripts_are_checked_for_editors() {
    let script = "let h = host(\"one\");\nprint(h.vars.etcd_prot);\nrun(\"etcd\", #{ tags: \"etcd_conff\", vars: #{ etcd_int: 1 } });\nnope(1);\nh.file(\"/a\", #{ ownr: \"x\" });\n";
    let test = dumb().file("wrong.rhai", script).file(
        "right.rhai",
        "run(\"etcd\", #{ tags: \"etcd_conf\", vars: #{ etcd_init: \"existing\" } });\n",
    );
    let ran = test.etcdsh(&["check", "wrong.rhai", "--json"]);
    let found: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one["line"].as_i64().unwrap(),
                one["message"].as_str().unwrap().to_string(),
            )
        })
        .collect();
    let wanted = [
        "there is no parameter `etcd_prot`",
        "no task has the tag `etcd_conff`",
        "there is no parameter `etcd_int`",
        "there is no function `nope`",
        "has no option `ownr`",
    ];
    for (part, line) in wanted.iter().zip([2, 3, 3, 4, 5]) {
        assert!(
            lines
                .iter()
                .any(|(at, message)| *at == line && message.contains(part)),
            "{part}: {lines:?}"
        );
    }
    assert_eq!(ran.status, 1);
    let ran = test.etcdsh(&["check", "right.rhai"]);
    assert_eq!(
        (ran.stdout.as_str(), ran.status),
        ("right.rhai: no mistakes found\n", 0),
        "{ran:?}"
    );
    let ran = test.etcdsh(&["check", "--definitions", "defs"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(std::fs::read_dir(test.path("defs")).unwrap().count() > 2);
}

#[test]
fn shells_and_man_get_the_same_table() {
    let test = dumb();
    for shell in ["bash", "zsh", "fish"] {
        let ran = test.etcdsh(&["completion", shell]);
        assert!(
            ran.status == 0 && ran.stdout.contains("__complete"),
            "{shell}: {ran:?}"
        );
    }
    let ran =
        test.sh("etcdsh completion bash > c && bash -n c && bash -c '. ./c; complete -p etcdsh'");
    assert!(ran.stdout.contains("etcdsh"), "{ran:?}");
    let tab = |line: &str| {
        let script =
            "COMP_LINE=$1 COMP_POINT=${#1}; . ./c; _etcdsh; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let file = test.path("tab.sh");
        std::fs::write(&file, script).unwrap();
        test.sh(&format!("bash tab.sh '{line}'")).stdout
    };
    for (line, wanted) in [
        ("etcdsh sandbox u", "up\n"),
        ("etcdsh -i hosts.yml -l thr", "three\n"),
        ("etcdsh -i hosts.yml run one,tw", "one,two\n"),
        ("etcdsh -t etcd_laun", "etcd_launch\n"),
        ("etcdsh --output=j", "json\n"),
        ("etcdsh e member prom", "promote\n"),
        ("etcdsh -i hosts.yml e get /a", "\n"),
    ] {
        assert_eq!(tab(line), wanted, "{line}");
    }
    let page = test.etcdsh(&["man"]).stdout;
    assert!(
        page.contains(".SH CONSOLE") && page.contains(":limit"),
        "{page}"
    );
}

#[test]
fn some_of_the_lines_are_saved() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    for line in [
        "let base = 40;",
        ":limit two",
        ":! rm -rf /nowhere",
        ":limit all",
        "print(base + 2);",
        "print(hosts(\"etcd\").len());",
    ] {
        screen.line(line);
    }
    let said = screen.line(":lines");
    assert!(
        said.starts_with("  1  let base = 40;\n  2  for h in hosts(\"two\")")
            && said.ends_with("  4  print(hosts(\"etcd\").len());\n"),
        "{said}"
    );
    assert_eq!(
        screen.line(":save some.rhai 4"),
        "some.rhai: 1 line; run it with `etcdsh ./some.rhai`\n"
    );
    let said = screen.line(":save some.rhai 3-");
    assert!(
        said.contains("these lines need others") && said.contains("base"),
        "{said}"
    );
    assert!(
        screen
            .line(":save some.rhai 9")
            .contains("there is no line 9, only 4")
    );
    assert!(
        screen
            .line(":save some.rhai 3-1")
            .contains("`3-1` names no lines")
    );
    assert_eq!(
        screen.line(":save some.rhai 1-1"),
        "some.rhai: 1 line; run it with `etcdsh ./some.rhai`\n"
    );
    let text = std::fs::read_to_string(test.path("some.rhai")).unwrap();
    assert!(text.ends_with("\n\nlet base = 40;\n"), "{text}");
}

#[test]
fn help_and_steps_fit_a_narrow_terminal() {
    let test = dumb();
    let mut screen = Screen::ready(&test, "-i hosts.yml");
    screen.size(60, 30);
    let said = screen.line(":help");
    let wide: Vec<&str> = said
        .lines()
        .filter(|line| line.chars().count() > 60)
        .collect();
    assert!(wide.is_empty() && said.contains("Ctrl-D"), "{wide:?}");
    let said = screen.line(":tasks");
    let wide: Vec<&str> = said
        .lines()
        .filter(|line| line.chars().count() > 60)
        .collect();
    assert!(wide.is_empty(), "{wide:?}");
    assert!(
        said.contains("packages; also")
            && said.contains("etcd_pkg\n")
            && !said.contains("\n  etcd_pkg()"),
        "{said}"
    );
    assert!(
        said.contains("  etcd_deregister()      etcd_target in a way of its own"),
        "{said}"
    );
    assert!(
        screen
            .line(":step")
            .contains("no script is stepped through")
    );
    screen.keys(":step etcd etcd_conf\n");
    screen.wait("> ");
    screen.until_prompt();
    assert!(screen.line(":step").contains("etcd_conf"));
}

#[test]
fn one_of_several_clusters_is_chosen() {
    let hosts = "all:\n  vars: { ansible_connection: sandbox }\n  children:\n    left:\n      hosts: { l1: { etcd_seq: 1, ansible_host: 127.0.9.1 }, l2: { etcd_seq: 2, ansible_host: 127.0.9.2 } }\n      vars: { etcd_cluster: left }\n    right:\n      hosts: { r1: { etcd_seq: 1, ansible_host: 127.0.9.3 } }\n      vars: { etcd_cluster: right }\n";
    let test = dumb().file("two.yml", hosts);
    let mut screen = Screen::start(&test, "-i two.yml");
    screen.wait("2 clusters> ");
    let said = screen.line("e get a");
    assert!(
        said.contains("left") && said.contains("right") && said.contains(":use left"),
        "{said}"
    );
    let said = screen.line(":use rihgt");
    assert!(said.contains("rihgt") && said.contains("right"), "{said}");
    screen.keys(":use right\n");
    screen.wait("right> ");
    assert_eq!(screen.line("hosts(\"all\")"), "[r1]\n");
    let said = screen.line("etcd_assert()");
    assert!(
        said.contains("r1") && !said.contains("l1"),
        "a step works on the cluster that was chosen: {said}"
    );
    screen.line(":! true");
    let said = screen.line(":save right.rhai");
    assert!(said.contains("run it with"), "{said}");
    screen.keys(":use left\n");
    screen.wait("left> ");
    assert_eq!(screen.line("hosts(\"all\")"), "[l1, l2]\n");
    screen.line(":limit l2");
    assert_eq!(screen.line("hosts(\"all\")"), "[l2]\n");
    screen.line(":limit all");
    screen.keys(":use all\n");
    screen.wait("2 clusters> ");
    assert_eq!(screen.leave(), 0);
    // What was typed for one cluster does not run on the other one later.
    let ran = test.etcdsh(&["-i", "two.yml", "./right.rhai"]);
    assert!(
        ran.status == 0 && ran.stdout.contains("r1") && !ran.stdout.contains("l1"),
        "{ran:?}"
    );
}
