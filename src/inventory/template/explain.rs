//! Why a template failed, in the words of who wrote it: the variable, the filter, the place.

use minijinja::{Error as JinjaError, ErrorKind};
use regex::Regex;

use super::super::node::Spot;
use super::super::vault::Closed;
use super::filter;
use super::scope::{Failure, Missing, Scope};
use crate::error::{Error, Hint, Place, nearest};

impl Scope {
    pub(super) fn explain(
        &self,
        name: &str,
        text: &str,
        at: Option<&Spot>,
        error: &JinjaError,
    ) -> Failure {
        if let Some(mut failure) = self.carried_by(error) {
            // A lookup does not know where it stands; the template of another variable does.
            failure.error = self.placed(failure.error, name, text, at, error);
            return failure;
        }
        let absent = absent(error);
        let undefined = absent.is_some() || error.kind() == ErrorKind::UndefinedError;
        if let Some(failure) = absent.and_then(|absent| self.behind(absent)) {
            return failure;
        }
        let made = match absent {
            Some(absent) => self.undefined(name, absent),
            None if undefined => match self.last_missing() {
                Some(Missing::Variable { name: missing, .. }) => self.undefined(name, &missing),
                _ => Error::config(format!("a value in `{text}` is not defined")),
            },
            None => does_not_work(name, error),
        };
        Failure {
            error: self.placed(made, name, text, at, error),
            undefined,
        }
    }

    fn last_missing(&self) -> Option<Missing> {
        self.state(|state| state.missing.last().cloned())
    }

    /// The failure of a template inside, if this error only passes it on.
    fn carried_by(&self, error: &JinjaError) -> Option<Failure> {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = source {
            let detail = error
                .downcast_ref::<JinjaError>()
                .and_then(JinjaError::detail);
            if let Some(index) = detail.and_then(|detail| detail.strip_prefix('\0')) {
                let index: usize = index.parse().ok()?;
                return self.state(|state| state.failures.get(index).cloned());
            }
            source = error.source();
        }
        None
    }

    /// The failure of the variable's own template, where the variable is there and needs one that is not.
    fn behind(&self, absent: &str) -> Option<Failure> {
        let key = match self.last_missing() {
            Some(Missing::Variable { host, name }) if absent.starts_with("hostvars") => {
                (host, name)
            }
            _ => (self.host.clone(), root(absent).to_string()),
        };
        self.state(|state| {
            let index = state.unset.get(&key)?;
            state.failures.get(*index).cloned()
        })
    }

    /// The error for an expression that has no value: `port`, `map.key`, `hostvars[...].port`.
    fn undefined(&self, name: &str, absent: &str) -> Box<Error> {
        let needed = if name.is_empty() {
            String::new()
        } else {
            format!(", which `{name}` needs,")
        };
        if absent.starts_with("hostvars[") || absent.starts_with("hostvars.") {
            match self.last_missing() {
                Some(Missing::Host(host)) => return self.unknown_host(&host, &needed),
                Some(Missing::Variable { host, name }) => {
                    let error = Error::config(format!(
                        "variable `{name}` of host {host}{needed} is not defined"
                    ));
                    let known = Scope::of(&self.world, &host).names();
                    return match nearest(&name, known.iter().map(String::as_str)) {
                        Some(near) => error.hint(format!("did you mean `{near}`?")),
                        None => error,
                    };
                }
                None => {}
            }
        }
        if root(absent) != absent {
            return Error::config(format!("`{absent}`{needed} is not defined"));
        }
        let error = Error::config(format!("variable `{absent}`{needed} is not defined"));
        if absent == "ansible_facts" {
            return error.because("templates have no facts, only variables");
        }
        match nearest(absent, self.names().iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(Hint::Set(format!("{absent}=VALUE"))),
        }
    }

    fn unknown_host(&self, host: &str, needed: &str) -> Box<Error> {
        let error = Error::config(format!(
            "there is no host `{host}` in the inventory{}",
            needed.trim_end_matches(',')
        ));
        let known = self.world.inventory.hosts();
        match nearest(host, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(Hint::Hosts),
        }
    }

