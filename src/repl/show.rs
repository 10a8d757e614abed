//! Results as a person reads them: tables of maps, maps line by line, texts as they are.

use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use crate::terminal::{columns as columns_of, padded, visible};

/// Columns that stand first, when they are there.
const FIRST: [&str; 5] = ["name", "id", "key", "host", "endpoint"];

/// How results and the answers of `e` are shown, by `:format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// Each as it is made for: tables of maps, and what etcdctl calls simple.
    Simple,
    Table,
    Vertical,
}

impl Form {
    pub(super) const ALL: [(&'static str, Form); 4] = [
        ("json", Form::Json),
        ("simple", Form::Simple),
        ("table", Form::Table),
        ("vertical", Form::Vertical),
    ];

    pub(super) fn name(self) -> &'static str {
        let found = Form::ALL.iter().find(|(_, form)| *form == self);
        found.map_or("simple", |(name, _)| name)
    }
}

/// Maps one below the other, a line for each of their keys.
pub(super) fn vertical(value: &Dynamic, wide: usize) -> String {
    let array = value.flatten_clone().try_cast::<Array>();
    let Some(array) = array.filter(|array| array.iter().all(|one| one.flatten_clone().is::<Map>()))
    else {
        return pretty(value, wide);
    };
    let records = array.iter().map(|one| pretty(one, wide));
    records.collect::<Vec<_>>().join("\n\n")
}

/// JSON for a person.
pub(super) fn indented_json(value: &Dynamic) -> String {
    let value = crate::script::to_json(value);
    serde_json::to_string_pretty(&value).unwrap_or_else(|_| value.to_string())
}

/// The columns of the terminal.
pub(super) fn columns() -> usize {
    crate::terminal::width().unwrap_or(100)
}

/// One line of JSON.
pub(super) fn json(value: &Dynamic) -> String {
    serde_json::json!({ "event": "value", "value": crate::script::to_json(value) }).to_string()
}

/// A text as it is, all else as JSON: for values of variables.
pub(super) fn json_or_text(value: &Dynamic) -> String {
    match crate::script::to_json(value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A value within a line.
pub(super) fn text(value: &Dynamic) -> String {
    crate::script::show(value)
}

/// The same as it may stand on a terminal.
fn shown(value: &Dynamic) -> String {
    visible(text(value).as_bytes(), true)
}

/// A result on lines of at most `wide` columns where that can be.
pub(super) fn pretty(value: &Dynamic, wide: usize) -> String {
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
        return table(&maps, wide);
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

fn table(maps: &[Map], wide: usize) -> String {
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
            .map(|map| pairs(map, wide))
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
    std::iter::once(line(&names))
        .chain(rows.iter().map(|row| line(row)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// An error with the whole word underlined where it went wrong.
pub(super) fn underlined(error: &crate::error::Error) -> String {
    let text = error.to_string();
    let Some(at) = error.at.as_ref().filter(|at| at.column > 0) else {
        return text;
    };
    let word = at
        .text
        .chars()
        .skip(at.column - 1)
        .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .count()
        .max(1);
    let caret = format!("| {}^", at.pointed().1);
    match text.find(&caret) {
        Some(place) => format!(
            "{}{}{}",
            &text[..place + caret.len()],
            "^".repeat(word - 1),
            &text[place + caret.len()..]
        ),
        None => text,
    }
}

/// How long a line took, and what it cost at each host.
pub(super) fn timing(
    took: Duration,
    before: &[(String, u64, u64)],
    after: &[(String, u64, u64)],
) -> String {
    let mut parts = vec![format!("{:.3} s", took.as_secs_f64())];
    for (host, trips, bytes) in after {
        let (old_trips, old_bytes) = before
            .iter()
            .find(|(name, ..)| name == host)
            .map_or((0, 0), |(_, trips, bytes)| (*trips, *bytes));
        if *trips > old_trips {
            let count = trips - old_trips;
            parts.push(format!(
                "{host}: {count} trip{}, {}",
                if count == 1 { "" } else { "s" },
                size(bytes - old_bytes)
            ));
        }
    }
    parts.join("; ")
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a size is shown with one decimal"
)]
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
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

    #[test]
    fn the_whole_word_is_underlined() {
        let place = crate::error::Place {
            column: 3,
            file: "input".into(),
            line: 1,
            text: "  etcd_instal()".into(),
        };
        let shown = underlined(&crate::error::Error::config("x").at(place));
        assert!(
            shown.ends_with("\n1 |   etcd_instal()\n  |   ^^^^^^^^^^^"),
            "{shown}"
        );
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [size(3), size(2048), size(3 << 20)],
            ["3 B", "2.0 KiB", "3.0 MiB"]
        );
    }
}
