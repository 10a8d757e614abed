//! What is shown after the cursor: the arguments of what is being called, else how an earlier line went on.

use rustyline::history::{History, SearchDirection};

use super::complete::{entries, etcd_words};
use super::console::Console;
use super::{etcd, input, meta};
use crate::etcdctl;

/// A text after the cursor; Right takes it over when it is the rest of a line.
pub(super) struct Hint {
    completion: Option<String>,
    shown: String,
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.completion.as_deref()
    }
}

pub(super) fn hint(
    console: &Console,
    line: &str,
    position: usize,
    history: &dyn History,
) -> Option<Hint> {
    if position < line.len() || line.is_empty() {
        return None;
    }
    if let Some(shown) = arguments(console, line) {
        return Some(Hint {
            completion: None,
            shown,
        });
    }
    let mut start = history.len().checked_sub(1)?;
    loop {
        let found = history
            .starts_with(line, start, SearchDirection::Reverse)
            .ok()??;
        let rest = found.entry.strip_prefix(line);
        let rest = rest.filter(|rest| !rest.is_empty() && !rest.contains('\n'));
        if let Some(rest) = rest.filter(|_| !console.failed.has(&found.entry)) {
            return Some(Hint {
                completion: Some(rest.to_string()),
                shown: rest.to_string(),
            });
        }
        start = found.idx.checked_sub(1)?;
    }
}

fn arguments(console: &Console, line: &str) -> Option<String> {
    if let Some(text) = line.strip_prefix(':') {
        let (name, rest) = meta::split(text);
        let meta = meta::find(name)
            .ok()
            .filter(|_| rest.is_empty() && text.ends_with(' '))?;
        return Some(
            meta.args
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(" "),
        );
    }
    if input::is_etcd(line, |word| console.is_variable(word)) {
        let (words, start) = etcd_words(line);
        let usage = etcdctl::next(&words, "", &etcd::style(console)).usage;
        return (start == line.len() && !usage.is_empty()).then_some(usage);
    }
    let before = line.strip_suffix('(')?;
    let start = before
        .rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':')
        .map_or(0, |at| at + 1);
    let (name, method) = (&before[start..], before[..start].ends_with('.'));
    let same =
        |entry: &&super::complete::Entry| entry.name == name && entry.of.is_empty() != method;
    let signature = entries()
        .iter()
        .find(same)
        .map(|entry| entry.signature.clone());
    let signature = signature.or_else(|| {
        let function = console
            .session
            .iter_functions()
            .filter(|function| function.name == name)
            .last()?;
        Some(format!("{name}({})", function.params.join(", ")))
    })?;
    signature
        .split_once('(')
        .map(|(_, rest)| rest.to_string())
        .filter(|rest| rest != ")")
}
