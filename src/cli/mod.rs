//! The command line: what ansible-playbook's users type, and the subcommands beside it.
//!
//! Owns options, exit codes and which script a word names. Everything else is carried out below.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line says what it was asked for, and why it failed"
)]

/// As `println!`, but a reader that went away is no trouble.
macro_rules! say {
    ($($word:tt)*) => {
        crate::cli::write_line(&mut std::io::stdout(), format_args!($($word)*))
    };
}

/// The same to standard error.
macro_rules! complain {
    ($($word:tt)*) => {
        crate::cli::write_line(&mut std::io::stderr(), format_args!($($word)*))
    };
}

mod audit;
mod bundle;
mod check;
mod complete;
mod console;
mod etcdctl;
mod integrate;
mod line;
mod options;
mod overview;
mod plan;
mod setup;
mod show;
mod subcommand;
mod unlock;

use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use line::{Line, ScriptLine, Verb};
pub use options::Options;
use setup::Setup;

use crate::error::{Error, Hint, Kind, Result};
use crate::report::Event;
use crate::script::{Interpreter, Script, embedded};

/// What a script from a pipe is called in messages.
const STDIN: &str = "standard input";

/// A line, in which bytes of somebody else steer no terminal.
fn write_line(out: &mut (impl IsTerminal + Write), text: std::fmt::Arguments<'_>) {
    let _ = if out.is_terminal() {
        writeln!(out, "{}", crate::terminal::coloured(&text.to_string()))
    } else {
        writeln!(out, "{text}")
    };
}

/// Run the program; the result is its exit code.
#[must_use]
pub fn main() -> i32 {
    let args: Vec<OsString> = std::env::args_os().collect();
    let mut shows = Shows::default();
    let result = match etcdctl::dispatch(&args).or_else(|| complete::dispatch(&args)) {
        Some(code) => Ok(code),
        None => go(&args, &mut shows),
    };
    crate::transport::close_all();
    crate::sandbox::leave();
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    tell(&error, shows.json, !shows.plain);
    error.kind.exit_code()
}

/// Say an error as `-o` wants it, in colour where that may be.
fn tell(error: &Error, json: bool, colour: bool) {
    if json {
        let event =
            serde_json::json!({ "event": "error", "error": crate::report::error_json(error) });
        say!("{}", crate::terminal::in_json(&event.to_string()));
        return;
    }
    let colour = colour && crate::terminal::shows_errors();
    complain!("{}: {error}", setup::red("error", colour));
}

/// How an error that ends the program is shown.
#[derive(Default)]
struct Shows {
    json: bool,
    plain: bool,
}

/// Is `-o json` there? Only for a command line that clap could not read.
fn wants_json<'a>(args: impl Iterator<Item = &'a OsString>) -> bool {
    let words: Vec<_> = args
        .map(|word| word.to_string_lossy())
        .take_while(|word| word != "--")
        .collect();
    let alone = words
        .iter()
        .any(|word| word == "-ojson" || word == "--output=json");
    alone
        || words
            .windows(2)
            .any(|pair| (pair[0] == "-o" || pair[0] == "--output") && pair[1] == "json")
}

fn go(args: &[OsString], shows: &mut Shows) -> Result<i32> {
    let (line, given) = match Line::read(args) {
        Ok(read) => read,
        Err(mut error) => return unread(&mut error, args, shows),
    };
    if let Some(Verb::Named(words)) = &line.verb
        && let Some(page) = page_of(words)
    {
        say!("{page}");
        return Ok(0);
    }
    if matches!(&line.verb, Some(Verb::Named(words)) if !words.is_empty()) {
        let (mut word, mut options) = match ScriptLine::read(args) {
            Ok(read) => read,
            Err(mut error) => return unread(&mut error, args, shows),
        };
        if options.play.eval.is_some() {
            // The expression is the script: all words are its arguments.
            options.args.splice(0..0, word.take());
        }
        *shows = Shows::of(&options.reach);
        return perform(&options, word.as_deref(), args);
    }
    let Some(verb) = line.verb else {
        *shows = Shows::of(&line.options.reach);
        return perform(&line.options, None, args);
    };
    *shows = Shows::of(&verb.shown().after(line.options.reach.clone()));
    line.options.check()?;
    verb.check(&given)?;
    subcommand::carry_out(verb, line.options, args)
}

/// What a bundled script says of itself, where its help is asked for.
fn page_of(words: &[OsString]) -> Option<String> {
    let (name, rest) = words.split_first()?;
    if !rest.iter().any(|word| word == "--help" || word == "-h") {
        return None;
    }
    let (_, text) = embedded::named(name.to_str()?)?;
    let head = crate::script::manual::head_of(text);
    Some(format!(
        "{head}\nOptions are those of every run: etcdsh --help"
    ))
}

