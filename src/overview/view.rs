//! What is known of a cluster at one moment, as plain values: every form of the overview is made of a [`View`].
//!
//! Its JSON is that of `etcdsh overview -o json` and of `cluster_status()`; names are those of docs/overview.md.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::Plan;
use super::finding::{self, Finding};
use super::metrics::{Histogram, Metrics};
use super::watch::{Drift, History, Seen, State, WINDOW};
use crate::cert;
use crate::etcd::{Member, hex, url};

/// Rates that are shown as numbers are means over this much time.
const RATES: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The inventory has it, the cluster does not.
    Absent,
    Follower,
    Leader,
    Learner,
    /// It does not answer, so nobody can tell.
    Unknown,
    /// On the list of members, but it was never started.
    Unstarted,
}

impl Role {
    pub(super) fn word(self) -> &'static str {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every member answers and reads through the quorum; nothing is wrong.
    Healthy,
    /// It works, and something needs a look.
    Degraded,
    /// No write goes through.
    NoQuorum,
    /// No member answers.
    Unreachable,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Verdict::Degraded => "degraded",
            Verdict::Healthy => "healthy",
            Verdict::NoQuorum => "no quorum",
            Verdict::Unreachable => "unreachable",
        }
    }
}

/// A number over time, the newest last; `null` where there was none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histories {
    pub commit_p99_seconds: Vec<Option<f64>>,
    pub db_size: Vec<Option<f64>>,
    pub fsync_p99_seconds: Vec<Option<f64>>,
    pub memory: Vec<Option<f64>>,
    pub peer_p95_seconds: Vec<Option<f64>>,
    pub reads_per_second: Vec<Option<f64>>,
    pub traffic_bytes_per_second: Vec<Option<f64>>,
    pub writes_per_second: Vec<Option<f64>>,
}

impl From<&History> for Histories {
    fn from(history: &History) -> Histories {
        Histories {
            commit_p99_seconds: history.commit.values(),
            db_size: history.db_size.values(),
            fsync_p99_seconds: history.fsync.values(),
            memory: history.memory.values(),
            peer_p95_seconds: history.peer.values(),
            reads_per_second: history.reads.values(),
            traffic_bytes_per_second: history.traffic.values(),
            writes_per_second: history.writes.values(),
        }
    }
}

/// Bytes and counts, as numbers without a fraction.
#[allow(clippy::ref_option)] // as serde wants it
fn whole<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    value.map(|value| value as i64).serialize(to)
}

#[derive(Clone, Debug, Serialize)]
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
    #[serde(serialize_with = "whole")]
    pub db_size: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub db_size_in_use: Option<f64>,
    #[serde(serialize_with = "whole")]
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
    #[serde(serialize_with = "whole")]
    pub proposals_pending: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub proposals_failed: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub leader_changes: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub watchers: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub slow_watchers: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub keys: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub compact_revision: Option<f64>,
    pub client_bytes_per_second: Option<f64>,
    pub peer_bytes_per_second: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub memory: Option<f64>,
    /// Share of one core.
    pub cpu: Option<f64>,
    #[serde(serialize_with = "whole")]
    pub open_files: Option<f64>,
    #[serde(serialize_with = "whole")]
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
    /// Why there are no numbers of `/metrics`.
    pub no_metrics: Option<String>,
    /// What looking at it has cost: bytes of metrics that it sent.
    pub bytes: u64,
    pub history: Histories,
    /// The share of the certificate's life that is left.
    #[serde(skip)]
    pub(super) certificate_left: Option<f64>,
    /// What its disk is judged by.
    #[serde(skip)]
    pub(super) disk: Disk,
}

/// How long fsyncs and commits take, in seconds: 1 of 100 takes longer; or half of them, when there were too few to say that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Disk {
    pub(super) commit: Option<Slowness>,
    pub(super) fsync: Option<Slowness>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Slowness {
    Half(f64),
    OneOfHundred(f64),
}

/// Of fewer samples than this the slowest alone says little.
const ENOUGH: f64 = 20.0;

