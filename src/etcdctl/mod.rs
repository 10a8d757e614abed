//! The etcdctl surface: every command that etcd's users type, in etcdctl's own words and bytes, and what it lacks.
//!
//! Owns the command line of `e`, its formats and exit codes. Must not know hosts, inventories or scripts: who calls says
//! where the cluster is (`Place`). Strict mode is etcdctl and nothing else. Start reading at `verb/mod.rs`: a verb is one
//! file, one line of its table, and rows in `tests/etcdctl/`. What verbs are made of: `line/` reads what was typed, `call.rs`
//! carries it, `form/` prints; `range/` is for many keys, `wait/` for what goes on.

mod call;
mod ended;
mod failure;
mod form;
mod line;
pub mod manual;
mod range;
mod verb;
mod wait;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use call::Io;
pub use failure::READER_GONE;
pub use form::print::Layout;
pub use line::offer::{Argument, Next, is_command, next};
pub use line::words::{Command, Output, Redirected, commands, is_open, redirected};
pub use wait::stop::Stop;

use crate::error::{self, Error, Kind};
use crate::etcd::{Client, Config};
use ended::Ended;

/// Where a cluster is, told by the inventory.
#[derive(Clone)]
pub struct Placed {
    /// A client that is connected already, for commands that change nothing about the connection.
    pub client: Option<Client>,
    pub config: Config,
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
    /// The cluster that is wanted; `None` when there is no inventory at all.
    fn cluster(&self, wanted: &Wanted) -> error::Result<Option<Placed>>;

    /// Where a command goes that nobody has named a place for, once it was asked.
    fn notice(&self) -> Option<String> {
        None
    }

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
    /// Tables stand as records, a line for each column.
    pub records: bool,
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
        let mut style = Style {
            layout,
            place: None,
            program: program.into(),
            records: false,
            stop: Stop::default(),
            strict,
            variables,
        };
        if style.is_etcdutl() {
            // They are etcdctl's.
            style.variables.clear();
        }
        style
    }

    /// Is it etcdutl, which looks at files?
    pub(self) fn is_etcdutl(&self) -> bool {
        self.strict && self.program == "etcdutl"
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

/// Which command the words name; `None` when it is none, or one that only shows a page.
#[must_use]
pub fn meaning(words: &[Vec<u8>], style: &Style) -> Option<Meaning> {
    let found = verb::find(words, style).ok()?;
    let verb = found.verb?;
    let values = line::flag::parse(&found.rest, &found.flags).map(|(values, _)| values);
    Some(Meaning {
        changes: verb.changes,
        endless: values.is_ok_and(|values| verb.is_endless(&values)),
        name: verb.name,
    })
}

/// A command of `e` that begins with this word, or the group of that name.
#[must_use]
pub fn command(word: &str) -> Option<&'static str> {
    let style = Style::of_process("e", false);
    let names = verb::names("", &style);
    names
        .into_iter()
        .find(|name| *name == word && *name != "help")
}

/// What is said of the connection, as by the flags of these names.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub cacert: Option<String>,
    pub cert: Option<String>,
    pub cluster_name: Option<String>,
    pub endpoints: Vec<String>,
    pub insecure_skip_tls_verify: bool,
    pub inventory: Option<String>,
    pub key: Option<String>,
    pub via: Option<String>,
}

/// What is given, the variables and the place of `style` come to, as for any command. Nothing is sent.
pub fn config(given: &Given, style: &Style) -> error::Result<Config> {
    let inherited = line::settings::globals(style);
    let values = line::settings::values(given, &inherited);
    let source = line::settings::Source {
        inherited: &inherited,
        style,
        values: &values,
    };
    let (mut out, mut err) = (std::io::sink(), std::io::sink());
    let settings = source.settings(&mut Io {
        err: &mut err,
        input: &mut std::io::empty(),
        out: &mut out,
        screen: false,
        stdin: false,
        terminal: false,
    });
    let settings = settings.map_err(|failure| failure.into_error(Kind::Config))?;
    Ok(settings.config)
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
    let outcome = outcome(
        words,
        style,
        &mut Io {
            err: &mut err,
            input: &mut std::io::empty(),
            out: &mut out,
            screen: false,
            stdin: false,
            terminal: false,
        },
    );
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .trim_end_matches('\n')
            .to_string()
    };
    match outcome {
        Ok(()) => Ok(text(&out)),
        Err(ended) => Err(ended.into_error(&text(&err), style)),
    }
}

/// Carry out one command; the result is its exit code.
pub fn run(words: &[Vec<u8>], style: &Style, io: &mut Io<'_>) -> i32 {
    let Err(ended) = outcome(words, style, io) else {
        return 0;
    };
    let _ = ended.write(style, io);
    code_of(&ended, style)
}

fn code_of(ended: &Ended, style: &Style) -> i32 {
    match ended.code() {
        READER_GONE if !style.strict => 0,
        code => code,
    }
}

/// The same, and an error is handed to `tell` instead of being printed.
pub fn run_and_tell(
    words: &[Vec<u8>],
    style: &Style,
    io: &mut Io<'_>,
    tell: impl FnOnce(&Error),
) -> i32 {
    let Err(ended) = outcome(words, style, io) else {
        return 0;
    };
    let code = code_of(&ended, style);
    // A reader that has gone is no error.
    if code != 0 {
        tell(&ended.into_error("", style));
    }
    code
}

