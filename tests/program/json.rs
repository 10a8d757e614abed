//! `-o json`: every line is an event that docs/json.md describes, with exactly its fields.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::Test;

/// Events and their fields, as the tables of the document say: a heading `## event`, rows that begin with a field.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md"))
        .unwrap();
    let mut events: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut event = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## `") {
            event = name.trim_end_matches('`').to_string();
            events.insert(event.clone(), BTreeSet::new());
        } else if let (Some(row), Some(fields)) = (line.strip_prefix("| `"), events.get_mut(&event))
        {
            fields.insert(row.split('`').next().unwrap().to_string());
        }
    }
    events
}

fn fields(value: &Value) -> BTreeSet<String> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect()
}

fn seen(test: &Test, words: &str, events: &mut BTreeMap<String, BTreeSet<String>>) {
    let ran = match words.split_once(" | ") {
        Some((lines, words)) => test.sh(&format!("printf '{lines}' | etcdsh {words}")),
        None => test.etcdsh(&words.split_whitespace().collect::<Vec<_>>()),
    };
    assert_eq!(ran.stderr, "", "{words}");
    assert!(!ran.stdout.is_empty(), "{words} says nothing");
    for line in ran.stdout.lines() {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{words}: {error}: {line}"));
        let name = event["event"]
            .as_str()
            .unwrap_or_else(|| panic!("{words}: no event: {line}"))
            .to_string();
        for (key, kind) in [("error", "error object"), ("diff", "diff object")] {
            if event[key].is_object() {
                events
                    .entry(kind.into())
                    .or_default()
                    .extend(fields(&event[key]));
            }
        }
        for step in event["steps"].as_array().into_iter().flatten() {
            let of_step = events.entry("plan step".into()).or_default();
            of_step.extend(fields(step));
            let numbers = fields(&step["during"]);
            events.entry("standing".into()).or_default().extend(numbers);
        }
        for row in event["hosts"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, row)| row)
        {
            events
                .entry("recap row".into())
                .or_default()
                .extend(fields(row));
        }
        if event["error"]["at"].is_object() {
            events
                .entry("place object".into())
                .or_default()
                .extend(fields(&event["error"]["at"]));
        }
        let known = events.entry(name.clone()).or_insert_with(|| fields(&event));
        assert_eq!(
            *known,
            fields(&event),
            "{words}: an event `{name}` with other fields"
        );
    }
}

#[test]
fn every_line_is_a_documented_event() {
    let test = Test::new()
        .file("hosts.yml", "all: { hosts: { one: { ansible_connection: sandbox } }, vars: { etcd_clutser: x } }\n")
        .file(
            "all.rhai",
            "play(\"all\", \"all\");\n\
             task(\"talk\", \"say things\", |h| { say(h, \"hello\"); print(\"there\"); unknown(h, \"health\", \"later\"); });\n\
             task(\"write\", \"write a file\", |h| h.file(\"/tmp/file\", #{ content: \"x\\n\" }));\n\
             let well = #{ voters: 1, healthy: 1 };\n\
             task(\"plan\", \"plan\", |h| show_plan(\"etcd\", [#{ host: h, what: \"look\", why: \"so\", effect: \"none\", before: well, during: well, after: well }]));\n\
             task(\"warn\", \"warn\", #{ fail: \"warn\" }, |h| fail(h, \"no\", #{ because: \"so\", hint: \"do\" }));\n\
             task(\"run\", \"run\", |h| h.run(\"exit 3\"));\n",
        )
        .file("mistake.rhai", "play(\"all\", \"all\");\ntask(\"a\", \"b\", |h| nothing(h));\n");
    let mut events = BTreeMap::new();
    for words in [
        String::from("-o json -D -vv -i hosts.yml all.rhai"),
        "-o json -i hosts.yml all.rhai".into(),
        "-o json -i hosts.yml mistake.rhai".into(),
        "--output=json -i nowhere.yml etcd".into(),
        "-ojson -t nowhere etcd".into(),
        "-o json -C -D -vvv -l 127.0.0.2 -t etcd_dir etcd".into(),
        "-i hosts.yml run -o json all -- echo".into(),
        "-i mixed, -c nonsense -o json etcd".into(),
        "-o json --bogus".into(),
        "-o json etdc".into(),
        "-o json --eval [6*7]".into(),
        ":hostz\\n1 + 1 | -o json -i hosts.yml".into(),
    ] {
        seen(&test, &words, &mut events);
    }
    assert_eq!(events, documented());
}

/// Three hosts that nobody answers for: each is told and counted by itself, none as well.
#[test]
fn each_host_of_a_cluster_has_its_own_state() {
    let test = Test::new().file(
        "hosts.yml",
        "all: { children: { etcd: { hosts: { 127.0.0.1: { etcd_seq: 1 }, 127.0.0.2: { etcd_seq: 2 }, 127.0.0.3: { etcd_seq: 3 } } } }, vars: { ansible_port: 1 } }\n",
    );
    let ran = test.etcdsh(&["-o", "json", "-i", "hosts.yml", "etcd"]);
    assert_eq!(ran.status, 4, "{}{}", ran.stdout, ran.stderr);
    let events: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let hosts: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "host")
        .collect();
    assert_eq!(hosts.len(), 3, "{}", ran.stdout);
    for host in hosts {
        assert_eq!(host["status"], "unreachable", "{host}");
        assert_eq!(host["error"]["host"], host["host"], "{host}");
    }
    let recap = events
        .iter()
        .find(|event| event["event"] == "recap")
        .unwrap();
    for (host, row) in recap["hosts"].as_object().unwrap() {
        assert_eq!(
            (&row["ok"], &row["unreachable"]),
            (&0.into(), &1.into()),
            "{host}: {row}"
        );
    }
}
