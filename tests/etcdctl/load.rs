//! A load as Patroni's: leases by the thousand, watches that must miss nothing while the leader dies and the history is
//! compacted, a large value, binary keys, very many keys under one prefix.
//!
//! `ETCDSH_TORTURE=1` gives the full figures; else a sample.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use etcdsh::etcd::{Client, Delete, DeleteOptions, GetOptions, PutOptions, hex};
use tempfile::TempDir;

use crate::etcd_client::raw::{self, e};
use crate::etcd_client::server::Cluster;

fn torture() -> bool {
    std::env::var_os("ETCDSH_TORTURE").is_some()
}

/// `etcdctl` that is ours, and the environment that leads it to a cluster.
struct Ours {
    folder: TempDir,
    variables: Vec<(&'static str, OsString)>,
}

impl Ours {
    fn of(cluster: &Cluster) -> Ours {
        let folder = tempfile::tempdir().unwrap();
        symlink(env!("CARGO_BIN_EXE_etcdsh"), folder.path().join("etcdctl")).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.into_os_string()
        };
        let variables = vec![
            ("ETCDCTL_CACERT", file("ca.crt", &cluster.tls.ca)),
            ("ETCDCTL_CERT", file("cert", &cluster.tls.cert)),
            ("ETCDCTL_KEY", file("key", cluster.tls.key.reveal())),
            (
                "ETCDCTL_ENDPOINTS",
                cluster.config().endpoints.join(",").into(),
            ),
        ];
        Ours { folder, variables }
    }

    /// As `etcdctl`, which is strict.
    fn strict(&self) -> Command {
        let mut command = Command::new(self.folder.path().join("etcdctl"));
        command
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path());
        command
    }

    /// As `etcdsh e`.
    fn native(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_etcdsh"));
        command
            .arg("e")
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path());
        command
    }
}

