//! The parameters that say what a cluster is, each read as what it takes: a wrong one is an error with its place.
//!
//! `stdlib/etcd/` declares the same names for scripts; a test compares types and defaults.

use std::fmt::Display;

use crate::error::{Error, Place, Result};
use crate::inventory::{Inventory, Value};

/// `etcd_cluster` where it is not set.
pub const CLUSTER: &str = "etcd";

/// `etcd_port` where it is not set.
pub const PORT: u16 = 2379;

/// `etcd_peer_port` where it is not set.
pub const PEER_PORT: u16 = 2380;

/// The value of a variable; `None` when it is not set or null.
fn value(inventory: &Inventory, host: &str, name: &str) -> Result<Option<Value>> {
    Ok(inventory
        .var(host, name)?
        .filter(|value| *value != Value::Null))
}

fn read<T>(
    inventory: &Inventory,
    host: &str,
    name: &str,
    takes: &str,
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>> {
    let Some(raw) = value(inventory, host, name)? else {
        return Ok(None);
    };
    match convert(&raw) {
        Some(value) => Ok(Some(value)),
        None => Err(wrong(inventory, host, name, &takes, &raw)),
    }
}

pub(super) fn int(inventory: &Inventory, host: &str, name: &str) -> Result<Option<i64>> {
    read(inventory, host, name, "an integer", Value::as_int)
}

pub(super) fn port(inventory: &Inventory, host: &str, name: &str, default: u16) -> Result<u16> {
    let port = |value: &Value| {
        let port = u16::try_from(value.as_int()?).ok()?;
        (port > 0).then_some(port)
    };
    Ok(read(inventory, host, name, "a port, 1 to 65535", port)?.unwrap_or(default))
}

/// Colours of a prompt and their codes.
const COLORS: [(&str, u8); 7] = [
    ("blue", 34),
    ("cyan", 36),
    ("green", 32),
    ("magenta", 35),
    ("red", 31),
    ("white", 37),
    ("yellow", 33),
];

/// `etcdsh_color`: the colour of the console's prompt, as the terminal's code for it.
pub fn color(inventory: &Inventory, host: &str) -> Result<Option<u8>> {
    let names = COLORS.map(|(name, _)| name).join(", ");
    read(
        inventory,
        host,
        "etcdsh_color",
        &format!("one of {names}"),
        |value| {
            let value = value.to_text();
            let found = COLORS.iter().find(|(name, _)| *name == value);
            found.map(|(_, code)| *code)
        },
    )
}

pub(super) fn text(inventory: &Inventory, host: &str, name: &str) -> Result<Option<String>> {
    let text = |value: &Value| match value {
        Value::Null | Value::List(_) | Value::Map(_) => None,
        other => Some(other.to_text()),
    };
    read(inventory, host, name, "a text", text)
}

/// A parameter that has a value it does not take. A password is not repeated.
pub fn wrong(
    inventory: &Inventory,
    host: &str,
    name: &str,
    takes: &dyn Display,
    raw: &Value,
) -> Box<Error> {
    let shown = if name.ends_with("password") {
        raw.kind().to_string()
    } else {
        format!("`{}`", raw.shown())
    };
    let error = Error::config(format!("`{name}` takes {takes}, not {shown}")).on(host);
    match origin(inventory, host, name) {
        Some(place) => error.at(place),
        None => error,
    }
}

/// Where the value of a variable comes from.
#[must_use]
pub fn origin(inventory: &Inventory, host: &str, name: &str) -> Option<Place> {
    let origin = inventory.origin(host, name)?;
    (!origin.file.is_empty()).then(|| Place {
        column: origin.column,
        file: origin.file,
        line: origin.line,
        text: String::new(),
    })
}

/// An error as one line of several: what is wrong, where it is written, why, and what to do.
#[must_use]
pub fn in_one_line(error: &Error) -> String {
    let mut line = error.what.clone();
    if let Some(at) = &error.at {
        line += &format!(" ({at})");
    }
    for cause in &error.causes {
        line += &format!(": {cause}");
    }
    for hint in &error.hints {
        line += &format!("; {hint}");
    }
    line
}
