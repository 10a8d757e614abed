//! The overview of members on real hosts: what only hosts can tell, and how soon a dead one is seen.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lab::Lab;
use super::see::HOSTS;

const THREE: &str = "all:\n  children:\n    etcd:\n      hosts:\n        10.10.10.10: { etcd_seq: 1 }\n        10.10.10.11: { etcd_seq: 2 }\n        10.10.10.12: { etcd_seq: 3 }\n      vars: { etcd_cluster: etcd }\n";

/// `etcdsh overview --listen` on the control side.
struct Served<'a> {
    lab: &'a Lab,
    port: String,
    server: Child,
}

impl Served<'_> {
    fn begin(lab: &Lab) -> Served<'_> {
        let mut server = lab
            .command(env!("CARGO_BIN_EXE_etcdsh"))
            .args(["overview", "--listen", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("etcdsh runs");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        let port = line
            .split('/')
            .nth(2)
            .and_then(|address| address.rsplit(':').next())
            .unwrap_or_else(|| panic!("no address: {line}"))
            .to_string();
        Served { lab, port, server }
    }

    fn look(&self) -> Value {
        let ask = format!(
            "exec 3<>/dev/tcp/127.0.0.1/{}; printf 'GET /overview.json HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3; cat <&3",
            self.port
        );
        let output = self
            .lab
            .command("bash")
            .args(["-c", &ask])
            .output()
            .expect("bash runs");
        let text = String::from_utf8_lossy(&output.stdout);
        text.split_once("\r\n\r\n")
            .and_then(|(_, body)| serde_json::from_str(body).ok())
            .unwrap_or_else(|| panic!("no JSON: {text}"))
    }

    /// Wait for it; how long it took.
    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Duration {
        let start = Instant::now();
        loop {
            let seen = self.look();
            if is_so(&seen) {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "this does not come: {what}\n{}",
                seen["findings"]
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn member<'a>(seen: &'a Value, name: &str) -> &'a Value {
    seen["members"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|member| member["name"] == name)
        .unwrap_or(&Value::Null)
}

#[test]
fn a_host_that_is_cut_off_or_killed_is_shown_and_drift_and_elections_are_read_on_the_hosts() {
    let Some(lab) = Lab::up(&["10.10.10.10", "10.10.10.11", "10.10.10.12=trixie"], THREE) else {
        return;
    };
    lab.flow("").ok();
    let run = lab.etcdsh(&["overview", "--once", "-o", "json"]).ok();
    let seen: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        (&seen["verdict"], &seen["leader_since_exact"]),
        (&"healthy".into(), &true.into()),
        "{seen}"
    );
    for name in ["etcd-1", "etcd-2", "etcd-3"] {
        assert_eq!(
            (
                &member(&seen, name)["drift"],
                &member(&seen, name)["healthy"]
            ),
            (&Value::Array(Vec::new()), &true.into()),
            "{seen}"
        );
    }
    // Two releases, each with its own names of metrics: nothing is missing from either.
    for name in ["etcd-1", "etcd-3"] {
        for known in [
            "quota",
            "fsync_p99_seconds",
            "keys",
            "watchers",
            "memory",
            "reads_per_second",
            "proposals_pending",
            "leader_changes",
        ] {
            assert!(
                member(&seen, name)[known].is_number(),
                "{known} of {name}: {}",
                member(&seen, name)
            );
        }
    }

    // Somebody edits a file on a host.
    lab.on(
        HOSTS[1],
        "sed -i 's/^election-timeout: 1000$/election-timeout: 2000/' /etc/etcd/etcd.conf",
    );
    lab.etcdsh(&["overview", "--once"]).exits(2).says(&[
        "etcd-2: differs from the inventory: file /etc/etcd/etcd.conf: content +1 -1 lines",
        "etcd-2",
    ]);
    lab.flow("-t etcd_config,etcd_launch").ok();
    lab.etcdsh(&["overview", "--once"]).ok();

    let served = Served::begin(&lab);
    // A busy machine is slow between its hosts, and is warned of.
    let healthy = |seen: &Value| {
        seen["up"] == 3 && (seen["verdict"] == "healthy" || seen["verdict"] == "warning")
    };
    let down = |seen: &Value| member(seen, "etcd-2")["up"] == false;
    served.until("all are up", healthy);
    lab.does("cut", &[HOSTS[1]]);
    let took = served.until("the host that is cut off is down", down);
    eprintln!("cut off, and shown after {took:.2?}");
    served.until("the cluster goes on without it", |seen| {
        seen["verdict"] == "degraded" && seen["up"] == 2
    });
    lab.does("mend", &[HOSTS[1]]);
    served.until("it is back", healthy);
    lab.does("kill", &[HOSTS[1]]);
    let took = served.until("the host that was killed is down", down);
    eprintln!("killed, and shown after {took:.2?}");
    lab.does("boot", &[HOSTS[1]]);
    served.until("it is back", healthy);
}
