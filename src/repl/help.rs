//! `:help`, `name?` and `name??`: from the table of commands, the manual, and the text of the scripts themselves.

use std::fmt::Write as _;

use super::console::Console;
use super::meta;
use super::state::{What, locked, script_named};
use crate::error::{Error, Result};
use crate::script::{embedded, manual};
use crate::terminal::{columns as width, padded};

/// All commands, and what else can be typed.
pub(super) fn overview(columns: usize) -> String {
    let heads = [
        (
            "etcd_install()",
            "a step of the flow on the selected hosts; :tasks shows all, in the order of a deployment",
        ),
        (
            "etcd_conf(#{ limit: \"h\" })",
            "the same with other hosts, vars, check or diff",
        ),
        (
            "e get a; e put a 10",
            "lines of etcdctl; ${name} puts a variable in; em is member",
        ),
        (
            "let h = host(\"10.0.0.1\")",
            "Rhai: variables, functions and imports stay, _ is the last result",
        ),
        ("file?  etcd::purge??", "what a name means, and its source"),
    ];
    let mut text = String::new();
    for (usage, doc) in heads {
        line(&mut text, usage, doc, 27, columns);
    }
    text.push('\n');
    let lines = meta::lines();
    let wide = lines
        .iter()
        .map(|(usage, _)| width(usage))
        .filter(|wide| *wide < 24)
        .max()
        .unwrap_or(0);
    for (usage, doc) in lines {
        line(&mut text, &usage, doc, wide, columns);
    }
    text.push('\n');
    line(
        &mut text,
        "keys",
        "Tab completes, Ctrl-R searches what was typed, Ctrl-C stops what runs, Ctrl-D leaves",
        wide,
        columns,
    );
    text
}

/// A word and what it means, broken between words, so that the second column stays one on a narrow terminal too.
pub(super) fn line(text: &mut String, usage: &str, doc: &str, wide: usize, columns: usize) {
    let start = width(usage).max(wide) + 2;
    let (mut at, mut rest) = (start, String::new());
    for word in doc.split(' ') {
        let length = width(word);
        if at > start.min(wide + 2) && at + length > columns {
            let _ = write!(rest, "\n{}", " ".repeat(wide + 2));
            at = wide + 2;
        }
        rest.push_str(word);
        rest.push(' ');
        at += length + 1;
    }
    let _ = writeln!(
        text,
        "{}",
        format!("{}  {}", padded(usage, wide), rest.replace(" \n", "\n")).trim_end()
    );
}

/// What a name means: a command, a step, a function that was typed, or a word of the language.
pub(super) fn page(console: &Console, name: &str) -> Result<String> {
    if let Some(command) = name
        .strip_prefix(':')
        .or(Some(name))
        .filter(|name| name.len() > 1 || *name == "!")
        .filter(|name| !console.is_variable(name))
        && let Some(meta) = meta::ALL.iter().find(|meta| {
            meta.name == command && (name.starts_with(':') || !is_word(console, command))
        })
    {
        return Ok(format!("{}\n\n{}\n", meta::usage(meta), meta.doc));
    }
    let mut pages: Vec<String> = variable(console, name).into_iter().collect();
    if let Some(named) = locked(&console.runner.tasks).get(name) {
        let what = match named.what {
            What::Alias | What::Variant => "another name of a step",
            What::Group => "several steps",
            What::Task => "a step",
        };
        let options = "limit: PATTERN, vars: #{ ... }, check: true, diff: true";
        pages.push(format!(
            "{name}()  or  {name}(#{{ {options} }})\n\n{what} of {}: {}\n",
            named.script, named.description
        ));
    }
    for function in console.session.iter_functions().filter(|function| {
        function.name == name && locked(&console.runner.tasks).get(name).is_none()
    }) {
        let doc: String = function
            .comments
            .iter()
            .map(|line| format!("{}\n", line.trim_start_matches("///").trim_start()))
            .collect();
        pages.push(format!(
            "{}({})\n\n{doc}",
            function.name,
            function.params.join(", ")
        ));
    }
    match manual::entry(name) {
        Ok(page) => pages.push(page),
        Err(error) if pages.is_empty() => return native(console, name).ok_or(error),
        Err(_) => {}
    }
    Ok(pages.join("\n"))
}

/// Lines of a value that are shown.
const VALUE: usize = 20;

