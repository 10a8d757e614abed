//! What is known of a cluster at one moment, as plain values: every form of the overview is made of a [`View`].
//!
//! Its JSON is that of `etcdsh overview -o json` and of `cluster_status()`; names are those of docs/overview.md. A folder
//! because a cluster, a member, what is measured of it and the rows of the table are nouns of their own. Must not know how
//! it is shown, or ask anybody. Start reading at `view`.

mod histories;
mod measured;
mod member;
mod row;
#[cfg(test)]
pub(super) mod tests;
mod visible;

use serde::{Serialize, Serializer};

pub(super) use histories::Histories;
pub(super) use measured::Slowness;
pub use member::{MemberView, Role};
use row::{Row, rows};

use super::Plan;
use super::finding::{self, Finding, Grade};
use super::unit::whole;
use super::watch::{Drift, State};
use crate::cert;
use crate::etcd::hex;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every member answers and reads through the quorum; nothing is wrong.
    Healthy,
    /// All members take part; the worst that was found is a warning.
    Warning,
    /// All members take part; something that was found is critical.
    Critical,
    /// It works with less redundancy than it should have: a member does not take part.
    Degraded,
    /// No write goes through.
    NoQuorum,
    /// No member answers.
    Unreachable,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Verdict::Critical => "critical",
            Verdict::Degraded => "degraded",
            Verdict::Healthy => "healthy",
            Verdict::NoQuorum => "no quorum",
            Verdict::Unreachable => "unreachable",
            Verdict::Warning => "warning",
        }
    }
}

/// Bytes and counts, as numbers without a fraction.
#[expect(clippy::ref_option, reason = "as serde wants it")]
fn without_fraction<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    value.map(whole).serialize(to)
}

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
    pub tolerance: isize,
    pub leader: Option<String>,
    /// Seconds since 1970; `leader_since_exact` is false when it leads longer than we watch and its log was not read.
    pub leader_since: Option<i64>,
    pub leader_since_exact: bool,
    /// Why etcd does not take the login that was given.
    pub login_refused: Option<String>,
    pub term: Option<u64>,
    pub revision: Option<i64>,
    #[serde(serialize_with = "without_fraction")]
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
            Verdict::Unreachable => 4,
            _ => 2,
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
    pub(in crate::overview) fn leader_age(&self) -> Option<String> {
        let age = super::unit::age(self.at - self.leader_since?);
        Some(if self.leader_since_exact {
            age
        } else {
            format!(">{age}")
        })
    }
}

pub(super) fn view(plan: &Plan, state: &State) -> View {
    let mut view = of_members(plan, state, members(plan, state));
    drift(&mut view, state);
    view.findings = finding::all(&view, plan);
    view.verdict = verdict(&view);
    view.make_visible();
    view
}

/// In the order of their names; those without one, which never started, come last.
fn members(plan: &Plan, state: &State) -> Vec<MemberView> {
    let rows = rows(plan, state);
    let names: Vec<(String, String)> = state
        .members
        .iter()
        .flatten()
        .map(|member| (hex(member.id), member.name.clone()))
        .collect();
    let mut members: Vec<MemberView> = rows
        .iter()
        .map(|row| member::member(row, state, &names))
        .collect();
    lags(&rows, &mut members);
    raise_alarms(state, &mut members);
    members.sort_by_key(|member| (member.name.is_empty(), natural(&member.name)));
    members
}

/// How far each member is from the leader.
fn lags(rows: &[Row<'_>], members: &mut [MemberView]) {
    let leading = rows
        .iter()
        .zip(members.iter())
        .find(|(_, member)| member.role == Role::Leader);
    let Some(leader) = leading.and_then(|(row, _)| row.seen) else {
        return;
    };
    for (row, member) in rows.iter().zip(members) {
        let up = row.seen.filter(|seen| seen.is_up());
        member.lag = up.and_then(|seen| seen.behind(leader));
    }
}

/// Each member knows the alarms of all, also of one that is down.
fn raise_alarms(state: &State, members: &mut [MemberView]) {
    let errors: Vec<&String> = state
        .seen
        .values()
        .filter(|seen| seen.is_up())
        .filter_map(|seen| seen.status.as_ref())
        .flat_map(|status| &status.errors)
        .collect();
    for member in members {
        let id = member.id.as_deref();
        member.alarms = id.map(|id| alarms(&errors, id)).unwrap_or_default();
    }
}

/// What its members say of the cluster; neither drift nor a verdict yet.
fn of_members(plan: &Plan, state: &State, members: Vec<MemberView>) -> View {
    let voters = members.iter().filter(|member| member.is_voter()).count();
    let up = members
        .iter()
        .filter(|member| member.is_voter() && member.healthy)
        .count();
    let quorum = voters / 2 + 1;
    let leader = members.iter().find(|member| member.role == Role::Leader);
    let leading = state.leading.filter(|leading| {
        members.iter().any(|member| {
            member.role == Role::Leader && member.id.as_deref() == Some(&hex(leading.id))
        })
    });
    let sum = |number: fn(&MemberView) -> Option<f64>| {
        members.iter().filter_map(number).reduce(|a, b| a + b)
    };
    View {
        at: cert::now(),
        cluster: plan.cluster.clone(),
        drift_elsewhere: Vec::new(),
        drift_unknown: None,
        findings: Vec::new(),
        keys: members
            .iter()
            .filter_map(|member| member.keys)
            .reduce(f64::max),
        leader: leader.map(|member| member.name.clone()),
        leader_since: leading.map(|leading| leading.since),
        leader_since_exact: leading.is_some_and(|leading| leading.exact),
        login_refused: state.refused.clone(),
        quorum,
        reads_per_second: sum(|member| member.reads_per_second),
        revision: members.iter().filter_map(|member| member.revision).max(),
        term: members.iter().filter_map(|member| member.term).max(),
        tolerance: up.cast_signed() - quorum.cast_signed(),
        up,
        verdict: Verdict::Healthy,
        voters,
        watched_seconds: state.started.elapsed().as_secs_f64(),
        writes_per_second: sum(|member| member.writes_per_second),
        members,
    }
}

fn verdict(view: &View) -> Verdict {
    let mut voters = view.members.iter().filter(|member| member.is_voter());
    if !voters.any(|member| member.up) {
        return Verdict::Unreachable;
    }
    if view.up < view.quorum {
        return Verdict::NoQuorum;
    }
    // A host of the inventory that is no member is missed like one that does not answer.
    let mut members = view.members.iter();
    if view.up < view.voters || members.any(|member| member.role == Role::Absent) {
        return Verdict::Degraded;
    }
    let worst = view.findings.iter().map(|finding| finding.grade).max();
    match worst {
        Some(Grade::Critical) => Verdict::Critical,
        Some(Grade::Warning) => Verdict::Warning,
        Some(Grade::Note) | None => Verdict::Healthy,
    }
}

/// So that `etcd-10` comes after `etcd-9`.
fn natural(name: &str) -> (String, u64) {
    let digits = name.len()
        - name
            .trim_end_matches(|letter: char| letter.is_ascii_digit())
            .len();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem.to_string(), number.parse().unwrap_or(0))
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