    /// The error with its place: a line of the template's file, or where the variable is written.
    fn placed(
        &self,
        made: Box<Error>,
        name: &str,
        text: &str,
        at: Option<&Spot>,
        error: &JinjaError,
    ) -> Box<Error> {
        let file = self.world.given.file.as_ref();
        match (file.filter(|_| name.is_empty()), error.line()) {
            (Some(file), Some(line)) => made.at(Place {
                column: 0,
                file: file.clone(),
                line,
                text: text.lines().nth(line - 1).unwrap_or("").to_string(),
            }),
            _ => located(made, at),
        }
    }
}

fn does_not_work(name: &str, error: &JinjaError) -> Box<Error> {
    let what = if name.is_empty() {
        "the template does not work".to_string()
    } else {
        format!("the template of `{name}` does not work")
    };
    let (why, hint) = reason(error);
    let made = Error::config(what).because(why);
    match hint {
        Some(hint) => made.hint(hint),
        None => made,
    }
}

/// The expression that has no value, where the error names it.
fn absent(error: &JinjaError) -> Option<&str> {
    let detail = error.detail()?;
    let (before, _) = detail.rsplit_once("` is undefined")?;
    before.rsplit_once('`').map(|(_, expression)| expression)
}

/// The variable that an expression begins with.
fn root(expression: &str) -> &str {
    expression.split(['.', '[']).next().unwrap_or(expression)
}

/// Why minijinja refuses a template, and what to write instead.
fn reason(error: &JinjaError) -> (String, Option<String>) {
    let detail = error.detail().unwrap_or_default();
    let unknown = |kind: &str, names: &[&'static str]| {
        let word = detail
            .split(' ')
            .find(|word| !["filter", "test"].contains(word));
        let word = word.filter(|word| !word.is_empty() && detail.ends_with(" is unknown"));
        match word {
            Some(word) => (
                format!("there is no {kind} `{word}`"),
                nearest(word, names.iter().copied()).map(|near| format!("did you mean `{near}`?")),
            ),
            None => in_span(error, kind, names),
        }
    };
    match error.kind() {
        ErrorKind::UnknownFilter => unknown("filter", &filter::names()),
        ErrorKind::UnknownTest => unknown("test", &filter::test_names()),
        ErrorKind::UnknownFunction => unknown("function", filter::FUNCTIONS),
        kind if detail.is_empty() => (kind.to_string(), None),
        ErrorKind::InvalidOperation => (detail.to_string(), None),
        kind => (format!("{kind}: {detail}"), None),
    }
}

/// The name is an argument of `map`, `select` or the like.
fn in_span(error: &JinjaError, kind: &str, names: &[&str]) -> (String, Option<String>) {
    let span = error.template_source().zip(error.range());
    let span = span.and_then(|(text, range)| text.get(range)).unwrap_or("");
    let named = Regex::new(
        r#"(?:map|select|reject)\(\s*['"](\w+)|(?:select|reject)attr\([^,]*,\s*['"](\w+)"#,
    )
    .expect("a regular expression");
    let words = named.captures_iter(span);
    let words = words.filter_map(|found| found.iter().skip(1).flatten().next());
    match words
        .map(|word| word.as_str())
        .find(|word| !names.contains(word))
    {
        Some(word) => (
            format!("there is no {kind} `{word}`"),
            nearest(word, names.iter().copied()).map(|near| format!("did you mean `{near}`?")),
        ),
        None => (format!("there is a {kind} that is unknown"), None),
    }
}

pub(super) fn closed_variable(name: &str, closed: &Closed) -> Box<Error> {
    let error = closed.error(&format!("variable `{name}`"));
    if *closed != Closed::NoPassword {
        return error;
    }
    error.hint(Hint::All(vec![
        "or pass it in the clear:".into(),
        Hint::Set(format!("{name}=VALUE")),
    ]))
}

pub(super) fn located(error: Box<Error>, at: Option<&Spot>) -> Box<Error> {
    match at {
        Some(at) => error.at(at.place()),
        None => error,
    }
}
