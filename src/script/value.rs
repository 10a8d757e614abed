//! Values on their way between Rhai, the primitives and the inventory.

use rhai::{Array, Dynamic, Map as RhaiMap};

use crate::inventory;
use crate::secret::Secret;
use crate::value::{Map, Value};

/// A primitive's or a fact's value for a script.
pub(super) fn to_rhai(value: Value) -> Dynamic {
    match value {
        Value::Bool(value) => value.into(),
        Value::Bytes(bytes) => Dynamic::from_blob(bytes),
        Value::Float(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::List(values) => values.into_iter().map(to_rhai).collect::<Array>().into(),
        Value::Map(map) => map_to_rhai(map).into(),
        Value::Null => Dynamic::UNIT,
        Value::Secret(secret) => Dynamic::from(secret),
        Value::Text(text) => text.into(),
    }
}

pub(super) fn map_to_rhai(map: Map) -> RhaiMap {
    map.into_iter()
        .map(|(key, value)| (key.into(), to_rhai(value)))
        .collect()
}

/// What a script hands over. Types that mean nothing to a primitive become their text.
pub(super) fn from_rhai(value: &Dynamic) -> Value {
    let value = value.flatten_clone();
    if value.is_unit() {
        return Value::Null;
    }
    if let Ok(value) = value.as_bool() {
        return Value::Bool(value);
    }
    if let Ok(value) = value.as_int() {
        return Value::Int(value);
    }
    if let Ok(value) = value.as_float() {
        return Value::Float(value);
    }
    if let Some(secret) = value.clone().try_cast::<Secret>() {
        return Value::Secret(secret);
    }
    if let Some(bytes) = value.clone().try_cast::<rhai::Blob>() {
        return Value::Bytes(bytes);
    }
    if let Some(array) = value.clone().try_cast::<Array>() {
        return Value::List(array.iter().map(from_rhai).collect());
    }
    if let Some(map) = value.clone().try_cast::<RhaiMap>() {
        return Value::Map(map_from_rhai(&map));
    }
    Value::Text(named(&value).unwrap_or_else(|| value.to_string()))
}

/// Values of our own types, as one calls them.
fn named(value: &Dynamic) -> Option<String> {
    if let Some(host) = value.clone().try_cast::<super::Host>() {
        return Some(host.name().to_string());
    }
    if let Some(secret) = value.clone().try_cast::<Secret>() {
        return Some(secret.to_string());
    }
    value
        .clone()
        .try_cast::<super::words::etcdctl::Etcdctl>()
        .map(|etcd| etcd.to_string())
}

/// The options of a call as plain values.
#[must_use]
pub fn map_from_rhai(map: &RhaiMap) -> Map {
    map.iter()
        .map(|(key, value)| (key.to_string(), from_rhai(value)))
        .collect()
}

/// An inventory's value for a script. A number too large for 64 bits stays a text.
pub(super) fn from_inventory(value: inventory::Value) -> Value {
    use inventory::Value as Of;
    match value {
        Of::Big(text) | Of::Str(text) | Of::Unsafe(text) | Of::Vault(text) => Value::Text(text),
        Of::Bool(value) => Value::Bool(value),
        Of::Float(value) => Value::Float(value),
        Of::Int(value) => Value::Int(value),
        Of::List(values) => Value::List(values.into_iter().map(from_inventory).collect()),
        Of::Map(map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| (key, from_inventory(value)))
                .collect(),
        ),
        Of::Null => Value::Null,
        Of::Secret(secret) => Value::Secret(secret),
    }
}

/// A script's value for the inventory, as `vars` of a nested run.
pub(super) fn to_inventory(value: Value) -> inventory::Value {
    use inventory::Value as To;
    match value {
        Value::Bool(value) => To::Bool(value),
        Value::Bytes(bytes) => To::Str(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Float(value) => To::Float(value),
        Value::Int(value) => To::Int(value),
        Value::List(values) => To::List(values.into_iter().map(to_inventory).collect()),
        Value::Map(map) => To::Map(
            map.into_iter()
                .map(|(key, value)| (key, to_inventory(value)))
                .collect(),
        ),
        Value::Null => To::Null,
        Value::Secret(secret) => To::Secret(secret),
        Value::Text(text) => To::Str(text),
    }
}

/// Hosts and clients in a value, however deep, become those of `world`.
pub(super) fn adopt(value: &mut Dynamic, world: &std::sync::Arc<super::World>) {
    if let Some(mut host) = value.write_lock::<super::Host>() {
        *host = super::Host::new(world, host.name());
    } else if let Some(mut vars) = value.write_lock::<super::words::host::Vars>() {
        vars.move_to(world);
    } else if let Some(mut etcd) = value.write_lock::<super::words::etcdctl::Etcdctl>() {
        etcd.move_to(world);
    } else if let Some(mut array) = value.write_lock::<Array>() {
        array.iter_mut().for_each(|value| adopt(value, world));
    } else if let Some(mut map) = value.write_lock::<RhaiMap>() {
        map.values_mut().for_each(|value| adopt(value, world));
    } else if let Some(mut closure) = value.write_lock::<rhai::FnPtr>() {
        closure
            .iter_curry_mut()
            .for_each(|value| adopt(value, world));
    }
}

/// JSON for a script; `null` is `()`.
pub(super) fn from_json(value: &serde_json::Value) -> Dynamic {
    use serde_json::Value as Of;
    match value {
        Of::Null => Dynamic::UNIT,
        Of::Bool(value) => (*value).into(),
        Of::Number(number) => number
            .as_i64()
            .map_or_else(|| number.as_f64().unwrap_or_default().into(), Into::into),
        Of::String(text) => text.clone().into(),
        Of::Array(values) => values.iter().map(from_json).collect::<Array>().into(),
        Of::Object(map) => map
            .iter()
            .map(|(key, value)| (key.as_str().into(), from_json(value)))
            .collect::<RhaiMap>()
            .into(),
    }
}

/// A value as JSON, secrets masked.
#[must_use]
pub fn to_json(value: &Dynamic) -> serde_json::Value {
    from_rhai(value).to_json()
}

/// A result as the console and `--eval` show it: texts inside of lists and maps in quotes, hosts by their names.
#[must_use]
pub fn show(value: &Dynamic) -> String {
    match value.clone().into_immutable_string() {
        Ok(text) => text.to_string(),
        Err(_) => nested(value),
    }
}

fn nested(value: &Dynamic) -> String {
    let value = value.flatten_clone();
    if let Some(name) = named(&value) {
        return name;
    }
    if let Some(array) = value.clone().try_cast::<Array>() {
        return format!(
            "[{}]",
            array.iter().map(nested).collect::<Vec<_>>().join(", ")
        );
    }
    if let Some(map) = value.clone().try_cast::<RhaiMap>() {
        let pairs: Vec<String> = map
            .iter()
            .map(|(key, value)| format!("{key}: {}", nested(value)))
            .collect();
        return if pairs.is_empty() {
            "#{}".into()
        } else {
            format!("#{{ {} }}", pairs.join(", "))
        };
    }
    match value.clone().into_immutable_string() {
        Ok(text) => format!("{text:?}"),
        Err(_) if value.is_unit() => "()".into(),
        Err(_) => value.to_string(),
    }
}
