//! Help from the one source: the words, the doc comments of the stdlib, the parameters.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Interpreter, Parameter, Parts, World, embedded, words};
use crate::error::{Error, Hint, Result, nearest};
use crate::inventory::Inventory;

use crate::report::{Report, Silent};
use crate::run::{Options, Selection, Session};
use crate::value::Value;
use crate::word::{Arg, Section, Word};

/// The doc comment and signature of one stdlib function.
pub struct Function {
    pub doc: String,
    pub name: String,
    pub signature: String,
}

/// The public functions of the stdlib, in the order of their files.
#[must_use]
pub fn functions() -> Vec<Function> {
    embedded::stdlib()
        .flat_map(|(path, text)| functions_of(embedded::module_of(path), text))
        .collect()
}

fn functions_of(module: &str, text: &str) -> Vec<Function> {
    let (mut found, mut doc) = (Vec::new(), String::new());
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("///") {
            doc.push_str(comment.strip_prefix(' ').unwrap_or(comment));
            doc.push('\n');
        } else {
            if let Some(rest) = line.strip_prefix("fn ")
                && let Some((signature, _)) = rest.split_once('{')
            {
                let signature = signature.trim();
                let name = signature.split('(').next().unwrap_or(signature);
                let space = if module.is_empty() {
                    String::new()
                } else {
                    format!("{module}::")
                };
                found.push(Function {
                    doc: std::mem::take(&mut doc),
                    name: format!("{space}{name}"),
                    signature: format!("{space}{signature}"),
                });
            }
            doc.clear();
        }
    }
    found
}

/// What a word's page says.
fn page(word: &Word) -> String {
    let mut text = match word.section {
        Section::Primitive => format!(
            "h.{}({}, #{{ ... }})\n\n{}\n",
            word.name, word.args[0].name, word.doc
        ),
        _ => format!("{}\n\n{}\n", word.signature(), word.doc),
    };
    if !word.args.is_empty() || !word.options.is_empty() {
        text.push('\n');
    }
    let mut lines = |args: &[Arg]| {
        for arg in args {
            let _ = writeln!(text, "  {:<14} {}; {}", arg.name, arg.takes, arg.doc);
        }
    };
    lines(word.args);
    lines(word.options);
    if !word.example.is_empty() {
        let _ = writeln!(text, "\nExample:\n\n    {}", word.example);
    }
    text
}

fn first(doc: &str) -> &str {
    doc.lines().next().unwrap_or_default()
}

/// The tags of a script, each with what its task says of itself. Nothing of the script is run.
pub fn tags(script: &super::Script) -> Result<Vec<(String, String)>> {
    let ast = Interpreter::new(empty_world()?)?.compile_line(script)?;
    Ok(super::check::tags(&ast))
}

/// The parameters that the stdlib declares.
pub fn parameters() -> Result<Vec<Parameter>> {
    Ok(super::parameters(Interpreter::new(empty_world()?)?.world()))
}

/// A world without hosts, that says nothing.
fn empty_world() -> Result<World> {
    let options = Options {
        check: true,
        diff: false,
        forks: 1,
        held_to: None,
        no_gate: Vec::new(),
        yes: false,
    };
    Ok(World::new(Parts {
        args: Vec::new(),
        beside: std::path::PathBuf::new(),
        inventory: Arc::new(Inventory::parse("<none>", "all: {}")?),
        limit: None,
        listing: true,
        login: crate::cluster::Login::default(),
        script_folder: None,
        selection: Selection::default(),
        session: Arc::new(Session::new(options, Report::new(Box::new(Silent)))),
    }))
}

fn default_of(parameter: &Parameter) -> String {
    match &parameter.default {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        value => value.to_json().to_string(),
    }
}

/// A text that stands in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn primitive_section(text: &mut String, word: &Word) {
    let thing = &word.args[0];
    let _ = write!(
        text,
        "\n### {}\n\n{}\n\n| argument | takes | meaning |\n|---|---|---|\n",
        word.name, word.doc
    );
    let _ = writeln!(
        text,
        "| *{}*, the first | {} | {} |",
        thing.name, thing.takes, thing.doc
    );
    for arg in word.options {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            arg.name,
            arg.takes,
            cell(arg.doc)
        );
    }
    let _ = write!(
        text,
        "\n```rhai\nlet h = host(\"10.10.10.10\");\n{};\n```\n",
        word.example
    );
}

/// The reference page, `docs/primitives.md`.
pub fn markdown() -> Result<String> {
    let mut text = String::from(
        "# Reference\n\nThis file is written by `make docs` from the code; `etcdsh help NAME` shows the same in a terminal. How the words\n\
         go together is in [scripting.md](scripting.md), functions of the stdlib are in [stdlib.md](stdlib.md).\n\n## Primitives\n\nEach is called on a host: `h.file(path, #{ ... })`. The map may be left out. Each returns a map with `changed` and\n\
         `what` (a list of short texts) beside what is said below, and throws when it cannot make true what was stated.\n",
    );
    for word in words::of_section(Section::Primitive) {
        primitive_section(&mut text, word);
    }
    for section in Section::ALL
        .into_iter()
        .filter(|section| *section != Section::Stdlib)
    {
        section_of_words(&mut text, section);
    }
    text.push_str("\n## Parameters\n\nVariables that the bundled flow reads; they are set in the inventory or with `-e`.\n\n| parameter | takes | default | meaning |\n|---|---|---|---|\n");
    for parameter in parameters()? {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            parameter.name,
            parameter.kind,
            default_of(&parameter),
            parameter.doc
        );
    }
    Ok(text)
}

