//! Colours of a line while it is typed: tokens of the real lexer, and mistakes of the real check in red.

use rhai::{Position, Token};

use super::console::Console;
use super::input::Input;
use super::{etcd, meta};
use crate::etcdctl;
use crate::script::{CONSOLE, Script};

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const BLUE: &str = "34";
const CYAN: &str = "36";
const BOLD: &str = "1";
const DIM: &str = "2";

/// A part of the line and its colour.
type Span = (usize, usize, &'static str);

/// `line` in colours, which goes on where the lines of `begun` end.
pub(super) fn coloured(console: &Console, begun: &str, line: &str) -> String {
    let whole = format!("{begun}{line}");
    let mut spans: Vec<Span> = Vec::new();
    let mut start = 0;
    while start < whole.len() {
        let end = start + console.first_statement(&whole[start..]);
        let found = of_statement(console, &whole[start..end]);
        spans.extend(
            (found.into_iter()).map(|(from, to, colour)| (start + from, start + to, colour)),
        );
        start = end;
    }
    spans.sort_unstable();
    let (mut text, mut at) = (String::new(), begun.len());
    for (start, end, colour) in spans {
        if start < at
            || end <= start
            || !whole.is_char_boundary(start)
            || !whole.is_char_boundary(end)
        {
            continue;
        }
        text.push_str(&whole[at..start]);
        text.push_str(&format!("\x1b[{colour}m{}\x1b[0m", &whole[start..end]));
        at = end;
    }
    text.push_str(&whole[at..]);
    text
}

fn of_statement(console: &Console, text: &str) -> Vec<Span> {
    match console.input_kind(text) {
        Input::Meta(_) if text.trim_start().starts_with(':') => of_meta(text),
        Input::Blank | Input::Help(..) | Input::Meta(_) | Input::Script(_) => Vec::new(),
        Input::Etcd(_) => of_etcd(console, text),
        Input::Rhai(_) => of_script(console, text),
    }
}

fn of_meta(line: &str) -> Vec<Span> {
    let start = line.find(':').unwrap_or(0);
    let rest = &line[start + 1..];
    let end = if rest.starts_with('!') {
        start + 2
    } else {
        start + 1 + rest.find(char::is_whitespace).unwrap_or(rest.len())
    };
    let known = meta::find(meta::split(rest).0).is_ok()
        || meta::ALL
            .iter()
            .any(|meta| meta.name.starts_with(&line[start + 1..end]));
    vec![(start, end, if known { BOLD } else { RED })]
}

fn of_etcd(console: &Console, line: &str) -> Vec<Span> {
    let style = etcd::style(console);
    let mut spans = Vec::new();
    let mut begin = 0;
    for part in line.split_inclusive(';') {
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut at = begin;
        for word in part
            .trim_end_matches(';')
            .split_inclusive(char::is_whitespace)
        {
            let (start, bare) = (at, word.trim_end());
            at += word.len();
            if bare.is_empty() {
                continue;
            }
            let alias = words.is_empty() && ["e", "em", "etcdctl"].contains(&bare);
            let colour = if alias {
                if bare == "em" {
                    words.push(b"member".to_vec());
                }
                Some(BOLD)
            } else if bare.starts_with('-') {
                Some(CYAN)
            } else if bare.starts_with(['"', '\'']) {
                Some(GREEN)
            } else {
                words.push(bare.as_bytes().to_vec());
                let named = etcdctl::is_command(&words[..1], &style);
                match (words.len(), named) {
                    (1, true) => Some(BLUE),
                    (1, false) => Some(RED),
                    _ => None,
                }
            };
            if let Some(colour) = colour {
                spans.push((start, start + bare.len(), colour));
            }
        }
        begin += part.len();
    }
    spans
}

/// One brace more, or less, in each text that is open.
fn inside(depths: &mut [i32], braces: i32) {
    for depth in depths {
        *depth += braces;
    }
}

/// The byte at a position of the lexer, which counts letters from 1.
fn byte_at(line: &str, position: Position) -> Option<usize> {
    let (row, column) = (position.line()?, position.position().unwrap_or(1).max(1));
    let start: usize = line.split_inclusive('\n').take(row - 1).map(str::len).sum();
    let rest = line.get(start..)?;
    Some(
        start
            + rest
                .char_indices()
                .nth(column - 1)
                .map_or(rest.len(), |(at, _)| at),
    )
}

fn of_script(console: &Console, line: &str) -> Vec<Span> {
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    let source = [line];
    let (stream, control) = console.interpreter.engine().lex(&source);
    let mut depths: Vec<i32> = Vec::new();
    for (token, position) in stream {
        // What stands after `${...}` is text again: the lexer has to be told, as the parser does.
        match &token {
            Token::InterpolatedString(_) => depths.push(0),
            Token::LeftBrace | Token::MapStart => inside(&mut depths, 1),
            Token::RightBrace => {
                inside(&mut depths, -1);
                if depths.last() == Some(&0) {
                    depths.pop();
                    control.borrow_mut().is_within_text = true;
                }
            }
            Token::EOF => break,
            _ => {}
        }
        if let Some(at) = byte_at(line, position) {
            tokens.push((at, token));
        }
    }
    let wrong = mistakes(console, line);
    let mut spans = Vec::new();
    for (place, (start, token)) in tokens.iter().enumerate() {
        let next = tokens.get(place + 1).map_or(line.len(), |(at, _)| *at);
        let gap = line.get(*start..next).unwrap_or_default();
        let name_end = start
            + gap
                .chars()
                .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                .map(char::len_utf8)
                .sum::<usize>();
        let is_call = matches!(tokens.get(place + 1), Some((_, Token::LeftParen)));
        if wrong
            .iter()
            .any(|at| (*start..name_end.max(start + 1)).contains(at))
        {
            spans.push((*start, name_end.max(start + 1).min(line.len()), RED));
            continue;
        }
        let end = match token {
            Token::StringConstant(_) | Token::InterpolatedString(_) | Token::CharConstant(_) => {
                Some((start + gap.trim_end().len(), GREEN))
            }
            Token::IntegerConstant(_) | Token::FloatConstant(_) => {
                Some((start + gap.trim_end().len(), CYAN))
            }
            Token::Identifier(name) if is_call && console.is_step(name) => Some((name_end, YELLOW)),
            token if token.is_standard_keyword() => Some((name_end, BLUE)),
            _ => None,
        };
        if let Some((end, colour)) = end {
            spans.push((*start, comment(line, *start, end).unwrap_or(end), colour));
        }
        if let Some(at) = comment(line, name_end, next).filter(|_| {
            !matches!(
                token,
                Token::StringConstant(_) | Token::InterpolatedString(_)
            )
        }) {
            spans.push((at, line[at..next].trim_end().len() + at, DIM));
        }
    }
    spans
}

/// Where a comment begins between two tokens.
fn comment(line: &str, from: usize, to: usize) -> Option<usize> {
    let part = line.get(from..to)?;
    if line[..from].ends_with(['"', '`']) {
        return None;
    }
    part.find("//")
        .or_else(|| part.find("/*"))
        .filter(|at| !part[..*at].contains(['"', '`', '\'']))
        .map(|at| from + at)
}

/// Where the check finds fault, as bytes.
fn mistakes(console: &Console, line: &str) -> Vec<usize> {
    let script = Script {
        folder: None,
        name: CONSOLE.into(),
        text: line.to_string(),
    };
    let Ok(ast) = console.interpreter.compile_line(&script) else {
        return Vec::new();
    };
    let globals: Vec<String> = console
        .scope
        .iter_raw()
        .map(|(name, ..)| name.to_string())
        .collect();
    let globals: Vec<&str> = globals.iter().map(String::as_str).collect();
    let problems = console
        .interpreter
        .problems_of_line(&ast, &console.session, &script, &globals);
    let places = problems.into_iter().filter_map(|problem| problem.error.at);
    let position = |at: crate::error::Place| {
        Position::new(
            u16::try_from(at.line).unwrap_or(1).max(1),
            u16::try_from(at.column).unwrap_or(0),
        )
    };
    places
        .filter_map(|at| byte_at(line, position(at)))
        .collect()
}
