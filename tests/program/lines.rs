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
