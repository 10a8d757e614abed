//! TLS as it is met: certificates of every kind on both sides, and what each side says of it. The real etcdctl beside ours, against a
//! real etcd for each certificate of a server.
//!
//! `ETCDCTL_TLS=TEXT` takes only the servers and lines with this text; all differences are told, not the first.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::run::{self, Tool};
use super::server::{Addresses, Release, folder, program};

/// `CERTIFICATE [FLAGS of etcd]`, and the lines that are run against it. `$A` is the server's address. Where a line says no endpoint, it
/// is `https://$A`, and where it says no CA, the server's own.
const TABLE: &[(&str, &str, &[&str])] = &[
    (
        "p256",
        "",
        &[
            "",
            "--cacert=bundle.crt",
            "--cacert=dressed.crt",
            "--cacert=trusted.crt",
            "--cacert=trusted-more.crt",
            "--cacert=broken-text.crt",
            "--cacert=broken-block.crt",
            "--cacert=with-key.crt",
            "--cacert=cut.crt",
            "--cacert=empty.crt",
            "--cacert=words.crt",
            "--cacert=ca.der",
            "--cacert=/dev/null",
            "--cacert=none.crt",
            "--cacert=.",
            "--cacert=other.crt",
            "--cacert=",
            "--insecure-skip-tls-verify --cacert=other.crt",
            "--endpoints=$A",
            "--endpoints=http://$A",
            "--endpoints=https://localhost:2379",
            "--endpoints=unixs://$A:2379",
        ],
    ),
    ("rsa1024", "", &["", "--cacert=other.crt"]),
    ("rsa1024", "--tls-max-version=TLS1.2", &[""]),
    ("rsa2048", "", &[""]),
    ("rsa2048", "--tls-max-version=TLS1.2", &[""]),
    ("rsa4096", "", &[""]),
    ("p384", "", &[""]),
    ("p384", "--tls-max-version=TLS1.2", &[""]),
    ("p521", "", &["", "--insecure-skip-tls-verify"]),
    ("p521", "--tls-max-version=TLS1.2", &[""]),
    ("ed25519", "", &[""]),
    ("ed25519", "--tls-max-version=TLS1.2", &[""]),
    ("of-rsa1024", "", &["--cacert=ca-rsa1024.crt"]),
    ("sha384-of-rsa1024", "", &["--cacert=ca-rsa1024.crt"]),
    ("sha512-of-rsa1024", "", &["--cacert=ca-rsa1024.crt"]),
    ("of-rsa2048", "", &["--cacert=ca-rsa2048.crt"]),
    ("of-p521", "", &["--cacert=ca-p521.crt"]),
    ("of-ed25519", "", &["--cacert=ca-ed25519.crt"]),
    ("sha1", "", &["--cacert=ca-rsa2048.crt"]),
    ("pss", "", &["--cacert=ca-rsa2048.crt"]),
    (
        "self-ca",
        "",
        &["--cacert=self-ca.crt", "", "--insecure-skip-tls-verify"],
    ),
    ("self", "", &["--cacert=self.crt", ""]),
    ("self-plain", "", &["--cacert=self-plain.crt"]),
    (
        "leaf-ca",
        "",
        &["", "--cacert=other.crt", "--cacert=leaf-ca.crt"],
    ),
    ("no-names", "", &["", "--insecure-skip-tls-verify"]),
    ("other-name", "", &[""]),
    ("wildcard", "", &["--endpoints=https://localhost:2379", ""]),
    ("for-clients", "", &[""]),
    ("for-servers", "", &[""]),
    ("for-any", "", &[""]),
    ("critical", "", &[""]),
    ("ended", "", &["", "--insecure-skip-tls-verify"]),
    ("early", "", &[""]),
    ("chain", "", &["", "--cacert=middle.crt"]),
    (
        "of-middle",
        "",
        &["", "--cacert=middle.crt", "--cacert=other.crt"],
    ),
    ("chain-no-ca", "", &["", "--cacert=no-ca.crt"]),
    ("too-long", "", &["--cacert=short.crt"]),
    ("of-no-sign", "", &["--cacert=no-sign.crt"]),
    ("of-narrow", "", &["--cacert=narrow.crt"]),
    ("of-elsewhere", "", &["--cacert=elsewhere.crt"]),
    ("of-ended-ca", "", &["--cacert=ended-ca.crt"]),
    ("of-first", "", &["--cacert=first.crt"]),
    ("v1-server", "", &["", "--insecure-skip-tls-verify"]),
    (
        "p256",
        "--client-cert-auth --trusted-ca-file=ca.crt",
        &[
            "",
            "--cert=client-rsa2048.crt --key=client-rsa2048.key",
            "--cert=client-rsa4096.crt --key=client-rsa4096.key",
            "--cert=client-p256.crt --key=client-p256.key",
            "--cert=client-p384.crt --key=client-p384.key",
            "--cert=client-p521.crt --key=client-p521.key",
            "--cert=client-ed25519.crt --key=client-ed25519.key",
            "--cert=client-rsa2048.crt --key=pkcs1.key",
            "--cert=client-p256.crt --key=pkcs8.key",
            "--cert=client-p256.crt --key=parameters.key",
            "--cert=client-p256.crt --key=encrypted.key",
            "--cert=client-p256.crt --key=encrypted-old.key",
            "--cert=both.pem --key=both.pem",
            "--cert=client-p256.crt --key=client-p384.key",
            "--cert=client-p256.crt --key=client-rsa2048.key",
            "--cert=trusted-client.crt --key=client-p256.key",
            "--cert=v1-client.crt --key=v1-client.key",
            "--cert=v1-client-ec.crt --key=v1-client-ec.key",
            "--cert=client-chain.crt --key=client-of-middle.key",
            "--cert=client-of-middle.crt --key=client-of-middle.key",
            "--cert=client-ended.crt --key=client-ended.key",
            "--cert=client-for-servers.crt --key=client-for-servers.key",
            "--cert=stranger.crt --key=stranger.key",
            "--cert=client-p256.key --key=client-p256.crt",
            "--cert=client-p256.crt --key=client-p256.crt",
            "--cert=words.crt --key=client-p256.key",
            "--cert=client-p256.crt --key=words.crt",
            "--cert=broken-block.crt --key=client-p256.key",
            "--cert=client-p256.crt",
            "--key=client-p256.key",
        ],
    ),
    (
        "p256",
        "--client-cert-auth --trusted-ca-file=ca.crt --tls-max-version=TLS1.2",
        &[
            "",
            "--cert=client-p521.crt --key=client-p521.key",
            "--cert=v1-client.crt --key=v1-client.key",
            "--cert=client-rsa2048.crt --key=client-rsa2048.key",
        ],
    ),
];

