//! `etcdsh audit`: the runs that changed something, one file each beside the inventory, to list, show and remove.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::options::Sources;
use super::setup;
use crate::error::{Error, Result};
use crate::inventory::AnsibleConfig;
use crate::report::AUDIT;

/// What was done to these hosts, by whom and when: each run that changes something leaves a file in `audit/` beside the inventory.
#[derive(Args)]
#[command(after_help = "Example: etcdsh audit show 20261129T0955")]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    sources: Sources,
}

#[derive(Subcommand)]
enum Act {
    /// A line for each run, the oldest first
    List,
    /// What one run did, step by step
    Show {
        /// The beginning of its name; the last one when it is left out
        name: Option<String>,
    },
    /// Remove the files of runs that are older than this many days
    Clean {
        /// Days
        #[arg(long, default_value_t = 365)]
        older: u64,
    },
}

pub(super) fn run(args: &AuditArgs, before: &Sources, json: bool) -> Result<i32> {
    let given = args.sources.clone().after(before.clone());
    let sources = setup::sources(&given.inventory, &AnsibleConfig::load()?)?;
    let beside = if sources.is_empty() {
        crate::sandbox::folder()?
    } else {
        setup::beside(&sources)
    };
    let folder = beside.join(AUDIT);
    let all = files(&folder)?;
    match args.act.as_ref().unwrap_or(&Act::List) {
        Act::List => list(&all, json),
        Act::Show { name } => show(&all, name.as_deref(), json),
        Act::Clean { older } => clean(&all, *older),
    }
}

/// The files in the order of their names, which is that of time.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let trouble = |error: std::io::Error| {
        Error::config(format!("`{}` cannot be read", folder.display())).because(error.to_string())
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(trouble)?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(trouble)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// The events of a run. A line that a run that died has not finished is left out.
fn events(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::config(format!("`{}` cannot be read", path.display())).because(error.to_string())
    })?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

fn name_of(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// How a run ended, as its last line tells.
fn ending(events: &[Value]) -> &'static str {
    // A play within a play has a recap of its own, and the last one is that of the whole.
    let is_recap = |event: &&Value| text(event, "event") == "recap";
    let Some(recap) = events.iter().rev().find(is_recap) else {
        return "died";
    };
    let of_hosts = recap["hosts"].as_object();
    let wrong = of_hosts.is_some_and(|hosts| {
        hosts
            .values()
            .any(|row| row["failed"] != 0 || row["unreachable"] != 0)
    });
    if wrong { "failed" } else { "ok" }
}

fn list(all: &[PathBuf], json: bool) -> Result<i32> {
    if all.is_empty() && !json {
        say!("no run has changed anything yet");
    }
    for path in all {
        let events = events(path)?;
        let who = events.first().cloned().unwrap_or_default();
        let changes = events
            .iter()
            .filter(|event| text(event, "event") == "change")
            .count();
        if json {
            say!(
                "{}",
                serde_json::json!({ "name": name_of(path), "who": who, "changes": changes, "end": ending(&events) })
            );
            continue;
        }
        let line = format!(
            "{}  {:6}  {changes} changes  {}  {}",
            name_of(path),
            ending(&events),
            text(&who, "user"),
            text(&who, "typed")
        );
        say!("{}", crate::terminal::visible(line.as_bytes(), false));
    }
    Ok(0)
}

fn show(all: &[PathBuf], name: Option<&str>, json: bool) -> Result<i32> {
    let found = match name {
        Some(name) => all
            .iter()
            .rev()
            .find(|path| name_of(path).starts_with(name)),
        None => all.last(),
    };
    let Some(path) = found else {
        let what = name.map_or_else(
            || "there is no audit yet".to_string(),
            |name| format!("there is no audit `{name}`"),
        );
        return Err(Error::usage(what).hint("etcdsh audit list"));
    };
    for event in events(path)? {
        if json {
            say!("{event}");
        } else if let Some(line) = told(&event) {
            say!("{}", crate::terminal::visible(line.as_bytes(), true));
        }
    }
    Ok(0)
}

/// An event as a line, with its time; what only a program asks for is left out.
fn told(event: &Value) -> Option<String> {
    let at = text(event, "at").get(11..19).unwrap_or_default();
    let host = text(event, "host");
    let line = match text(event, "event") {
        "who" => format!(
            "{} on {} in {}: {}\ninventory {} (sha256 {})",
            text(event, "user"),
            text(event, "machine"),
            text(event, "folder"),
            text(event, "typed"),
            text(event, "inventory"),
            text(event, "sha256")
        ),
        "task" => format!(
            "TASK [{}] {}",
            text(event, "task"),
            text(event, "description")
        ),
        "plan" => {
            let steps = event["steps"].as_array().cloned().unwrap_or_default();
            let steps = steps.iter().enumerate().map(|(nth, step)| {
                format!(
                    "\n    {}. {}  {}  {}",
                    nth + 1,
                    text(step, "host"),
                    text(step, "what"),
                    text(step, "why")
                )
            });
            format!(
                "PLAN [{}]{}",
                text(event, "cluster"),
                steps.collect::<String>()
            )
        }
        "command" if text(event, "command").starts_with("look at ") => return None,
        "command" => format!(
            "{host}  > {}",
            text(event, "command").trim().replace('\n', "\n      ")
        ),
        "answer" if text(event, "output").trim().is_empty() => return None,
        "answer" => format!(
            "{host}  {}",
            text(event, "output").trim().replace('\n', "\n      ")
        ),
        "change" => {
            let what = event["what"].as_array().cloned().unwrap_or_default();
            let what: Vec<&str> = what.iter().filter_map(Value::as_str).collect();
            format!("{host}  {}: {}", text(event, "subject"), what.join(", "))
        }
        "host" if event["error"].is_object() => format!(
            "{host}  {}: {}",
            text(event, "status"),
            text(&event["error"], "what")
        ),
        "message" => format!("{host}  {}", text(event, "text")),
        "warning" => format!("warning: {}", text(event, "text")),
        "next" => format!("next: {}", text(event, "text")),
        _ => return None,
    };
    Some(format!("{at}  {line}"))
}

fn clean(all: &[PathBuf], days: u64) -> Result<i32> {
    let limit = std::time::Duration::from_secs(days * 24 * 3600);
    let mut removed = 0;
    for path in all {
        let age = path
            .metadata()
            .and_then(|found| found.modified())
            .ok()
            .and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > limit) {
            std::fs::remove_file(path).map_err(|error| {
                Error::config(format!("`{}` cannot be removed", path.display()))
                    .because(error.to_string())
            })?;
            removed += 1;
        }
    }
    say!("{removed} removed, {} kept", all.len() - removed);
    Ok(0)
}
