//! Every primitive of [`primitive::ALL`] as a function of the language: `h.file(path, #{ ... })`.

use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, Map};

use super::World;
use super::host::Host;
use super::trouble::pass;
use super::value::{from_rhai, map_from_rhai, map_to_rhai};
use crate::error::{Error, Result};
use crate::primitive::{self, Args, Spec};
use crate::value::Value;

type Native = std::result::Result<Map, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, _: &Arc<World>) {
    for spec in primitive::ALL.iter().copied() {
        engine.register_fn(
            spec.name,
            move |host: &mut Host, thing: Dynamic, options: Map| -> Native {
                pass(call(spec, host, &thing, &options))
            },
        );
        engine.register_fn(
            spec.name,
            move |host: &mut Host, thing: Dynamic| -> Native {
                pass(call(spec, host, &thing, &Map::new()))
            },
        );
    }
}

fn call(spec: &Spec, host: &Host, thing: &Dynamic, options: &Map) -> Result<Map> {
    let mut options = map_from_rhai(options);
    resolve_files(spec, host, &mut options)?;
    let args =
        Args::check(spec, from_rhai(thing), options).map_err(|error| error.on(host.name()))?;
    let primitive = (spec.build)(&args).map_err(|error| error.on(host.name()))?;
    let link = host.link().map_err(|error| error.on(host.name()))?;
    let outcome = host.world().session.apply(&link, primitive.as_ref())?;
    Ok(map_to_rhai(outcome.into_value()))
}

/// `source` and `template` name files here; to the primitive they are content.
fn resolve_files(spec: &Spec, host: &Host, options: &mut crate::value::Map) -> Result<()> {
    if spec.name != "file" {
        return Ok(());
    }
    let name = |options: &crate::value::Map, key: &str| {
        options
            .get(key)
            .and_then(Value::as_text)
            .map(str::to_string)
    };
    let content = match (name(options, "source"), name(options, "template")) {
        (None, None) => return Ok(()),
        (Some(source), None) => Value::Bytes(read(host, &source)?),
        (None, Some(template)) => Value::Text(render(host, &template)?),
        (Some(_), Some(_)) => {
            return Err(
                Error::config("`source` and `template` cannot stand together").on(host.name()),
            );
        }
    };
    options.shift_remove("source");
    options.shift_remove("template");
    options.insert("content".into(), content);
    Ok(())
}

fn read(host: &Host, path: &str) -> Result<Vec<u8>> {
    let found = host.world().find(path);
    std::fs::read(&found).map_err(|error| {
        Error::config(format!("`{}` cannot be read", found.display()))
            .because(error.to_string())
            .hint("relative paths lie beside the script, else beside the inventory")
    })
}

fn render(host: &Host, path: &str) -> Result<String> {
    let text = String::from_utf8(read(host, path)?)
        .map_err(|_| Error::config(format!("the template `{path}` is no text")).on(host.name()))?;
    host.world()
        .inventory
        .render(host.name(), &text)
        .map(|value| value.to_text())
        .map_err(|error| error.because(format!("in the template `{path}`")))
}