const WORKERS: usize = 4;

struct Server {
    child: Child,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(address: &str, certificate: &str, flags: &str, certificates: &Path) -> Server {
        let folder = folder();
        let (client, peer) = (
            format!("https://{address}:2379"),
            format!("http://{address}:2380"),
        );
        let mut command = Command::new(program(Release::V35, "etcd"));
        command
            .env_clear()
            .current_dir(certificates)
            .arg(format!(
                "--data-dir={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster=default={peer}"))
            .arg(format!("--cert-file={certificate}.crt"))
            .arg(format!("--key-file={certificate}.key"))
            .args(["--heartbeat-interval=20", "--election-timeout=200"])
            .args(flags.split_whitespace());
        let log = folder.path().join("log");
        let child = command
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let server = Server {
            child,
            _folder: folder,
        };
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let text = fs::read_to_string(&log).unwrap_or_default();
            if text.contains("serving client traffic") {
                return server;
            }
            assert!(Instant::now() < end, "etcd with {certificate}:\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What the line came to: exit code and what was said, log lines apart.
fn said(program: &Path, env: &[(String, String)], certificates: &Path, line: &str) -> String {
    let tool = Tool {
        env: env.to_vec(),
        folder: certificates.to_path_buf(),
        program: program.to_path_buf(),
    };
    let outcome = tool.run(line);
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let lines = text.lines().filter(|line| !line.starts_with('{'));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    format!(
        "{}{}exit {}",
        text(&outcome.stdout),
        text(&outcome.stderr),
        outcome.code
    )
}

fn whole(line: &str, address: &str) -> String {
    let mut whole = "put a b --command-timeout=2500ms".to_string();
    if !line.contains("--cacert") && !line.contains("skip-tls-verify") {
        whole.push_str(" --cacert=ca.crt");
    }
    if !line.contains("--endpoints") {
        let _ = write!(whole, " --endpoints=https://{address}:2379");
    }
    let line = line.replace("$A", &format!("{address}:2379"));
    format!("{whole} {line}").trim_end().to_string()
}

/// The lines of the table for a server, each by both; what is not equal.
fn play(
    address: &str,
    (certificate, flags, lines): (&str, &str, &[&str]),
    certificates: &Path,
    ours: &Path,
) -> (usize, Vec<String>) {
    let wanted = std::env::var("ETCDCTL_TLS").unwrap_or_default();
    let name = |line: &str| format!("{certificate} {flags}: {line}");
    let lines: Vec<&&str> = lines
        .iter()
        .filter(|line| name(line).contains(&wanted))
        .collect();
    if lines.is_empty() {
        return (0, Vec::new());
    }
    let _server = Server::start(address, certificate, flags, certificates);
    let compat = [("ETCDSH_ETCDCTL_COMPAT".to_string(), "3.5".to_string())];
    let mut differences = Vec::new();
    for line in &lines {
        let whole = whole(line, address);
        let real = program(Release::V35, "etcdctl");
        let (real, ours) = std::thread::scope(|scope| {
            let real = scope.spawn(|| said(&real, &[], certificates, &whole));
            let ours = said(ours, &compat, certificates, &whole);
            (real.join().unwrap(), ours)
        });
        if real != ours {
            differences.push(format!(
                "{}\n  etcdctl: {real}\n  ours:    {ours}",
                name(line)
            ));
        }
    }
    (lines.len(), differences)
}

#[test]
fn every_certificate_is_judged_as_by_etcdctl() {
    let workers: Vec<String> = (0..WORKERS)
        .map(|worker| Addresses::of_worker(21 + worker).ips[0].clone())
        .collect();
    let folder = folder();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/etcdctl/certificates.sh");
    let made = Command::new(script)
        .arg(folder.path())
        .args(&workers)
        .status()
        .unwrap();
    let log = fs::read_to_string(folder.path().join("openssl.log")).unwrap_or_default();
    assert!(made.success(), "{log}");
    let ours = run::ours(folder.path());
    let (rest, seen) = (Mutex::new(TABLE.iter()), Mutex::new((0, Vec::new())));
    std::thread::scope(|scope| {
        for address in &workers {
            let (rest, seen, folder, ours) = (&rest, &seen, folder.path(), &ours);
            scope.spawn(move || {
                loop {
                    let Some(row) = rest.lock().unwrap().next() else {
                        return;
                    };
                    let (count, differences) = play(address, *row, folder, ours);
                    let mut seen = seen.lock().unwrap();
                    seen.0 += count;
                    seen.1.extend(differences);
                }
            });
        }
    });
    let (count, differences) = seen.into_inner().unwrap();
    assert!(
        differences.is_empty(),
        "{} of {count} set-ups differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(count > 0);
}
