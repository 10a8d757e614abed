//! `run`: a command on the host.

use super::hidden::hidden;
use super::{Change, Plan, Primitive, Seen, Spec, could_not_tell};
use crate::command::{line, quote};
use crate::error::{Error, Kind, Result};
use crate::host::Facts;
use crate::transport::Output;
use crate::value::{Map, Value};
use crate::word::{Arg, Args, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| Ok(Box::new(Run::new(args)?)),
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "run",
        "Run a command with /bin/sh on the host.\n\nA list of words is run as it is, a text is a command line. Returns `status`, `stdout`, `stderr` and `changed`.\nOn a host of the sandbox it runs on this machine, in the folder of the host: paths in it are this machine's, so write `h.path(...)`.\nFails when the exit code is not one of `ok`.",
    )
    .takes(&[Arg::new("command", Type::Command, "what is run")])
    .with(&[
        Arg::new("creates", Type::Path, "a path: when it is there the command has been run"),
        Arg::new("unless", Type::Text, "a command, run in the same directory and environment: when it succeeds there is nothing to do"),
        Arg::new("changes", Type::Bool, "false says that it only reads: it then runs in check mode too and counts as no change; true by default"),
        Arg::new("cwd", Type::Path, "the directory to run in"),
        Arg::new("env", Type::Any, "a map of environment variables; secrets among the values stay hidden"),
        Arg::new("stdin", Type::Any, "text or secret for its standard input; empty by default"),
        Arg::new("timeout", Type::Duration, "the command is ended after this long; none by default"),
        Arg::new("ok", Type::Any, "exit codes that are no failure; [0] by default, \"any\" for all"),
    ])
    .gives(Type::Map)
    .example(r#"h.run("uptime", #{ changes: false }).stdout"#),
};

struct Run {
    any: bool,
    changes: bool,
    command: String,
    creates: Option<String>,
    limited: bool,
    ok: Vec<i64>,
    script: String,
    unless: Option<String>,
}

impl Run {
    fn new(args: &Args) -> Result<Run> {
        let command = match args.thing_value() {
            Value::List(_) => line(args.things().iter().map(String::as_str)),
            _ => args.thing(),
        };
        let mut surroundings = String::new();
        if let Some(folder) = args.text("cwd") {
            surroundings += &format!("cd {} || exit; ", quote(&folder));
        }
        if let Some(env) = args.value("env") {
            let Value::Map(env) = env else {
                return Err(Error::config("`env` of `run` takes a map"));
            };
            for (name, value) in env {
                let value = match value {
                    Value::Int(number) => number.to_string(),
                    other => other
                        .as_text()
                        .ok_or_else(|| {
                            Error::config(format!(
                                "`env.{name}` takes a text, not {}",
                                other.type_name()
                            ))
                        })?
                        .to_string(),
                };
                surroundings += &format!("{name}={}; export {name}; ", quote(&value));
            }
        }
        let mut body = format!("eval {}", quote(&command));
        if let Some(limit) = args.duration("timeout") {
            body = format!(
                "timeout -k 5 {} /bin/sh -c {}",
                limit.as_secs_f64().max(0.001),
                quote(&command)
            );
        }
        if let Some(text) = args.value("stdin").and_then(Value::as_text) {
            body = format!("printf %s {} | {body}", quote(text));
        }
        let (any, ok) = match args.value("ok") {
            None => (false, vec![0]),
            Some(Value::List(codes)) => (false, codes.iter().filter_map(Value::as_int).collect()),
            Some(Value::Int(code)) => (false, vec![*code]),
            Some(value) if value.as_text() == Some("any") => (true, Vec::new()),
            Some(other) => {
                return Err(Error::config(format!(
                    "`ok` of `run` takes a list of exit codes or \"any\", not {}",
                    other.type_name()
                )));
            }
        };
        Ok(Run {
            any,
            changes: args.bool("changes").unwrap_or(true),
            command,
            creates: args.text("creates"),
            limited: args.has("timeout"),
            ok,
            script: format!("{surroundings}{body}"),
            unless: args
                .text("unless")
                .map(|command| format!("{surroundings}eval {} >/dev/null 2>&1", quote(&command))),
        })
    }

    fn verdict(&self, output: &Output) -> Result<()> {
        if self.any || self.ok.contains(&i64::from(output.status)) {
            return Ok(());
        }
        let mut error = Error::new(Kind::Remote, "the command failed");
        error.command = Some(format!("{} (exit {})", self.command, output.status));
        error.stderr.clone_from(&output.stderr);
        if output.stderr.trim().is_empty() {
            error.stderr = output.text();
        }
        if output.status == 124 && self.limited {
            error = error.because("it was ended by its timeout");
        }
        Err(error)
    }
}

impl Primitive for Run {
    fn subject(&self) -> String {
        format!("run {}", self.command.lines().next().unwrap_or_default())
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        Ok(match (&self.creates, &self.unless) {
            _ if !self.changes => self.script.clone(),
            (Some(path), _) => format!(
                "[ -e {} ] || {{ {} && exit 2; exit 1; }}",
                quote(path),
                hidden(path)
            ),
            (None, Some(command)) => command.clone(),
            (None, None) => String::new(),
        })
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        if !self.changes {
            self.verdict(seen.answer)?;
            return Ok(Plan::Unchanged);
        }
        let guarded = self.creates.is_some() || self.unless.is_some();
        if guarded && seen.answer.status == 0 {
            return Ok(Plan::Unchanged);
        }
        // A command under `unless` may end as it likes.
        if let Some(path) = &self.creates
            && seen.answer.status > 1
        {
            return Err(could_not_tell(&format!("file {path}"), seen.answer));
        }
        Ok(Plan::Change(Change {
            script: self.script.clone(),
            shown: self.command.clone(),
            what: vec!["run".into()],
            ..Change::default()
        }))
    }

    fn result(&self, seen: &Seen<'_>, done: Option<&Output>) -> Map {
        let output = done.or((!self.changes).then_some(seen.answer));
        let (status, stdout, stderr) = output.map_or((0, String::new(), String::new()), |o| {
            (o.status, o.text(), o.stderr.clone())
        });
        [
            ("status".to_string(), Value::Int(i64::from(status))),
            ("stderr".to_string(), Value::from(stderr)),
            ("stdout".to_string(), Value::from(stdout)),
        ]
        .into()
    }

    fn judge(&self, _: &Change, output: &Output) -> Result<()> {
        self.verdict(output)
    }
}
