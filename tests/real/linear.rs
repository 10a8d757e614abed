//! Is what clients saw explained by one register for each key, changed at one moment between the call and the answer of each write?
//!
//! Several clients write and read the same keys while something is done to the cluster; [`Load::explained`] ends them and looks. The
//! search is Wing's and Gong's, with Lowe's memory of what was tried before. A write without an answer may have come true at any time
//! since, or never. Which answers would not be explained is in the tests below.

use std::collections::{BTreeMap, HashSet};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::lab::Lab;

/// Clients that work side by side, and the keys they share.
const CLIENTS: u64 = 3;
const KEYS: u64 = 2;
/// Each client stops by itself after this many calls.
const CALLS: u64 = 4_000;
/// Between two calls of a client: the hosts are on this machine, too.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// What was read; `None` where there was no such key.
    Read(Option<u64>),
    /// Each value is written once.
    Write(u64),
}

/// A call of a client and its answer; `None` where none came.
#[derive(Clone, Copy, Debug)]
struct Call {
    act: Act,
    begin: Duration,
    end: Option<Duration>,
}

/// Is there an order of all calls that explains their answers, each within its time?
fn is_explained(calls: &[Call]) -> bool {
    // As deep as there are calls.
    std::thread::scope(|scope| {
        let search = std::thread::Builder::new().stack_size(512 << 20);
        let search = search.spawn_scoped(scope, || search_order(calls));
        search.expect("a thread").join().expect("the search ends")
    })
}

fn search_order(calls: &[Call]) -> bool {
    // What has happened in the order of time: true is the begin of a call, false its end.
    let mut moments: Vec<(Duration, bool, usize)> = Vec::new();
    for (nth, call) in calls.iter().enumerate() {
        moments.push((call.begin, true, nth));
        moments.extend(call.end.map(|end| (end, false, nth)));
    }
    // A begin before an end of the same moment: then they may have been side by side.
    moments.sort_by_key(|(time, begin, nth)| (*time, !begin, *nth));
    let mut search = Search {
        calls,
        done: vec![false; calls.len()],
        moments: &moments,
        tried: HashSet::new(),
    };
    search.from(0, None)
}

struct Search<'a> {
    calls: &'a [Call],
    done: Vec<bool>,
    moments: &'a [(Duration, bool, usize)],
    tried: HashSet<(usize, Vec<usize>, Option<u64>)>,
}

impl Search<'_> {
    /// All that ends before this moment is in its place, and the register has this value: is there a place for the rest?
    fn from(&mut self, mut moment: usize, value: Option<u64>) -> bool {
        // Up to the first end of a call that has no place yet.
        while let Some((_, begin, nth)) = self.moments.get(moment) {
            if !begin && !self.done[*nth] {
                break;
            }
            moment += 1;
        }
        if moment == self.moments.len() {
            return true;
        }
        let open: Vec<usize> = self.moments[..moment]
            .iter()
            .filter(|(_, begin, nth)| *begin && !self.done[*nth])
            .map(|(_, _, nth)| *nth)
            .collect();
        if !self.tried.insert((moment, open.clone(), value)) {
            return false;
        }
        for nth in open {
            let next = match self.calls[nth].act {
                Act::Read(seen) if seen != value => continue,
                Act::Read(_) => value,
                Act::Write(written) => Some(written),
            };
            self.done[nth] = true;
            if self.from(moment, next) {
                return true;
            }
            self.done[nth] = false;
        }
        false
    }
}

/// Clients at work.
pub(super) struct Load {
    clients: Vec<JoinHandle<Vec<(u64, Call)>>>,
    ended: Arc<AtomicBool>,
}

impl Load {
    pub(super) fn begin(lab: &Lab) -> Load {
        let ended = Arc::new(AtomicBool::new(false));
        let value = Arc::new(AtomicU64::new(1));
        let start = Instant::now();
        let clients = (0..CLIENTS)
            .map(|client| {
                let (until, value) = (Arc::clone(&ended), Arc::clone(&value));
                // A command cannot be made in another thread: it knows the laboratory.
                let mut commands: Vec<Command> = (0..CALLS)
                    .map(|_| lab.command(env!("CARGO_BIN_EXE_etcdsh")))
                    .collect();
                std::thread::spawn(move || {
                    let mut calls = Vec::new();
                    for (nth, command) in commands.iter_mut().enumerate() {
                        if until.load(Ordering::Relaxed) {
                            break;
                        }
                        let nth = nth as u64;
                        // Each client writes and reads in turn, now this key and now that.
                        let writes = (nth + client).is_multiple_of(2);
                        let key = (nth / 2) % KEYS;
                        let own = value.fetch_add(1, Ordering::Relaxed);
                        calls.extend(one(command, writes.then_some(own), key, start));
                        std::thread::sleep(PAUSE);
                    }
                    calls
                })
            })
            .collect();
        Load { clients, ended }
    }

