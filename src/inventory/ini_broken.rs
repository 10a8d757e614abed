//! What is wrong with a line of an INI inventory, and the line one could write instead.

use super::Inventory;
use super::ini::KINDS;
use super::ini_words::{Uncut, Word};
use super::node::{Source, Spot};
use crate::error::{Error, nearest};

/// A line without the blanks around it.
pub(super) struct Line<'a> {
    pub(super) number: usize,
    /// The blanks before its text.
    pub(super) shift: usize,
    pub(super) source: &'a Source,
    pub(super) text: &'a str,
}

impl Line<'_> {
    /// A place in the line, counted from 1 after the blanks before it.
    pub(super) fn spot(&self, column: usize) -> Spot {
        self.source.spot(self.number, self.shift + column)
    }

    fn error(&self, what: impl Into<String>) -> Box<Error> {
        Error::config(what).at(self.spot(1).place())
    }
}

pub(super) fn kind(group: &str, kind: &str, line: &Line<'_>) -> Box<Error> {
    let error = line.error(format!(
        "`[{group}:{kind}]`: a section has no kind `{kind}`"
    ));
    match nearest(kind, KINDS) {
        Some(near) => error.hint(format!("[{group}:{near}]")),
        None => error.hint(format!("[{group}], [{group}:children] or [{group}:vars]")),
    }
}

pub(super) fn section(line: &Line<'_>) -> Box<Error> {
    let inner = line.text.trim_matches(['[', ']']);
    let error = line.error(format!("`{}` is not a section", line.text));
    let (name, kind) = match inner.split_once(':') {
        Some((name, kind)) => (name.trim(), Some(kind.trim())),
        None => (inner.trim(), None),
    };
    let name = name.split_whitespace().collect::<Vec<_>>().join("_");
    if name.is_empty() {
        return error
            .because("the name of the group is missing")
            .hint("[etcd]");
    }
    let error = error.because("a group's name has no blanks, `:` or `]`");
    match kind.filter(|kind| KINDS.contains(kind)) {
        Some(kind) => error.hint(format!("[{name}:{kind}]")),
        None => error.hint(format!("[{name}]")),
    }
}

pub(super) fn child(group: &str, line: &Line<'_>) -> Box<Error> {
    let error = line.error(format!(
        "`{}` is not the name of a group, which is all that a line of `[{group}:children]` has",
        line.text
    ));
    match line.text.split_whitespace().next() {
        Some(word) if line.text.contains('=') => error.hint(format!(
            "put `{}` into [{group}] or [{}:vars]",
            line.text,
            word.split('=').next().unwrap_or(word)
        )),
        Some(word) => error.hint(word.trim_matches([':', ',', ']']).to_string()),
        None => error,
    }
}

pub(super) fn var(group: &str, line: &Line<'_>) -> Box<Error> {
    let error = line.error(format!("a line of `[{group}:vars]` is `key=value`"));
    match line
        .text
        .split_once(':')
        .or_else(|| line.text.split_once(' '))
    {
        Some((name, value)) => error.hint(format!("{}={}", name.trim(), value.trim())),
        None => error.hint(format!("{}=VALUE", line.text)),
    }
}

/// The word at `index` is not `key=value`.
pub(super) fn host_var(words: &[Word], index: usize, line: &Line<'_>) -> Box<Error> {
    let word = &words[index];
    let text = |index: usize| words.get(index).map_or("", |word| word.text.as_str());
    let before = index.checked_sub(1).map_or("", text);
    // What stands behind a secret may be the rest of it.
    let shown = if crate::secret::has_secret(line.text) {
        "a word"
    } else {
        &format!("`{}`", word.text)
    };
    let error = Error::config(format!("{shown} is not `key=value`"))
        .at(line.source.spot(line.number, word.column).place());
    // `a = b`, which is cut into three.
    if text(index + 1) == "=" {
        return error.hint(format!("{}={}", word.text, text(index + 2)));
    }
    if text(index + 1).starts_with('=') {
        return error.hint(format!("{}{}", word.text, text(index + 1)));
    }
    if before.ends_with('=') {
        return error.hint(format!("{before}{}", word.text));
    }
    if let Some((name, value)) = before.split_once('=') {
        return error
            .because("a value with blanks needs quotes")
            .hint(format!("{name}='{value} {}'", word.text));
    }
    if let Some((name, value)) = word
        .text
        .split_once(':')
        .filter(|(name, _)| super::layer::is_name(name))
    {
        let value = if value.is_empty() {
            text(index + 1)
        } else {
            value
        };
        return error.hint(format!("{name}={value}"));
    }
    error.because("a line has one host; what follows are its variables")
}