impl Shows {
    fn of(reach: &options::Reach) -> Shows {
        Shows {
            json: reach.json(),
            plain: reach.no_color,
        }
    }
}

/// Help and the version are no errors; anything else is told as `-o` says.
fn unread(error: &mut clap::Error, args: &[OsString], shows: &mut Shows) -> Result<i32> {
    // An option that is none is no value either: behind `--` it would be swallowed, and the line run without it.
    error.remove(ContextKind::Suggested);
    if invalid(error).is_some_and(|option| elsewhere(&option).is_some()) {
        error.remove(ContextKind::SuggestedArg);
    }
    if error.use_stderr() && wants_json(args.iter().skip(1)) {
        shows.json = true;
        let text = error.to_string();
        let what = text.lines().next().unwrap_or_default();
        return Err(Error::usage(what.trim_start_matches("error: ")).hint("etcdsh --help"));
    }
    let _ = error.print();
    if let Some(hint) = way_out(error, args) {
        complain!(" hint: {hint}");
    }
    Ok(if error.use_stderr() {
        Kind::Usage.exit_code()
    } else {
        0
    })
}

/// The option that there is not.
fn invalid(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => {
            word.split('=').next().map(str::to_string)
        }
        _ => None,
    }
}

/// What clap does not say: which words there are where one is none, and what a number looks like.
fn way_out(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    if error.kind() == ErrorKind::ValueValidation
        && error.to_string().contains("invalid digit found in string")
    {
        let option = word(ContextKind::InvalidArg)?.split(' ').next()?;
        return Some(format!("{option} takes a number, such as {option} 10"));
    }
    let usage = || error.get(ContextKind::Usage).map(ToString::to_string);
    if error.kind() == ErrorKind::UnknownArgument {
        let option = invalid(error)?;
        if let Some(hint) = line_with(&option, args) {
            return Some(hint);
        }
        if usage().is_some_and(|usage| usage.contains("etcdsh overview"))
            && !option.starts_with('-')
        {
            return Some(format!("etcdsh overview -l {option}"));
        }
    }
    if error.kind() == ErrorKind::UnknownArgument
        && usage().is_some_and(|usage| usage.contains("-- <COMMAND>"))
    {
        let command = word(ContextKind::InvalidArg)?;
        return Some(format!("etcdsh run PATTERN -- {command}"));
    }
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let wrong = word(ContextKind::InvalidSubcommand)?;
    let usage = usage()?;
    let line = Line::command();
    let command = line.get_subcommands().find(|command| {
        usage
            .split_whitespace()
            .any(|part| part == command.get_name())
    })?;
    let name = command.get_name();
    if command
        .get_arguments()
        .any(|option| option.get_long() == Some(wrong))
    {
        return Some(format!("etcdsh {name} --{wrong}"));
    }
    let below: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    Some(format!("there are: etcdsh {name} {}", below.join(" | ")))
}

/// What an option of Ansible and of others is called here.
fn elsewhere(option: &str) -> Option<(&'static str, &'static str)> {
    Some(match option {
        "--dry-run" | "--dryrun" | "--noop" | "--plan-only" | "--simulate" => {
            ("-C", "shows what would be done, and changes nothing")
        }
        "--all" => ("etcd", "the name of a group stands for all of its hosts"),
        "--ask-su-pass" | "--ask-sudo-pass" => ("-K", "asks for the password of sudo"),
        "--sudo" | "--su" => ("-b", "becomes root"),
        "--force" => (
            "-y",
            "answers the questions; what is refused names what allows it",
        ),
        "--host" | "--hosts" => ("-l", "limits to these hosts"),
        "--args" | "--module-args" | "--module-name" | "-a" | "-m" => {
            ("etcdsh run etcd -- COMMAND", "runs a command on hosts")
        }
        "--watch" => ("etcdsh overview", "watches by itself; --once looks once"),
        _ => return None,
    })
}

/// The line that was typed, with an option as it is called here; or another line, where that does what was meant.
fn line_with(option: &str, args: &[OsString]) -> Option<String> {
    let (instead, note) = elsewhere(option)?;
    if instead.starts_with("etcdsh ") {
        return Some(format!("{instead}   # {note}"));
    }
    let words = args.iter().skip(1).map(|word| {
        let word = word.to_string_lossy();
        match word.strip_prefix(option) {
            Some("") => instead.to_string(),
            Some(value) if value.starts_with('=') => {
                format!("{instead} {}", crate::command::quote(&value[1..]))
            }
            _ => crate::command::quote(&word),
        }
    });
    let line = words.fold("etcdsh".to_string(), |line, word| format!("{line} {word}"));
    Some(format!("{}   # {note}", crate::secret::masked(&line)))
}

