//! The value of `key=value` in INI: what Python's `ast.literal_eval` makes of it, else the text as it stands.
//!
//! Tuples and sets become lists, `b'text'` a text, complex numbers and `...` the text Python prints, as in Ansible.

use indexmap::IndexMap;

use super::scalar;
use super::value::{Value, float_text};

/// Python gives up at this many brackets in each other.
const DEPTH: usize = 200;
/// Python reads no longer integers.
const DIGITS: usize = 4300;

/// The text is a literal, but one that Python cannot build: a list or a set in a set or as a key.
#[derive(Debug, PartialEq)]
pub(super) struct Unhashable;

pub(super) fn value(text: &str) -> Result<Value, Unhashable> {
    let mut reader = Reader {
        at: 0,
        depth: 0,
        letters: text.chars().collect(),
        unhashable: false,
    };
    match reader.whole() {
        Some(_) if reader.unhashable => Err(Unhashable),
        Some(item) => Ok(item.into_value()),
        None => Ok(Value::from(text)),
    }
}

enum Kind {
    Complex(f64, f64),
    Number,
    Other,
}

struct Item {
    hashable: bool,
    kind: Kind,
    value: Value,
}

impl Item {
    fn new(value: Value, hashable: bool) -> Item {
        Item {
            hashable,
            kind: Kind::Other,
            value,
        }
    }

    fn number(value: Value) -> Item {
        Item {
            hashable: true,
            kind: Kind::Number,
            value,
        }
    }

    fn complex(real: f64, imaginary: f64) -> Item {
        Item {
            hashable: true,
            kind: Kind::Complex(real, imaginary),
            value: Value::Null,
        }
    }

    fn into_value(self) -> Value {
        match self.kind {
            Kind::Complex(real, imaginary) => Value::from(complex_text(real, imaginary)),
            Kind::Number | Kind::Other => self.value,
        }
    }

    fn negative(self) -> Option<Item> {
        match (self.kind, self.value) {
            (Kind::Complex(real, imaginary), _) => Some(Item::complex(-real, -imaginary)),
            (Kind::Number, Value::Int(number)) => {
                Some(Item::number(number.checked_neg().map_or_else(
                    || Value::Big(format!("{}", -i128::from(number))),
                    Value::Int,
                )))
            }
            (Kind::Number, Value::Big(digits)) => {
                let text = format!("-{digits}");
                Some(Item::number(
                    text.parse().map_or(Value::Big(text), Value::Int),
                ))
            }
            (Kind::Number, Value::Float(number)) => Some(Item::number(Value::Float(-number))),
            _ => None,
        }
    }

    fn as_real(&self) -> Option<f64> {
        match (&self.kind, &self.value) {
            #[expect(clippy::cast_precision_loss, reason = "Python does the same here")]
            (Kind::Number, Value::Int(number)) => Some(*number as f64),
            (Kind::Number, Value::Float(number)) => Some(*number),
            (Kind::Number, Value::Big(digits)) => digits.parse().ok(),
            _ => None,
        }
    }
}

fn complex_text(real: f64, imaginary: f64) -> String {
    let short = |number: f64| {
        let text = float_text(number);
        text.strip_suffix(".0").map_or(text.clone(), str::to_string)
    };
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", short(imaginary));
    }
    let sign = if imaginary.is_sign_negative() {
        ""
    } else {
        "+"
    };
    format!("({}{sign}{}j)", short(real), short(imaginary))
}

struct Reader {
    at: usize,
    depth: usize,
    letters: Vec<char>,
    unhashable: bool,
}

