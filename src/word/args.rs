//! The arguments of a call, checked against its [`Word`].

use std::time::Duration;

use super::Word;
use crate::error::{Error, Hint, Result, nearest};
use crate::value::{Map, Value, duration};

/// Arguments whose names and types are right.
#[derive(Clone, Debug)]
pub struct Args {
    options: Map,
    thing: Value,
}

impl Args {
    /// Check a call of a word with one argument and options; a wrong key or type is an error with the nearest right one.
    pub fn check(word: &Word, thing: Value, options: Map) -> Result<Args> {
        if let Some(arg) = word.args.first()
            && !arg.takes.fits(&thing)
        {
            return Err(wrong_type(
                word.name,
                arg.name,
                &arg.takes.to_string(),
                &thing,
            ));
        }
        let args = Args::of_options(word, options)?;
        Ok(Args { thing, ..args })
    }

    /// Check the options of a call alone.
    pub fn of_options(word: &Word, options: Map) -> Result<Args> {
        Args::of_call(word.name, word, options)
    }

    /// The same for a word that was called by another name.
    pub fn of_call(called: &str, word: &Word, options: Map) -> Result<Args> {
        for (key, value) in &options {
            let arg = word
                .option(key)
                .ok_or_else(|| unknown_key(called, word, key))?;
            if !arg.takes.fits(value) {
                return Err(wrong_type(called, key, &arg.takes.to_string(), value));
            }
        }
        Ok(Args {
            options,
            thing: Value::Null,
        })
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
    pub fn int(&self, key: &str) -> Option<i64> {
        self.option(key)?.as_int()
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

/// The error for an argument of another type: what is wanted, and what was given.
#[must_use]
pub fn wrong_type(called: &str, key: &str, want: &str, got: &Value) -> Box<Error> {
    Error::config(format!(
        "`{key}` of `{called}` takes {want}, not {}",
        shown(got)
    ))
    .hint(Hint::Help(called.to_string()))
}

/// The error for something else where the map of options stands.
#[must_use]
pub fn no_options(word: &Word, got: &Value) -> Box<Error> {
    Error::config(format!(
        "the options of `{}` are a map, not {}",
        word.name,
        shown(got)
    ))
    .hint(Hint::Help(word.name.to_string()))
}

fn shown(got: &Value) -> String {
    match got {
        Value::Text(text) => format!("`{text}`"),
        Value::Int(number) => format!("`{number}`"),
        other => other.type_name().to_string(),
    }
}

/// The error for an option that the word does not have.
#[must_use]
pub fn unknown_key(called: &str, word: &Word, key: &str) -> Box<Error> {
    let error = Error::config(format!("`{called}` has no option `{key}`"));
    match nearest(key, word.options.iter().map(|arg| arg.name)) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error.hint(Hint::Help(called.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitive;

    fn check(options: &[(&str, Value)]) -> String {
        let options = options
            .iter()
            .map(|(key, value)| ((*key).to_string(), value.clone()))
            .collect();
        let mut specs = primitive::ALL.iter();
        let spec = specs
            .find(|spec| spec.word.name == "file")
            .expect("there is `file`");
        match Args::check(&spec.word, "/etc/x".into(), options) {
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
