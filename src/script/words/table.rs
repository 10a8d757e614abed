//! Values as a person reads them: tables of maps, maps line by line, lists, texts as they are.
//!
//! The console shows its results so, and the word `table` gives scripts the same. Start reading at [`pretty`].

use rhai::{Array, Dynamic, Engine, Map};

use super::bind::{Call, word};
use crate::error::{Error, Result, nearest};
use crate::script::show;
use crate::script::trouble::pass;
use crate::terminal::{columns as columns_of, padded, visible};
use crate::word::{Arg, Section, Type, Word};

/// Columns that stand first, when they are there.
const FIRST: [&str; 5] = ["name", "id", "key", "host", "endpoint"];

const TABLE: Word = Word::function(
    Section::Text,
    "table",
    "Maps as a table: a line for each below their keys, in columns that are as wide as what is in them.",
)
.takes(&[Arg::new("rows", Type::Array, "maps, which may have other keys than the first")])
.with(&[
    Arg::new("columns", Type::Texts, "these keys, in this order"),
    Arg::new("width", Type::Int, "rows that are wider stand as `key  value` one below the other"),
])
.gives(Type::Text)
.example(r#"print(table(e.status(), #{ columns: ["endpoint", "version", "db_size"] }))"#);

pub(super) const WORDS: &[&Word] = &[&TABLE];

pub(super) fn register(engine: &mut Engine) {
    word(engine, &TABLE, |call| pass(asked(call)).map(Into::into));
}

fn asked(call: &Call<'_>) -> Result<String> {
    let rows = call.array(0);
    let maps = rows.iter().enumerate().map(|(place, row)| {
        let map = row.flatten_clone().try_cast::<Map>();
        map.ok_or_else(|| Error::config(format!("row {} of `table` is not a map", place + 1)))
    });
    let maps: Vec<Map> = maps.collect::<Result<_>>()?;
    let wide = call.options.int("width");
    let wide = wide.map_or(usize::MAX, |wide| usize::try_from(wide).unwrap_or(0));
    let known = names_of(&maps);
    let wanted = call.options.texts("columns");
    if let Some(strange) = wanted.iter().find(|name| !known.contains(name))
        && !maps.is_empty()
    {
        let error = Error::config(format!("no row of `table` has `{strange}`"));
        return Err(match nearest(strange, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("there are {}", known.join(", "))),
        });
    }
    let names = if wanted.is_empty() { known } else { wanted };
    Ok(table(&maps, &names, wide))
}

/// The same as it may stand on a terminal.
fn shown(value: &Dynamic) -> String {
    visible(show(value).as_bytes(), true)
}

/// A result on lines of at most `wide` columns where that can be.
#[must_use]
pub fn pretty(value: &Dynamic, wide: usize) -> String {
    let value = value.flatten_clone();
    if let Some(array) = value.clone().try_cast::<Array>() {
        return list(&array, wide);
    }
    if let Some(map) = value.clone().try_cast::<Map>() {
        return pairs(&map, wide);
    }
    shown(&value)
}

fn list(array: &Array, wide: usize) -> String {
    let maps: Vec<Map> = array
        .iter()
        .filter_map(|value| value.flatten_clone().try_cast::<Map>())
        .collect();
    if !array.is_empty() && maps.len() == array.len() {
        return table(&maps, &names_of(&maps), wide);
    }
    let line = shown(&Dynamic::from(array.clone()));
    if columns_of(&line) <= wide {
        return line;
    }
    array.iter().map(shown).collect::<Vec<_>>().join("\n")
}

