//! `-o json`: what etcd holds, decoded: keys and values as text, values that are JSON as JSON, ids in hex.

use etcd_client::proto::{PbKeyValue, PbResponseHeader};
use serde_json::{Map, Value};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::print::Reply;

/// Bytes under `name` when they are text, else in base64 under `name_base64`.
pub(super) fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.into(), text.into()),
        Err(_) => object.insert(format!("{name}_base64"), STANDARD.encode(bytes).into()),
    };
}

/// A value is decoded further when it is an object or a list; a number stays the text that it is in etcd.
pub(super) fn insert_value(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match structured(bytes) {
        Some(value) => {
            object.insert(name.into(), value);
        }
        None => insert_bytes(object, name, bytes),
    }
}

/// The object or list that the bytes are the JSON of.
pub(super) fn structured(bytes: &[u8]) -> Option<Value> {
    let first = bytes.trim_ascii_start().first()?;
    if matches!(first, b'{' | b'[') { serde_json::from_slice(bytes).ok() } else { None }
}

pub(super) fn pair(kv: &PbKeyValue) -> Value {
    let mut object = Map::new();
    insert_bytes(&mut object, "key", &kv.key);
    insert_value(&mut object, "value", &kv.value);
    object.insert("revision".into(), kv.mod_revision.into());
    object.insert("create_revision".into(), kv.create_revision.into());
    object.insert("version".into(), kv.version.into());
    insert_lease(&mut object, kv.lease);
    Value::Object(object)
}

pub(super) fn insert_lease(object: &mut Map<String, Value>, lease: i64) {
    if lease != 0 {
        object.insert("lease".into(), format!("{lease:x}").into());
    }
}

/// An object that begins with the revision that the cluster is at.
pub(super) fn with_revision(header: Option<&PbResponseHeader>, fill: impl FnOnce(&mut Map<String, Value>)) -> Value {
    let mut object = Map::new();
    if let Some(header) = header {
        object.insert("revision".into(), header.revision.into());
    }
    fill(&mut object);
    Value::Object(object)
}

pub(super) fn object(object: Map<String, Value>) -> Value {
    Value::Object(object)
}

pub(super) fn reply(reply: &dyn Reply) -> Value {
    reply.decoded().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_text_json_or_base64() {
        for (value, wanted) in [
            (&b"10"[..], r#"{"key":"a","value":"10","revision":7,"create_revision":0,"version":2,"lease":"1f"}"#),
            (br#"{"b":[1, 2]}"#, r#"{"key":"a","value":{"b":[1,2]},"revision":7,"create_revision":0,"version":2,"lease":"1f"}"#),
            (b"{broken", r#"{"key":"a","value":"{broken","revision":7,"create_revision":0,"version":2,"lease":"1f"}"#),
            (b"\xff\x00", r#"{"key":"a","value_base64":"/wA=","revision":7,"create_revision":0,"version":2,"lease":"1f"}"#),
        ] {
            let kv = PbKeyValue { key: b"a".to_vec(), value: value.to_vec(), mod_revision: 7, version: 2, lease: 31, ..PbKeyValue::default() };
            assert_eq!(pair(&kv).to_string(), wanted);
        }
    }
}
