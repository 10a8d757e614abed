//! Lines, split into words: those of the console, as a shell would, and those of `txn` and `watch -i`, as Go does.

use crate::error::{Error, Result};
use crate::etcdctl::form::go;

/// A command of a line: the words after `e`, `em` or `etcdctl`.
pub type Command = Vec<Vec<u8>>;

/// A command of a line, and what it reads and writes instead of the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirected {
    /// `< FILE`.
    pub input: Option<String>,
    pub output: Option<Output>,
    pub words: Command,
}

/// `>> FILE`, `> FILE`, `| COMMAND`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Append(String),
    File(String),
    /// A line for `/bin/sh`, as it was typed.
    Program(String),
}

/// The commands of a line as one types them in a shell: `e put a 10; e get a  # both`.
///
/// `;` stands between commands, `#` begins a comment, quotes hold words together. The words `e` and `etcdctl` in front
/// may be left out; `em` stands for `member`. Files and commands behind `>`, `<` and `|` are for the console alone.
pub fn commands(text: &str) -> Result<Vec<Command>> {
    redirected(text)?
        .into_iter()
        .map(|one| match (&one.output, &one.input) {
            (None, None) => Ok(one.words),
            (Some(Output::Program(_)), _) => Err(Error::usage(
                "`|` sends nothing to a command here, only in the console",
            )
            .hint("quote it when it is part of a word: '|'")),
            (Some(_), _) => Err(Error::usage("`>` writes no file here, only in the console")
                .hint("quote it when it is part of a word: '>'")
                .hint("write_file(\"FILE\", e(\"get KEY\"))")),
            (None, Some(_)) => Err(Error::usage("`<` reads no file here, only in the console")
                .hint("quote it when it is part of a word: '<'")),
        })
        .collect()
}

/// The same, with what stands behind `>`, `>>`, `<` and `|`, as a shell reads them.
pub fn redirected(text: &str) -> Result<Vec<Redirected>> {
    let open = || Error::usage(format!("a quote stays open in `{text}`"));
    let mut all = Vec::new();
    for part in parts(text).map_err(|trouble| trouble.unwrap_or_else(open))? {
        let words = crate::command::split(&part.text).ok_or_else(open)?;
        let mut words: Vec<Vec<u8>> = words.into_iter().map(String::into_bytes).collect();
        match words.first().map(Vec::as_slice) {
            None if part.output.is_none() && part.input.is_none() => continue,
            Some(b"e" | b"etcdctl") => drop(words.remove(0)),
            Some(b"em") => words[0] = b"member".to_vec(),
            None | Some(_) => {}
        }
        all.push(Redirected {
            input: part.input,
            output: part.output,
            words,
        });
    }
    Ok(all)
}

/// Does a quote stay open at the end of a line?
#[must_use]
pub fn is_open(text: &str) -> bool {
    match parts(text) {
        Ok(parts) => (parts.iter()).any(|part| crate::command::split(&part.text).is_none()),
        Err(trouble) => trouble.is_none(),
    }
}

#[derive(Default)]
struct Part {
    input: Option<String>,
    output: Option<Output>,
    text: String,
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Or what is wrong with it; `None` for a quote that stays open.
type Read<T> = std::result::Result<T, Option<Box<Error>>>;

/// The text between semicolons that stand outside quotes, without comments.
fn parts(text: &str) -> Read<Vec<Part>> {
    let (mut parts, mut part) = (Vec::new(), Part::default());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins = part.text.is_empty() || part.text.ends_with(char::is_whitespace);
        match letter {
            '#' if begins => while letters.next_if(|letter| *letter != '\n').is_some() {},
            ';' | '\n' => parts.push(std::mem::take(&mut part)),
            '\\' => part
                .text
                .extend(std::iter::once(letter).chain(letters.next())),
            '\'' | '"' => quoted_part(letter, &mut letters, &mut part.text)?,
            '|' | '>' | '<' => redirect(letter, &mut letters, &mut part)?,
            '&' if begins || letters.peek() == Some(&'&') => {
                return Err(Some(
                    Error::usage("`&` is no part of a line of etcdctl")
                        .hint("part commands with `;`, or quote it: '&'"),
                ));
            }
            _ => part.text.push(letter),
        }
    }
    parts.push(part);
    Ok(parts)
}

/// What stands in quotes, the first of which was read.
fn quoted_part(quote: char, letters: &mut Letters<'_>, text: &mut String) -> Read<()> {
    text.push(quote);
    loop {
        let letter = letters.next().ok_or(None)?;
        text.push(letter);
        if letter == quote {
            return Ok(());
        }
        if letter == '\\' && quote == '"' {
            text.push(letters.next().ok_or(None)?);
        }
    }
}

