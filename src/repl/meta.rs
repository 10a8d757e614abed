//! The commands of the console: one table for parsing, completion and `:help`.

#![expect(
    clippy::unnecessary_wraps,
    reason = "commands are functions of one form"
)]

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use super::console::{Console, Then};
use super::save::Accepted;
use super::show::Form;
use super::state::{Errand, What, locked, script_named};
use super::{flow, help, save, step};
use crate::error::{Error, Result, nearest};
use crate::overview::Watch;
use crate::run::Selection;
use crate::script::on_hosts;
use crate::terminal::{columns, padded};

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

fn overview(console: &mut Console, name: &str) -> Result<Then> {
    let world = console.interpreter.world();
    let settings = console.settings();
    let name = Some(name)
        .filter(|name| !name.is_empty())
        .or(settings.cluster.as_deref());
    let cluster = crate::script::overview::chosen(world, name)?;
    let sources: String = console
        .ground
        .sources
        .iter()
        .map(|source| format!(" -i {}", crate::command::quote(source)))
        .collect();
    let watch = Watch::begin(crate::script::overview::plan(
        world,
        &cluster,
        None,
        &format!("etcdsh{sources}"),
    )?);
    let terminal = crate::terminal::shows_output() && std::io::stdin().is_terminal();
    if terminal && !console.json() {
        let cancel = console.runner.surroundings.cancel().clone();
        watch.wait(1, Duration::from_millis(300));
        crate::overview::show(&watch, console.runner.surroundings.color(), &|| {
            cancel.asked()
        })?;
        return Ok(Then::Go);
    }
    let view = watch.settled();
    console.say(if console.json() {
        view.to_json(false).to_string()
    } else {
        crate::overview::text(&view, super::show::columns(), false)
    });
    Ok(Then::Go)
}

fn hosts(console: &mut Console, pattern: &str) -> Result<Then> {
    let world = console.interpreter.world();
    let selected = world.select(if pattern.is_empty() { "all" } else { pattern })?;
    let pool = console.runner.surroundings.pool();
    let wide = selected.iter().map(|name| columns(name)).max().unwrap_or(0);
    let clusters: Vec<&str> = selected
        .iter()
        .map(|host| {
            console
                .ground
                .clusters()
                .iter()
                .find(|cluster| cluster.hosts.contains(host))
                .map_or("-", |cluster| cluster.name.as_str())
        })
        .collect();
    let broad = clusters.iter().map(|name| columns(name)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (host, cluster) in selected.iter().zip(clusters) {
        let seen = match pool.known(host) {
            None => "not connected yet".to_string(),
            Some(link) if link.gone() => "cannot be reached".to_string(),
            Some(link) => format!("{} round trips", link.trips()),
        };
        let groups = world
            .inventory
            .groups_of(host)
            .into_iter()
            .filter(|group| group != "all")
            .collect::<Vec<_>>()
            .join(",");
        let (host, cluster) = (padded(host, wide), padded(cluster, broad));
        lines.push(format!("{host}  {cluster}  {groups}  {seen}"));
    }
    console.say(if lines.is_empty() {
        "no host is selected; `:limit all` selects all".to_string()
    } else {
        lines.join("\n")
    });
    Ok(Then::Go)
}

fn limit(console: &mut Console, pattern: &str) -> Result<Then> {
    if pattern.is_empty() {
        let limit = console.settings().limit.unwrap_or_else(|| "all".into());
        console.say(limit);
        return Ok(Then::Go);
    }
    console.change(|settings| settings.limit = (pattern != "all").then(|| pattern.to_string()))?;
    Ok(Then::Go)
}

fn use_cluster(console: &mut Console, name: &str) -> Result<Then> {
    let chosen = if name == "all" {
        None
    } else {
        Some(crate::cluster::chosen(console.ground.clusters.clone()?, Some(name))?.name)
    };
    console.change(|settings| settings.cluster = chosen)?;
    Ok(Then::Go)
}

/// `on`, `off`, or nothing for the other one.
fn switched(text: &str, now: bool) -> Result<bool> {
    match text {
        "" => Ok(!now),
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        other => Err(Error::usage(format!("on or off, not `{other}`"))),
    }
}

fn check(console: &mut Console, text: &str) -> Result<Then> {
    let check = switched(text, console.settings().check)?;
    console.change(|settings| settings.check = check)?;
    Ok(Then::Go)
}

fn diff(console: &mut Console, text: &str) -> Result<Then> {
    let diff = switched(text, console.settings().diff)?;
    console.change(|settings| settings.diff = diff)?;
    console.say(if diff {
        "differences are shown"
    } else {
        "differences are not shown"
    });
    Ok(Then::Go)
}

fn timing(console: &mut Console, text: &str) -> Result<Then> {
    console.timing = switched(text, console.timing)?;
    console.say(if console.timing {
        "times are shown"
    } else {
        "times are not shown"
    });
    Ok(Then::Go)
}

fn format(console: &mut Console, name: &str) -> Result<Then> {
    if name.is_empty() {
        console.say(console.form.name());
        return Ok(Then::Go);
    }
    let names = || Form::ALL.into_iter().map(|(name, _)| name);
    let found = Form::ALL.into_iter().find(|(known, _)| *known == name);
    console.form = match (found, nearest(name, names())) {
        (Some((_, form)), _) => form,
        (None, Some(near)) => {
            return Err(Error::usage(format!("there is no format `{name}`"))
                .hint(format!("did you mean `:format {near}`?")));
        }
        (None, None) => {
            let all = names().collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!("there is no format `{name}`"))
                .because(format!("there are {all}")));
        }
    };
    Ok(Then::Go)
}

