//! One inventory, one answer: what the flow, `e`, the overview and the console say about a cluster.

use super::{Ran, Test};

/// A cluster that is wrong, and the words that all of them must have for it.
const WRONG: &[(&str, &str, &[&str])] = &[
    (
        "a host in two clusters",
        "a: { hosts: { 127.0.0.1: { etcd_seq: 1 } }, vars: { etcd_cluster: alpha } }\n\
         b: { hosts: { 127.0.0.1: }, vars: { etcd_cluster: beta } }\n",
        &["127.0.0.1: the host is in two clusters, `alpha` and `beta`"],
    ),
    (
        "two members at one address",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1 }, other: { etcd_seq: 2, ansible_host: 127.0.0.1 } } }\n",
        &["other: its address 127.0.0.1 and a port are those of 127.0.0.1 too"],
    ),
    (
        "a port that is no number",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1, etcd_port: 2379x } } }\n",
        &[
            "1 mistake in the inventory",
            "127.0.0.1: `etcd_port` takes a port, 1 to 65535, not `2379x` (inv.yml:1:",
        ],
    ),
    (
        "a negative port",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1, etcd_port: -2379 } } }\n",
        &["127.0.0.1: `etcd_port` takes a port, 1 to 65535, not `-2379` (inv.yml:1:"],
    ),
    (
        "a peer port that is none",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1, etcd_peer_port: 70000 } } }\n",
        &["127.0.0.1: `etcd_peer_port` takes a port, 1 to 65535, not `70000` (inv.yml:1:"],
    ),
    (
        "both ports are one",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1, etcd_peer_port: 2379 } } }\n",
        &["127.0.0.1: `etcd_port` and `etcd_peer_port` are both 2379"],
    ),
    (
        "a number that is a text",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: one } } }\n",
        &["127.0.0.1: `etcd_seq` takes an integer, not `one` (inv.yml:1:"],
    ),
    (
        "a negative number",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: -1 } } }\n",
        &["127.0.0.1: `etcd_seq` is 0 or more, not -1 (inv.yml:1:"],
    ),
    (
        "no number",
        "etcd: { hosts: { 127.0.0.1: } }\n",
        &["127.0.0.1: `etcd_seq` is not set; give each member of `etcd` its own number"],
    ),
    (
        "a number twice",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1 }, 127.0.0.2: { etcd_seq: 1 } } }\n",
        &["127.0.0.2: `etcd_seq` 1 is that of 127.0.0.1 too (inv.yml:1:"],
    ),
    (
        "a name that is a list",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1, etcd_cluster: [a, b] } } }\n",
        &["127.0.0.1: `etcd_cluster` takes a text, not `['a', 'b']` (inv.yml:1:"],
    ),
    (
        "a login that is a map",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1, etcdsh_user: { a: b } } } }\n",
        &["127.0.0.1: `etcdsh_user` takes a text, not `{'a': 'b'}` (inv.yml:1:"],
    ),
    (
        "a template of a variable that is not there",
        "etcd: { hosts: { 127.0.0.1: { etcd_seq: 1, etcd_port: '{{ missing }}' } } }\n",
        &["1 mistake in the inventory", "`missing`"],
    ),
    (
        "a name that does not resolve",
        "etcd: { hosts: { no-such-host.invalid: { etcd_seq: 1 } } }\n",
        &[
            "1 mistake in the inventory",
            "no-such-host.invalid: the address of the member is not known",
        ],
    ),
    (
        "no etcd",
        "ectd: { hosts: { 127.0.0.1: { etcd_seq: 1 } } }\n",
        &[
            "there is no etcd in the inventory",
            "no group is called `etcd` and none sets `etcd_cluster`",
        ],
    ),
    (
        "a group without hosts",
        "etcd: { hosts: }\n",
        &[
            "there is no etcd in the inventory",
            "the group that is meant as a cluster has no hosts",
        ],
    ),
];

fn asked(test: &Test) -> [(&'static str, Ran); 5] {
    [
        (
            "the flow",
            test.sh("etcdsh -i inv.yml -c local --list-hosts etcd"),
        ),
        ("e", test.sh("etcdsh -i inv.yml e endpoint health")),
        (
            "the overview",
            test.sh("etcdsh overview -i inv.yml --once --no-hosts -o json"),
        ),
        (
            "the console",
            test.sh("echo 'e endpoint health' | etcdsh -i inv.yml"),
        ),
        (
            "a script",
            test.sh("etcdsh -i inv.yml --eval 'cluster_status()'"),
        ),
    ]
}

#[test]
fn a_wrong_cluster_is_the_same_error_everywhere() {
    for (what, inventory, words) in WRONG {
        let test = Test::new().file("inv.yml", inventory);
        for (who, ran) in asked(&test) {
            let text = ran.text();
            assert_ne!(ran.status, 0, "{what}, {who}\n{text}");
            for word in *words {
                assert!(text.contains(word), "{what}, {who}: {word}\n{text}");
            }
        }
    }
}

#[test]
fn a_right_cluster_is_the_same_answer_everywhere() {
    let test = Test::new().file(
        "inv.yml",
        "a: { hosts: { '::1': { etcd_seq: 1 }, w: { ansible_host: 127.0.0.9, etcd_seq: '2', etcd_port: '4379' } },\n\
         \x20    vars: { etcd_cluster: '{{ kind }}-db', kind: pay, etcd_port: 3379 } }\n",
    );
    let script = "let all = etcd::clusters(); for name in all.keys() { for h in all[name] { \
                  print(`${etcd::instance(h)} ${etcd::client_url(h)} ${etcd::peer_url(h)} ${h.member.endpoint}`); } }";
    let flow = test.sh(&format!("etcdsh -i inv.yml --eval '{script}'"));
    assert_eq!(
        flow.text(),
        "pay-db-1 https://[::1]:3379 https://[::1]:2380 [::1]:3379\n\
         pay-db-2 https://127.0.0.9:4379 https://127.0.0.9:2380 127.0.0.9:4379\n"
    );
    let overview = test.sh("etcdsh overview -i inv.yml --once --no-hosts -o json");
    let view: serde_json::Value = serde_json::from_str(overview.stdout.trim()).unwrap();
    let members: Vec<_> = view["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (member["name"].as_str(), member["endpoint"].as_str()))
        .collect();
    assert_eq!(
        members,
        [
            (Some("pay-db-1"), Some("https://[::1]:3379")),
            (Some("pay-db-2"), Some("https://127.0.0.9:4379")),
        ]
    );
    for line in [
        "etcdsh -i inv.yml e --command-timeout=1s endpoint health",
        "echo 'e --command-timeout 1s endpoint health' | etcdsh -i inv.yml",
    ] {
        let text = test.sh(line).text();
        for url in ["https://[::1]:3379", "https://127.0.0.9:4379"] {
            assert!(text.contains(url), "{line}: {url}\n{text}");
        }
    }
}
