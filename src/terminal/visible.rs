//! Bytes of somebody else - a key, a name, a version, a message, what a host wrote - as they may stand on a terminal.
//!
//! A letter that steers the terminal, or makes it show something else than is there, is written in letters. Pure.

use std::fmt::Write as _;

/// Does a letter steer a terminal, or make it show something else than is there? Escapes, C1, the marks of direction.
#[must_use]
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Bytes of somebody else as they may stand on a terminal: what is hidden, and what is no text, in letters.
/// With `lines` the ends of lines and tabs stay.
#[must_use]
pub fn visible(bytes: &[u8], lines: bool) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let _ = match letter {
                '\n' | '\t' if lines => write!(shown, "{letter}"),
                '\n' => write!(shown, "\\n"),
                '\t' => write!(shown, "\\t"),
                '\r' => write!(shown, "\\r"),
                '\0'..='\x7f' if letter.is_control() => write!(shown, "\\x{:02x}", letter as u32),
                _ if is_hidden(letter) => write!(shown, "\\u{{{:x}}}", letter as u32),
                _ => write!(shown, "{letter}"),
            };
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// Lines of ours with bytes of somebody else in them: as [`visible`], and the colours stay.
#[must_use]
pub fn coloured(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        let code = colour(&rest[at..]);
        shown.push_str(&visible(&rest.as_bytes()[..at], true));
        if code == 0 {
            shown.push_str("\\x1b");
        } else {
            shown.push_str(&rest[at..at + code]);
        }
        rest = &rest[at + code.max(1)..];
    }
    shown.push_str(&visible(rest.as_bytes(), true));
    shown
}

/// How long the code of a colour is at the front of a text: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> usize {
    let Some(code) = text.strip_prefix("\x1b[") else {
        return 0;
    };
    let numbers = code.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
    if numbers.starts_with('m') {
        text.len() - numbers.len() + 1
    } else {
        0
    }
}

/// JSON with the hidden letters of its texts escaped as JSON does it, so that it is the same to whoever parses it.
#[must_use]
pub fn in_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_hidden(letter) && !matches!(letter, '\n' | '\t') {
            let _ = write!(shown, "\\u{:04x}", letter as u32);
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_in_letters() {
        for (bytes, wanted) in [
            (&b"plain /a b"[..], "plain /a b"),
            ("\u{e4}\u{4e2d}".as_bytes(), "\u{e4}\u{4e2d}"),
            (b"\x1b]52;c;x\x07", "\\x1b]52;c;x\\x07"),
            (b"a\rb\nc\td\x7f", "a\\rb\\nc\\td\\x7f"),
            ("\u{9b}2J\u{202e}x".as_bytes(), "\\u{9b}2J\\u{202e}x"),
            (b"\xff\xc3(", "\\xff\\xc3("),
        ] {
            assert_eq!(visible(bytes, false), wanted);
        }
        assert_eq!(visible(b"{\n\t1\r\n}", true), "{\n\t1\\r\n}");
    }

    #[test]
    fn only_colours_of_ours_pass() {
        for (text, wanted) in [
            ("\x1b[1;31merror\x1b[0m: a", "\x1b[1;31merror\x1b[0m: a"),
            (
                "\x1b[2Ja\x1b]0;t\x07\n\x1b",
                "\\x1b[2Ja\\x1b]0;t\\x07\n\\x1b",
            ),
        ] {
            assert_eq!(coloured(text), wanted);
        }
    }

    #[test]
    fn json_means_the_same_when_it_can_be_seen() {
        let value =
            serde_json::json!({ "a\u{9b}2J": "\x1b]0;t\x07 \u{202e}\u{2066}\u{7f} \u{4e2d}" });
        let shown = in_json(&value.to_string());
        assert!(!shown.chars().any(is_hidden), "{shown:?}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}
