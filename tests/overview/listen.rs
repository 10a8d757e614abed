//! The page while others keep its connections: it answers, it does not spin, and who says nothing is closed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::program::Test;

struct Served {
    child: Child,
    port: u16,
    _test: Test,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The page of a cluster that nobody finds.
fn served(descriptors: u32) -> Served {
    let hosts = "etcd: { hosts: { 127.0.9.77: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd } }\n";
    let test = Test::new().file("hosts.yml", hosts);
    let mut command = test.command("/bin/sh");
    command.arg("-c").arg(format!(
        "ulimit -n {descriptors}; exec etcdsh -i hosts.yml overview --no-hosts --listen 0"
    ));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let url = line.split_whitespace().next().unwrap();
    let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
    let port = port.parse().unwrap_or_else(|_| panic!("{line}"));
    Served {
        child,
        port,
        _test: test,
    }
}

impl Served {
    fn connection(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Is there a page within the limit?
    fn answers(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            let mut stream = self.connection();
            stream
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let mut text = String::new();
            let asked =
                stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            if asked.is_ok()
                && stream.read_to_string(&mut text).is_ok()
                && text.starts_with("HTTP/1.1 200")
            {
                return true;
            }
        }
        false
    }

    /// Seconds of the processor until now.
    fn processor(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / 100.0
    }
}

/// Has the other side closed it?
fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut byte = [0];
    match (&mut &*stream).read(&mut byte) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

fn thousand(served: &Served) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum.or(Some(4096)).map(|most| most.min(4096));
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!(served.answers(Duration::from_secs(30)), "before");
    let idle: Vec<TcpStream> = (0..1000).map(|_| served.connection()).collect();
    assert!(served.answers(Duration::from_secs(30)), "among 1,000");
    let before = served.processor();
    std::thread::sleep(Duration::from_secs(5));
    let used = served.processor() - before;
    assert!(used < 1.0, "{used} s of the processor in 5 s");
    assert!(served.answers(Duration::from_secs(30)), "after a while");
    let end = Instant::now() + Duration::from_mins(1);
    let mut open = idle;
    while !open.is_empty() {
        open.retain(|stream| !is_closed(stream));
        assert!(Instant::now() < end, "{} are still open", open.len());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(served.answers(Duration::from_secs(30)), "in the end");
}

#[test]
fn a_thousand_idle_connections_are_no_trouble() {
    thousand(&served(1024));
}

#[test]
fn few_descriptors_are_no_trouble() {
    thousand(&served(48));
}
