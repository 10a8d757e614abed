//! A reader that goes away: nothing is said about it, and a run that changes hosts goes on.

use super::Test;

#[test]
fn a_reader_that_went_away_is_no_trouble() {
    let test = Test::new();
    for line in [
        "etcdsh help | head -n 1",
        "etcdsh script show stdlib/etcd | true",
        "etcdsh script list | true",
        "etcdsh --list-tasks etcd | true",
        "etcdsh inventory --list | true",
        "etcdsh --help | true",
        "etcdsh --eval '1' | true",
        "etcdsh -i one, -c sandbox run one -- 'seq 1 20000' | head -n 1",
        "etcdsh -o json -l nowhere etcd | true",
    ] {
        let ran = test.sh(line);
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (0, ""),
            "{line}\n{}",
            ran.stdout
        );
    }
}

#[test]
fn a_run_goes_on_when_its_reader_went_away() {
    let test = Test::new()
        .file(
            "hosts.yml",
            "all: { hosts: { one: { ansible_connection: sandbox } } }\n",
        )
        .file(
            "changes.rhai",
            "play(\"p\", \"all\");\n\
         task(\"talk\", \"talk\", |h| for n in 0..5000 { say(h, `line ${n}`) });\n\
         task(\"write\", \"write\", |h| h.file(`/tmp/written-${args[0]}`, #{ content: \"x\" }));\n",
        );
    for form in ["human", "json"] {
        let ran = test.sh(&format!(
            "etcdsh -o {form} -i hosts.yml changes.rhai {form} | head -n 1"
        ));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{form}");
        let written = format!(".local/state/etcdsh/sandbox/one/tmp/written-{form}");
        assert!(test.path(&written).exists(), "{form}");
    }
}
