//! Real etcd servers, started anew for each side of a comparison, at the same addresses: so their ids, revisions and
//! terms are the same, and nothing of that has to be masked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use etcdsh::cert::{Ca, Issued, Leaf};
use etcdsh::etcd::{Client, Config};
use etcdsh::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use crate::etcd_client::raw::e;

/// What a scene runs against.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// TLS, and clients must show a certificate.
    Cert,
    /// Two clusters of one; `$EP2` is the second.
    Pair,
    /// Authentication is on; root's password is `root`.
    Password,
    #[default]
    Plain,
    /// A cluster of three, `m1` leads.
    Three,
    /// TLS with a certificate of the server only.
    Tls,
}

/// A release of etcd, by its first two numbers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
pub(super) enum Release {
    #[serde(rename = "3.4")]
    V34,
    #[serde(rename = "3.5")]
    V35,
}

impl Release {
    pub(super) fn name(self) -> &'static str {
        match self {
            Release::V34 => "3.4",
            Release::V35 => "3.5",
        }
    }
}

/// `etcd` or `etcdctl` of a release, as Debian built it.
pub(super) fn program(release: Release, name: &str) -> PathBuf {
    static FOLDERS: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    let (folder, suite) = match release {
        Release::V34 => (&FOLDERS[0], "bookworm"),
        Release::V35 => (&FOLDERS[1], "trixie"),
    };
    let fetch = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/etcd-binaries");
        let output = Command::new(script).arg(suite).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    folder.get_or_init(fetch).join(name)
}

/// A folder in memory where there is one: etcd waits for its disk at every write.
pub(super) fn folder() -> TempDir {
    let builder = tempfile::Builder::new();
    builder
        .tempdir_in("/dev/shm")
        .or_else(|_| builder.tempdir())
        .unwrap()
}

/// The addresses of one worker. They hold the process id, so two runs of the tests at a time do not meet.
#[derive(Clone)]
pub(super) struct Addresses {
    pub(super) ips: Vec<String>,
}

impl Addresses {
    pub(super) fn of_worker(worker: usize) -> Addresses {
        let id = std::process::id() % 62_500;
        let ip = |last: usize| format!("127.{}.{}.{last}", 1 + id / 250, 1 + id % 250);
        Addresses {
            ips: (1..=3).map(|member| ip(worker * 10 + member)).collect(),
        }
    }
}

