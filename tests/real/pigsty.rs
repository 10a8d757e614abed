//! A cluster that Pigsty v2 has made, with its own CA, converges as ours; its monitoring finds the members.

use super::lab::Lab;
use super::see::{HOSTS, THREE, births, etcdctl, healthy};

/// What the role of Pigsty v2 leaves on a control machine and on a host, by its own means: openssl and a template.
const MAKE_PKI: &str = r"set -e
mkdir -p files/pki/ca files/pki/etcd; chmod 700 files/pki/ca
openssl genrsa -out files/pki/ca/ca.key 2048 2>/dev/null; chmod 600 files/pki/ca/ca.key
openssl req -x509 -new -key files/pki/ca/ca.key -subj /O=pigsty/OU=ca/CN=pigsty-ca -days 36500 -out files/pki/ca/ca.crt 2>/dev/null
for i in 1 2 3; do
  openssl genrsa -out files/pki/etcd/etcd-$i.key 2048 2>/dev/null
  openssl req -new -key files/pki/etcd/etcd-$i.key -subj /O=pigsty/OU=etcd/CN=etcd-$i -out files/pki/etcd/etcd-$i.csr 2>/dev/null
  printf 'subjectAltName=DNS:localhost,DNS:etcd-%s,IP:10.10.10.%s,IP:127.0.0.1\n' $i $((9 + i)) >ext
  openssl x509 -req -in files/pki/etcd/etcd-$i.csr -CA files/pki/ca/ca.crt -CAkey files/pki/ca/ca.key -CAcreateserial -days 7300 -extfile ext -out files/pki/etcd/etcd-$i.crt 2>/dev/null
done";

fn conf(number: usize) -> String {
    let address = format!("10.10.10.{}", 9 + number);
    format!(
        "# ansible managed
#---------------------------#
name: 'etcd-{number}'
data-dir: '/data/etcd'
quota-backend-bytes: 8589934592
auto-compaction-mode: \"periodic\"
auto-compaction-retention: '24h'
logger: zap
max-wals: 5
initial-cluster: etcd-1=https://10.10.10.10:2380,etcd-2=https://10.10.10.11:2380,etcd-3=https://10.10.10.12:2380
initial-cluster-token: etcd
initial-cluster-state: new
initial-advertise-peer-urls: https://{address}:2380
advertise-client-urls: https://{address}:2379
listen-peer-urls: https://{address}:2380
listen-client-urls: https://{address}:2379,https://127.0.0.1:2379
election-timeout: 1000
heartbeat-interval: 100
client-transport-security:
  cert-file: /etc/etcd/server.crt
  key-file: /etc/etcd/server.key
  trusted-ca-file: /etc/etcd/ca.crt
peer-transport-security:
  cert-file: /etc/etcd/server.crt
  key-file: /etc/etcd/server.key
  trusted-ca-file: /etc/etcd/ca.crt
"
    )
}

const UNIT: &str = "[Unit]
Description=etcd
After=network-online.target

[Service]
Type=notify
User=etcd
Group=etcd
WorkingDirectory=/data/etcd
ExecStart=/usr/bin/etcd --config-file /etc/etcd/etcd.conf
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
";

