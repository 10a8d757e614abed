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

/// The command line as it was typed; `for_real` is without `-C`.
fn again(typed: &[std::ffi::OsString], for_real: bool) -> String {
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
            if for_real && bundle(&word) {
                word.replace('C', "")
            } else {
                word
            }
        })
        .filter(|word| !for_real || (word != "-" && word != "--check"))
        .map(|word| in_whole(&word))
        .map(|word| {
            if !word.is_empty()
                && word
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

/// The longest hint that is repeated in the last line.
const HINT_IN_LINE: usize = 80;

/// A hint without the remark on it.
fn bare(hint: &Hint) -> String {
    let line = crate::secret::masked(&hint.to_string());
    line.split("   #").next().unwrap_or_default().to_string()
}

/// Is it an option that stands behind the line that was typed, and wins there?
fn is_added(hint: &str) -> bool {
    ["-K", "-k", "-e ", "-u ", "--private-key ", "--no-gate "]
        .iter()
        .any(|option| hint.starts_with(option))
}

/// A line with an option behind it, in the place of the same one that was typed.
fn with(line: &str, option: &str) -> String {
    let (name, value) = option.split_once(' ').unwrap_or((option, ""));
    let variable = value
        .split('=')
        .next()
        .unwrap_or_default()
        .trim_matches('\'');
    let mut left = Vec::new();
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        if word != name {
            left.push(word);
            continue;
        }
        if value.is_empty() {
            continue;
        }
        // Of `-e` only the one of the same variable.
        let next = words.peek().copied().unwrap_or_default();
        let same = next.trim_matches('\'').split('=').next() == Some(variable);
        if name != "-e" || same {
            words.next();
        } else {
            left.push(word);
        }
    }
    format!("{} {option}", left.join(" "))
}

/// Would data or a member go by it, or a question be answered unread? Then it is nothing to be typed without a thought.
fn risks_data(hint: &Hint) -> bool {
    match hint {
        Hint::All(hints) => hints.iter().any(risks_data),
        Hint::Etcd(line) => line.starts_with("member remove "),
        Hint::Program { subcommand, .. } => subcommand == "etcd-rm",
        Hint::Run { command, .. } | Hint::OnHost(command) => command.starts_with("mv "),
        Hint::Set(variable) => ["etcd_clean=true", "etcd_gone=", "etcd_safeguard=false"]
            .iter()
            .any(|risk| variable.starts_with(risk)),
        Hint::Text(text) => text.split_whitespace().next() == Some("-y"),
        _ => false,
    }
}

/// The one line that tells what to do next; `planned` says that steps were shown.
pub(super) fn next(
    options: &Options,
    setup: &Setup,
    script: &Script,
    score: &Score,
    planned: bool,
    typed: &[std::ffi::OsString],
) -> String {
    // Who looks first and finds trouble looks again: nothing is written by a line that was not asked for.
    let for_real = || again(typed, true);
    let again = || again(typed, false);
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
            Some(hint) if risks_data(hint) => {
                format!("decide about the hint, then run again: {}", again())
            }
            // A sentence stands above; said again within a line it hides what to type.
            Some(hint) if bare(hint).len() > HINT_IN_LINE => {
                format!("do what the hint says, then run again: {}", again())
            }
            // An option is mended by typing it; of two `-l` both would count.
            Some(hint) if is_added(&bare(hint)) => {
                format!("run again with it: {}", with(&again(), &bare(hint)))
            }
            Some(hint) => format!("mend it ({}), then run again: {}", bare(hint), again()),
            None => format!("look at {host}, then run again: {}", again()),
        };
    }
    if let Some(file) = &options.play.plan {
        let file = crate::command::quote(file);
        return format!("do it: etcdsh apply {file}");
    }
    if options.play.check {
        let would = score
            .rows
            .iter()
            .any(|(_, row)| row.changed + row.unknown > 0);
        return if would || planned {
            format!("do it: {}", for_real())
        } else {
            "nothing would change".to_string()
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_remove_data_is_never_the_next_thing_to_type() {
        let set = |variable: &str| Hint::Set(variable.into());
        assert!(risks_data(&set("etcd_safeguard=false")));
        assert!(risks_data(&Hint::All(vec![
            Hint::Limit("10.0.0.1".into()),
            set("etcd_clean=true"),
            Hint::Note("when you really mean it".into()),
        ])));
        assert!(risks_data(&"-y   # when this is what you want".into()));
        assert!(risks_data(&Hint::Etcd("member remove 2b".into())));
        assert!(risks_data(&set("etcd_gone=etcd-2")));
        assert!(risks_data(&Hint::Run {
            command: "mv /data/etcd/member /data/etcd/member.copy".into(),
            on: "10.0.0.1".into(),
        }));
        assert!(!risks_data(&set("etcd_init=existing")));
        assert!(!risks_data(&"ssh -p 22 10.0.0.1 true".into()));
    }

    #[test]
    fn an_option_takes_the_place_of_the_one_that_was_typed() {
        for (line, option, wanted) in [
            ("etcdsh etcd -C", "-K", "etcdsh etcd -C -K"),
            (
                "etcdsh -u oper -k -K etcd",
                "-k",
                "etcdsh -u oper -K etcd -k",
            ),
            (
                "etcdsh -u admin etcd -C",
                "-u USER",
                "etcdsh etcd -C -u USER",
            ),
            (
                "etcdsh etcd -e 'etcd_root_password=********' -e a=1",
                "-e etcd_root_password=PASSWORD",
                "etcdsh etcd -e a=1 -e etcd_root_password=PASSWORD",
            ),
        ] {
            assert_eq!(with(line, option), wanted);
        }
    }
}
