//! Tasks, groups and aliases of a script as functions: `etcd_install()` runs that step on the selected hosts.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, Map};

use super::console::Console;
use super::state::{Named, Runner, Settings, What, changed_at, locked, script_named};
use crate::error::{Error, Kind, Place, Result};
use crate::script::{Draft, Script, Words, thrown};
use crate::word::{Arg, Args, Section, Type, Word};

/// What the console adds to the language: `run_task`, which the functions of the flow call.
pub(super) fn words(runner: &Arc<Runner>) -> Words {
    let runner = Arc::clone(runner);
    Box::new(move |engine: &mut Engine| {
        let here = Arc::clone(&runner);
        engine.register_fn(
            "run_task",
            move |name: &str| -> std::result::Result<(), Box<EvalAltResult>> {
                here.task(name, &here.settings()).map_err(of_flow)
            },
        );
        engine.register_fn(
            "run_task",
            move |name: &str, options: Dynamic| -> std::result::Result<(), Box<EvalAltResult>> {
                options
                    .try_cast_result::<Map>()
                    .map_err(|other| {
                        Error::config(format!("`{name}` takes a map of options, not `{other}`"))
                            .hint(format!("{name}(#{{ limit: \"PATTERN\" }})"))
                    })
                    .and_then(|options| changed(name, runner.settings(), &options))
                    .and_then(|settings| runner.task(name, &settings))
                    .map_err(of_flow)
            },
        );
    })
}

/// The source of the functions that are made here: nobody can look at it.
const FLOW: &str = "the flow";

/// An error of a function that is made here has no place in what was typed.
fn of_flow(error: Box<Error>) -> Box<EvalAltResult> {
    thrown(error.at(Place {
        file: FLOW.into(),
        ..Place::default()
    }))
}

/// Without a place that is none of the user's.
pub(super) fn without_own_place(mut error: Box<Error>) -> Box<Error> {
    if error.kind == Kind::Interrupted || error.at.as_ref().is_some_and(|at| at.file == FLOW) {
        error.at = None;
    }
    error
}

/// A step of the flow, as `etcd_conf(#{ limit: "10.10.10.11", vars: #{ etcd_init: "existing" } })` calls it.
pub(super) const RUN_TASK: Word = Word::function(
    Section::Play,
    "run_task",
    "Run a task of the loaded flow on the selected hosts.",
)
.takes(&[Arg::new("name", Type::Text, "the task, group or alias")])
.with(&[
    Arg::new(
        "check",
        Type::Bool,
        "show what would change and change nothing; as `:check` says by default",
    ),
    Arg::new(
        "diff",
        Type::Bool,
        "show the difference of each file; as `:diff` says by default",
    ),
    Arg::new(
        "limit",
        Type::Text,
        "a pattern, instead of that of `:limit`",
    ),
    Arg::new("vars", Type::Map, "variables that win over all others"),
])
.example(r#"run_task("etcd_conf", #{ check: true })"#);

fn changed(name: &str, mut settings: Settings, options: &Map) -> Result<Settings> {
    let args = Args::of_call(name, &RUN_TASK, crate::script::plain_map(options))?;
    settings.check = args.bool("check").unwrap_or(settings.check);
    settings.diff = args.bool("diff").unwrap_or(settings.diff);
    settings.limit = args.text("limit").or(settings.limit);
    let vars = options
        .get("vars")
        .and_then(|vars| vars.clone().try_cast::<Map>());
    let vars = vars.unwrap_or_default();
    settings.vars.extend(
        vars.iter()
            .map(|(key, value)| (key.to_string(), super::show::json_or_text(value))),
    );
    Ok(settings)
}

/// Load a script: its functions and variables are the console's, its tasks become functions.
pub(super) fn load(console: &mut Console, word: &str) -> Result<Vec<String>> {
    let script = script_named(word)?;
    if script.folder.is_some() {
        let path = PathBuf::from(&script.name);
        console.loaded.retain(|(known, _)| *known != path);
        let at = changed_at(&path);
        console.loaded.push((path, at));
    }
    // The bundled flow has nothing but tasks: it is walked apart, so that it leaves no line behind.
    if script.folder.is_none() {
        let ast = console.interpreter.compile(&script)?;
        let scope = &mut console.interpreter.scope();
        let _ = console.interpreter.evaluate(&ast, scope, &script)?;
        return declare(console, &script);
    }
    console.interpreter.compile(&script)?;
    console.evaluate_declared(&script)
}

impl Console {
    fn evaluate_declared(&mut self, script: &Script) -> Result<Vec<String>> {
        self.loading = true;
        let result = self.evaluate_from(&script.text, Some(&script.name));
        self.loading = false;
        let _ = result?;
        declare(self, script)
    }
}

/// The tasks that the last line declared, run as those of a script would be.
pub(super) fn run_declared(console: &mut Console) -> Result<()> {
    if console.loading || console.interpreter.world().draft().tasks.is_empty() {
        return Ok(());
    }
    let score = console.interpreter.run(None)?;
    match score.errors.into_iter().next() {
        None => Ok(()),
        Some(error) => Err(Box::new(error)),
    }
}

/// Functions for what a script has just declared; the names of its tasks.
fn declare(console: &mut Console, script: &Script) -> Result<Vec<String>> {
    let draft = std::mem::take(&mut *console.interpreter.world().draft());
    let names = names(&draft, script);
    let mut text = String::new();
    let called: Vec<String> = names
        .iter()
        .filter(|(_, named)| named.what == What::Task)
        .map(|(name, _)| name.clone())
        .collect();
    {
        let mut tasks = locked(&console.runner.tasks);
        tasks.retain(|_, named| named.script != script.name);
        for (name, named) in names {
            if is_callable(&name) {
                text.push_str(&format!("fn {name}() {{ run_task({name:?}) }} fn {name}(options) {{ run_task({name:?}, options) }} "));
            }
            tasks.insert(name, named);
        }
    }
    let functions = console.interpreter.compile_line(&Script {
        folder: None,
        name: script.name.clone(),
        text,
    })?;
    console.session = console.session.merge(&functions);
    Ok(called)
}

fn is_callable(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Tasks in their order, each group before its first task, aliases last.
fn names(draft: &Draft, script: &Script) -> Vec<(String, Named)> {
    let named = |description: String, what: What| Named {
        description,
        script: script.name.clone(),
        what,
    };
    let mut all: Vec<(String, Named)> = Vec::new();
    for task in &draft.tasks {
        for group in &task.groups {
            if !all.iter().any(|(name, _)| name == group) {
                let tasks: Vec<&str> = draft
                    .tasks
                    .iter()
                    .filter(|task| task.groups.contains(group))
                    .map(|task| task.name.as_str())
                    .collect();
                let tasks = tasks.join(", ");
                let before = all.iter().find(|(_, other)| other.description == tasks);
                let tasks = match before {
                    Some((name, _)) => format!("the same as {name}"),
                    None => tasks,
                };
                all.push((group.clone(), named(tasks, What::Group)));
            }
        }
        all.push((
            task.name.clone(),
            named(task.description.clone(), What::Task),
        ));
    }
    for task in &draft.tasks {
        for alias in task.aliases.iter().chain(&task.variants) {
            if !all.iter().any(|(name, _)| name == alias) {
                let differs = task.variants.contains(alias);
                let what = if differs { What::Variant } else { What::Alias };
                let description = if differs {
                    format!("{0} in a way of its own: see {0}??", task.name)
                } else {
                    format!("the same as {}", task.name)
                };
                all.push((alias.clone(), named(description, what)));
            }
        }
    }
    all
}
