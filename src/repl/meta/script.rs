//! Commands that read files: scripts to run or to take functions from, the inventory, a text to edit.

use std::path::Path;

use crate::error::{Error, Result};
use crate::repl::console::{Console, Then};
use crate::repl::flow;
use crate::repl::save::Accepted;
use crate::repl::state::{Errand, script_named};
use crate::run::Selection;

pub(super) fn run_script(console: &mut Console, text: &str) -> Result<Then> {
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

pub(super) fn load(console: &mut Console, file: &str) -> Result<Then> {
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

pub(super) fn reload(console: &mut Console, _: &str) -> Result<Then> {
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

pub(super) fn edit(console: &mut Console, file: &str) -> Result<Then> {
    if file.is_empty() {
        return Ok(Then::Edit(console.last_input().to_string()));
    }
    crate::repl::edit::open(Path::new(file))?;
    load(console, file)
}
