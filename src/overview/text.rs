//! The overview as text: for `--once`, for scripts, and the columns of the screen.

use std::fmt::Write;

use super::finding::{Finding, Grade};
use super::unit::{bytes, count, latency, percent, rate};
use super::view::{MemberView, Role, Verdict, View};
use crate::terminal::columns;

/// Colours of a terminal; the numbers are those of its escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tint {
    Bad,
    Good,
    Plain,
    Warn,
    Weak,
}

impl Tint {
    pub(super) fn paint(self, text: &str, color: bool) -> String {
        let code = match self {
            Tint::Bad => "31",
            Tint::Good => "32",
            Tint::Plain => return text.to_string(),
            Tint::Warn => "33",
            Tint::Weak => "2",
        };
        if color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

impl Grade {
    pub(super) fn tint(self) -> Tint {
        match self {
            Grade::Critical => Tint::Bad,
            Grade::Note => Tint::Weak,
            Grade::Warning => Tint::Warn,
        }
    }
}

impl Verdict {
    pub(super) fn tint(self) -> Tint {
        match self {
            Verdict::Critical | Verdict::NoQuorum | Verdict::Unreachable => Tint::Bad,
            Verdict::Degraded | Verdict::Warning => Tint::Warn,
            Verdict::Healthy => Tint::Good,
        }
    }
}

/// A column of the members' table.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Left out first when there is no room: the largest number.
    pub(super) rank: u8,
    pub(super) right: bool,
    pub(super) cell: fn(&MemberView) -> String,
    /// What the rows are sorted by; larger is first.
    pub(super) weight: fn(&MemberView) -> f64,
}

pub(super) fn known(value: Option<f64>, say: fn(f64) -> String) -> String {
    value.map_or_else(|| "-".into(), say)
}

/// The condition of a member in a word or two.
pub(super) fn condition(member: &MemberView) -> String {
    match (member.role, member.up, member.healthy) {
        (Role::Absent | Role::Unstarted, ..) => "-".into(),
        (_, true, true) if member.alarms.is_empty() => "healthy".into(),
        (_, true, true) => member.alarms.join(" "),
        (_, true, false) if member.health_seconds.is_none() && member.why.is_none() => "up".into(),
        // It answers no read through the quorum, however well it is.
        (Role::Learner, true, false) => "up".into(),
        (_, true, false) => "no quorum".into(),
        (_, false, _) if member.down_seconds.is_none() => "...".into(),
        (_, false, _) => "down".into(),
    }
}

pub(super) fn condition_tint(member: &MemberView) -> Tint {
    match condition(member).as_str() {
        "healthy" => Tint::Good,
        "-" | "..." | "up" => Tint::Warn,
        _ => Tint::Bad,
    }
}

fn role_weight(member: &MemberView) -> f64 {
    match member.role {
        Role::Leader => 5.0,
        Role::Follower => 4.0,
        Role::Learner => 3.0,
        Role::Unknown => 2.0,
        Role::Unstarted => 1.0,
        Role::Absent => 0.0,
    }
}

fn never(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NEG_INFINITY)
}

