//! What 3.6 prints otherwise than 3.5: `golden36/*.yml`, written by hand from its description, run by ours only.
//!
//! In what is wanted, `EP`, `DIR`, `MEMBER` and `CLUSTER` stand for this run's own. Tables are compared without their padding: the
//! comparison with 3.5 sees to that.

use regex::Regex;

use super::case::{self, Plan};
use super::mask::Seen;
use super::{Case, Job, Side, Stage, Worker, jobs, line, on_workers, report, wanted};

fn named(stage: &Stage<'_>, text: &str) -> String {
    let (cluster, member) = stage.first;
    let mut text = text.replace(&stage.folder.display().to_string(), "DIR");
    for number in (2..=3).filter(|_| stage.three) {
        text = text.replace(&stage.servers.endpoint(number), &format!("EP{number}"));
    }
    text = text
        .replace(&stage.servers.endpoint(1), "EP")
        .replace(&stage.servers.endpoint(1).replace(":2379", ":2380"), "PEER");
    for (id, name) in [(member, "MEMBER"), (cluster, "CLUSTER")] {
        text = text.replace(&format!(" {id:>16x}"), &format!(" {name}"));
        for written in [format!("{id:x}"), id.to_string()] {
            text = text.replace(&written, name);
        }
    }
    let border = Regex::new(r"-{2,}\+").unwrap();
    let blanks = Regex::new(r" {2,}").unwrap();
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.chars().next() {
            Some('+') => border.replace_all(line, "-+").into_owned(),
            Some('|') => blanks.replace_all(line, " ").into_owned(),
            _ => line.to_string(),
        });
    lines.collect()
}

fn look(job: &Job, worker: &Worker<'_>) -> Vec<Case> {
    let side = Side::ours(None, worker.folder.path().join("etcdctl"));
    let mut stage = Stage::set(job, worker);
    job.plans()
        .iter()
        .map(|plan| look_at(job, &mut stage, &side, plan))
        .collect()
}

fn look_at(job: &Job, stage: &mut Stage<'_>, side: &Side, plan: &Plan) -> Case {
    let seen = stage.run(side, job, plan);
    let seen = Seen {
        code: seen.code,
        stderr: named(stage, &seen.stderr),
        stdout: named(stage, &seen.stdout),
    };
    let want = plan
        .want
        .clone()
        .unwrap_or_else(|| panic!("{}: `{}` does not say what it wants", job.name(), plan.run));
    let want = Seen {
        code: want.code.to_string(),
        stderr: want.err,
        stdout: want.out,
    };
    Case {
        difference: want.difference(&seen),
        name: format!("{}: {}", job.name(), line(plan)),
    }
}

#[test]
fn the_layout_of_3_6_is_as_written() {
    let (scenes, has) = wanted(case::scenes("golden36"));
    let mut cases = on_workers(&jobs(scenes), look);
    cases.retain(|case| has(&case.name));
    report("golden rows", &cases);
}
