//! The text of a script as the engine reads it, and the way back to the places of the text as it was written.
//!
//! Owns what Rhai cannot be told otherwise: a line that names the interpreter, a byte order mark, and `??` after a
//! key that a map may not have, which is read as `map.key_or_nothing(key) ?? default`. Must not know what a script means.

use rhai::{AST, Engine, ParseError};

use super::place;
use crate::error::Place;

/// What is read instead of a key before a default.
pub(super) const SOFT: &str = "key_or_nothing";

/// Parse a script.
pub(super) fn compile(engine: &Engine, text: &str) -> Result<AST, ParseError> {
    engine.compile(read(text)).or_else(|error| {
        // Where a `??` was taken for another, the text itself may be right.
        engine.compile(bare(text)).map_err(|_| error)
    })
}

/// The text that is parsed. Lines stay lines.
fn read(text: &str) -> String {
    let text = bare(text);
    let mut read = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits(&text) {
        read.push_str(&text[done..edit.at]);
        read.push_str(&edit.new);
        done = edit.at + edit.old;
    }
    read + &text[done..]
}

/// The column in the text as written of one in the text that was parsed.
pub(super) fn column(text: &str, line: usize, column: usize) -> usize {
    let text = bare(text);
    let begin: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let length = text[begin..].find('\n').unwrap_or(text.len() - begin);
    let mut shift = 0;
    for edit in edits(&text) {
        if edit.at < begin || edit.at > begin + length {
            continue;
        }
        let at = text[begin..edit.at].chars().count() + 1;
        let old = text[edit.at..edit.at + edit.old].chars().count();
        let new = edit.new.chars().count();
        if column < at + shift {
            break;
        }
        if column < at + shift + new {
            return at;
        }
        shift += new - old;
    }
    column - shift
}

/// The bracket that is opened and never closed, judged by the indentation where several may be meant.
pub(super) fn unclosed(file: &str, text: &str) -> Option<(char, Place)> {
    let bare = bare(text);
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut suspect = None;
    for (at, letter) in code(&bare) {
        match letter {
            '(' | '[' | '{' => open.push((letter, at)),
            ')' | ']' | '}' => {
                let (opener, from) = open.pop()?;
                let leads = bare[line_start(&bare, at)..at].trim().is_empty();
                let deeper = indentation(&bare, from) > indentation(&bare, at);
                if suspect.is_none() && leads && deeper {
                    suspect = Some((opener, from));
                }
                if closer(opener) != letter {
                    return Some(located(
                        file,
                        text,
                        &bare,
                        suspect.unwrap_or((opener, from)),
                    ));
                }
            }
            _ => {}
        }
    }
    let last = open.pop()?;
    Some(located(file, text, &bare, suspect.unwrap_or(last)))
}

fn located(file: &str, text: &str, bare: &str, open: (char, usize)) -> (char, Place) {
    let before = &bare[..open.1];
    let line = before.matches('\n').count() + 1;
    let column = before[line_start(bare, open.1)..].chars().count() + 1;
    let mut at = place(file, rhai::Position::NONE, text);
    at.line = line;
    at.column = column;
    at.text = text.lines().nth(line - 1).unwrap_or_default().to_string();
    (open.0, at)
}

