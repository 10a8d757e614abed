//! Registration with a real Prometheus, the rules and the dashboard's expressions on a living cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use super::lab::{Lab, Run};
use super::see::{HOSTS, births, etcdctl, healthy};
use crate::monitor::{DASHBOARD, RULES, expressions};

const INFRA: &str = "10.10.10.20";

/// Three members, two of etcd 3.5 and one of 3.4, and an infra host.
const FOUR: &str = "all:
  children:
    infra: { hosts: { 10.10.10.20: {} } }
    etcd:
      hosts:
        10.10.10.10: { etcd_seq: 1 }
        10.10.10.11: { etcd_seq: 2 }
        10.10.10.12: { etcd_seq: 3 }
      vars: { etcd_cluster: etcd, etcd_extra_config: { metrics: extensive } }
";

/// Two clusters of one member each share an infra host.
const TWO: &str = "all:
  children:
    infra: { hosts: { 10.10.10.20: {} } }
    etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd } }
    other: { hosts: { 10.10.10.11: { etcd_seq: 2 } }, vars: { etcd_cluster: other } }
";

fn both() -> [String; 2] {
    [up("etcd", 1), up("other", 2)]
}

/// Debian's own config with short intervals, as an operator would write them.
const HURRY: &str = "sed -i -E 's/(scrape_interval|evaluation_interval|scrape_timeout): .*/\\1: 1s/' /etc/prometheus/prometheus.yml && systemctl restart prometheus";

/// A line of shell that prints what Prometheus answers.
fn get(path: &str) -> String {
    let function = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/stdlib/monitor/get.sh"
    ))
    .unwrap();
    format!("host=127.0.0.1 port=9090 prefix=\n{function}\nget '{path}'")
}

/// It answers only when it has read its data, later than its service is active.
fn ready(lab: &Lab) {
    lab.until(INFRA, &get("/-/ready"));
}

/// Prometheus's own answer.
#[track_caller]
fn api(lab: &Lab, path: &str) -> Value {
    let text = lab.on(INFRA, &get(path));
    serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))["data"].clone()
}

fn hurry(lab: &Lab) {
    lab.on(INFRA, HURRY);
    ready(lab);
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// The series of an expression.
#[track_caller]
fn query(lab: &Lab, expression: &str) -> Vec<Value> {
    api(lab, &format!("/api/v1/query?query={}", encoded(expression)))["result"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// The members that Prometheus scrapes, with their health.
fn targets(lab: &Lab) -> Vec<String> {
    let found = api(lab, "/api/v1/targets?state=active");
    let text = |target: &Value, path: &str| {
        target
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string()
    };
    let mut names: Vec<String> = found["activeTargets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|target| text(target, "/labels/job") == "etcd")
        .map(|target| {
            [
                "/labels/cls",
                "/labels/ins",
                "/labels/ip",
                "/scrapeUrl",
                "/health",
            ]
            .map(|path| text(target, path))
            .join(" ")
        })
        .collect();
    names.sort();
    names
}

fn up(cluster: &str, number: usize) -> String {
    let address = format!("10.10.10.{}", 9 + number);
    format!("{cluster} {cluster}-{number} {address} https://{address}:2379/metrics up")
}

/// Names of the rules that Prometheus has loaded, as often as it has them.
fn loaded(lab: &Lab) -> Vec<String> {
    let groups = api(lab, "/api/v1/rules");
    let rules = groups["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
    let mut names: Vec<String> = rules
        .filter_map(|rule| rule["name"].as_str().map(str::to_string))
        .collect();
    names.sort();
    names
}

fn shipped() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/stdlib/monitor/etcd-rules.yml"
    ))
    .unwrap();
    text.lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("- record: ")
                .or(line.trim().strip_prefix("- alert: "))
                .map(str::to_string)
        })
        .collect()
}

/// How long Prometheus may take for what it does each second, on a machine that is busy.
const PATIENCE: u64 = 90;