fn pairs(map: &Map, wide: usize) -> String {
    if map.is_empty() {
        return "#{}".to_string();
    }
    let name = |key: &str| visible(key.as_bytes(), false);
    let left = map
        .keys()
        .map(|key| columns_of(&name(key)))
        .max()
        .unwrap_or(0);
    let lines = map.iter().map(|(key, value)| {
        let shown = pretty(value, wide.saturating_sub(left + 2));
        let indented = shown.replace('\n', &format!("\n{:left$}  ", ""));
        format!("{}  {indented}", padded(&name(key), left))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The keys of all rows, the telling ones first.
fn names_of(maps: &[Map]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for map in maps {
        for key in map.keys() {
            if !names.iter().any(|name| name == key.as_str()) {
                names.push(key.to_string());
            }
        }
    }
    names.sort_by_key(|name| {
        FIRST
            .iter()
            .position(|first| first == name)
            .unwrap_or(FIRST.len())
    });
    names
}

fn table(maps: &[Map], names: &[String], wide: usize) -> String {
    let cell = |map: &Map, name: &str| {
        map.get(name).map_or_else(String::new, |value| {
            if value.is_unit() {
                String::new()
            } else {
                shown(value).replace('\n', " ")
            }
        })
    };
    let rows: Vec<Vec<String>> = maps
        .iter()
        .map(|map| names.iter().map(|name| cell(map, name)).collect())
        .collect();
    let widths: Vec<usize> = names
        .iter()
        .enumerate()
        .map(|(column, name)| {
            rows.iter()
                .map(|row| columns_of(&row[column]))
                .chain([columns_of(&visible(name.as_bytes(), false))])
                .max()
                .unwrap_or(0)
        })
        .collect();
    // What does not fit in the terminal stands one below the other.
    if widths.iter().sum::<usize>() + 2 * widths.len() > wide {
        return maps
            .iter()
            .map(|map| pairs(&chosen(map, names), wide))
            .collect::<Vec<_>>()
            .join("\n\n");
    }
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| padded(&visible(cell.as_bytes(), false), *width))
            .collect();
        padded.join("  ").trim_end().to_string()
    };
    std::iter::once(line(names))
        .chain(rows.iter().map(|row| line(row)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn chosen(map: &Map, names: &[String]) -> Map {
    let kept = map
        .iter()
        .filter(|(key, _)| names.iter().any(|name| name == key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Dynamic {
        Dynamic::from(
            pairs
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).to_string().into()))
                .collect::<Map>(),
        )
    }

    #[test]
    fn maps_that_are_alike_make_a_table() {
        let members: Array = vec![
            map(&[("id", "8e9e05c52164694d"), ("name", "etcd-1")]),
            map(&[
                ("id", "91bc3c398fb3c146"),
                ("name", "etcd-2"),
                ("learner", "true"),
            ]),
        ];
        let shown = pretty(&Dynamic::from(members), 80);
        assert_eq!(
            shown,
            "name    id                learner\netcd-1  8e9e05c52164694d\netcd-2  91bc3c398fb3c146  true"
        );
    }

    #[test]
    fn what_a_value_holds_steers_no_terminal_and_stands_in_its_column() {
        let hostile = "\x1b]0;t\x07\x1b[2J\r\x08\u{202e}\u{9b}2J";
        let row = map(&[("key", hostile), ("wide", "\u{4e2d}\u{6587}"), ("z", "1")]);
        let other = map(&[("key", "a"), ("wide", "b"), ("z", "2")]);
        let rows: Array = vec![row.clone(), other];
        let table = pretty(&Dynamic::from(rows.clone()), 120);
        let ends: Vec<usize> = table.lines().map(columns_of).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{table}");
        let named: Map = [(hostile.into(), Dynamic::from(hostile.to_string()))].into();
        let texts: Array = vec![hostile.into()];
        for (value, wide) in [
            (row.clone(), 100),
            (Dynamic::from(rows), 20),
            (Dynamic::from(named), 100),
            (Dynamic::from(texts.clone()), 100),
            (Dynamic::from(texts), 5),
            (hostile.into(), 100),
        ] {
            let shown = pretty(&value, wide);
            let hidden = |letter| letter != '\n' && crate::terminal::is_hidden(letter);
            assert!(
                !shown.contains(hidden) && shown.contains("]0;t"),
                "{shown:?}"
            );
        }
    }
}
