//! Broken YAML in words: the typical mistakes are named, with the place where they were made.
//!
//! A YAML parser stumbles over a mistake late and says so in the words of the specification, so the
//! lines around that place are looked at again here.

use saphyr_parser::ScanError;

use super::node::{Node, Source};
use crate::error::Error;

struct Scene<'a> {
    info: &'a str,
    line: usize,
    lines: Vec<&'a str>,
    source: &'a Source,
}

type Guess = Option<Box<Error>>;

pub(super) fn explain(source: &Source, error: &ScanError) -> Box<Error> {
    let lines: Vec<&str> = source.text().lines().collect();
    let line = error.marker().line().clamp(1, lines.len().max(1));
    let scene = Scene {
        info: error.info(),
        line,
        lines,
        source,
    };
    scene
        .tab()
        .or_else(|| scene.quote(error.marker().line(), error.marker().col()))
        .or_else(|| scene.escape(error.marker().line()))
        .or_else(|| scene.template())
        .or_else(|| scene.alias())
        .or_else(|| scene.bracket(error.marker().line(), error.marker().col()))
        .or_else(|| scene.stray_bracket())
        .or_else(|| scene.no_space())
        .or_else(|| scene.trailing())
        .or_else(|| scene.colon_in_value())
        .or_else(|| scene.reserved(error.marker().col()))
        .or_else(|| scene.indent())
        .unwrap_or_else(|| {
            let column = error.marker().col() + 1;
            Error::config("this is not valid YAML")
                .at(source.spot(line, column).place())
                .because(scene.info)
        })
}

/// A mapping's key that is itself a list or a mapping: nearly always a template without quotes.
pub(super) fn bad_key(key: &Node, source: &Source) -> Box<Error> {
    let line = source
        .text()
        .lines()
        .nth(key.at.line.saturating_sub(1))
        .unwrap_or("");
    match line.find("{{") {
        Some(column) => unquoted_template(source, key.at.line, line, column),
        None => Error::config(format!("a key cannot be {}", key.kind())).at(key.at.place()),
    }
}

fn unquoted_template(source: &Source, number: usize, line: &str, column: usize) -> Box<Error> {
    let error = Error::config("a template needs quotes around it").at(source
        .spot(number, line[..column].chars().count() + 1)
        .place());
    let value = content(&line[column..]);
    // What stands behind it closes the mapping that it is in.
    let last = value.rfind("{{").unwrap_or(0);
    let end = value[last..]
        .find("}}")
        .map_or(value.len(), |end| last + end + 2);
    let closes = value[end..].chars().all(|letter| " }],".contains(letter));
    let end = if closes { end } else { value.len() };
    error.hint(format!(
        "{}\"{}\"{}",
        line[..column].trim_start(),
        value[..end].replace('"', "'"),
        &value[end..]
    ))
}

