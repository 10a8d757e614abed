//! Help from the one source: the specs of the primitives, the vocabulary, the doc comments of the stdlib, the parameters.

use std::fmt::Write as _;
use std::sync::Arc;

use super::vocabulary::{self, Section};
use super::{Interpreter, Parameter, Parts, World, embedded};
use crate::error::{Error, Result, nearest};
use crate::inventory::Inventory;
use crate::primitive::{self, Spec};
use crate::report::{Report, Silent};
use crate::run::{Options, Selection, Session};
use crate::value::Value;

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
        .flat_map(|(path, text)| {
            functions_of(
                path.trim_start_matches("stdlib/").trim_end_matches(".rhai"),
                text,
            )
        })
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
                let space = if module == "global" {
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

/// What a primitive's page says.
#[must_use]
pub fn primitive(spec: &Spec) -> String {
    let mut text = format!(
        "h.{}({}, #{{ ... }})\n\n{}\n\n",
        spec.name, spec.thing.0, spec.doc
    );
    let _ = writeln!(text, "  {:<14} {}", spec.thing.0, spec.thing.1);
    for arg in spec.args {
        let _ = writeln!(text, "  {:<14} {}; {}", arg.name, arg.takes, arg.doc);
    }
    let _ = writeln!(text, "\nExample:\n\n    {}", spec.example);
    text
}

fn first(doc: &str) -> &str {
    doc.lines().next().unwrap_or_default()
}

/// The parameters that the stdlib declares.
pub fn parameters() -> Result<Vec<Parameter>> {
    let options = Options {
        check: true,
        diff: false,
        forks: 1,
        yes: false,
    };
    let world = World::new(Parts {
        args: Vec::new(),
        beside: std::path::PathBuf::new(),
        inventory: Arc::new(Inventory::parse("<none>", "all: {}")?),
        limit: None,
        listing: true,
        login: crate::cluster::Login::default(),
        script_folder: None,
        selection: Selection::default(),
        session: Arc::new(Session::new(options, Report::new(Box::new(Silent)))),
    });
    Ok(super::parameters(Interpreter::new(world)?.world()))
}

fn default_of(parameter: &Parameter) -> String {
    match &parameter.default {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        value => value.to_json().to_string(),
    }
}

/// The reference page, `docs/primitives.md`.
pub fn markdown() -> Result<String> {
    let mut text = String::from(
        "# Reference\n\nThis file is written by `make docs` from the code; `etcdsh help NAME` shows the same in a terminal. How the words\n\
         go together is in [scripting.md](scripting.md).\n\n## Primitives\n\nEach is called on a host: `h.file(path, #{ ... })`. The map may be left out. Each returns a map with `changed` and\n\
         `what` (a list of short texts) beside what is said below, and throws when it cannot make true what was stated.\n",
    );
    for spec in primitive::ALL {
        let _ = write!(
            text,
            "\n### {}\n\n{}\n\n| argument | takes | meaning |\n|---|---|---|\n",
            spec.name, spec.doc
        );
        let _ = writeln!(
            text,
            "| *{}*, the first | {} | |",
            spec.thing.0, spec.thing.1
        );
        for arg in spec.args {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} |",
                arg.name,
                arg.takes,
                arg.doc.replace('|', "\\|")
            );
        }
        let _ = write!(
            text,
            "\n```rhai\nlet h = host(\"10.10.10.10\");\n{};\n```\n",
            spec.example
        );
    }
    for section in Section::ALL {
        let _ = write!(
            text,
            "\n## {}\n\n| word | meaning |\n|---|---|\n",
            section.title()
        );
        for word in vocabulary::ALL
            .iter()
            .filter(|word| word.section == section)
        {
            let _ = writeln!(
                text,
                "| `{}` | {} |",
                word.signature.replace('|', "\\|"),
                word.doc.replace('\n', " ").replace('|', "\\|")
            );
        }
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
    text.push_str(
        "\n## Functions of the stdlib\n\nPlain Rhai, in `stdlib/`; `etcdsh script show stdlib/etcd.rhai` prints them.\n\n| function | meaning |\n|---|---|\n",
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
    Ok(text)
}

/// One line for everything there is.
pub fn index() -> Result<String> {
    let mut text = String::from("Primitives, on a host `h`:\n");
    for spec in primitive::ALL {
        let _ = writeln!(
            text,
            "  {:<28} {}",
            format!("h.{}", spec.name),
            first(spec.doc)
        );
    }
    for section in Section::ALL {
        let _ = writeln!(text, "\n{}:", section.title());
        for word in vocabulary::ALL
            .iter()
            .filter(|word| word.section == section)
        {
            let _ = writeln!(text, "  {:<28} {}", word.name, first(word.doc));
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

/// The page of one name: all that is called so.
pub fn entry(name: &str) -> Result<String> {
    let bare = name.trim_start_matches("h.").trim_start_matches("e.");
    let mut pages: Vec<String> = primitive::find(bare).map(primitive).into_iter().collect();
    pages
        .extend(vocabulary::find(bare).map(|word| format!("{}\n\n{}\n", word.signature, word.doc)));
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
    let same = |function: &&Function| {
        function.name == bare || function.name.split("::").last() == Some(bare)
    };
    pages.extend(
        functions
            .iter()
            .filter(same)
            .map(|function| format!("{}\n\n{}", function.signature, function.doc)),
    );
    if !pages.is_empty() {
        return Ok(pages.join("\n"));
    }
    let known: Vec<&str> = primitive::ALL
        .iter()
        .map(|spec| spec.name)
        .chain(vocabulary::ALL.iter().map(|word| word.name))
        .chain(parameters.iter().map(|parameter| parameter.name.as_str()))
        .chain(functions.iter().map(|function| function.name.as_str()))
        .collect();
    let error = Error::usage(format!("there is no help on `{name}`"));
    Err(match nearest(bare, known) {
        Some(near) => error.hint(format!("etcdsh help {near}")),
        None => error.hint("etcdsh help"),
    })
}