/// Carry out one command.
fn outcome(words: &[Vec<u8>], style: &Style, io: &mut Io<'_>) -> Result<(), Ended> {
    if let Some(version) = other_api(style) {
        let _ = writeln!(io.err, "unsupported API version: {version}");
        return Err(Ended::Failed(failure::Failure::silent(failure::ERROR)));
    }
    let found = verb::find(words, style)?;
    let (values, words) = match line::flag::parse(&found.rest, &found.flags) {
        Ok(parsed) => parsed,
        Err(failure) => return Err(Ended::Misused(Box::new(found), failure)),
    };
    let asks_help = values.given("help").and_then(form::go::parse_bool) == Some(true);
    if let (false, false, None, [word, behind @ ..]) =
        (style.strict, asks_help, found.verb, words.as_slice())
        && !found.name.is_empty()
    {
        let unknown = verb::unknown_below(&found.name, word, behind, style);
        return Err(Ended::Unknown(unknown));
    }
    if let (false, Some(gone)) = (asks_help, verb::gone(&found, &words, style)) {
        let text = format!("`{gone}` is no command of etcdctl since 3.6: use `etcdutl {gone}`");
        let failure = failure::Failure::new(failure::ERROR, text);
        return Err(Ended::Misused(Box::new(found), failure));
    }
    let Some(verb) = found.verb.filter(|_| !asks_help) else {
        if let Some(notice) = &found.notice {
            let _ = writeln!(io.err, "{notice}");
        }
        let page = line::usage::page(&found, style);
        let _ = (io.out.write_all(page.as_bytes())).and_then(|()| io.out.flush());
        return Ok(());
    };
    let mut lent = io.lend();
    let inherited = found.inherited.clone();
    let mut call = call::Call::new(verb, style, &mut lent, inherited, values, words);
    let outcome = (verb.run)(&mut call).and_then(|()| Ok(call.io.out.flush()?));
    outcome.map_err(|mut failure| {
        let miscounted = failure.code == failure::ARGUMENTS && failure.text().contains(" command ");
        if miscounted && failure.hint.is_none() && !style.strict {
            failure.hint = Some(format!("{} {} --help", style.program, verb.name).into());
        }
        if failure.usage {
            Ended::Misused(Box::new(found), failure)
        } else {
            let _ = io.out.flush();
            Ended::Failed(failure)
        }
    })
}

/// Up to 3.5 there was another API, and a variable to choose it: before any word is read.
fn other_api(style: &Style) -> Option<String> {
    let version = style.variable("ETCDCTL_API")?;
    (style.strict && style.layout == Layout::V35 && version != "3").then_some(version)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn style() -> Style {
        Style {
            layout: Layout::V36,
            place: None,
            program: "e".into(),
            records: false,
            stop: Stop::default(),
            strict: false,
            variables: Vec::new(),
        }
    }

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.as_bytes().into()).collect()
    }

    #[test]
    fn what_goes_on_for_ever_gives_no_value() {
        for line in [
            "elect a b",
            "lock a",
            "make-mirror b:1",
            "top",
            "watch a",
            "lease keep-alive 7",
            "lease keep-alive --once=false 7",
        ] {
            assert!(meaning(&words(line), &style()).unwrap().endless, "{line}");
            let error = evaluate(&words(line), &style()).unwrap_err();
            assert!(
                error
                    .what
                    .ends_with("goes on for ever: it cannot return a value"),
                "{line}: {error}"
            );
        }
        for line in ["get a", "lease keep-alive 7 --once", "lease revoke 7"] {
            assert!(!meaning(&words(line), &style()).unwrap().endless, "{line}");
        }
    }

    #[test]
    fn a_command_that_fails_is_an_error_with_its_parts() {
        let nobody = "--endpoints=127.0.0.1:1 --command-timeout=100ms";
        for (line, kind, what, causes, hints) in [
            (
                "gett",
                Kind::Usage,
                r#"unknown command "gett" for "e""#,
                vec![],
                vec!["did you mean `get`?"],
            ),
            (
                "get a --limt=1",
                Kind::Usage,
                "unknown flag: --limt",
                vec![],
                vec!["did you mean `--limit`?"],
            ),
            (
                "move-leader",
                Kind::Usage,
                "move-leader command needs 1 argument",
                vec![],
                vec!["e move-leader --help"],
            ),
            (
                "endpoint helth",
                Kind::Usage,
                r#"unknown command "endpoint helth" for "e""#,
                vec![],
                vec!["did you mean `endpoint health`?"],
            ),
            (
                "rm a",
                Kind::Usage,
                r#"unknown command "rm" for "e""#,
                vec![],
                vec!["e del a"],
            ),
            (
                &format!("get a {nobody}"),
                Kind::Etcd,
                "etcd at 127.0.0.1:1: connection refused",
                vec![],
                vec![],
            ),
            (
                &format!("endpoint health {nobody}"),
                Kind::Etcd,
                "unhealthy cluster",
                vec!["127.0.0.1:1 is unhealthy: failed to commit proposal: connection refused"],
                vec![],
            ),
        ] {
            let error = evaluate(&words(line), &style()).unwrap_err();
            assert_eq!(
                (error.kind, error.what.as_str(), &error.causes, &error.hints),
                (
                    kind,
                    what,
                    &causes.iter().map(ToString::to_string).collect(),
                    &hints.iter().map(|hint| (*hint).into()).collect()
                ),
                "{line}"
            );
        }
    }
}
