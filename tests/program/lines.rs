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
