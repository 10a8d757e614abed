//! `-o json`: one event per line on standard output.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::event::{Standing, Step};
use super::{Event, Sink};
use crate::error::Error;

/// The version of the schema, in the first event.
const SCHEMA: u32 = 1;

pub struct Json<W: Write + Send>(pub W);

fn seconds(duration: &Duration) -> Value {
    json!((duration.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// An error with all its fields.
#[must_use]
pub fn error(error: &Error) -> Value {
    json!({
        "kind": format!("{:?}", error.kind).to_lowercase(),
        "host": error.host,
        "what": error.what,
        "at": error.at.as_ref().map(|at| json!({ "file": at.file, "line": at.line, "column": at.column })),
        "command": error.command,
        "stderr": error.stderr,
        "causes": error.causes,
        "hints": error.hints.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn standing(standing: Standing) -> Value {
    json!({
        "voters": standing.voters, "healthy": standing.healthy,
        "quorum": standing.quorum(), "may_fail": standing.may_fail(),
    })
}

fn step(step: &Step) -> Value {
    json!({
        "host": step.host, "member": step.member, "what": step.what, "why": step.why, "effect": step.effect,
        "before": standing(step.before), "during": standing(step.during), "after": standing(step.after),
    })
}

impl<W: Write + Send> Json<W> {
    pub(crate) fn line(event: &Event<'_>) -> Value {
        match event {
            Event::Change {
                check,
                diff,
                host,
                nth,
                subject,
                task,
                what,
            } => json!({
                "event": "change", "task": task, "host": host, "nth": nth, "subject": subject, "what": what, "check": check,
                "diff": diff.map(|diff| json!({ "path": diff.path, "before": diff.before, "after": diff.after })),
            }),
            // Kept for the audit alone.
            Event::Answer { .. } => Value::Null,
            Event::Command { command, host } => {
                json!({ "event": "command", "host": host, "command": command })
            }
            Event::Message { host, text } => {
                json!({ "event": "message", "host": host, "text": text })
            }
            Event::Next { text } => json!({ "event": "next", "text": text }),
            Event::Plan { cluster, steps } => json!({
                "event": "plan", "cluster": cluster,
                "steps": steps.iter().map(step).collect::<Vec<_>>(),
            }),
            Event::Play { hosts, name } => json!({ "event": "play", "name": name, "hosts": hosts }),
            Event::Recap {
                check,
                rows,
                seconds: total,
                slowest: _,
            } => {
                let hosts: serde_json::Map<String, Value> = rows
                    .iter()
                    .map(|(host, row)| {
                        (
                            host.clone(),
                            json!({
                                "cluster": row.cluster, "ok": row.ok, "changed": row.changed, "unreachable": row.unreachable, "failed": row.failed,
                                "skipped": row.skipped, "unknown": row.unknown, "seconds": seconds(&row.seconds), "trips": row.trips,
                            }),
                        )
                    })
                    .collect();
                json!({ "event": "recap", "check": check, "seconds": seconds(total), "hosts": hosts })
            }
            Event::Start {
                check,
                hosts,
                inventory,
                script,
            } => {
                json!({ "event": "start", "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"), "script": script, "inventory": inventory, "hosts": hosts, "check": check })
            }
            Event::Task {
                quiet: _,
                description,
                hosts,
                name,
            } => {
                json!({ "event": "task", "task": name, "description": description, "hosts": hosts })
            }
            Event::TaskEnd {
                name,
                seconds: total,
            } => json!({ "event": "task_end", "task": name, "seconds": seconds(total) }),
            Event::TaskHost {
                error: cause,
                host,
                seconds: total,
                status,
                task,
                trips,
                what,
            } => json!({
                "event": "host", "task": task, "host": host, "status": status.word(),
                "what": what.iter().map(ToString::to_string).collect::<Vec<_>>(), "seconds": seconds(total), "trips": trips,
                "error": cause.map(error),
            }),
            Event::Unknown {
                host,
                subject,
                task,
                why,
            } => {
                json!({ "event": "unknown", "task": task, "host": host, "subject": subject, "why": why })
            }
            Event::Warning { text } => json!({ "event": "warning", "text": text }),
        }
    }
}

impl<W: Write + Send> Sink for Json<W> {
    fn event(&mut self, event: &Event<'_>) {
        // Commands are for a person who watches with -vv.
        if matches!(event, Event::Command { .. } | Event::Answer { .. }) {
            return;
        }
        // A reader that went away is no reason to stop in mid-change.
        let line = crate::terminal::in_json(&Self::line(event).to_string());
        let _ = writeln!(self.0, "{line}");
        let _ = self.0.flush();
    }
}
