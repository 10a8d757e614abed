//! What a member's `/metrics` say, as numbers: counters as they stand, durations as histograms. Pure.
//!
//! Names are those of etcd 3.4 to 3.7; what a release does not export stays `None` or empty.

use std::collections::BTreeMap;

/// How many of what took how long: the buckets of a Prometheus histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// Upper bound in seconds, and how many took at most that long; the last bound is infinite.
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    fn add(&mut self, bound: f64, count: f64) {
        self.buckets.push((bound, count));
    }

    /// What came since `earlier`. A member that was started again begins anew.
    pub(super) fn since(&self, earlier: &Histogram) -> Histogram {
        if earlier.buckets.len() != self.buckets.len() || earlier.count() > self.count() {
            return self.clone();
        }
        let buckets = self
            .buckets
            .iter()
            .zip(&earlier.buckets)
            .map(|((bound, now), (_, then))| (*bound, (now - then).max(0.0)))
            .collect();
        Histogram { buckets }
    }

    pub(super) fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |(_, count)| *count)
    }

    /// The seconds that this share of all stayed below, as Prometheus' `histogram_quantile` computes it.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.count();
        let place = self
            .buckets
            .iter()
            .position(|(_, count)| *count >= rank && *count > 0.0)?;
        let (bound, count) = self.buckets[place];
        let (floor, before) = if place == 0 {
            (0.0, 0.0)
        } else {
            self.buckets[place - 1]
        };
        if bound.is_infinite() {
            return Some(floor);
        }
        Some(floor + (bound - floor) * (rank - before) / (count - before))
    }

    pub(super) fn together(&self, other: &Histogram) -> Histogram {
        if self.buckets.is_empty() {
            return other.clone();
        }
        let buckets = self
            .buckets
            .iter()
            .zip(&other.buckets)
            .map(|((bound, a), (_, b))| (*bound, a + b))
            .collect();
        Histogram { buckets }
    }
}

/// Requests since the member was started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Requests {
    /// Those that ended with a code that is a fault of the server or of its disk.
    pub(super) failed: f64,
    /// Leases granted, revoked and kept alive.
    pub(super) lease: f64,
    pub(super) read: f64,
    /// Puts, deletes and transactions.
    pub(super) write: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metrics {
    pub(super) client_received: Option<f64>,
    pub(super) client_sent: Option<f64>,
    pub(super) commit: Histogram,
    pub(super) compact_revision: Option<f64>,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) db_in_use: Option<f64>,
    pub(super) db_size: Option<f64>,
    pub(super) fds: Option<f64>,
    pub(super) fds_limit: Option<f64>,
    pub(super) fsync: Histogram,
    /// In hex.
    pub(super) id: Option<String>,
    pub(super) keys: Option<f64>,
    pub(super) leader_changes: Option<f64>,
    pub(super) leads: Option<f64>,
    pub(super) learns: Option<f64>,
    pub(super) memory: Option<f64>,
    /// Round trips to each peer, by its id in hex.
    pub(super) peers: BTreeMap<String, Histogram>,
    pub(super) peer_received: Option<f64>,
    pub(super) peer_sent: Option<f64>,
    pub(super) proposals_applied: Option<f64>,
    pub(super) proposals_committed: Option<f64>,
    pub(super) proposals_failed: Option<f64>,
    pub(super) proposals_pending: Option<f64>,
    pub(super) quota: Option<f64>,
    pub(super) requests: Requests,
    pub(super) slow_watchers: Option<f64>,
    /// When the process was started, seconds since 1970.
    pub(super) started: Option<f64>,
    pub(super) version: Option<String>,
    pub(super) watchers: Option<f64>,
}

/// gRPC codes that are no answer to a request but a fault; what clients do, such as ending a watch, is none.
const FAULTS: [&str; 6] = [
    "DataLoss",
    "DeadlineExceeded",
    "Internal",
    "ResourceExhausted",
    "Unavailable",
    "Unknown",
];

impl Metrics {
    pub(super) fn parse(text: &str) -> Metrics {
        let mut all = Metrics::default();
        for line in text.lines() {
            if line.starts_with('#') {
                continue;
            }
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            if !["etcd_", "grpc_", "process_", "os_fd"]
                .iter()
                .any(|start| name.starts_with(start))
            {
                continue;
            }
            let Ok(value) = value.parse::<f64>() else {
                continue;
            };
            all.take(name, labels, value);
        }
        all
    }