/// A section as a table of its words.
fn section_of_words(text: &mut String, section: Section) {
    let _ = write!(
        text,
        "\n## {}\n\n| word | meaning |\n|---|---|\n",
        section.title()
    );
    for word in words::of_section(section) {
        let meaning = [word.doc.to_string()].into_iter().chain(
            word.args
                .iter()
                .chain(word.options)
                .map(|arg| format!("<br>`{}`: {}; {}", arg.name, arg.takes, arg.doc)),
        );
        let meaning = meaning.collect::<String>().replace('\n', " ");
        let _ = writeln!(
            text,
            "| `{}` | {} |",
            cell(&word.signature()),
            cell(&meaning)
        );
    }
}

/// The page of what the flow is written with, `docs/stdlib.md`.
#[must_use]
pub fn stdlib_markdown() -> String {
    let mut text = String::from(
        "# The stdlib\n\nThis file is written by `make docs` from the code. What the flow is written with, in `stdlib/`: plain Rhai, which a script of \
         one's own may call as well. `etcdsh script show stdlib/etcd` prints it, `etcdsh help NAME` shows a part. The words that one writes \
         with most are in [primitives.md](primitives.md).\n\n## Functions\n\n| function | meaning |\n|---|---|\n",
    );
    for function in functions()
        .iter()
        .filter(|function| !function.doc.is_empty())
    {
        let _ = writeln!(
            text,
            "| `{}` | {} |",
            function.signature,
            first(&function.doc)
        );
    }
    section_of_words(&mut text, Section::Stdlib);
    text
}

/// One line for everything there is.
pub fn index() -> Result<String> {
    let mut text = String::from("Primitives, on a host `h`:\n");
    for word in words::of_section(Section::Primitive) {
        let name = format!("h.{}", word.name);
        let _ = writeln!(text, "  {name:<28} {}", word.first_line());
    }
    for section in Section::ALL {
        let _ = writeln!(text, "\n{}:", section.title());
        for word in words::of_section(section) {
            let _ = writeln!(text, "  {:<28} {}", word.name, word.first_line());
        }
    }
    text.push_str("\nParameters:\n");
    for parameter in parameters()? {
        let _ = writeln!(text, "  {:<28} {}", parameter.name, parameter.doc);
    }
    text.push_str("\nFunctions of the stdlib:\n");
    for function in functions()
        .iter()
        .filter(|function| !function.doc.is_empty())
    {
        let _ = writeln!(text, "  {:<28} {}", function.name, first(&function.doc));
    }
    text.push_str("\n`etcdsh help NAME` shows one of them.\n");
    Ok(text)
}

/// What a script says of itself, at its head.
#[must_use]
pub fn head_of(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with("#!"));
    let head = lines.map_while(|line| line.strip_prefix("//!"));
    let head: Vec<&str> = head
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    format!("{}\n", head.join("\n"))
}

/// Is there a page on this function?
#[must_use]
pub fn has_page(name: &str) -> bool {
    words::named(name).next().is_some()
        || functions().iter().any(|function| is_called(function, name))
}

/// A function of the stdlib is called by its name with and without that of its module.
fn is_called(function: &Function, name: &str) -> bool {
    function.name == name || function.name.split("::").last() == Some(name)
}

/// The page of one name: all that is called so.
pub fn entry(name: &str) -> Result<String> {
    let bare = name.trim_start_matches("h.").trim_start_matches("e.");
    let mut pages: Vec<String> = words::named(bare).map(page).collect();
    let parameters = parameters()?;
    pages.extend(
        parameters
            .iter()
            .filter(|parameter| parameter.name == bare)
            .map(|parameter| {
                let default = default_of(parameter);
                format!(
                    "{}: {}\n\n{}{}\n",
                    parameter.name,
                    parameter.kind,
                    parameter.doc,
                    if default.is_empty() {
                        String::new()
                    } else {
                        format!("; {default} by default")
                    }
                )
            }),
    );
    let functions = functions();
    pages.extend(
        functions
            .iter()
            .filter(|function| is_called(function, bare))
            .map(|function| format!("{}\n\n{}", function.signature, function.doc)),
    );
    pages.extend(super::embedded::named(name).map(|(_, text)| head_of(text)));
    if !pages.is_empty() {
        return Ok(pages.join("\n"));
    }
    let known: Vec<&str> = words::all()
        .map(|word| word.name)
        .chain(parameters.iter().map(|parameter| parameter.name.as_str()))
        .chain(functions.iter().map(|function| function.name.as_str()))
        .collect();
    let error = Error::usage(format!("there is no help on `{name}`"));
    // `lanch` is as near to `etcd::launch` as to `launch`.
    let last = |name: &&str| name.rsplit("::").next().unwrap_or_default().to_string();
    let lasts: Vec<String> = known.iter().map(last).collect();
    let near = nearest(bare, known.iter().copied()).or_else(|| {
        let near = nearest(bare, lasts.iter().map(String::as_str))?;
        let place = lasts.iter().position(|last| last == near)?;
        known.get(place).copied()
    });
    Err(error.hint(Hint::Help(near.unwrap_or_default().to_string())))
}