#[test]
fn a_cluster_made_by_pigsty_converges_and_keeps_its_data() {
    let Some(lab) = Lab::up(&HOSTS, THREE) else {
        return;
    };
    let made = std::process::Command::new("sh")
        .args(["-c", MAKE_PKI])
        .current_dir(lab.folder())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let make = |(index, host): (usize, &&str)| {
        let number = index + 1;
        lab.write("conf", &conf(number));
        lab.write("unit", UNIT);
        lab.keep_on(host, "conf", "/tmp/conf");
        lab.keep_on(host, "unit", "/tmp/unit");
        lab.keep_on(host, "files/pki/ca/ca.crt", "/tmp/ca.crt");
        lab.keep_on(
            host,
            &format!("files/pki/etcd/etcd-{number}.crt"),
            "/tmp/server.crt",
        );
        lab.keep_on(
            host,
            &format!("files/pki/etcd/etcd-{number}.key"),
            "/tmp/server.key",
        );
        lab.begin(
            host,
            "set -e; apt-get -qq update; systemctl mask --runtime -q etcd; apt-get -qq -y install etcd-server etcd-client >/dev/null 2>&1; systemctl unmask --runtime -q etcd
            mkdir -p /etc/etcd /data/etcd /etc/pki; mv /tmp/conf /etc/etcd/etcd.conf; cp /tmp/ca.crt /etc/pki/; mv /tmp/ca.crt /tmp/server.crt /tmp/server.key /etc/etcd/
            mv /tmp/unit /etc/systemd/system/etcd.service; chown -R etcd:etcd /etc/etcd /data/etcd; chmod 750 /etc/etcd; chmod 700 /data/etcd; chmod 600 /etc/etcd/server.key
            printf of-root-only >/etc/etcd/etcd.pass; chown root:etcd /etc/etcd/etcd.pass; chmod 640 /etc/etcd/etcd.pass
            printf '%s\\n' 'export ETCDCTL_API=3' 'export ETCDCTL_USER=\"root:$(cat /etc/etcd/etcd.pass)\"' >/etc/profile.d/etcdctl.sh
            systemctl daemon-reload; systemctl enable -q --now etcd",
        )
    };
    let installs: Vec<_> = HOSTS.iter().enumerate().map(make).collect();
    for child in installs {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let certificates: Vec<String> = ["ca/ca.crt", "etcd/etcd-1.crt", "etcd/etcd-3.key"]
        .map(|file| lab.read(&format!("files/pki/{file}")))
        .into();
    lab.on(HOSTS[0], "ETCDCTL_API=3 etcdctl --endpoints https://10.10.10.10:2379 --cacert /etc/pki/ca.crt --cert /etc/etcd/server.crt --key /etc/etcd/server.key put theirs kept");

    lab.on(HOSTS[0], "export ETCDCTL_API=3; for line in 'user add root:of-root-only' 'role add root' 'user grant-role root root' 'auth enable'; do etcdctl --endpoints https://10.10.10.10:2379 --cacert /etc/pki/ca.crt --cert /etc/etcd/server.crt --key /etc/etcd/server.key $line; done");

    lab.flow("-e etcd_clean=false")
        .exits(2)
        .says(&["a running etcd", "of `etcd-1`"]);
    // Nothing of what a member makes of its files is different, so nobody is restarted; and its client can still log in.
    let births = births(&lab, &HOSTS);
    let run = lab.flow("").changes_something();
    assert_eq!(run.restarted(), [] as [&str; 0], "{}", run.readable());
    assert!(!run.text().contains("of-root-only"), "{}", run.text());
    assert_eq!(super::see::births(&lab, &HOSTS), births);
    healthy(&lab, HOSTS[0], &["etcd-1", "etcd-2", "etcd-3"]);
    assert_eq!(
        lab.on(
            HOSTS[2],
            "bash -lc 'etcdctl put pig 1; etcdctl get pig --print-value-only'"
        ),
        "OK\n1\n"
    );
    // Nobody is named here: the login is the one that lies on the hosts.
    let value = |args: &[&str]| lab.etcdsh(args).ok().text();
    let get = ["e", "get", "pig", "--print-value-only"];
    assert_eq!(value(&get), "1\n");
    assert_eq!(value(&["e", "put", "pig", "2"]), "OK\n");
    let said = value(&["--eval", r#"e("get pig --print-value-only")"#]);
    assert!(
        said.contains('2') && !said.contains("of-root-only"),
        "{said}"
    );
    let refused = lab.etcdsh(&["e", "--user", "root:wrong", "get", "pig"]);
    assert_ne!(refused.code, 0, "somebody who is named is nobody else");
    // Pigsty's files over ours, and ours again: nobody either.
    for (index, host) in HOSTS.iter().enumerate() {
        lab.write("conf", &conf(index + 1));
        lab.keep_on(host, "conf", "/tmp/conf");
        lab.on(host, "touch -d '1 hour ago' /tmp/conf; cp -p /tmp/conf /etc/etcd/etcd.conf; chown etcd:etcd /etc/etcd/etcd.conf");
    }
    lab.flow("").changes_something();
    assert_eq!(super::see::births(&lab, &HOSTS), births);
    // A rolling restart needs the login that lies there.
    let run = lab
        .flow("-t etcd_config,etcd_launch -e etcd_heartbeat_interval=120")
        .ok();
    assert_eq!(run.restarted().len(), 3, "{}", run.readable());
    lab.flow("").ok();
    assert_eq!(
        etcdctl(&lab, HOSTS[1], "get theirs --print-value-only"),
        "kept\n"
    );
    let now: Vec<String> = ["ca/ca.crt", "etcd/etcd-1.crt", "etcd/etcd-3.key"]
        .map(|file| lab.read(&format!("files/pki/{file}")))
        .into();
    assert_eq!(
        now, certificates,
        "certificates that are good are used as found"
    );
    lab.flow("").changes_nothing();
}

#[test]
fn members_are_registered_on_infra_hosts_in_both_layouts() {
    let infra = |hosts: &str| {
        format!(
            "all:\n  children:\n    infra: {{ hosts: {{ {hosts} }} }}\n    etcd: {{ hosts: {{ 10.10.10.10: {{ etcd_seq: 1 }} }}, vars: {{ etcd_cluster: etcd }} }}\n"
        )
    };
    let both = infra("10.10.10.11: {}, 10.10.10.12: {}");
    let Some(lab) = Lab::up(&HOSTS, &both) else {
        return;
    };
    // Old and new layout, by what is there.
    lab.on(HOSTS[1], "mkdir -p /etc/prometheus");
    let dry = lab.flow("-C").ok();
    let real = lab.flow("").ok();
    let on_infra = |run: &super::lab::Run| {
        let mut all: Vec<_> = run
            .changes()
            .into_iter()
            .filter(|(host, ..)| host != HOSTS[0] && host != "localhost")
            .collect();
        all.sort();
        all
    };
    assert_eq!(on_infra(&dry), on_infra(&real));
    let target = "# managed by etcdsh\n- labels: { cls: \"etcd\", ins: \"etcd-1\", ip: \"10.10.10.10\" }\n  targets: [ \"10.10.10.10:2379\" ]\n";
    assert_eq!(
        lab.on(HOSTS[1], "cat /etc/prometheus/targets/etcd/etcd-1.yml"),
        target
    );
    assert_eq!(
        lab.on(HOSTS[2], "cat /infra/targets/etcd/etcd-1.yml"),
        target
    );
    // There is no Prometheus, so nothing is reloaded; rules and dashboard wait for one.
    assert_eq!(
        lab.on(HOSTS[1], "ls -A /etc/prometheus"),
        "dashboards\nrules\ntargets\n"
    );
    assert_eq!(
        lab.on(HOSTS[2], "ls -A /infra /infra/rules"),
        "/infra:\ndashboards\nrules\ntargets\n\n/infra/rules:\netcd-members-etcd.yml\netcd-rules.yml\n"
    );
    lab.flow("").changes_nothing();
    lab.on(HOSTS[1], "rm /etc/prometheus/targets/etcd/etcd-1.yml");
    let run = lab.flow("-t register_prometheus").changes_something();
    assert_eq!(
        run.changes(),
        [(
            HOSTS[1].to_string(),
            "file /etc/prometheus/targets/etcd/etcd-1.yml".to_string(),
            "create".to_string()
        )]
    );
    lab.flow("-t add_metrics -e etcd_target_dir=/srv/targets")
        .ok();
    assert_eq!(lab.on(HOSTS[2], "cat /srv/targets/etcd-1.yml"), target);

    let run = lab.flow("-t etcd_deregister").changes_something();
    let gone: Vec<String> = run
        .changes()
        .into_iter()
        .map(|(_, subject, what)| format!("{subject}: {what}"))
        .collect();
    let wanted = |folder: &str| {
        [
            format!("file {folder}/targets/etcd/etcd-1.yml: remove"),
            format!("file {folder}/rules/etcd-members-etcd.yml: remove"),
        ]
    };
    assert_eq!(
        gone,
        [wanted("/etc/prometheus"), wanted("/infra")].concat(),
        "the targets go and what is expected of them, and nothing else is touched"
    );
    assert_eq!(lab.on(HOSTS[1], "ls /etc/prometheus/targets/etcd"), "");
    lab.flow("").changes_something();

    // One that is down is a warning.
    lab.does("kill", &[HOSTS[2]]);
    lab.flow("-T 2").ok().says(&["10.10.10.12", "warning"]);
    lab.flow("-T 2 -t etcd_purge -y")
        .ok()
        .says(&["not deregistered"]);
    assert_eq!(lab.on(HOSTS[1], "ls /etc/prometheus/targets/etcd"), "");
    lab.does("boot", &[HOSTS[2]]);
    lab.flow("").ok();
    lab.flow("-t etcd_purge -y").ok();
    assert_eq!(lab.on(HOSTS[2], "ls /infra/targets/etcd"), "");
}