/// One CA for all servers of a run, and files of what it issued.
pub(super) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    pub(super) fn new(workers: &[Addresses]) -> Certificates {
        let certificates = Certificates { folder: folder() };
        let ca = Ca::create("test-ca", 10).unwrap();
        let sans: Vec<String> = workers
            .iter()
            .flat_map(|worker| worker.ips.clone())
            .collect();
        let issue = |name: &str, sans: Vec<String>| {
            ca.issue(&Leaf {
                common_name: name.into(),
                days: 5,
                sans,
                ..Leaf::default()
            })
            .unwrap()
        };
        certificates.write("ca.crt", ca.cert_pem());
        certificates.write(
            "other-ca.crt",
            Ca::create("other-ca", 10).unwrap().cert_pem(),
        );
        certificates.write_pair("server", &issue("server", sans));
        certificates.write_pair("client", &issue("root", vec!["client".into()]));
        certificates.write_pair("stranger", &issue("stranger", vec!["127.0.0.1".into()]));
        certificates
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn write_pair(&self, name: &str, issued: &Issued) {
        self.write(&format!("{name}.crt"), &issued.cert_pem);
        self.write(&format!("{name}.key"), issued.key_pem.reveal());
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

struct Member {
    child: Child,
    folder: TempDir,
}

impl Member {
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Until it says that it serves, which is after it told the cluster its name and found the version.
    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            if (log.contains("serving client traffic")
                || log.contains("serving insecure client requests")
                || log.contains("serving client requests"))
                && (log.contains("set initial cluster version")
                    || log.contains("set the initial cluster version"))
            {
                return;
            }
            assert!(Instant::now() < end, "etcd did not start:\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The servers of one side of a scene.
pub(super) struct Servers {
    addresses: Addresses,
    kind: Kind,
    members: BTreeMap<usize, Member>,
}

impl Servers {
    pub(super) fn start(
        kind: Kind,
        release: Release,
        addresses: &Addresses,
        certificates: &Certificates,
    ) -> Servers {
        let mut servers = Servers {
            addresses: addresses.clone(),
            kind,
            members: BTreeMap::new(),
        };
        let count = match kind {
            Kind::Three => 3,
            Kind::Pair => 2,
            _ => 1,
        };
        for number in 1..=count {
            let member = servers.spawn(number, release, certificates);
            servers.members.insert(number, member);
        }
        servers.members.values().for_each(Member::wait);
        match kind {
            Kind::Three => servers.let_first_lead(),
            Kind::Password => servers.enable_auth(),
            _ => {}
        }
        servers
    }

    fn spawn(&self, number: usize, release: Release, certificates: &Certificates) -> Member {
        let folder = folder();
        let (url, peer) = (
            self.url(number),
            format!("http://{}:2380", self.addresses.ips[number - 1]),
        );
        let all: Vec<String> = (1..=3)
            .map(|number| format!("m{number}=http://{}:2380", self.addresses.ips[number - 1]))
            .collect();
        let cluster = if self.kind == Kind::Three {
            all.join(",")
        } else {
            all[number - 1].clone()
        };
        let (heartbeat, election) = if self.kind == Kind::Three {
            (50, 500)
        } else {
            (20, 200)
        };
        let mut arguments = vec![
            format!("--name=m{number}"),
            format!("--data-dir={}", folder.path().join("data").display()),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={cluster}"),
            format!("--heartbeat-interval={heartbeat}"),
            format!("--election-timeout={election}"),
            "--logger=zap".into(),
            "--bcrypt-cost=4".into(),
        ];
        if matches!(self.kind, Kind::Tls | Kind::Cert) {
            arguments.push(format!(
                "--cert-file={}",
                certificates.path("server.crt").display()
            ));
            arguments.push(format!(
                "--key-file={}",
                certificates.path("server.key").display()
            ));
        }
        if self.kind == Kind::Cert {
            arguments.push(format!(
                "--trusted-ca-file={}",
                certificates.path("ca.crt").display()
            ));
            arguments.push("--client-cert-auth".into());
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program(release, "etcd"))
            .env_clear()
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Member { child, folder }
    }

    pub(super) fn endpoint(&self, number: usize) -> String {
        format!("{}:2379", self.addresses.ips[number - 1])
    }

    pub(super) fn url(&self, number: usize) -> String {
        let scheme = if matches!(self.kind, Kind::Tls | Kind::Cert) {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.endpoint(number))
    }

    /// It does nothing any longer, and its connections stay.
    pub(super) fn freeze(&self, number: usize) {
        let pid = Pid::from_child(&self.members[&number].child);
        kill_process(pid, Signal::STOP).unwrap();
    }

    pub(super) fn stop(&mut self, number: usize) {
        self.members.remove(&number);
    }

    /// A client of our own, to prepare and to look; with root's rights.
    pub(super) fn client(&self, certificates: &Certificates) -> Client {
        let endpoints = self
            .members
            .keys()
            .take(if self.kind == Kind::Three { 3 } else { 1 })
            .map(|number| self.url(*number))
            .collect();
        let mut config = Config {
            endpoints,
            ..Config::default()
        };
        match self.kind {
            Kind::Cert => {
                config.ca_pem = Some(certificates.text("ca.crt"));
                config.cert_pem = Some(certificates.text("client.crt"));
                config.key_pem = Some(Secret::new(certificates.text("client.key")));
            }
            Kind::Password => {
                config.user = Some("root".into());
                config.password = Some(Secret::new("root"));
            }
            Kind::Tls => config.ca_pem = Some(certificates.text("ca.crt")),
            Kind::Pair | Kind::Plain | Kind::Three => {}
        }
        Client::new(config).unwrap()
    }

    fn open_client(&self) -> Client {
        let endpoints = self
            .members
            .keys()
            .map(|number| self.url(*number))
            .collect();
        Client::new(Config {
            endpoints,
            ..Config::default()
        })
        .unwrap()
    }

    fn let_first_lead(&self) {
        let client = self.open_client();
        let first = client.status(&self.url(1)).unwrap().member_id;
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let statuses: Vec<_> = self
                .members
                .keys()
                .filter_map(|number| client.status(&self.url(*number)).ok())
                .collect();
            if statuses.len() == 3 && statuses.iter().all(|status| status.leader == first) {
                return;
            }
            assert!(
                Instant::now() < end,
                "the first member does not come to lead"
            );
            if let Some(leader) = statuses
                .iter()
                .find(|status| status.leader == status.member_id && status.leader != first)
            {
                let _ = self
                    .only(&statuses, leader.member_id)
                    .map(|client| client.move_leader(first));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A client of the member with this id alone.
    fn only(&self, statuses: &[etcdsh::etcd::Status], id: u64) -> Option<Client> {
        let number = statuses.iter().position(|status| status.member_id == id)? + 1;
        Client::new(Config {
            endpoints: vec![self.url(number)],
            ..Config::default()
        })
        .ok()
    }

    fn enable_auth(&self) {
        let client = self.open_client();
        for words in [
            &["user", "add", "root:root"][..],
            &["role", "add", "root"],
            &["user", "grant-role", "root", "root"],
            &["auth", "enable"],
        ] {
            e(&client, words).unwrap();
        }
    }
}
