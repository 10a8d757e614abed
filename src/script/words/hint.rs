//! A hint as a script writes it: a text, or a map that says what is meant, so that the console can say it in its words.

use crate::error::{Error, Hint, Result, nearest};
use crate::value::{Map, Value};

/// The keys of a map, in the order in which they are said.
const KEYS: [&str; 9] = [
    "without", "etcd", "etcdsh", "run", "limit", "set", "tags", "text", "note",
];

/// One hint, or a list of them.
pub(super) fn all_of(value: &Value) -> Result<Vec<Hint>> {
    match value {
        Value::List(hints) => hints.iter().map(of).collect(),
        one => Ok(vec![of(one)?]),
    }
}

fn of(value: &Value) -> Result<Hint> {
    match value {
        Value::Text(text) => Ok(Hint::Text(text.clone())),
        Value::Secret(secret) => Ok(Hint::Text(secret.to_string())),
        Value::Map(map) => of_map(map),
        _ => Err(Error::config("a hint is a text or a map")),
    }
}

fn of_map(map: &Map) -> Result<Hint> {
    if let Some(wrong) = map.keys().find_map(|key| unknown_key(key)) {
        return Err(wrong);
    }
    if let Some((key, _)) = map.iter().find(|(_, value)| written(value).is_none()) {
        return Err(Error::config(format!("`{key}` of a hint takes a text")));
    }
    let text = |key: &str| map.get(key).and_then(written);
    let mut hints: Vec<Hint> = KEYS
        .iter()
        .filter_map(|key| {
            let value = text(key)?;
            Some(match *key {
                "without" => Hint::Without(value),
                "etcd" => Hint::Etcd(value),
                "etcdsh" => Hint::program(&value),
                "run" => Hint::Run {
                    command: value,
                    on: text("on").unwrap_or_else(|| "all".into()),
                },
                "limit" => Hint::Limit(value),
                "set" => Hint::Set(value),
                "tags" => Hint::Tags(value.split(',').map(str::to_string).collect()),
                "note" => Hint::Note(value),
                _ => Hint::Text(value),
            })
        })
        .collect();
    match hints.len() {
        0 => Err(Error::config("a hint says nothing")
            .hint(format!("there are {} and on", KEYS.join(", ")))),
        1 => Ok(hints.remove(0)),
        _ => Ok(Hint::All(hints)),
    }
}

/// The error for a key that no hint has.
pub(in crate::script) fn unknown_key(key: &str) -> Option<Box<Error>> {
    if key == "on" || KEYS.contains(&key) {
        return None;
    }
    let error = Error::config(format!("a hint has no `{key}`"));
    Some(match nearest(key, KEYS) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("there are {} and on", KEYS.join(", "))),
    })
}

fn written(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        // A hint is read, not carried out.
        Value::Secret(secret) => Some(secret.to_string()),
        other => other.as_text().map(str::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Value {
        let pairs = pairs.iter();
        Value::Map(
            pairs
                .map(|(key, value)| ((*key).to_string(), Value::from(*value)))
                .collect(),
        )
    }

    #[test]
    fn a_map_says_what_is_meant() {
        let rows = [
            (
                map(&[("run", "journalctl -u etcd -n 50"), ("on", "db-1")]),
                "etcdsh run db-1 -b -- journalctl -u etcd -n 50",
            ),
            (
                map(&[
                    ("set", "etcd_init=existing"),
                    ("limit", "db-1"),
                    ("etcd", "member remove 2b"),
                ]),
                "etcdsh e member remove 2b, then -l db-1 -e etcd_init=existing",
            ),
            (
                map(&[("tags", "etcd_config,etcd_launch"), ("note", "mends it")]),
                "-t etcd_config,etcd_launch   # mends it",
            ),
            (
                map(&[("without", "a=b"), ("text", "all is well")]),
                "without -e a=b all is well",
            ),
            (Value::from("df -h"), "df -h"),
        ];
        for (value, wanted) in rows {
            assert_eq!(all_of(&value).unwrap(), [wanted]);
        }
    }

    #[test]
    fn a_map_with_another_key_is_a_mistake() {
        let error = all_of(&map(&[("limti", "db-1")])).unwrap_err();
        assert_eq!(error.what, "a hint has no `limti`");
        assert_eq!(error.hints, ["did you mean `limit`?"]);
        assert!(all_of(&Value::Map(Map::new())).is_err());
    }
}
