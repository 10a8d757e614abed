//! One member at one moment: its values, and how they are taken from what was asked.
//!
//! Start reading at `member`.

use indexmap::IndexMap;
use serde::Serialize;

use super::histories::Histories;
use super::measured::{Disk, RATES, peers};
use super::row::Row;
use super::without_fraction;
use crate::cert;
use crate::etcd::{Status, hex};
use crate::overview::metrics::Metrics;
use crate::overview::unit::whole;
use crate::overview::watch::{Seen, State};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The inventory has it, the cluster does not.
    Absent,
    Follower,
    Leader,
    Learner,
    /// It does not answer, so nobody can tell.
    #[default]
    Unknown,
    /// On the list of members, but it was never started.
    Unstarted,
}

impl Role {
    pub(in crate::overview) fn word(self) -> &'static str {
        match self {
            Role::Absent => "absent",
            Role::Follower => "follower",
            Role::Leader => "leader",
            Role::Learner => "learner",
            Role::Unknown => "?",
            Role::Unstarted => "unstarted",
        }
    }
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct MemberView {
    pub name: String,
    pub id: Option<String>,
    pub host: Option<String>,
    pub endpoint: Option<String>,
    pub role: Role,
    /// It answers.
    pub up: bool,
    /// It reads through the quorum.
    pub healthy: bool,
    /// Why it is not up, or not healthy.
    pub why: Option<String>,
    pub down_seconds: Option<f64>,
    pub version: Option<String>,
    pub health_seconds: Option<f64>,
    pub term: Option<u64>,
    pub revision: Option<i64>,
    pub raft_index: Option<u64>,
    pub raft_applied_index: Option<u64>,
    /// Entries of the raft log that the leader has applied and this member has not.
    pub lag: Option<u64>,
    #[serde(serialize_with = "without_fraction")]
    pub db_size: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub db_size_in_use: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub quota: Option<f64>,
    pub quota_used: Option<f64>,
    pub fsync_p99_seconds: Option<f64>,
    pub commit_p99_seconds: Option<f64>,
    pub peer_p95_seconds: Option<f64>,
    /// To each peer by its name.
    pub peers_p95_seconds: IndexMap<String, Option<f64>>,
    pub reads_per_second: Option<f64>,
    pub writes_per_second: Option<f64>,
    pub leases_per_second: Option<f64>,
    pub failed_per_second: Option<f64>,
    pub proposals_per_second: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub proposals_pending: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub proposals_failed: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub leader_changes: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub watchers: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub slow_watchers: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub keys: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub compact_revision: Option<f64>,
    pub client_bytes_per_second: Option<f64>,
    pub peer_bytes_per_second: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub memory: Option<f64>,
    /// Share of one core.
    pub cpu: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub open_files: Option<f64>,
    #[serde(serialize_with = "without_fraction")]
    pub open_files_limit: Option<f64>,
    /// When the process was started, seconds since 1970.
    pub started: Option<i64>,
    /// When the certificate that the member shows ends, seconds since 1970.
    pub certificate_ends: Option<i64>,
    pub certificate_days: Option<i64>,
    /// What the flow would change on its host; `null` when the host was not asked.
    pub drift: Option<Vec<String>>,
    /// Alarms that are on for this member: `NOSPACE`, `CORRUPT`.
    pub alarms: Vec<String>,
    /// It tells its status only to those who have logged in, and nobody has.
    pub needs_login: bool,
    /// Why there are no numbers of `/metrics`.
    pub no_metrics: Option<String>,
    /// What looking at it has cost: bytes of metrics that it sent.
    pub bytes: u64,
    pub history: Histories,
    /// The share of the certificate's life that is left.
    #[serde(skip)]
    pub(in crate::overview) certificate_left: Option<f64>,
    /// What its disk is judged by.
    #[serde(skip)]
    pub(in crate::overview) disk: Disk,
}

pub(super) fn member(row: &Row<'_>, state: &State, names: &[(String, String)]) -> MemberView {
    let unseen = Seen::default();
    let seen = row.seen.unwrap_or(&unseen);
    let status = seen.status.as_ref().filter(|_| seen.is_up());
    // To who has no login the metrics say some of it.
    let told = seen.scrapes.back().map(|newest| &newest.metrics);
    let told = told.filter(|_| seen.needs_login && seen.is_up());
    let role = role(row, status, told, state.members.is_some());
    let mut member = MemberView {
        bytes: seen.bytes,
        down_seconds: seen
            .failing_since
            .map(|since| since.elapsed().as_secs_f64()),
        endpoint: row
            .endpoint
            .map(str::to_string)
            .or_else(|| row.expected.map(|expected| expected.endpoint.clone())),
        health_seconds: match &seen.health {
            Some(Ok(took)) => Some(took.as_secs_f64()),
            _ => None,
        },
        healthy: matches!(seen.health, Some(Ok(_))) && seen.is_up(),
        history: Histories::from(&seen.history),
        host: row.expected.map(|expected| expected.host.clone()),
        id: row
            .listed
            .map(|member| member.id)
            .or_else(|| seen.status.as_ref().map(|status| status.member_id))
            .map(hex)
            .or_else(|| told?.id.clone()),
        name: name(row),
        needs_login: seen.needs_login && seen.is_up(),
        no_metrics: seen.no_metrics.clone(),
        peers_p95_seconds: peers(seen, names),
        role,
        up: seen.is_up(),
        why: why(seen, role),
        ..MemberView::default()
    };
    if let Some(status) = status {
        member.take_status(status);
    }
    if let Some(told) = told {
        member.db_size = told.db_size;
        member.db_size_in_use = told.db_in_use;
        member.version.clone_from(&told.version);
    }
    if let Some(newest) = seen.scrapes.back().filter(|_| seen.is_up()) {
        member.take_metrics(&newest.metrics);
        member.take_rates(seen);
    }
    member.quota = member.quota.filter(|quota| *quota > 0.0);
    let used = member.quota.zip(member.db_size);
    member.quota_used = used.map(|(quota, size)| size / quota);
    if let Some(certificate) = seen.certificate {
        member.take_certificate(certificate);
    }
    member
}

