//! Lines, split into words: those of the console, as a shell would, and those of `txn` and `watch -i`, as Go does.

use crate::error::{Error, Result};
use crate::etcdctl::form::go;

/// A command of a line: the words after `e`, `em` or `etcdctl`.
pub type Command = Vec<Vec<u8>>;

/// The commands of a line as one types them in a shell: `e put a 10; e get a  # both`.
///
/// `;` stands between commands, `#` begins a comment, quotes hold words together. The words `e` and `etcdctl` in front
/// may be left out; `em` stands for `member`.
pub fn commands(text: &str) -> Result<Vec<Command>> {
    let mut all = Vec::new();
    for part in parts(text)? {
        let words = crate::command::split(&part)
            .ok_or_else(|| Error::usage(format!("a quote stays open in `{text}`")))?;
        let mut words: Vec<Vec<u8>> = words.into_iter().map(String::into_bytes).collect();
        match words.first().map(Vec::as_slice) {
            None => continue,
            Some(b"e" | b"etcdctl") => drop(words.remove(0)),
            Some(b"em") => words[0] = b"member".to_vec(),
            Some(_) => {}
        }
        all.push(words);
    }
    Ok(all)
}

/// The text between semicolons that stand outside quotes, without comments.
fn parts(text: &str) -> Result<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let part = parts
            .last_mut()
            .ok_or_else(|| Error::internal("a line has a part"))?;
        match (quote, letter) {
            (None, '#') if part.is_empty() || part.ends_with(char::is_whitespace) => {
                while letters.next_if(|letter| *letter != '\n').is_some() {}
            }
            (None, ';' | '\n') => parts.push(String::new()),
            (_, '\\') if quote != Some('\'') => {
                part.extend(std::iter::once(letter).chain(letters.next()));
            }
            (None, '\'' | '"') => {
                quote = Some(letter);
                part.push(letter);
            }
            _ => {
                if quote == Some(letter) {
                    quote = None;
                }
                part.push(letter);
            }
        }
    }
    Ok(parts)
}

/// The words of a line of `txn` or `watch -i`: `"..."` as Go quotes, `'...'` as it stands, else what has no blanks.
/// Nothing when Go cannot read what stands between quotes.
///
/// A quote that stays open is left out, as etcdctl leaves it out.
pub(crate) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some(first) = rest.first() {
        rest = match (first, quoted(rest)) {
            (b'"', Some(end)) => {
                words.push(go::unquote(&rest[..end])?.0);
                &rest[end..]
            }
            (b'\'', Some(end)) => {
                words.push(rest[1..end - 1].to_vec());
                &rest[end..]
            }
            (b'"' | b'\'', None) => &rest[1..],
            _ => {
                let end = rest
                    .iter()
                    .position(u8::is_ascii_whitespace)
                    .unwrap_or(rest.len());
                words.push(rest[..end].to_vec());
                &rest[end..]
            }
        };
        rest = rest.trim_ascii_start();
    }
    Some(words)
}

/// Where the quote ends that the text begins with; a backslash hides a double quote.
fn quoted(text: &[u8]) -> Option<usize> {
    let quote = *text.first().filter(|first| matches!(first, b'"' | b'\''))?;
    let mut place = 1;
    loop {
        match *text.get(place)? {
            byte if byte == quote => return Some(place + 1),
            b'\\' if quote == b'"' => place += 2,
            _ => place += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_documentation_works_as_it_stands() {
        let shown = |text: &str| {
            let all = commands(text).unwrap();
            all.iter()
                .map(|words| {
                    words
                        .iter()
                        .map(|word| String::from_utf8_lossy(word))
                        .collect::<Vec<_>>()
                        .join("|")
                })
                .collect::<Vec<_>>()
                .join("  ")
        };
        for (text, wanted) in [
            (
                "e put a 10 ; e get a; e del a ; # V3 API",
                "put|a|10  get|a  del|a",
            ),
            ("em list", "member|list"),
            ("put 'a;b' \"c # d\" # e", "put|a;b|c # d"),
            ("get a#b", "get|a#b"),
            (r"put a \; # x", "put|a|;"),
            (" ;; # nothing", ""),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
        assert!(commands("e put 'a").is_err());
    }

    #[test]
    fn quotes_hold_words_together() {
        for (line, wanted) in [
            (
                &br#"put k "a b\n" --lease=1"#[..],
                &[&b"put"[..], b"k", b"a b\n", b"--lease=1"][..],
            ),
            (br"put k 'a \n b'", &[b"put", b"k", br"a \n b"]),
            (b"  get   a ", &[b"get", b"a"]),
            (b"put 'a b", &[b"put", b"a", b"b"]),
            (br#"put "a"b"c" "x"#, &[b"put", b"a", br#"b"c""#, b"x"]),
            (
                br#"put --lease="1" it's """#,
                &[b"put", br#"--lease="1""#, b"it's", b""],
            ),
            (b"", &[]),
        ] {
            assert_eq!(split(line).unwrap(), wanted);
        }
        assert_eq!(split(br#"put k "a\q""#), None);
    }
}
