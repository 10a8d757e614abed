//! The filters and tests of Ansible that minijinja does not have or has otherwise: a table, and those about single values.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value as Jinja};

use super::super::value::Value;
use super::convert::{from_jinja, to_jinja};
use super::{list, pattern, text, version, yaml};

pub(super) type Result<T> = std::result::Result<T, Error>;

/// Functions that templates may call.
pub(super) const FUNCTIONS: &[&str] = &["dict", "lookup", "namespace", "q", "query", "range"];

/// The filters of minijinja itself.
const OF_JINJA: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "items",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

const OF_OURS: &[&str] = &[
    "b64decode",
    "b64encode",
    "basename",
    "bool",
    "checksum",
    "combine",
    "dict2items",
    "difference",
    "dirname",
    "extract",
    "flatten",
    "from_json",
    "from_yaml",
    "hash",
    "int",
    "intersect",
    "items2dict",
    "join",
    "mandatory",
    "md5",
    "path_join",
    "quote",
    "regex_escape",
    "regex_findall",
    "regex_replace",
    "regex_search",
    "sha1",
    "splitext",
    "string",
    "symmetric_difference",
    "ternary",
    "to_json",
    "to_nice_json",
    "to_nice_yaml",
    "to_yaml",
    "type_debug",
    "union",
];

const TESTS_OF_JINJA: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

const TESTS_OF_OURS: &[&str] = &[
    "all",
    "any",
    "contains",
    "falsy",
    "issubset",
    "issuperset",
    "match",
    "regex",
    "search",
    "subset",
    "superset",
    "truthy",
    "version",
    "version_compare",
];

pub(super) fn names() -> Vec<&'static str> {
    [OF_JINJA, OF_OURS].concat()
}

pub(super) fn test_names() -> Vec<&'static str> {
    [TESTS_OF_JINJA, TESTS_OF_OURS].concat()
}

pub(super) fn add_all(env: &mut Environment<'static>) {
    env.set_unknown_method_callback(method);
    env.add_filter("bool", |value: &Jinja| {
        Ok::<_, Error>(from_jinja(value)?.as_bool().unwrap_or(false))
    });
    env.add_filter("int", int);
    env.add_filter("string", |value: &Jinja| text_of(value));
    env.add_filter("ternary", ternary);
    env.add_filter("mandatory", mandatory);
    env.add_filter("type_debug", |value: &Jinja| {
        from_jinja(value).map(|value| type_name(&value))
    });
    env.add_test("truthy", |value: &Jinja, how: Kwargs| truthy(value, &how));
    env.add_test("falsy", |value: &Jinja, how: Kwargs| {
        truthy(value, &how).map(|yes| !yes)
    });
    list::add_all(env);
    pattern::add_all(env);
    text::add_all(env);
    version::add_all(env);
    yaml::add_all(env);
}

pub(super) fn wrong(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why.into())
}

pub(super) fn text_of(value: &Jinja) -> Result<String> {
    Ok(from_jinja(value)?.to_text())
}

