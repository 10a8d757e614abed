//! The filters `to_yaml` and `to_nice_yaml`, letter for letter as Python's `yaml` writes.
//!
//! Where it breaks a line or quotes a text depends on the column reached, so the writer counts them as Python's `yaml` does.

use minijinja::value::Kwargs;
use minijinja::{Environment, Value as Jinja};

use super::super::scalar::{self, Plain};
use super::super::value::{Value, float_text};
use super::convert::from_jinja;
use super::filter::Result;

/// Longer lines are broken at a blank.
const WIDTH: usize = 80;

pub(super) fn add_all(env: &mut Environment<'static>) {
    env.add_filter("to_yaml", |value: &Jinja, options: Kwargs| {
        written(value, 2, Flow::Innermost, &options)
    });
    env.add_filter(
        "to_nice_yaml",
        |value: &Jinja, indent: Option<usize>, options: Kwargs| {
            written(value, indent.unwrap_or(4), Flow::Never, &options)
        },
    );
}

/// Which collections are written in brackets.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Always,
    /// Those that hold no others.
    Innermost,
    Never,
}

fn written(value: &Jinja, indent: usize, flow: Flow, options: &Kwargs) -> Result<String> {
    let indent = options.get::<Option<usize>>("indent")?.unwrap_or(indent);
    let flow = match options.get::<Option<bool>>("default_flow_style")? {
        None => flow,
        Some(true) => Flow::Always,
        Some(false) => Flow::Never,
    };
    let width = options.get::<Option<usize>>("width")?.unwrap_or(WIDTH);
    let sorted = options.get::<Option<bool>>("sort_keys")?.unwrap_or(true);
    options.assert_all_used()?;
    let mut writer = Writer {
        best: if (2..10).contains(&indent) { indent } else { 2 },
        column: 0,
        flow,
        indention: true,
        out: String::new(),
        sorted,
        whitespace: true,
        width,
    };
    writer.document(&from_jinja(value)?);
    Ok(writer.out)
}

struct Writer {
    best: usize,
    column: usize,
    flow: Flow,
    /// Only blanks and indicators stand in the line so far.
    indention: bool,
    out: String,
    sorted: bool,
    /// The last letter was a blank.
    whitespace: bool,
    width: usize,
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    InBrackets,
    Item,
    Key,
    Value,
}

impl Writer {
    fn document(&mut self, value: &Value) {
        match value {
            Value::List(_) | Value::Map(_) => self.node(value, None, Place::Item),
            scalar => self.scalar(scalar, self.best, Place::Item),
        }
        self.out.push('\n');
    }

    fn node(&mut self, value: &Value, indent: Option<usize>, place: Place) {
        let deeper = indent.map_or(self.best, |indent| indent + self.best);
        let brackets = place == Place::InBrackets || self.in_brackets(value);
        match value {
            Value::List(items) if brackets => {
                self.brackets(('[', ']'), items.iter().map(|item| (None, item)), deeper);
            }
            Value::Map(_) if brackets => {
                let pairs = self.pairs(value).into_iter();
                self.brackets(
                    ('{', '}'),
                    pairs.map(|(key, item)| (Some(key), item)),
                    deeper,
                );
            }
            Value::List(items) => {
                // A list that is the value of a key is not moved to the right.
                let inner = match (indent, place) {
                    (None, _) => 0,
                    (Some(indent), Place::Value) => indent,
                    _ => deeper,
                };
                for item in items {
                    self.line(inner);
                    self.indicator("-", true, true);
                    self.node(item, Some(inner), Place::Item);
                }
            }
            Value::Map(_) => {
                let inner = indent.map_or(0, |_| deeper);
                for (key, item) in self.pairs(value) {
                    self.line(inner);
                    self.key(key, inner);
                    self.indicator(":", false, false);
                    self.node(item, Some(inner), Place::Value);
                }
            }
            scalar => self.scalar(scalar, deeper, place),
        }
    }

    fn in_brackets(&self, value: &Value) -> bool {
        let holds_others = |value: &Value| matches!(value, Value::List(_) | Value::Map(_));
        let (empty, flat) = match value {
            Value::List(items) => (items.is_empty(), !items.iter().any(holds_others)),
            Value::Map(map) => (map.is_empty(), !map.values().any(holds_others)),
            _ => (false, false),
        };
        empty || self.flow == Flow::Always || self.flow == Flow::Innermost && flat
    }