fn set(console: &mut Console, text: &str) -> Result<Then> {
    if text.is_empty() {
        for (name, value) in console.settings().vars {
            console.say(crate::secret::masked(&format!("{name}={value}")));
        }
        return Ok(Then::Go);
    }
    let parts = text
        .split_once('=')
        .or_else(|| text.split_once(char::is_whitespace));
    let (name, value) = parts.ok_or_else(|| {
        Error::usage("a name and a value are needed").hint(":set etcd_init=existing")
    })?;
    let (name, value) = (
        name.trim().to_string(),
        value.trim().trim_matches(['"', '\'']).to_string(),
    );
    if name == "editing" {
        return match value.as_str() {
            "vi" | "emacs" => Ok(Then::Editing(value)),
            other => Err(Error::usage(format!(
                "`editing` takes vi or emacs, not `{other}`"
            ))),
        };
    }
    let parameters = crate::script::parameters(console.interpreter.world());
    let known: Vec<&str> = parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    if let Some(near) = nearest(&name, known.iter().copied()).filter(|near| *near != name) {
        console.complain(format!(
            "{} there is no parameter `{name}`; did you mean `{near}`?",
            console.paint(35, "warning:")
        ));
    }
    console.change(|settings| drop(settings.vars.insert(name, value)))?;
    Ok(Then::Go)
}

fn unset(console: &mut Console, name: &str) -> Result<Then> {
    let vars = console.settings().vars;
    if !vars.contains_key(name) {
        let error = Error::usage(format!("`{name}` was not set with `:set`"));
        return Err(match nearest(name, vars.keys().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(":set   # shows what was"),
        });
    }
    console.change(|settings| drop(settings.vars.shift_remove(name)))?;
    Ok(Then::Go)
}

fn tasks(console: &mut Console, _: &str) -> Result<Then> {
    let tasks = locked(&console.runner.tasks).clone();
    let shown = tasks.iter().filter(|(_, named)| named.what != What::Alias);
    let wide = shown.map(|(name, _)| columns(name)).max().unwrap_or(0) + 2;
    let (mut script, mut text) = (String::new(), String::new());
    for (name, named) in tasks.iter().filter(|(_, named)| named.what != What::Alias) {
        if named.script != script {
            script.clone_from(&named.script);
            text.push_str(&format!("{}\n", console.paint(1, &script)));
        }
        let same = format!("the same as {name}");
        let others: Vec<&str> = tasks
            .iter()
            .filter(|(_, other)| other.what == What::Alias && other.description == same)
            .map(|(name, _)| name.as_str())
            .collect();
        let also = if others.is_empty() {
            String::new()
        } else {
            format!("; also {}", others.join(", "))
        };
        help::line(
            &mut text,
            &format!("  {name}()"),
            &format!("{}{also}", named.description),
            wide + 2,
            super::show::columns(),
        );
    }
    console.say(text.trim_end_matches('\n'));
    Ok(Then::Go)
}

