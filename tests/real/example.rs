//! The examples, as a reader would run them: the inventories deploy, a member is added, members are restarted.

use std::path::Path;

use super::lab::Lab;
use super::see::{HOSTS, births, healthy};

/// An example's text.
fn example(name: &str) -> String {
    std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name),
    )
    .unwrap()
}

/// A web service that keeps what is sent to it.
const LISTENER: &str = "
import http.server
class Kept(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        open('hook.json', 'wb').write(self.rfile.read(int(self.headers['Content-Length'])))
        self.send_response(204); self.end_headers()
server = http.server.HTTPServer(('127.0.0.1', 8099), Kept)
open('listens', 'w').close()
server.handle_request()
";

#[test]
fn a_script_of_ones_own_adds_its_steps_to_a_plan() {
    let one = example("one.yml");
    let Some(lab) = Lab::up(&["10.10.10.10=trixie", "10.10.10.11=trixie"], &one) else {
        return;
    };
    lab.flow("").ok();
    let two = one.replace(
        "10.10.10.10: { etcd_seq: 1 }",
        "10.10.10.10: { etcd_seq: 1 }\n        10.10.10.11: { etcd_seq: 2 }",
    );
    assert_ne!(one, two);
    lab.write("pigsty.yml", &two);
    let mut listener = lab
        .command("python3")
        .args(["-c", LISTENER])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("python3 starts");
    while !lab.folder().join("listens").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let run = |words: &[&str]| {
        let mut command = lab.command(env!("CARGO_BIN_EXE_etcdsh"));
        command
            .env("WEBHOOK", "http://127.0.0.1:8099/")
            .args(["-o", "json", "add-member-hooks"]);
        super::lab::Run::from(command.args(words).output().expect("etcdsh runs"))
    };
    run(&["10.10.10.11", "-C"]).changes_nothing();
    run(&["10.10.10.11"]).changes_something();
    listener.wait().expect("it ends");
    assert_eq!(
        lab.read("hook.json"),
        r#"{"member":"etcd-2","url":"https://10.10.10.11:2379"}"#
    );
    healthy(&lab, HOSTS[1], &["etcd-1", "etcd-2"]);
    assert!(lab.on(HOSTS[1], "cat /etc/motd").contains("member etcd-2"));
    run(&["10.10.10.11"]).changes_nothing();
}

#[test]
fn a_member_is_added_and_all_are_restarted_one_by_one() {
    let three = example("three.yml");
    let Some(lab) = Lab::up(
        &[
            "10.10.10.10",
            "10.10.10.11",
            "10.10.10.12=trixie",
            "10.10.10.13",
        ],
        &three,
    ) else {
        return;
    };
    lab.flow("").ok();
    let four = three.replace(
        "10.10.10.12: { etcd_seq: 3 }",
        "10.10.10.12: { etcd_seq: 3 }\n        10.10.10.13: { etcd_seq: 4 }",
    );
    lab.write("pigsty.yml", &four);

    lab.etcdsh(&["add-member"])
        .exits(1)
        .says(&["name the host to add"]);
    lab.etcdsh(&["-C", "add-member", "10.10.10.13"])
        .ok()
        .says(&["would change", "add as learner"]);
    let added = lab.etcdsh(&["add-member", "10.10.10.13"]).ok();
    added.says(&["promote", "voter    etcd-4  https://10.10.10.13:2380"]);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3", "etcd-4"]);
    lab.etcdsh(&["-o", "json", "add-member", "10.10.10.13"])
        .changes_nothing();

    let all = ["10.10.10.10", "10.10.10.11", "10.10.10.12", "10.10.10.13"];
    let before = births(&lab, &all);
    lab.etcdsh(&["-C", "-o", "json", "rolling-restart"])
        .changes_something();
    assert_eq!(births(&lab, &all), before, "a dry run restarted etcd");
    let restart = lab.etcdsh(&["-o", "json", "rolling-restart"]).ok();
    let mut restarted = restart.restarted();
    restarted.sort();
    assert_eq!(restarted, all);
    assert!(
        births(&lab, &all)
            .iter()
            .zip(&before)
            .all(|(after, before)| after != before),
        "each is a new process"
    );
    healthy(&lab, HOSTS[2], &["etcd-1", "etcd-2", "etcd-3", "etcd-4"]);
}

#[test]
fn two_clusters_of_the_examples_stand_side_by_side() {
    let Some(lab) = Lab::up(
        &["10.10.10.10", "10.10.10.11", "10.10.10.12", "10.10.10.13"],
        &example("two-clusters.yml"),
    ) else {
        return;
    };
    lab.flow("").ok();
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    healthy(&lab, "10.10.10.13", &["etcd-test-1"]);
}
