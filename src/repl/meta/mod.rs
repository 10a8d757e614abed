//! The commands of the console: one table for parsing, completion and `:help`; what they do is in the files beside, by their nouns.

#![expect(
    clippy::unnecessary_wraps,
    reason = "commands are functions of one form"
)]

mod job;
mod line;
mod look;
mod script;
mod setting;
mod shell;

use super::console::{Console, Then};
use super::{help, step};
use crate::error::{Error, Result, nearest};
use job::{jobs, stop};
use line::{log, save_lines, show_lines};
use look::{hosts, overview, tasks, trace};
use script::{edit, load, reload, run_script};
use setting::{check, diff, format, limit, set, timing, unset, use_cluster};
use shell::shell;

/// What an argument is: for completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Cluster,
    /// A line for the shell.
    Command,
    /// A time between two runs.
    Every,
    File,
    Form,
    Hosts,
    Job,
    /// A line of the console.
    Line,
    /// Numbers of lines.
    Lines,
    /// Anything there is help on.
    Name,
    OnOff,
    Script,
    Task,
    Variable,
}

pub(super) struct Meta {
    pub(super) args: &'static [(&'static str, Takes)],
    pub(super) doc: &'static str,
    pub(super) name: &'static str,
    run: fn(&mut Console, &str) -> Result<Then>,
}

/// In the order of `:help`.
pub(super) const ALL: &[Meta] = &[
    Meta {
        name: "help",
        args: &[("[NAME]", Takes::Name)],
        doc: "all commands, or what a name means; `NAME?` does the same, `NAME??` shows its source",
        run: help,
    },
    Meta {
        name: "hosts",
        args: &[("[PATTERN]", Takes::Hosts)],
        doc: "the selected hosts, their addresses, clusters and connections",
        run: hosts,
    },
    Meta {
        name: "limit",
        args: &[("[PATTERN|all]", Takes::Hosts)],
        doc: "work only on these hosts, as -l does; `all` for every host again",
        run: limit,
    },
    Meta {
        name: "use",
        args: &[("CLUSTER|all", Takes::Cluster)],
        doc: "work on one cluster of several",
        run: use_cluster,
    },
    Meta {
        name: "check",
        args: &[("[on|off]", Takes::OnOff)],
        doc: "show what would change and change nothing, as -C does",
        run: check,
    },
    Meta {
        name: "diff",
        args: &[("[on|off]", Takes::OnOff)],
        doc: "show the difference of each file that changes, as -D does",
        run: diff,
    },
    Meta {
        name: "set",
        args: &[("[NAME=VALUE]", Takes::Variable)],
        doc: "a variable that wins over the inventory, as -e does; `editing=vi` or `emacs` chooses the keys",
        run: set,
    },
    Meta {
        name: "unset",
        args: &[("NAME", Takes::Variable)],
        doc: "take such a variable away",
        run: unset,
    },
    Meta {
        name: "tasks",
        args: &[],
        doc: "the steps that can be called, such as `etcd_install()`",
        run: tasks,
    },
    Meta {
        name: "run",
        args: &[("SCRIPT", Takes::Script), ("[-t TAGS] [ARGS]", Takes::Task)],
        doc: "run a script on the selected hosts",
        run: run_script,
    },
    Meta {
        name: "load",
        args: &[("FILE", Takes::File)],
        doc: "read a script: its functions and tasks can be called then",
        run: load,
    },
    Meta {
        name: "reload",
        args: &[],
        doc: "read the inventory and the loaded files again; changed ones are read by themselves",
        run: reload,
    },
    Meta {
        name: "!",
        args: &[("COMMAND", Takes::Command)],
        doc: "run a line for the shell on the selected hosts; equal answers stand together",
        run: shell,
    },
    Meta {
        name: "step",
        args: &[("[SCRIPT|off]", Takes::Script), ("[TASK]", Takes::Task)],
        doc: "go through a script task by task, from the first or from TASK; alone: where it stands",
        run: step::begin,
    },
    Meta {
        name: "next",
        args: &[],
        doc: "with :step, run the task at hand",
        run: step::next,
    },
    Meta {
        name: "skip",
        args: &[],
        doc: "with :step, leave the task at hand out",
        run: step::skip,
    },
    Meta {
        name: "redo",
        args: &[],
        doc: "with :step, run the task before once more",
        run: step::redo,
    },
    Meta {
        name: "continue",
        args: &[("[TASK]", Takes::Task)],
        doc: "with :step, run all that is left, or up to TASK",
        run: step::go_on,
    },
    Meta {
        name: "overview",
        args: &[("[CLUSTER]", Takes::Cluster)],
        doc: "the cluster live: members, health, latencies, logs, drift; `q` comes back here",
        run: overview,
    },
    Meta {
        name: "jobs",
        args: &[],
        doc: "what runs in the background, such as `e watch`",
        run: jobs,
    },
    Meta {
        name: "stop",
        args: &[("[JOB]", Takes::Job)],
        doc: "end a job, or all",
        run: stop,
    },
    Meta {
        name: "watch",
        args: &[("[EVERY]", Takes::Every), ("LINE", Takes::Line)],
        doc: "run a line every 2s, or as often as EVERY says, until Ctrl-C",
        run: super::watch::run,
    },
    Meta {
        name: "format",
        args: &[("[simple|table|json|vertical]", Takes::Form)],
        doc: "how results and the answers of `e` are shown; simple: each as it is made for",
        run: format,
    },
    Meta {
        name: "bt",
        args: &[],
        doc: "the whole of the last error, with the calls that led to it",
        run: trace,
    },
    Meta {
        name: "timing",
        args: &[("[on|off]", Takes::OnOff)],
        doc: "after each line: its time, and round trips and bytes of each host",
        run: timing,
    },
    Meta {
        name: "edit",
        args: &[("[FILE]", Takes::File)],
        doc: "change the last line in $EDITOR and run it (Ctrl-X Ctrl-E: the line at hand), or a file and load it",
        run: edit,
    },
    Meta {
        name: "log",
        args: &[("FILE|off", Takes::File)],
        doc: "write a copy of this session into a file, secrets masked",
        run: log,
    },
    Meta {
        name: "lines",
        args: &[],
        doc: "the lines that worked, with their numbers: what :save writes",
        run: show_lines,
    },
    Meta {
        name: "save",
        args: &[("FILE", Takes::File), ("[FROM[-TO]]", Takes::Lines)],
        doc: "write the lines that worked, or these of `:lines`, as a script",
        run: save_lines,
    },
    Meta {
        name: "quit",
        args: &[],
        doc: "leave, as Ctrl-D does",
        run: |_, _| Ok(Then::Leave),
    },
];

