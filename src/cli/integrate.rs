//! For the shell: completions and the manual page, from the same tables as everything else.

use clap::{Arg, ArgAction, Args, Command, CommandFactory, ValueEnum};

use super::line::Line;
use crate::error::{Error, Result};

/// Print completions for a shell: `source <(etcdsh completion bash)`.
#[derive(Args)]
pub(super) struct CompletionArgs {
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

/// Print the manual page: `etcdsh man | man -l -`.
#[derive(Args)]
pub(super) struct ManArgs {}

/// The whole program as one tree, with the commands of etcdctl.
fn tree() -> Command {
    Line::command()
        .mut_subcommand("e", |e| below(&e, ""))
        .mut_subcommand("em", |em| below(&em, "member"))
}

/// A command with those of etcdctl below it.
fn below(command: &Command, group: &str) -> Command {
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let name = if group.is_empty() { "e" } else { "em" };
    etcdctl(name, "", group).about(about)
}

/// The commands of etcdctl below a group, as clap would have them.
fn etcdctl(name: &'static str, about: &'static str, group: &str) -> Command {
    let mut command = Command::new(name)
        .about(about)
        .disable_help_subcommand(true);
    for found in crate::etcdctl::manual::commands(group) {
        if found.is_group {
            let path = if group.is_empty() {
                found.name.to_string()
            } else {
                format!("{group} {}", found.name)
            };
            command = command.subcommand(etcdctl(found.name, found.about, &path));
            continue;
        }
        let flags = found.flags.iter().map(|(flag, about, takes)| {
            let action = if *takes {
                ArgAction::Set
            } else {
                ArgAction::SetTrue
            };
            Arg::new(*flag).long(*flag).help(*about).action(action)
        });
        command = command.subcommand(
            Command::new(found.name)
                .about(found.about)
                .args(flags)
                .arg(Arg::new("words").action(ArgAction::Append)),
        );
    }
    command
}

pub(super) fn completion(args: &CompletionArgs) -> i32 {
    use clap_complete::shells;
    let (mut command, mut text) = (tree(), Vec::new());
    match args.shell {
        Shell::Bash => clap_complete::generate(shells::Bash, &mut command, "etcdsh", &mut text),
        Shell::Fish => clap_complete::generate(shells::Fish, &mut command, "etcdsh", &mut text),
        Shell::Zsh => clap_complete::generate(shells::Zsh, &mut command, "etcdsh", &mut text),
    }
    say!("{}", String::from_utf8_lossy(&text).trim_end());
    0
}

pub(super) fn man() -> Result<i32> {
    let mut page = Vec::new();
    let failed = |error: std::io::Error| {
        Error::internal("the manual page cannot be made").because(error.to_string())
    };
    clap_mangen::Man::new(tree())
        .render(&mut page)
        .map_err(failed)?;
    say!("{}", String::from_utf8_lossy(&page).trim_end());
    say!(
        ".SH CONSOLE\nWithout a script and on a terminal etcdsh is a console. Besides lines of the language and of etcdctl it has these commands:"
    );
    for (usage, doc) in crate::repl::commands() {
        say!(".TP\n\\fB{}\\fR\n{}", escaped(&usage), escaped(doc));
    }
    Ok(0)
}

/// A text for roff.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}
