//! Values that hold Jinja are rendered when they are asked for, with the other variables of the host.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error as JinjaError, ErrorKind, Value as Jinja};

use super::layer::{MAGIC, Var, Vars};
use super::node::Spot;
use super::value::Value;
use super::vault::Closed;
use super::{Inventory, Vault, template_filter};
use crate::error::{Error, Hint, Result, nearest};
use crate::secret::Secret;

/// Variables that refer to variables that refer to ... this often are a mistake.
const DEPTH: usize = 40;

impl Inventory {
    /// The value of a host's variable, templates rendered; `None` when it is not set.
    pub fn var(&self, host: &str, name: &str) -> Result<Option<Value>> {
        if MAGIC.contains(&name) {
            return Ok(self.magic_vars(host).get(name).cloned());
        }
        // Asked for often: only a template needs all the variables of the host.
        let Some(var) = self.strongest(host, name) else {
            return Ok(None);
        };
        if is_ready(&var.value) {
            return Ok(Some(var.value));
        }
        let scope = Arc::new(Scope::new(self, host));
        scope
            .value_of(name, &var)
            .map(Some)
            .map_err(|failure| failure.error.on(host))
    }

    /// Render a text with the variables of a host.
    pub fn render(&self, host: &str, text: &str) -> Result<Value> {
        let value = Value::from(text);
        if is_ready(&value) {
            return Ok(value);
        }
        let scope = Arc::new(Scope::new(self, host));
        scope
            .value_of("", &Var::from(value))
            .map_err(|failure| failure.error.on(host))
    }
}

pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// Whether nothing in a value needs rendering or decrypting.
fn is_ready(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(is_ready),
        Value::Map(map) => map.values().all(is_ready),
        Value::Str(text) => !is_template(text),
        Value::Vault(_) => false,
        _ => true,
    }
}

/// An error, and whether a `default` filter may forgive it.
#[derive(Clone)]
struct Failure {
    error: Box<Error>,
    undefined: bool,
}

type Rendered<T> = std::result::Result<T, Failure>;

fn fatal(error: Box<Error>) -> Failure {
    Failure {
        error,
        undefined: false,
    }
}

/// What a template sees: the variables of one host, each rendered when it is looked up.
struct Scope {
    host: String,
    magic: IndexMap<String, Value>,
    state: Mutex<State>,
    vars: Vars,
    vault: Vault,
}

#[derive(Default)]
struct State {
    /// Failures inside of nested templates; minijinja's errors carry their index.
    failures: Vec<Failure>,
    missing: Vec<String>,
    open: Vec<String>,
    /// A secret was looked up by the template that is being rendered.
    secret: bool,
    /// Variables that are there, but whose own template needs one that is not.
    unset: HashMap<String, usize>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "variables of {}", self.host)
    }
}

impl Object for Scope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let name = key.as_str()?;
        if let Some(value) = self.magic.get(name) {
            return Some(to_jinja(value));
        }
        let Some(var) = self.vars.get(name) else {
            self.state(|state| state.missing.push(name.to_string()));
            return None;
        };
        match self.value_of(name, var) {
            Ok(value) => {
                if has_secret(&value) {
                    self.state(|state| state.secret = true);
                }
                Some(to_jinja(&value))
            }
            Err(failure) => self.state(|state| {
                let undefined = failure.undefined;
                state.failures.push(failure);
                let index = state.failures.len() - 1;
                if undefined {
                    state.unset.insert(name.to_string(), index);
                    state.missing.push(name.to_string());
                    return None;
                }
                Some(Jinja::from(JinjaError::new(
                    ErrorKind::InvalidOperation,
                    format!("\0{index}"),
                )))
            }),
        }
    }
}

impl Scope {
    fn new(inventory: &Inventory, host: &str) -> Scope {
        Scope {
            host: host.to_string(),
            magic: inventory.magic_vars(host),
            state: Mutex::new(State::default()),
            vars: inventory.merged(host),
            vault: inventory.vault.clone(),
        }
    }

    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn value_of(self: &Arc<Self>, name: &str, var: &Var) -> Rendered<Value> {
        let open = self.state(|state| state.open.clone());
        if open.iter().any(|other| other == name) || open.len() > DEPTH {
            let path: Vec<String> = open
                .iter()
                .map(|name| format!("`{name}`"))
                .chain([format!("`{name}`")])
                .collect();
            return Err(fatal(located(
                Error::config(format!("variable `{name}` refers to itself"))
                    .because(path.join(" needs ")),
                var.value_at.as_ref(),
            )));
        }
        self.state(|state| state.open.push(name.to_string()));
        let value = self.rendered(name, &var.value, var.value_at.as_ref());
        self.state(|state| state.open.pop());
        value
    }