/// The command that a word names: whole, or the only one that begins so.
pub(super) fn find(word: &str) -> Result<&'static Meta> {
    if let Some(meta) = ALL.iter().find(|meta| meta.name == word) {
        return Ok(meta);
    }
    let mut matching = ALL
        .iter()
        .filter(|meta| !word.is_empty() && meta.name.starts_with(word));
    if let (Some(only), None) = (matching.next(), matching.next()) {
        return Ok(only);
    }
    let error = Error::usage(format!("there is no command `:{word}`"));
    Err(match nearest(word, ALL.iter().map(|meta| meta.name)) {
        Some(near) => error.hint(format!("did you mean `:{near}`?")),
        None => error.hint(":help"),
    })
}

/// The command and what stands after it.
pub(super) fn split(text: &str) -> (&str, &str) {
    if let Some(command) = text.strip_prefix('!') {
        return ("!", command.trim());
    }
    text.split_once(char::is_whitespace)
        .map_or((text, ""), |(name, rest)| (name, rest.trim()))
}

pub(super) fn run(console: &mut Console, text: &str) -> Result<Then> {
    let (name, rest) = split(text);
    let meta = find(name)?;
    let needed = meta
        .args
        .iter()
        .filter(|(name, _)| !name.starts_with('['))
        .count();
    if rest.is_empty() && needed > 0 {
        return Err(
            Error::usage(format!("`:{}` needs {}", meta.name, meta.args[0].0)).hint(usage(meta)),
        );
    }
    if !rest.is_empty() && meta.args.is_empty() {
        return Err(
            Error::usage(format!("`:{}` takes nothing behind it", meta.name)).hint(usage(meta)),
        );
    }
    (meta.run)(console, rest)
}

/// `:limit [PATTERN]`.
pub(super) fn usage(meta: &Meta) -> String {
    let args: String = meta
        .args
        .iter()
        .map(|(name, _)| format!(" {name}"))
        .collect();
    format!(":{}{args}", meta.name)
}

fn help(console: &mut Console, name: &str) -> Result<Then> {
    let text = if name.is_empty() {
        help::overview(super::show::columns())
    } else {
        help::page(console, name)?
    };
    console.say(text.trim_end());
    Ok(Then::Go)
}

/// Words of the table, for a test and for the manual.
#[must_use]
pub(super) fn lines() -> Vec<(String, &'static str)> {
    ALL.iter().map(|meta| (usage(meta), meta.doc)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_its_beginning() {
        assert_eq!(find("hosts").map(|meta| meta.name).ok(), Some("hosts"));
        assert_eq!(find("ho").map(|meta| meta.name).ok(), Some("hosts"));
        assert_eq!(
            find("re")
                .map(|meta| meta.name)
                .err()
                .map(|error| error.what),
            Some("there is no command `:re`".into())
        );
        assert_eq!(
            find("lmit")
                .map(|meta| meta.name)
                .err()
                .map(|error| error.hints),
            Some(vec!["did you mean `:limit`?".into()])
        );
        assert_eq!(split("!uptime -p"), ("!", "uptime -p"));
        assert_eq!(split("set a=b c"), ("set", "a=b c"));
    }

    #[test]
    fn names_differ() {
        let mut names: Vec<&str> = ALL.iter().map(|meta| meta.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