    fn take(&mut self, name: &str, labels: &str, value: f64) {
        let slot = match name {
            "etcd_debugging_mvcc_compact_revision" => &mut self.compact_revision,
            "etcd_debugging_mvcc_keys_total" => &mut self.keys,
            "etcd_debugging_mvcc_slow_watcher_total" => &mut self.slow_watchers,
            "etcd_debugging_mvcc_watcher_total" => &mut self.watchers,
            "etcd_mvcc_db_total_size_in_bytes" => &mut self.db_size,
            "etcd_mvcc_db_total_size_in_use_in_bytes" => &mut self.db_in_use,
            "etcd_network_client_grpc_received_bytes_total" => &mut self.client_received,
            "etcd_network_client_grpc_sent_bytes_total" => &mut self.client_sent,
            "etcd_server_is_leader" => &mut self.leads,
            "etcd_server_is_learner" => &mut self.learns,
            "etcd_server_leader_changes_seen_total" => &mut self.leader_changes,
            "etcd_server_proposals_applied_total" => &mut self.proposals_applied,
            "etcd_server_proposals_committed_total" => &mut self.proposals_committed,
            "etcd_server_proposals_failed_total" => &mut self.proposals_failed,
            "etcd_server_proposals_pending" => &mut self.proposals_pending,
            "etcd_server_quota_backend_bytes" => &mut self.quota,
            "process_cpu_seconds_total" => &mut self.cpu_seconds,
            "process_max_fds" => &mut self.fds_limit,
            "process_open_fds" => &mut self.fds,
            "process_resident_memory_bytes" => &mut self.memory,
            "process_start_time_seconds" => &mut self.started,
            "etcd_server_id" => {
                self.id = label(labels, "server_id").map(str::to_string);
                return;
            }
            "etcd_server_version" => {
                self.version = label(labels, "server_version").map(str::to_string);
                return;
            }
            "etcd_network_peer_received_bytes_total" => return add(&mut self.peer_received, value),
            "etcd_network_peer_sent_bytes_total" => return add(&mut self.peer_sent, value),
            "etcd_disk_backend_commit_duration_seconds_bucket" => {
                return bucket(&mut self.commit, labels, value);
            }
            "etcd_disk_wal_fsync_duration_seconds_bucket" => {
                return bucket(&mut self.fsync, labels, value);
            }
            "etcd_network_peer_round_trip_time_seconds_bucket" => {
                let peer = label(labels, "To").unwrap_or_default();
                return bucket(
                    self.peers.entry(peer.to_string()).or_default(),
                    labels,
                    value,
                );
            }
            "grpc_server_handled_total" => {
                if label(labels, "grpc_code").is_some_and(|code| FAULTS.contains(&code)) {
                    self.requests.failed += value;
                }
                return;
            }
            // A stream of keep-alives is one call; its messages are counted apart.
            "grpc_server_msg_received_total"
                if label(labels, "grpc_method") == Some("LeaseKeepAlive") =>
            {
                self.requests.lease += value;
                return;
            }
            "grpc_server_started_total" => {
                match label(labels, "grpc_method") {
                    Some("Range") => self.requests.read += value,
                    Some("DeleteRange" | "Put" | "Txn") => self.requests.write += value,
                    Some("LeaseGrant" | "LeaseRevoke") => self.requests.lease += value,
                    _ => {}
                }
                return;
            }
            _ => return,
        };
        *slot = Some(value);
    }

    /// The round trips to all peers together.
    pub(super) fn all_peers(&self) -> Histogram {
        self.peers
            .values()
            .fold(Histogram::default(), |sum, one| sum.together(one))
    }
}

fn add(sum: &mut Option<f64>, value: f64) {
    *sum = Some(sum.unwrap_or(0.0) + value);
}

fn bucket(histogram: &mut Histogram, labels: &str, count: f64) {
    let bound = label(labels, "le").and_then(|le| {
        if le == "+Inf" {
            Some(f64::INFINITY)
        } else {
            le.parse().ok()
        }
    });
    if let Some(bound) = bound {
        histogram.add(bound, count);
    }
}

