//! Parameters: variables with a type, a default and a meaning, declared by the stdlib.
//!
//! A declared variable is checked and converted wherever it is read, so that `-e etcd_clean=false` is a bool and a
//! port is a number, and a name that looks like one but is not declared is warned about.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, Map};

use super::bind::{Call, word};
use super::host::Host;
use crate::cluster;
use crate::error::{Error, Place, Result, nearest};
use crate::inventory;
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::{from_inventory, from_rhai};
use crate::secret::{Secret, is_secret_name};
use crate::value::{Value, duration, size};
use crate::word::{Arg, Section, Type, Word};

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Days,
    Int,
    Map,
    OneOf(Vec<String>),
    Path,
    Port,
    Size,
    Text,
    Texts,
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub default: Value,
    pub doc: String,
    pub kind: Kind,
    pub name: String,
}

impl Kind {
    fn parse(text: &str) -> Option<Kind> {
        Some(match text {
            "bool" => Kind::Bool,
            "days" => Kind::Days,
            "int" => Kind::Int,
            "map" => Kind::Map,
            "path" => Kind::Path,
            "port" => Kind::Port,
            "size" => Kind::Size,
            "text" => Kind::Text,
            "texts" => Kind::Texts,
            words if words.contains('|') => Kind::OneOf(
                words
                    .split('|')
                    .map(|word| word.trim().to_string())
                    .collect(),
            ),
            _ => return None,
        })
    }

    /// Convert a value as Ansible's users write it; `None` when it is none of this kind.
    fn convert(&self, value: &inventory::Value) -> Option<Value> {
        use inventory::Value as Of;
        let text = || value.as_str().map(str::to_string);
        Some(match self {
            Kind::Bool => Value::Bool(value.as_bool()?),
            Kind::Days => match value.as_int() {
                Some(days) => Value::Int(days),
                None => {
                    Value::Int(i64::try_from(duration(value.as_str()?)?.as_secs() / 86400).ok()?)
                }
            },
            Kind::Int => Value::Int(value.as_int()?),
            Kind::Map => match from_inventory(value.clone()) {
                map @ Value::Map(_) => map,
                _ => return None,
            },
            Kind::OneOf(words) => Value::Text(text().filter(|text| words.contains(text))?),
            Kind::Path => Value::Text(text().filter(|text| text.starts_with('/'))?),
            Kind::Port => Value::Int(value.as_int().filter(|port| (1..=65535).contains(port))?),
            Kind::Size => match value.as_int() {
                Some(bytes) => Value::Int(bytes),
                None => Value::Int(size(value.as_str()?)?),
            },
            Kind::Text => match value {
                Of::Null | Of::List(_) | Of::Map(_) => return None,
                Of::Secret(secret) => Value::Secret(secret.clone()),
                other => Value::Text(other.to_text()),
            },
            Kind::Texts => match value {
                Of::List(values) => Value::List(
                    values
                        .iter()
                        .map(|value| value.as_str().map(Value::from))
                        .collect::<Option<_>>()?,
                ),
                other => Value::List(vec![Value::from(other.as_str()?)]),
            },
        })
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Bool => "true or false",
            Kind::Days => "a number of days such as 7300d",
            Kind::Int => "an integer",
            Kind::Map => "a map",
            Kind::OneOf(words) => return write!(f, "one of {}", words.join(", ")),
            Kind::Path => "an absolute path",
            Kind::Port => "a port, 1 to 65535",
            Kind::Size => "a size such as 8GiB",
            Kind::Text => "a text",
            Kind::Texts => "a text or a list of texts",
        })
    }
}

/// The value of a variable on a host, a secret where its name says so: converted when it is declared, its default when it is not set.
pub(in crate::script) fn value(world: &World, host: &str, name: &str) -> Result<Option<Value>> {
    let raw = world
        .inventory
        .var(host, name)?
        .filter(|value| *value != inventory::Value::Null);
    let parameter = world
        .parameters()
        .iter()
        .find(|parameter| parameter.name == name)
        .cloned();
    let found = match (raw, parameter) {
        (None, None) => Ok(None),
        (None, Some(parameter)) => {
            Ok(Some(parameter.default).filter(|default| *default != Value::Null))
        }
        (Some(raw), None) => Ok(Some(from_inventory(raw))),
        (Some(raw), Some(parameter)) => parameter
            .kind
            .convert(&raw)
            .map(Some)
            .ok_or_else(|| wrong(world, host, &parameter, &raw)),
    };
    Ok(found?.map(|value| match value {
        Value::Text(text) if is_secret_name(name) => Value::Secret(Secret::new(text)),
        other => other,
    }))
}

fn wrong(world: &World, host: &str, parameter: &Parameter, raw: &inventory::Value) -> Box<Error> {
    cluster::parameter::wrong(
        &world.inventory,
        host,
        &parameter.name,
        &parameter.kind,
        raw,
    )
}

fn origin(world: &World, host: &str, name: &str) -> Option<Place> {
    cluster::parameter::origin(&world.inventory, host, name)
}

