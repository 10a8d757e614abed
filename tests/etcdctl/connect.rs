//! Who is asked, how often, and how long that takes: endpoints that refuse, that stand still, that are of different kinds.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use etcdsh::etcd::{Client, Config, GetOptions, Scraper};
use regex::Regex;
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

#[test]
fn requests_are_spread_over_all_endpoints() {
    let place = Place::new(14);
    let servers = place.servers(Kind::Three);
    let doors: Vec<Door> = (1..=3)
        .map(|number| Door::to(Some(servers.endpoint(number))))
        .collect();
    let endpoints: Vec<&str> = doors.iter().map(|door| door.address.as_str()).collect();
    let endpoints = format!("--endpoints={}", endpoints.join(","));
    let ours = place.ours();
    // That one of three is never begun with in forty times: one in three million.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(said(&ours.run(&format!("put a b {endpoints}"))), "OK 0");
                }
            });
        }
    });
    let counts: Vec<usize> = doors.iter().map(Door::count).collect();
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");

    // And those of one process.
    let client = Client::new(Config {
        endpoints: (1..=3).map(|number| servers.url(number)).collect(),
        spreads: true,
        ..Config::default()
    })
    .unwrap();
    for _ in 0..90 {
        client.get(b"a", &GetOptions::default()).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let answered: Vec<u64> = (1..=3).map(|number| ranges(&servers.url(number))).collect();
    assert!(answered.iter().all(|count| *count >= 20), "{answered:?}");
}

/// How many ranges a member has answered, as it counts them itself.
fn ranges(endpoint: &str) -> u64 {
    let mut scraper = Scraper::new(endpoint, &Config::default());
    let text = scraper.fetch(Duration::from_secs(5)).unwrap().text;
    let row = text.lines().find(|line| {
        line.starts_with("grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Range\"")
    });
    row.and_then(|row| row.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

/// What went through a port that is a proxy of HTTP: the first line of each who came, and then what is behind.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            heard.lock().unwrap().push(String::from_utf8(head).unwrap());
            // The address is a documentation's: nobody is there.
            client.write_all(b"HTTP/1.1 503 no\r\n\r\n").unwrap();
        }
    });
    (address, asked)
}

#[test]
fn a_proxy_is_asked_for_what_is_not_on_this_machine() {
    let place = Place::new(15);
    let (address, asked) = proxy();
    let lines = |tool: Tool| {
        let tool = tool.with([
            ("HTTPS_PROXY".into(), format!("http://u:p@{address}")),
            ("NO_PROXY".into(), "192.0.2.2".into()),
        ]);
        asked.lock().unwrap().clear();
        let outcome = tool.run(
            "get a --command-timeout=600ms --endpoints=192.0.2.1:2379,192.0.2.2:2379,127.0.0.1:1",
        );
        assert_eq!(said(&outcome), "Error: context deadline exceeded 1");
        let heard = asked.lock().unwrap().join("\n");
        let lines = heard
            .lines()
            .filter(|line| !line.starts_with("User-Agent"))
            .map(str::to_string);
        lines.collect::<Vec<String>>()
    };
    let (real, ours) = (lines(place.real()), lines(place.ours()));
    assert_eq!(ours, real);
    assert_eq!(ours[0], "CONNECT 192.0.2.1:2379 HTTP/1.1");
}

#[test]
fn a_request_that_fails_is_logged_as_by_etcdctl() {
    let place = Place::new(16);
    let _servers = place.servers(Kind::Plain);
    let endpoint = format!("{}:2379", place.addresses.ips[0]);
    let masks = [
        (r#""ts":"[^"]*""#, r#""ts":"""#),
        // These differ between releases.
        (r"v3(@v[0-9.]*)?/retry_interceptor.go(:\d+)?", "FILE"),
        ("last connection error: ", ""),
        ("0x[0-9a-f]+/", "0x0/"),
        (r#""peer":"[^"]*","#, ""),
    ]
    .map(|(mask, instead)| (Regex::new(mask).unwrap(), instead));
    let logged = |tool: &Tool, line: &str| {
        let outcome = tool.run(&format!("{line} --command-timeout=900ms"));
        let text = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let lines = text.lines().filter(|line| line.starts_with('{'));
        lines
            .map(|line| {
                masks
                    .iter()
                    .fold(line.to_string(), |line, (mask, instead)| {
                        mask.replace_all(&line, *instead).into_owned()
                    })
            })
            .collect::<Vec<String>>()
    };
    for line in [
        "put a b --endpoints=127.0.0.1:1",
        "lease grant 5 --endpoints=http://127.0.0.1:1",
        &format!("put a b --lease=77 --endpoints={endpoint}"),
        &format!("put a b --user=a:b --endpoints={endpoint}"),
        &format!("get a --rev=99 --endpoints={endpoint}"),
        &format!("put a b --endpoints={endpoint}"),
        &format!("lease keep-alive 77 --endpoints={endpoint}"),
    ] {
        let (real, ours) = (logged(&place.real(), line), logged(&place.ours(), line));
        assert_eq!(ours, real, "{line}");
    }
}
