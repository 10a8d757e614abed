//! What kind of line it is, and where one ends.

use rhai::LexError;
use rhai::ParseErrorType;

use crate::script::{Interpreter, Script};

/// A line, by its first word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input<'a> {
    Blank,
    /// Behind `e`, `em` or `etcdctl`, these words included.
    Etcd(&'a str),
    /// `name?` and, with the source, `name??`.
    Help(&'a str, bool),
    /// Behind the colon.
    Meta(&'a str),
    Rhai(&'a str),
}

const ALIASES: [&str; 3] = ["e", "em", "etcdctl"];

/// `is_variable` tells whether a word is a variable of the script: then it is no alias.
pub(super) fn kind(text: &str, is_variable: impl Fn(&str) -> bool) -> Input<'_> {
    let text = text.trim();
    if text.is_empty() {
        return Input::Blank;
    }
    if let Some(rest) = text.strip_prefix(':') {
        return Input::Meta(rest.trim());
    }
    if let Some(name) = text.strip_suffix("??").filter(|name| is_name(name)) {
        return Input::Help(name.trim(), true);
    }
    if let Some(name) = text.strip_suffix('?').filter(|name| is_name(name)) {
        return Input::Help(name.trim(), false);
    }
    if is_etcd(text, is_variable) {
        Input::Etcd(text)
    } else {
        Input::Rhai(text)
    }
}

fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_:.".contains(letter))
}

pub(super) fn first_word(text: &str) -> &str {
    text.trim_start()
        .split(|letter: char| letter.is_whitespace() || letter == ';')
        .next()
        .unwrap_or_default()
}

/// An alias, and nothing after it that makes it an expression.
pub(super) fn is_etcd(text: &str, is_variable: impl Fn(&str) -> bool) -> bool {
    let text = text.trim_start();
    let word = first_word(text);
    if !ALIASES.contains(&word) || is_variable(word) {
        return false;
    }
    let rest = text[word.len()..].trim_start();
    !rest.starts_with("-=")
        && !rest.starts_with([
            '=', '.', '(', '[', '+', '*', '/', '%', '<', '>', '!', '?', '|', '&',
        ])
}

/// Does the text end in the middle of something? The parser says so by an error at its very end.
pub(super) fn is_open(interpreter: &Interpreter, text: &str) -> bool {
    let Err(error) = interpreter.engine().compile(text) else {
        return false;
    };
    let lines = text.trim_end().lines().count();
    let last = text
        .trim_end()
        .lines()
        .last()
        .unwrap_or_default()
        .chars()
        .count();
    let at_end = error.1.line().is_none_or(|line| {
        line > lines || (line == lines && error.1.position().unwrap_or(0) > last)
    });
    match *error.0 {
        ParseErrorType::UnexpectedEOF => true,
        ParseErrorType::MissingToken(..) => at_end,
        ParseErrorType::BadInput(LexError::UnterminatedString) => true,
        _ => false,
    }
}

/// All that was typed, so that a mistake in a function of an hour ago is shown in its own line.
#[derive(Default)]
pub(super) struct Typed {
    lines: usize,
    /// What came from a file: its first line here, its lines, its name.
    loaded: Vec<(usize, usize, String)>,
    text: String,
}

impl Typed {
    /// Add a text. What is to be parsed has the lines before it left empty.
    pub(super) fn add(&mut self, name: &str, text: &str, file: Option<&str>) -> (Script, Script) {
        let before = self.lines;
        let count = text.lines().count().max(1);
        if let Some(file) = file {
            self.loaded.push((before + 1, count, file.to_string()));
        }
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
        self.lines += count;
        let parsed = Script {
            folder: None,
            name: name.to_string(),
            text: format!("{}{text}", "\n".repeat(before)),
        };
        (
            parsed,
            Script {
                folder: None,
                name: name.to_string(),
                text: self.text.clone(),
            },
        )
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A place in what was typed, or in the file it came from.
    pub(super) fn translate(&self, place: &mut crate::error::Place) {
        if let Some((first, _, file)) = self
            .loaded
            .iter()
            .find(|(first, count, _)| (*first..first + count).contains(&place.line))
        {
            place.line = place.line + 1 - first;
            place.file.clone_from(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_says_what_a_line_is() {
        let is_e = |word: &str| word == "etcdctl";
        for (text, wanted) in [
            ("", Input::Blank),
            (":hosts", Input::Meta("hosts")),
            ("e get a; e get b", Input::Etcd("e get a; e get b")),
            ("em list", Input::Etcd("em list")),
            ("e", Input::Etcd("e")),
            ("e -w json get a", Input::Etcd("e -w json get a")),
            ("e = 1", Input::Rhai("e = 1")),
            ("e -= 1", Input::Rhai("e -= 1")),
            ("e(\"get a\")", Input::Rhai("e(\"get a\")")),
            ("e.put(1)", Input::Rhai("e.put(1)")),
            ("etcdctl get a", Input::Rhai("etcdctl get a")),
            ("every(1)", Input::Rhai("every(1)")),
            ("etcd::purge?", Input::Help("etcd::purge", false)),
            ("file??", Input::Help("file", true)),
            ("a ?? b", Input::Rhai("a ?? b")),
        ] {
            assert_eq!(kind(text, is_e), wanted, "{text}");
        }
    }
}
