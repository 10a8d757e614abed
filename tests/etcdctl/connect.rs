//! Who is asked, how often, and how long that takes: endpoints that refuse, that stand still, that are of different kinds.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::run::{self, Outcome, Tool};
use super::server::{Addresses, Certificates, Kind, Release, Servers, folder, program};

/// A port that counts who comes, and sends them on, or away.
struct Door {
    address: String,
    count: Arc<AtomicUsize>,
}

impl Door {
    fn to(target: Option<String>) -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let (Ok(client), Some(target)) = (client, &target) else {
                    continue;
                };
                let server = TcpStream::connect(target).unwrap();
                for (mut from, mut to) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server, client),
                ] {
                    std::thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Door { address, count }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// A folder with our etcdctl, and certificates for servers of one worker.
struct Place {
    addresses: Addresses,
    certificates: Certificates,
    folder: TempDir,
}

impl Place {
    fn new(worker: usize) -> Place {
        let addresses = Addresses::of_worker(worker);
        let certificates = Certificates::new(std::slice::from_ref(&addresses));
        Place {
            addresses,
            certificates,
            folder: folder(),
        }
    }

    fn servers(&self, kind: Kind) -> Servers {
        Servers::start(kind, Release::V35, &self.addresses, &self.certificates)
    }

    fn ours(&self) -> Tool {
        let link = self.folder.path().join("etcdctl");
        if !link.exists() {
            run::ours(self.folder.path());
        }
        let compat = ("ETCDSH_ETCDCTL_COMPAT".to_string(), "3.5".to_string());
        Tool {
            env: vec![compat],
            folder: self.folder.path().into(),
            program: link,
        }
    }

    fn real(&self) -> Tool {
        Tool {
            env: Vec::new(),
            folder: self.folder.path().into(),
            program: program(Release::V35, "etcdctl"),
        }
    }
}

/// Exit code and what was said, log lines apart.
fn said(outcome: &Outcome) -> String {
    let text = [outcome.stdout.as_slice(), outcome.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with('{'));
    let lines: Vec<&str> = lines.collect();
    format!("{} {}", lines.join(" "), outcome.code)
}

#[test]
fn who_refuses_is_asked_four_times_in_five_seconds_at_most() {
    let place = Place::new(10);
    let _servers = place.servers(Kind::Cert);
    let wants_certificate = Door::to(Some(format!("{}:2379", place.addresses.ips[0])));
    let closes = Door::to(None);
    let endless = Door::to(None);
    let ca = place.certificates.path("ca.crt").display().to_string();
    let ours = place.ours();
    std::thread::scope(|scope| {
        let asked = [
            (
                &wants_certificate,
                format!(
                    "put a b --endpoints=https://{} --cacert={ca}",
                    wants_certificate.address
                ),
            ),
            (
                &closes,
                format!("get a --endpoints=http://{}", closes.address),
            ),
        ]
        .map(|(door, line)| {
            let ours = &ours;
            scope.spawn(move || (door, ours.run(&line), line))
        });
        // It has no deadline.
        let line = format!("user list --endpoints=http://{}", endless.address);
        let end = ours.start(&line).end_within(b"", 5);
        for asked in asked {
            let (door, outcome, line) = asked.join().unwrap();
            assert_eq!(
                said(&outcome),
                "Error: context deadline exceeded 1",
                "{line}"
            );
            assert!((2..=4).contains(&door.count()), "{line}: {}", door.count());
        }
        assert_eq!(end.code, "timeout");
        assert!((2..=4).contains(&endless.count()), "{}", endless.count());
    });
}

#[test]
fn members_that_stand_still_are_left_behind() {
    let place = Place::new(11);
    let servers = place.servers(Kind::Three);
    let endpoints: Vec<String> = (1..=3).map(|number| servers.endpoint(number)).collect();
    let endpoints = endpoints.join(",");
    let ours = place.ours();
    let timed = |line: &str| {
        let start = Instant::now();
        let outcome = ours.run(&format!("{line} --endpoints={endpoints}"));
        (said(&outcome), start.elapsed())
    };
    // The first leads.
    servers.freeze(2);
    let (text, took) = timed("put a b");
    assert_eq!(text, "OK 0");
    assert!(took < Duration::from_millis(1500), "{took:?}");
    servers.freeze(1);
    let (text, took) = timed("get a --consistency=s");
    assert_eq!(text, "a b 0");
    assert!(took < Duration::from_millis(1500), "{took:?}");
    let (text, took) = timed("put a b --command-timeout=2s");
    assert_eq!(text, "Error: context deadline exceeded 1");
    assert!(took > Duration::from_millis(1500), "{took:?}");
    assert!(took < Duration::from_millis(2800), "{took:?}");
    servers.freeze(3);
    let (text, took) = timed("get a --consistency=s --command-timeout=2s");
    assert_eq!(text, "Error: context deadline exceeded 1");
    assert!(took < Duration::from_millis(2800), "{took:?}");
}

#[test]
fn endpoints_of_two_kinds_are_as_with_etcdctl() {
    let (plain, secure) = (Place::new(12), Place::new(13));
    let (_plain, _secure) = (plain.servers(Kind::Plain), secure.servers(Kind::Tls));
    let ca = secure.certificates.path("ca.crt").display().to_string();
    let (p, s) = (
        format!("{}:2379", plain.addresses.ips[0]),
        format!("{}:2379", secure.addresses.ips[0]),
    );
    let lines = [
        format!("http://{p},https://{s}"),
        format!("https://{s},http://{p}"),
        format!("http://{p},https://{s} --cacert={ca}"),
        format!("https://{s},http://{p} --cacert={ca}"),
        format!("http://127.0.0.1:1,https://{s} --cacert={ca}"),
        format!("https://127.0.0.1:1,http://{p} --cacert={ca}"),
        format!("{p},https://{s} --cacert={ca}"),
        format!("{p},http://{p} --cacert={ca}"),
        format!("http://{s},http://{p}"),
        format!("HTTP://{p}"),
        format!("\"{p}\""),
        format!("\"http://{p}\",\"http://127.0.0.1:1\""),
        format!("\"{p}"),
        "'\"a\"b'".to_string(),
    ];
    let (ours, real) = (plain.ours(), plain.real());
    std::thread::scope(|scope| {
        let both = lines.map(|line| {
            let whole = format!("put a b --command-timeout=2s --endpoints={line}");
            let (ours, real) = (&ours, &real);
            scope.spawn(move || {
                let seen = [real, ours].map(|tool| said(&tool.run(&whole)));
                (whole, seen)
            })
        });
        for both in both {
            let (line, [real, ours]) = both.join().unwrap();
            // The page that follows a wrong flag is in our own words.
            let first = |text: &str| text.split("NAME:").next().unwrap_or_default().to_string();
            assert_eq!(first(&ours), first(&real), "{line}");
        }
    });
    let native = Tool {
        program: env!("CARGO_BIN_EXE_etcdsh").into(),
        ..ours
    };
    let outcome = native.run("e put a b --endpoints=https://a:1,http://b:1");
    assert_eq!(
        said(&outcome),
        "Error: some endpoints are with TLS, some without   what goes to one may go to any of them  hint: --endpoints=https://a:1,https://b:1 128"
    );
}
