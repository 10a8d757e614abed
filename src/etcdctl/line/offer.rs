//! What may come next on a line of etcdctl: from the table of verbs, for completion and hints.

use crate::etcdctl::Style;
use crate::etcdctl::line::flag::{self, Flag, Kind};
use crate::etcdctl::verb::{self, Found, GROUPS};

/// What an argument of a verb is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    File,
    Key,
    Lease,
    Member,
    Other,
    Role,
    User,
}

/// What may stand where the cursor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    pub argument: Option<Argument>,
    /// The arguments that are still to come, as the page shows them.
    pub usage: String,
    /// Commands or flags, each with what it does.
    pub words: Vec<(String, String)>,
}

/// `before` are the words after `e` up to the one at the cursor, which begins with `word`.
#[must_use]
pub fn next(before: &[Vec<u8>], word: &str, style: &Style) -> Next {
    let Ok(found) = verb::find(before, style) else {
        return Next::default();
    };
    if let Some(values) = before.last().and_then(|last| values_of(last, &found.flags)) {
        return Next {
            words: values
                .iter()
                .map(|value| ((*value).to_string(), String::new()))
                .collect(),
            ..Next::default()
        };
    }
    if let Some(argument) = before
        .last()
        .and_then(|last| argument_of(last, &found.flags))
    {
        return Next {
            argument: Some(argument),
            ..Next::default()
        };
    }
    if word.starts_with('-') {
        let own = found.verb.map_or(&[][..], |verb| verb.flags);
        let (own, all): (Vec<_>, Vec<_>) = (found.flags.iter().copied())
            .partition(|flag| own.iter().any(|own| own.name == flag.name));
        return Next {
            words: [flags(&own), flags(&all)].concat(),
            ..Next::default()
        };
    }
    let Some(verb) = found.verb else {
        return Next {
            words: names(&found, style),
            ..Next::default()
        };
    };
    let given = flag::parse(&found.rest, &found.flags).map_or(0, |(_, words)| words.len());
    let all = arguments(verb.arguments);
    let left = all.get(given..).unwrap_or_default();
    let at = left
        .first()
        .or_else(|| all.last().filter(|last| last.contains("...")));
    if at.is_some_and(|name| name.contains("permission")) {
        let words = ["read", "readwrite", "write"].map(|word| (word.to_string(), String::new()));
        return Next {
            usage: left.join(" "),
            words: words.to_vec(),
            ..Next::default()
        };
    }
    Next {
        argument: at.map(|name| argument(name, verb.name)),
        usage: left.join(" "),
        words: Vec::new(),
    }
}

/// Is the first word of a line, or its second in a group, a command?
#[must_use]
pub fn is_command(words: &[Vec<u8>], style: &Style) -> bool {
    verb::find(words, style).is_ok_and(|found| found.verb.is_some() || !found.name.is_empty())
}

fn names(found: &Found, style: &Style) -> Vec<(String, String)> {
    let full = |name: &str| {
        if found.name.is_empty() {
            name.to_string()
        } else {
            format!("{} {name}", found.name)
        }
    };
    let about = |name: &str| {
        let verb = verb::all(style)
            .iter()
            .find(|verb| verb.name == full(name))
            .map(|verb| verb.about);
        verb.or_else(|| {
            GROUPS
                .iter()
                .find(|group| group.name == full(name))
                .map(|group| group.about)
        })
        .unwrap_or_default()
    };
    verb::names(&found.name, style)
        .into_iter()
        .map(|name| (name.to_string(), about(name).to_string()))
        .collect()
}

fn flags(flags: &[&'static Flag]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = flags
        .iter()
        .map(|flag| {
            let equals = if flag.kind == Kind::Bool { "" } else { "=" };
            (format!("--{}{equals}", flag.name), flag.about.to_string())
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The values of a flag that stands just before, when there are few.
fn values_of(last: &[u8], flags: &[&'static Flag]) -> Option<&'static [&'static str]> {
    let text = String::from_utf8_lossy(last);
    let flag = flags.iter().find(|flag| {
        text == format!("--{}", flag.name)
            || flag.short.is_some_and(|short| text == format!("-{short}"))
    })?;
    match flag.name {
        "write-out" => Some(&["fields", "json", "protobuf", "simple", "table"]),
        "order" => Some(&["ASCEND", "DESCEND"]),
        "sort-by" => Some(&["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"]),
        "consistency" => Some(&["l", "s"]),
        _ => None,
    }
}

/// `<user name> <role name>` are two.
fn arguments(usage: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = usage.split(|letter: char| {
        depth += i32::from("<[".contains(letter)) - i32::from(">]".contains(letter));
        letter.is_whitespace() && depth == 0
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// What a flag that stands just before wants.
fn argument_of(last: &[u8], flags: &[&'static Flag]) -> Option<Argument> {
    let text = String::from_utf8_lossy(last);
    let flag = flags
        .iter()
        .find(|flag| flag.kind != Kind::Bool && text == format!("--{}", flag.name))?;
    Some(match flag.name {
        "lease" => Argument::Lease,
        "user" => Argument::User,
        "cacert" | "cert" | "inventory" | "key" => Argument::File,
        _ => Argument::Other,
    })
}

fn argument(name: &str, verb: &str) -> Argument {
    let name = name
        .trim_matches(|letter| "<>[].".contains(letter))
        .to_lowercase();
    let is = |part: &str| name.contains(part);
    match () {
        () if is("key") || is("range") || is("prefix") => Argument::Key,
        () if is("lease") => Argument::Lease,
        () if is("member") || is("transferee") => Argument::Member,
        () if is("role") => Argument::Role,
        () if is("user") => Argument::User,
        () if is("file") || is("path") => Argument::File,
        // `<id>` and `<name>` are what the command is about.
        () => match verb.split(' ').next() {
            _ if verb.ends_with(" add") => Argument::Other,
            Some("lease") if verb != "lease grant" => Argument::Lease,
            Some("member" | "move-leader") => Argument::Member,
            Some("role") => Argument::Role,
            Some("user") => Argument::User,
            _ => Argument::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_follows_from_the_table() {
        let style = Style::of_process("e", false);
        let after = |line: &str, word: &str| {
            let words: Vec<Vec<u8>> = line
                .split_whitespace()
                .map(|word| word.as_bytes().to_vec())
                .collect();
            next(&words, word, &style)
        };
        assert!(
            after("", "")
                .words
                .iter()
                .any(|(name, about)| name == "get" && about.contains("key"))
        );
        assert_eq!(after("get", "").argument, Some(Argument::Key));
        assert_eq!(after("get", "").usage, "<key> [range_end]");
        assert_eq!(after("get a", "").usage, "[range_end]");
        assert!(
            after("get", "--")
                .words
                .iter()
                .any(|(name, _)| name == "--prefix")
        );
        assert!(
            after("get -w", "")
                .words
                .iter()
                .any(|(name, _)| name == "json")
        );
        assert_eq!(after("member remove", "").argument, Some(Argument::Member));
        assert_eq!(after("user grant-role", "").argument, Some(Argument::User));
        assert_eq!(
            after("user grant-role alice", "").argument,
            Some(Argument::Role)
        );
        assert_eq!(
            after("put a 1 --lease", "7").argument,
            Some(Argument::Lease)
        );
        assert_eq!(after("get --cacert", "f").argument, Some(Argument::File));
        assert_eq!(after("nonsense", ""), Next::default());
    }
}