#[derive(Clone, Debug, Serialize)]
pub struct View {
    pub cluster: String,
    /// Seconds since 1970.
    pub at: i64,
    pub watched_seconds: f64,
    pub verdict: Verdict,
    /// Members with a vote.
    pub voters: usize,
    pub quorum: usize,
    /// Voters that read through the quorum.
    pub up: usize,
    /// How many more voters may fail.
    pub tolerance: i64,
    pub leader: Option<String>,
    /// Seconds since 1970; `leader_since_exact` is false when it leads longer than we watch and its log was not read.
    pub leader_since: Option<i64>,
    pub leader_since_exact: bool,
    pub term: Option<u64>,
    pub revision: Option<i64>,
    #[serde(serialize_with = "whole")]
    pub keys: Option<f64>,
    pub reads_per_second: Option<f64>,
    pub writes_per_second: Option<f64>,
    pub drift_unknown: Option<String>,
    pub findings: Vec<Finding>,
    pub members: Vec<MemberView>,
    /// Drift that belongs to no member: files beside the inventory.
    pub drift_elsewhere: Vec<String>,
}

impl View {
    /// 0 when all is well, 2 when something is wrong, 4 when no member answers.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self.verdict {
            Verdict::Healthy => 0,
            Verdict::Degraded | Verdict::NoQuorum => 2,
            Verdict::Unreachable => 4,
        }
    }

    /// All of it; one look has no history worth to show.
    #[must_use]
    pub fn to_json(&self, with_history: bool) -> serde_json::Value {
        let mut value = serde_json::to_value(self).expect("a view is plain values");
        if !with_history {
            for member in value["members"]
                .as_array_mut()
                .into_iter()
                .flatten()
                .filter_map(serde_json::Value::as_object_mut)
            {
                member.shift_remove("history");
            }
        }
        value
    }

    /// How long the leader leads: `3h 12m`, with `>` when it may be longer.
    pub(super) fn leader_age(&self) -> Option<String> {
        let age = super::unit::age(self.at - self.leader_since?);
        Some(if self.leader_since_exact {
            age
        } else {
            format!(">{age}")
        })
    }
}

/// A row to be: what the list, the inventory and an endpoint say of the same member.
#[derive(Default)]
struct Row<'a> {
    endpoint: Option<&'a str>,
    expected: Option<&'a super::Expected>,
    listed: Option<&'a Member>,
    seen: Option<&'a Seen>,
}

pub(super) fn view(plan: &Plan, state: &State) -> View {
    let rows = rows(plan, state);
    let names: Vec<(String, String)> = state
        .members
        .iter()
        .flatten()
        .map(|member| (hex(member.id), member.name.clone()))
        .collect();
    let mut members: Vec<MemberView> = rows.iter().map(|row| member(row, state, &names)).collect();
    if let Some(leader) = rows
        .iter()
        .zip(&members)
        .find(|(_, member)| member.role == Role::Leader)
        .and_then(|(row, _)| row.seen)
    {
        for (row, member) in rows.iter().zip(&mut members) {
            member.lag = row
                .seen
                .filter(|seen| seen.is_up())
                .and_then(|seen| seen.behind(leader));
        }
    }
    // Each member knows the alarms of all, also of one that is down.
    let errors: Vec<&String> = state
        .seen
        .values()
        .filter(|seen| seen.is_up())
        .filter_map(|seen| seen.status.as_ref())
        .flat_map(|status| &status.errors)
        .collect();
    for member in &mut members {
        member.alarms = member
            .id
            .as_deref()
            .map(|id| alarms(&errors, id))
            .unwrap_or_default();
    }
    // Members without a name, which never started, come last.
    members.sort_by_key(|member| (member.name.is_empty(), natural(&member.name)));
    let is_voter = |member: &&MemberView| !matches!(member.role, Role::Learner | Role::Absent);
    let voters = members.iter().filter(is_voter).count();
    let up = members
        .iter()
        .filter(is_voter)
        .filter(|member| member.healthy)
        .count();
    let answering = members
        .iter()
        .filter(is_voter)
        .filter(|member| member.up)
        .count();
    let quorum = voters / 2 + 1;
    let leading = state.leading.filter(|leading| {
        members.iter().any(|member| {
            member.role == Role::Leader && member.id.as_deref() == Some(&hex(leading.id))
        })
    });
    let sum = |number: fn(&MemberView) -> Option<f64>| {
        members.iter().filter_map(number).reduce(|a, b| a + b)
    };
    let mut view = View {
        at: cert::now(),
        cluster: plan.cluster.clone(),
        drift_elsewhere: Vec::new(),
        drift_unknown: None,
        findings: Vec::new(),
        keys: members
            .iter()
            .filter_map(|member| member.keys)
            .reduce(f64::max),
        leader: members
            .iter()
            .find(|member| member.role == Role::Leader)
            .map(|member| member.name.clone()),
        leader_since: leading.map(|leading| leading.since),
        leader_since_exact: leading.is_some_and(|leading| leading.exact),
        quorum,
        reads_per_second: sum(|member| member.reads_per_second),
        revision: members.iter().filter_map(|member| member.revision).max(),
        term: members.iter().filter_map(|member| member.term).max(),
        tolerance: up as i64 - quorum as i64,
        up,
        verdict: Verdict::Healthy,
        voters,
        watched_seconds: state.started.elapsed().as_secs_f64(),
        writes_per_second: sum(|member| member.writes_per_second),
        members,
    };
    drift(&mut view, state);
    view.findings = finding::all(&view, plan);
    view.verdict = if answering == 0 {
        Verdict::Unreachable
    } else if up < quorum {
        Verdict::NoQuorum
    } else if view
        .findings
        .iter()
        .any(|finding| finding.grade > finding::Grade::Note)
    {
        Verdict::Degraded
    } else {
        Verdict::Healthy
    };
    view
}

