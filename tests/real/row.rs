//! Several hosts in trouble at once: each has its own row and its own error.

use super::lab::Lab;
use super::see::{HOSTS, THREE};

#[test]
fn of_two_full_disks_each_is_named_and_the_third_host_is_not_the_cause() {
    let Some(lab) = Lab::up(&HOSTS[..3], THREE) else {
        return;
    };
    // Who may not become root is told so on each host, before anything is done, and not by the line of a script.
    let run = lab.flow("-t etcd_assert -u guest").exits(4);
    for host in &HOSTS[..3] {
        let events = run.events();
        let row = |event: &&serde_json::Value| event["event"] == "host" && event["host"] == *host;
        let row = events.iter().find(row).unwrap();
        assert_eq!(row["status"], "unreachable", "{row}");
        let error = row["error"].to_string();
        assert!(
            error.contains("sudo asks for a password and none was given"),
            "{error}"
        );
        assert!(error.contains("-K") && !error.contains(".rhai"), "{error}");
    }
    lab.flow("-t etcd_install,etcd_dir").ok();
    for host in &HOSTS[1..3] {
        lab.does("fill", &[host, "/data/etcd", "1m"]);
        lab.on(host, "chown etcd:etcd /data/etcd && chmod 700 /data/etcd");
    }
    let run = lab.flow("").exits(2);
    let events = run.events();
    let last = |host: &str| {
        let of_host =
            |event: &&serde_json::Value| event["event"] == "host" && event["host"] == host;
        events.iter().rfind(of_host).cloned().unwrap()
    };
    for host in &HOSTS[1..3] {
        let end = last(host);
        assert_eq!(end["status"], "failed", "{}", run.readable());
        assert!(
            end["error"].to_string().contains("no space left on device"),
            "{end}"
        );
        let hint = format!("run {host} -b -- df -h");
        assert!(end["error"]["hints"].to_string().contains(&hint), "{end}");
    }
    assert_ne!(last(HOSTS[0])["status"], "ok", "{}", run.readable());
    let recap = events
        .iter()
        .find(|event| event["event"] == "recap")
        .unwrap();
    for host in &HOSTS[1..3] {
        assert_eq!(recap["hosts"][host]["failed"], 1, "{recap}");
    }
    for host in &HOSTS[1..3] {
        lab.on(host, "umount /data/etcd");
    }
    lab.flow("").ok();
    lab.flow("").changes_nothing();
}