/// All that is wrong with the declared parameters of a host, one line each.
fn wrongs(world: &World, host: &str) -> Vec<String> {
    let names: Vec<String> = world
        .parameters()
        .iter()
        .map(|parameter| parameter.name.clone())
        .collect();
    let mut lines = Vec::new();
    for name in names {
        if let Err(error) = value(world, host, &name) {
            lines.push(cluster::parameter::in_one_line(&error));
        }
    }
    lines
}

/// Variables of a host that look like parameters and are none, with the nearest one.
fn strangers(world: &World, host: &str, prefix: &str) -> Vec<String> {
    let parameters = world.parameters();
    let known: Vec<&str> = parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    let vars = world.inventory.vars(host);
    let unknown = vars
        .keys()
        .chain(world.inventory.extra_vars().keys())
        .filter(|name| name.starts_with(prefix) && !known.contains(&name.as_str()));
    unknown
        .map(|name| {
            let at = origin(world, host, name)
                .map(|at| format!(" ({at})"))
                .unwrap_or_default();
            match nearest(name, known.iter().copied()) {
                Some(near) => format!("unknown parameter `{name}`{at}: did you mean `{near}`?"),
                None => format!("unknown parameter `{name}`{at}"),
            }
        })
        .collect()
}

fn declare(world: &World, list: &Array) -> Result<()> {
    for item in list {
        let map = item
            .clone()
            .try_cast::<Map>()
            .ok_or_else(|| Error::config("`parameters` takes a list of maps"))?;
        let text = |key: &str| {
            map.get(key)
                .map(ToString::to_string)
                .ok_or_else(|| Error::config(format!("a parameter needs `{key}`")))
        };
        let (name, kind) = (text("name")?, text("type")?);
        let kind = Kind::parse(&kind)
            .ok_or_else(|| Error::config(format!("`{kind}` is no type of parameters")))?;
        let parameter = Parameter {
            default: map.get("default").map_or(Value::Null, from_rhai),
            doc: text("doc")?,
            kind,
            name,
        };
        world.parameters().push(parameter);
    }
    Ok(())
}

const PARAMETERS: Word = Word::function(
    Section::Stdlib,
    "parameters",
    "Declare parameters: variables with a type, a default and a meaning.\nEach is a map with `name`, `type`, `doc` and as a rule `default`. Types: bool, days, int, map, path, port, size, text, texts, or words such as `new|existing`.",
)
.takes(&[Arg::new("list", Type::Array, "the parameters")])
.example(r#"parameters([#{ name: "motd_text", type: "text", default: "hello", doc: "what /etc/motd says" }])"#);

const WRONG_PARAMETERS: Word = Word::function(
    Section::Stdlib,
    "wrong_parameters",
    "What is wrong with the declared parameters of a host, a line each.",
)
.takes(&[Arg::new("h", Type::Host, "the host")])
.gives(Type::Array)
.example("print(wrong_parameters(h))");

const UNKNOWN_PARAMETERS: Word = Word::function(
    Section::Stdlib,
    "unknown_parameters",
    "Variables of a host that look like parameters and are none, a line each.",
)
.takes(&[
    Arg::new("h", Type::Host, "the host"),
    Arg::new("prefix", Type::Text, "what parameters begin with"),
])
.gives(Type::Array)
.example(r#"print(unknown_parameters(h, "etcd_"))"#);

const ORIGIN: Word = Word::function(
    Section::Host,
    "origin",
    "The file, line and column that a variable comes from, or an empty text.",
)
.takes(&[
    Arg::new("h", Type::Host, "the host"),
    Arg::new("name", Type::Text, "the variable"),
])
.gives(Type::Text)
.example(r#"print(origin(h, "etcd_port"))"#);

pub(super) const WORDS: &[&Word] = &[&PARAMETERS, &WRONG_PARAMETERS, &UNKNOWN_PARAMETERS, &ORIGIN];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    word(engine, &PARAMETERS, move |call| {
        pass(declare(&here, &call.array(0))).map(Into::into)
    });
    let lines = |lines: Vec<String>| -> Dynamic {
        let lines = lines.into_iter().map(Dynamic::from);
        lines.collect::<Array>().into()
    };
    word(engine, &WRONG_PARAMETERS, move |call| {
        let host = pass(first(call))?;
        Ok(lines(wrongs(host.world(), host.name())))
    });
    word(engine, &UNKNOWN_PARAMETERS, move |call| {
        let host = pass(first(call))?;
        Ok(lines(strangers(host.world(), host.name(), &call.text(1))))
    });
    word(engine, &ORIGIN, |call| {
        let host = pass(first(call))?;
        let at = origin(host.world(), host.name(), &call.text(1));
        Ok(at.map(|at| at.to_string()).unwrap_or_default().into())
    });
}

/// The host that comes first.
fn first(call: &Call<'_>) -> Result<Host> {
    call.host(0)
        .ok_or_else(|| Error::config("a host is wanted first"))
}

/// The declared parameters, for help and documents.
#[must_use]
pub fn declared(world: &World) -> Vec<Parameter> {
    world.parameters().clone()
}