/// `etcd-10` behind `etcd-9`.
fn natural(name: &str) -> (String, u64) {
    let digits = name.len()
        - name
            .trim_end_matches(|letter: char| letter.is_ascii_digit())
            .len();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem.to_string(), number.parse().unwrap_or(0))
}

/// One row for each member: first those on the list, then hosts of the inventory and endpoints that belong to none of them.
fn rows<'a>(plan: &'a Plan, state: &'a State) -> Vec<Row<'a>> {
    let config = plan.client.config();
    let mut rows: Vec<Row<'_>> = state
        .members
        .iter()
        .flatten()
        .map(|member| Row {
            listed: Some(member),
            ..Row::default()
        })
        .collect();
    for (endpoint, seen) in &state.seen {
        let address = url(endpoint, config);
        let id = seen.status.as_ref().map(|status| status.member_id);
        let mut found = rows.iter_mut().filter(|row| {
            row.listed.is_some_and(|member| {
                Some(member.id) == id
                    || id.is_none()
                        && member
                            .client_urls
                            .iter()
                            .any(|known| known.trim_end_matches('/') == address)
            })
        });
        match found.next() {
            Some(row) if row.seen.is_none() => {
                (row.endpoint, row.seen) = (Some(endpoint.as_str()), Some(seen))
            }
            // Another endpoint of a member that has its row.
            Some(_) => {}
            None => rows.push(Row {
                endpoint: Some(endpoint.as_str()),
                seen: Some(seen),
                ..Row::default()
            }),
        }
    }
    for expected in &plan.expected {
        let address = url(&expected.endpoint, config);
        let fits = |row: &&mut Row<'_>| {
            row.listed.is_some_and(|member| {
                member.name == expected.member
                    || member
                        .client_urls
                        .iter()
                        .any(|known| known.trim_end_matches('/') == address)
            }) || row.listed.is_some_and(|member| {
                member.name.is_empty()
                    && member
                        .peer_urls
                        .iter()
                        .any(|peer| host_part(peer) == host_part(&address))
            }) || row
                .endpoint
                .is_some_and(|endpoint| url(endpoint, config) == address)
        };
        match rows.iter_mut().find(fits) {
            Some(row) => row.expected = Some(expected),
            None => rows.push(Row {
                expected: Some(expected),
                ..Row::default()
            }),
        }
    }
    rows
}

fn host_part(url: &str) -> &str {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
    bare.rsplit_once(':').map_or(bare, |(host, _)| host)
}

