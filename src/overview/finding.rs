//! What is wrong with a cluster, or soon will be, each with one thing to type. Pure.
//!
//! Limits are those of the alert rules in `stdlib/monitor`, so that the terminal and Prometheus agree.

use serde::Serialize;

use super::Plan;
use super::unit::{age, bytes, latency, percent, whole};
use super::view::{MemberView, Role, Slowness, View};

/// How bad it is, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Worth to know; the verdict stays.
    Note,
    Warning,
    Critical,
}

impl Grade {
    pub(super) fn word(self) -> &'static str {
        match self {
            Grade::Critical => "critical",
            Grade::Note => "note",
            Grade::Warning => "warning",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub grade: Grade,
    /// `None` when it is about the whole cluster.
    pub member: Option<String>,
    pub text: String,
    /// What to type next.
    pub next: Option<String>,
}

const QUOTA_WARNING: f64 = 0.80;
const QUOTA_CRITICAL: f64 = 0.90;
/// Entries of the raft log; etcd calls a server too busy at 5000.
const LAG: u64 = 5000;
pub(super) const FSYNC_SECONDS: f64 = 0.1;
pub(super) const COMMIT_SECONDS: f64 = 0.1;
pub(super) const PEER_SECONDS: f64 = 0.2;
/// Days, and the share of its life that is left: a certificate of a month is not late on its first day.
const CERTIFICATE_WARNING: (i64, f64) = (30, 0.25);
const CERTIFICATE_CRITICAL: (i64, f64) = (7, 0.10);
/// Free space in the file that is worth a defragmentation: this part of it, and this many bytes.
const FREE_SHARE: f64 = 0.5;
const FREE_BYTES: f64 = 100.0 * 1024.0 * 1024.0;
const PENDING: f64 = 10.0;
/// Requests that fail: a leader that is lost fails a few, which is over with the election.
const FAILED_PER_SECOND: f64 = 0.5;
const FAILED_SHARE: f64 = 0.01;
const FILES_SHARE: f64 = 0.8;

/// What the client says of a certificate when it was given no CA.
const NO_CA: &str = "no CA is given";

/// All of them, the worst first.
pub(super) fn all(view: &View, plan: &Plan) -> Vec<Finding> {
    let mut found = Vec::new();
    of_cluster(view, plan, &mut found);
    for member in &view.members {
        of_member(member, plan, &mut found);
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
    found
}

fn finding(
    grade: Grade,
    member: Option<&MemberView>,
    text: impl Into<String>,
    next: Option<String>,
) -> Finding {
    Finding {
        grade,
        member: member.map(|member| member.name.clone()),
        next,
        text: text.into(),
    }
}

/// Does every member answer, and show a certificate that nobody here can check?
fn judged_by_nobody(view: &View) -> bool {
    let mut voters = view.members.iter().filter(|member| member.is_voter());
    voters.all(|member| {
        let why = member.why.as_deref();
        why.is_some_and(|why| why.contains(NO_CA))
    })
}

/// Is each member that does not take part a host that answers, without a program on its port?
fn none_listens(view: &View) -> bool {
    let mut silent = view
        .members
        .iter()
        .filter(|member| !member.healthy && member.is_voter() && !member.up)
        .peekable();
    silent.peek().is_some()
        && silent.all(|member| member.why.as_deref() == Some("connection refused"))
}

/// Too few members take part, and what to type next where they can be reached, or not.
fn no_quorum(view: &View, plan: &Plan, silent: usize) -> Finding {
    let command = &plan.command;
    let text = format!(
        "no quorum: {silent} of {} members do not take part, {} are needed: nothing can be written",
        view.voters, view.quorum
    );
    let next = if plan.hosts.is_some() && none_listens(view) {
        Some(format!(
            "{command} etcd   # installs what is not there, and starts what is down"
        ))
    } else if plan.hosts.is_some() {
        Some(format!("{command} run etcd -b -- systemctl status etcd"))
    } else if plan.nowhere {
        Some(
            "etcdsh -i FILE overview   # no inventory is here; without one: etcdsh sandbox up"
                .into(),
        )
    } else {
        Some(format!("{command} e endpoint status --cluster"))
    };
    finding(Grade::Critical, None, text, next)
}

fn of_cluster(view: &View, plan: &Plan, found: &mut Vec<Finding>) {
    let command = &plan.command;
    let silent = view
        .members
        .iter()
        .filter(|member| !member.healthy && !matches!(member.role, Role::Absent | Role::Learner))
        .count();
    let login = view.members.iter().any(|member| member.needs_login);
    let log_in = Some(format!("{command} overview -e etcd_root_password=PASSWORD"));
    if let Some(why) = &view.login_refused {
        let text = format!("the login is refused, and shown is what anybody is told: {why}");
        found.push(finding(Grade::Warning, None, text, log_in));
    } else if login {
        found.push(finding(
            Grade::Note,
            None,
            "authentication is on, and nobody is logged in: revisions and lag are not told",
            log_in,
        ));
    }
    if view.voters > 0 && judged_by_nobody(view) {
        found.push(finding(
            Grade::Critical,
            None,
            "cannot be judged from here: there is no CA to check the members' certificates with; files/pki/ca lies beside the inventory that the cluster was made with",
            Some(format!("{command} overview --cacert FILE --cert FILE --key FILE")),
        ));
    } else if view.up < view.quorum && view.voters > 0 {
        found.push(no_quorum(view, plan, silent));
    } else if view.leader.is_none() && view.voters > 0 && !login {
        found.push(finding(
            Grade::Critical,
            None,
            "no member leads: nothing can be written",
            Some(format!("{command} e endpoint status --cluster")),
        ));
    } else if view.tolerance == 0 && silent > 0 {
        found.push(finding(
            Grade::Warning,
            None,
            "the cluster can spare no other member: one more failure and nothing can be written",
            None,
        ));
    } else if view.voters > 0 && view.voters.is_multiple_of(2) {
        found.push(finding(
            Grade::Note,
            None,
            format!(
                "{} members tolerate no more failures than {}",
                view.voters,
                view.voters - 1
            ),
            None,
        ));
    }
    let mut versions: Vec<&str> = view
        .members
        .iter()
        .filter_map(|member| member.version.as_deref())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.len() > 1 {
        found.push(finding(
            Grade::Note,
            None,
            format!("members run different releases: {}", versions.join(", ")),
            None,
        ));
    }
    if let Some(why) = &view.drift_unknown {
        // Without the CA the dry run would say the same.
        let next = Some(format!("{command} etcd -t etcd_config -C -D"));
        found.push(finding(
            Grade::Note,
            None,
            format!("drift could not be told: {why}"),
            next.filter(|_| !judged_by_nobody(view)),
        ));
    }
    for text in &view.drift_elsewhere {
        found.push(finding(
            Grade::Warning,
            None,
            format!("differs from the inventory: {text}"),
            Some(format!("{command} etcd -t etcd_config -C -D")),
        ));
    }
}

/// Takes what was found of one member.
type Say<'a> = &'a mut dyn FnMut(Grade, String, Option<String>);

fn of_member(member: &MemberView, plan: &Plan, found: &mut Vec<Finding>) {
    let say: Say<'_> = &mut |grade, text, next| {
        found.push(finding(grade, Some(member), text, next));
    };
    if !takes_part(member, plan, say) {
        return;
    }
    alarms(member, plan, say);
    space(member, plan, say);
    slowness(member, plan, say);
    certificate(member, plan, say);
    let command = &plan.command;
    if let Some(drift) = member.drift.as_ref().filter(|drift| !drift.is_empty()) {
        let host = member.host.as_deref().unwrap_or_default();
        say(
            Grade::Warning,
            format!("differs from the inventory: {}", drift.join("; ")),
            Some(format!("{command} etcd -t etcd_config -C -D -l {host}")),
        );
    }
    if let Some(why) = &member.no_metrics {
        say(Grade::Note, format!("gives no metrics: {why}"), None);
    }
}

/// Whether it is a member that answers, so that more can be said of it.
fn takes_part(member: &MemberView, plan: &Plan, say: Say<'_>) -> bool {
    let command = &plan.command;
    let start = || {
        let host = member.host.as_ref();
        // What lies on the host may speak against it: a dry run says so.
        host.map(|host| format!("{command} etcd -l {host} -e etcd_init=existing -C"))
    };
    match member.role {
        Role::Absent => {
            let text = "is in the inventory and no member of the cluster";
            say(Grade::Warning, text.into(), start());
            return false;
        }
        Role::Unstarted => {
            let text = "was added to the cluster and never started";
            say(Grade::Warning, text.into(), start());
            return false;
        }
        Role::Learner => {
            let id = member.id.as_ref();
            let next = id.map(|id| format!("{command} em promote {id}"));
            say(Grade::Note, "is a learner: it has no vote".into(), next);
        }
        _ => {}
    }
    if !member.up {
        let why = member.why.as_deref().unwrap_or("it was not asked yet");
        let since = member.down_seconds.map_or_else(String::new, |seconds| {
            format!(" for {}", age(whole(seconds)))
        });
        let next = if why.contains(NO_CA) {
            None
        } else if why.contains("certificate") {
            Some(format!("{command} etcd -t etcd_cert -C"))
        } else {
            on_host(member, plan, "systemctl status etcd")
        };
        let text = format!("does not answer{since}: {why}");
        say(Grade::Critical, text, next);
        return false;
    }
    // A learner answers no read through the quorum, however well it is.
    let learns = member.role == Role::Learner
        && member
            .why
            .as_deref()
            .is_some_and(|why| why.contains("not supported for learner"));
    if !member.healthy && !learns {
        let why = member.why.clone();
        let why = why.unwrap_or_else(|| "does not read through the quorum".into());
        let next = on_host(member, plan, "journalctl -u etcd -n 50");
        say(Grade::Critical, why, next);
    }
    true
}

/// A command on the member's host, where there is a way to it.
fn on_host(member: &MemberView, plan: &Plan, what: &str) -> Option<String> {
    let host = member.host.as_ref().filter(|_| plan.hosts.is_some())?;
    Some(format!("{} run {host} -b -- {what}", plan.command))
}

fn alarms(member: &MemberView, plan: &Plan, say: Say<'_>) {
    let command = &plan.command;
    for alarm in &member.alarms {
        let next = match alarm.as_str() {
            "NOSPACE" => format!(
                "{command} e compaction $(({} - 1000)); {command} e defrag --cluster; {command} e alarm disarm",
                member.revision.unwrap_or(0)
            ),
            _ => format!("{command} e endpoint hashkv --cluster"),
        };
        let text = match alarm.as_str() {
            "NOSPACE" => "alarm NOSPACE: the quota is used up, nothing can be written".to_string(),
            "CORRUPT" => "alarm CORRUPT: its data differs from that of the others".to_string(),
            other => format!("alarm {other}"),
        };
        say(Grade::Critical, text, Some(next));
    }
}

fn certificate(member: &MemberView, plan: &Plan, say: Say<'_>) {
    let (Some(days), Some(left)) = (member.certificate_days, member.certificate_left) else {
        return;
    };
    let within = |limit: (i64, f64)| days < limit.0 && left < limit.1;
    let text = if days < 0 {
        "its certificate has ended".to_string()
    } else {
        format!("its certificate ends in {days} days")
    };
    let next = Some(format!("{} etcd -t etcd_cert", plan.command));
    if within(CERTIFICATE_CRITICAL) {
        say(Grade::Critical, text, next);
    } else if within(CERTIFICATE_WARNING) {
        say(Grade::Warning, text, next);
    }
}

fn space(member: &MemberView, plan: &Plan, say: Say<'_>) {
    let command = &plan.command;
    let (Some(size), in_use) = (member.db_size, member.db_size_in_use.unwrap_or(0.0)) else {
        return;
    };
    let free = size - in_use;
    let defrag = || {
        member
            .endpoint
            .as_ref()
            .map(|endpoint| format!("{command} e defrag --endpoints {endpoint}"))
    };
    if let (Some(used), Some(quota)) = (
        member.quota_used.filter(|used| *used >= QUOTA_WARNING),
        member.quota,
    ) {
        let grade = if used >= QUOTA_CRITICAL {
            Grade::Critical
        } else {
            Grade::Warning
        };
        let next = if free > size / 4.0 {
            defrag()
        } else {
            Some(format!("{command} e top"))
        };
        say(
            grade,
            format!("{} of its quota of {} is used", percent(used), bytes(quota)),
            next,
        );
    } else if free >= FREE_BYTES && free > size * FREE_SHARE {
        say(
            Grade::Note,
            format!(
                "{} of its database of {} are free space",
                bytes(free),
                bytes(size)
            ),
            defrag(),
        );
    }
}

fn slowness(member: &MemberView, plan: &Plan, say: Say<'_>) {
    let disk = on_host(member, plan, "cat /proc/pressure/io");
    for (what, slowness, limit) in [
        ("fsyncs", member.disk.fsync, FSYNC_SECONDS),
        ("commits", member.disk.commit, COMMIT_SECONDS),
    ] {
        let text = match slowness {
            Some(Slowness::OneOfHundred(seconds)) if seconds > limit => {
                format!("1 of 100 {what} takes {} or more", latency(seconds))
            }
            Some(Slowness::Half(seconds)) if seconds > limit => {
                format!("half of its {what} take {} or more", latency(seconds))
            }
            _ => continue,
        };
        say(
            Grade::Warning,
            format!("its disk is slow: {text}"),
            disk.clone(),
        );
    }
    for (peer, seconds) in &member.peers_p95_seconds {
        if let Some(seconds) = seconds.filter(|seconds| *seconds > PEER_SECONDS) {
            say(
                Grade::Warning,
                format!(
                    "5 of 100 round trips to {peer} take {} or more",
                    latency(seconds)
                ),
                None,
            );
        }
    }
    if let Some(lag) = member.lag.filter(|lag| *lag >= LAG) {
        say(
            Grade::Warning,
            format!("is {lag} entries of the log behind the leader"),
            None,
        );
    }
    if let Some(pending) = member
        .proposals_pending
        .filter(|pending| *pending >= PENDING)
    {
        say(
            Grade::Warning,
            format!("{pending:.0} proposals wait for the quorum"),
            None,
        );
    }
    let all = [
        member.reads_per_second,
        member.writes_per_second,
        member.leases_per_second,
    ]
    .into_iter()
    .flatten()
    .sum::<f64>();
    if let Some(failed) = member
        .failed_per_second
        .filter(|failed| *failed > FAILED_PER_SECOND && *failed > all * FAILED_SHARE)
    {
        say(
            Grade::Warning,
            format!("{failed:.1} requests a second fail"),
            on_host(member, plan, "journalctl -u etcd -n 50"),
        );
    }
    if let (Some(open), Some(limit)) = (member.open_files, member.open_files_limit)
        && open > limit * FILES_SHARE
    {
        say(
            Grade::Warning,
            format!("{open:.0} of at most {limit:.0} files are open"),
            None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::Metrics;
    use super::super::view::tests::{down, seen, three};
    use super::super::view::view;
    use super::super::watch::{Drift, State};
    use super::*;

    /// Grade, member and text of what is found after a change.
    fn found(change: impl FnOnce(&mut State)) -> Vec<String> {
        let (plan, mut state) = three();
        change(&mut state);
        let say = |finding: &Finding| {
            format!(
                "{} {}: {}",
                finding.grade.word(),
                finding.member.as_deref().unwrap_or("-"),
                finding.text
            )
        };
        view(&plan, &state).findings.iter().map(say).collect()
    }

    fn with_metrics(text: &str) -> Vec<String> {
        found(|state| seen(state, 2).scrapes.back_mut().unwrap().metrics = Metrics::parse(text))
    }

    #[test]
    fn nothing_is_found_where_nothing_is_wrong() {
        assert_eq!(found(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn a_dead_member_is_named_with_its_cause_and_what_is_left() {
        assert_eq!(
            found(|state| down(state, 2)),
            [
                "critical etcd-2: does not answer for 0s: connection refused",
                "warning -: the cluster can spare no other member: one more failure and nothing can be written"
            ]
        );
        let two = found(|state| (2..=3).for_each(|number| down(state, number)));
        assert_eq!(
            two[0],
            "critical -: no quorum: 2 of 3 members do not take part, 2 are needed: nothing can be written"
        );
    }

    #[test]
    fn each_limit_is_watched() {
        let slow = "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.128\"} 0\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.256\"} 10";
        let few = slow;
        let slow = &slow.replace("} 10", "} 100");
        for (metrics, wanted) in [
            (
                few,
                "warning etcd-2: its disk is slow: half of its fsyncs take 192ms or more",
            ),
            (
                slow,
                "warning etcd-2: its disk is slow: 1 of 100 fsyncs takes 255ms or more",
            ),
            (
                "etcd_server_quota_backend_bytes 1200",
                "warning etcd-2: 83% of its quota of 1.17 KiB is used",
            ),
            (
                "etcd_server_quota_backend_bytes 1100",
                "critical etcd-2: 91% of its quota of 1.07 KiB is used",
            ),
            (
                "etcd_server_proposals_pending 10",
                "warning etcd-2: 10 proposals wait for the quorum",
            ),
            (
                "process_open_fds 90\nprocess_max_fds 100",
                "warning etcd-2: 90 of at most 100 files are open",
            ),
        ] {
            assert_eq!(with_metrics(metrics), [wanted]);
        }
        for (days, wanted) in [
            (30, None),
            (29, Some("warning etcd-3: its certificate ends in 29 days")),
            (6, Some("critical etcd-3: its certificate ends in 6 days")),
            (-2, Some("critical etcd-3: its certificate has ended")),
        ] {
            let ends = crate::cert::now() + days * 86_400 + 600;
            assert_eq!(
                found(|state| seen(state, 3).certificate = Some((0, ends))),
                wanted.into_iter().collect::<Vec<_>>(),
                "{days}"
            );
        }
        let young = crate::cert::now() - 86_400;
        assert_eq!(
            found(|state| seen(state, 3).certificate = Some((young, young + 8 * 86_400))),
            Vec::<String>::new(),
            "of a week, a day old"
        );
        let lag = found(|state| seen(state, 1).status.as_mut().unwrap().raft_applied_index = 5900);
        assert_eq!(
            lag,
            [
                "warning etcd-2: is 5000 entries of the log behind the leader",
                "warning etcd-3: is 5000 entries of the log behind the leader"
            ]
        );
        let drift = found(|state| {
            state.drift = Drift::Known(vec![(
                "10.0.0.3".into(),
                "file /etc/etcd/etcd.conf: content +1 -1 lines".into(),
            )]);
        });
        assert_eq!(
            drift,
            [
                "warning etcd-3: differs from the inventory: file /etc/etcd/etcd.conf: content +1 -1 lines"
            ]
        );
        let alarm = found(|state| {
            seen(state, 1)
                .status
                .as_mut()
                .unwrap()
                .errors
                .push("memberID:3 alarm:NOSPACE ".into());
        });
        assert_eq!(
            alarm,
            ["critical etcd-3: alarm NOSPACE: the quota is used up, nothing can be written"]
        );
        let free = found(|state| {
            let status = seen(state, 2).status.as_mut().unwrap();
            (status.db_size, status.db_size_in_use) = (200 << 20, 80 << 20);
        });
        assert_eq!(
            free,
            ["note etcd-2: 120 MiB of its database of 200 MiB are free space"]
        );
    }
}