/// In the order they stand.
pub(super) const COLUMNS: &[Column] = &[
    Column {
        title: "MEMBER",
        rank: 0,
        right: false,
        cell: |m| m.name.clone(),
        weight: |_| 0.0,
    },
    Column {
        title: "ROLE",
        rank: 0,
        right: false,
        cell: |m| m.role.word().into(),
        weight: role_weight,
    },
    Column {
        title: "HEALTH",
        rank: 0,
        right: false,
        cell: condition,
        weight: |m| f64::from(u8::from(!m.healthy)),
    },
    Column {
        title: "VERSION",
        rank: 7,
        right: false,
        cell: |m| m.version.clone().unwrap_or_else(|| "-".into()),
        weight: |_| 0.0,
    },
    Column {
        title: "DB",
        rank: 1,
        right: true,
        cell: |m| known(m.db_size, bytes),
        weight: |m| never(m.db_size),
    },
    Column {
        title: "IN USE",
        rank: 8,
        right: true,
        cell: |m| known(m.db_size_in_use, bytes),
        weight: |m| never(m.db_size_in_use),
    },
    Column {
        title: "QUOTA",
        rank: 5,
        right: true,
        cell: |m| known(m.quota_used, percent),
        weight: |m| never(m.quota_used),
    },
    Column {
        title: "LAG",
        rank: 4,
        right: true,
        cell: |m| m.lag.map_or_else(|| "-".into(), |lag| lag.to_string()),
        weight: |m| never(m.lag.map(|l| l as f64)),
    },
    Column {
        title: "FSYNC",
        rank: 1,
        right: true,
        cell: |m| known(m.fsync_p99_seconds, latency),
        weight: |m| never(m.fsync_p99_seconds),
    },
    Column {
        title: "PEER",
        rank: 2,
        right: true,
        cell: |m| known(m.peer_p95_seconds, latency),
        weight: |m| never(m.peer_p95_seconds),
    },
    Column {
        title: "READ/s",
        rank: 3,
        right: true,
        cell: |m| known(m.reads_per_second, rate),
        weight: |m| never(m.reads_per_second),
    },
    Column {
        title: "WRITE/s",
        rank: 3,
        right: true,
        cell: |m| known(m.writes_per_second, rate),
        weight: |m| never(m.writes_per_second),
    },
    Column {
        title: "MEMORY",
        rank: 9,
        right: true,
        cell: |m| known(m.memory, bytes),
        weight: |m| never(m.memory),
    },
    Column {
        title: "CERT",
        rank: 4,
        right: true,
        cell: |m| {
            m.certificate_days
                .map_or_else(|| "-".into(), |days| format!("{days}d"))
        },
        weight: |m| -(m.certificate_days.unwrap_or(i64::MAX) as f64),
    },
    Column {
        title: "DRIFT",
        rank: 6,
        right: true,
        cell: |m| {
            m.drift.as_ref().map_or_else(
                || "?".into(),
                |drift| {
                    if drift.is_empty() {
                        "none".into()
                    } else {
                        drift.len().to_string()
                    }
                },
            )
        },
        weight: |m| m.drift.as_ref().map_or(-1.0, |drift| drift.len() as f64),
    },
];

/// The columns that fit into `wide`, with the width of each.
pub(super) fn fitting(view: &View, wide: usize) -> Vec<(&'static Column, usize)> {
    let width = |column: &Column| {
        view.members
            .iter()
            .map(|member| columns((column.cell)(member).as_str()))
            .max()
            .unwrap_or(0)
            .max(column.title.len())
    };
    let mut all: Vec<(&Column, usize)> = COLUMNS
        .iter()
        .map(|column| (column, width(column)))
        .collect();
    while all.iter().map(|(_, width)| width + 2).sum::<usize>() > wide + 2 {
        let Some(worst) = all
            .iter()
            .enumerate()
            .filter(|(_, (column, _))| column.rank > 0)
            .max_by_key(|(_, (column, _))| column.rank)
            .map(|(place, _)| place)
        else {
            break;
        };
        all.remove(worst);
    }
    all
}

/// How many more may fail, in words.
fn spare(view: &View) -> String {
    match view.tolerance {
        _ if view.verdict == Verdict::Unreachable => "no member answers".to_string(),
        spare if spare < 0 => "no quorum".to_string(),
        0 => "none may fail".to_string(),
        spare => format!("{spare} more may fail"),
    }
}

/// `3 of 3, quorum 2, 1 more may fail`, for a narrow screen.
pub(super) fn membership_in_short(view: &View) -> String {
    format!(
        "{} of {}, quorum {}, {}",
        view.up,
        view.voters,
        view.quorum,
        spare(view)
    )
}

/// `3 members, 3 take part, quorum 2, 1 more may fail`.
pub(super) fn membership(view: &View) -> String {
    let spare = spare(view);
    format!(
        "{} member{}, {} take part, quorum {}, {spare}",
        view.voters,
        if view.voters == 1 { "" } else { "s" },
        view.up,
        view.quorum
    )
}

