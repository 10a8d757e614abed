//! A line of `txn` or `watch -i`, split into words: `"..."` as Go quotes, `'...'` as it stands, else what has no blanks.

use super::go;

/// The words of a line. A quote that stays open takes the rest as it is.
pub(super) fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii();
    while let Some(first) = rest.first() {
        let (word, after) = match first {
            b'"' => match go::unquote(rest) {
                Some((word, after)) => (word, after),
                None => plain(rest),
            },
            b'\'' => match rest[1..].iter().position(|byte| *byte == b'\'') {
                Some(end) => (rest[1..=end].to_vec(), &rest[end + 2..]),
                None => plain(rest),
            },
            _ => plain(rest),
        };
        words.push(word);
        rest = after.trim_ascii_start();
    }
    words
}

fn plain(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    (text[..end].to_vec(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        for (line, wanted) in [
            (&br#"put k "a b\n" --lease=1"#[..], &[&b"put"[..], b"k", b"a b\n", b"--lease=1"][..]),
            (br"put k 'a \n b'", &[b"put", b"k", br"a \n b"]),
            (b"  get   a ", &[b"get", b"a"]),
            (b"put 'a b", &[b"put", b"'a", b"b"]),
            (b"", &[]),
        ] {
            assert_eq!(words(line), wanted);
        }
    }
}
