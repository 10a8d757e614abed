//! A plan as a table for a person: a line for each step, with the course of the numbers that decide.

use super::human::shown;
use super::{Standing, Step};
use crate::terminal::{columns, padded};

/// A number before, while and after a step: `3>2>3`, or `3` where it stays.
fn course(step: &Step, number: impl Fn(Standing) -> usize) -> String {
    let mut all = [step.before, step.during, step.after]
        .map(|standing| number(standing).to_string())
        .to_vec();
    all.dedup();
    all.join(">")
}

/// The steps as a table, a line each.
pub(super) fn lines(steps: &[Step]) -> Vec<String> {
    let head = [
        "", "host", "what", "voters", "healthy", "quorum", "may fail", "why",
    ];
    let mut rows = vec![head.map(str::to_string)];
    for (place, step) in steps.iter().enumerate() {
        rows.push([
            format!("{}.", place + 1),
            shown(&step.host),
            shown(&step.what),
            course(step, |standing| standing.voters),
            course(step, |standing| standing.healthy),
            course(step, Standing::quorum),
            course(step, Standing::may_fail),
            shown(&step.why),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| columns(&row[column])).max();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    rows.iter()
        .map(|row| {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| padded(cell, *width));
            format!("  {}", cells.collect::<Vec<_>>().join("  "))
                .trim_end()
                .to_string()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_shows_the_course_of_each_number() {
        let of = |voters, healthy| Standing { healthy, voters };
        let step = |what: &str, during, after| Step {
            after,
            before: of(3, 3),
            during,
            effect: super::super::Effect::Stops,
            host: "10.10.10.10".into(),
            member: String::new(),
            what: what.into(),
            why: "asked for".into(),
        };
        let steps = [
            step("restart etcd-1", of(3, 2), of(3, 3)),
            step("remove etcd-3", of(2, 2), of(2, 2)),
        ];
        assert_eq!(
            lines(&steps).join("\n"),
            "      host         what            voters  healthy  quorum  may fail  why\n  \
             1.  10.10.10.10  restart etcd-1  3       3>2>3    2       1>0>1     asked for\n  \
             2.  10.10.10.10  remove etcd-3   3>2     3>2      2       1>0       asked for"
        );
    }
}
