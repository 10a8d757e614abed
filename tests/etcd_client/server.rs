//! Real etcd servers on loopback, each in its own folder, killed when dropped.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use etcdsh::cert::{Ca, Leaf};
use etcdsh::etcd::{Client, Config};
use etcdsh::secret::Secret;
use tempfile::TempDir;

/// A program of etcd; `ETCDSH_TEST_ETCD` names a folder with another version.
pub(crate) fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match std::env::var_os("ETCDSH_TEST_ETCD") {
        Some(folder) => folder.into(),
        None => fetched(),
    });
    folder.join(name)
}

fn fetched() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/etcd-binaries");
    let output = Command::new(script).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Certificates of a server or a client.
pub(crate) struct Tls {
    pub(crate) ca: String,
    pub(crate) cert: String,
    pub(crate) key: Secret,
}

impl Tls {
    pub(crate) fn new(ca: &Ca, sans: &[&str], days: u32) -> Tls {
        let sans = sans.iter().map(|san| (*san).to_string()).collect();
        let leaf = Leaf {
            common_name: "test".into(),
            days,
            sans,
            ..Leaf::default()
        };
        let issued = ca.issue(&leaf).unwrap();
        Tls {
            ca: ca.cert_pem().into(),
            cert: issued.cert_pem,
            key: issued.key_pem,
        }
    }

    fn arguments(&self, folder: &Path, prefix: &str) -> Vec<String> {
        let file = |name: &str, text: &str| {
            let path = folder.join(format!("{prefix}{name}"));
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        vec![
            format!("--{prefix}trusted-ca-file={}", file("ca.crt", &self.ca)),
            format!("--{prefix}cert-file={}", file("server.crt", &self.cert)),
            format!(
                "--{prefix}key-file={}",
                file("server.key", self.key.reveal())
            ),
            format!("--{prefix}client-cert-auth=true"),
        ]
    }
}

/// What a member is told at its start, besides its own addresses.
#[derive(Clone, Copy, Default)]
pub(crate) struct Plan<'a> {
    /// `name=url,...`; a cluster of its own when empty.
    pub(crate) cluster: &'a str,
    pub(crate) joins: bool,
    pub(crate) tls: Option<&'a Tls>,
}

pub(crate) struct Server {
    arguments: Vec<String>,
    child: Child,
    pub(crate) endpoint: String,
    pub(crate) folder: TempDir,
    pub(crate) peer_url: String,
}

/// An address nobody uses now.
pub(crate) fn free(ip: &str) -> String {
    let ip: IpAddr = ip.parse().unwrap();
    TcpListener::bind((ip, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

pub(crate) fn scheme(tls: Option<&Tls>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

impl Server {
    /// A cluster of one.
    pub(crate) fn alone(tls: Option<&Tls>) -> Server {
        let server = Server::spawn(
            "m1",
            &free("127.0.0.1"),
            &free("127.0.0.1"),
            Plan {
                tls,
                ..Plan::default()
            },
        );
        server.wait_for_log();
        server
    }

    /// A member that is not waited for.
    pub(crate) fn spawn(name: &str, client: &str, peer: &str, plan: Plan<'_>) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = format!("{}://{client}", scheme(plan.tls));
        let peer_url = format!("{}://{peer}", scheme(plan.tls));
        let own = format!("{name}={peer_url}");
        let mut arguments = vec![
            format!("--name={name}"),
            format!("--data-dir={}", folder.path().join("data").display()),
            format!("--listen-client-urls={endpoint}"),
            format!("--advertise-client-urls={endpoint}"),
            format!("--listen-peer-urls={peer_url}"),
            format!("--initial-advertise-peer-urls={peer_url}"),
            format!(
                "--initial-cluster={}",
                if plan.cluster.is_empty() {
                    &own
                } else {
                    plan.cluster
                }
            ),
            format!(
                "--initial-cluster-state={}",
                if plan.joins { "existing" } else { "new" }
            ),
            "--heartbeat-interval=50".into(),
            "--election-timeout=500".into(),
            "--logger=zap".into(),
        ];
        for prefix in ["", "peer-"] {
            arguments.extend(
                plan.tls
                    .map(|tls| tls.arguments(folder.path(), prefix))
                    .unwrap_or_default(),
            );
        }
        let child = start(&arguments, folder.path());
        Server {
            arguments,
            child,
            endpoint,
            folder,
            peer_url,
        }
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = start(&self.arguments, self.folder.path());
        self.wait_for_log();
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Reads the log, since a client could not ask a server whose certificate is wrong on purpose.
    pub(crate) fn wait_for_log(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            if log.contains("serving client traffic") {
                return;
            }
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            assert!(
                Instant::now() < end,
                "etcd did not start; newest lines first:\n{}",
                last.join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(Config {
            endpoints: vec![self.endpoint.clone()],
            ..Config::default()
        })
        .unwrap()
    }
}

fn start(arguments: &[String], folder: &Path) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    Command::new(program("etcd"))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Members of one cluster, which have a leader.
pub(crate) fn three(ips: [&str; 3], tls: Option<&Tls>) -> Vec<Server> {
    let peers = ips.map(free);
    let list: Vec<String> = (peers.iter().enumerate())
        .map(|(index, peer)| format!("m{}={}://{peer}", index + 1, scheme(tls)))
        .collect();
    let list = list.join(",");
    let plan = Plan {
        cluster: &list,
        joins: false,
        tls,
    };
    let servers: Vec<Server> = (peers.iter().zip(ips).enumerate())
        .map(|(index, (peer, ip))| Server::spawn(&format!("m{}", index + 1), &free(ip), peer, plan))
        .collect();
    servers.iter().for_each(Server::wait_for_log);
    servers
}

/// Three members with TLS on 127.0.0.2, .3 and .4.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
    pub(crate) tls: Tls,
}

impl Cluster {
    pub(crate) fn start() -> Cluster {
        let ca = Ca::create("test-ca", 10).unwrap();
        // Peers come from 127.0.0.1, and etcd wants that address in their certificates.
        let ips = [
            "127.0.0.2",
            "127.0.0.3",
            "127.0.0.4",
            "127.0.0.5",
            "127.0.0.1",
        ];
        let tls = Tls::new(&ca, &ips, 5);
        let servers = three(["127.0.0.2", "127.0.0.3", "127.0.0.4"], Some(&tls));
        Cluster { servers, tls }
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            ca_pem: Some(self.tls.ca.clone()),
            cert_pem: Some(self.tls.cert.clone()),
            endpoints: self
                .servers
                .iter()
                .map(|server| server.endpoint.clone())
                .collect(),
            key_pem: Some(self.tls.key.clone()),
            ..Config::default()
        }
    }
}

/// The endpoint of a server that begins HTTP/2 as it should, takes requests, and answers none.
pub(crate) fn speechless() -> String {
    /// A frame of settings with nothing in it: RFC 9113, 6.5.
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for client in listener.incoming() {
            let mut client = client.unwrap();
            client.write_all(&SETTINGS).unwrap();
            held.push(client);
        }
    });
    endpoint
}