fn member(row: &Row<'_>, state: &State, names: &[(String, String)]) -> MemberView {
    let nothing = Seen::default();
    let seen = row.seen.unwrap_or(&nothing);
    let status = seen.status.as_ref().filter(|_| seen.is_up());
    let listed = row
        .listed
        .map(|member| member.name.clone())
        .filter(|name| !name.is_empty());
    let name = listed
        .clone()
        .or_else(|| row.expected.map(|expected| expected.member.clone()))
        .or_else(|| row.endpoint.map(str::to_string));
    let role = match (row.listed, status) {
        (Some(member), None) if member.name.is_empty() => Role::Unstarted,
        (Some(member), _) if member.is_learner => Role::Learner,
        (_, Some(status)) if status.is_learner => Role::Learner,
        (_, Some(status)) if status.leader == status.member_id => Role::Leader,
        (_, Some(_)) => Role::Follower,
        (None, None) if state.members.is_some() && row.expected.is_some() => Role::Absent,
        _ => Role::Unknown,
    };
    let newest = seen
        .scrapes
        .back()
        .map(|scraped| &scraped.metrics)
        .filter(|_| seen.is_up());
    let number = |of: fn(&Metrics) -> Option<f64>| newest.and_then(of);
    let rate = |of: fn(&Metrics) -> Option<f64>| {
        newest.and_then(|_| seen.rate(RATES, |scraped| of(&scraped.metrics)))
    };
    let sizes = status.map(|status| (status.db_size as f64, status.db_size_in_use as f64));
    let quota = number(|metrics| metrics.quota)
        .or_else(|| status.map(|status| status.db_size_quota as f64))
        .filter(|quota| *quota > 0.0);
    let healthy = matches!(seen.health, Some(Ok(_))) && seen.is_up();
    let unhealthy = match &seen.health {
        Some(Err(why)) => Some(format!("no read through the quorum: {why}")),
        _ => None,
    };
    let silent = (role == Role::Absent).then(|| "the cluster has no such member".to_string());
    MemberView {
        alarms: Vec::new(),
        bytes: seen.bytes,
        certificate_days: seen
            .certificate
            .map(|(_, ends)| (ends - cert::now()).div_euclid(86_400)),
        certificate_ends: seen.certificate.map(|(_, ends)| ends),
        certificate_left: seen
            .certificate
            .map(|(begins, ends)| (ends - cert::now()) as f64 / (ends - begins).max(1) as f64),
        client_bytes_per_second: rate(|metrics| {
            Some(metrics.client_received? + metrics.client_sent?)
        }),
        commit_p99_seconds: newest.and_then(|_| seen.commit()),
        // etcd says -1 before the first compaction.
        compact_revision: number(|metrics| metrics.compact_revision)
            .filter(|revision| *revision >= 0.0),
        cpu: rate(|metrics| metrics.cpu_seconds),
        db_size: sizes.map(|sizes| sizes.0),
        db_size_in_use: sizes.map(|sizes| sizes.1),
        disk: newest.map(|_| seen.disk()).unwrap_or_default(),
        down_seconds: seen
            .failing_since
            .map(|since| since.elapsed().as_secs_f64()),
        drift: None,
        endpoint: row
            .endpoint
            .map(str::to_string)
            .or_else(|| row.expected.map(|expected| expected.endpoint.clone())),
        failed_per_second: newest.and_then(|_| {
            seen.rate(RATES, |scraped| {
                Some(scraped.metrics.requests.failed - scraped.own.failed)
            })
        }),
        fsync_p99_seconds: newest.and_then(|_| seen.fsync()),
        health_seconds: match &seen.health {
            Some(Ok(took)) => Some(took.as_secs_f64()),
            _ => None,
        },
        healthy,
        history: Histories::from(&seen.history),
        host: row.expected.map(|expected| expected.host.clone()),
        id: row
            .listed
            .map(|member| member.id)
            .or_else(|| seen.status.as_ref().map(|status| status.member_id))
            .map(hex),
        keys: number(|metrics| metrics.keys),
        lag: None,
        leader_changes: number(|metrics| metrics.leader_changes),
        leases_per_second: rate(|metrics| Some(metrics.requests.lease)),
        memory: number(|metrics| metrics.memory),
        name: shown(&name.unwrap_or_default()),
        no_metrics: seen.no_metrics.clone(),
        open_files: number(|metrics| metrics.fds),
        open_files_limit: number(|metrics| metrics.fds_limit),
        peer_bytes_per_second: rate(|metrics| Some(metrics.peer_received? + metrics.peer_sent?)),
        peer_p95_seconds: newest.and_then(|_| seen.peer()),
        peers_p95_seconds: peers(seen, names),
        proposals_failed: number(|metrics| metrics.proposals_failed),
        proposals_pending: number(|metrics| metrics.proposals_pending),
        proposals_per_second: rate(|metrics| metrics.proposals_committed),
        quota,
        quota_used: quota.zip(sizes).map(|(quota, sizes)| sizes.0 / quota),
        raft_applied_index: status.map(|status| status.raft_applied_index),
        raft_index: status.map(|status| status.raft_index),
        reads_per_second: newest.and_then(|_| {
            seen.rate(RATES, |scraped| {
                Some(scraped.metrics.requests.read - scraped.own.reads)
            })
        }),
        revision: status.map(|status| status.header.revision),
        role,
        slow_watchers: number(|metrics| metrics.slow_watchers),
        started: number(|metrics| metrics.started).map(|seconds| seconds as i64),
        term: status.map(|status| status.raft_term),
        up: seen.is_up(),
        version: status.map(|status| status.version.clone()),
        watchers: number(|metrics| metrics.watchers),
        why: seen
            .why
            .clone()
            .or(unhealthy)
            .or(silent)
            .map(|why| shown(&why)),
        writes_per_second: rate(|metrics| Some(metrics.requests.write)),
    }
}