impl Reader {
    fn whole(&mut self) -> Option<Item> {
        let first = self.sum()?;
        self.blanks();
        let item = if self.take(',') {
            let mut items = vec![first];
            self.items(&mut items, None)?;
            tuple(items)
        } else {
            first
        };
        self.blanks();
        (self.at == self.letters.len() || self.peek() == Some('#')).then_some(item)
    }

    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn take(&mut self, letter: char) -> bool {
        let found = self.peek() == Some(letter);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\u{c}')) {
            self.at += 1;
        }
    }

    /// `1`, `-1`, or a number and an imaginary one: `-1+2j`.
    fn sum(&mut self) -> Option<Item> {
        let left = self.signed()?;
        self.blanks();
        let sign = match self.peek() {
            Some('+') => 1.0,
            Some('-') => -1.0,
            _ => return Some(left),
        };
        self.at += 1;
        self.blanks();
        let real = left.as_real()?;
        match self.atom()?.kind {
            Kind::Complex(more, imaginary) => {
                Some(Item::complex(real + sign * more, sign * imaginary))
            }
            Kind::Number | Kind::Other => None,
        }
    }

    fn signed(&mut self) -> Option<Item> {
        self.blanks();
        if self.take('-') {
            self.blanks();
            return self.atom()?.negative();
        }
        if self.take('+') {
            self.blanks();
            return self.atom().filter(|item| !matches!(item.kind, Kind::Other));
        }
        self.atom()
    }

    fn atom(&mut self) -> Option<Item> {
        let letter = self.peek()?;
        let next = self.letters.get(self.at + 1).copied();
        match letter {
            '(' | '[' | '{' => {
                self.depth += 1;
                if self.depth >= DEPTH {
                    return None;
                }
                self.at += 1;
                let item = match letter {
                    '(' => self.parenthesis(),
                    '[' => self.list(),
                    _ => self.braces(),
                };
                self.depth -= 1;
                item
            }
            '.' if self.letters[self.at..].starts_with(&['.', '.', '.']) => {
                self.at += 3;
                Some(Item::new(Value::from("..."), true))
            }
            '0'..='9' => self.number(),
            '.' if next.is_some_and(|next| next.is_ascii_digit()) => self.number(),
            _ => self.text().or_else(|| self.name()),
        }
    }

    fn name(&mut self) -> Option<Item> {
        let rest = &self.letters[self.at..];
        let end = rest
            .iter()
            .position(|letter| !letter.is_alphanumeric() && *letter != '_')
            .unwrap_or(rest.len());
        let word: String = rest[..end].iter().collect();
        self.at += end;
        match word.as_str() {
            "False" => Some(Item::new(Value::Bool(false), true)),
            "None" => Some(Item::new(Value::Null, true)),
            "True" => Some(Item::new(Value::Bool(true), true)),
            "set" => {
                self.blanks();
                let opened = self.take('(');
                self.blanks();
                (opened && self.take(')')).then(|| Item::new(Value::List(Vec::new()), false))
            }
            _ => None,
        }
    }

    /// Items up to `close`, which is taken; without one, up to the end.
    fn items(&mut self, items: &mut Vec<Item>, close: Option<char>) -> Option<()> {
        loop {
            self.blanks();
            match close {
                Some(close) if self.take(close) => return Some(()),
                None if matches!(self.peek(), None | Some('#')) => return Some(()),
                _ => items.push(self.sum()?),
            }
            self.blanks();
            if self.take(',') {
                continue;
            }
            return match close {
                Some(close) => self.take(close).then_some(()),
                None => Some(()),
            };
        }
    }

    fn parenthesis(&mut self) -> Option<Item> {
        self.blanks();
        if self.take(')') {
            return Some(tuple(Vec::new()));
        }
        let first = self.sum()?;
        self.blanks();
        if self.take(')') {
            return Some(first);
        }
        let mut items = vec![first];
        self.take(',').then_some(())?;
        self.items(&mut items, Some(')'))?;
        Some(tuple(items))
    }

    fn list(&mut self) -> Option<Item> {
        let mut items = Vec::new();
        self.items(&mut items, Some(']'))?;
        let values = items.into_iter().map(Item::into_value).collect();
        Some(Item::new(Value::List(values), false))
    }

    fn braces(&mut self) -> Option<Item> {
        self.blanks();
        if self.take('}') {
            return Some(Item::new(Value::Map(IndexMap::new()), false));
        }
        let first = self.sum()?;
        self.blanks();
        if self.take(':') {
            return self.map(first);
        }
        let mut items = vec![first];
        if self.take(',') {
            self.items(&mut items, Some('}'))?;
        } else {
            self.take('}').then_some(())?;
        }
        let mut values: Vec<Value> = Vec::new();
        for item in items {
            self.unhashable |= !item.hashable;
            let value = item.into_value();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Some(Item::new(Value::List(values), false))
    }

    fn map(&mut self, mut key: Item) -> Option<Item> {
        // For Python `1`, `1.0` and `True` are one key: the first one stays, with the last value.
        let mut map: IndexMap<String, (String, Value)> = IndexMap::new();
        loop {
            self.unhashable |= !key.hashable;
            let value = self.sum()?.into_value();
            let key_value = key.into_value();
            let same = equal_key(&key_value);
            let text = map
                .get(&same)
                .map_or_else(|| key_text(key_value), |(text, _)| text.clone());
            map.insert(same, (text, value));
            self.blanks();
            let more = self.take(',');
            self.blanks();
            if self.take('}') {
                let map = map.into_values().collect();
                return Some(Item::new(Value::Map(map), false));
            }
            more.then_some(())?;
            key = self.sum()?;
            self.blanks();
            self.take(':').then_some(())?;
        }
    }

    fn number(&mut self) -> Option<Item> {
        let rest: String = self.letters[self.at..].iter().collect();
        let (length, item) = number(&rest)?;
        self.at += length;
        let glued = self
            .peek()
            .is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '.');
        (!glued).then_some(item)
    }

    /// One text or several in a row, which Python joins.
    fn text(&mut self) -> Option<Item> {
        let (mut all, bytes) = self.one_text()?;
        loop {
            self.blanks();
            let before = self.at;
            match self.one_text() {
                Some((more, same)) if same == bytes => all.push_str(&more),
                Some(_) => return None,
                None => {
                    self.at = before;
                    // Ansible does not trust what was bytes to be a template.
                    let value = if bytes {
                        Value::Unsafe(all)
                    } else {
                        Value::from(all)
                    };
                    return Some(Item::new(value, true));
                }
            }
        }
    }

    /// The text and whether it is of bytes.
    fn one_text(&mut self) -> Option<(String, bool)> {
        let rest = &self.letters[self.at..];
        let begin = rest
            .iter()
            .take(3)
            .position(|letter| "'\"".contains(*letter))?;
        let prefix: String = rest[..begin]
            .iter()
            .flat_map(|letter| letter.to_lowercase())
            .collect();
        let (raw, bytes) = match prefix.as_str() {
            "" | "u" => (false, false),
            "r" => (true, false),
            "b" => (false, true),
            "br" | "rb" => (true, true),
            _ => return None,
        };
        let quote = rest[begin];
        let triple = rest[begin..].starts_with(&[quote, quote, quote]);
        let width = if triple { 3 } else { 1 };
        self.at += begin + width;
        let mut out = String::new();
        loop {
            if self.letters[self.at.min(self.letters.len())..].starts_with(&vec![quote; width]) {
                self.at += width;
                return Some((out, bytes));
            }
            let letter = self.peek()?;
            self.at += 1;
            if letter != '\\' {
                if bytes && !letter.is_ascii() {
                    return None;
                }
                out.push(letter);
            } else if raw {
                out.push('\\');
                out.push(self.peek()?);
                self.at += 1;
            } else {
                self.escape(bytes, &mut out)?;
            }
        }
    }

    /// What follows a `\`. An escape Python does not know stays as it is.
    fn escape(&mut self, bytes: bool, out: &mut String) -> Option<()> {
        let letter = self.peek()?;
        self.at += 1;
        let known = match letter {
            '\\' | '\'' | '"' => letter,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.code(2, 16)?,
            'u' if !bytes => self.code(4, 16)?,
            'U' if !bytes => self.code(8, 16)?,
            'N' if !bytes => return None,
            '0'..='7' => {
                self.at -= 1;
                let rest = self.letters[self.at..].iter().take(3);
                let count = rest.take_while(|letter| letter.is_digit(8)).count();
                self.code(count, 8)?
            }
            _ => {
                out.push('\\');
                letter
            }
        };
        out.push(known);
        Some(())
    }

    fn code(&mut self, count: usize, radix: u32) -> Option<char> {
        let digits: String = self.letters.get(self.at..self.at + count)?.iter().collect();
        self.at += count;
        if !digits.chars().all(|digit| digit.is_digit(radix)) {
            return None;
        }
        char::from_u32(u32::from_str_radix(&digits, radix).ok()?)
    }
}

