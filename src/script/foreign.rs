//! What is written as in another language, or as in a shell: what to write instead. Pure.
//!
//! Owns what newcomers bring along from Python, SQL, JavaScript and shells. Must not know the engine. Start reading at [`instead`].

/// What to write instead of a name that is no variable.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "None" | "NULL" | "Null" | "nil" | "null" | "undefined" => "nothing is `()`",
        "False" | "FALSE" => "write `false`",
        "True" | "TRUE" => "write `true`",
        "ansible_facts" => "write `h.facts`",
        "console" => "write `print(text)`",
        "h" => "task(\"name\", \"what it does\", |h| h.run(\"true\"))   # a task is given its host",
        "hostvars" => "write `host(\"NAME\").vars`",
        "inventory_hostname" => "write `h.name`",
        _ => return None,
    })
}

const PACKAGE: &str = "write `h.package(\"NAME\")`";
const PUSH: &str = "write `.push(value)`";
const RUN: &str = "write `h.run(\"COMMAND\")`";
const EACH: &str = "write `for x in list { ... }`";

/// Functions of Python, of JavaScript and of Ansible, and what to write instead.
const FUNCTIONS: &[(&str, &str)] = &[
    ("add", PUSH),
    ("append", PUSH),
    ("apt", PACKAGE),
    ("cmd", RUN),
    ("command", RUN),
    ("copy", "write `h.file(\"/etc/x\", #{ source: \"x\" })`"),
    ("dnf", PACKAGE),
    ("each", EACH),
    ("endswith", "write `.ends_with(text)`"),
    ("enumerate", "write `for (x, i) in list { ... }`"),
    ("exec", RUN),
    ("forEach", EACH),
    ("foreach", EACH),
    ("has_key", "write `key in map`"),
    ("includes", "write `.contains(value)`"),
    ("int", "write `parse_int(text)`"),
    ("items", "write `for key in map.keys() { ... }`"),
    ("length", "write `.len()`"),
    (
        "lineinfile",
        "write `h.file(\"/etc/x\", #{ line: \"a = 1\" })`",
    ),
    ("lower", "write `.to_lower()`"),
    (
        "mkdir",
        "write `h.file(\"/srv/x\", #{ state: \"directory\" })`",
    ),
    ("open", "write `read_file(\"FILE\")`"),
    ("range", "write `0..n`"),
    ("shell", RUN),
    ("startswith", "write `.starts_with(text)`"),
    ("str", "write `.to_string()`"),
    ("strip", "write `.trim()`"),
    ("substr", "write `.sub_string(from, length)`"),
    ("substring", "write `.sub_string(from, length)`"),
    ("system", RUN),
    (
        "systemd",
        "write `h.service(\"NAME\", #{ state: \"restarted\" })`",
    ),
    ("toLowerCase", "write `.to_lower()`"),
    ("toString", "write `.to_string()`"),
    ("toUpperCase", "write `.to_upper()`"),
    ("upper", "write `.to_upper()`"),
    ("yum", PACKAGE),
];

/// What to write instead of a function that is none, or that does not fit.
pub(super) fn of_function(name: &str) -> Option<&'static str> {
    let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
    found.map(|(_, instead)| *instead)
}

pub(super) const IMPORT: &str = "`import` takes the name of a file, in quotes";

/// How a file is imported; the words of the language need none of that.
pub(super) fn import(name: &str) -> String {
    format!(
        "import \"{name}\" as {name};   # {name}.rhai beside the script; what `etcdsh help` lists needs no import"
    )
}

/// A text that is no script at all: what it is, and what to type.
pub(super) fn no_script(text: &str) -> Option<(&'static str, &'static str)> {
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
    if first == "---" || first.starts_with("- hosts:") || first.starts_with("- name:") {
        let what = "this is YAML, as Ansible's playbooks are, and no script";
        Some((
            what,
            "etcdsh etcd   # is the flow of etcd.yml; `etcdsh help task` shows how a task is written",
        ))
    } else if first == "all:" || first.starts_with("all: {") {
        let what = "this is YAML, as inventories are, and no script";
        Some((what, "etcdsh -i FILE etcd"))
    } else {
        None
    }
}