/// Run what a word names, or the console.
fn perform(options: &Options, word: Option<&str>, typed: &[OsString]) -> Result<i32> {
    options.check()?;
    match script_of(options, word)? {
        None if std::io::stdin().is_terminal() && options.play.eval.is_none() => {
            crate::repl::run(console::CommandLine::new(options)?)
        }
        None => Ok(0),
        Some(script)
            if script.name == STDIN
                && word.is_none()
                && crate::repl::is_for_console(&script.text) =>
        {
            crate::repl::run_lines(console::CommandLine::new(options)?, &script.text)
        }
        Some(script) => run(options, &script, typed),
    }
}

/// What the words name: a path, a bundled script, `--eval`, or standard input.
fn script_of(options: &Options, word: Option<&str>) -> Result<Option<Script>> {
    if let Some(text) = &options.play.eval {
        if std::path::Path::new(text.trim()).is_file() {
            let error = Error::usage("--eval takes a text of the language, and this is a file");
            return Err(error.hint(format!("etcdsh ./{}", text.trim())));
        }
        return Ok(Some(Script {
            folder: None,
            name: "--eval".into(),
            text: text.clone(),
        }));
    }
    let lists = options.play.list_hosts || options.play.list_tasks || options.play.list_tags;
    let Some(word) = word else {
        if lists && std::io::stdin().is_terminal() {
            let error = Error::usage("it is not said of which script");
            return Err(
                error.hint("etcdsh etcd --list-tasks   # likewise --list-hosts, --list-tags")
            );
        }
        if std::io::stdin().is_terminal() {
            return Ok(None);
        }
        return standard_input().map(Some);
    };
    if word == "-" {
        return standard_input().map(Some);
    }
    if word.contains('/')
        || std::path::Path::new(word)
            .extension()
            .is_some_and(|extension| extension == "rhai")
    {
        return Script::open(word).map(Some);
    }
    match embedded::named(word) {
        Some((path, text)) => Ok(Some(Script {
            folder: None,
            name: path.to_string(),
            text: text.to_string(),
        })),
        None => {
            let error = Error::usage(format!("`{word}` is no subcommand and no bundled script"));
            if let Some(other) =
                said_elsewhere(word).filter(|_| !std::path::Path::new(word).exists())
            {
                let named = options.args.first().map(String::as_str);
                let placed = ["HOST", "MEMBER"]
                    .iter()
                    .fold(other.to_string(), |line, place| match named {
                        Some(name) => line.replace(place, &crate::command::quote(name)),
                        None => line,
                    });
                return Err(error.hint(placed));
            }
            let known: Vec<&str> = embedded::scripts()
                .filter_map(|(name, _)| name.rsplit('/').next()?.strip_suffix(".rhai"))
                .collect();
            let commands = Line::command();
            let commands = commands.get_subcommands().map(clap::Command::get_name);
            // `e` is near to every short word.
            let commands = commands.filter(|name| name.len() > 2);
            let known = known.into_iter().chain(commands);
            Err(match crate::error::nearest(word, known) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => meant(error, word, &options.args),
            })
        }
    }
}

/// What is called so by others, also behind `etcd-`.
fn said_elsewhere(word: &str) -> Option<&'static str> {
    Some(match word.strip_prefix("etcd-").unwrap_or(word) {
        "apply-config" | "bootstrap" | "create" | "deploy" | "init" | "install" | "playbook"
        | "setup" | "start" => "etcdsh etcd",
        "health" | "info" | "ps" | "state" | "status" | "top" => "etcdsh overview --once",
        "list" | "members" => "etcdsh em list",
        "join" => "etcdsh etcd-add HOST",
        "add" if !word.starts_with("etcd-") => "etcdsh etcd-add HOST",
        "delete" | "remove" => "etcdsh etcd-rm MEMBER",
        "rm" if !word.starts_with("etcd-") => "etcdsh etcd-rm MEMBER",
        "reload" | "restart" if !word.starts_with("etcd-") => "etcdsh etcd-restart",
        "stop" => {
            "etcdsh run HOST -b -- systemctl stop etcd   # one member; nothing here asks whether the others can spare it"
        }
        "journal" | "log" | "logs" => "etcdsh run etcd -b -- journalctl -u etcd -n 50",
        "ping" => "etcdsh run etcd -- true",
        "exec" | "shell" | "ssh" => "etcdsh run HOST -- COMMAND",
        "update" | "upgrade" => "etcdsh etcd-upgrade 3.6 -C   # the plan; or another release",
        "downgrade" => "etcdsh e downgrade validate 3.5   # says whether etcd can go back to it",
        _ => return None,
    })
}

