//! Help from the one source: the specs of the primitives, the doc comments of the stdlib, the parameters.

use std::fmt::Write as _;

use super::embedded;
use crate::error::{Error, Result, nearest};
use crate::primitive::{self, Spec};

/// The doc comment and signature of one stdlib function.
pub struct Function {
    pub doc: String,
    pub name: String,
    pub signature: String,
}

/// The public functions of the stdlib, in the order of their files.
#[must_use]
pub fn functions() -> Vec<Function> {
    embedded::stdlib().flat_map(|(path, text)| functions_of(path.trim_start_matches("stdlib/").trim_end_matches(".rhai"), text)).collect()
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
                let space = if module == "global" { String::new() } else { format!("{module}::") };
                found.push(Function { doc: std::mem::take(&mut doc), name: format!("{space}{name}"), signature: format!("{space}{signature}") });
            }
            doc.clear();
        }
    }
    found
}

/// What a primitive's page says.
#[must_use]
pub fn primitive(spec: &Spec) -> String {
    let mut text = format!("h.{}({}, #{{ ... }})\n\n{}\n\n", spec.name, spec.thing.0, spec.doc);
    let _ = writeln!(text, "  {:<14} {}", spec.thing.0, spec.thing.1);
    for arg in spec.args {
        let _ = writeln!(text, "  {:<14} {}; {}", arg.name, arg.takes, arg.doc);
    }
    let _ = writeln!(text, "\nExample:\n\n    {}", spec.example);
    text
}

/// One line for everything there is.
pub fn index() -> Result<String> {
    let first = |doc: &str| doc.lines().next().unwrap_or_default().to_string();
    let mut text = String::from("Primitives, on a host `h`:\n");
    for spec in primitive::ALL {
        let _ = writeln!(text, "  {:<28} {}", format!("h.{}", spec.name), first(spec.doc));
    }
    text.push_str("\nFunctions of the stdlib:\n");
    for function in functions().iter().filter(|function| !function.doc.is_empty()) {
        let _ = writeln!(text, "  {:<28} {}", function.name, first(&function.doc));
    }
    text.push_str("\n`etcdsh help NAME` shows one of them.\n");
    Ok(text)
}

/// The page of one name.
pub fn entry(name: &str) -> Result<String> {
    let bare = name.trim_start_matches("h.");
    if let Some(spec) = primitive::find(bare) {
        return Ok(primitive(spec));
    }
    let functions = functions();
    let same = |function: &&Function| function.name == bare || function.name.split("::").last() == Some(bare);
    if let Some(function) = functions.iter().find(same) {
        return Ok(format!("{}\n\n{}", function.signature, function.doc));
    }
    let known: Vec<&str> = primitive::ALL.iter().map(|spec| spec.name).chain(functions.iter().map(|function| function.name.as_str())).collect();
    let error = Error::usage(format!("there is no help on `{name}`"));
    Err(match nearest(bare, known) {
        Some(near) => error.hint(format!("etcdsh help {near}")),
        None => error.hint("etcdsh help"),
    })
}
