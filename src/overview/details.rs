//! All that is known of one member, a line for each thing: for the screen and the page. Pure.

use super::text::{condition, known};
use super::unit::{age, bytes, count, latency, moment, percent, rate};
use super::view::MemberView;

/// What a line says of a member at a moment, in seconds since 1970.
type Said = fn(&MemberView, i64) -> String;

/// In the order they stand.
const DETAILS: &[(&str, Said)] = &[
    ("member id", |m, _| text(m.id.as_ref())),
    ("host", |m, _| text(m.host.as_ref())),
    ("endpoint", |m, _| text(m.endpoint.as_ref())),
    ("role", |m, _| m.role.word().into()),
    ("health", |m, _| {
        m.why.clone().unwrap_or_else(|| condition(m))
    }),
    ("quorum read", |m, _| known(m.health_seconds, latency)),
    ("version", |m, _| text(m.version.as_ref())),
    ("running for", |m, at| {
        m.started
            .map_or_else(|| "-".into(), |started| age(at - started))
    }),
    ("raft term, index, applied", |m, _| {
        [m.term, m.raft_index, m.raft_applied_index]
            .map(|value| text(value.as_ref()))
            .join(", ")
    }),
    ("lag", |m, _| {
        m.lag
            .map_or_else(|| "-".into(), |lag| format!("{lag} entries"))
    }),
    ("leader changes seen", |m, _| known(m.leader_changes, count)),
    ("database", |m, _| {
        format!(
            "{}, in use {}, quota {}",
            known(m.db_size, bytes),
            known(m.db_size_in_use, bytes),
            known(m.quota, bytes)
        )
    }),
    ("keys, compacted at", |m, _| {
        all([m.keys, m.compact_revision], count)
    }),
    ("fsync p99, commit p99", |m, _| {
        all([m.fsync_p99_seconds, m.commit_p99_seconds], latency)
    }),
    ("round trip p95", |m, _| round_trips(m)),
    ("reads, writes, leases /s", |m, _| {
        all(
            [m.reads_per_second, m.writes_per_second, m.leases_per_second],
            rate,
        )
    }),
    ("failing requests /s", |m, _| {
        known(m.failed_per_second, rate)
    }),
    ("proposals /s, waiting, failed", |m, _| {
        format!(
            "{}, {}",
            known(m.proposals_per_second, rate),
            all([m.proposals_pending, m.proposals_failed], count)
        )
    }),
    ("watchers, slow ones", |m, _| {
        all([m.watchers, m.slow_watchers], count)
    }),
    ("client, peer traffic /s", |m, _| {
        all([m.client_bytes_per_second, m.peer_bytes_per_second], bytes)
    }),
    ("memory, CPU", |m, _| {
        format!("{}, {}", known(m.memory, bytes), known(m.cpu, percent))
    }),
    ("open files", |m, _| {
        format!(
            "{} of {}",
            known(m.open_files, count),
            known(m.open_files_limit, count)
        )
    }),
    ("certificate", |m, _| {
        m.certificate_ends.map_or_else(
            || "-".into(),
            |ends| {
                format!(
                    "{} days, until {}",
                    m.certificate_days.unwrap_or(0),
                    moment(ends)
                )
            },
        )
    }),
    ("drift", |m, _| drift(m)),
];

/// What each line is about, and what it says.
pub(super) fn details(member: &MemberView, at: i64) -> Vec<(&'static str, String)> {
    DETAILS
        .iter()
        .map(|(title, said)| (*title, said(member, at)))
        .collect()
}

fn text(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "-".into(), ToString::to_string)
}

fn all<const COUNT: usize>(values: [Option<f64>; COUNT], say: fn(f64) -> String) -> String {
    values.map(|value| known(value, say)).join(", ")
}

fn drift(member: &MemberView) -> String {
    match member.drift.as_deref() {
        None => "not known".into(),
        Some([]) => "none".into(),
        Some(drift) => drift.join("; "),
    }
}

fn round_trips(member: &MemberView) -> String {
    let each: Vec<String> = member
        .peers_p95_seconds
        .iter()
        .map(|(peer, seconds)| format!("{peer} {}", known(*seconds, latency)))
        .collect();
    if each.is_empty() {
        "-".into()
    } else {
        each.join(", ")
    }
}
