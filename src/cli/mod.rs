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

mod check;
mod complete;
mod console;
mod etcdctl;
mod integrate;
mod line;
mod options;
mod overview;
mod setup;
mod show;
mod subcommand;
mod unlock;

use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};

use clap::CommandFactory;

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
        Err(error) => return unread(&error, args, shows),
    };
    if matches!(&line.verb, Some(Verb::Named(words)) if !words.is_empty()) {
        let (mut word, mut options) = match ScriptLine::read(args) {
            Ok(read) => read,
            Err(error) => return unread(&error, args, shows),
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
    subcommand::carry_out(verb, line.options)
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
fn unread(error: &clap::Error, args: &[OsString], shows: &mut Shows) -> Result<i32> {
    if error.use_stderr() && wants_json(args.iter().skip(1)) {
        shows.json = true;
        let text = error.to_string();
        let what = text.lines().next().unwrap_or_default();
        return Err(Error::usage(what.trim_start_matches("error: ")).hint("etcdsh --help"));
    }
    let _ = error.print();
    Ok(if error.use_stderr() {
        Kind::Usage.exit_code()
    } else {
        0
    })
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
        return Ok(Some(Script {
            folder: None,
            name: "--eval".into(),
            text: text.clone(),
        }));
    }
    let Some(word) = word else {
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
            let known: Vec<&str> = embedded::scripts()
                .filter_map(|(name, _)| name.rsplit('/').next()?.strip_suffix(".rhai"))
                .collect();
            let commands = Line::command();
            let commands = commands.get_subcommands().map(clap::Command::get_name);
            // `e` is near to every short word.
            let commands = commands.filter(|name| name.len() > 2);
            let known = known.into_iter().chain(commands);
            let error = Error::usage(format!("`{word}` is no subcommand and no bundled script"));
            Err(match crate::error::nearest(word, known) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!(
                    "a script of yours is named by its path: etcdsh ./{word}"
                )),
            })
        }
    }
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
    let interpreter = if options.play.eval.is_some() {
        let interpreter = Interpreter::new(setup.world(listing))?;
        let ast = interpreter.compile(script)?;
        let value = interpreter.evaluate(&ast, &mut interpreter.scope(), script)?;
        if !value.is_unit() {
            say!("{}", shown(&value, options.reach.json()));
        }
        interpreter
    } else {
        Interpreter::open(setup.world(listing), script)?
    };
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
    session.report.event(&Event::Start {
        check: session.options.check,
        hosts,
        inventory: &setup.inventory_name,
        script: &script.name,
    });
    for warning in &setup.warnings {
        session.report.warn(warning);
    }
    let step = options.play.step.then(|| show::step(&session));
    let score = interpreter.run(step)?;
    let code = score.exit_code();
    session.report.event(&Event::Next {
        text: &show::next(options, &setup, script, &score, typed),
    });
    Ok(code)
}