/// What somebody may have wanted with a word that is near to nothing.
fn meant(error: Box<Error>, word: &str, rest: &[String]) -> Box<Error> {
    let path = std::path::Path::new(word);
    let ends = |ends: &[&str]| {
        let end = path.extension().and_then(|end| end.to_str());
        end.is_some_and(|end| ends.contains(&end))
    };
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    if path.is_file() && ends(&["yml", "yaml", "ini", "json"]) {
        let error = error.because("a file of this kind is an inventory");
        return error.hint(format!("etcdsh -i {word} etcd"));
    }
    if ends(&["yml", "yaml"])
        && let Some(stem) = stem.filter(|stem| embedded::named(stem).is_some())
    {
        let error = error.because("a playbook of Ansible is none either");
        return error.hint(format!("etcdsh {stem}"));
    }
    if let Some(command) = crate::etcdctl::command(word) {
        let error = error.because("it is a command of etcdctl");
        let words = std::iter::once(command).chain(rest.iter().map(String::as_str));
        let line = crate::secret::masked(&crate::command::line(words));
        return error.hint(format!("etcdsh e {line}"));
    }
    let script = format!("{word}.rhai");
    if std::path::Path::new(&script).is_file() {
        return error.hint(format!("etcdsh ./{script}"));
    }
    if path.exists() {
        return error.hint(format!(
            "a script of yours is named by its path: etcdsh ./{word}"
        ));
    }
    error
        .because("nothing of that name lies here, either")
        .hint("etcdsh --help   # lists the subcommands; `etcdsh script list` the bundled scripts")
}

fn standard_input() -> Result<Script> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            Error::usage("standard input cannot be read").because(error.to_string())
        })?;
    Ok(Script {
        folder: None,
        name: STDIN.into(),
        text,
    })
}

/// The value of `--eval`: an event of JSON, a table, or what is printed of it.
fn shown(value: &rhai::Dynamic, json: bool) -> String {
    let text = match (json, crate::repl::table(value)) {
        (true, _) => return crate::terminal::in_json(&crate::repl::json(value)),
        (false, Some(table)) => table,
        (false, None) => crate::script::show(value),
    };
    if crate::terminal::shows_output() {
        crate::terminal::coloured(&text)
    } else {
        text
    }
}

fn evaluated(
    options: &Options,
    setup: &Setup,
    script: &Script,
    listing: bool,
) -> Result<std::sync::Arc<Interpreter>> {
    let interpreter = Interpreter::new(setup.world(listing))?;
    let ast = interpreter.compile(script)?;
    let value = interpreter.evaluate(&ast, &mut interpreter.scope(), script)?;
    if !value.is_unit() {
        say!("{}", shown(&value, options.reach.json()));
    }
    Ok(interpreter)
}

fn run(options: &Options, script: &Script, typed: &[OsString]) -> Result<i32> {
    let setup = Setup::new(options, script.folder.clone())?;
    let listing = options.play.list_hosts
        || options.play.list_tasks
        || options.play.list_tags
        || options.play.syntax_check;
    if options.play.syntax_check {
        let interpreter = Interpreter::new(setup.world(true))?;
        let Err(mut mistakes) = interpreter.compile_or_all(script) else {
            say!("{}: no mistakes found", script.name);
            return Ok(0);
        };
        // The last one is told as the error that ends the program.
        let last = mistakes
            .pop()
            .unwrap_or_else(|| Error::internal("no mistake among the mistakes"));
        for mistake in mistakes {
            tell(&mistake, options.reach.json(), !options.reach.no_color);
        }
        return Err(last);
    }
    let opened = if options.play.eval.is_some() {
        evaluated(options, &setup, script, listing)
    } else {
        Interpreter::open(setup.world(listing), script)
    };
    // What is odd about the inventory may be what is wrong.
    let interpreter = opened.inspect_err(|error| {
        if error.kind == Kind::Config {
            setup.warn();
        }
    })?;
    let world = interpreter.world();
    if listing {
        return show::lists(options, &interpreter, script);
    }
    if world.draft().tasks.is_empty() {
        world.session.release();
        return Ok(0);
    }
    let session = std::sync::Arc::clone(&world.session);
    let hosts: usize = world
        .draft()
        .clusters
        .iter()
        .map(|(_, hosts)| hosts.len())
        .sum();
    if hosts == 0 {
        return Err(
            Error::config(format!("`{}` has no host to run on", script.name)).hint(Hint::Hosts),
        );
    }
    world.selection.check(&world.draft().tasks)?;
    plan::refuse_other_variables(options, &world.inventory)?;
    session.report.event(&Event::Start {
        check: session.options.check,
        hosts,
        inventory: &setup.inventory_name,
        script: &script.name,
    });
    setup.warn();
    let step = options.play.step.then(|| show::step(&session));
    let score = interpreter.run(step)?;
    let code = score.exit_code();
    if code == 0 {
        plan::keep(options, &script.name, &session, &world.inventory)?;
    }
    let planned = session.plans.made().values().any(|steps| !steps.is_empty());
    session.report.event(&Event::Next {
        text: &show::next(options, &setup, script, &score, planned, typed),
    });
    Ok(code)
}
