//! `check`: how the cluster does under load. Keys are written under a prefix of their own and taken away again.

pub(super) mod bar;
pub(super) mod datascale;
pub(super) mod metrics;
pub(super) mod perf;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::etcd::raw::{self, CompactionOptions, DeleteOptions, GetOptions};
use crate::etcd::{Client, Connection, Effect, Patience, prefix_end};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{FEATURE, Failure, INPUT, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::line::flag::Flag;

const FLAGS_ABOUT_LOAD: &str = "how much: s(mall), m(edium), l(arge) or xl (xLarge)";
const AUTO_COMPACT: Flag = Flag::bool("auto-compact", "compact the history at the end");
const AUTO_DEFRAG: Flag = Flag::bool("auto-defrag", "defragment the members at the end");
const LOAD: Flag = Flag::text("load", "s", FLAGS_ABOUT_LOAD);

/// How long each step after the load may take.
const TIDY: Duration = Duration::from_secs(30);
/// More connections than this bring no more load; the requests of all clients share them.
const CONNECTIONS: usize = 50;

/// The place of `--load` among the four sizes.
fn size(call: &Call<'_>) -> Outcome<usize> {
    let load = call.text("load");
    match load.as_str() {
        "s" | "small" => Ok(0),
        "m" | "medium" => Ok(1),
        "l" | "large" => Ok(2),
        "xl" | "xLarge" => Ok(3),
        _ => Err(Failure::new(FEATURE, format!("unknown load option {load}"))),
    }
}

/// Connections for this many clients, spread over the endpoints.
fn connections(call: &mut Call<'_>, clients: usize) -> Outcome<Vec<Arc<Connection>>> {
    let endpoints = call.settings()?.config.endpoints.clone();
    let dial = call.settings()?.config.connect_timeout;
    let mut all = Vec::new();
    for place in 0..clients.min(CONNECTIONS) {
        let patience = Patience {
            deadline: Some(Instant::now() + dial),
            stubborn: false,
        };
        // A dead member costs its share of the connections.
        if let Ok((_, connection)) = call
            .client_at(&endpoints[place % endpoints.len()])?
            .connected(patience)
        {
            all.push(connection);
        }
    }
    if all.is_empty() {
        let patience = call.patience()?;
        all.push(call.connected(patience)?.1);
    }
    Ok(all)
}

/// The prefix must be free: what is under it is deleted at the end.
fn refuse_keys(
    call: &mut Call<'_>,
    prefix: &str,
    deadline: Option<Instant>,
    hint: &str,
) -> Outcome {
    let stubborn = call.style.strict;
    let deadline = if stubborn {
        deadline
    } else {
        call.patience()?.deadline
    };
    let options = GetOptions::new()
        .with_range(prefix_end(prefix.as_bytes()))
        .with_limit(1);
    let client = call.client()?;
    let found = client.ask(
        Effect::Read,
        Patience { deadline, stubborn },
        async |etcd| etcd.kv().get(first(prefix), Some(options.clone())).await,
    );
    let found = found.map_err(|fault| call.failed(&fault))?;
    if found.kvs().is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        INPUT,
        format!(
            "prefix {} has keys. Delete with {hint} first",
            go::quote(prefix.as_bytes())
        ),
    ))
}

/// An empty prefix is the whole of the keys.
fn first(prefix: &str) -> Vec<u8> {
    if prefix.is_empty() {
        vec![0]
    } else {
        prefix.as_bytes().to_vec()
    }
}

/// Delete what was written; the revision of that.
fn delete(client: &Client, prefix: &str, deadline: Option<Instant>) -> crate::etcd::Result<i64> {
    let options = DeleteOptions::new().with_range(prefix_end(prefix.as_bytes()));
    let patience = Patience {
        deadline,
        stubborn: true,
    };
    let answer = client.ask(Effect::Write, patience, async |etcd| {
        etcd.kv().delete(first(prefix), Some(options.clone())).await
    })?;
    Ok(answer.header().map_or(0, raw::ResponseHeader::revision))
}

fn compact(call: &mut Call<'_>, revision: i64) -> Outcome {
    call.say(format_args!("Compacting with revision {revision}"))?;
    let patience = Patience {
        deadline: Some(Instant::now() + TIDY),
        stubborn: true,
    };
    let options = CompactionOptions::new().with_physical();
    let done = call.client()?.ask(Effect::Write, patience, async |etcd| {
        etcd.kv().compact(revision, Some(options.clone())).await
    });
    done.map_err(|fault| call.failed(&fault))?;
    call.say(format_args!("Compacted with revision {revision}"))
}

fn defragment(call: &mut Call<'_>) -> Outcome {
    for endpoint in call.settings()?.config.endpoints.clone() {
        let name = go::quote(endpoint.as_bytes());
        call.say(format_args!("Defragmenting {name}"))?;
        let patience = Patience {
            deadline: Some(Instant::now() + TIDY),
            stubborn: true,
        };
        let done = call
            .client_at(&endpoint)?
            .ask(Effect::Write, patience, async |etcd| {
                etcd.maintenance().defragment().await
            });
        done.map_err(|fault| call.failed(&fault))?;
        call.say(format_args!("Defragmented {name}"))?;
    }
    Ok(())
}

/// What came of the requests.
#[derive(Debug, Default)]
struct Report {
    errors: BTreeMap<String, u64>,
    /// In seconds, of the requests that succeeded.
    latencies: Vec<f64>,
    total: Duration,
}

