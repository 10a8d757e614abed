//! An INI inventory file becomes groups and hosts, line by line as Ansible reads it.
//!
//! Owns: sections, and what a line of each kind of section means. Must not know which files are INI (`load.rs`).
//! What goes wrong is said by `ini_broken.rs`; words are cut in `ini_words.rs`, values read in `ini_literal.rs`.

use std::sync::LazyLock;

use indexmap::IndexMap;
use regex::Regex;

use super::ini_broken::{self as broken, Line};
use super::ini_literal::{self, Unhashable};
use super::ini_words::{self, Word};
use super::node::{Node, Shape, Source, Spot};
use super::tree::Provenance;
use super::value::Value;
use super::{Inventory, address};
use crate::error::{Error, Result};

/// What a section may hold, as it is written after the colon.
pub(super) const KINDS: [&str; 3] = ["children", "hosts", "vars"];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Children,
    Hosts,
    Vars,
}

/// A group that was named before its own section.
enum Awaited {
    /// As a child of these groups.
    Child(Vec<String>, Spot),
    /// By its `[group:vars]`.
    Vars(Spot),
}

struct Reader<'a> {
    awaited: IndexMap<String, Awaited>,
    from: &'a Provenance,
    group: String,
    inventory: &'a mut Inventory,
    kind: Kind,
}

impl Inventory {
    pub(super) fn define_ini(&mut self, source: &Source, from: &Provenance) -> Result<()> {
        let mut reader = Reader {
            awaited: IndexMap::new(),
            from,
            group: "ungrouped".to_string(),
            inventory: self,
            kind: Kind::Hosts,
        };
        for (index, raw) in lines(source.text()).enumerate() {
            let text = raw.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let shift = raw
                .chars()
                .take_while(|letter| letter.is_whitespace())
                .count();
            reader.line(&Line {
                number: index + 1,
                shift,
                source,
                text,
            })?;
        }
        match reader.awaited.first() {
            None => Ok(()),
            Some((name, Awaited::Child(parents, at))) => Err(broken::undefined_child(
                name,
                parents.last().map_or("", String::as_str),
                at,
                reader.inventory,
            )),
            Some((name, Awaited::Vars(at))) => {
                Err(broken::undefined_vars(name, at, reader.inventory))
            }
        }
    }
}

/// Text for a file whose comments are not UTF-8, which Ansible minds as little; `None` when other lines are not.
pub(super) fn without_foreign_comments(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"#") || line.starts_with(b";") {
            text.push('\n');
        } else {
            text.push_str(std::str::from_utf8(line).ok()?);
        }
    }
    Some(text)
}

/// Whether there is more than comments and blank lines.
pub(super) fn has_lines(text: &str) -> bool {
    lines(text).any(|line| !line.trim().is_empty() && !line.trim().starts_with(['#', ';']))
}

/// Whether a text has a section's header at its margin, which no YAML inventory has.
pub(super) fn has_section(text: &str) -> bool {
    lines(text).any(|line| {
        let line = line.trim_end();
        line.starts_with('[') && (section().is_some_and(|form| form.is_match(line)))
    })
}

/// Lines end where Python's `splitlines` ends them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |letter: char| {
        matches!(
            letter,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.filter(|text| !text.is_empty())?;
        let Some(byte) = text.find(is_end) else {
            rest = None;
            return Some(text);
        };
        let end = &text[byte..];
        let width = if end.starts_with("\r\n") {
            2
        } else {
            end.chars().next().map_or(0, char::len_utf8)
        };
        rest = Some(&end[width..]);
        Some(&text[..byte])
    })
}

fn section() -> Option<&'static Regex> {
    static SECTION: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$").ok());
    SECTION.as_ref()
}

fn group_name(text: &str) -> Option<&str> {
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^([^:\]\s]+)\s*(?:#.*)?$").ok());
    let found = NAME.as_ref()?.captures(text)?;
    found.get(1).map(|name| name.as_str())
}

