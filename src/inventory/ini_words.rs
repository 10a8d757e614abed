//! The line of a host cut into words as Python's `shlex.split(line, comments=True)` cuts it.
//!
//! Not what a shell does: a `#` ends the line even inside a word, and only `"` knows escapes.

/// A word and the column it begins at, from 1.
#[derive(Debug, PartialEq)]
pub(super) struct Word {
    pub(super) column: usize,
    pub(super) text: String,
}

/// Why a line cannot be cut.
#[derive(Debug, PartialEq)]
pub(super) enum Uncut {
    /// A `\` is the last letter.
    Escape,
    /// This quote is never closed; its column.
    Quote(char, usize),
}

#[derive(Clone, Copy)]
enum State {
    Blank,
    Quoted(char, usize),
    Word,
}

#[derive(Default)]
struct Cutter {
    /// Where the word that is being read begins; `None` between words.
    begin: Option<usize>,
    text: String,
    words: Vec<Word>,
}

/// `shift` is the number of letters before the text in its line.
pub(super) fn cut(text: &str, shift: usize) -> Result<Vec<Word>, Uncut> {
    let mut cutter = Cutter::default();
    let mut state = State::Blank;
    let mut letters = text.chars().enumerate();
    while let Some((index, letter)) = letters.next() {
        let column = shift + index + 1;
        state = match (state, letter) {
            (State::Quoted(quote, _), _) if letter == quote => State::Word,
            (State::Quoted('"', _), '\\') => {
                let (_, next) = letters.next().ok_or(Uncut::Escape)?;
                if !matches!(next, '\\' | '"') {
                    cutter.text.push('\\');
                }
                cutter.text.push(next);
                state
            }
            (State::Quoted(..), _) => {
                cutter.text.push(letter);
                state
            }
            (State::Blank | State::Word, ' ' | '\t' | '\r' | '\n') => {
                cutter.end();
                State::Blank
            }
            (State::Blank | State::Word, '#') => {
                cutter.end();
                return Ok(cutter.words);
            }
            (State::Blank | State::Word, '\'' | '"') => {
                cutter.begin.get_or_insert(column);
                State::Quoted(letter, column)
            }
            (State::Blank | State::Word, '\\') => {
                cutter.begin.get_or_insert(column);
                cutter.text.push(letters.next().ok_or(Uncut::Escape)?.1);
                State::Word
            }
            (State::Blank | State::Word, _) => {
                cutter.begin.get_or_insert(column);
                cutter.text.push(letter);
                State::Word
            }
        };
    }
    if let State::Quoted(quote, column) = state {
        return Err(Uncut::Quote(quote, column));
    }
    cutter.end();
    Ok(cutter.words)
}

impl Cutter {
    fn end(&mut self) {
        if let Some(column) = self.begin.take() {
            let text = std::mem::take(&mut self.text);
            self.words.push(Word { column, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_python() {
        for (line, expected) in [
            ("h1 a=1  b=2", vec!["h1", "a=1", "b=2"]),
            ("h1 a='x y' b=\"p 'q'\"", vec!["h1", "a=x y", "b=p 'q'"]),
            ("h1 a=1 # b=2", vec!["h1", "a=1"]),
            ("h1 a=1#b", vec!["h1", "a=1"]),
            ("h1 a='1#b'", vec!["h1", "a=1#b"]),
            (
                r#"h1 a="\n\"\\" b='\n' c=\n"#,
                vec!["h1", r#"a=\n"\"#, r"b=\n", "c=n"],
            ),
            ("'' a", vec!["", "a"]),
            ("a''b", vec!["ab"]),
            ("a;b", vec!["a;b"]),
        ] {
            let words: Vec<String> = cut(line, 0)
                .unwrap()
                .into_iter()
                .map(|word| word.text)
                .collect();
            assert_eq!(words, expected, "{line}");
        }
        assert_eq!(cut("h1 a='x", 2), Err(Uncut::Quote('\'', 8)));
        assert_eq!(cut("h1 a\\", 0), Err(Uncut::Escape));
    }
}