/// Type and value of a variable, or of what is in it: `x?`, `x.y?`.
fn variable(console: &Console, name: &str) -> Option<String> {
    let chain: Vec<&str> = name.split('.').collect();
    let value = super::complete::value_of(console, &chain)?;
    let kind = console
        .interpreter
        .engine()
        .map_type_name(value.type_name());
    let kind = if value.is_unit() { "nothing" } else { kind };
    let shown = super::show::pretty(&value, super::show::columns());
    let lines: Vec<&str> = shown.lines().collect();
    let more = match lines.len().saturating_sub(VALUE) {
        0 => String::new(),
        more => format!("... and {more} more lines\n"),
    };
    let shown: String = (lines.iter().take(VALUE))
        .map(|line| format!("{line}\n"))
        .collect();
    Some(format!("{name}: {kind}\n\n{shown}{more}"))
}

fn is_word(console: &Console, name: &str) -> bool {
    locked(&console.runner.tasks).contains_key(name) || manual::entry(name).is_ok()
}

/// A function of Rhai itself.
fn native(console: &Console, name: &str) -> Option<String> {
    let signatures = console.interpreter.engine().collect_fn_metadata(
        None,
        |info| {
            (info.metadata.name == name).then(|| {
                (
                    info.metadata.gen_signature(|kind| kind.to_string().into()),
                    info.metadata.comments.to_vec(),
                )
            })
        },
        true,
    );
    if signatures.is_empty() {
        return None;
    }
    let mut text = String::new();
    for (signature, comments) in signatures {
        let doc: String = comments
            .iter()
            .flat_map(|block| block.lines())
            .map(|line| format!("{}\n", line.trim_start_matches("///").trim_start()))
            .collect();
        let _ = writeln!(text, "{signature}\n{doc}");
    }
    Some(text)
}

/// The text that a name stands for.
pub(super) fn source(console: &Console, name: &str) -> Result<String> {
    if let Some(named) = locked(&console.runner.tasks).get(name) {
        let script = script_named(&named.script)?;
        for word in ["task(", "cluster_task(", "group("] {
            if let Some(text) = statement(&script.text, &format!("{word}\"{name}\"")) {
                return Ok(format!("// {}\n{text}", script.name));
            }
        }
    }
    if let Some(text) = function(console.all_typed(), name) {
        return Ok(text);
    }
    let (module, bare) = name.rsplit_once("::").unwrap_or(("", name));
    for (path, text) in embedded::stdlib() {
        let here = embedded::module_of(path);
        if (module.is_empty() || module == here)
            && let Some(found) = function(text, bare)
        {
            return Ok(format!("// {path}\n{found}"));
        }
    }
    if let Some(page) = variable(console, name) {
        return Ok(page);
    }
    let page = page(console, name).map_err(|error| {
        Error::usage(format!("there is no source of `{name}`")).because(error.what.clone())
    })?;
    Ok(format!("`{name}` is part of the program.\n\n{page}"))
}

/// A function with the comment above it.
fn function(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().rposition(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("private ").unwrap_or(line);
        line.strip_prefix("fn ").is_some_and(|rest| {
            rest.strip_prefix(name)
                .is_some_and(|rest| rest.trim_start().starts_with('('))
        })
    })?;
    let first = (0..start)
        .rev()
        .take_while(|line| lines[*line].starts_with("///"))
        .last()
        .unwrap_or(start);
    Some(
        format!(
            "{}\n{}",
            lines[first..start].join("\n"),
            balanced(&lines[start..])
        )
        .trim_start()
        .to_string(),
    )
}

/// The statement that begins with these words.
fn statement(text: &str, words: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines
        .iter()
        .position(|line| line.trim_start().starts_with(words))?;
    Some(balanced(&lines[start..]))
}

/// Lines up to where all brackets are closed.
fn balanced(lines: &[&str]) -> String {
    let mut depth = 0_i64;
    let mut taken = Vec::new();
    for line in lines {
        taken.push(*line);
        for letter in line.chars() {
            depth += i64::from("([{".contains(letter)) - i64::from(")]}".contains(letter));
        }
        if depth <= 0 {
            break;
        }
    }
    taken.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_a_function_has_its_comment() {
        let text =
            "fn a() { 1 }\n\n/// Two.\n/// And more.\nfn ab(x) {\n    if x { 2 }\n}\nfn c() {}\n";
        assert_eq!(
            function(text, "ab").as_deref(),
            Some("/// Two.\n/// And more.\nfn ab(x) {\n    if x { 2 }\n}")
        );
        assert_eq!(function(text, "a").as_deref(), Some("fn a() { 1 }"));
        assert_eq!(function(text, "b"), None);
        assert_eq!(
            statement("x();\n  task(\"a\", |h| {\n  1\n  });\n", "task(\"a\"").as_deref(),
            Some("  task(\"a\", |h| {\n  1\n  });")
        );
    }
}
