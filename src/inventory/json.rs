//! JSON as Python reads and writes it: integers of any size, `NaN`, keys sorted, four spaces.

use super::node::{Node, Shape, Source, Spot};
use super::value::{Value, float_text};

/// The deepest nesting accepted in a document.
const DEPTH: usize = 200;

pub(super) fn print(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::List(items) => write_items(out, depth, ('[', ']'), items, |out, item| {
            write(out, item, depth + 1);
        }),
        Value::Map(map) => {
            let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
            pairs.sort_by_key(|(key, _)| *key);
            write_items(out, depth, ('{', '}'), &pairs, |out, (key, item)| {
                write_text(out, key, false);
                out.push_str(": ");
                write(out, item, depth + 1);
            });
        }
        Value::Secret(secret) => write_text(out, &secret.to_string(), false),
        Value::Str(text) => write_text(out, text, false),
        Value::Unsafe(text) => write_tagged(out, "__ansible_unsafe", text, depth),
        Value::Vault(text) => write_tagged(out, "__ansible_vault", text, depth),
        other => out.push_str(&scalar(other).unwrap_or_default()),
    }
}

fn write_tagged(out: &mut String, key: &str, text: &str, depth: usize) {
    write_items(
        out,
        depth,
        ('{', '}'),
        &[(key, text)],
        |out, (key, text)| {
            write_text(out, key, false);
            out.push_str(": ");
            write_text(out, text, false);
        },
    );
}

fn write_items<T>(
    out: &mut String,
    depth: usize,
    (open, close): (char, char),
    items: &[T],
    each: impl Fn(&mut String, &T),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&"    ".repeat(depth + 1));
        each(out, item);
    }
    if !items.is_empty() {
        out.push('\n');
        out.push_str(&"    ".repeat(depth));
    }
    out.push(close);
}

/// A number, `true`, `false` or `null` as Python writes it; `None` for what is none of them.
pub(super) fn scalar(value: &Value) -> Option<String> {
    Some(match value {
        Value::Big(digits) => digits.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Float(number) if number.is_nan() => "NaN".into(),
        Value::Float(number) if number.is_infinite() => if *number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into(),
        Value::Float(number) => float_text(*number),
        Value::Int(number) => number.to_string(),
        Value::Null => "null".into(),
        _ => return None,
    })
}

/// A text in quotes; with `ascii` all other letters as `\u` and four digits.
pub(super) fn write_text(out: &mut String, text: &str, ascii: bool) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            letter if u32::from(letter) < 0x20 || ascii && u32::from(letter) > 0x7e => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// Why a text is not JSON, and where.
pub(super) struct Broken {
    pub(super) at: Spot,
    pub(super) why: &'static str,
}

/// Read a whole document. A text that is not JSON is often YAML, so this is not yet an error.
pub(super) fn parse(source: &Source) -> Result<Node, Broken> {
    let mut reader = Reader {
        letters: source.text().chars().collect(),
        next: 0,
        line: 1,
        column: 1,
        source,
    };
    reader.skip_blank();
    let node = reader.value(0)?;
    reader.skip_blank();
    if reader.peek().is_some() {
        return Err(reader.broken("text after the end of the JSON document"));
    }
    Ok(node)
}