fn tuple(items: Vec<Item>) -> Item {
    let hashable = items.iter().all(|item| item.hashable);
    let values = items.into_iter().map(Item::into_value).collect();
    Item::new(Value::List(values), hashable)
}

/// A text that is the same for keys that Python takes for equal.
fn equal_key(key: &Value) -> String {
    match key {
        Value::Bool(flag) => i64::from(*flag).to_string(),
        Value::Float(number) if number.fract() == 0.0 => format!("{number:.0}"),
        Value::Str(text) | Value::Unsafe(text) => format!("'{text}"),
        other => other.to_text(),
    }
}

/// A key as JSON shows it.
fn key_text(key: Value) -> String {
    match key {
        Value::Str(text) | Value::Unsafe(text) => text,
        Value::List(_) => key.to_text(),
        other => other.to_json(),
    }
}

/// Digits with single `_` between them; how many letters they are.
fn digits(text: &str, accept: fn(char) -> bool) -> usize {
    let mut end = 0;
    let mut before = '_';
    for (index, letter) in text.char_indices() {
        if accept(letter) {
            end = index + letter.len_utf8();
        } else if letter != '_' || before == '_' {
            break;
        }
        before = letter;
    }
    end
}

/// A number at the begin of a text, and how long it is.
fn number(text: &str) -> Option<(usize, Item)> {
    let lower = text.to_ascii_lowercase();
    let radix = ["0x", "0o", "0b"]
        .into_iter()
        .find(|radix| lower.starts_with(radix));
    if let Some(radix) = radix {
        let accept: fn(char) -> bool = match radix {
            "0x" => |letter| letter.is_ascii_hexdigit(),
            "0o" => |letter| letter.is_digit(8),
            _ => |letter| letter.is_digit(2),
        };
        let skip = if lower[2..].starts_with('_') { 3 } else { 2 };
        let count = digits(&lower[skip..], accept);
        let body = lower
            .get(skip..skip + count)
            .filter(|body| !body.is_empty())?;
        let prefix = if radix == "0o" { "0" } else { radix };
        let value = scalar::integer(&format!("{prefix}{body}"))?;
        return Some((skip + count, Item::number(value)));
    }
    let decimal: fn(char) -> bool = |letter| letter.is_ascii_digit();
    let whole = digits(&lower, decimal);
    let mut end = whole;
    let mut real = false;
    if lower[end..].starts_with('.') {
        real = true;
        end += 1 + digits(&lower[end + 1..], decimal);
    }
    if lower[end..].starts_with('e') {
        let sign = usize::from(lower[end + 1..].starts_with(['+', '-']));
        let count = digits(&lower[end + 1 + sign..], decimal);
        if count > 0 {
            real = true;
            end += 1 + sign + count;
        }
    }
    let body = lower[..end].replace('_', "");
    if lower[end..].starts_with('j') {
        return Some((end + 1, Item::complex(0.0, body.parse().ok()?)));
    }
    if real {
        return Some((end, Item::number(Value::Float(body.parse().ok()?))));
    }
    // `007` is no number for Python, `000` is.
    let octal = body.len() > 1 && body.starts_with('0') && body.contains(|digit| digit != '0');
    if octal || body.len() > DIGITS {
        return None;
    }
    Some((end, Item::number(scalar::integer(&body)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        value(text).map_or("unhashable".to_string(), |value| {
            Value::List(vec![value]).to_text()
        })
    }

    #[test]
    fn literals_have_the_types_of_python() {
        for (text, expected) in [
            ("5", "[5]"),
            ("-5", "[-5]"),
            ("- 5 # five", "[-5]"),
            ("--5", "['--5']"),
            ("0755", "['0755']"),
            ("000", "[0]"),
            ("0x_fF", "[255]"),
            ("0o17", "[15]"),
            ("1_000", "[1000]"),
            ("1__0", "['1__0']"),
            ("1_", "['1_']"),
            ("1.", "[1.0]"),
            (".5e-3", "[0.0005]"),
            ("1e5", "[100000.0]"),
            ("10.0.0.1", "['10.0.0.1']"),
            ("123456789012345678901", "[123456789012345678901]"),
            ("-9223372036854775808", "[-9223372036854775808]"),
            ("3j", "['3j']"),
            ("1+2j", "['(1+2j)']"),
            ("1+2", "['1+2']"),
            ("True", "[True]"),
            ("true", "['true']"),
            ("None", "[None]"),
            ("...", "['...']"),
            ("'a' \"b\"", "['ab']"),
            (r"'\x41\101\u0041\q'", r"['AAA\\q']"),
            (r"r'\n'", r"['\\n']"),
            ("b'abc'", "['abc']"),
            ("f'abc'", "[\"f'abc'\"]"),
            ("'''a'b'''", "[\"a'b\"]"),
            ("[1, 'a', [True,],]", "[[1, 'a', [True]]]"),
            ("(1)", "[1]"),
            ("(1,)", "[[1]]"),
            ("1, 2", "[[1, 2]]"),
            ("{1}", "[[1]]"),
            ("set()", "[[]]"),
            ("{1: 'a', True: 'b', 1.0: 'c'}", "[{1: 'c'}]"),
            ("{'a': 1, 'b': {}}", "[{'a': 1, 'b': {}}]"),
            ("{{ x }}", "['{{ x }}']"),
            ("{{ 'x' | upper }}", "[\"{{ 'x' | upper }}\"]"),
            ("{{ 1 }}", "unhashable"),
            ("{[1]: 2}", "unhashable"),
            ("[1, 2", "['[1, 2']"),
            ("", "['']"),
            ("a b", "['a b']"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(matches!(value(&deep(150)), Ok(Value::List(_))));
        assert!(matches!(value(&deep(50_000)), Ok(Value::Str(_))));
    }
}