    /// End the clients and see that one register for each key explains what they saw; tells how long no write was acknowledged.
    pub(super) fn explained(self) -> Duration {
        self.ended.store(true, Ordering::Relaxed);
        let mut keys: BTreeMap<u64, Vec<Call>> = BTreeMap::new();
        for client in self.clients {
            for (key, call) in client.join().expect("the client ends") {
                keys.entry(key).or_default().push(call);
            }
        }
        let mut ends = Vec::new();
        for (key, calls) in &keys {
            assert!(calls.len() > 20, "{} calls of key {key}", calls.len());
            assert!(
                is_explained(calls),
                "no order of these calls of key {key} explains their answers: {calls:#?}"
            );
            ends.extend(
                calls
                    .iter()
                    .filter(|call| matches!(call.act, Act::Write(_)))
                    .filter_map(|call| call.end),
            );
        }
        ends.sort();
        let gaps = ends.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let longest = gaps.max().unwrap_or_default();
        let calls: usize = keys.values().map(Vec::len).sum();
        eprintln!(
            "{calls} calls of {CLIENTS} clients are explained; {} writes were acknowledged, the longest pause between two of them was {longest:?}",
            ends.len()
        );
        longest
    }
}

/// A call and what came of it. A read without an answer says nothing.
fn one(command: &mut Command, value: Option<u64>, key: u64, start: Instant) -> Option<(u64, Call)> {
    let name = format!("/linear/{key}");
    match value {
        Some(value) => command.args(["e", "put", &name, &value.to_string()]),
        None => command.args(["e", "get", "--print-value-only", &name]),
    };
    let begin = start.elapsed();
    let output = command.output().ok()?;
    let end = Some(start.elapsed()).filter(|_| output.status.success());
    let act = match value {
        Some(value) => Act::Write(value),
        None => {
            end?;
            let text = String::from_utf8_lossy(&output.stdout);
            Act::Read(
                Some(text.trim())
                    .filter(|text| !text.is_empty())
                    .map(|text| text.parse().expect("a number that was written")),
            )
        }
    };
    Some((key, Call { act, begin, end }))
}

#[test]
fn what_no_order_explains_is_found() {
    let call = |act, begin: u64, end: u64| Call {
        act,
        begin: Duration::from_millis(begin),
        end: (end > 0).then(|| Duration::from_millis(end)),
    };
    let write = |value, begin, end| call(Act::Write(value), begin, end);
    let read = |value: u64, begin, end| call(Act::Read((value > 0).then_some(value)), begin, end);
    let explained = [
        // Side by side in either order; a write without an answer that came true, late, or never.
        vec![write(1, 0, 10), read(0, 1, 9), read(1, 2, 12)],
        vec![write(1, 0, 10), write(2, 5, 15), read(1, 16, 20)],
        vec![
            write(1, 0, 10),
            write(2, 20, 0),
            read(1, 30, 35),
            read(2, 40, 45),
        ],
        vec![write(1, 0, 10), write(2, 20, 0), read(1, 30, 35)],
        vec![
            write(2, 0, 0),
            write(1, 5, 10),
            read(1, 12, 15),
            read(2, 20, 25),
        ],
        vec![read(0, 0, 5)],
    ];
    for calls in &explained {
        assert!(is_explained(calls), "{calls:#?}");
    }
    let planted = [
        // Lost, stale, seen and gone again, a value of nobody, two readers who disagree.
        vec![write(1, 0, 10), read(0, 11, 12)],
        vec![write(1, 0, 10), write(2, 20, 30), read(1, 31, 32)],
        vec![
            write(1, 0, 10),
            write(2, 20, 0),
            read(2, 30, 35),
            read(1, 40, 45),
        ],
        vec![write(1, 0, 10), read(7, 11, 12)],
        vec![
            write(1, 0, 5),
            write(2, 10, 30),
            read(2, 12, 14),
            read(1, 16, 18),
        ],
        vec![write(1, 0, 5), write(2, 6, 9), read(0, 10, 12)],
    ];
    for calls in &planted {
        assert!(!is_explained(calls), "{calls:#?}");
    }
    // A long history is explained in no time, and one wrong answer in it is found.
    let mut long = Vec::new();
    for nth in 1..2_000 {
        long.push(write(nth, nth * 10, nth * 10 + 14));
        long.push(read(nth, nth * 10 + 14, nth * 10 + 19));
    }
    assert!(is_explained(&long));
    long.push(read(1_000, 50_000, 50_001));
    assert!(!is_explained(&long));
}
