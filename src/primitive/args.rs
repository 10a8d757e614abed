//! The arguments of a call, checked against the primitive's [`Spec`](super::Spec).

use std::time::Duration;

use super::{Spec, Type};
use crate::error::{Error, Result, nearest};
use crate::value::{Map, Value, duration};

/// Arguments whose names and types are right.
#[derive(Clone, Debug)]
pub struct Args {
    options: Map,
    thing: Value,
}

impl Args {
    /// Check a call; a wrong key or type is an error with the nearest right one.
    pub fn check(spec: &Spec, thing: Value, options: Map) -> Result<Args> {
        let (name, takes) = spec.thing;
        let args = Args { options, thing };
        fits(takes, &args.thing).map_err(|want| wrong_type(spec, name, want, &args.thing))?;
        for (key, value) in &args.options {
            let arg = spec
                .args
                .iter()
                .find(|arg| arg.name == key)
                .ok_or_else(|| unknown_key(spec, key))?;
            fits(arg.takes, value).map_err(|want| wrong_type(spec, key, want, value))?;
        }
        Ok(args)
    }

    fn option(&self, key: &str) -> Option<&Value> {
        self.options.get(key).filter(|value| **value != Value::Null)
    }

    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.option(key).is_some()
    }

    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.option(key)
    }

    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.option(key)?.as_text().map(str::to_string)
    }

    #[must_use]
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.option(key)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    #[must_use]
    pub fn mode(&self, key: &str) -> Option<u32> {
        u32::try_from(self.option(key)?.as_int()?).ok()
    }

    #[must_use]
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.option(key)? {
            Value::Int(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            value => duration(value.as_text()?),
        }
    }

    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<String> {
        self.option(key).map_or_else(Vec::new, words)
    }

    /// The first argument as a text.
    #[must_use]
    pub fn thing(&self) -> String {
        self.thing.as_text().unwrap_or_default().to_string()
    }

    /// The first argument as one or more texts.
    #[must_use]
    pub fn things(&self) -> Vec<String> {
        words(&self.thing)
    }

    #[must_use]
    pub fn thing_value(&self) -> &Value {
        &self.thing
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::List(values) => values
            .iter()
            .filter_map(Value::as_text)
            .map(str::to_string)
            .collect(),
        value => value.as_text().map(str::to_string).into_iter().collect(),
    }
}

/// Is `value` of that type? If not: what it takes.
fn fits(takes: Type, value: &Value) -> std::result::Result<(), String> {
    let ok = match takes {
        _ if *value == Value::Null => return Ok(()),
        Type::Any => true,
        Type::Bool => matches!(value, Value::Bool(_)),
        Type::Duration => match value {
            Value::Int(seconds) => *seconds >= 0,
            value => value.as_text().is_some_and(|text| duration(text).is_some()),
        },
        Type::Mode => value
            .as_int()
            .is_some_and(|mode| (0..=0o7777).contains(&mode)),
        Type::OneOf(words) => value.as_text().is_some_and(|text| words.contains(&text)),
        Type::Path | Type::Text => value.as_text().is_some(),
        Type::Texts => match value {
            Value::List(values) => values.iter().all(|value| value.as_text().is_some()),
            value => value.as_text().is_some(),
        },
    };
    if ok { Ok(()) } else { Err(takes.to_string()) }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Type::Any => f.write_str("any value"),
            Type::Bool => f.write_str("true or false"),
            Type::Duration => f.write_str("a duration such as \"60s\""),
            Type::Mode => f.write_str("octal permissions such as 0o640"),
            Type::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Type::Path => f.write_str("a path"),
            Type::Text => f.write_str("a text"),
            Type::Texts => f.write_str("a text or a list of texts"),
        }
    }
}

fn wrong_type(spec: &Spec, key: &str, want: String, got: &Value) -> Box<Error> {
    let shown = match got {
        Value::Text(text) => format!("`{text}`"),
        Value::Int(number) => format!("`{number}`"),
        other => other.type_name().to_string(),
    };
    Error::config(format!(
        "`{key}` of `{}` takes {want}, not {shown}",
        spec.name
    ))
    .hint(format!("etcdsh help {}", spec.name))
}

/// The error for an option that the primitive does not have.
#[must_use]
pub(super) fn unknown_key(spec: &Spec, key: &str) -> Box<Error> {
    let error = Error::config(format!("`{}` has no option `{key}`", spec.name));
    match nearest(key, spec.args.iter().map(|arg| arg.name)) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error.hint(format!("etcdsh help {}", spec.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitive::find;

    fn check(options: &[(&str, Value)]) -> String {
        let options = options
            .iter()
            .map(|(key, value)| ((*key).to_string(), value.clone()))
            .collect();
        let spec = find("file").expect("there is `file`");
        match Args::check(spec, "/etc/x".into(), options) {
            Ok(_) => "ok".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn wrong_arguments_name_the_right_ones() {
        let rows: [(&[(&str, Value)], &str); 5] = [
            (
                &[("mode", Value::Int(0o640)), ("content", "x".into())],
                "ok",
            ),
            (
                &[("ownr", "etcd".into())],
                "`file` has no option `ownr`\n hint: did you mean `owner`?",
            ),
            (
                &[("mode", "0640".into())],
                "`mode` of `file` takes octal permissions such as 0o640, not `0640`\n hint: etcdsh help file",
            ),
            (
                &[("state", "gone".into())],
                "`state` of `file` takes one of file, directory, link, absent, not `gone`\n hint: etcdsh help file",
            ),
            (
                &[("owner", Value::Bool(true))],
                "`owner` of `file` takes a text, not a bool\n hint: etcdsh help file",
            ),
        ];
        for (options, want) in rows {
            assert_eq!(check(options), want);
        }
    }
}
