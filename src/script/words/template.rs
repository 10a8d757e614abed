//! Templates of files: a text beside the script or the inventory, rendered for a host.
//!
//! What a template sees is the inventory's (`inventory/template`); here the parameters' defaults and the script's own values are added.

use rhai::{Dynamic, Engine};

use super::bind::{read, word};
use super::host::Host;
use crate::error::{Error, Result};
use crate::inventory::{self, Given};
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::{from_inventory, from_rhai, to_inventory, to_rhai};
use crate::secret::{Secret, is_secret_name};
use crate::value::Value;
use crate::word::{Arg, Of, Section, Type, Word};

const TEMPLATE: Word = Word::method(
    Section::Host,
    Of::Host,
    "template",
    "The text of a Jinja template, rendered for the host as `template` of `h.file` is; a secret when it prints one.",
)
.takes(&[Arg::new(
    "path",
    Type::Text,
    "beside the script, else beside the inventory",
)])
.with(&[Arg::new(
    "values",
    Type::Map,
    "values of the script's own, which win over variables",
)])
.gives(Type::Any)
.example(r#"print(h.template("haproxy.cfg.j2", #{ values: #{ backends: hosts("etcd").map(|h| h.address) } }))"#);

pub(super) const WORDS: &[&Word] = &[&TEMPLATE];

pub(super) fn register(engine: &mut Engine) {
    word(engine, &TEMPLATE, |call| {
        let host: Host = call.value();
        let values = call.raw("values");
        pass(rendered(&host, &call.text(0), values.as_ref()).map(to_rhai))
    });
}

/// A template of a file, with `values` of the script's own.
pub(super) fn rendered(host: &Host, path: &str, values: Option<&Dynamic>) -> Result<Value> {
    let text = String::from_utf8(read(host, path)?)
        .map_err(|_| Error::config(format!("the template `{path}` is no text")).on(host.name()))?;
    let world = host.world();
    let file = world.find(path).display().to_string();
    let given = Given {
        defaults: defaults(world),
        file: Some(file.clone()),
        own: values.map(own).unwrap_or_default(),
    };
    let rendered = world.inventory.render_with(host.name(), &text, given);
    // A mistake in the file itself has its place there.
    let named = |error: &Error| error.at.as_ref().is_some_and(|at| at.file == file);
    rendered.map(from_inventory).map_err(|error| {
        if named(&error) {
            error
        } else {
            error.because(format!("in the template `{path}`"))
        }
    })
}

/// What stands for declared parameters that no inventory sets.
fn defaults(world: &World) -> indexmap::IndexMap<String, inventory::Value> {
    let parameters = world.parameters();
    let set = parameters
        .iter()
        .filter(|parameter| parameter.default != Value::Null);
    let pairs = set.map(|parameter| {
        let default = match &parameter.default {
            Value::Text(text) if is_secret_name(&parameter.name) && !text.is_empty() => {
                Value::Secret(Secret::new(text.as_str()))
            }
            other => other.clone(),
        };
        (parameter.name.clone(), to_inventory(default))
    });
    pairs.collect()
}

fn own(values: &Dynamic) -> indexmap::IndexMap<String, inventory::Value> {
    match to_inventory(from_rhai(values)) {
        inventory::Value::Map(values) => values,
        _ => indexmap::IndexMap::new(),
    }
}
