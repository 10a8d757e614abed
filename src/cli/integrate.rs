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
pub(super) fn tree() -> Command {
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

/// What a shell is told once: it asks the program at each Tab.
pub(super) fn completion(args: &CompletionArgs) -> i32 {
    let text = match args.shell {
        Shell::Bash => BASH,
        Shell::Fish => FISH,
        Shell::Zsh => ZSH,
    };
    say!("{}", text.trim());
    0
}

const BASH: &str = r#"
# Completion of etcdsh for bash: the program says what may stand at the cursor.
_etcdsh() {
    local line=${COMP_LINE:0:COMP_POINT} head= mark part offer
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local word=${words[${#words[@]} - 1]}
    # bash replaces what stands behind the last of these.
    for mark in = :; do
        part=${word%"${word##*"$mark"}"}
        [[ $COMP_WORDBREAKS == *"$mark"* && ${#part} -gt ${#head} ]] && head=$part
    done
    COMPREPLY=()
    while IFS=$'\t' read -r offer _; do
        offer=${offer#"$head"}
        [[ $offer == *[!A-Za-z0-9_./:=,@%+-]* ]] && offer=$(printf %q "$offer")
        COMPREPLY+=("$offer")
    done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _etcdsh etcdsh 2>/dev/null || complete -F _etcdsh etcdsh
"#;

const FISH: &str = r"
# Completion of etcdsh for fish: the program says what may stand at the cursor.
function __etcdsh_offers
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    $program __complete $words (commandline -ct) 2>/dev/null
end
complete -c etcdsh -f -k -a '(__etcdsh_offers)'
";

const ZSH: &str = r#"
#compdef etcdsh
# Completion of etcdsh for zsh: the program says what may stand at the cursor.
_etcdsh() {
    local offer about line
    local -a whole open
    while IFS=$'\t' read -r offer about; do
        line="${offer//:/\\:}${about:+:$about}"
        if [[ $offer == *[/=] ]]; then
            open+=("$line")
        else
            whole+=("$line")
        fi
    done < <("${(Q)words[1]/#\~/$HOME}" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    (( $#whole )) && _describe -V 'etcdsh' whole
    (( $#open )) && _describe -V 'etcdsh' open -S ''
}
if [[ $funcstack[1] == _etcdsh ]]; then
    _etcdsh "$@"
else
    compdef _etcdsh etcdsh
fi
"#;

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