fn succeeded(output: Output) -> Vec<u8> {
    assert!(
        output.status.success(),
        "{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A watch in a process of its own; its lines come through a channel.
struct Watch {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watch {
    fn begin(mut command: Command, words: &[&str]) -> Watch {
        let mut child = command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line).map_err(drop))
        });
        Watch { child, lines }
    }

    /// The values of the next `count` events, in the order they came.
    fn values(&self, count: usize) -> Vec<String> {
        let end = Instant::now() + Duration::from_mins(1);
        let mut values = Vec::new();
        while values.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            let line = || {
                self.lines
                    .recv_timeout(left)
                    .unwrap_or_else(|_| panic!("{} of {count} events came", values.len()))
            };
            assert_eq!(line(), "PUT");
            let (_key, value) = (line(), line());
            values.push(value);
        }
        values
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn leader(cluster: &Cluster, client: &Client) -> usize {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let leads = |endpoint: &str| {
            client
                .status(endpoint)
                .is_ok_and(|status| status.leader != 0 && status.leader == status.member_id)
        };
        if let Some(place) = cluster
            .servers
            .iter()
            .position(|server| leads(&server.endpoint))
        {
            return place;
        }
        assert!(Instant::now() < end, "no member leads");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Try again while an election runs.
fn put(client: &Client, key: &str, value: &str, options: PutOptions) {
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = client.put(key.as_bytes(), value.as_bytes(), options) {
        assert!(Instant::now() < end, "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const KEEPERS: usize = 8;

/// Ends the keepers, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Hold a key by a lease of its own for each number, as so many Patronis would: each begins anew in good time.
fn keep(client: &Client, numbers: impl Iterator<Item = usize>, ttl: i64, stop: &AtomicBool) {
    let begin = |number: usize| {
        let id = raw::lease(client, ttl);
        client
            .put(
                format!("/leader/{number}").as_bytes(),
                b"me",
                PutOptions {
                    lease: id,
                    ..PutOptions::default()
                },
            )
            .unwrap();
        id
    };
    let mut ids = Vec::new();
    let mut round = Instant::now();
    let renew = |ids: &[u64]| {
        ids.iter()
            .take_while(|_| !stop.load(Ordering::Relaxed))
            .for_each(|id| drop(e(client, &["lease", "keep-alive", "--once", &hex(*id)])));
    };
    let due = Duration::from_secs(u64::try_from(ttl).unwrap() / 3);
    for number in numbers {
        ids.push(begin(number));
        if round.elapsed() > due {
            round = Instant::now();
            renew(&ids);
        }
    }
    while !stop.load(Ordering::Relaxed) {
        if round.elapsed() > due {
            round = Instant::now();
            renew(&ids);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn leases_and_watches_live_through_a_leader_change_and_a_compaction() {
    let (leases, ttl): (usize, i64) = if torture() { (10_000, 60) } else { (1_000, 20) };
    let mut cluster = Cluster::start();
    let client = Client::new(cluster.config()).unwrap();
    let ours = Ours::of(&cluster);
    let (strict, native) = (
        Watch::begin(ours.strict(), &["watch", "--prefix", "/optime/"]),
        Watch::begin(ours.native(), &["watch", "--prefix", "/optime/"]),
    );
    // Both watches stand when they have seen a first event.
    for watch in [&strict, &native] {
        let end = Instant::now() + Duration::from_secs(20);
        while watch
            .lines
            .recv_timeout(Duration::from_millis(200))
            .is_err()
        {
            assert!(Instant::now() < end, "a watch does not begin");
            put(&client, "/optime/first", "0", PutOptions::default());
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    for watch in [&strict, &native] {
        while watch.lines.try_recv().is_ok() {}
    }

    let stop = AtomicBool::new(false);
    let count = 300;
    std::thread::scope(|scope| {
        let ending = Stop(&stop);
        for part in 0..KEEPERS {
            let (client, stop) = (client.clone(), &stop);
            scope.spawn(move || keep(&client, (part..leases).step_by(KEEPERS), ttl, stop));
        }
        let kept = || {
            client
                .get(
                    b"/leader/",
                    &GetOptions {
                        prefix: true,
                        count_only: true,
                        ..GetOptions::default()
                    },
                )
                .map_or(0, |got| got.count)
        };
        let wanted = i64::try_from(leases).unwrap();
        let end = Instant::now() + Duration::from_mins(2);
        while kept() < wanted {
            assert!(
                Instant::now() < end,
                "{} of {leases} leases are held",
                kept()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        for number in 0..count {
            put(
                &client,
                "/optime/pg",
                &number.to_string(),
                PutOptions::default(),
            );
            if number == count / 3 {
                let leader = leader(&cluster, &client);
                cluster.servers[leader].restart();
            }
            if number == count / 2 {
                let revision = client
                    .get(b"/optime/pg", &GetOptions::default())
                    .unwrap()
                    .header
                    .revision;
                e(&client, &["compaction", &revision.to_string()]).unwrap();
            }
        }
        let values: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        // A put that was made twice, since its answer was lost, is seen twice.
        for watch in [&strict, &native] {
            let mut seen = watch.values(count);
            seen.dedup();
            let missing = count - seen.len();
            if missing > 0 {
                seen.extend(watch.values(missing));
            }
            assert_eq!(seen, values);
        }
        // Longer than a lease lives alone.
        std::thread::sleep(Duration::from_secs(u64::try_from(ttl).unwrap() + 5));
        let alive = kept();
        drop(ending);
        assert_eq!(alive, wanted);
    });
    let listed = String::from_utf8(succeeded(
        ours.strict().args(["lease", "list"]).output().unwrap(),
    ))
    .unwrap();
    assert_eq!(
        listed.lines().next(),
        Some(format!("found {leases} leases").as_str())
    );
    assert_eq!(listed.lines().count(), leases + 1);
}

#[test]
fn large_values_and_binary_keys_come_back_as_they_were() {
    let cluster = Cluster::start();
    let ours = Ours::of(&cluster);
    let large: Vec<u8> = (0..1_400_000_u32)
        .map(|place| u8::try_from(place.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    let mut child = ours
        .strict()
        .args(["put", "large"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&large).unwrap();
    assert_eq!(succeeded(child.wait_with_output().unwrap()), b"OK\n");
    for mut command in [ours.strict(), ours.native()] {
        let got = succeeded(
            command
                .args(["get", "large", "--print-value-only"])
                .output()
                .unwrap(),
        );
        assert!(
            got == [&large[..], b"\n"].concat(),
            "the large value came back as {} bytes",
            got.len()
        );
    }
    for key in [
        &b"a b"[..],
        b" ",
        b"\xff\xfe\x01",
        b"--flag",
        b"\n",
        "\u{e4}\u{1f600}".as_bytes(),
    ] {
        let key = OsStr::from_bytes(key);
        let words = [OsStr::new("put"), OsStr::new("--"), key, key];
        assert_eq!(
            succeeded(ours.strict().args(words).output().unwrap()),
            b"OK\n"
        );
        let words = [
            OsStr::new("get"),
            OsStr::new("--print-value-only"),
            OsStr::new("--"),
            key,
        ];
        assert_eq!(
            succeeded(ours.native().args(words).output().unwrap()),
            [key.as_bytes(), b"\n"].concat()
        );
    }
}

#[test]
fn very_many_keys_under_a_prefix_are_read_at_one_revision() {
    let count = if torture() { 1_000_000 } else { 20_000 };
    let cluster = Cluster::start();
    let ours = Ours::of(&cluster);
    let mut child = ours
        .native()
        .args(["import", "-", "-y"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    for number in 0..count {
        writeln!(
            input,
            "{{\"key\":\"many/{number:09}\",\"value\":\"value {number}\"}}"
        )
        .unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    let wanted: String = (0..count)
        .map(|number| format!("many/{number:09}\nvalue {number}\n"))
        .collect();
    let mut child = ours
        .native()
        .args(["get", "--prefix", "many/", "--command-timeout=120s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // While it reads, the keys go away: it must not see that.
    let mut out = child.stdout.take().unwrap();
    let mut got = vec![0; 1000];
    std::io::Read::read_exact(&mut out, &mut got).unwrap();
    let client = Client::new(cluster.config()).unwrap();
    let range = DeleteOptions {
        prefix: true,
        ..DeleteOptions::default()
    };
    let Delete { deleted, .. } = client.delete(b"many/0000001", &range).unwrap();
    assert_eq!(deleted, 100);
    std::io::Read::read_to_end(&mut out, &mut got).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(
        got == wanted.as_bytes(),
        "{} bytes instead of {}",
        got.len(),
        wanted.len()
    );
}