    fn pairs<'a>(&self, value: &'a Value) -> Vec<(&'a str, &'a Value)> {
        let Value::Map(map) = value else {
            return Vec::new();
        };
        let mut pairs: Vec<_> = map.iter().map(|(key, item)| (key.as_str(), item)).collect();
        if self.sorted {
            pairs.sort_by_key(|(key, _)| *key);
        }
        pairs
    }

    fn brackets<'a>(
        &mut self,
        (open, close): (char, char),
        items: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
        indent: usize,
    ) {
        self.indicator_of(open, true);
        for (index, (key, item)) in items.enumerate() {
            if index > 0 {
                self.indicator(",", false, false);
            }
            if self.column > self.width {
                self.line(indent);
            }
            if let Some(key) = key {
                self.key_in(key, indent, true);
                self.indicator(":", false, false);
            }
            self.node(item, Some(indent), Place::InBrackets);
        }
        self.indicator(&close.to_string(), false, false);
    }

    fn indicator_of(&mut self, open: char, blank: bool) {
        self.indicator(&open.to_string(), blank, false);
        self.whitespace = true;
    }

    fn key(&mut self, key: &str, indent: usize) {
        self.key_in(key, indent, false);
    }

    fn key_in(&mut self, key: &str, indent: usize, brackets: bool) {
        // A key that reads as a number is taken for one, as everywhere here.
        let number = matches!(scalar::resolve(key), Ok(Plain::Value(value)) if value.as_str().is_none() && value != Value::Null);
        if number {
            self.plain(key, indent, false);
        } else {
            self.text(key, indent, Place::Key, brackets);
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize, place: Place) {
        let text = match value {
            Value::Secret(secret) => {
                return self.text(secret.reveal(), indent, place, place == Place::InBrackets);
            }
            Value::Str(text) | Value::Unsafe(text) | Value::Vault(text) => {
                return self.text(text, indent, place, place == Place::InBrackets);
            }
            Value::Bool(value) => value.to_string(),
            Value::Float(number) => float(*number),
            Value::Null => "null".to_string(),
            other => other.to_text(),
        };
        self.plain(&text, indent, true);
    }

    fn text(&mut self, text: &str, indent: usize, place: Place, brackets: bool) {
        let split = place != Place::Key;
        let shape = Shape::of(text);
        let is_text = matches!(scalar::resolve(text), Ok(Plain::Value(value)) if value.as_str().is_some())
            && !is_date(text);
        let plain = if brackets {
            shape.plain_in_brackets
        } else {
            shape.plain
        };
        let multiline_key = place == Place::Key && text.contains('\n');
        if is_text && plain && !multiline_key {
            self.plain(text, indent, split);
        } else if shape.single_quotes && !multiline_key {
            self.single(text, indent, split);
        } else {
            self.double(text, indent, split);
        }
    }

    fn indicator(&mut self, text: &str, blank: bool, indention: bool) {
        if blank && !self.whitespace {
            self.put(" ");
        }
        self.put(text);
        self.whitespace = false;
        self.indention = self.indention && indention;
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn newline(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.whitespace = true;
        self.indention = true;
    }

    /// Go to a column, in a new line unless this one has not got there.
    fn line(&mut self, indent: usize) {
        let here = self.column == indent && !self.whitespace;
        if !self.indention || self.column > indent || here {
            self.newline();
        }
        if self.column < indent {
            let blanks = " ".repeat(indent - self.column);
            self.put(&blanks);
            self.whitespace = true;
        }
    }

    fn plain(&mut self, text: &str, indent: usize, split: bool) {
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.put(" ");
        }
        self.whitespace = false;
        self.indention = false;
        self.words(text, indent, split);
        self.whitespace = false;
        self.indention = false;
    }

    fn single(&mut self, text: &str, indent: usize, split: bool) {
        self.indicator("'", true, false);
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            self.words(&line.replace('\'', "''"), indent, split);
            if lines.peek().is_none() {
                break;
            }
            // A single break inside of quotes is read as a blank, so that n of them are written as n + 1.
            self.newline();
            while lines.next_if(|next| next.is_empty()).is_some() && lines.peek().is_some() {
                self.newline();
            }
            self.newline();
            self.line(indent);
        }
        self.whitespace = false;
        self.indention = false;
        self.indicator("'", false, false);
    }

    /// Words with single blanks between them, broken where the line is too long.
    fn words(&mut self, text: &str, indent: usize, split: bool) {
        let mut rest = text;
        let mut first = true;
        while !rest.is_empty() {
            let blanks = rest.len() - rest.trim_start_matches(' ').len();
            if blanks == 1 && split && self.column > self.width && !first && rest.len() > 1 {
                self.line(indent);
                self.whitespace = false;
                self.indention = false;
            } else {
                self.put(&rest[..blanks]);
            }
            let after = &rest[blanks..];
            let word = after.find(' ').unwrap_or(after.len());
            self.put(&after[..word]);
            rest = &after[word..];
            first = false;
        }
    }

    fn double(&mut self, text: &str, indent: usize, split: bool) {
        self.indicator("\"", true, false);
        let letters: Vec<char> = text.chars().collect();
        for (at, letter) in letters.iter().enumerate() {
            let inside = at > 0 && at + 1 < letters.len();
            if split && inside && *letter == ' ' && self.column > self.width {
                self.put("\\");
                self.newline();
                self.line(indent);
                if letters.get(at + 1) == Some(&' ') {
                    self.put("\\");
                }
                if letters[at + 1] != ' ' {
                    continue;
                }
            }
            let escaped = escape(*letter);
            self.put(&escaped);
        }
        self.indicator("\"", false, false);
    }
}