fn run_script(console: &mut Console, text: &str) -> Result<Then> {
    let words = crate::command::split(text).ok_or_else(|| Error::usage("a quote stays open"))?;
    let mut settings = console.settings();
    let (mut errand, mut word, mut rest) = (Errand::default(), None, words.into_iter());
    let value = |flag: &str, rest: &mut dyn Iterator<Item = String>| {
        rest.next()
            .ok_or_else(|| Error::usage(format!("`{flag}` needs a value")))
    };
    while let Some(next) = rest.next() {
        match next.as_str() {
            _ if word.is_some() && !next.starts_with('-') => errand.args.push(next),
            "-t" | "--tags" => errand
                .tags
                .extend(Selection::words("-t", &[value(&next, &mut rest)?])?),
            "--skip-tags" => errand.skip_tags.extend(Selection::words(
                "--skip-tags",
                &[value(&next, &mut rest)?],
            )?),
            "-l" | "--limit" => settings.limit = Some(value(&next, &mut rest)?),
            "-C" | "--check" => settings.check = true,
            "-D" | "--diff" => settings.diff = true,
            "-e" => {
                let pair = value(&next, &mut rest)?;
                let (name, value) = pair
                    .split_once('=')
                    .ok_or_else(|| Error::usage("`-e` takes name=value here"))?;
                settings.vars.insert(name.to_string(), value.to_string());
            }
            _ if word.is_some() => errand.args.push(next),
            _ => word = Some(next),
        }
    }
    let word =
        word.ok_or_else(|| Error::usage("a script is needed").hint(":run etcd -t etcd_config"))?;
    let script = script_named(&word)?;
    let tags = errand.tags.join(",");
    console.runner.script(&script, &settings, errand, &word)?;
    console.accept(Accepted::Script {
        name: word,
        settings,
        tags,
    });
    Ok(Then::Go)
}