impl Reader<'_> {
    fn line(&mut self, line: &Line<'_>) -> Result<()> {
        if let Some(found) = section().and_then(|form| form.captures(line.text)) {
            let kind = found.get(2).map(|kind| kind.as_str());
            return self.header(&found[1], kind, line);
        }
        if line.text.starts_with('[') && line.text.ends_with(']') {
            return Err(broken::section(line));
        }
        match self.kind {
            Kind::Children => self.child(line),
            Kind::Hosts => self.host(line),
            Kind::Vars => self.var(line),
        }
    }

    fn header(&mut self, name: &str, kind: Option<&str>, line: &Line<'_>) -> Result<()> {
        self.kind = match kind {
            None | Some("hosts") => Kind::Hosts,
            Some("children") => Kind::Children,
            Some("vars") => Kind::Vars,
            Some(other) => return Err(broken::kind(name, other, line)),
        };
        self.group = name.to_string();
        if !self.inventory.has_group(name) {
            if self.kind == Kind::Vars && !self.awaited.contains_key(name) {
                self.awaited
                    .insert(name.to_string(), Awaited::Vars(line.spot(1)));
            }
            self.inventory.add_group(name);
        }
        if self.kind == Kind::Vars {
            return Ok(());
        }
        if let Some(Awaited::Child(parents, at)) = self.awaited.shift_remove(name) {
            for parent in parents {
                self.inventory.add_child(&parent, name, &at)?;
            }
        }
        Ok(())
    }

    fn child(&mut self, line: &Line<'_>) -> Result<()> {
        let child = group_name(line.text).ok_or_else(|| broken::child(&self.group, line))?;
        if self.inventory.has_group(child) {
            return self.inventory.add_child(&self.group, child, &line.spot(1));
        }
        match self.awaited.get_mut(child) {
            Some(Awaited::Child(parents, _)) => parents.push(self.group.clone()),
            _ => {
                let awaited = Awaited::Child(vec![self.group.clone()], line.spot(1));
                self.awaited.insert(child.to_string(), awaited);
            }
        }
        Ok(())
    }

    fn var(&mut self, line: &Line<'_>) -> Result<()> {
        let Some((name, value)) = line.text.split_once('=') else {
            return Err(broken::var(&self.group, line));
        };
        let column = name.chars().count() + 2 + blanks(value);
        let key = Node {
            at: line.spot(1),
            shape: Shape::Scalar(Value::from(name.trim())),
        };
        let (name, value) = (name.trim(), value.trim());
        let value = read_value(value, &line.spot(column))
            .map_err(|error| error.hint(format!("{name}=\"{value}\"   # if it is a text")))?;
        self.inventory.warn_name(&key, &value);
        // Where a host and a group share the name, the group is meant, as on a host's line.
        self.inventory.set_group_var(&self.group, &key, &value)
    }

    fn host(&mut self, line: &Line<'_>) -> Result<()> {
        let words =
            ini_words::cut(line.text, line.shift).map_err(|why| broken::uncut(&why, line))?;
        let Some((pattern, words)) = words.split_first() else {
            return Ok(());
        };
        let (names, port) = expand(&pattern.text, line)?;
        let mut vars = Vec::new();
        for (index, word) in words.iter().enumerate() {
            vars.push(
                host_var(word, line)
                    .transpose()
                    .unwrap_or_else(|| Err(broken::host_var(words, index, line)))?,
            );
        }
        let at = line.spot(1);
        for name in names {
            if name.is_empty() {
                return Err(Error::config("a host without a name").at(at.place()));
            }
            let port = port.map(|port| (port, &at));
            self.inventory.add_host(&name, &self.group, port, self.from);
            for (key, value) in &vars {
                self.inventory.set_host_var(&name, key, value)?;
            }
        }
        for (key, value) in &vars {
            self.inventory.warn_name(key, value);
        }
        Ok(())
    }
}

fn blanks(text: &str) -> usize {
    text.chars()
        .take_while(|letter| letter.is_whitespace())
        .count()
}

fn expand(pattern: &str, line: &Line<'_>) -> Result<(Vec<String>, Option<i64>)> {
    let (names, port) =
        address::expand(pattern).map_err(|why| broken::pattern(pattern, &why, line))?;
    if pattern.trim().ends_with(':') && port.is_none() {
        return Err(broken::colon(pattern, line));
    }
    if pattern.len() > 1 && pattern.ends_with(',') {
        return Err(broken::comma(pattern, line));
    }
    if names.iter().any(|name| name.trim() == "---") {
        return Err(broken::yaml(line));
    }
    Ok((names, port))
}

/// The variable of a word; `None` when it is no `key=value`.
fn host_var(word: &Word, line: &Line<'_>) -> Result<Option<(Node, Node)>> {
    let Some((name, value)) = word.text.split_once('=') else {
        return Ok(None);
    };
    let at = |column: usize| line.source.spot(line.number, column);
    let key = Node {
        at: at(word.column),
        shape: Shape::Scalar(Value::from(name)),
    };
    let value = read_value(value, &at(word.column + name.chars().count() + 1))
        .map_err(|error| error.hint(format!("{name}=\"'{value}'\"   # if it is a text")))?;
    Ok(Some((key, value)))
}

fn read_value(text: &str, at: &Spot) -> Result<Node> {
    let value = ini_literal::value(text).map_err(|Unhashable| broken::unhashable(text, at))?;
    Ok(Node {
        at: at.clone(),
        shape: Shape::Scalar(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        let found: Vec<&str> = lines("a\r\nb\rc\n\nd\u{85}e").collect();
        assert_eq!(found, ["a", "b", "c", "", "d", "e"]);
    }

    #[test]
    fn values_know_their_place() {
        let inventory = Inventory::parse(
            "hosts.ini",
            "[etcd]\n  h1 a=1  b='x y'\n[etcd:vars]\nc = 3\n",
        )
        .unwrap();
        assert_eq!(
            inventory.origin("h1", "a").unwrap().to_string(),
            "hosts.ini:2:6 (host h1)"
        );
        assert_eq!(
            inventory.origin("h1", "b").unwrap().to_string(),
            "hosts.ini:2:11 (host h1)"
        );
        let origin = inventory.origin("h1", "c").unwrap();
        assert_eq!(
            (origin.to_string().as_str(), origin.value),
            ("hosts.ini:4:1 (group etcd)", Value::Int(3))
        );
    }

    #[test]
    fn comments_need_not_be_utf8() {
        let text = without_foreign_comments(b"# caf\xe9\nh1\n").unwrap();
        assert_eq!(text, "\nh1\n");
        assert_eq!(without_foreign_comments(b"caf\xe9\n"), None);
    }
}
