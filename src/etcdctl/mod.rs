//! The etcdctl surface: every command that etcd's users type, in etcdctl's own words and bytes, and what it lacks.
//!
//! Owns the command line of `e`, its formats and exit codes. Must not know hosts, inventories or scripts: who calls says
//! where the cluster is (`Place`). Strict mode is etcdctl and nothing else. Start reading at `verb/mod.rs`: a verb is one
//! file, one line of its table, and rows in `tests/etcdctl/`.

mod ask;
mod call;
mod child;
mod decoded;
mod difference;
mod discovery;
mod done;
mod failure;
mod flag;
mod go;
mod guess;
mod json;
mod level;
mod line;
mod load;
pub mod manual;
mod offer;
mod pages;
mod print;
mod record;
mod session;
mod settings;
mod stop;
mod table;
mod turn;
mod usage;
mod verb;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

pub use call::Io;
pub use failure::Failure;
pub use line::{Command, commands};
pub use offer::{Argument, Next, is_command, next};
pub use print::Layout;
pub use stop::Stop;

use crate::error::{self, Error, Kind};
use crate::etcd::{Client, Config};
use verb::Found;

/// Where a cluster is, told by the inventory.
#[derive(Clone)]
pub struct Placed {
    /// A client that is connected already, for commands that change nothing about the connection.
    pub client: Option<Client>,
    pub config: Config,
    pub name: String,
    /// The host to go through, when the inventory names one.
    pub via: Option<String>,
}

/// Which cluster is meant.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub cluster: Option<String>,
    pub inventory: Option<String>,
    pub via: Option<String>,
}

/// Knows the clusters of the inventory.
pub trait Place: Send + Sync {
    /// The cluster that is wanted; nothing when there is no inventory at all.
    fn cluster(&self, wanted: &Wanted) -> error::Result<Option<Placed>>;

    /// Socket files that lead to the endpoints through ssh on the host that is wanted.
    fn tunnel(
        &self,
        wanted: &Wanted,
        endpoints: &[String],
    ) -> error::Result<HashMap<String, PathBuf>> {
        let _ = endpoints;
        match &wanted.via {
            None => Ok(HashMap::new()),
            Some(via) => Err(Error::usage(format!(
                "there is no way through `{via}` here"
            ))),
        }
    }
}

/// How a command is carried out, besides what it says itself.
#[derive(Clone)]
pub struct Style {
    pub layout: Layout,
    pub place: Option<Arc<dyn Place>>,
    /// The name the user calls it by: `etcdctl`, `etcdsh e`.
    pub program: String,
    /// Ends a command that goes on for ever.
    pub stop: Stop,
    /// etcdctl and nothing else.
    pub strict: bool,
    /// The environment: `ETCDCTL_*`.
    pub variables: Vec<(String, String)>,
}

impl Style {
    /// Of this process, for a program called `program`.
    #[must_use]
    pub fn of_process(program: &str, strict: bool) -> Style {
        let known = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(known)
            .filter(|(name, _)| name.starts_with("ETCD"))
            .collect();
        let layout = variables
            .iter()
            .find(|(name, _)| name == "ETCDSH_ETCDCTL_COMPAT")
            .map_or("", |(_, value)| value);
        let layout = if layout.starts_with("3.5") || layout.starts_with("3.4") {
            Layout::V35
        } else {
            Layout::V36
        };
        Style {
            layout,
            place: None,
            program: program.into(),
            stop: Stop::default(),
            strict,
            variables,
        }
    }

    /// A variable that is set and not empty.
    pub(self) fn variable(&self, name: &str) -> Option<String> {
        self.variables
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.clone())
    }
}

/// A place that is known: the cluster of a script's client.
#[derive(Clone)]
pub struct Known(pub Placed);

impl Place for Known {
    fn cluster(&self, _: &Wanted) -> error::Result<Option<Placed>> {
        Ok(Some(self.0.clone()))
    }
}

/// What a command is, before it is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Does it change the cluster or a file?
    pub changes: bool,
    /// Does it go on until it is interrupted?
    pub endless: bool,
    pub name: &'static str,
}

/// Commands that go on for ever.
const ENDLESS: [&str; 5] = ["elect", "lock", "make-mirror", "top", "watch"];

/// Which command the words name; nothing when it is none, or one that only shows a page.
#[must_use]
pub fn meaning(words: &[Vec<u8>], style: &Style) -> Option<Meaning> {
    let verb = verb::find(words, style).ok()?.verb?;
    Some(Meaning {
        changes: verb.changes,
        endless: ENDLESS.contains(&verb.name),
        name: verb.name,
    })
}

/// What connection flags, variables and the place of `style` come to, as for any command. Nothing is sent.
pub fn config(flags: &[String], style: &Style) -> error::Result<Config> {
    let words: Vec<Vec<u8>> = ["endpoint", "status"]
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .map(|word| word.as_bytes().to_vec())
        .collect();
    let of_failure = |failure: Box<Failure>| {
        let mut error = Error::config(failure.text.clone().unwrap_or_default());
        error.causes.clone_from(&failure.causes);
        error.hints.extend(failure.hint.clone().map(Into::into));
        error
    };
    let found =
        verb::find(&words, style).map_err(|_| Error::internal("`endpoint status` is a command"))?;
    let (values, _) = flag::parse(&found.rest, &found.flags).map_err(of_failure)?;
    let (mut out, mut err) = (std::io::sink(), std::io::sink());
    let mut io = Io {
        err: &mut err,
        input: &mut std::io::empty(),
        out: &mut out,
        stdin: false,
        terminal: false,
    };
    let source = settings::Source {
        inherited: &found.inherited,
        style,
        values: &values,
    };
    Ok(source.settings(&mut io).map_err(of_failure)?.config)
}