/// What a server says is text for a terminal, never a command to it.
fn shown(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect()
}

impl Seen {
    /// How many entries the leader has applied and this member has not. They are not asked at the same moment: what the
    /// leader has applied since then is no lag.
    fn behind(&self, leader: &Seen) -> Option<u64> {
        let (own, leading) = (self.status.as_ref()?, leader.status.as_ref()?);
        let later = leader
            .status_at
            .zip(self.status_at)
            .map_or(0.0, |(leader, own)| {
                leader.saturating_duration_since(own).as_secs_f64()
            });
        let rate = leader
            .rate(RATES, |scraped| scraped.metrics.proposals_applied)
            .unwrap_or(0.0);
        let lag = leading
            .raft_applied_index
            .saturating_sub(own.raft_applied_index);
        Some(lag.saturating_sub((rate * later).ceil() as u64))
    }

    /// The last minute's; all of them when there is only one look, or none came since.
    fn gathered(&self, of: impl Fn(&Metrics) -> Histogram) -> Option<Histogram> {
        let all = of(&self.scrapes.back()?.metrics);
        let recent = self
            .between(WINDOW)
            .map(|(then, _)| all.since(&of(&then.metrics)));
        Some(recent.filter(|recent| recent.count() > 0.0).unwrap_or(all))
    }

    /// The time that this share of them stayed below.
    fn recent(&self, share: f64, of: impl Fn(&Metrics) -> Histogram) -> Option<f64> {
        self.gathered(of)?.quantile(share)
    }

    fn slowness(&self, of: impl Fn(&Metrics) -> Histogram) -> Option<Slowness> {
        let gathered = self.gathered(of)?;
        if gathered.count() < ENOUGH {
            gathered.quantile(0.5).map(Slowness::Half)
        } else {
            gathered.quantile(0.99).map(Slowness::OneOfHundred)
        }
    }

    fn disk(&self) -> Disk {
        Disk {
            commit: self.slowness(|metrics| metrics.commit.clone()),
            fsync: self.slowness(|metrics| metrics.fsync.clone()),
        }
    }

    pub(super) fn fsync(&self) -> Option<f64> {
        self.recent(0.99, |metrics| metrics.fsync.clone())
    }

    pub(super) fn commit(&self) -> Option<f64> {
        self.recent(0.99, |metrics| metrics.commit.clone())
    }

    pub(super) fn peer(&self) -> Option<f64> {
        self.recent(0.95, Metrics::all_peers)
    }
}

fn peers(seen: &Seen, names: &[(String, String)]) -> IndexMap<String, Option<f64>> {
    let Some(newest) = seen.scrapes.back().filter(|_| seen.is_up()) else {
        return IndexMap::new();
    };
    let name = |id: &str| {
        names
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, name)| name.clone())
    };
    // A member that was removed keeps its series until the process ends.
    let known = newest
        .metrics
        .peers
        .keys()
        .filter_map(|id| Some((id, name(id)?)));
    known
        .map(|(id, name)| {
            (
                name,
                seen.recent(0.95, |metrics| {
                    metrics.peers.get(id).cloned().unwrap_or_default()
                }),
            )
        })
        .collect()
}