fn closer(opener: char) -> char {
    match opener {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

fn indentation(text: &str, at: usize) -> usize {
    let line = &text[line_start(text, at)..];
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Without a byte order mark; a line that names the interpreter is a comment, three slashes would begin a manual.
fn bare(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.strip_prefix("#!/")
        .map_or_else(|| text.to_string(), |rest| format!("// {rest}"))
}

/// A piece of the text that is read otherwise.
struct Edit {
    at: usize,
    new: String,
    old: usize,
}

/// What stands before a `??`: `.key` is read as a call with `"key"`, `[key]` as one with `key`.
fn edits(text: &str) -> Vec<Edit> {
    if !text.contains("??") {
        return Vec::new();
    }
    let code: Vec<(usize, char)> = code(text).collect();
    let mut edits = Vec::new();
    for (place, pair) in code.windows(2).enumerate() {
        let doubled = pair[0].1 == '?' && pair[1].1 == '?' && pair[1].0 == pair[0].0 + 1;
        if doubled && code.get(place + 2).is_none_or(|next| next.1 != '=') {
            edits.extend(before(text, &code[..place]));
        }
    }
    edits.sort_by_key(|edit| edit.at);
    edits
}

fn before(text: &str, code: &[(usize, char)]) -> Vec<Edit> {
    let is_blank = |place: &(usize, char)| place.1.is_whitespace();
    let Some(end) = code.iter().rposition(|place| !is_blank(place)) else {
        return Vec::new();
    };
    let last = code[end];
    if last.1 == ']' {
        return index(&code[..=end]);
    }
    if !is_name(last.1) {
        return Vec::new();
    }
    // Letters that touch each other.
    let mut begin = end;
    while begin > 0 && is_name(code[begin - 1].1) && code[begin - 1].0 + 1 >= code[begin].0 {
        begin -= 1;
    }
    let dot = code[..begin].iter().rposition(|place| !is_blank(place));
    // Two dots make a range.
    let is_dot = dot.is_some_and(|dot| {
        code[dot].1 == '.'
            && dot
                .checked_sub(1)
                .is_none_or(|before| code[before].1 != '.')
    });
    if !is_dot || code[begin].1.is_ascii_digit() {
        return Vec::new();
    }
    let (at, old) = (code[begin].0, last.0 + last.1.len_utf8() - code[begin].0);
    vec![Edit {
        at,
        new: format!("{SOFT}(\"{}\")", &text[at..at + old]),
        old,
    }]
}

fn index(code: &[(usize, char)]) -> Vec<Edit> {
    let mut depth = 0;
    let open = code.iter().rposition(|(_, letter)| {
        depth += i32::from(")]}".contains(*letter)) - i32::from("([{".contains(*letter));
        depth == 0
    });
    let Some(open) = open else {
        return Vec::new();
    };
    // Behind a value it is an index, elsewhere a list.
    let before = code[..open].iter().rev().map(|(_, letter)| *letter);
    let mut before = before.filter(|letter| !letter.is_whitespace());
    let value = match before.next() {
        Some('?') => before.next(),
        letter => letter,
    }
    .is_some_and(|letter| is_name(letter) || ")]".contains(letter));
    if !value {
        return Vec::new();
    }
    let edit = |at: usize, new: &str| Edit {
        at,
        new: new.to_string(),
        old: 1,
    };
    let close = code[code.len() - 1].0;
    vec![edit(code[open].0, &format!(".{SOFT}(")), edit(close, ")")]
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The letters of a text that are code, with their places: no comments, no texts, but what is code within a text.
fn code(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut letters = text.char_indices().peekable();
    let mut inside = Vec::new();
    std::iter::from_fn(move || {
        loop {
            let (at, letter) = letters.next()?;
            let next = letters.peek().map(|(_, letter)| *letter);
            match (inside.last().copied(), letter, next) {
                (Some(Within::Template), '`', Some('`')) | (Some(Within::Text), '\\', _) => {
                    letters.next();
                }
                (Some(Within::Template), '`', _) | (Some(Within::Text), '"', _) => {
                    inside.pop();
                }
                (Some(Within::Template), '$', Some('{')) => {
                    letters.next();
                    inside.push(Within::Code);
                }
                (Some(Within::Template | Within::Text), ..) => {}
                (_, '`', _) => inside.push(Within::Template),
                (_, '"', _) => inside.push(Within::Text),
                (_, '#', Some('"' | '#')) if raw_end(&text[at..]).is_some() => {
                    let end = raw_end(&text[at..]).map_or(at, |length| at + length);
                    while letters.peek().is_some_and(|(now, _)| *now < end) {
                        letters.next();
                    }
                }
                (_, '\'', _) => {
                    // A letter, or what somebody took for a text.
                    let rest = &text[at + 1..];
                    let skipped = if rest.starts_with("\\'") { 2 } else { 0 };
                    let end = rest[skipped..].find('\'').map(|end| end + skipped);
                    let end = end.filter(|end| !rest[..*end].contains('\n'));
                    while end.is_some_and(|end| {
                        letters.peek().is_some_and(|(now, _)| *now <= at + 1 + end)
                    }) {
                        letters.next();
                    }
                }
                (_, '/', Some('/')) => {
                    while letters.next_if(|(_, letter)| *letter != '\n').is_some() {}
                }
                (_, '/', Some('*')) => {
                    // Comments may hold comments.
                    let (mut depth, mut last) = (0, '/');
                    for (_, letter) in letters.by_ref() {
                        match (last, letter) {
                            ('/', '*') => depth += 1,
                            ('*', '/') => depth -= 1,
                            _ => {
                                last = letter;
                                continue;
                            }
                        }
                        last = ' ';
                        if depth == 0 {
                            break;
                        }
                    }
                }
                (Some(Within::Code | Within::Braces), '{', _) => {
                    inside.push(Within::Braces);
                    return Some((at, letter));
                }
                (Some(Within::Braces), '}', _) => {
                    inside.pop();
                    return Some((at, letter));
                }
                (Some(Within::Code), '}', _) => drop(inside.pop()),
                _ => return Some((at, letter)),
            }
        }
    })
}

/// The length of a raw text such as `#"..."#` that stands at the beginning.
fn raw_end(text: &str) -> Option<usize> {
    let marks = text.len() - text.trim_start_matches('#').len();
    let inside = text[marks..].strip_prefix('"')?;
    let closer = format!("\"{}", "#".repeat(marks));
    let end = inside.find(&closer)?;
    Some(marks + 1 + end + closer.len())
}

/// Where the scan of a text is, when not in plain code.
#[derive(Clone, Copy)]
enum Within {
    /// Braces of code inside `${...}`.
    Braces,
    /// `${...}` of a template.
    Code,
    Template,
    Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_before_a_default_may_be_missing() {
        for (written, wanted) in [
            ("m.a ?? 1", "m.key_or_nothing(\"a\") ?? 1"),
            ("m[\"a\"] ?? 1", "m.key_or_nothing(\"a\") ?? 1"),
            ("m.a.b[k + 1] ?? 1", "m.a.b.key_or_nothing(k + 1) ?? 1"),
            ("f(x) ?? 1", "f(x) ?? 1"),
            ("x ?? 1", "x ?? 1"),
            ("[1, 2] ?? 1", "[1, 2] ?? 1"),
            ("\"m.a ?? 1\" // m.a ?? 1", "\"m.a ?? 1\" // m.a ?? 1"),
            (
                "`${m.a ?? 1} m.a ?? 1`",
                "`${m.key_or_nothing(\"a\") ?? 1} m.a ?? 1`",
            ),
            (
                "m.a ?? m.b ?? 1",
                "m.key_or_nothing(\"a\") ?? m.key_or_nothing(\"b\") ?? 1",
            ),
            (
                "#!/usr/bin/env etcdsh\nm.a ?? 1",
                "// usr/bin/env etcdsh\nm.key_or_nothing(\"a\") ?? 1",
            ),
            ("\u{feff}x", "x"),
            ("0..n ?? 5", "0..n ?? 5"),
            ("m?[\"a\"] ?? 1", "m?.key_or_nothing(\"a\") ?? 1"),
            (
                "let q = '\\''; \"it's m.x ?? 1\"",
                "let q = '\\''; \"it's m.x ?? 1\"",
            ),
            ("#\"say \" m.x ?? 1\"#", "#\"say \" m.x ?? 1\"#"),
            ("/* a /* b */ m.x ?? 1 */ x", "/* a /* b */ m.x ?? 1 */ x"),
        ] {
            assert_eq!(read(written), wanted, "{written}");
        }
    }

    #[test]
    fn places_are_those_of_the_text_as_written() {
        let text = "let x = m.key ?? 1; bad";
        let parsed = read(text);
        let at = parsed.find("bad").expect("it is there") + 1;
        assert_eq!(
            column(text, 1, at),
            text.find("bad").expect("it is there") + 1
        );
        assert_eq!(column(text, 1, 5), 5);
        assert_eq!(column(text, 1, 13), 11);
        assert_eq!(column("a\nb ?? c", 2, 3), 3);
    }

    #[test]
    fn an_open_bracket_is_found_by_its_indentation() {
        for (text, line) in [
            (
                "f(|h| {\n    if a {\n        b();\n\n    c();\n});\n",
                Some(2),
            ),
            ("f(|h| {\n    b();\n", Some(1)),
            ("f(\n  g(1;\n", Some(2)),
            ("f(|h| {\n    b(`${x}`);\n});\n", None),
        ] {
            let found = unclosed("t", text).map(|(_, at)| at.line);
            assert_eq!(found, line, "{text}");
        }
    }
}
