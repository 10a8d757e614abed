//! A value between a script and a primitive: what both sides can say. Knows `secret` alone.

use indexmap::IndexMap;

use crate::secret::Secret;

pub type Map = IndexMap<String, Value>;

/// A plain value, or a secret that no rendering shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    /// The content of a file that is no text.
    Bytes(Vec<u8>),
    Float(f64),
    Int(i64),
    List(Vec<Value>),
    Map(Map),
    Null,
    Secret(Secret),
    Text(String),
}

impl Value {
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Secret(secret) => Some(secret.reveal()),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The name of its type, as messages say it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Bool(_) => "a bool",
            Value::Bytes(_) => "bytes",
            Value::Float(_) => "a float",
            Value::Int(_) => "an integer",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Null => "nothing",
            Value::Secret(_) => "a secret",
            Value::Text(_) => "a text",
        }
    }

    /// As JSON, secrets masked.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Value::Bool(value) => Json::Bool(*value),
            Value::Bytes(bytes) => Json::String(format!("({} bytes)", bytes.len())),
            Value::Float(value) => {
                serde_json::Number::from_f64(*value).map_or(Json::Null, Json::Number)
            }
            Value::Int(value) => Json::from(*value),
            Value::List(values) => Json::Array(values.iter().map(Value::to_json).collect()),
            Value::Map(map) => Json::Object(
                map.iter()
                    .map(|(key, value)| (key.clone(), value.to_json()))
                    .collect(),
            ),
            Value::Null => Json::Null,
            Value::Secret(secret) => Json::String(secret.to_string()),
            Value::Text(text) => Json::String(text.clone()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

/// A duration as people write it: `60s`, `500ms`, `2m`, `1h30m`, `7300d`; a bare number counts seconds.
#[must_use]
pub fn duration(text: &str) -> Option<std::time::Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0 && seconds.is_finite())
            .then(|| std::time::Duration::from_secs_f64(seconds));
    }
    let mut total = 0.0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| at + digits);
        let number: f64 = rest[..digits].parse().ok()?;
        total += number
            * match &rest[digits..unit_end] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    Some(std::time::Duration::from_secs_f64(total))
}

/// A size in bytes as people write it: `8GiB`, `512MB`, `1024`.
#[must_use]
pub fn size(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    let factor: i64 = match text[digits..].trim() {
        "" | "B" => 1,
        "k" | "kB" | "KB" => 1000,
        "KiB" | "K" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" | "M" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn durations_read_as_written() {
        let rows = [
            ("60s", Some(60_000)),
            ("500ms", Some(500)),
            ("1h30m", Some(5_400_000)),
            ("7300d", Some(630_720_000_000)),
            ("10", Some(10_000)),
            ("1.5s", Some(1500)),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("5 parsecs", None),
        ];
        for (text, millis) in rows {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_read_as_written() {
        for (text, bytes) in [
            ("8GiB", Some(8 << 30)),
            ("512MB", Some(512_000_000)),
            ("1024", Some(1024)),
            ("8 XB", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }
}
