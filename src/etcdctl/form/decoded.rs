//! `-o json`: what etcd holds, decoded: keys and values as text, values that are JSON as JSON, ids in hex.

use serde_json::{Map, Value};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::etcd::raw::{PbKeyValue, PbResponseHeader};
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::print::{Page, Reply};

/// Bytes under `name` when they are text, else in base64 under `name_base64`.
pub(crate) fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.into(), text.into()),
        Err(_) => object.insert(format!("{name}_base64"), STANDARD.encode(bytes).into()),
    };
}

/// A value is decoded further when it is an object or a list; a number stays the text that it is in etcd.
pub(crate) fn insert_value(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match structured(bytes) {
        Some(value) => {
            object.insert(name.into(), value);
        }
        None => insert_bytes(object, name, bytes),
    }
}

/// The object or list that the bytes are the JSON of.
pub(crate) fn structured(bytes: &[u8]) -> Option<Value> {
    let first = bytes.trim_ascii_start().first()?;
    if matches!(first, b'{' | b'[') {
        serde_json::from_slice(bytes).ok()
    } else {
        None
    }
}

pub(crate) fn pair(kv: &PbKeyValue) -> Value {
    let mut object = Map::new();
    insert_bytes(&mut object, "key", &kv.key);
    insert_value(&mut object, "value", &kv.value);
    object.insert("revision".into(), kv.mod_revision.into());
    object.insert("create_revision".into(), kv.create_revision.into());
    object.insert("version".into(), kv.version.into());
    insert_lease(&mut object, kv.lease);
    Value::Object(object)
}

pub(crate) fn insert_lease(object: &mut Map<String, Value>, lease: i64) {
    if lease != 0 {
        object.insert("lease".into(), format!("{lease:x}").into());
    }
}

/// An object that begins with the revision that the cluster is at.
pub(crate) fn with_revision(
    header: Option<&PbResponseHeader>,
    fill: impl FnOnce(&mut Map<String, Value>),
) -> Value {
    let mut object = Map::new();
    if let Some(header) = header {
        object.insert("revision".into(), header.revision.into());
    }
    fill(&mut object);
    Value::Object(object)
}

pub(crate) fn object(object: Map<String, Value>) -> Value {
    Value::Object(object)
}

/// Fields of etcdctl's JSON that are bytes, and those that are ids.
const BYTES: [&str; 4] = ["key", "keys", "range_end", "value"];
const IDS: [&str; 8] = [
    "ID",
    "cluster_id",
    "id",
    "leader",
    "lease",
    "memberID",
    "member_id",
    "target_id",
];

/// The decoded form of a reply: its own, or etcdctl's JSON with bytes as text and ids in hex.
pub(crate) fn reply(reply: &dyn Reply, page: &mut Page<'_>) -> Outcome<Value> {
    if let Some(value) = reply.decoded() {
        return Ok(value);
    }
    let mut json = Vec::new();
    reply.json(&mut Page {
        hex: false,
        layout: page.layout,
        out: &mut json,
        records: false,
        visible: false,
        width: None,
    })?;
    let value =
        serde_json::from_slice(&json).map_err(|error| Failure::new(ERROR, error.to_string()))?;
    Ok(decode(value))
}

fn decode(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(decode).collect(),
        Value::Object(fields) => {
            let mut object = Map::new();
            for (name, value) in fields {
                match value {
                    Value::String(coded) if BYTES.contains(&name.as_str()) => {
                        decode_bytes(&mut object, &name, coded);
                    }
                    Value::Array(items) if BYTES.contains(&name.as_str()) => {
                        object.insert(name, items.into_iter().map(decode_text).collect());
                    }
                    Value::Number(id) if IDS.contains(&name.as_str()) => {
                        object.insert(
                            name,
                            id.as_u64()
                                .or(id.as_i64().map(i64::cast_unsigned))
                                .map_or(Value::Null, |id| format!("{id:x}").into()),
                        );
                    }
                    other => {
                        object.insert(name, decode(other));
                    }
                }
            }
            Value::Object(object)
        }
        other => other,
    }
}

fn decode_bytes(object: &mut Map<String, Value>, name: &str, coded: String) {
    match STANDARD.decode(&coded) {
        Ok(bytes) if name == "value" => insert_value(object, name, &bytes),
        Ok(bytes) => insert_bytes(object, name, &bytes),
        Err(_) => {
            object.insert(name.into(), coded.into());
        }
    }
}

/// One of several keys: text, or in base64 as it is.
fn decode_text(coded: Value) -> Value {
    let text = coded
        .as_str()
        .and_then(|coded| STANDARD.decode(coded).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(coded, Value::String)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_text_json_or_base64() {
        for (value, wanted) in [
            (
                &b"10"[..],
                r#"{"key":"a","value":"10","revision":7,"create_revision":0,"version":2,"lease":"1f"}"#,
            ),
            (
                br#"{"b":[1, 2]}"#,
                r#"{"key":"a","value":{"b":[1,2]},"revision":7,"create_revision":0,"version":2,"lease":"1f"}"#,
            ),
            (
                b"{broken",
                r#"{"key":"a","value":"{broken","revision":7,"create_revision":0,"version":2,"lease":"1f"}"#,
            ),
            (
                b"\xff\x00",
                r#"{"key":"a","value_base64":"/wA=","revision":7,"create_revision":0,"version":2,"lease":"1f"}"#,
            ),
        ] {
            let kv = PbKeyValue {
                key: b"a".to_vec(),
                value: value.to_vec(),
                mod_revision: 7,
                version: 2,
                lease: 31,
                ..PbKeyValue::default()
            };
            assert_eq!(pair(&kv).to_string(), wanted);
        }
    }

    #[test]
    fn the_json_of_etcdctl_is_decoded() {
        let json = serde_json::json!({
            "header": { "cluster_id": 14_841_639_068_965_178_418_u64, "revision": 7 },
            "leases": [{ "id": 31 }],
            "kvs": [{ "key": "YQ==", "value": "/wA=", "lease": 31 }],
            "keys": ["YQ==", "/wA="],
            "members": [{ "ID": 255, "name": "a" }],
        });
        let wanted = serde_json::json!({
            "header": { "cluster_id": "cdf818194e3a8c32", "revision": 7 },
            "leases": [{ "id": "1f" }],
            "kvs": [{ "key": "a", "value_base64": "/wA=", "lease": "1f" }],
            "keys": ["a", "/wA="],
            "members": [{ "ID": "ff", "name": "a" }],
        });
        assert_eq!(decode(json), wanted);
    }
}
