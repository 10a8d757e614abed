//! Two values of a key, line by line.

use similar::TextDiff;

use super::{decoded, go};

/// The lines that differ, with two of those around them. JSON is spread out before; what is not there has no lines.
pub(crate) fn by_lines(before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let text = |value: Option<&[u8]>| value.map_or_else(String::new, lines);
    TextDiff::from_lines(text(before), text(after))
        .unified_diff()
        .context_radius(2)
        .missing_newline_hint(false)
        .to_string()
}

/// A value as lines to compare: JSON spread out, bytes that are no text quoted.
fn lines(value: &[u8]) -> String {
    let text = match decoded::structured(value) {
        Some(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        None => String::from_utf8(value.to_vec()).unwrap_or_else(|_| go::quote(value)),
    };
    if text.is_empty() || text.ends_with('\n') {
        text
    } else {
        text + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_lines() {
        for (value, wanted) in [
            (&b"a\nb"[..], "a\nb\n"),
            (br#"{"a":1}"#, "{\n  \"a\": 1\n}\n"),
            (b"\xff", "\"\\xff\"\n"),
            (b"", ""),
        ] {
            assert_eq!(lines(value), wanted);
        }
    }
}