/// Carry out one command without a terminal and return what it prints, without the last line's end.
pub fn evaluate(words: &[Vec<u8>], style: &Style) -> error::Result<String> {
    if let Some(meaning) = meaning(words, style).filter(|meaning| meaning.endless) {
        return Err(Error::usage(format!(
            "`{}` goes on for ever: it cannot return a value",
            meaning.name
        ))
        .hint(format!("{} {}   # in a shell", style.program, meaning.name)));
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(
        words,
        style,
        &mut Io {
            err: &mut err,
            input: &mut std::io::empty(),
            out: &mut out,
            stdin: false,
            terminal: false,
        },
    );
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .trim_end_matches('\n')
            .to_string()
    };
    if code == 0 {
        return Ok(text(&out));
    }
    let said = text(&err);
    let mut lines = said.lines();
    let first = lines.next().unwrap_or("the command failed");
    let kind = if matches!(code, failure::ARGUMENTS | failure::FEATURE | failure::INPUT) {
        Kind::Usage
    } else {
        Kind::Etcd
    };
    let mut error = Error::new(kind, first.strip_prefix("Error: ").unwrap_or(first));
    for line in lines {
        match line.strip_prefix(" hint: ") {
            Some(hint) => error.hints.push(hint.into()),
            None => error.causes.push(line.trim().to_string()),
        }
    }
    Err(error)
}

/// Carry out one command; the result is its exit code.
pub fn run<'a>(words: &[Vec<u8>], style: &'a Style, io: &'a mut Io<'a>) -> i32 {
    let found = match verb::find(words, style) {
        Ok(found) => found,
        Err(unknown) => {
            let again = style.layout == Layout::V35 && style.strict;
            let _ = unknown.write(io.err, style, again);
            return failure::ERROR;
        }
    };
    let parsed = flag::parse(&found.rest, &found.flags);
    let (values, words) = match parsed {
        Ok(parsed) => parsed,
        Err(failure) => {
            let _ = wrong_flag(io, style, &found, &failure);
            return failure.code;
        }
    };
    let asks_help = values.given("help").and_then(go::parse_bool) == Some(true);
    let Some(verb) = found.verb.filter(|_| !asks_help) else {
        if let Some(notice) = &found.notice {
            let _ = writeln!(io.err, "{notice}");
        }
        let _ = io
            .out
            .write_all(usage::page(&found, style).as_bytes())
            .and_then(|()| io.out.flush());
        return 0;
    };
    let mut call = call::Call::new(verb, style, io, found.inherited.clone(), values, words);
    let outcome = (verb.run)(&mut call).and_then(|()| Ok(call.io.out.flush()?));
    let Err(failure) = outcome else { return 0 };
    if failure.usage {
        let _ = wrong_flag(call.io, style, &found, &failure);
        return failure.code;
    }
    let _ = call.io.out.flush();
    let _ = failure.write(call.io.err);
    failure.code
}

/// etcdctl up to 3.6 shows the command's page on standard output and the error below; here the error is enough.
fn wrong_flag(
    io: &mut Io<'_>,
    style: &Style,
    found: &Found,
    failure: &Failure,
) -> std::io::Result<()> {
    if !style.strict {
        failure.write(io.err)?;
        let unknown = failure
            .text()
            .strip_prefix("unknown flag: --")
            .unwrap_or_default();
        if let Some(near) = error::nearest(unknown, found.flags.iter().map(|flag| flag.name)) {
            return writeln!(io.err, " hint: did you mean `--{near}`?");
        }
        let asked = format!("{} {}", style.program, found.name);
        return writeln!(io.err, " hint: {} --help", asked.trim_end());
    }
    io.out.write_all(usage::page(found, style).as_bytes())?;
    io.out.flush()?;
    failure.write(io.err)?;
    writeln!(io.err)?;
    if style.layout == Layout::V35 {
        failure.write(io.err)
    } else {
        Ok(())
    }
}

impl Failure {
    fn write(&self, err: &mut dyn Write) -> std::io::Result<()> {
        let Some(text) = &self.text else {
            return Ok(());
        };
        writeln!(err, "Error: {text}")?;
        for cause in &self.causes {
            writeln!(err, "  {cause}")?;
        }
        match &self.hint {
            Some(hint) => writeln!(err, " hint: {hint}"),
            None => Ok(()),
        }
    }

    fn of_error(error: &error::Error) -> Box<Failure> {
        let mut failure = Failure::new(failure::ERROR, error.headline());
        failure.causes.clone_from(&error.causes);
        failure.hint = error.hints.first().map(ToString::to_string);
        failure
    }
}

/// The release of etcdctl whose words and layouts are followed.
fn verb_version(style: &Style) -> String {
    match style.layout {
        Layout::V35 => "3.5.16".into(),
        Layout::V36 => "3.6.14".into(),
    }
}

fn api_version(style: &Style) -> String {
    match style.layout {
        Layout::V35 => "3.5".into(),
        Layout::V36 => "3.6".into(),
    }
}
