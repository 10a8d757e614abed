//! Lines of the console on standard input: what kind each is, and where a mistake is said to be.

use super::Test;

#[test]
fn a_line_of_etcdctl_may_have_an_equals_sign() {
    let test = Test::new();
    for line in [
        "e get a --limit=1 --endpoints=127.0.0.1:1 --command-timeout=1s",
        "e put a b=c --endpoints=127.0.0.1:1 --command-timeout=1s",
        "em list --endpoints=127.0.0.1:1 --command-timeout=1s",
    ] {
        let ran = test.sh(&format!("printf '{line}\\n' | etcdsh"));
        assert_eq!(ran.status, 1, "{line}\n{}", ran.text());
        assert!(ran.stderr.contains("127.0.0.1:1"), "{}", ran.text());
        assert!(!ran.stderr.contains("standard input"), "{}", ran.text());
    }
    // A script is none for the console, whatever its variables are called.
    let ran = test.sh("printf 'let e = 5;\\ne -= 1;\\nprint(e);\\n' | etcdsh");
    assert_eq!(ran.text(), "4\n");
}

#[test]
fn a_step_of_the_flow_has_no_place_of_its_own() {
    let test = Test::new();
    for (line, wanted) in [
        (
            "etcd_install(5)",
            "error: `etcd_install` takes a map of options, not `5`",
        ),
        (
            "etcd_install(#{ lmit: 5 })",
            "error: `etcd_install` has no option `lmit`",
        ),
    ] {
        let ran = test.sh(&format!("printf ':check on\\n{line}\\n' | etcdsh"));
        assert_eq!(ran.status, 1, "{}", ran.text());
        assert!(ran.stderr.starts_with(wanted), "{}", ran.text());
        assert!(!ran.stderr.contains("-->"), "{}", ran.text());
    }
}

#[test]
fn an_inventory_that_is_found_and_could_be_anybodys_is_not_read() {
    let marker = "all: { hosts: { localhost: { ansible_connection: local } }, vars: { ansible_ssh_common_args: x } }\n";
    let test = Test::new().file("open/pigsty.yml", marker);
    let asked = |more: &str| {
        test.sh(&format!(
            "chmod 1777 open; cd open; etcdsh inventory {more} --list; e=$?; etcdsh e endpoint status {more} >/dev/null 2>&1; exit $e"
        ))
    };
    let ran = asked("");
    assert_eq!(ran.status, 1, "{}", ran.text());
    assert!(
        ran.stderr.contains("`./pigsty.yml` is not read unless it is named, because everyone may write to its folder"),
        "{}",
        ran.text()
    );
    let ran = asked("-i ./pigsty.yml");
    assert_eq!(ran.status, 0, "{}", ran.text());
}

#[test]
fn a_password_that_was_typed_is_not_said_again() {
    let _turn = super::this_machine();
    let script = "play(\"x\", \"all\");\ntask(\"t\", \"changes\", |h| h.run(\"true\"));\n";
    let hosts = "all: { hosts: { a: { ansible_connection: local, ansible_become_password: HUSH0, x: { api_token: HUSH0 }, etcd_cluster: c } } }\n";
    let test = Test::new().file("x.rhai", script).file("pigsty.yml", hosts);
    let secrets = "-e etcd_root_password=HUSH1 -e \"ansible_password='HUSH2 HUSH3'\" -e '{\"db_password\": \"HUSH4\"}'";
    for more in ["-C", "", "-C -o json"] {
        let ran = test.sh(&format!("etcdsh {more} ./x.rhai {secrets}"));
        assert_eq!(ran.status, 0, "{}", ran.text());
        assert!(
            ran.stdout.contains("etcd_root_password=********"),
            "{}",
            ran.text()
        );
        assert!(!ran.text().contains("HUSH"), "{more}: {}", ran.text());
    }
    for how in [
        "--list",
        "--host a",
        "--graph --vars",
        "origin a ansible_become_password",
    ] {
        let ran = test.sh(&format!("etcdsh inventory {how}"));
        assert!(
            ran.stdout.contains("***") && !ran.text().contains("HUSH"),
            "{how}: {}",
            ran.text()
        );
        let ran = test.sh(&format!("etcdsh inventory {how} --show-secrets"));
        assert!(ran.stdout.contains("HUSH0"), "{how}: {}", ran.text());
    }
}

#[test]
fn what_only_grows_ends_as_an_error() {
    let test = Test::new()
        .file("a.rhai", "import \"b\" as b;\n")
        .file("b.rhai", "import \"a\" as a;\n")
        .file("grows.rhai", "let s = \"x\"; loop { s += s; }\n")
        .file("pads.rhai", "let s = \"\"; s.pad(9000000000, \"x\");\n")
        .file("blob.rhai", "blob(9000000000, 1);\n")
        .file("list.rhai", "let a = [1]; loop { a += a; }\n")
        .file("nest.rhai", "let a = []; loop { a = [a, a]; }\n")
        .file("own.rhai", "import \"own\" as o;\n")
        .file("late.rhai", "fn f() { if false { import \"a\" as a; } }\n")
        .file(
            "fine.rhai",
            "import \"leaf\" as a; import \"leaf\" as b; import \"fork\" as c;\n",
        )
        .file("fork.rhai", "import \"leaf\" as a;\n")
        .file("leaf.rhai", "fn f() { }\n");
    for (file, way) in [
        ("a", "a.rhai -> b.rhai -> a.rhai"),
        ("own", "own.rhai -> own.rhai"),
        ("late", "a.rhai -> b.rhai -> a.rhai"),
    ] {
        let script = format!("./{file}.rhai");
        for words in [
            &["--syntax-check", script.as_str()][..],
            &["check", &script],
            &[&script],
        ] {
            let ran = test.etcdsh(words);
            assert_eq!(ran.status, 1, "{words:?}: {}", ran.text());
            let clear = format!("imports itself\n --> ./{file}.rhai:1:");
            let told =
                ran.stderr.contains(&clear) && ran.stderr.contains(&format!("caused by: {way}\n"));
            assert!(
                told && ran.stderr.matches("error").count() == 1,
                "{words:?}: {}",
                ran.text()
            );
        }
    }
    for words in [["--syntax-check", "./fine.rhai"], ["check", "./fine.rhai"]] {
        let ran = test.etcdsh(&words);
        assert_eq!(ran.status, 0, "{words:?}: {}", ran.text());
    }
    for (file, said) in [
        ("a", "imports itself"),
        ("grows", "too large"),
        ("pads", "too large"),
        ("blob", "too large"),
        ("list", "too large"),
        ("nest", "too large"),
    ] {
        // An error long before the memory of a small machine is full.
        let ran = test.sh(&format!("ulimit -v 4000000; exec etcdsh ./{file}.rhai"));
        assert_eq!(ran.status, 1, "{file}: {}", ran.text());
        assert!(ran.stderr.contains(said), "{file}: {}", ran.text());
    }
}
