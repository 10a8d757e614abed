//! What may stand after a point: words and keys of the value before it, as far as it is known without a call.

use std::any::TypeId;

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::script::{caller, is_name};
use super::{entries, last_word, parameters};
use crate::host::Facts;
use crate::repl::console::Console;
use crate::repl::live::Offer;
use crate::script::{Host, is_etcd_client};

/// What may stand after a point.
pub(super) fn members(console: &Console, before: &str) -> Vec<Offer> {
    let start = last_word(before, |letter| !is_name(letter) && letter != '.');
    let chain: Vec<&str> = before[start..].split('.').collect();
    let named = |names: &mut dyn Iterator<Item = &'static str>| -> Vec<Offer> {
        names
            .map(|name| (name.to_string(), String::new()))
            .collect()
    };
    let of = |kind: &str| -> Vec<Offer> {
        entries()
            .iter()
            .filter(|entry| entry.of == kind)
            .map(|entry| {
                (
                    entry
                        .signature
                        .split(['(', '.'])
                        .next()
                        .unwrap_or_default()
                        .to_string(),
                    entry.doc.clone(),
                )
            })
            .collect()
    };
    match chain.as_slice() {
        [.., "vars"] => {
            let mut all = parameters(console, "");
            let world = console.interpreter.world();
            let set = world
                .inventory
                .hosts()
                .into_iter()
                .flat_map(|host| world.inventory.vars(&host).into_keys().collect::<Vec<_>>());
            all.extend(set.map(|name| (name, String::new())));
            return all;
        }
        [.., "facts"] => return named(&mut Facts::names()),
        [.., "os"] => return named(&mut Facts::names_of_os()),
        _ => {}
    }
    let value = value_of(console, &chain);
    match &value {
        Some(value) if value.is::<Host>() => of("h"),
        Some(value) if is_etcd_client(value) => of("e"),
        Some(value) if value.is::<Map>() => {
            let keys: Vec<Offer> = value
                .clone()
                .try_cast::<Map>()
                .map_or_else(Vec::new, |map| {
                    map.keys()
                        .map(|key| (key.to_string(), String::new()))
                        .collect()
                });
            keys.into_iter()
                .chain(native(console, TypeId::of::<Map>()))
                .collect()
        }
        Some(value) if value.is::<Array>() => of("array")
            .into_iter()
            .chain(native(console, TypeId::of::<Array>()))
            .collect(),
        Some(value) if value.is::<ImmutableString>() => {
            native(console, TypeId::of::<ImmutableString>())
        }
        Some(_) => Vec::new(),
        None if chain == ["h"] || ends_with_call(before, "host") => of("h"),
        None if ends_with_call(before, "client")
            || ends_with_call(before, "etcdctl")
            || ends_with_call(before, "of") =>
        {
            of("e")
        }
        None if ends_with_call(before, "hosts") => of("array")
            .into_iter()
            .chain(native(console, TypeId::of::<Array>()))
            .collect(),
        None if ends_with_call(before, "ca") => of("ca"),
        None if before.ends_with('"') || before.ends_with('`') => {
            native(console, TypeId::of::<ImmutableString>())
        }
        None => Vec::new(),
    }
}

/// `a.b.c` when `a` is a variable and the rest are keys of maps. Nothing is called for it.
pub(in crate::repl) fn value_of(console: &Console, chain: &[&str]) -> Option<Dynamic> {
    let mut value = console.scope.get(chain.first()?)?.flatten_clone();
    for key in &chain[1..] {
        value = value.try_cast::<Map>()?.get(*key)?.flatten_clone();
    }
    Some(value)
}

/// `... name(...)` at the end.
pub(super) fn ends_with_call(before: &str, name: &str) -> bool {
    let Some(inside) = before.strip_suffix(')') else {
        return false;
    };
    let mut depth = 1;
    for (at, letter) in inside.char_indices().rev() {
        depth += i32::from(letter == ')') - i32::from(letter == '(');
        if depth == 0 {
            return caller(&inside[..at]) == name;
        }
    }
    false
}

/// Rhai's own functions whose first argument is of a type.
fn native(console: &Console, kind: TypeId) -> Vec<Offer> {
    let mut found: Vec<Offer> = console.interpreter.engine().collect_fn_metadata(
        None,
        |info| {
            let metadata = info.metadata;
            let fits = metadata.param_types.first() == Some(&kind)
                && metadata
                    .name
                    .starts_with(|letter: char| letter.is_ascii_lowercase());
            let doc = metadata
                .comments
                .first()
                .and_then(|block| block.lines().next())
                .unwrap_or_default()
                .trim_start_matches("///")
                .trim();
            (fits && !metadata.name.contains('$'))
                .then(|| (metadata.name.to_string(), doc.to_string()))
        },
        true,
    );
    found.sort();
    found
}