/// The value of a label in `a="b",c="d"}`. etcd's own need no escapes.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = labels;
    loop {
        let (key, behind) = rest.split_once("=\"")?;
        let (value, behind) = behind.split_once('"')?;
        if key == name {
            return Some(value);
        }
        rest = behind.trim_start_matches(',');
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what was read is exact")]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP etcd_disk_wal_fsync_duration_seconds The latency distributions of fsync called by WAL.
etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 90
etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"} 98
etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 100
etcd_mvcc_db_total_size_in_bytes 2.048e+06
etcd_network_peer_round_trip_time_seconds_bucket{To=\"8211f1d0f64f3269\",le=\"0.0001\"} 4
etcd_network_peer_round_trip_time_seconds_bucket{To=\"8211f1d0f64f3269\",le=\"+Inf\"} 4
etcd_network_peer_sent_bytes_total{To=\"8211f1d0f64f3269\"} 10
etcd_network_peer_sent_bytes_total{To=\"91bc3c398fb3c146\"} 32
etcd_server_id{server_id=\"d03ac2534f030f92\"} 1
etcd_server_is_leader 1
etcd_server_version{server_version=\"3.7.3\"} 1
grpc_server_handled_total{grpc_code=\"Canceled\",grpc_method=\"Watch\",grpc_service=\"etcdserverpb.Watch\",grpc_type=\"bidi_stream\"} 7
grpc_server_handled_total{grpc_code=\"Unavailable\",grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 2
grpc_server_msg_received_total{grpc_method=\"LeaseKeepAlive\",grpc_service=\"etcdserverpb.Lease\",grpc_type=\"bidi_stream\"} 30
grpc_server_started_total{grpc_method=\"LeaseGrant\",grpc_service=\"etcdserverpb.Lease\",grpc_type=\"unary\"} 3
grpc_server_started_total{grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 5
grpc_server_started_total{grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 11
grpc_server_started_total{grpc_method=\"Txn\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 6
not a line of metrics
";

    #[test]
    fn counters_gauges_and_buckets_are_read() {
        let seen = Metrics::parse(TEXT);
        assert_eq!(
            seen.requests,
            Requests {
                failed: 2.0,
                lease: 33.0,
                read: 11.0,
                write: 11.0
            }
        );
        assert_eq!(
            (seen.db_size, seen.peer_sent, seen.keys),
            (Some(2_048_000.0), Some(42.0), None)
        );
        assert_eq!(seen.peers.keys().collect::<Vec<_>>(), ["8211f1d0f64f3269"]);
        assert_eq!(seen.fsync.count(), 100.0);
        assert_eq!(
            (seen.id.as_deref(), seen.version.as_deref(), seen.leads),
            (Some("d03ac2534f030f92"), Some("3.7.3"), Some(1.0))
        );
    }

    #[test]
    fn quantiles_are_those_of_prometheus() {
        let fsync = Metrics::parse(TEXT).fsync;
        for (share, wanted) in [(0.45, 0.0005), (0.94, 0.0015), (0.99, 0.002)] {
            let seen = fsync.quantile(share).unwrap();
            assert!((seen - wanted).abs() < 1e-9, "{share}: {seen}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn nothing_that_a_server_sends_makes_it_panic() {
        let mut random = 7_u64;
        let mut next = |below: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % below
        };
        for _ in 0..2000 {
            let mut bytes = TEXT.as_bytes().to_vec();
            for _ in 0..=next(20) {
                let place = next(bytes.len());
                match next(3) {
                    0 => drop(bytes.remove(place)),
                    1 => bytes.insert(place, b" {}\"=,+.e\n9"[next(11)]),
                    _ => bytes[place] = u8::try_from(next(256)).unwrap(),
                }
            }
            let seen = Metrics::parse(&String::from_utf8_lossy(&bytes));
            let _ = (
                seen.fsync.quantile(0.99),
                seen.all_peers().quantile(0.95),
                seen.fsync.since(&seen.commit),
            );
        }
    }

    #[test]
    fn what_came_between_two_looks_is_their_difference_and_a_restart_begins_anew() {
        let now = Metrics::parse(TEXT).fsync;
        let then = Metrics::parse(
            &TEXT
                .replace("} 90", "} 80")
                .replace("} 98", "} 88")
                .replace("} 100", "} 90"),
        )
        .fsync;
        assert_eq!(
            now.since(&then).buckets,
            [(0.001, 10.0), (0.002, 10.0), (f64::INFINITY, 10.0)]
        );
        assert_eq!(then.since(&now), then);
        assert_eq!(now.since(&now).quantile(0.99), None);
    }
}
