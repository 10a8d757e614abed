//! Results as a person reads them: tables of maps, maps line by line, texts as they are.

use std::time::Duration;

use rhai::{Array, Dynamic, Map};

pub(super) use crate::script::pretty;

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
