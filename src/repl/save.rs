//! `:save`: the lines that worked, as a script that runs without the console.

use std::path::Path;

use regex::Regex;

use super::console::Console;
use super::state::{Settings, locked};
use crate::error::{Error, Result};
use crate::report::masked;

/// A line that did what was wanted.
#[derive(Clone)]
pub(super) enum Accepted {
    /// With the cluster that was used.
    Etcd(String, Option<String>),
    Loaded(String),
    Rhai(String, Settings),
    Script {
        name: String,
        settings: Settings,
        tags: String,
    },
    Shell {
        command: String,
        settings: Settings,
    },
}

const HEAD: &str = "#!/usr/bin/env etcdsh\n//! Saved from the console of etcdsh.\n\n";

/// How many lines were written.
pub(super) fn write(
    console: &Console,
    path: &Path,
    range: Option<(usize, usize)>,
) -> Result<usize> {
    let refused = |error: std::io::Error| {
        Error::config(format!("`{}` cannot be written", path.display())).because(error.to_string())
    };
    if path.is_file() && std::fs::read_to_string(path).is_ok_and(|text| !text.starts_with(HEAD)) {
        return Err(Error::config(format!(
            "`{}` is there and was not saved from the console",
            path.display()
        ))
        .hint("name another file"));
    }
    let mut lines = lines(console)?;
    if let Some((from, to)) = range {
        if from > lines.len() {
            let there = lines.len();
            return Err(
                Error::usage(format!("there is no line {from}, only {there}"))
                    .hint(":lines   # shows them"),
            );
        }
        lines = lines.drain(from - 1..to.min(lines.len())).collect();
    }
    let text = format!("{HEAD}{}\n", lines.join("\n"));
    crate::output_file::write(path, 0o755, text.as_bytes()).map_err(refused)?;
    Ok(lines.len())
}

/// Each as it will stand in a script.
pub(super) fn lines(console: &Console) -> Result<Vec<String>> {
    let last = Regex::new(r"\b_\b").map_err(|error| Error::internal(error.to_string()))?;
    let mut lines: Vec<String> = Vec::new();
    let mut kept = false;
    for (place, line) in console.accepted.iter().enumerate() {
        let used = matches!(console.accepted.get(place + 1), Some(Accepted::Rhai(next, _)) if last.is_match(next));
        lines.push(masked(&match line {
            Accepted::Etcd(text, cluster) => etcd(text, cluster.as_deref()),
            Accepted::Loaded(file) => loaded(file)?,
            Accepted::Rhai(text, settings) => {
                let text = last.replace_all(text.trim().trim_end_matches(';'), "last").into_owned();
                let text = on_selected(settings, &steps(console, settings, &text));
                match (used, text.ends_with('}')) {
                    (true, _) if !std::mem::replace(&mut kept, true) => format!("let last = {text};"),
                    (true, _) => format!("last = {text};"),
                    (false, true) => text,
                    (false, false) => format!("{text};"),
                }
            }
            Accepted::Script { name, settings, tags } => format!("run({name:?}{});", options(settings, tags)),
            Accepted::Shell { command, settings } => {
                let pattern = settings.limit.as_deref().unwrap_or("all");
                format!("for h in hosts({pattern:?}) {{ print(h.name + \": \" + h.run({command:?}, #{{ changes: false }}).stdout); }}")
            }
        }));
    }
    Ok(lines)
}

fn etcd(text: &str, cluster: Option<&str>) -> String {
    let quoted = text.replace('`', "``");
    match cluster {
        Some(cluster) => format!("print(etcd::of({cluster:?}).command(`{quoted}`));"),
        None => format!("print(e(`{quoted}`));"),
    }
}

fn loaded(file: &str) -> Result<String> {
    let script = super::state::script_named(file)?;
    let text: Vec<&str> = script
        .text
        .lines()
        .filter(|line| !line.starts_with("#!") && !line.starts_with("//!"))
        .collect();
    Ok(format!("// {file}\n{}", text.join("\n").trim()))
}

/// `etcd_conf()` is a word of the console; a script runs the flow with that tag.
fn steps(console: &Console, settings: &Settings, text: &str) -> String {
    let Ok(call) = Regex::new(r"\b([A-Za-z]\w*)\s*\(\s*(\)|#\{)") else {
        return text.to_string();
    };
    let tasks = locked(&console.runner.tasks);
    let replaced = call.replace_all(text, |found: &regex::Captures<'_>| {
        let Some(named) = tasks.get(&found[1]) else {
            return found[0].to_string();
        };
        let script = named
            .script
            .rsplit('/')
            .next()
            .and_then(|file| file.strip_suffix(".rhai"))
            .filter(|_| !Path::new(&named.script).exists());
        let script = script.unwrap_or(&named.script);
        if &found[2] == ")" {
            format!("run({script:?}{})", options(settings, &found[1]))
        } else {
            format!("run({script:?}, #{{ tags: {:?},", &found[1])
        }
    });
    replaced.into_owned()
}

/// `hosts("etcd")` meant the hosts that were selected when it was typed, and no others in the script.
fn on_selected(settings: &Settings, text: &str) -> String {
    let (Some(limit), Ok(call)) = (&settings.limit, Regex::new(r"(?:^|[^.:\w])hosts\s*\(")) else {
        return text.to_string();
    };
    let names: Vec<String> = limit.split(',').map(|name| format!("{name:?}")).collect();
    let (mut done, mut rest) = (String::new(), text);
    while let Some(found) = call.find(rest) {
        let end = found.end() + length_of_call(&rest[found.end()..]);
        done.push_str(&rest[..end]);
        done.push_str(&format!(".filter(|h| h.name in [{}])", names.join(", ")));
        rest = &rest[end..];
    }
    done + rest
}

/// Up to and with the bracket that closes a call, after the one that opens it.
fn length_of_call(text: &str) -> usize {
    let (mut depth, mut quote) = (1, None);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

fn options(settings: &Settings, tags: &str) -> String {
    let mut parts = Vec::new();
    if !tags.is_empty() {
        parts.push(format!("tags: {tags:?}"));
    }
    if let Some(limit) = &settings.limit {
        parts.push(format!("limit: {limit:?}"));
    }
    if !settings.vars.is_empty() {
        let vars: Vec<String> = settings
            .vars
            .iter()
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        parts.push(format!("vars: #{{ {} }}", vars.join(", ")));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!(", #{{ {} }}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_a_selection_stay_selected() {
        let settings = Settings {
            limit: Some("a,b".into()),
            ..Settings::default()
        };
        let cases = [
            (
                "for h in hosts(\"etcd\") { h.run(\"x\") }",
                "for h in hosts(\"etcd\").filter(|h| h.name in [\"a\", \"b\"]) { h.run(\"x\") }",
            ),
            (
                "hosts(\"a)\")[0]",
                "hosts(\"a)\").filter(|h| h.name in [\"a\", \"b\"])[0]",
            ),
            ("my_hosts(1) + x.hosts()", "my_hosts(1) + x.hosts()"),
        ];
        for (typed, wanted) in cases {
            assert_eq!(on_selected(&settings, typed), wanted);
            assert_eq!(on_selected(&Settings::default(), typed), typed);
        }
    }
}
