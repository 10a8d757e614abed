//! What is printed instead of, around and after a run: lists, the question of `--step`, the line that says what is next.

use std::io::Write;
use std::sync::Arc;

use super::options::Options;
use super::setup::Setup;
use crate::error::{Hint, Kind, Result};
use crate::run::{Score, Session, Task, Verdict};
use crate::script::{Interpreter, Script, Step};

/// `--list-hosts`, `--list-tasks`, `--list-tags`, in one report as ansible-playbook does.
pub(super) fn lists(options: &Options, interpreter: &Interpreter, script: &Script) -> Result<i32> {
    let world = interpreter.world();
    let draft = world.draft();
    world.selection.check(&draft.tasks)?;
    say!("\nplaybook: {}", script.name);
    say!("\n  play ({})", draft.play);
    let hosts: Vec<&String> = draft.clusters.iter().flat_map(|(_, hosts)| hosts).collect();
    if options.play.list_hosts {
        say!("    hosts ({}):", hosts.len());
        for host in &hosts {
            say!("      {host}");
        }
    }
    let tasks: Vec<&Task> = world.selection.of(&draft.tasks);
    if options.play.list_tasks {
        say!("    tasks:");
        for task in &tasks {
            let tags: Vec<&str> = task.tags().collect();
            say!(
                "      {}: {}\tTAGS: [{}]",
                task.name,
                task.description,
                tags.join(", ")
            );
        }
    }
    if options.play.list_tags {
        let mut tags: Vec<&str> = tasks.iter().flat_map(|task| task.tags()).collect();
        tags.sort_unstable();
        tags.dedup();
        say!("    TASK TAGS: [{}]", tags.join(", "));
    }
    Ok(0)
}

/// Ask before each task: no, yes, or go on without asking.
pub(super) fn step(session: &Arc<Session>) -> Step<'static> {
    let session = Arc::clone(session);
    Box::new(move |task| {
        loop {
            session.report.rest();
            let _ = write!(
                std::io::stdout(),
                "\nPerform task: {} ({})? (N)o/(y)es/(c)ontinue: ",
                task.name,
                task.description
            );
            let _ = std::io::stdout().flush();
            crate::terminal::wait_for_line(&|| session.cancel.asked());
            let mut line = String::new();
            if session.cancel.asked() || std::io::stdin().read_line(&mut line).unwrap_or(0) == 0 {
                return Verdict::No;
            }
            match line.trim().to_lowercase().as_str() {
                "y" | "yes" => return Verdict::Yes,
                "c" | "continue" => return Verdict::Continue,
                "" | "n" | "no" => return Verdict::No,
                _ => {}
            }
        }
    })
}

/// The command line as it was typed, without `-C`.
fn again(typed: &[std::ffi::OsString]) -> String {
    let bundle = |word: &str| {
        word.starts_with('-')
            && !word.starts_with("--")
            && word[1..].chars().all(|letter| "bCDkKvy".contains(letter))
    };
    let words: Vec<String> = typed
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .map(|word| {
            if bundle(&word) {
                word.replace('C', "")
            } else {
                word
            }
        })
        .filter(|word| word != "-" && word != "--check")
        .map(|word| in_whole(&word))
        .map(|word| {
            if word
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_./,=:@".contains(letter))
            {
                word
            } else {
                crate::command::quote(&word)
            }
        })
        .collect();
    format!("etcdsh {}", words.join(" "))
}

/// A word with the secrets in it masked; so is the file of variables that a `-e` gives as a text.
fn in_whole(word: &str) -> String {
    let masked = crate::secret::masked(word);
    let named = |word: &str| {
        word.split_once('=')
            .is_some_and(|(name, _)| crate::secret::is_secret_name(name))
    };
    match word.split_once('=') {
        // A value with blanks in it is one word here.
        Some((name, _)) if named(word) => format!("{name}=********"),
        _ => masked,
    }
}

/// A hint without the remark on it.
fn bare(hint: &Hint) -> String {
    let line = crate::secret::masked(&hint.to_string());
    line.split("   #").next().unwrap_or_default().to_string()
}

/// The one line that tells what to do next.
pub(super) fn next(
    options: &Options,
    setup: &Setup,
    script: &Script,
    score: &Score,
    typed: &[std::ffi::OsString],
) -> String {
    let again = || again(typed);
    if score.exit_code() == Kind::Interrupted.exit_code() {
        return format!("go on where it stopped: {}", again());
    }
    let failed: Vec<&str> = score
        .rows
        .iter()
        .filter(|(_, row)| row.failed + row.unreachable > 0)
        .map(|(host, _)| host.as_str())
        .collect();
    if let Some(host) = failed.first() {
        return match score.errors.iter().find_map(|error| error.hints.first()) {
            Some(hint) => format!("mend it ({}), then run again: {}", bare(hint), again()),
            None => format!("look at {host}, then run again: {}", again()),
        };
    }
    if options.play.check {
        return format!("do it: {}", again());
    }
    if !script.name.ends_with("scripts/etcd.rhai") {
        let changed = score.rows.iter().any(|(_, row)| row.changed > 0);
        return if changed {
            format!("see that nothing is left to do: {}", again())
        } else {
            "nothing is left to do".to_string()
        };
    }
    if setup.sandbox {
        return "look at it: etcdsh overview   (etcdsh sandbox rm removes it)".to_string();
    }
    format!(
        "look at it: etcdsh{} overview",
        options
            .reach
            .sources
            .inventory
            .iter()
            .map(|source| format!(" -i {}", crate::command::quote(source)))
            .collect::<String>()
    )
}