/// What to write instead, where a script could not be read on. `before` and `behind` are the line up to there and from there;
/// `is_word` says whether a name is a function of the language, `is_variable` whether the script has such a variable.
pub(super) fn instead(
    before: &str,
    behind: &str,
    is_word: &dyn Fn(&str) -> bool,
    is_variable: &dyn Fn(&str) -> bool,
) -> Option<String> {
    if let Some(comment) = behind.strip_prefix('#') {
        return Some(format!("//{}", comment.trim_end()));
    }
    let next = name_at(behind);
    let last = before.trim_end();
    let last = &last[last.len() - name_before(last).len()..];
    match next {
        "and" => return Some("write `&&`".into()),
        "elif" | "elsif" | "elseif" => return Some("write `else if`".into()),
        "or" => return Some("write `||`".into()),
        "case" => return Some("write `switch a { 1 => b, 2 => c, _ => d }`".into()),
        "if" => return turned(before, behind),
        _ => {}
    }
    match last {
        "from" if !next.is_empty() => return Some(import(next)),
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
    if behind.starts_with("=>") {
        return arrow(before);
    }
    if behind.starts_with('=')
        && let Some(instead) = default(before, behind)
    {
        return Some(instead);
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
    call(before, last, behind, is_word, is_variable)
}

/// `1: a` in a `switch`: the case as it is written here.
pub(super) fn case(before: &str, behind: &str) -> Option<String> {
    behind.strip_prefix(':')?;
    let key = before.rsplit(['{', ',']).next().unwrap_or(before).trim();
    let key = if key == "default" { "_" } else { key };
    Some(format!("write `{key} => ...`"))
}

/// `a if b else c`.
fn turned(before: &str, behind: &str) -> Option<String> {
    let (condition, other) = behind.strip_prefix("if ")?.split_once(" else ")?;
    if condition.contains('{') {
        return None;
    }
    let value = before.rsplit(['=', '(', ',', '{', ';']).next()?.trim();
    let other = other.trim().trim_end_matches([';', ')', '}']).trim_end();
    let value = value.trim_start_matches("return ");
    Some(format!(
        "write `if {condition} {{ {value} }} else {{ {other} }}`"
    ))
}

/// `h => ...` and `(a, b) => ...`: what stands in front becomes the parameters.
fn arrow(before: &str) -> Option<String> {
    let before = before.trim_end();
    let names = match before.strip_suffix(')') {
        Some(inside) => &inside[inside.rfind('(')? + 1..],
        None => name_before(before),
    };
    Some(format!("write `|{names}| ...`"))
}

/// `fn f(a, b = 1)`: a function of its own for the call without the last one.
fn default(before: &str, behind: &str) -> Option<String> {
    let (name, params) = before.trim_start().strip_prefix("fn ")?.split_once('(')?;
    let value = behind[1..].split([',', ')']).next()?.trim();
    let params: Vec<&str> = params.split(',').map(str::trim).collect();
    let (_, others) = params.split_last()?;
    let others = others.join(", ");
    let given = if others.is_empty() {
        value.to_string()
    } else {
        format!("{others}, {value}")
    };
    Some(format!(
        "fn {name}({others}) {{ {name}({given}) }}   # beside it: parameters have no defaults"
    ))
}

/// `e get a`, `print "a"`, `echo "a"`: a call as in a shell.
fn call(
    before: &str,
    last: &str,
    behind: &str,
    is_word: &dyn Fn(&str) -> bool,
    is_variable: &dyn Fn(&str) -> bool,
) -> Option<String> {
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
            Some(format!("write `print({})`", said(rest, is_variable)))
        }
        _ if is_word(last) && !behind.starts_with('(') => Some(format!("write `{last}({rest})`")),
        _ => None,
    }
}

/// What a shell's `echo` says, as a value: words are a text.
fn said(words: &str, is_variable: &dyn Fn(&str) -> bool) -> String {
    let name = words.trim_start_matches('$');
    let plain = |letter: char| is_name(letter) || " -/,!?".contains(letter);
    if is_variable(name) {
        name.to_string()
    } else if words.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && words.chars().all(plain)
    {
        format!("\"{words}\"")
    } else {
        words.to_string()
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
        let is_variable = |name: &str| name == "a";
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
            (
                "echo ",
                "hello world",
                Some("write `print(\"hello world\")`"),
            ),
            ("echo ", "$a", Some("write `print(a)`")),
            ("echo ", "1 + 2", Some("write `print(1 + 2)`")),
            ("let a = 1; ", "# one", Some("// one")),
            ("", "#", Some("//")),
            (
                "task(\"a\", \"b\", h ",
                "=> h.run(\"true\"));",
                Some("write `|h| ...`"),
            ),
            ("f((a, b) ", "=> a);", Some("write `|a, b| ...`")),
            (
                "let x = \"a\" ",
                "if true else \"b\";",
                Some("write `if true { \"a\" } else { \"b\" }`"),
            ),
            ("f() ", "if a { b } else { c }", None),
            (
                "fn f(a, b",
                "=1) { a + b }",
                Some("fn f(a) { f(a, 1) }   # beside it: parameters have no defaults"),
            ),
            (
                "fn f(a ",
                "= \"x\") { a }",
                Some("fn f() { f(\"x\") }   # beside it: parameters have no defaults"),
            ),
            ("let a ", "= = 1", None),
            ("let a = 1 ", "let b = 2", None),
            ("h.run(\"true\") ", "h.run(\"true\")", None),
            ("ä", "", None),
        ];
        for (before, behind, wanted) in rows {
            assert_eq!(
                instead(before, behind, &is_word, &is_variable).as_deref(),
                wanted,
                "{before}|{behind}"
            );
        }
    }

    #[test]
    fn functions_of_others_have_one_here() {
        assert!(FUNCTIONS.is_sorted());
        assert_eq!(of_function("append"), Some(PUSH));
        assert_eq!(of_function("push"), None);
    }

    #[test]
    fn a_case_is_written_with_an_arrow() {
        for (before, behind, wanted) in [
            ("switch 1 { 1", ": 2 }", Some("write `1 => ...`")),
            ("  default", ": 2", Some("write `_ => ...`")),
            ("switch 1 { 1 ", "- 2", None),
        ] {
            assert_eq!(case(before, behind).as_deref(), wanted, "{before}");
        }
    }

    #[test]
    fn yaml_is_no_script() {
        for (text, is_yaml) in [
            ("---\n- hosts: etcd\n", true),
            ("# the flow\n- hosts: etcd\n  tasks:\n", true),
            ("all:\n  children:\n", true),
            ("- 1\n", false),
            ("play(\"a\", \"etcd\");\n", false),
        ] {
            assert_eq!(no_script(text).is_some(), is_yaml, "{text}");
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
