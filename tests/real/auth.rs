//! Clusters with authentication on: kept, restarted and grown as any other.

use super::lab::Lab;
use super::see::births;

const HOSTS: [&str; 3] = ["10.10.10.10", "10.10.10.11", "10.10.10.12"];
const PASSWORD: &str = "of-root-only";

fn inventory(members: usize, vars: &str) -> String {
    let hosts: String = (1..=members)
        .map(|number| {
            format!(
                "        10.10.10.{}: {{ etcd_seq: {number} }}\n",
                9 + number
            )
        })
        .collect();
    format!(
        "all:\n  children:\n    etcd:\n      hosts:\n{hosts}      vars: {{ etcd_cluster: etcd{vars} }}\n"
    )
}

#[test]
fn a_cluster_with_authentication_is_kept_and_a_member_joins_it() {
    let Some(lab) = Lab::up(
        &[
            "10.10.10.10",
            "10.10.10.11",
            "10.10.10.12=trixie",
            "10.10.10.13",
        ],
        &inventory(3, ""),
    ) else {
        return;
    };
    lab.flow("").ok();
    let user = format!("root:{PASSWORD}");
    for words in [
        &["user", "add", user.as_str()][..],
        &["role", "add", "root"],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        lab.etcdsh(&[&["e"], words].concat()).ok();
    }
    // Nobody is logged in: what needs no login works, and what does says so, before anything is changed.
    lab.flow("").changes_nothing();
    lab.flow("-t etcd_assert").ok().says(&[
        "authentication is on in cluster `etcd`, and nobody is logged in",
        "etcd_root_password",
    ]);
    lab.flow("-t etcd_assert -e etcd_root_password=wrong")
        .exits(2)
        .says(&[
            "cluster `etcd` refuses the login",
            "invalid user ID or password",
        ]);
    // Also where etcd is down until the flow starts it: a wrong password is not waited for.
    for host in HOSTS {
        lab.on(host, "systemctl stop etcd");
    }
    let run = lab
        .flow("-t etcd_launch -e etcd_root_password=wrong")
        .exits(2)
        .says(&[
            "cluster `etcd` refuses the login",
            "invalid user ID or password",
        ]);
    assert!(!run.text().contains("not healthy after"), "{}", run.text());
    lab.flow("").changes_nothing();
    lab.write("pigsty.yml", &inventory(4, ""));
    let fresh = lab.trees(&["10.10.10.13"]);
    lab.flow("-l 10.10.10.13 -e etcd_init=existing")
        .exits(2)
        .says(&["joining the cluster needs a login", "etcd_root_password"]);
    assert_eq!(lab.trees(&["10.10.10.13"])[0], fresh[0]);
    lab.write("pigsty.yml", &inventory(3, ""));
    lab.etcdsh(&[
        "overview",
        "--once",
        "-e",
        &format!("etcd_root_password={PASSWORD}"),
    ])
    .ok()
    .says(&["etcd  healthy  3 members, 3 take part"]);
    lab.etcdsh(&["overview", "--once"])
        .ok()
        .says(&["etcd  healthy  3 members, 3 take part"]);
    lab.etcdsh(&[
        "--eval",
        "etcd::client(hosts(\"etcd\")[0]).put(\"a\", \"1\")",
    ])
    .exits(1)
    .says(&[
        "authentication is on, and nobody is logged in",
        "set etcdsh_user and etcdsh_password in the inventory",
    ]);
    let before = births(&lab, &HOSTS);
    // Nobody could see whether Patroni bears it.
    let roll = "-t etcd_config,etcd_launch -e etcd_heartbeat_interval=150";
    lab.flow(roll).exits(2).says(&[
        "could not tell whether Patroni is well",
        "authentication is on, and nobody is logged in",
        "--no-gate patroni=REASON",
    ]);
    assert_eq!(births(&lab, &HOSTS), before);
    let run = lab.flow(&format!("{roll} --no-gate patroni=no-login")).ok();
    assert_eq!(run.restarted().len(), 3, "{}", run.readable());
    assert!(
        births(&lab, &HOSTS)
            .iter()
            .zip(&before)
            .all(|(after, before)| after != before)
    );

    // A follower would pass the promotion on to the leader without the login.
    let move_leader = "let hs = hosts(\"etcd\"); let all = etcd::client(hs[0]).status(); let last = all.find(|s| s.endpoint == etcd::client_url(hs[2])); \
                       if !last.is_leader { etcdctl(#{ endpoints: [all.find(|s| s.is_leader).endpoint] }).move_leader(last.member_id); }";
    lab.etcdsh(&["--eval", move_leader]).ok();
    lab.write(
        "pigsty.yml",
        &inventory(
            4,
            &format!(", etcd_heartbeat_interval: 150, etcd_root_password: {PASSWORD}"),
        ),
    );
    let run = lab.flow("-l 10.10.10.13 -e etcd_init=existing").ok();
    assert!(!run.text().contains(PASSWORD), "the password is shown");
    lab.etcdsh(&["e", "put", "a", "1"]).ok().says(&["OK"]);
    let list = lab.etcdsh(&["em", "list"]).ok();
    assert_eq!(
        list.stdout.matches(", started, etcd-").count(),
        4,
        "{}",
        list.text()
    );
    let run = lab.flow("-vvv").ok();
    assert!(!run.text().contains(PASSWORD), "the password is shown");
    lab.flow("").changes_nothing();
}
