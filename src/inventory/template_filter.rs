//! The filters and methods of Ansible that minijinja does not have or has otherwise.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value as Jinja};
use regex::Regex;

use super::template::{from_jinja, to_jinja};
use super::value::Value;

type Result<T> = std::result::Result<T, Error>;

/// Around the index of a printed value, until it is known whether it is alone.
const MARK: (char, char) = ('\u{F0000}', '\u{F0001}');

/// Render a template. When all it prints is one value, that value keeps its type.
pub(super) fn render(text: &str, context: Jinja) -> Result<Value> {
    let printed: Arc<Mutex<Vec<Value>>> = Arc::default();
    let mut env = environment();
    let print = Arc::clone(&printed);
    env.set_formatter(move |out, _, value| {
        let value = from_jinja(value)?;
        let mut printed = print.lock().unwrap_or_else(PoisonError::into_inner);
        printed.push(value);
        write!(out, "{}{}{}", MARK.0, printed.len() - 1, MARK.1).map_err(Error::from)
    });
    let text = with_literal_backslashes(text);
    let output = env.template_from_str(&text)?.render(context)?;
    let printed = std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(filled_in(&output, &printed))
}

fn filled_in(output: &str, printed: &[Value]) -> Value {
    let mut text = String::new();
    let mut rest = output;
    while let Some((before, (index, after))) = rest
        .split_once(MARK.0)
        .and_then(|(before, rest)| Some((before, rest.split_once(MARK.1)?)))
    {
        let value = index
            .parse::<usize>()
            .ok()
            .and_then(|index| printed.get(index));
        if before.is_empty() && after.is_empty() && rest.len() == output.len() {
            return value.cloned().unwrap_or(Value::Null);
        }
        text.push_str(before);
        // Beside other text nothing is printed for `none`.
        text.push_str(
            &value
                .filter(|value| **value != Value::Null)
                .map(Value::to_text)
                .unwrap_or_default(),
        );
        rest = after;
    }
    text.push_str(rest);
    // Ansible gives `none`, not an empty text, for a template that prints nothing at all.
    if output.is_empty() {
        Value::Null
    } else {
        Value::Str(text)
    }
}

/// Ansible takes a backslash in a string of an expression as it is, so that `'\1'` can be written.
fn with_literal_backslashes(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match (quote, letter, next) {
            (None, '{', Some('{')) => inside = true,
            (None, '}', Some('}')) => inside = false,
            (None, '\'' | '"', _) if inside => quote = Some(letter),
            (Some(mark), _, _) if letter == mark => quote = None,
            (Some(mark), '\\', Some(next)) if next != mark => out.push('\\'),
            _ => {}
        }
        out.push(letter);
    }
    out
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    if let Ok(syntax) = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .build()
    {
        env.set_syntax(syntax);
    }
    env.set_unknown_method_callback(|_, value, name, args| method(value, name, args));
    env.add_filter("bool", |value: &Jinja| {
        Ok::<_, Error>(from_jinja(value)?.as_bool().unwrap_or(false))
    });
    env.add_filter("int", int);
    env.add_filter("string", |value: &Jinja| text_of(value));
    env.add_filter("join", join);
    env.add_filter("ternary", ternary);
    env.add_filter("mandatory", |value: &Jinja| {
        if value.is_undefined() {
            Err(Error::from(ErrorKind::UndefinedError))
        } else {
            Ok(value.clone())
        }
    });
    env.add_filter("combine", combine);
    env.add_filter("difference", |a: &Jinja, b: &Jinja| keep(a, b, false));
    env.add_filter("intersect", |a: &Jinja, b: &Jinja| keep(a, b, true));
    env.add_filter("union", |a: &Jinja, b: &Jinja| {
        Ok::<_, Error>(distinct(items(a)?.into_iter().chain(items(b)?)))
    });
    env.add_filter("dict2items", dict2items);
    env.add_filter("basename", |path: String| {
        path.rsplit('/').next().unwrap_or("").to_string()
    });
    env.add_filter("dirname", |path: String| {
        path.rsplit_once('/')
            .map(|(dir, _)| dir.to_string())
            .unwrap_or_default()
    });
    env.add_filter("regex_replace", regex_replace);
    env
}

fn text_of(value: &Jinja) -> Result<String> {
    Ok(from_jinja(value)?.to_text())
}

fn items(value: &Jinja) -> Result<Vec<Jinja>> {
    Ok(value.try_iter()?.collect())
}

