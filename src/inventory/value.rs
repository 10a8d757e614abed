//! A variable's value, as Ansible would hold it.

use indexmap::IndexMap;

use super::json;
use super::scalar::{self, Plain};
use crate::secret::Secret;

/// A value read from an inventory. Dates are already text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer too large for 64 bits, in decimal.
    Big(String),
    Bool(bool),
    Float(f64),
    Int(i64),
    List(Vec<Value>),
    Map(IndexMap<String, Value>),
    Null,
    /// A text that no rendering shows; scripts hand it over.
    Secret(Secret),
    Str(String),
    /// Text that must never be rendered as a template (`!unsafe`).
    Unsafe(String),
    /// The ciphertext of a value encrypted with ansible-vault.
    Vault(String),
}

impl Value {
    /// Read as Ansible's `bool` filter does; `None` for anything it has no word for.
    #[must_use]
    #[expect(
        clippy::float_cmp,
        reason = "1.0 is yes, and what is near to it is not"
    )]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            Value::Int(1) => Some(true),
            Value::Int(0) => Some(false),
            Value::Float(number) if *number == 1.0 => Some(true),
            Value::Float(number) if *number == 0.0 => Some(false),
            Value::Secret(secret) => word_as_bool(secret.reveal()),
            Value::Str(text) | Value::Unsafe(text) => word_as_bool(text),
            _ => None,
        }
    }

    /// An integer, also when it is written as text (`-e` values always are).
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::Float(number) if number.fract() == 0.0 => format!("{number:.0}").parse().ok(),
            Value::Secret(secret) => secret.reveal().trim().parse().ok(),
            Value::Str(text) | Value::Unsafe(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Secret(secret) => Some(secret.reveal()),
            Value::Str(text) | Value::Unsafe(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of value it is, in the words of a message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Big(_) | Value::Int(_) => "an integer",
            Value::Bool(_) => "a boolean",
            Value::Float(_) => "a number",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Null => "nothing",
            Value::Secret(_) => "a secret",
            Value::Str(_) | Value::Unsafe(_) => "a string",
            Value::Vault(_) => "a vault-encrypted string",
        }
    }

    /// The text `ansible-inventory --list` prints: four spaces, sorted keys.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::print(self)
    }

    /// The text Python's `str()` gives, which is what templates print.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Value::Secret(secret) => secret.reveal().to_string(),
            Value::Str(text) | Value::Unsafe(text) => text.clone(),
            other => repr(other),
        }
    }

    /// The same for a message: a secret masked.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Value::Secret(secret) => secret.to_string(),
            other => other.to_text(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

fn word_as_bool(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "on" | "1" | "true" => Some(true),
        "no" | "off" | "0" | "false" => Some(false),
        _ => None,
    }
}

fn repr(value: &Value) -> String {
    match value {
        Value::Big(digits) => digits.clone(),
        Value::Bool(true) => "True".to_string(),
        Value::Bool(false) => "False".to_string(),
        Value::Float(number) if number.is_nan() => "nan".to_string(),
        Value::Float(number) if number.is_infinite() => {
            if *number > 0.0 { "inf" } else { "-inf" }.to_string()
        }
        Value::Float(number) => float_text(*number),
        Value::Int(number) => number.to_string(),
        Value::List(items) => format!(
            "[{}]",
            items.iter().map(repr).collect::<Vec<_>>().join(", ")
        ),
        Value::Map(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, item)| format!("{}: {}", key_text(key), repr(item)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Null => "None".to_string(),
        Value::Secret(secret) => secret.to_string(),
        Value::Str(text) | Value::Unsafe(text) => quoted(text),
        Value::Vault(_) => "<encrypted>".to_string(),
    }
}

/// Keys are kept as text, so a key that reads as a number is taken for one: `20001:` is common, `"20001":` is not.
fn key_text(key: &str) -> String {
    match scalar::resolve(key) {
        Ok(Plain::Value(value)) if value.as_str().is_none() => repr(&value),
        _ => quoted(key),
    }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            letter if u32::from(letter) < 0x20 || u32::from(letter) == 0x7f => {
                out.push_str(&format!("\\x{:02x}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push(quote);
    out
}

/// A finite float as Python writes it: an exponent from 1e16 up and below 1e-4.
pub(super) fn float_text(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{number:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_python_does() {
        for (number, text) in [
            (1.0, "1.0"),
            (1e20, "1e+20"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1e-5, "1e-05"),
            (1e-4, "0.0001"),
            (1.5e-7, "1.5e-07"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(float_text(number), text);
        }
    }

    #[test]
    fn booleans_are_read_from_words() {
        for text in ["yes", "On", "1", "TRUE"] {
            assert_eq!(Value::from(text).as_bool(), Some(true), "{text}");
        }
        for text in ["no", "Off", "0", "false"] {
            assert_eq!(Value::from(text).as_bool(), Some(false), "{text}");
        }
        assert_eq!(Value::from("y").as_bool(), None);
        assert_eq!(Value::Int(1).as_bool(), Some(true));
        assert_eq!(Value::Int(2).as_bool(), None);
    }

    #[test]
    fn integers_are_read_from_text() {
        assert_eq!(Value::from(" 2379 ").as_int(), Some(2379));
        assert_eq!(Value::Float(3.0).as_int(), Some(3));
        assert_eq!(Value::from("3x").as_int(), None);
    }

    #[test]
    fn text_is_what_python_prints() {
        let map = IndexMap::from([(
            "a".to_string(),
            Value::List(vec![Value::from("it's"), Value::Null]),
        )]);
        assert_eq!(Value::Map(map).to_text(), r#"{'a': ["it's", None]}"#);
        assert_eq!(Value::from("plain").to_text(), "plain");
        assert_eq!(Value::Bool(true).to_text(), "True");
    }
}