/// etcd's status names alarms in texts such as `memberID:10276657743932975437 alarm:NOSPACE `.
fn alarms(errors: &[&String], id: &str) -> Vec<String> {
    let Ok(id) = u64::from_str_radix(id, 16) else {
        return Vec::new();
    };
    let own = format!("memberID:{id} ");
    let mut kinds: Vec<String> = errors
        .iter()
        .filter(|text| text.starts_with(&own))
        .filter_map(|text| Some(text.split("alarm:").nth(1)?.trim().to_string()))
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn drift(view: &mut View, state: &State) {
    match &state.drift {
        Drift::NotAsked => {}
        Drift::Unknown(why) => view.drift_unknown = Some(why.clone()),
        Drift::Known(lines) => {
            for member in view
                .members
                .iter_mut()
                .filter(|member| member.host.is_some())
            {
                let own = lines
                    .iter()
                    .filter(|(host, _)| Some(host) == member.host.as_ref());
                member.drift = Some(own.map(|(_, text)| text.clone()).collect());
            }
            let hosts: Vec<&String> = view
                .members
                .iter()
                .filter_map(|member| member.host.as_ref())
                .collect();
            view.drift_elsewhere = lines
                .iter()
                .filter(|(host, _)| !hosts.contains(&host))
                .map(|(_, text)| text.clone())
                .collect();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use super::super::watch::{Leading, Scraped};
    use super::super::{Expected, Plan};
    use super::*;
    use crate::etcd::{Client, Config, Status};

    fn endpoint(number: u64) -> String {
        format!("http://10.0.0.{number}:2379")
    }

    fn listed(number: u64) -> Member {
        Member {
            client_urls: vec![endpoint(number)],
            id: number,
            is_learner: false,
            name: format!("etcd-{number}"),
            peer_urls: vec![format!("http://10.0.0.{number}:2380")],
        }
    }

    /// A member that answers; the first one leads.
    fn answering(number: u64, metrics: &str) -> Seen {
        let status = Status {
            leader: 1,
            member_id: number,
            raft_applied_index: 900,
            raft_index: 900,
            raft_term: 4,
            db_size: 1000,
            db_size_in_use: 900,
            ..Status::default()
        };
        let mut seen = Seen {
            health: Some(Ok(Duration::from_millis(2))),
            looks: 3,
            status: Some(status),
            ..Seen::default()
        };
        seen.scrapes.push_back(Scraped {
            at: Instant::now(),
            metrics: Metrics::parse(metrics),
            own: Default::default(),
        });
        seen
    }

    /// Three members of three hosts, all well.
    pub(in crate::overview) fn three() -> (Plan, State) {
        let client = Client::new(Config {
            endpoints: (1..=3).map(endpoint).collect(),
            ..Config::default()
        })
        .unwrap();
        let expected = (1..=3)
            .map(|n| Expected {
                endpoint: endpoint(n),
                host: format!("10.0.0.{n}"),
                member: format!("etcd-{n}"),
            })
            .collect();
        let plan = Plan {
            client,
            cluster: "etcd".into(),
            command: "etcdsh".into(),
            expected,
            hosts: None,
            interval: Duration::from_secs(1),
        };
        let seen: BTreeMap<String, Seen> = (1..=3)
            .map(|n| {
                (
                    endpoint(n),
                    answering(n, "etcd_server_quota_backend_bytes 8e9"),
                )
            })
            .collect();
        let leading = Some(Leading {
            exact: true,
            id: 1,
            since: cert::now() - 60,
            term: 4,
        });
        (
            plan,
            State {
                drift: Drift::NotAsked,
                leading,
                members: Some((1..=3).map(listed).collect()),
                seen,
                started: Instant::now(),
            },
        )
    }

    pub(in crate::overview) fn seen(state: &mut State, number: u64) -> &mut Seen {
        state.seen.get_mut(&endpoint(number)).unwrap()
    }

    pub(in crate::overview) fn down(state: &mut State, number: u64) {
        let seen = seen(state, number);
        (seen.why, seen.health, seen.failing_since) = (
            Some("connection refused".into()),
            None,
            Some(Instant::now()),
        );
    }

    fn roles(view: &View) -> Vec<(&str, Role)> {
        view.members
            .iter()
            .map(|member| (member.name.as_str(), member.role))
            .collect()
    }

    #[test]
    fn three_members_that_are_well_are_healthy() {
        let (plan, state) = three();
        let seen = view(&plan, &state);
        assert_eq!(
            (
                seen.verdict,
                seen.voters,
                seen.quorum,
                seen.up,
                seen.tolerance
            ),
            (Verdict::Healthy, 3, 2, 3, 1)
        );
        assert_eq!(
            (
                seen.leader.as_deref(),
                seen.leader_age().as_deref(),
                seen.exit_code()
            ),
            (Some("etcd-1"), Some("1m 0s"), 0)
        );
        assert_eq!(
            roles(&seen),
            [
                ("etcd-1", Role::Leader),
                ("etcd-2", Role::Follower),
                ("etcd-3", Role::Follower)
            ]
        );
        assert_eq!(seen.members[1].host.as_deref(), Some("10.0.0.2"));
    }

    #[test]
    fn the_quorum_follows_from_those_that_take_part() {
        for (dead, verdict, up, tolerance) in [
            (1, Verdict::Degraded, 2, 0),
            (2, Verdict::NoQuorum, 1, -1),
            (3, Verdict::Unreachable, 0, -2),
        ] {
            let (plan, mut state) = three();
            (1..=dead).for_each(|number| down(&mut state, number));
            let seen = view(&plan, &state);
            assert_eq!(
                (seen.verdict, seen.up, seen.tolerance),
                (verdict, up, tolerance),
                "{dead} dead"
            );
        }
        // One that answers and reads nothing through the quorum does not take part.
        let (plan, mut state) = three();
        seen(&mut state, 2).health = Some(Err("etcdserver: request timed out".into()));
        let seen = view(&plan, &state);
        assert_eq!((seen.verdict, seen.up), (Verdict::Degraded, 2));
        assert_eq!(
            seen.members[1].why.as_deref(),
            Some("no read through the quorum: etcdserver: request timed out")
        );
    }

    #[test]
    fn learners_newcomers_and_strangers_are_told_apart() {
        let (mut plan, mut state) = three();
        let members = state.members.as_mut().unwrap();
        members[2].is_learner = true;
        members.push(Member {
            client_urls: Vec::new(),
            name: String::new(),
            ..listed(4)
        });
        for number in [4, 5] {
            plan.expected.push(Expected {
                endpoint: endpoint(number),
                host: format!("10.0.0.{number}"),
                member: format!("etcd-{number}"),
            });
        }
        let seen = view(&plan, &state);
        let wanted = [
            ("etcd-1", Role::Leader),
            ("etcd-2", Role::Follower),
            ("etcd-3", Role::Learner),
            ("etcd-4", Role::Unstarted),
            ("etcd-5", Role::Absent),
        ];
        assert_eq!(roles(&seen), wanted);
        assert_eq!((seen.voters, seen.quorum, seen.up), (3, 2, 2));
    }

    #[test]
    fn lag_is_counted_from_the_leader_and_a_second_endpoint_is_no_second_member() {
        let (plan, mut state) = three();
        seen(&mut state, 3)
            .status
            .as_mut()
            .unwrap()
            .raft_applied_index = 880;
        state
            .seen
            .insert("http://127.0.0.1:2379".into(), answering(3, ""));
        let seen = view(&plan, &state);
        assert_eq!(
            seen.members
                .iter()
                .map(|member| member.lag)
                .collect::<Vec<_>>(),
            [Some(0), Some(0), Some(20)]
        );
    }

    #[test]
    fn alarms_are_read_from_the_status() {
        let errors = [
            "memberID:26 alarm:NOSPACE ",
            "memberID:8 alarm:CORRUPT ",
            "etcdserver: no leader",
            "memberID:26 alarm:NOSPACE ",
        ]
        .map(String::from);
        let errors: Vec<&String> = errors.iter().collect();
        assert_eq!(alarms(&errors, "1a"), ["NOSPACE"]);
        assert_eq!(alarms(&errors, "9"), Vec::<String>::new());
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let (plan, mut state) = three();
        state.members.as_mut().unwrap()[0].name = "etcd-1\u{1b}[2J\n".into();
        assert_eq!(view(&plan, &state).members[2].name, "etcd-1?[2J?");
    }

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let mut names = ["etcd-10", "etcd-9", "etcd-1", "a"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["a", "etcd-1", "etcd-9", "etcd-10"]);
    }
}
