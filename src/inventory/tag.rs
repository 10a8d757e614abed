//! Tags of YAML nodes: `!vault`, `!unsafe` and those of YAML itself.

use saphyr_parser::{ScalarStyle, Tag};

use super::node::{Node, Shape, Spot};
use super::scalar::{self, Plain};
use super::value::Value;
use crate::error::{Error, Result};

/// What a tag around a node asks for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mood {
    Plain,
    Unsafe,
}

/// The value of a scalar: its tag decides, then whether it is plain.
pub(super) fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    at: &Spot,
    mood: Mood,
) -> Result<Value> {
    let plain = style == ScalarStyle::Plain;
    let value = match tag.map(name_of) {
        None if plain => resolved(text, at)?,
        None => Value::from(text),
        Some(Name::Core(name)) => typed(name, text, at)?,
        Some(Name::Local("")) if plain => resolved(text, at)?,
        Some(Name::Local("")) => Value::from(text),
        // Ansible looks at these texts again as if they were plain, quoted or not.
        Some(Name::Local("unsafe")) => return Ok(distrusted(resolved(text, at)?)),
        Some(Name::Local("vault" | "vault-encrypted")) => match resolved(text, at)? {
            Value::Str(text) => Value::Vault(text),
            other => {
                return Err(
                    Error::config(format!("`!vault` needs text, not {}", other.kind()))
                        .at(at.place()),
                );
            }
        },
        Some(_) => return Err(unknown_tag(tag, at)),
    };
    Ok(if mood == Mood::Unsafe {
        distrusted(value)
    } else {
        value
    })
}

enum Name<'t> {
    Core(&'t str),
    Local(&'t str),
    Other,
}

fn name_of(tag: &Tag) -> Name<'_> {
    match tag.handle.as_str() {
        "tag:yaml.org,2002:" => Name::Core(&tag.suffix),
        "!" => Name::Local(&tag.suffix),
        "" if tag.suffix == "!" => Name::Local(""),
        // Written in full: `!<tag:yaml.org,2002:str>`.
        "" => tag
            .suffix
            .strip_prefix("tag:yaml.org,2002:")
            .map_or(Name::Other, Name::Core),
        _ => Name::Other,
    }
}

fn unknown_tag(tag: Option<&Tag>, at: &Spot) -> Box<Error> {
    let name = match tag.map(|tag| (tag.handle.as_str(), tag.suffix.as_str())) {
        Some(("tag:yaml.org,2002:", suffix)) => format!("!!{suffix}"),
        Some((handle, suffix)) => format!("{handle}{suffix}"),
        None => "?".to_string(),
    };
    Error::config(format!("unknown tag `{name}`"))
        .at(at.place())
        .hint("quote the value if the `!` belongs to it; known tags are `!vault` and `!unsafe`")
}

/// What a collection with this tag asks of the nodes in it.
pub(super) fn collection(tag: Option<&Tag>, core: &str, at: &Spot, mood: Mood) -> Result<Mood> {
    match tag.map(name_of) {
        None | Some(Name::Local("")) => Ok(mood),
        Some(Name::Core(name)) if name == core => Ok(mood),
        Some(Name::Local("unsafe")) => Ok(Mood::Unsafe),
        Some(_) => Err(unknown_tag(tag, at)),
    }
}

fn resolved(text: &str, at: &Spot) -> Result<Value> {
    match scalar::resolve(text) {
        Ok(Plain::Value(value)) => Ok(value),
        Ok(Plain::Merge) => Err(Error::config("`<<` is not a value")
            .at(at.place())
            .hint("quote it: \"<<\"")),
        Ok(Plain::Equals) => Err(Error::config("`=` is not a value in YAML 1.1")
            .at(at.place())
            .hint("quote it: \"=\"")),
        Err(why) => Err(Error::config(format!("`{text}`: {why}"))
            .at(at.place())
            .hint(format!("quote it: \"{text}\""))),
    }
}

fn typed(name: &str, text: &str, at: &Spot) -> Result<Value> {
    let value = match name {
        "str" => Some(Value::from(text)),
        "null" => Some(Value::Null),
        "bool" => match text.to_lowercase().as_str() {
            "yes" | "true" | "on" => Some(Value::Bool(true)),
            "no" | "false" | "off" => Some(Value::Bool(false)),
            _ => None,
        },
        "int" => scalar::integer(text),
        "float" => scalar::float(text).map(Value::Float),
        "timestamp" => return resolved(text, at),
        _ => {
            return Err(Error::config(format!("unsupported tag `!!{name}`"))
                .at(at.place())
                .hint("remove the tag"));
        }
    };
    value.ok_or_else(|| Error::config(format!("`{text}` is not a `!!{name}`")).at(at.place()))
}

fn distrusted(value: Value) -> Value {
    match value {
        Value::Str(text) => Value::Unsafe(text),
        other => other,
    }
}

pub(super) fn distrust(node: &mut Node) {
    match &mut node.shape {
        Shape::List(items) => items.iter_mut().for_each(distrust),
        Shape::Map(pairs) => pairs.iter_mut().for_each(|(_, item)| distrust(item)),
        Shape::Scalar(Value::Str(text)) => {
            node.shape = Shape::Scalar(Value::Unsafe(std::mem::take(text)));
        }
        Shape::Scalar(_) => {}
    }
}