fn load(console: &mut Console, file: &str) -> Result<Then> {
    let tasks = flow::load(console, file)?;
    if !tasks.is_empty() {
        console.say(format!(
            "steps: {}",
            tasks
                .iter()
                .map(|name| format!("{name}()"))
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    console.accept(Accepted::Loaded(file.to_string()));
    Ok(Then::Go)
}

fn reload(console: &mut Console, _: &str) -> Result<Then> {
    console.refresh()?;
    console.say(format!("read again: {}", console.ground.name));
    let files: Vec<String> = console
        .loaded
        .iter()
        .map(|(path, _)| path.display().to_string())
        .collect();
    for file in files {
        flow::load(console, &file)?;
        console.say(format!("read again: {file}"));
    }
    Ok(Then::Go)
}

fn shell(console: &mut Console, command: &str) -> Result<Then> {
    let settings = console.settings();
    if settings.check {
        console.say(format!(
            "would run on {}: {command}",
            console.interpreter.world().select("all")?.join(", ")
        ));
        return Ok(Then::Go);
    }
    // Nothing of such a line is worth finishing.
    console.runner.surroundings.cancel().at_once(true);
    let hosts = console.interpreter.world().select("all")?;
    let heard = on_hosts(console.interpreter.world(), &hosts, command);
    for line in heard.lines(console.json()) {
        console.say(line);
    }
    let interrupted = console.runner.surroundings.cancel().asked();
    for error in heard
        .errors
        .iter()
        .filter(|error| error.kind != crate::error::Kind::Interrupted)
    {
        console.show_error(error);
    }
    if interrupted {
        return Err(Error::new(crate::error::Kind::Interrupted, "interrupted"));
    }
    console.accept(Accepted::Shell {
        command: command.to_string(),
        settings,
    });
    Ok(Then::Go)
}

fn jobs(console: &mut Console, _: &str) -> Result<Then> {
    for line in console.jobs.list() {
        console.say(line);
    }
    Ok(Then::Go)
}

fn stop(console: &mut Console, text: &str) -> Result<Then> {
    let number =
        if text.is_empty() {
            None
        } else {
            Some(text.parse().map_err(|_| {
                Error::usage(format!("`{text}` is no number of a job")).hint(":jobs")
            })?)
        };
    let count = console.jobs.stop(number)?;
    console.say(format!("{count} stopped"));
    Ok(Then::Go)
}

fn trace(console: &mut Console, _: &str) -> Result<Then> {
    let last = locked(&console.runner.last_error).clone();
    match last {
        Some(error) => console.say(format!(
            "{}: {error}",
            format!("{:?}", error.kind).to_lowercase()
        )),
        None => console.say("there was no error"),
    }
    Ok(Then::Go)
}

fn edit(console: &mut Console, file: &str) -> Result<Then> {
    if file.is_empty() {
        return Ok(Then::Edit(console.last_input().to_string()));
    }
    super::edit::open(Path::new(file))?;
    load(console, file)
}

fn log(console: &mut Console, file: &str) -> Result<Then> {
    let transcript = console.runner.surroundings.transcript();
    if file == "off" {
        transcript.end();
        return Ok(Then::Go);
    }
    transcript.begin(Path::new(file)).map_err(|error| {
        Error::config(format!("`{file}` cannot be written")).because(error.to_string())
    })?;
    console.say(format!("a copy of this session is written to {file}"));
    Ok(Then::Go)
}

fn show_lines(console: &mut Console, _: &str) -> Result<Then> {
    let lines = save::lines(console)?;
    let numbered = lines.iter().enumerate();
    let text: Vec<String> = numbered
        .map(|(number, line)| format!("{:3}  {line}", number + 1))
        .collect();
    console.say(if text.is_empty() {
        "no line has worked yet that a script could have".to_string()
    } else {
        text.join("\n")
    });
    Ok(Then::Go)
}

/// `FILE`, or `FILE 3-7`, `FILE 3-`, `FILE 3`.
fn file_and_lines(text: &str) -> Result<(&str, Option<(usize, usize)>)> {
    let is_range = |word: &str| {
        word.starts_with(|letter: char| letter.is_ascii_digit())
            && word
                .chars()
                .all(|letter| letter.is_ascii_digit() || letter == '-')
    };
    let Some((file, range)) = text
        .rsplit_once(char::is_whitespace)
        .filter(|(_, word)| is_range(word))
    else {
        return Ok((text, None));
    };
    let wrong =
        || Error::usage(format!("`{range}` names no lines")).hint(":lines   # shows their numbers");
    let number = |word: &str| {
        word.parse::<usize>()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(wrong)
    };
    let (from, to) = match range.split_once('-') {
        None => (number(range)?, number(range)?),
        Some((from, "")) => (number(from)?, usize::MAX),
        Some((from, to)) => (number(from)?, number(to)?),
    };
    if from > to {
        return Err(wrong());
    }
    Ok((file.trim(), Some((from, to))))
}

fn save_lines(console: &mut Console, text: &str) -> Result<Then> {
    let (file, range) = file_and_lines(text)?;
    let count = save::write(console, Path::new(file), range)?;
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if let Err(error) = console.interpreter.compile(&crate::script::Script {
        folder: None,
        name: file.to_string(),
        text,
    }) {
        console.complain(format!(
            "{} these lines need others: {}; `:lines` shows them",
            console.paint(35, "warning:"),
            error.what
        ));
    }
    console.say(format!(
        "{file}: {count} line{}; run it with `etcdsh {}`",
        if count == 1 { "" } else { "s" },
        if file.contains('/') {
            file.to_string()
        } else {
            format!("./{file}")
        }
    ));
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
