//! What is written as in another language, or as in a shell: what to write instead. Pure.
//!
//! Owns what newcomers bring along from Python, SQL, JavaScript and shells. Must not know the engine. Start reading at [`instead`].

/// What to write instead of a name that is no variable.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "None" | "NULL" | "Null" | "nil" | "null" | "undefined" => "nothing is `()`",
        "False" | "FALSE" => "write `false`",
        "True" | "TRUE" => "write `true`",
        _ => return None,
    })
}

/// What to write instead, where a script could not be read on. `before` and `behind` are the line up to there and from there;
/// `is_word` says whether a name is a function of the language.
pub(super) fn instead(
    before: &str,
    behind: &str,
    is_word: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let next = name_at(behind);
    let last = before.trim_end();
    let last = &last[last.len() - name_before(last).len()..];
    match next {
        "and" => return Some("write `&&`".into()),
        "elif" | "elsif" | "elseif" => return Some("write `else if`".into()),
        "or" => return Some("write `||`".into()),
        _ => {}
    }
    match last {
        "elif" | "elsif" | "elseif" => return Some("write `else if`".into()),
        "def" | "func" | "function" | "fun" => return Some("write `fn name(a, b) { ... }`".into()),
        "not" => return Some("write `!`".into()),
        "f" | "F" if behind.starts_with(['"', '\'', '`']) => {
            return Some("a text with values in it stands in backticks: `${a} and ${b}`".into());
        }
        _ => {}
    }
    if behind.starts_with("++") || behind.starts_with("--") {
        let sign = &behind[..1];
        return Some(format!("write `{last} {sign}= 1`"));
    }
    if behind.starts_with('?') {
        return Some("write `if a { b } else { c }`".into());
    }
    let key = before.trim_end();
    let key = match key.strip_suffix(['"', '\'']) {
        Some(text) => &text[..text.rfind(['"', '\'']).unwrap_or(0)],
        None => &key[..key.len() - last.len()],
    };
    let key = key.trim_end();
    if behind.starts_with(':') && key.ends_with('{') {
        return Some("a map is `#{ a: 1 }`".into());
    }
    call(before, last, behind, is_word)
}

/// `e get a`, `print "a"`, `echo "a"`: a call as in a shell.
fn call(before: &str, last: &str, behind: &str, is_word: &dyn Fn(&str) -> bool) -> Option<String> {
    let begins = before.trim_end().len() - last.len();
    let start = before[..begins].trim_end();
    if !(start.is_empty() || start.ends_with([';', '{', '}'])) || behind.is_empty() {
        return None;
    }
    let rest = behind.trim_end().trim_end_matches([';', '}']).trim_end();
    match last {
        "e" | "em" => Some(format!(
            "a line of etcdctl is a text: {last}(\"{}\")",
            rest.replace('"', "'")
        )),
        "console" | "echo" | "printf" | "puts" | "say" if !rest.is_empty() => {
            Some(format!("write `print({rest})`"))
        }
        _ if is_word(last) && !behind.starts_with('(') => Some(format!("write `{last}({rest})`")),
        _ => None,
    }
}

/// The statement that lacks its `;`, where the next one begins a line: its line (from 1) and its text.
pub(super) fn unended(text: &str, line: usize, column: usize) -> Option<(usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let here = lines.get(line.checked_sub(1)?)?;
    let before: String = here.chars().take(column.saturating_sub(1)).collect();
    if !before.trim().is_empty() {
        return None;
    }
    let earlier = lines[..line - 1].iter().enumerate().rev();
    let mut earlier = earlier.filter(|(_, line)| !line.trim().is_empty());
    let (place, statement) = earlier.next()?;
    let ends_plainly = !statement.contains("//") && !statement.contains("*/");
    ends_plainly.then(|| (place + 1, statement.trim_end()))
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn name_at(text: &str) -> &str {
    let end = text.find(|letter| !is_name(letter));
    &text[..end.unwrap_or(text.len())]
}

fn name_before(text: &str) -> &str {
    let begin = text.rfind(|letter: char| !is_name(letter));
    &text[begin.map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    })..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_has_a_word_here() {
        let is_word = |name: &str| name == "print";
        let rows = [
            (
                "if true { 1 } ",
                "elif false { 2 }",
                Some("write `else if`"),
            ),
            (
                "if true { 1 } elif ",
                "false { 2 }",
                Some("write `else if`"),
            ),
            ("if a ", "and b { 3 }", Some("write `&&`")),
            ("if not ", "b { 3 }", Some("write `!`")),
            ("def ", "f(x): x", Some("write `fn name(a, b) { ... }`")),
            (
                "let a = f",
                "\"x\"",
                Some("a text with values in it stands in backticks: `${a} and ${b}`"),
            ),
            ("let i = 1; i", "++", Some("write `i += 1`")),
            (
                "let a = b ",
                "? 1 : 2",
                Some("write `if a { b } else { c }`"),
            ),
            ("let m = { a", ": 1 }", Some("a map is `#{ a: 1 }`")),
            ("let m = { \"a\"", ": 1 }", Some("a map is `#{ a: 1 }`")),
            (
                "e ",
                "get --prefix /a;",
                Some("a line of etcdctl is a text: e(\"get --prefix /a\")"),
            ),
            ("let a = 1; echo ", "a", Some("write `print(a)`")),
            ("print ", "\"a\";", Some("write `print(\"a\")`")),
            ("let a = 1 ", "let b = 2", None),
            ("h.run(\"true\") ", "h.run(\"true\")", None),
            ("ä", "", None),
        ];
        for (before, behind, wanted) in rows {
            assert_eq!(
                instead(before, behind, &is_word).as_deref(),
                wanted,
                "{before}|{behind}"
            );
        }
    }

    #[test]
    fn a_statement_without_its_end_is_the_one_before() {
        let text = "let a = 1\n\n  print(a);\n";
        assert_eq!(unended(text, 3, 3), Some((1, "let a = 1")));
        assert_eq!(unended(text, 1, 5), None);
        assert_eq!(unended("let a = 1 // one\nb", 2, 1), None);
    }
}
