//! Values of an inventory as minijinja has them, and back.

use indexmap::IndexMap;
use minijinja::value::ValueKind;
use minijinja::{Error as JinjaError, ErrorKind, Value as Jinja};

use super::super::value::Value;

pub(super) fn to_jinja(value: &Value) -> Jinja {
    match value {
        Value::Big(digits) => digits
            .parse::<i128>()
            .map_or_else(|_| Jinja::from(digits.as_str()), Jinja::from),
        Value::Bool(value) => Jinja::from(*value),
        Value::Float(number) => Jinja::from(*number),
        Value::Int(number) => Jinja::from(*number),
        Value::List(items) => Jinja::from(items.iter().map(to_jinja).collect::<Vec<_>>()),
        Value::Map(map) => {
            Jinja::from_pairs(map.iter().map(|(key, item)| (key.as_str(), to_jinja(item))))
        }
        Value::Null => Jinja::from(()),
        Value::Secret(secret) => Jinja::from(secret.reveal()),
        Value::Str(text) | Value::Unsafe(text) | Value::Vault(text) => Jinja::from(text.as_str()),
    }
}

pub(super) fn from_jinja(value: &Jinja) -> std::result::Result<Value, JinjaError> {
    Ok(match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Undefined => return Err(JinjaError::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => value
            .as_i64()
            .map_or_else(|| Value::Big(value.to_string()), Value::Int),
        ValueKind::Number => Value::Float(f64::try_from(value.clone())?),
        ValueKind::Map => {
            let mut map = IndexMap::new();
            for key in value.try_iter()? {
                let item = from_jinja(&value.get_item(&key)?)?;
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_string);
                map.insert(key, item);
            }
            Value::Map(map)
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.map(|item| from_jinja(&item));
            Value::List(items.collect::<std::result::Result<_, _>>()?)
        }
        ValueKind::Invalid => {
            // Asking an invalid value for anything gives the error it stands for.
            value.try_iter()?;
            Value::Null
        }
        _ => Value::Str(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_string),
        ),
    })
}