    fn rendered(self: &Arc<Self>, name: &str, value: &Value, at: Option<&Spot>) -> Rendered<Value> {
        match value {
            Value::List(items) => items
                .iter()
                .map(|item| self.rendered(name, item, at))
                .collect::<Rendered<_>>()
                .map(Value::List),
            Value::Map(map) => {
                let pairs = map
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), self.rendered(name, item, at)?)));
                pairs.collect::<Rendered<_>>().map(Value::Map)
            }
            Value::Str(text) if is_template(text) => self.template(name, text, at),
            // As Ansible does: what is encrypted by itself is no template.
            Value::Vault(text) => match self.vault.open(text) {
                Ok(secret) => Ok(Value::Secret(secret)),
                Err(closed) => Err(fatal(located(closed_variable(name, &closed), at))),
            },
            other => Ok(other.clone()),
        }
    }

    /// Render a template. Where a secret went into it, what comes out is one.
    fn template(self: &Arc<Self>, name: &str, text: &str, at: Option<&Spot>) -> Rendered<Value> {
        let outside = self.state(|state| std::mem::take(&mut state.secret));
        let rendered = template_filter::render(text, Jinja::from_dyn_object(Arc::clone(self)));
        let inside = self.state(|state| std::mem::replace(&mut state.secret, outside));
        rendered
            .map(|value| if inside { concealed(value) } else { value })
            .map_err(|error| self.explain(name, text, at, &error))
    }

    fn explain(&self, name: &str, text: &str, at: Option<&Spot>, error: &JinjaError) -> Failure {
        if let Some(failure) = self.nested(error) {
            return failure;
        }
        let undefined = error.kind() == ErrorKind::UndefinedError;
        let error = match (undefined, self.state(|state| state.missing.last().cloned())) {
            (true, Some(missing)) => self.undefined(name, &missing),
            (true, None) => Error::config(format!("an attribute in `{text}` is not defined")),
            _ => Error::config(format!("the template of `{name}` does not work"))
                .because(words(error)),
        };
        Failure {
            error: located(error, at),
            undefined,
        }
    }

    /// The failure of a template inside, if this error only passes it on.
    fn nested(&self, error: &JinjaError) -> Option<Failure> {
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
        if error.kind() != ErrorKind::UndefinedError {
            return None;
        }
        self.state(|state| {
            let index = state.missing.last().and_then(|name| state.unset.get(name));
            index.and_then(|index| state.failures.get(*index).cloned())
        })
    }

    fn undefined(&self, name: &str, missing: &str) -> Box<Error> {
        let user = if name.is_empty() {
            String::new()
        } else {
            format!(", which `{name}` needs,")
        };
        let error = Error::config(format!("variable `{missing}`{user} is not defined"));
        if matches!(missing, "hostvars" | "lookup" | "query" | "ansible_facts") {
            return error.because(format!(
                "an inventory has no `{missing}` here, only variables"
            ));
        }
        match nearest(
            missing,
            self.vars
                .keys()
                .chain(self.magic.keys())
                .map(String::as_str),
        ) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(Hint::Set(format!("{missing}=VALUE"))),
        }
    }
}

/// Whether a secret is in a value.
fn has_secret(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(has_secret),
        Value::Map(map) => map.values().any(has_secret),
        other => matches!(other, Value::Secret(_)),
    }
}

/// The same value with its texts as secrets.
fn concealed(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(concealed).collect()),
        Value::Map(map) => {
            let pairs = map.into_iter().map(|(key, item)| (key, concealed(item)));
            Value::Map(pairs.collect())
        }
        Value::Str(text) | Value::Unsafe(text) => Value::Secret(Secret::new(text)),
        other => other,
    }
}

fn closed_variable(name: &str, closed: &Closed) -> Box<Error> {
    let error = closed.error(&format!("variable `{name}`"));
    if *closed != Closed::NoPassword {
        return error;
    }
    error.hint(Hint::All(vec![
        "or pass it in the clear:".into(),
        Hint::Set(format!("{name}=VALUE")),
    ]))
}

fn located(error: Box<Error>, at: Option<&Spot>) -> Box<Error> {
    match at {
        Some(at) => error.at(at.place()),
        None => error,
    }
}