fn redirect(sign: char, letters: &mut Letters<'_>, part: &mut Part) -> Read<()> {
    let wrong = |what: String| Some(Error::usage(what).hint(format!("quote it: '{sign}'")));
    let last = part
        .text
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    if sign != '|' && !last.is_empty() && last.chars().all(|letter| letter.is_ascii_digit()) {
        return Err(wrong(format!(
            "`{last}{sign}` is not done here: only output goes to a file"
        )));
    }
    let twice = letters.next_if_eq(&sign).is_some();
    if let Some(more) = letters.peek().filter(|next| "|&<>".contains(**next)) {
        return Err(wrong(format!("`{sign}{more}` is not done here")));
    }
    if twice && sign != '>' {
        return Err(wrong(format!("`{sign}{sign}` is not done here")));
    }
    let target = if sign == '|' {
        program(letters)?
    } else {
        file(letters)?
    };
    if target.is_empty() {
        let missing = if sign == '|' { "a command" } else { "a file" };
        return Err(wrong(format!("{missing} is missing behind `{sign}`")));
    }
    part.text.push(' ');
    let taken = match (sign, twice) {
        ('<', _) => part.input.replace(target).is_some(),
        ('|', _) => part.output.replace(Output::Program(target)).is_some(),
        (_, true) => part.output.replace(Output::Append(target)).is_some(),
        (_, false) => part.output.replace(Output::File(target)).is_some(),
    };
    if taken {
        return Err(wrong("there are two places for one output or input".into()));
    }
    Ok(())
}

/// One word.
fn file(letters: &mut Letters<'_>) -> Read<String> {
    while letters
        .next_if(|letter| [' ', '\t'].contains(letter))
        .is_some()
    {}
    let mut word = String::new();
    while let Some(letter) =
        letters.next_if(|letter| !letter.is_whitespace() && !";|<>&".contains(*letter))
    {
        match letter {
            '\\' => word.extend(std::iter::once(letter).chain(letters.next())),
            '\'' | '"' => quoted_part(letter, letters, &mut word)?,
            _ => word.push(letter),
        }
    }
    let words = crate::command::split(&word).ok_or(None)?;
    Ok(words.concat())
}

/// All up to a semicolon that is the console's, not that of the command.
fn program(letters: &mut Letters<'_>) -> Read<String> {
    let (mut line, mut depth) = (String::new(), 0_i32);
    while let Some(letter) = letters.next_if(|letter| depth > 0 || !";\n".contains(*letter)) {
        depth += i32::from("({".contains(letter)) - i32::from(")}".contains(letter));
        match letter {
            '#' if line.ends_with(char::is_whitespace) => {
                while letters.next_if(|letter| *letter != '\n').is_some() {}
            }
            '\\' => line.extend(std::iter::once(letter).chain(letters.next())),
            '\'' | '"' => quoted_part(letter, letters, &mut line)?,
            _ => line.push(letter),
        }
    }
    Ok(line.trim().to_string())
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
    fn files_and_commands_behind_a_command_are_read_as_a_shell_does() {
        let file = |name: &str| Some(Output::File(name.into()));
        let program = |line: &str| Some(Output::Program(line.into()));
        for (line, words, input, output) in [
            ("e get a > f", "get|a", None, file("f")),
            ("get a>'my f' -w json", "get|a|-w|json", None, file("my f")),
            (
                "get a >> f # x",
                "get|a",
                None,
                Some(Output::Append("f".into())),
            ),
            ("put a < f", "put|a", Some("f"), None),
            (
                "get a | grep -c 'x;|' | cat",
                "get|a",
                None,
                program("grep -c 'x;|' | cat"),
            ),
            ("get a|(cd /; ls) # x", "get|a", None, program("(cd /; ls)")),
            ("put '>' \"a|b\" \\> x&y", "put|>|a|b|>|x&y", None, None),
        ] {
            let found = redirected(line).unwrap();
            assert_eq!(found.len(), 1, "{line}");
            let shown: Vec<String> = (found[0].words.iter())
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            assert_eq!(shown.join("|"), words, "{line}");
            assert_eq!(
                (found[0].input.as_deref(), &found[0].output),
                (input, &output),
                "{line}"
            );
            assert_eq!(
                commands(line).is_ok(),
                input.is_none() && output.is_none(),
                "{line}"
            );
        }
        assert_eq!(
            redirected("get a | cat; get b > f; get c").unwrap().len(),
            3
        );
        for line in [
            "get a >",
            "get a |",
            "get a || get b",
            "get a && get b",
            "get a &",
            "get a 2> f",
            "get a > f > g",
            "put a << b",
        ] {
            assert!(redirected(line).is_err() && !is_open(line), "{line}");
        }
        assert!(is_open("put 'a#b") && is_open("get a | grep \"x") && !is_open("put 'a#b'"));
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