fn int(value: &Jinja, default: Option<i64>) -> Result<Jinja> {
    let value = from_jinja(value)?;
    let number = match &value {
        Value::Big(_) => return Ok(to_jinja(&value)),
        Value::Bool(value) => Some(i64::from(*value)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "cutting off is what Python's int() does"
        )]
        Value::Float(number) => Some(number.trunc() as i64),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "cutting off is what Python's int() does"
        )]
        Value::Str(text) => value.as_int().or_else(|| {
            text.trim()
                .parse::<f64>()
                .ok()
                .map(|number| number.trunc() as i64)
        }),
        other => other.as_int(),
    };
    Ok(Jinja::from(number.or(default).unwrap_or(0)))
}

fn join(value: &Jinja, separator: Option<String>) -> Result<String> {
    let texts: Result<Vec<String>> = items(value)?.iter().map(text_of).collect();
    Ok(texts?.join(&separator.unwrap_or_default()))
}

fn ternary(value: &Jinja, yes: Jinja, no: Jinja, none: Option<Jinja>) -> Jinja {
    match none {
        Some(none) if value.kind() == ValueKind::None => none,
        _ if value.is_true() => yes,
        _ => no,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn combine(first: &Jinja, others: Rest<Jinja>) -> Result<Jinja> {
    let mut map = indexmap::IndexMap::new();
    for value in std::iter::once(first).chain(others.iter()) {
        let Value::Map(more) = from_jinja(value)? else {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "combine needs mappings",
            ));
        };
        map.extend(more);
    }
    Ok(to_jinja(&Value::Map(map)))
}

fn keep(a: &Jinja, b: &Jinja, common: bool) -> Result<Vec<Jinja>> {
    let other = items(b)?;
    Ok(distinct(
        items(a)?
            .into_iter()
            .filter(|item| other.contains(item) == common),
    ))
}

fn distinct(items: impl Iterator<Item = Jinja>) -> Vec<Jinja> {
    let mut found: Vec<Jinja> = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

fn dict2items(value: &Jinja) -> Result<Vec<Jinja>> {
    let pair = |key: Jinja| {
        let item = value.get_item(&key)?;
        Ok(Jinja::from_pairs([("key", key), ("value", item)]))
    };
    value.try_iter()?.map(pair).collect()
}

fn regex_replace(text: &str, pattern: &str, replacement: &str) -> Result<String> {
    let bad = |error: regex::Error| Error::new(ErrorKind::InvalidOperation, error.to_string());
    let regex = Regex::new(pattern).map_err(bad)?;
    // Python writes groups as `\1`, this crate as `${1}`.
    let groups = Regex::new(r"\\(\d)").map_err(bad)?;
    let replacement = replacement.replace('$', "$$");
    let replacement = groups.replace_all(&replacement, "$${$1}").into_owned();
    Ok(regex.replace_all(text, replacement.as_str()).into_owned())
}

/// The methods of Python's strings and dictionaries that templates use most.
fn method(value: &Jinja, name: &str, args: &[Jinja]) -> Result<Jinja> {
    let text = |index: usize| args.get(index).and_then(Jinja::as_str);
    if let Some(own) = value.as_str() {
        match (name, text(0), text(1)) {
            ("upper", None, None) => return Ok(Jinja::from(own.to_uppercase())),
            ("lower", None, None) => return Ok(Jinja::from(own.to_lowercase())),
            ("strip", None, None) => return Ok(Jinja::from(own.trim())),
            ("split", None, None) => return Ok(own.split_whitespace().map(Jinja::from).collect()),
            ("split", Some(separator), None) => {
                return Ok(own.split(separator).map(Jinja::from).collect());
            }
            ("startswith", Some(start), None) => return Ok(Jinja::from(own.starts_with(start))),
            ("endswith", Some(end), None) => return Ok(Jinja::from(own.ends_with(end))),
            ("replace", Some(from), Some(to)) => return Ok(Jinja::from(own.replace(from, to))),
            _ => {}
        }
    }
    if value.kind() == ValueKind::Map {
        match (name, args) {
            ("keys", []) => return Ok(Jinja::from(items(value)?)),
            ("values", []) => {
                return items(value)?
                    .iter()
                    .map(|key| value.get_item(key))
                    .collect::<Result<Vec<_>>>()
                    .map(Jinja::from);
            }
            ("items", []) => {
                let pairs = items(value)?
                    .into_iter()
                    .map(|key| Ok(Jinja::from(vec![key.clone(), value.get_item(&key)?])));
                return pairs.collect::<Result<Vec<_>>>().map(Jinja::from);
            }
            ("get", [key, rest @ ..]) => {
                let item = value.get_item(key)?;
                let absent = || rest.first().cloned().unwrap_or(Jinja::from(()));
                return Ok(if item.is_undefined() { absent() } else { item });
            }
            _ => {}
        }
    }
    Err(Error::new(
        ErrorKind::UnknownMethod,
        format!("`{name}` of {}", value.kind()),
    ))
}