fn words(error: &JinjaError) -> String {
    let kind = error.kind().to_string();
    match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn var(yaml: &str, name: &str) -> String {
        let text = format!("all:\n  hosts: {{ h1: }}\n  vars:\n{yaml}");
        let inventory = Inventory::parse("t.yml", &text).unwrap();
        match inventory.var("h1", name) {
            Ok(Some(value)) => Value::List(vec![value]).to_text(),
            Ok(None) => "nothing".to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn expressions_keep_their_type() {
        for (expression, expected) in [
            ("'{{ n }}'", "[3]"),
            ("'{{ n }} nodes'", "['3 nodes']"),
            (
                "'{{ l | reject(\"equalto\", \"b\") | list }}'",
                "[['a', 'c']]",
            ),
            ("'{{ l | join(\",\") | upper }}'", "['A,B,C']"),
            ("'{{ nope | default(n + 1) }}'", "[4]"),
            ("'{{ \"yes\" | bool }}'", "[True]"),
            ("'{{ \"12\" | int }}'", "[12]"),
            ("'{{ m.k }}-{{ m[\"k\"] }}'", "['v-v']"),
            ("'{{ deep }}'", "['3!']"),
            ("'{% if n > 2 %}big{% else %}small{% endif %}'", "['big']"),
            (
                "'{{ true }} {{ none }} {{ 1.0 }} {{ l }}'",
                "[\"True  1.0 ['a', 'b', 'c']\"]",
            ),
            ("['{{ n }}', { k: '{{ n }}' }]", "[[3, {'k': 3}]]"),
            (
                "'{{ inventory_hostname }} {{ group_names | first }}'",
                "['h1 ungrouped']",
            ),
            ("'{{ groups.all | length }}'", "[1]"),
            ("'{{ {\"a\": 1} }}'", "[{'a': 1}]"),
            ("!unsafe '{{ n }}'", "['{{ n }}']"),
            ("'{{ broken | default(\"d\") }}'", "['d']"),
            ("'{{ l | length }}{{ l | first }}{{ l | last }}'", "['3ac']"),
            ("'{{ [3, 1, 1] | unique | sort }}'", "[[1, 3]]"),
            ("'a${b}'", "['a${b}']"),
            ("'{{ big }}'", "[123456789012345678901234567890]"),
        ] {
            let yaml = format!(
                "    n: 3\n    l: [a, b, c]\n    m: {{ k: v }}\n    deep: '{{{{ deeper }}}}!'\n    deeper: '{{{{ n }}}}'\n    broken: '{{{{ nope }}}}'\n    big: 123456789012345678901234567890\n    x: {expression}\n"
            );
            assert_eq!(var(&yaml, "x"), expected, "{expression}");
        }
    }

    #[test]
    fn mistakes_name_the_variable_and_the_place() {
        for (yaml, expected) in [
            (
                "    port: 1\n    x: '{{ prot }}'\n",
                "h1: variable `prot`, which `x` needs, is not defined\n --> t.yml:5:8\n5 |     x: '{{ prot }}'\n  |        ^\n hint: did you mean `port`?",
            ),
            (
                "    y: '{{ nope }}'\n    x: '{{ y }}'\n",
                "h1: variable `nope`, which `y` needs, is not defined\n --> t.yml:4:8\n4 |     y: '{{ nope }}'\n  |        ^\n hint: -e nope=VALUE",
            ),
            (
                "    x: '{{ y }}'\n    y: '{{ x }}'\n",
                "h1: variable `x` refers to itself\n --> t.yml:4:8\n4 |     x: '{{ y }}'\n  |        ^\n caused by: `x` needs `y` needs `x`",
            ),
            (
                "    x: '{{ 1 | nosuch }}'\n",
                "h1: the template of `x` does not work\n --> t.yml:4:8\n4 |     x: '{{ 1 | nosuch }}'\n  |        ^\n caused by: unknown filter: filter nosuch is unknown",
            ),
            (
                "    x: \"{{ lookup('env', 'HOME') }}\"\n",
                "h1: the template of `x` does not work\n --> t.yml:4:8\n4 |     x: \"{{ lookup('env', 'HOME') }}\"\n  |        ^\n caused by: unknown function: lookup is unknown",
            ),
            (
                "    x: '{{ v }}'\n    v: !vault abc\n",
                "h1: variable `v` is not what ansible-vault writes\n --> t.yml:5:8\n5 |     v: !vault abc\n  |        ^\n caused by: it does not begin with `$ANSIBLE_VAULT;`",
            ),
        ] {
            assert_eq!(var(yaml, "x"), expected);
        }
    }
}