/// An option that is true or false, by its place or by its name.
pub(super) fn flag(options: &Kwargs, name: &str) -> Result<bool> {
    Ok(options
        .get::<Option<Jinja>>(name)?
        .is_some_and(|value| value.is_true()))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn int(value: &Jinja, placed: Rest<Jinja>, named: Kwargs) -> Result<Jinja> {
    let given = Given::new(&placed, &named);
    let default = given.get(0, "default")?.map(i64::try_from).transpose()?;
    let base = given.get(1, "base")?.map(u32::try_from).transpose()?;
    given.done()?;
    let value = from_jinja(value)?;
    if let (Some(base @ 2..=36), Some(text)) = (base, value.as_str()) {
        let digits = text.trim().trim_start_matches("0x");
        let number = i64::from_str_radix(digits, base).ok();
        return Ok(Jinja::from(number.or(default).unwrap_or(0)));
    }
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

fn ternary(value: &Jinja, yes: Jinja, no: Jinja, none: Option<Jinja>) -> Jinja {
    match none {
        Some(none) if value.kind() == ValueKind::None => none,
        _ if value.is_true() => yes,
        _ => no,
    }
}

fn mandatory(value: &Jinja, message: Option<String>) -> Result<Jinja> {
    match message {
        _ if !value.is_undefined() => Ok(value.clone()),
        Some(message) => Err(wrong(message)),
        None => Err(Error::from(ErrorKind::UndefinedError)),
    }
}

fn truthy(value: &Jinja, how: &Kwargs) -> Result<bool> {
    let value_is = value.is_true();
    if !flag(how, "convert_bool")? {
        return Ok(value_is);
    }
    Ok(from_jinja(value)?.as_bool().unwrap_or(value_is))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Big(_) | Value::Int(_) => "int",
        Value::Bool(_) => "bool",
        Value::Float(_) => "float",
        Value::List(_) => "list",
        Value::Map(_) => "dict",
        Value::Null => "NoneType",
        Value::Secret(_) | Value::Str(_) | Value::Unsafe(_) | Value::Vault(_) => "str",
    }
}

/// The methods of Python's strings, lists and dictionaries.
fn method(state: &mut State, value: &Jinja, name: &str, args: &[Jinja]) -> Result<Jinja> {
    if let Some(own) = value.as_str()
        && let Some(answer) = of_text(own, name, args)?
    {
        return Ok(answer);
    }
    if value.kind() == ValueKind::Seq && name == "index" {
        return index(value, args);
    }
    if value.kind() == ValueKind::Map && name == "get" {
        let key = args.first().ok_or(ErrorKind::MissingArgument)?;
        let item = value.get_item(key)?;
        let absent = || args.get(1).cloned().unwrap_or(Jinja::from(()));
        return Ok(if item.is_undefined() { absent() } else { item });
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args).map_err(
        |error| match error.kind() {
            ErrorKind::UnknownMethod => Error::new(
                ErrorKind::UnknownMethod,
                format!("`{name}` of {}", value.kind()),
            ),
            _ => error,
        },
    )
}

/// Those of strings that `minijinja-contrib` does not have.
fn of_text(own: &str, name: &str, args: &[Jinja]) -> Result<Option<Jinja>> {
    let number = |at: usize| {
        args.get(at)
            .and_then(|arg| usize::try_from(arg.clone()).ok())
    };
    let Some(width) = number(0) else {
        return Ok(None);
    };
    let fill = args.get(1).and_then(Jinja::as_str).unwrap_or(" ");
    let lacks = width.saturating_sub(own.chars().count());
    if lacks > 10_000 {
        return Err(wrong(format!("`{name}` makes no text of {width} letters")));
    }
    let blanks = fill.repeat(lacks);
    Ok(match name {
        "ljust" => Some(Jinja::from(format!("{own}{blanks}"))),
        "rjust" => Some(Jinja::from(format!("{blanks}{own}"))),
        "zfill" => {
            let digits = own.trim_start_matches(['-', '+']);
            let sign = &own[..own.len() - digits.len()];
            Some(Jinja::from(format!("{sign}{}{digits}", "0".repeat(lacks))))
        }
        _ => None,
    })
}

fn index(value: &Jinja, args: &[Jinja]) -> Result<Jinja> {
    let wanted = args.first().ok_or(ErrorKind::MissingArgument)?;
    let place = value.try_iter()?.position(|item| item == *wanted);
    let absent = || {
        wrong(format!(
            "{} is not in the list",
            from_jinja(wanted).map_or_else(
                |_| wanted.to_string(),
                |value| Value::List(vec![value]).to_text()
            )
        ))
    };
    place.map(Jinja::from).ok_or_else(absent)
}

/// What a filter takes beside its value: by place or by name.
pub(super) struct Given<'a> {
    named: &'a Kwargs,
    placed: &'a [Jinja],
}

impl<'a> Given<'a> {
    pub(super) fn new(placed: &'a Rest<Jinja>, named: &'a Kwargs) -> Given<'a> {
        Given {
            named,
            placed: placed.as_slice(),
        }
    }

    pub(super) fn get(&self, place: usize, name: &str) -> Result<Option<Jinja>> {
        match self.placed.get(place) {
            Some(value) => Ok(Some(value.clone())),
            None => self.named.get(name),
        }
    }

    pub(super) fn flag(&self, place: usize, name: &str) -> Result<bool> {
        Ok(self.get(place, name)?.is_some_and(|value| value.is_true()))
    }

    pub(super) fn text(&self, place: usize, name: &str, default: &str) -> Result<String> {
        match self.get(place, name)? {
            Some(value) => text_of(&value),
            None => Ok(default.to_string()),
        }
    }

    pub(super) fn number(&self, place: usize, name: &str) -> Result<Option<usize>> {
        self.get(place, name)?.map(usize::try_from).transpose()
    }

    /// No name is given that the filter does not have.
    pub(super) fn done(&self) -> Result<()> {
        self.named.assert_all_used()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_tables_is_there() {
        let mut env = Environment::new();
        add_all(&mut env);
        for name in names() {
            let text = format!("{{{{ '{name}' is filter }}}}");
            assert_eq!(env.render_str(&text, ()).unwrap(), "True", "{name}");
        }
        for name in test_names() {
            let text = format!("{{{{ '{name}' is test }}}}");
            assert_eq!(env.render_str(&text, ()).unwrap(), "True", "{name}");
        }
    }
}