fn escape(letter: char) -> String {
    let code = u32::from(letter);
    match letter {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\0' => "\\0".into(),
        '\u{7}' => "\\a".into(),
        '\u{8}' => "\\b".into(),
        '\t' => "\\t".into(),
        '\n' => "\\n".into(),
        '\u{b}' => "\\v".into(),
        '\u{c}' => "\\f".into(),
        '\r' => "\\r".into(),
        '\u{1b}' => "\\e".into(),
        '\u{85}' => "\\N".into(),
        '\u{a0}' => "\\_".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        ' '..='~' => letter.to_string(),
        _ if is_printable(letter) => letter.to_string(),
        _ if code < 0x100 => format!("\\x{code:02X}"),
        _ if code < 0x1_0000 => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    }
}

fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a1}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{1_0000}'..)
        && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let text = float_text(number);
    match text.split_once('e') {
        Some((digits, power)) if !digits.contains('.') => format!("{digits}.0e{power}"),
        _ => text,
    }
}

/// Dates are text here, and a type of its own for Python's `yaml`.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, least: usize, most: usize| {
        part.is_some_and(|part| {
            (least..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let (year, month, rest) = (parts.next(), parts.next(), parts.next());
    let day = rest.map(|rest| rest.split(['T', 't', ' ', '\t']).next().unwrap_or(rest));
    digits(year, 4, 4) && digits(month, 1, 2) && digits(day, 1, 2)
}

/// How a text may be written.
struct Shape {
    plain: bool,
    plain_in_brackets: bool,
    single_quotes: bool,
}

impl Shape {
    fn of(text: &str) -> Shape {
        let blank = |letter: Option<&char>| {
            letter.is_none_or(|letter| " \t\r\n\u{85}\u{2028}\u{2029}\0".contains(*letter))
        };
        let letters: Vec<char> = text.chars().collect();
        let document = text.starts_with("---") || text.starts_with("...");
        let (mut plain, mut in_brackets) = (!document, !document && !text.is_empty());
        for (at, letter) in letters.iter().enumerate() {
            let (before, after) = (
                at.checked_sub(1).and_then(|at| letters.get(at)),
                letters.get(at + 1),
            );
            let (brackets, block) = match letter {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
                | '%' | '@' | '`'
                    if at == 0 =>
                {
                    (true, true)
                }
                '?' | ':' if at == 0 => (true, blank(after)),
                '-' if at == 0 && blank(after) => (true, true),
                ',' | '?' | '[' | ']' | '{' | '}' if at > 0 => (true, false),
                ':' if at > 0 => (true, blank(after)),
                '#' if at > 0 && blank(before) => (true, true),
                _ => (false, false),
            };
            in_brackets &= !brackets;
            plain &= !block;
        }
        let edges = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        let special = !text.chars().all(is_printable);
        let lines = text.contains('\n');
        let stop = edges || special || lines || text.contains("\n ") || text.contains(" \n");
        Shape {
            plain: plain && !stop && !text.is_empty(),
            plain_in_brackets: in_brackets && !stop,
            single_quotes: !special && !text.contains("\n ") && !text.contains(" \n"),
        }
    }
}