struct Reader<'a> {
    column: usize,
    letters: Vec<char>,
    line: usize,
    next: usize,
    source: &'a Source,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.next).copied()
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.next += 1;
        if letter == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(letter)
    }

    fn spot(&self) -> Spot {
        self.source.spot(self.line, self.column)
    }

    fn broken(&self, why: &'static str) -> Broken {
        Broken {
            at: self.spot(),
            why,
        }
    }

    fn skip_blank(&mut self) {
        while self
            .peek()
            .is_some_and(|letter| matches!(letter, ' ' | '\t' | '\n' | '\r'))
        {
            self.take();
        }
    }

    fn expect(&mut self, letter: char, why: &'static str) -> Result<(), Broken> {
        if self.peek() != Some(letter) {
            return Err(self.broken(why));
        }
        self.take();
        Ok(())
    }

    fn word(&mut self, word: &str) -> bool {
        let found = word
            .chars()
            .enumerate()
            .all(|(index, letter)| self.letters.get(self.next + index) == Some(&letter));
        if found {
            word.chars().for_each(|_| {
                self.take();
            });
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, Broken> {
        if depth > DEPTH {
            return Err(self.broken("nested too deeply"));
        }
        let at = self.spot();
        let shape = match self.peek() {
            Some('{') => self.map(depth)?,
            Some('[') => self.list(depth)?,
            Some('"') => Shape::Scalar(Value::Str(self.text()?)),
            _ => Shape::Scalar(self.scalar()?),
        };
        Ok(Node { at, shape })
    }

    fn scalar(&mut self) -> Result<Value, Broken> {
        for (word, value) in [
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("null", Value::Null),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ] {
            if self.word(word) {
                return Ok(value);
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<Value, Broken> {
        let broken = self.broken("expected a JSON value");
        let mut text = String::new();
        while let Some(letter) = self
            .peek()
            .filter(|letter| letter.is_ascii_digit() || "+-.eE".contains(*letter))
        {
            text.push(letter);
            self.take();
        }
        let digits = text.trim_start_matches('-');
        let well_formed = digits.starts_with(|letter: char| letter.is_ascii_digit())
            && (digits.len() == 1
                || !digits.starts_with('0')
                || digits[1..].starts_with(['.', 'e', 'E']));
        if !well_formed {
            return Err(broken);
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(text
                .parse()
                .map_or_else(|_| Value::Big(text.clone()), Value::Int));
        }
        text.parse().map(Value::Float).map_err(|_| broken)
    }

    fn list(&mut self, depth: usize) -> Result<Shape, Broken> {
        self.take();
        let mut items = Vec::new();
        self.skip_blank();
        if self.word("]") {
            return Ok(Shape::List(items));
        }
        loop {
            self.skip_blank();
            items.push(self.value(depth + 1)?);
            self.skip_blank();
            if self.word("]") {
                return Ok(Shape::List(items));
            }
            self.expect(',', "expected `,` or `]`")?;
        }
    }

    fn map(&mut self, depth: usize) -> Result<Shape, Broken> {
        self.take();
        let mut pairs = Vec::new();
        self.skip_blank();
        if self.word("}") {
            return Ok(Shape::Map(pairs));
        }
        loop {
            self.skip_blank();
            let at = self.spot();
            if self.peek() != Some('"') {
                return Err(self.broken("expected a key in double quotes"));
            }
            let key = Node {
                at,
                shape: Shape::Scalar(Value::Str(self.text()?)),
            };
            self.skip_blank();
            self.expect(':', "expected `:` after the key")?;
            self.skip_blank();
            pairs.push((key, self.value(depth + 1)?));
            self.skip_blank();
            if self.word("}") {
                return Ok(decoded(pairs));
            }
            self.expect(',', "expected `,` or `}`")?;
        }
    }

    fn text(&mut self) -> Result<String, Broken> {
        self.take();
        let mut out = String::new();
        loop {
            let broken = self.broken("a string without an end");
            match self.take().ok_or(broken)? {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                letter if u32::from(letter) < 0x20 => {
                    return Err(self.broken("a control character in a string"));
                }
                letter => out.push(letter),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Broken> {
        let broken = self.broken("an unknown escape in a string");
        Ok(match self.take() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(letter @ ('"' | '\\' | '/')) => letter,
            Some('u') => {
                let mut code = self
                    .hex()
                    .ok_or_else(|| self.broken("an unknown escape in a string"))?;
                if (0xd800..0xdc00).contains(&code) && self.word("\\u") {
                    let low = self.hex().unwrap_or(0);
                    code = 0x10000 + ((code - 0xd800) << 10) + low.wrapping_sub(0xdc00) % 0x400;
                }
                char::from_u32(code).unwrap_or('\u{fffd}')
            }
            _ => return Err(broken),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |code, _| Some(code * 16 + self.take()?.to_digit(16)?))
    }
}

/// `{"__ansible_vault": ...}` and `{"__ansible_unsafe": ...}` are how Ansible writes tagged strings in JSON.
fn decoded(pairs: Vec<(Node, Node)>) -> Shape {
    if let [(key, item)] = pairs.as_slice()
        && let (Some(key), Shape::Scalar(Value::Str(text))) = (key.as_str(), &item.shape)
    {
        match key {
            "__ansible_unsafe" => return Shape::Scalar(Value::Unsafe(text.clone())),
            "__ansible_vault" => return Shape::Scalar(Value::Vault(text.clone())),
            _ => {}
        }
    }
    Shape::Map(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        match parse(&Source::new("t.json", text)) {
            Ok(node) => Ok(node.to_value()),
            Err(broken) => Err(format!(
                "{}:{} {}",
                broken.at.line, broken.at.column, broken.why
            )),
        }
    }

    #[test]
    fn a_document_is_read_and_printed_with_sorted_keys() {
        let text = r#"{"b": [1, 2.50, -0.0, 123456789012345678901], "a": {"x": "\u00e9\ud83d\ude00\n", "e": {}, "l": []}, "n": NaN}"#;
        let printed = read(text).unwrap().to_json();
        assert_eq!(
            printed,
            "{\n    \"a\": {\n        \"e\": {},\n        \"l\": [],\n        \"x\": \"é😀\\n\"\n    },\n    \"b\": [\n        1,\n        2.5,\n        -0.0,\n        123456789012345678901\n    ],\n    \"n\": NaN\n}"
        );
    }

    #[test]
    fn tagged_strings_are_decoded() {
        assert_eq!(
            read(r#"{"__ansible_vault": "x"}"#),
            Ok(Value::Vault("x".into()))
        );
        assert_eq!(
            read(r#"{"__ansible_unsafe": "x"}"#),
            Ok(Value::Unsafe("x".into()))
        );
    }

    #[test]
    fn broken_documents_say_where() {
        assert_eq!(
            read("{\"a\": 1,\n \"b\" 2}"),
            Err("2:6 expected `:` after the key".into())
        );
        assert_eq!(read("[1 2]"), Err("1:4 expected `,` or `]`".into()));
        assert_eq!(
            read("{} x"),
            Err("1:4 text after the end of the JSON document".into())
        );
        assert_eq!(read("[01]"), Err("1:2 expected a JSON value".into()));
        assert_eq!(read("\"a"), Err("1:3 a string without an end".into()));
    }
}