pub(super) fn uncut(why: &Uncut, line: &Line<'_>) -> Box<Error> {
    match why {
        Uncut::Quote(quote, column) => {
            let other = if *quote == '"' { '\'' } else { '"' };
            Error::config(format!("the quote `{quote}` is never closed"))
                .at(line.source.spot(line.number, *column).place())
                .hint(format!(
                    "put a value with `{quote}` in it between `{other}`"
                ))
        }
        Uncut::Escape => line
            .error("the `\\` at the end of the line stands for nothing")
            .hint("a host and its variables are one line"),
    }
}

pub(super) fn pattern(pattern: &str, why: &str, line: &Line<'_>) -> Box<Error> {
    let error = line.error(format!("host `{pattern}`: {why}"));
    match pattern.strip_prefix('[').filter(|name| !name.contains(']')) {
        Some(name) => error.hint(format!("[{name}]")),
        None => error,
    }
}

pub(super) fn comma(pattern: &str, line: &Line<'_>) -> Box<Error> {
    let name = pattern.trim_end_matches(',');
    line.error(format!("a comma stands behind the host `{name}`"))
        .hint(format!(
            "{name} a=1 b=2   # blanks between a host and its variables"
        ))
}

pub(super) fn colon(pattern: &str, line: &Line<'_>) -> Box<Error> {
    let name = pattern.trim_end_matches(':');
    let error = line.error(format!(
        "host `{pattern}` ends in `:`, after which a port comes"
    ));
    let keys = line
        .source
        .text()
        .lines()
        .filter(|line| line.trim_end().ends_with(':'));
    if ["all", "children", "hosts", "vars"].contains(&name) || keys.count() > 1 {
        return error.because("this looks like YAML").hint(yaml_name(line));
    }
    error.hint(format!("{name}, or {name}:22"))
}

pub(super) fn yaml(line: &Line<'_>) -> Box<Error> {
    line.error("`---` begins a file in YAML, and this one is read as INI")
        .hint(yaml_name(line))
}

fn yaml_name(line: &Line<'_>) -> String {
    let name = line.source.name();
    let stem = name
        .rsplit_once('.')
        .filter(|(_, end)| !end.contains('/'))
        .map_or(name, |(stem, _)| stem);
    format!("mv {name} {stem}.yml")
}

pub(super) fn unhashable(text: &str, at: &Spot) -> Box<Error> {
    Error::config(format!(
        "`{text}` is a Python set or mapping that cannot be"
    ))
    .at(at.place())
    .because("a list, a set or a mapping cannot be in a set nor be a key")
}

pub(super) fn undefined_child(
    name: &str,
    parent: &str,
    at: &Spot,
    inventory: &Inventory,
) -> Box<Error> {
    let error = Error::config(format!(
        "group `{name}` in `[{parent}:children]` is not defined"
    ))
    .at(at.place());
    hinted(error, name, parent, inventory)
}

pub(super) fn undefined_vars(name: &str, at: &Spot, inventory: &Inventory) -> Box<Error> {
    let error =
        Error::config(format!("`[{name}:vars]`: group `{name}` is not defined")).at(at.place());
    hinted(error, name, name, inventory)
}

fn hinted(error: Box<Error>, name: &str, but: &str, inventory: &Inventory) -> Box<Error> {
    let others = inventory
        .groups()
        .filter(|group| *group != name && *group != but);
    match nearest(name, others) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if inventory.has_host(name) => error
            .because(format!("`{name}` is a host"))
            .hint(format!("[{name}]   # a group of it")),
        None => error.hint(format!("[{name}]")),
    }
}