/// `leader etcd-1 for 3h 12m, term 4, revision 1201, 340 keys`.
pub(super) fn leadership(view: &View) -> String {
    let mut parts = Vec::new();
    match (&view.leader, view.leader_age()) {
        (None, _) => parts.push("no leader".to_string()),
        (Some(leader), None) => parts.push(format!("leader {leader}")),
        (Some(leader), Some(age)) => parts.push(format!("leader {leader} for {age}")),
    }
    parts.extend(view.term.map(|term| format!("term {term}")));
    parts.extend(view.revision.map(|revision| format!("revision {revision}")));
    parts.extend(view.keys.map(|keys| format!("{} keys", count(keys))));
    if let (Some(reads), Some(writes)) = (view.reads_per_second, view.writes_per_second) {
        parts.push(format!(
            "{} reads/s, {} writes/s",
            rate(reads),
            rate(writes)
        ));
    }
    parts.join(", ")
}

/// The whole overview in lines of at most `wide` columns, as far as the members' names let it.
#[must_use]
pub fn text(view: &View, wide: usize, color: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}  {}  {}",
        view.cluster,
        view.verdict.tint().paint(view.verdict.word(), color),
        membership(view)
    );
    let _ = writeln!(out, "{}", leadership(view));
    out.push('\n');
    let fitting = fitting(view, wide);
    let line = |cells: Vec<(String, usize, bool, Tint)>| {
        let cells: Vec<String> = cells
            .into_iter()
            .map(|(text, width, right, tint)| padded(&text, width, right, tint, color))
            .collect();
        cells.join("  ").trim_end().to_string()
    };
    let _ = writeln!(
        out,
        "{}",
        line(
            fitting
                .iter()
                .map(|(column, width)| (column.title.to_string(), *width, column.right, Tint::Weak))
                .collect()
        )
    );
    for member in &view.members {
        let cells = fitting.iter().map(|(column, width)| {
            let tint = if column.title == "HEALTH" {
                condition_tint(member)
            } else {
                Tint::Plain
            };
            ((column.cell)(member), *width, column.right, tint)
        });
        let _ = writeln!(out, "{}", line(cells.collect()));
    }
    if !view.findings.is_empty() {
        out.push('\n');
    }
    for finding in &view.findings {
        let _ = writeln!(
            out,
            "{}: {}",
            finding.grade.tint().paint(finding.grade.word(), color),
            sentence(finding)
        );
        if let Some(next) = &finding.next {
            let _ = writeln!(out, "  next: {next}");
        }
    }
    out.trim_end().to_string()
}

pub(super) fn sentence(finding: &Finding) -> String {
    match &finding.member {
        Some(member) => format!("{member}: {}", finding.text),
        None => finding.text.clone(),
    }
}

fn padded(text: &str, width: usize, right: bool, tint: Tint, color: bool) -> String {
    let gap = " ".repeat(width.saturating_sub(columns(text)));
    let text = tint.paint(text, color);
    if right {
        format!("{gap}{text}")
    } else {
        format!("{text}{gap}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{down, three};
    use super::super::view::view;
    use super::*;

    #[test]
    fn columns_are_left_out_until_the_line_fits() {
        let (plan, mut state) = three();
        down(&mut state, 3);
        let view = view(&plan, &state);
        for wide in [40, 60, 80, 120, 200] {
            let text = text(&view, wide, false);
            let table: Vec<&str> = text
                .lines()
                .skip_while(|line| !line.starts_with("MEMBER"))
                .take(4)
                .collect();
            assert!(
                table.iter().all(|line| line.chars().count() <= wide),
                "{wide}\n{text}"
            );
            assert!(
                table[0].starts_with("MEMBER  ROLE      HEALTH")
                    && table[3].starts_with("etcd-3  ?         down"),
                "{text}"
            );
        }
        assert!(
            text(&view, 200, false)
                .lines()
                .nth(3)
                .is_some_and(|line| line.contains("MEMORY") && line.ends_with("CERT  DRIFT"))
        );
    }
}
