//! How broad a text stands on a terminal, in columns: a letter of Chinese takes two, a mark that stands over another none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a line.
#[must_use]
pub fn columns(line: &str) -> usize {
    line.width()
}

/// The longest beginning of a line that has room in this many columns.
#[must_use]
pub fn fitting(line: &str, wide: usize) -> &str {
    let mut taken = 0;
    let end = line.char_indices().find(|(_, letter)| {
        taken += letter.width().unwrap_or(1);
        taken > wide
    });
    &line[..end.map_or(line.len(), |(at, _)| at)]
}

/// A line that has room in this many columns: what is cut off it is a mark at its end.
#[must_use]
pub fn cut(line: &str, wide: usize) -> String {
    if columns(line) <= wide {
        line.to_string()
    } else {
        format!("{}\u{2026}", fitting(line, wide.saturating_sub(1)))
    }
}

/// A line with blanks behind it, up to this many columns.
#[must_use]
pub fn padded(line: &str, wide: usize) -> String {
    format!("{line}{}", " ".repeat(wide.saturating_sub(columns(line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_broad_as_it_is_shown() {
        for (line, wide) in [
            ("", 0),
            ("abc", 3),
            ("\u{4e2d}\u{6587}", 4),
            ("e\u{301}", 1),
            ("\u{1f600}", 2),
        ] {
            assert_eq!(columns(line), wide, "{line}");
            assert_eq!(columns(&padded(line, 6)), 6, "{line}");
        }
        assert_eq!(fitting("\u{4e2d}\u{6587}", 3), "\u{4e2d}");
        assert_eq!(fitting("e\u{301}a", 1), "e\u{301}");
        assert_eq!(cut("\u{4e2d}\u{6587}\u{5b57}", 4), "\u{4e2d}\u{2026}");
        assert_eq!(cut("\u{4e2d}\u{6587}", 4), "\u{4e2d}\u{6587}");
        assert_eq!(cut("abcdef", 4), "abc\u{2026}");
    }
}