/// A learner that wants a login: it reads for nobody.
fn is_silent_learner(seen: &Seen) -> bool {
    let refused = |why: &String| why.contains("not supported for learner");
    seen.needs_login && matches!(&seen.health, Some(Err(why)) if refused(why))
}

fn role(row: &Row<'_>, status: Option<&Status>, told: Option<&Metrics>, has_list: bool) -> Role {
    let seen = row.seen;
    match (row.listed, status) {
        (Some(member), None) if member.name.is_empty() => Role::Unstarted,
        (Some(member), _) if member.is_learner => Role::Learner,
        (_, Some(status)) if status.is_learner => Role::Learner,
        (_, Some(status)) if status.leader == status.member_id => Role::Leader,
        (_, Some(_)) => Role::Follower,
        _ if seen.is_some_and(is_silent_learner) => Role::Learner,
        (None, None) if has_list && row.expected.is_some() => Role::Absent,
        _ => told.map_or(Role::Unknown, told_role),
    }
}

fn told_role(metrics: &Metrics) -> Role {
    match (metrics.learns, metrics.leads) {
        (Some(learns), _) if learns > 0.0 => Role::Learner,
        (_, Some(leads)) if leads > 0.0 => Role::Leader,
        (_, Some(_)) => Role::Follower,
        (_, None) => Role::Unknown,
    }
}

/// As the list has it, else the inventory, else where it was asked.
fn name(row: &Row<'_>) -> String {
    let name = row
        .listed
        .map(|member| member.name.as_str())
        .filter(|name| !name.is_empty())
        .or_else(|| row.expected.map(|expected| expected.member.as_str()))
        .or(row.endpoint);
    name.unwrap_or_default().to_string()
}

/// Why it is not up, or not healthy.
fn why(seen: &Seen, role: Role) -> Option<String> {
    let unhealthy = match &seen.health {
        Some(Err(why)) => Some(format!("no read through the quorum: {why}")),
        _ => None,
    };
    let silent = (role == Role::Absent).then(|| "the cluster has no such member".to_string());
    seen.why.clone().or(unhealthy).or(silent)
}

impl MemberView {
    pub(in crate::overview) fn is_voter(&self) -> bool {
        !matches!(self.role, Role::Learner | Role::Absent)
    }

    fn take_status(&mut self, status: &Status) {
        self.db_size = Some(status.db_size as f64);
        self.db_size_in_use = Some(status.db_size_in_use as f64);
        self.quota = Some(status.db_size_quota as f64);
        self.raft_applied_index = Some(status.raft_applied_index);
        self.raft_index = Some(status.raft_index);
        self.revision = Some(status.header.revision);
        self.term = Some(status.raft_term);
        self.version = Some(status.version.clone());
    }

    fn take_metrics(&mut self, metrics: &Metrics) {
        // etcd says -1 before the first compaction.
        self.compact_revision = metrics.compact_revision.filter(|revision| *revision >= 0.0);
        self.keys = metrics.keys;
        self.leader_changes = metrics.leader_changes;
        self.memory = metrics.memory;
        self.open_files = metrics.fds;
        self.open_files_limit = metrics.fds_limit;
        self.proposals_failed = metrics.proposals_failed;
        self.proposals_pending = metrics.proposals_pending;
        self.quota = metrics.quota.or(self.quota);
        self.slow_watchers = metrics.slow_watchers;
        self.started = metrics.started.map(whole);
        self.watchers = metrics.watchers;
    }

    fn take_rates(&mut self, seen: &Seen) {
        let rate =
            |of: fn(&Metrics) -> Option<f64>| seen.rate(RATES, |scraped| of(&scraped.metrics));
        self.client_bytes_per_second =
            rate(|metrics| Some(metrics.client_received? + metrics.client_sent?));
        self.commit_p99_seconds = seen.commit();
        self.cpu = rate(|metrics| metrics.cpu_seconds);
        self.disk = seen.disk();
        // What the overview asked itself is nobody's load.
        self.failed_per_second = seen.rate(RATES, |scraped| {
            Some(scraped.metrics.requests.failed - scraped.own.failed)
        });
        self.fsync_p99_seconds = seen.fsync();
        self.leases_per_second = rate(|metrics| Some(metrics.requests.lease));
        self.peer_bytes_per_second =
            rate(|metrics| Some(metrics.peer_received? + metrics.peer_sent?));
        self.peer_p95_seconds = seen.peer();
        self.proposals_per_second = rate(|metrics| metrics.proposals_committed);
        self.reads_per_second = seen.rate(RATES, |scraped| {
            Some(scraped.metrics.requests.read - scraped.own.reads)
        });
        self.writes_per_second = rate(|metrics| Some(metrics.requests.write));
    }

    fn take_certificate(&mut self, (begins, ends): (i64, i64)) {
        let left = ends - cert::now();
        self.certificate_days = Some(left.div_euclid(86_400));
        self.certificate_ends = Some(ends);
        self.certificate_left = Some(left as f64 / (ends - begins).max(1) as f64);
    }
}