impl Report {
    #[expect(clippy::cast_precision_loss, reason = "numbers of requests are small")]
    fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.total.as_secs_f64()
    }

    fn slowest(&self) -> f64 {
        self.latencies.iter().copied().fold(0.0, f64::max)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of requests are small")]
    fn deviation(&self) -> f64 {
        let count = self.latencies.len() as f64;
        let average = self.latencies.iter().sum::<f64>() / count;
        (self
            .latencies
            .iter()
            .map(|latency| (latency - average).powi(2))
            .sum::<f64>()
            / count)
            .sqrt()
    }

    fn print_errors(&self, call: &mut Call<'_>) -> Outcome {
        if self.errors.is_empty() {
            return Ok(());
        }
        call.say("FAIL: too many errors")?;
        self.errors.iter().try_for_each(|(error, count)| {
            call.say(format_args!("FAIL: ERROR({error}) -> {count}"))
        })
    }
}

/// What is to be written, and how fast.
struct Load {
    clients: usize,
    /// Bytes of a key after the prefix.
    key: usize,
    prefix: String,
    value: usize,
}

/// Says when the next request is due.
struct Pace {
    left: Option<u64>,
    next: Instant,
    period: Duration,
    stop: Arc<AtomicBool>,
    until: Option<Instant>,
}

/// What was missed is made up for only within this much time: the timer is no finer than a millisecond.
const SLACK: Duration = Duration::from_millis(10);

impl Pace {
    /// Wait for the turn of the next request; false when there is none.
    async fn turn(&mut self) -> bool {
        if self.left == Some(0) || self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let now = Instant::now();
        self.next = self.next.max(now.checked_sub(SLACK).unwrap_or(now));
        if self.until.is_some_and(|until| self.next.max(now) >= until) {
            return false;
        }
        if self.next > now {
            tokio::time::sleep_until(self.next.into()).await;
        }
        self.next += self.period;
        self.left = self.left.map(|left| left - 1);
        true
    }
}

/// Write with all clients until the pace says that it is enough.
async fn write(
    load: Load,
    pace: Pace,
    connections: Vec<Arc<Connection>>,
    done: Arc<AtomicU64>,
) -> Report {
    let start = Instant::now();
    let pace = Arc::new(Mutex::new(pace));
    let load = Arc::new(load);
    let mut clients = JoinSet::new();
    for place in 0..load.clients {
        let (pace, load, done) = (pace.clone(), load.clone(), done.clone());
        let connection = connections[place % connections.len()].clone();
        clients.spawn(async move { client(&load, &pace, &connection, &done).await });
    }
    let mut report = Report::default();
    while let Some(part) = clients.join_next().await {
        let Ok(part) = part else { continue };
        report.latencies.extend(part.latencies);
        for (error, count) in part.errors {
            *report.errors.entry(error).or_default() += count;
        }
    }
    report.total = start.elapsed();
    report
}

async fn client(
    load: &Load,
    pace: &Mutex<Pace>,
    connection: &Connection,
    done: &AtomicU64,
) -> Report {
    let mut report = Report::default();
    let mut kv = connection.kv();
    let value = vec![0; load.value];
    while pace.lock().await.turn().await {
        let key = key(&load.prefix, load.key);
        let start = Instant::now();
        match kv.put(key, value.clone(), None).await {
            Ok(_) => report.latencies.push(start.elapsed().as_secs_f64()),
            Err(error) => *report.errors.entry(error_text(&error)).or_default() += 1,
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    report
}

fn error_text(error: &raw::Error) -> String {
    match error {
        raw::Error::GRpcStatus(status) => status.message().to_string(),
        other => other.to_string(),
    }
}

/// A random number in front, zeros after it.
fn key(prefix: &str, length: usize) -> Vec<u8> {
    let mut random = [0; 8];
    // Without randomness keys are the same, which is no harm.
    let _ = getrandom::fill(&mut random);
    let mut key = prefix.as_bytes().to_vec();
    key.extend(random);
    key.resize(prefix.len() + length, 0);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts() {
        let report = Report {
            latencies: vec![0.1, 0.3],
            total: Duration::from_secs(4),
            ..Report::default()
        };
        assert!((report.per_second() - 0.5).abs() < 1e-9);
        assert!((report.slowest() - 0.3).abs() < 1e-9);
        assert!((report.deviation() - 0.1).abs() < 1e-9);
        assert!(Report::default().deviation().is_nan());
    }

    #[test]
    fn the_pace_is_kept_and_ends() {
        let pace = |left, until| Pace {
            left,
            next: Instant::now(),
            period: Duration::from_millis(5),
            stop: Arc::default(),
            until,
        };
        let turns = |mut pace: Pace| {
            crate::runtime::block_on(async move {
                let mut turns = 0_u32;
                while pace.turn().await {
                    turns += 1;
                }
                turns
            })
        };
        let start = Instant::now();
        assert_eq!(turns(pace(Some(10), None)), 10);
        assert!(start.elapsed() >= Duration::from_millis(40));
        assert!((5..=13).contains(&turns(pace(
            None,
            Some(Instant::now() + Duration::from_millis(50))
        ))));
        assert_eq!(
            turns(Pace {
                stop: Arc::new(AtomicBool::new(true)),
                ..pace(None, None)
            }),
            0
        );
    }
}