#[track_caller]
fn until(what: &str, mut true_now: impl FnMut() -> Result<(), String>) {
    let start = std::time::Instant::now();
    loop {
        let Err(why) = true_now() else { return };
        assert!(
            start.elapsed().as_secs() < PATIENCE,
            "{what} not within {PATIENCE} s: {why}"
        );
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// Prometheus scrapes these members and no others, with these states.
#[track_caller]
fn scraped(lab: &Lab, wanted: &[String]) {
    until("the targets", || {
        let found = targets(lab);
        if found == wanted {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}

/// Alerts of a state, such as `EtcdServerDown etcd-3`.
fn alerts(lab: &Lab, state: &str) -> BTreeSet<String> {
    let text = |series: &Value, label: &str| {
        series["metric"][label]
            .as_str()
            .unwrap_or_default()
            .to_string()
    };
    let found = query(lab, &format!("ALERTS{{alertstate=~\"{state}\"}}"));
    found
        .iter()
        .map(|series| {
            format!("{} {}", text(series, "alertname"), text(series, "ins"))
                .trim()
                .to_string()
        })
        .collect()
}

#[track_caller]
fn no_alerts(lab: &Lab) {
    until("the alerts go", || {
        let found = alerts(lab, ".*");
        if found.is_empty() {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}

/// As many members of the cluster are missed when they are not there.
#[track_caller]
fn expects(lab: &Lab, members: &str) {
    until("the members that are expected", || {
        let found = query(lab, "etcd:cls:expected");
        if found.len() == 1 && found[0]["value"][1] == members {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}

fn warnings(run: &Run) -> Vec<String> {
    run.events()
        .iter()
        .filter(|event| event["event"] == "warning")
        .map(|event| event["text"].as_str().unwrap_or_default().to_string())
        // On a busy machine a step takes its time.
        .filter(|text| !text.contains(": no answer since "))
        .collect()
}

fn reloaded_at(lab: &Lab) -> String {
    lab.on(
        INFRA,
        &format!(
            "{} | grep ^prometheus_config_last_reload_success_timestamp",
            get("/metrics")
        ),
    )
}

/// What the hosts have, without what etcd and Prometheus write themselves.
fn trees(lab: &Lab, hosts: &[&str]) -> Vec<Vec<String>> {
    let quiet = |line: &&str| {
        !line.starts_with("data/etcd/member") && !line.starts_with("var/lib/prometheus")
    };
    hosts
        .iter()
        .map(|host| {
            lab.tree(host)
                .lines()
                .filter(quiet)
                .map(str::to_string)
                .collect()
        })
        .collect()
}

#[test]
fn one_run_registers_with_prometheus_and_a_killed_member_is_an_alert() {
    let all = [
        "10.10.10.10=trixie",
        "10.10.10.11=trixie",
        "10.10.10.12",
        "10.10.10.20=infra",
    ];
    let Some(lab) = Lab::up(&all, FOUR) else {
        return;
    };
    let hosts = [HOSTS[0], HOSTS[1], HOSTS[2], INFRA];
    hurry(&lab);
    let old = lab.on(INFRA, "cat /etc/prometheus/prometheus.yml");
    let before = trees(&lab, &hosts);
    let dry = lab.flow("-C -D").ok();
    assert_eq!(trees(&lab, &hosts), before, "a dry run wrote something");
    assert!(!dry.text().contains("PRIVATE KEY"), "a secret in a diff");

    let real = lab.flow("-D").ok();
    assert_eq!(warnings(&real), [""; 0], "{}", real.readable());
    assert!(!real.text().contains("PRIVATE KEY"), "a secret in a diff");
    let (mut would, mut did) = (dry.changes(), real.changes());
    would.sort();
    did.sort();
    assert_eq!(would, did, "the dry run lists what the real run does");

    everything_is_in_place(&lab, &old);
    let (files, reload, born) = (trees(&lab, &hosts), reloaded_at(&lab), births(&lab, &HOSTS));
    lab.flow("").changes_nothing();
    lab.flow("-C -D").changes_nothing();
    assert_eq!(
        (trees(&lab, &hosts), reloaded_at(&lab), births(&lab, &HOSTS)),
        (files, reload, born),
        "a second run touched something"
    );

    every_expression_has_an_answer_and_the_right_alerts_are_raised(&lab);
    certificates_are_renewed_and_the_constants_follow(&lab);
    members_that_leave_go_from_prometheus(&lab);
}

fn everything_is_in_place(lab: &Lab, old: &str) {
    healthy(lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    scraped(lab, &[up("etcd", 1), up("etcd", 2), up("etcd", 3)]);
    let rules: BTreeSet<String> = loaded(lab).into_iter().collect();
    assert!(
        rules.is_superset(&shipped()),
        "not loaded: {:?}",
        shipped().difference(&rules)
    );
    let text = |path: &str| {
        std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    assert_eq!(
        lab.on(INFRA, "cat /etc/prometheus/rules/etcd-rules.yml"),
        text(RULES)
    );
    assert_eq!(
        lab.on(INFRA, "cat /etc/prometheus/dashboards/etcd-overview.json"),
        text(DASHBOARD)
    );
    assert_eq!(
        lab.on(
            INFRA,
            "cd /etc/prometheus/etcd && stat -c '%n %U:%G %a' . *"
        ),
        ". root:prometheus 750\nca.crt root:prometheus 644\nclient.crt root:prometheus 644\nclient.key prometheus:prometheus 600\n"
    );
    // The operator's lines are all there, in their order, and once more in the copy.
    let new = lab.on(INFRA, "promtool check config /etc/prometheus/prometheus.yml >/dev/null && cat /etc/prometheus/prometheus.yml");
    let mut lines = new.lines();
    assert!(
        old.lines().all(|line| lines.any(|new| new == line)),
        "{new}"
    );
    assert_eq!(lab.on(INFRA, "cat /etc/prometheus/prometheus.yml.*~"), old);
    until("constants are recorded", || {
        let days = query(lab, "count(etcd:ins:cert_days_left > 7000)");
        if days.first().is_some_and(|series| series["value"][1] == "5") {
            Ok(())
        } else {
            Err(format!("{days:?}"))
        }
    });
    expects(lab, "3");
}

/// A client that is busy in all the ways the dashboard shows.
const LOAD: &str = r#". /etc/profile.d/etcdctl.sh
etcdctl watch --prefix /load >/dev/null 2>&1 &
watch=$!
while [ ! -e /tmp/enough ]; do
  lease=$(etcdctl lease grant 1 | cut -d' ' -f2)
  etcdctl put --lease="$lease" /load/short x >/dev/null
  for key in 1 2 3 4 5; do etcdctl put /load/$key "$(date +%N)" >/dev/null; done
  etcdctl get --prefix /load >/dev/null; etcdctl del /load/3 >/dev/null; etcdctl lease revoke "$lease" >/dev/null
  etcdctl compact "$(etcdctl get /load/1 -w json | sed 's/.*"revision":\([0-9]*\).*/\1/')" >/dev/null 2>&1
done
kill $watch"#;

/// What Grafana would send for a panel.
fn substituted(expression: &str, members: &str) -> String {
    let pairs = [
        ("$cls", "etcd"),
        ("$ins", members),
        ("$__rate_interval", "15s"),
        ("$__interval", "5s"),
        ("$__range", "1m"),
    ];
    let text = pairs
        .iter()
        .fold(expression.to_string(), |text, (name, value)| {
            text.replace(name, value)
        });
    assert!(!text.contains('$'), "{text}");
    text
}

/// Expressions without an answer, for these members.
fn empty(lab: &Lab, members: &str) -> Vec<String> {
    expressions()
        .into_iter()
        .filter(|(_, expression)| query(lab, &substituted(expression, members)).is_empty())
        .map(|(title, _)| title)
        .collect()
}

fn every_expression_has_an_answer_and_the_right_alerts_are_raised(lab: &Lab) {
    let load = lab.begin(HOSTS[0], LOAD);
    lab.until(HOSTS[0], ". /etc/profile.d/etcdctl.sh; [ \"$(etcdctl get --prefix /load --keys-only | wc -l)\" -gt 4 ]");
    let silent: BTreeSet<String> = ["Alerts by name", "Alerts now", "Alerts by level"]
        .map(str::to_string)
        .into();
    // A follower of 3.4: it leads nothing, and has no metrics of two panels.
    let followers: Vec<String> = ["Leader", "Since the last compaction", "Duration of applies"]
        .map(str::to_string)
        .into();
    until("the rates of a quarter of a minute", || {
        let left: Vec<String> = empty(lab, ".*")
            .into_iter()
            .filter(|title| !silent.contains(title))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
    until("the panels of etcd 3.4", || {
        let left: Vec<String> = empty(lab, "etcd-3")
            .into_iter()
            .filter(|title| !silent.contains(title))
            .collect();
        if left.iter().all(|title| followers.contains(title)) && left.len() >= 2 {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });

    lab.on(HOSTS[2], "systemctl stop etcd");
    let wanted: BTreeSet<String> = ["EtcdQuorumAtRisk", "EtcdServerDown etcd-3"]
        .map(str::to_string)
        .into();
    until("the alerts of a killed member", || {
        let found = alerts(lab, "pending|firing");
        if found == wanted {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
    until("the panels of alerts", || {
        let left = empty(lab, ".*");
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
    // What Prometheus cannot reach is said, with the cause; the run goes on.
    let run = lab.flow("-t etcd_register").ok();
    assert!(
        warnings(&run)
            .iter()
            .any(|text| text.contains("does not reach etcd-3")
                && text.contains("connection refused")),
        "{}",
        run.readable()
    );
    lab.on(HOSTS[2], "systemctl start etcd");
    no_alerts(lab);
    lab.on(HOSTS[0], "touch /tmp/enough");
    let output = load.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    etcdctl(lab, HOSTS[0], "del --prefix /load");
}

fn certificates_are_renewed_and_the_constants_follow(lab: &Lab) {
    // While Prometheus reads new rules there is none for a moment.
    let day = |name: &str| {
        let found = query(
            lab,
            &format!("etcd:ins:cert_days_left{{ins=\"{name}\", cert!=\"CA\"}}"),
        );
        let text = found.first()?["value"][1].as_str()?.to_string();
        text.parse::<f64>().ok()
    };
    let (short, long) = (
        |days: Option<f64>| days.is_some_and(|days| days < 101.0),
        |days: Option<f64>| days.is_some_and(|days| days > 7000.0),
    );
    until("the old days", || {
        let days = (day("etcd-1"), day("prometheus"));
        if long(days.0) && long(days.1) {
            Ok(())
        } else {
            Err(format!("{days:?}"))
        }
    });
    std::fs::remove_file(lab.folder().join("files/pki/etcd/etcd-1.crt")).unwrap();
    std::fs::remove_file(
        lab.folder()
            .join(format!("files/pki/etcd/prometheus-{INFRA}.key")),
    )
    .unwrap();
    let run = lab.flow("-e cert_validity=100").changes_something();
    assert_eq!(warnings(&run), [""; 0], "{}", run.readable());
    let changed: Vec<String> = run
        .changes()
        .into_iter()
        .filter(|(host, ..)| host == INFRA)
        .map(|(_, subject, _)| subject)
        .collect();
    let wanted = [
        "file /etc/prometheus/rules/etcd-members-etcd.yml",
        "file /etc/prometheus/etcd/client.crt",
        "file /etc/prometheus/etcd/client.key",
        "file /etc/prometheus/rules/etcd-client.yml",
        "service prometheus",
    ];
    assert_eq!(changed, wanted);
    until("the new days", || {
        let days = (day("etcd-1"), day("prometheus"), day("etcd-2"));
        if short(days.0) && short(days.1) && long(days.2) {
            Ok(())
        } else {
            Err(format!("{days:?}"))
        }
    });
    scraped(lab, &[up("etcd", 1), up("etcd", 2), up("etcd", 3)]);
    lab.flow("-e cert_validity=100").changes_nothing();
}

fn members_that_leave_go_from_prometheus(lab: &Lab) {
    lab.flow("-t etcd_deregister -l 10.10.10.12")
        .changes_something();
    scraped(lab, &[up("etcd", 1), up("etcd", 2)]);
    expects(lab, "2");
    no_alerts(lab);
    lab.flow("-t rm_metrics -l 10.10.10.12").changes_nothing();
    let run = lab.flow("-t register").changes_something();
    assert_eq!(
        run.changes().len(),
        3,
        "target, constants, reload\n{}",
        run.readable()
    );
    scraped(lab, &[up("etcd", 1), up("etcd", 2), up("etcd", 3)]);

    lab.flow("-t etcd_purge -y").ok();
    scraped(lab, &[]);
    assert_eq!(
        lab.on(
            INFRA,
            "ls /etc/prometheus/targets/etcd; ls /etc/prometheus/rules"
        ),
        "etcd-client.yml\netcd-rules.yml\n"
    );
    until("nothing is expected", || {
        if query(lab, "etcd:ins:expected").is_empty() {
            Ok(())
        } else {
            Err("it is".into())
        }
    });
}

/// The config of Prometheus must never be one that it refuses, and what is not ours stays as it is.
#[test]
fn a_config_that_prometheus_refuses_is_not_written_and_what_others_made_stays() {
    let Some(lab) = Lab::up(&["10.10.10.10", "10.10.10.11", "10.10.10.20=infra"], TWO) else {
        return;
    };
    hurry(&lab);
    let good = lab.on(INFRA, "cat /etc/prometheus/prometheus.yml");
    // A mistake that only Prometheus's own tool can find, made by somebody else.
    lab.on(
        INFRA,
        "printf 'remote_write: [ { url: x, nonsense: 1 } ]\\n' >>/etc/prometheus/prometheus.yml",
    );
    let broken = lab.on(INFRA, "cat /etc/prometheus/prometheus.yml");
    let run = lab
        .flow("")
        .ok()
        .says(&["was refused, and the old one stays", "nonsense"]);
    assert!(!warnings(&run).is_empty());
    assert_eq!(
        lab.on(
            INFRA,
            "cat /etc/prometheus/prometheus.yml; ls -A /etc/prometheus | grep etcdsh || :"
        ),
        broken
    );
    lab.on(
        INFRA,
        "echo 'scrape_configs: [ { job_name: x } ]' >/etc/prometheus/prometheus.yml",
    );
    lab.flow("-t etcd_scrape").changes_nothing().says(&[
        "prometheus.yml is left as it is",
        "written in one line",
        "docs/monitoring.md",
    ]);
    lab.write("good.yml", &good);
    lab.keep_on(INFRA, "good.yml", "/etc/prometheus/prometheus.yml");
    let run = lab.flow("-t add_metrics").ok();
    assert_eq!(warnings(&run), [""; 0], "{}", run.readable());
    scraped(&lab, &both());

    a_run_that_dies_at_any_change_can_be_repeated(&lab, &good);
    the_files_of_pigsty_stay_and_no_rule_comes_twice(&lab);
    the_other_layout_is_scraped_too(&lab);
    a_grafana_finds_the_dashboard(&lab);
    a_prometheus_that_is_not_running_is_said(&lab);
}

/// Everything of ours away, and Prometheus as its package left it.
fn unregistered(lab: &Lab) {
    lab.keep_on(INFRA, "good.yml", "/etc/prometheus/prometheus.yml");
    lab.on(INFRA, "cd /etc/prometheus && rm -rf rules dashboards etcd targets prometheus.yml.*~ && systemctl restart prometheus");
    ready(lab);
    let _ = std::fs::remove_file(
        lab.folder()
            .join(format!("files/pki/etcd/prometheus-{INFRA}.crt")),
    );
    let _ = std::fs::remove_file(
        lab.folder()
            .join(format!("files/pki/etcd/prometheus-{INFRA}.key")),
    );
}

fn a_run_that_dies_at_any_change_can_be_repeated(lab: &Lab, good: &str) {
    unregistered(lab);
    let whole = lab.flow("-t etcd_register").changes_something();
    let count = whole
        .changes()
        .iter()
        .filter(|(host, ..)| host == INFRA)
        .count();
    assert!(count >= 12, "{}", whole.readable());
    // The last one is the reload: a run that dies before it must not forget it. All others are in the crash sweep.
    let cases = [
        (INFRA, count / 2, "after"),
        (INFRA, count, "before"),
        ("localhost", 1, "after"),
    ];
    for (place, nth, when) in cases {
        unregistered(lab);
        let run = lab.flow_with(
            ("ETCDSH_FAULT", &format!("{place}:{nth}:{when}")),
            "-t etcd_register",
        );
        assert_ne!(
            run.code,
            0,
            "{place}:{nth}:{when} killed nothing\n{}",
            run.readable()
        );
        lab.on(
            INFRA,
            "promtool check config /etc/prometheus/prometheus.yml",
        );
        lab.flow("-t etcd_register").ok();
        scraped(lab, &both());
        let rules: BTreeSet<String> = loaded(lab).into_iter().collect();
        assert!(
            rules.is_superset(&shipped()) && rules.contains("etcd:ins:expected"),
            "{place}:{nth}:{when}: {rules:?}"
        );
        lab.flow("-t etcd_register").changes_nothing();
        assert_eq!(
            lab.on(
                INFRA,
                "cat /etc/prometheus/prometheus.yml.*~; find /etc/prometheus -name '*.etcdsh'"
            ),
            good,
            "{place}:{nth}:{when}"
        );
    }
}

/// What Pigsty 2 and 3 have: one file of rules, a job of their own, all rules of a folder read.
const PIGSTY: &str = r#"cd /etc/prometheus && mkdir -p rules targets/etcd && cp etcd/ca.crt etcd/client.crt /opt/ && install -o prometheus -m 600 etcd/client.key /opt/client.key
rm -rf rules/* etcd && cat >prometheus.yml <<'END'
---
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files:
  - rules/*.yml
scrape_configs:

  # targets/etcd/<etcd_instance>.yml
  - job_name: etcd
    file_sd_configs:
      - refresh_interval: 1s
        files: [ /etc/prometheus/targets/etcd/*.yml ]
    scheme: https
    tls_config:
      ca_file:   /opt/ca.crt
      cert_file: /opt/client.crt
      key_file:  /opt/client.key
...
END
cat >rules/etcd.yml <<'END'
groups:
  - name: etcd-rules
    rules:
      - record: etcd:ins:network_peer_rt_p99_1m
        expr: histogram_quantile(0.99, rate(etcd_network_peer_round_trip_time_seconds_bucket[1m]))
      - alert: EtcdNoLeader
        expr: min(etcd_server_has_leader) by (cls) < 1
        for: 15s
END
printf '{ "title": "mine" }\n' >dashboards/etcd-overview.json
systemctl restart prometheus"#;

fn the_files_of_pigsty_stay_and_no_rule_comes_twice(lab: &Lab) {
    lab.on(INFRA, PIGSTY);
    ready(lab);
    let sums = "cd /etc/prometheus && sha256sum prometheus.yml rules/etcd.yml dashboards/etcd-overview.json";
    let before = lab.on(INFRA, sums);
    let run = lab.flow("").ok().says(&[
        "etcd-overview.json is not ours",
        "2 rules are left to /etc/prometheus/rules/etcd.yml",
    ]);
    assert_eq!(warnings(&run).len(), 1, "{}", run.readable());
    assert_eq!(lab.on(INFRA, sums), before);
    assert_eq!(
        lab.on(INFRA, "cd /etc/prometheus; ls rules; [ ! -e etcd ]"),
        "etcd-members-etcd.yml\netcd-members-other.yml\netcd-rules.yml\netcd.yml\n"
    );
    scraped(lab, &both());
    let names: Vec<String> = loaded(lab)
        .into_iter()
        .filter(|name| shipped().contains(name) || name.starts_with("Etcd"))
        .collect();
    let once: BTreeSet<&String> = names.iter().collect();
    assert_eq!(names.len(), once.len(), "{names:?}");
    assert!(
        shipped().iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    lab.flow("").changes_nothing();

    lab.on(INFRA, "sed -i 1d /etc/prometheus/rules/etcd-rules.yml");
    lab.flow("-t etcd_rules")
        .changes_nothing()
        .says(&["etcd-rules.yml is not ours and stays as it is"]);
}

/// A host with `/infra` and a Prometheus: the targets are those of Pigsty 4, and the job reads them there.
fn the_other_layout_is_scraped_too(lab: &Lab) {
    unregistered(lab);
    lab.on(INFRA, "mkdir /infra");
    let run = lab.flow("-t etcd_register").ok();
    assert_eq!(warnings(&run), [""; 0], "{}", run.readable());
    assert_eq!(
        lab.on(
            INFRA,
            "ls /infra/targets/etcd; ls /etc/prometheus/targets 2>/dev/null || :"
        ),
        "etcd-1.yml\nother-2.yml\n"
    );
    scraped(lab, &both());
    lab.flow("").changes_nothing();
    lab.on(INFRA, "rm -r /infra");
}

fn a_grafana_finds_the_dashboard(lab: &Lab) {
    lab.on(INFRA, "mkdir -p /etc/grafana/provisioning");
    lab.flow("-t etcd_dashboard")
        .changes_something()
        .says(&["systemctl restart grafana-server"]);
    let provider = lab.on(INFRA, "cat /etc/grafana/provisioning/dashboards/etcdsh.yml");
    assert!(
        provider.contains("path: /var/lib/grafana/dashboards/etcd\n"),
        "{provider}"
    );
    assert_eq!(
        lab.on(
            INFRA,
            "stat -c %a /var/lib/grafana/dashboards/etcd/etcd-overview.json"
        ),
        "644\n"
    );
    lab.flow("-t etcd_dashboard").changes_nothing();
    // Pigsty's Grafana looks in a folder of its own.
    lab.on(INFRA, "mkdir /etc/dashboards");
    lab.flow("-t etcd_dashboard").changes_something();
    lab.on(
        INFRA,
        "test -f /etc/dashboards/etcd/etcd-overview.json && rm -r /etc/dashboards /etc/grafana",
    );
}

fn a_prometheus_that_is_not_running_is_said(lab: &Lab) {
    unregistered(lab);
    lab.on(INFRA, "systemctl stop prometheus");
    let run = lab
        .flow("-t etcd_register")
        .ok()
        .says(&["Prometheus is not running"]);
    assert_eq!(warnings(&run).len(), 1, "{}", run.readable());
    lab.flow("-t etcd_register").changes_nothing();
    lab.on(INFRA, "systemctl start prometheus");
    ready(lab);
    scraped(lab, &both());
    lab.flow("-t etcd_register").changes_nothing();
}