/// A line without its comment and the blanks around it.
fn content(line: &str) -> &str {
    line.split(" #").next().unwrap_or(line).trim()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The key of `key: value`, `- key: value` or `key:value`, and the byte where its colon is.
fn key_of(line: &str) -> Option<(&str, usize)> {
    let start = line.len() - line.trim_start_matches([' ', '-']).len();
    let colon = start + line[start..].find(':')?;
    let key = &line[start..colon];
    let is_word = !key.is_empty()
        && key
            .chars()
            .all(|letter| letter.is_alphanumeric() || "_-.".contains(letter));
    is_word.then_some((key, colon))
}

impl<'a> Scene<'a> {
    fn at(&self, line: usize, byte: usize) -> crate::error::Place {
        let text = self.lines.get(line - 1).copied().unwrap_or("");
        let column = text.get(..byte).unwrap_or(text).chars().count() + 1;
        self.source.spot(line, column).place()
    }

    /// The line of the error and the one before it that is not blank, numbered.
    fn near(&self) -> Vec<(usize, &'a str)> {
        let text = |line: usize| self.lines.get(line - 1).copied().unwrap_or("");
        let before = (1..self.line)
            .rev()
            .find(|line| !content(text(*line)).is_empty());
        before
            .into_iter()
            .chain([self.line])
            .map(|line| (line, text(line)))
            .collect()
    }

    fn tab(&self) -> Guess {
        let (line, byte) = self.near().into_iter().find_map(|(line, text)| {
            let byte = text.find('\t')?;
            text[..byte].trim().is_empty().then_some((line, byte))
        })?;
        Some(
            Error::config("a tab is used for indentation")
                .at(self.at(line, byte))
                .because("YAML is indented with spaces only")
                .hint(format!("expand -t 2 {}", self.source.name())),
        )
    }

    fn quote(&self, line: usize, column: usize) -> Guess {
        if !self.info.contains("quoted scalar")
            || self.info.contains("trailing")
            || self.info.contains("escape")
        {
            return None;
        }
        let (line, byte) = open_quote(&self.lines).unwrap_or((line.max(1), column));
        let quote = self
            .lines
            .get(line - 1)
            .and_then(|text| text.get(byte..))
            .and_then(|text| text.chars().next());
        let quote = quote.filter(|quote| "'\"".contains(*quote))?;
        Some(Error::config(format!("the quote `{quote}` is never closed")).at(self.at(line, byte)))
    }

    fn escape(&self, line: usize) -> Guess {
        if !self.info.contains("escape") {
            return None;
        }
        let text = self.lines.get(line.checked_sub(1)?)?;
        let byte = text
            .match_indices('\\')
            .map(|(byte, _)| byte)
            .find(|byte| {
                !text[byte + 1..].starts_with([
                    '0', 'a', 'b', 't', 'n', 'v', 'f', 'r', 'e', ' ', '"', '/', '\\', 'N', '_',
                    'L', 'P',
                ])
            })?;
        Some(
            Error::config("an unknown escape in double quotes")
                .at(self.at(line, byte))
                .hint("put the text in single quotes, in which `\\` is a letter like others"),
        )
    }

    fn template(&self) -> Guess {
        let (line, text, byte) = self.near().into_iter().find_map(|(line, text)| {
            let byte = text.find("{{")?;
            (text[..byte].ends_with(": ") || text[..byte].ends_with("- "))
                .then_some((line, text, byte))
        })?;
        Some(unquoted_template(self.source, line, text, byte))
    }

    fn alias(&self) -> Guess {
        if !self.info.contains("unknown anchor") && !self.info.contains("anchor or alias") {
            return None;
        }
        let text = self.lines.get(self.line - 1)?;
        let byte = text.find('*').or_else(|| text.find('&'))?;
        let word = text[byte..].split([' ', ',', ']', '}', ':']).next()?;
        Some(
            Error::config(format!("`{word}` refers to an anchor that is not there"))
                .at(self.at(self.line, byte))
                .hint(format!(
                    "quote it if the `{}` is meant: \"{word}\"",
                    &word[..1]
                )),
        )
    }

    fn bracket(&self, line: usize, column: usize) -> Guess {
        if !["flow", "eof", "bracket", "indicator"]
            .iter()
            .any(|word| self.info.contains(word))
        {
            return None;
        }
        let (open_line, byte, bracket) = open_brackets(&self.lines, line, column).0.pop()?;
        let close = if bracket == '[' { ']' } else { '}' };
        Some(
            Error::config(format!("the bracket `{bracket}` is never closed"))
                .at(self.at(open_line, byte))
                .because(format!(
                    "a `,` or a `{close}` was expected by line {line}, column {}",
                    column + 1
                )),
        )
    }

    fn stray_bracket(&self) -> Guess {
        let (line, byte, bracket) = open_brackets(&self.lines[..self.line], self.line + 1, 0).1?;
        Some(
            Error::config(format!("the bracket `{bracket}` closes nothing"))
                .at(self.at(line, byte)),
        )
    }

    fn no_space(&self) -> Guess {
        let (line, text, key, colon) = self.near().into_iter().find_map(|(line, text)| {
            let (key, colon) = key_of(text)?;
            let rest = content(&text[colon + 1..]);
            let glued = !rest.is_empty() && !text[colon + 1..].starts_with([' ', ':', '/']);
            (glued && !rest.contains(": ")).then_some((line, text, key, colon))
        })?;
        Some(
            Error::config(format!("no space after the colon of `{key}`"))
                .at(self.at(line, colon + 1))
                .hint(format!("{key}: {}", content(&text[colon + 1..]))),
        )
    }

    fn trailing(&self) -> Guess {
        self.near().into_iter().rev().find_map(|(line, text)| {
            let (key, colon) = key_of(text)?;
            let value = content(&text[colon + 1..]);
            let quote = value
                .chars()
                .next()
                .filter(|quote| "'\"".contains(*quote))?;
            let end = value[1..].find(quote)? + 1;
            let rest = value[end + 1..].trim();
            if rest.is_empty() || rest.starts_with([quote, ',', '}', ']']) {
                return None;
            }
            let byte = colon + 1 + text[colon + 1..].find(value)? + value.len() - rest.len();
            let other = if quote == '"' { '\'' } else { '"' };
            Some(
                Error::config("text after the closing quote")
                    .at(self.at(line, byte))
                    .hint(format!("{key}: {other}{value}{other}")),
            )
        })
    }

    fn colon_in_value(&self) -> Guess {
        let text = self.lines.get(self.line - 1)?;
        let (key, colon) = key_of(text)?;
        let value = content(&text[colon + 1..]);
        let byte = value
            .find(": ")
            .or_else(|| value.ends_with(':').then(|| value.len() - 1))?;
        if value.starts_with(['\'', '"', '{', '[']) {
            return None;
        }
        let start = colon + 1 + text[colon + 1..].find(value)?;
        Some(
            Error::config("a colon in a value without quotes")
                .at(self.at(self.line, start + byte))
                .hint(format!("{key}: \"{}\"", value.replace('"', "'"))),
        )
    }

    fn reserved(&self, column: usize) -> Guess {
        let text = self.lines.get(self.line - 1)?;
        let letter = text
            .chars()
            .nth(column)
            .filter(|letter| "@`%".contains(*letter))?;
        Some(
            Error::config(format!("a value cannot start with `{letter}`"))
                .at(self.source.spot(self.line, column + 1).place())
                .hint("put quotes around the value"),
        )
    }

    fn indent(&self) -> Guess {
        let text = self.lines.get(self.line - 1)?;
        let here = indent(text);
        let number = (1..self.line)
            .rev()
            .find(|line| !content(self.lines[line - 1]).is_empty())?;
        let before = self.lines[number - 1];
        if here == indent(before) || content(text).is_empty() {
            return None;
        }
        let error = Error::config("wrong indentation").at(self.at(self.line, here));
        if here > indent(before) && content(before).ends_with(':') {
            return None;
        }
        if here > indent(before) && !content(before).contains([':', ' ']) {
            let word = content(before);
            return Some(
                Error::config(format!("no colon after `{word}`"))
                    .at(self.at(number, before.trim_end().len()))
                    .hint(format!("{word}:")),
            );
        }
        if here > indent(before) {
            return Some(error.because(format!(
                "line {number} has a value already, so nothing can belong to it"
            )));
        }
        let known: Vec<String> = self.enclosing().iter().map(usize::to_string).collect();
        Some(error.because(format!(
            "{here} spaces fit no line above; the lines around it have {}",
            if known.is_empty() {
                "0".to_string()
            } else {
                known.join(", ")
            }
        )))
    }

    /// The indentations of the lines this one could belong to, outermost first.
    fn enclosing(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut limit = usize::MAX;
        for text in self.lines[..self.line - 1]
            .iter()
            .rev()
            .filter(|text| !content(text).is_empty())
        {
            if indent(text) < limit {
                limit = indent(text);
                found.push(limit);
            }
        }
        found.reverse();
        found
    }
}

/// The quote that is still open at the end of the text.
fn open_quote(lines: &[&str]) -> Option<(usize, usize)> {
    let mut open: Option<(usize, usize, char)> = None;
    for (index, line) in lines.iter().enumerate() {
        let mut before = ' ';
        let mut letters = line.char_indices().peekable();
        while let Some((byte, letter)) = letters.next() {
            match open {
                Some((_, _, '"')) if letter == '\\' => {
                    letters.next();
                }
                Some((_, _, quote)) if letter == quote => {
                    // Two single quotes inside single quotes stand for one.
                    if quote == '\'' && letters.peek().is_some_and(|(_, next)| *next == '\'') {
                        letters.next();
                    } else {
                        open = None;
                    }
                }
                Some(_) => {}
                None if letter == '#' && before == ' ' => break,
                None if "'\"".contains(letter) && " [{,:".contains(before) => {
                    open = Some((index + 1, byte, letter));
                }
                None => {}
            }
            before = letter;
        }
    }
    open.map(|(line, byte, _)| (line, byte))
}

type Bracket = (usize, usize, char);

/// The brackets still open where the parser gave up, and the first one that closes nothing.
fn open_brackets(lines: &[&str], line: usize, column: usize) -> (Vec<Bracket>, Option<Bracket>) {
    let mut open: Vec<Bracket> = Vec::new();
    let mut stray = None;
    for (index, text) in lines.iter().enumerate().take(line.max(1)) {
        let mut quote: Option<char> = None;
        let mut before = ' ';
        for (count, (byte, letter)) in text.char_indices().enumerate() {
            if index + 1 == line && count >= column {
                break;
            }
            match (quote, letter) {
                (Some(mark), _) if letter == mark => quote = None,
                (Some(_), _) => {}
                (None, '#') if before == ' ' => break,
                (None, '\'' | '"') if " [{,:".contains(before) => quote = Some(letter),
                (None, '[' | '{') if !open.is_empty() || " [{".contains(before) => {
                    open.push((index + 1, byte, letter));
                }
                (None, ']' | '}') => {
                    if open.pop().is_none() {
                        stray.get_or_insert((index + 1, byte, letter));
                    }
                }
                (None, _) => {}
            }
            before = letter;
        }
    }
    (open, stray)
}
