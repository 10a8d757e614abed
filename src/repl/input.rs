//! What kind of line it is, and where one ends.

use rhai::{Engine, LexError, ParseErrorType};

use crate::error::{Error, Result};
use crate::script::Script;

/// A line, by its first word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input<'a> {
    Blank,
    /// Behind `e`, `em` or `etcdctl`, these words included.
    Etcd(&'a str),
    /// `name?` and, with the source, `name??`.
    Help(&'a str, bool),
    /// Behind the colon.
    Meta(&'a str),
    Rhai(&'a str),
    /// A bundled script and its words: `etcd-rm etcd-3`.
    Script(&'a str),
}

const ALIASES: [&str; 3] = ["e", "em", "etcdctl"];

/// What one types in other consoles, and the command that it means here.
const FOREIGN: [(&str, &str); 10] = [
    ("?", "help"),
    ("\\?", "help"),
    ("\\h", "help"),
    ("\\q", "quit"),
    ("\\x", "format vertical"),
    ("exit", "quit"),
    ("exit()", "quit"),
    ("help", "help"),
    ("quit", "quit"),
    ("quit()", "quit"),
];

/// What begins a line for a shell, and is no command of etcdctl.
const SHELL: [&str; 39] = [
    "apt",
    "apt-get",
    "cat",
    "cd",
    "chmod",
    "chown",
    "cp",
    "curl",
    "date",
    "df",
    "dnf",
    "dpkg",
    "du",
    "etcdutl",
    "find",
    "free",
    "grep",
    "head",
    "hostname",
    "id",
    "ip",
    "journalctl",
    "kill",
    "ls",
    "mkdir",
    "mv",
    "ping",
    "ps",
    "pwd",
    "rm",
    "rpm",
    "ss",
    "sudo",
    "systemctl",
    "tail",
    "touch",
    "uname",
    "uptime",
    "whoami",
];

/// `is_variable` tells whether a word is a variable of the script: then it is no alias.
pub(super) fn kind(text: &str, is_variable: impl Fn(&str) -> bool) -> Input<'_> {
    let text = text.trim();
    if text.is_empty() || is_remark(text) {
        return Input::Blank;
    }
    if let Some(rest) = text.strip_prefix(':') {
        return Input::Meta(rest.trim());
    }
    if let Some(command) = foreign(text, &is_variable) {
        return Input::Meta(command);
    }
    if let Some(name) = text.strip_suffix("??").filter(|name| is_name(name)) {
        return Input::Help(name.trim(), true);
    }
    if let Some(name) = text.strip_suffix('?').filter(|name| is_name(name)) {
        return Input::Help(name.trim(), false);
    }
    if is_script(text) {
        Input::Script(text)
    } else if is_etcd(text, is_variable) {
        Input::Etcd(text)
    } else {
        Input::Rhai(text)
    }
}

/// Does the line begin with the name of a bundled script? One without a `-` is a word of the language.
pub(super) fn is_script(text: &str) -> bool {
    let word = first_word(text);
    word.contains('-') && crate::script::embedded::named(word).is_some()
}

/// A line that names a bundled script, as a call of `run`. Of a run's options it may have `-C`, `-D` and `-l PATTERN`.
pub(super) fn call_of(line: &str) -> Result<String> {
    let words = crate::command::split(line)
        .ok_or_else(|| Error::usage("a quote stays open").because(line.to_string()))?;
    let text = |word: &str| format!("{word:?}");
    let mut options = Vec::new();
    let mut args = Vec::new();
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-C" | "--check" => options.push("check: true".to_string()),
            "-D" | "--diff" => options.push("diff: true".to_string()),
            "-l" | "--limit" => {
                let pattern = words.next();
                let pattern = pattern.ok_or_else(|| Error::usage("`-l` takes a pattern"))?;
                options.push(format!("limit: {}", text(&pattern)));
            }
            option if option.starts_with('-') => {
                return Err(Error::usage(format!(
                    "`{option}` means nothing in a line of the console"
                ))
                .because("there are -C, -D and -l PATTERN")
                .hint(format!("etcdsh {line}   # in a shell takes all options")));
            }
            _ => args.push(text(&word)),
        }
    }
    options.insert(0, format!("args: [{}]", args.join(", ")));
    Ok(format!(
        "run({}, #{{ {} }})",
        text(&name),
        options.join(", ")
    ))
}

/// A comment as shells have it, which the language does not know.
fn is_remark(text: &str) -> bool {
    let rest = text.strip_prefix('#');
    !text.contains('\n')
        && rest.is_some_and(|rest| {
            let rest = rest.trim_start_matches('#');
            rest.is_empty() || rest.starts_with([' ', '\t', '!'])
        })
}

fn foreign<'a>(text: &'a str, is_variable: &impl Fn(&str) -> bool) -> Option<&'a str> {
    let word = text.trim_end_matches(';').trim_end();
    if is_variable(word) {
        return None;
    }
    if let Some((_, command)) = FOREIGN.iter().find(|(foreign, _)| *foreign == word) {
        return Some(command);
    }
    let name = word.strip_prefix("help ")?;
    is_name(name).then_some(word)
}

fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_:.".contains(letter))
}

pub(super) fn first_word(text: &str) -> &str {
    text.trim_start()
        .split(|letter: char| letter.is_whitespace() || letter == ';')
        .next()
        .unwrap_or_default()
}

/// An alias, and nothing after it that makes it an expression.
pub(super) fn is_etcd(text: &str, is_variable: impl Fn(&str) -> bool) -> bool {
    let text = text.trim_start();
    let word = first_word(text);
    if !ALIASES.contains(&word) || is_variable(word) {
        return false;
    }
    let rest = text[word.len()..].trim_start();
    !rest.starts_with("-=")
        && !rest.starts_with([
            '=', '.', '(', '[', '+', '*', '/', '%', '<', '>', '!', '?', '|', '&',
        ])
}

/// Does the text end in the middle of something? The parser says so by an error at its very end.
pub(super) fn is_open(engine: &Engine, text: &str) -> bool {
    let Err(error) = engine.compile(text) else {
        return false;
    };
    let lines = text.trim_end().lines().count();
    let last = text
        .trim_end()
        .lines()
        .last()
        .unwrap_or_default()
        .chars()
        .count();
    let at_end = error.1.line().is_none_or(|line| {
        line > lines || (line == lines && error.1.position().unwrap_or(0) > last)
    });
    match *error.0 {
        ParseErrorType::UnexpectedEOF => true,
        ParseErrorType::MissingToken(..) => at_end,
        ParseErrorType::BadInput(LexError::UnterminatedString) => true,
        _ => false,
    }
}

/// How long the first statement of a text is, the end of its line included: as far as `is_open` says that more must come, and
/// as far as the next line goes on with it.
pub(super) fn first_statement(text: &str, is_open: impl Fn(&str) -> bool) -> usize {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        let statement = &text[..end];
        if !is_open(statement) && !goes_on(statement, &text[end..]) {
            break;
        }
    }
    end
}

/// Does a statement that could end go on in the lines after it?
fn goes_on(statement: &str, rest: &str) -> bool {
    let first = statement.trim();
    let whole = first.is_empty() || first.starts_with(':') || is_remark(first);
    if whole || ALIASES.contains(&first_word(first)) {
        return false;
    }
    let real = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    let Some(next) = rest.lines().find(real).map(str::trim_start) else {
        return false;
    };
    // What is said of a function stands above it.
    let above = (statement.lines()).all(|line| line.trim_start().starts_with("///"));
    if above {
        return next.starts_with("fn ") || next.starts_with("private ");
    }
    // Such a line begins nothing: `?` alone and `&` are for the console and the shell.
    let word = first_word(next);
    word == "else"
        || word == "catch"
        || next.starts_with("catch(")
        || next.starts_with("else{")
        || next.starts_with("&&")
        || next.starts_with("?.")
        || next.starts_with([
            '.', ')', ']', '}', ',', '+', '*', '/', '%', '=', '<', '>', '^',
        ])
}

/// What may have been meant by a line that is none: something one can type.
pub(super) fn meant(
    text: &str,
    is_etcd: impl Fn(&str) -> bool,
    is_step: impl Fn(&str) -> bool,
) -> Vec<String> {
    let text = text.trim();
    if let Some((name, options)) = call_of_step(text).filter(|(name, _)| is_step(name)) {
        return vec![format!("{name}({options})")];
    }
    if let Some(command) = text.strip_prefix('!').map(str::trim_start) {
        return vec![format!(":! {command}")];
    }
    let word = first_word(text);
    let rest = text[word.len()..].trim_start();
    let is_call = rest.starts_with(['(', '=', '.', '[']) || word.contains(['(', '.', '=']);
    if is_call || text.contains('\n') {
        return Vec::new();
    }
    let line = text.trim_end_matches(';');
    match word {
        "q" => vec![":quit".to_string()],
        "status" => vec![":overview".to_string(), "e endpoint status".to_string()],
        "ls" => vec![format!("e {line}"), format!(":! {line}")],
        _ if is_step(word) => vec![format!("{word}({})", options(&line[word.len()..]))],
        _ if crate::script::embedded::named(word).is_some() => vec![format!(":run {line}")],
        _ if super::meta::ALL.iter().any(|meta| meta.name == word) => vec![format!(":{line}")],
        _ if is_etcd(word) => vec![format!("e {line}")],
        _ if SHELL.contains(&word) => vec![format!(":! {line}")],
        _ => {
            let later = text.split_once("; e ").map(|(_, line)| format!("e {line}"));
            later
                .map(|line| format!("{line}   # on a line of its own"))
                .into_iter()
                .collect()
        }
    }
}

/// `etcd_conf(10.10.10.10)` and `etcd_conf(limit: "10.10.10.10")`: the name and the map of options that was meant.
fn call_of_step(text: &str) -> Option<(&str, String)> {
    let (name, rest) = text.trim_end_matches(';').split_once('(')?;
    let given = rest.trim_end().strip_suffix(')')?.trim();
    if given.is_empty() || given.starts_with(['#', '(']) {
        return None;
    }
    let is_key = |key: &str| is_name(key) && key.starts_with(|letter: char| letter.is_alphabetic());
    if given.split_once(':').is_some_and(|(key, _)| is_key(key)) {
        return Some((name, format!("#{{ {given} }}")));
    }
    let pattern = given.trim_matches('"');
    (!pattern.contains('"')).then(|| (name, format!("#{{ limit: {pattern:?} }}")))
}

/// Options of a command line as a map for a step: `-C`, `-D` and `-l PATTERN`.
fn options(words: &str) -> String {
    let mut options = Vec::new();
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "-C" | "--check" => options.push("check: true".to_string()),
            "-D" | "--diff" => options.push("diff: true".to_string()),
            "-l" | "--limit" => {
                options.push(format!("limit: {:?}", words.next().unwrap_or("PATTERN")));
            }
            pattern => options.push(format!("limit: {pattern:?}")),
        }
    }
    if options.is_empty() {
        String::new()
    } else {
        format!("#{{ {} }}", options.join(", "))
    }
}

/// All that was typed, so that a mistake in a function of an hour ago is shown in its own line.
#[derive(Default)]
pub(super) struct Typed {
    lines: usize,
    /// What came from a file: its first line here, its lines, its name.
    loaded: Vec<(usize, usize, String)>,
    text: String,
}

impl Typed {
    /// Add a text. What is to be parsed has the lines before it left empty.
    pub(super) fn add(&mut self, name: &str, text: &str, file: Option<&str>) -> (Script, Script) {
        let before = self.lines;
        let count = text.lines().count().max(1);
        if let Some(file) = file {
            self.loaded.push((before + 1, count, file.to_string()));
        }
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
        self.lines += count;
        let parsed = Script {
            folder: None,
            name: name.to_string(),
            text: format!("{}{text}", "\n".repeat(before)),
        };
        (
            parsed,
            Script {
                folder: None,
                name: name.to_string(),
                text: self.text.clone(),
            },
        )
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A place in what was typed, or in the file it came from.
    pub(super) fn translate(&self, place: &mut crate::error::Place) {
        if let Some((first, _, file)) = self
            .loaded
            .iter()
            .find(|(first, count, _)| (*first..first + count).contains(&place.line))
        {
            place.line = place.line + 1 - first;
            place.file.clone_from(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_says_what_a_line_is() {
        let is_e = |word: &str| word == "etcdctl";
        for (text, wanted) in [
            ("", Input::Blank),
            (":hosts", Input::Meta("hosts")),
            ("e get a; e get b", Input::Etcd("e get a; e get b")),
            ("em list", Input::Etcd("em list")),
            (" etcd-rm etcd-3", Input::Script("etcd-rm etcd-3")),
            ("etcd - rm", Input::Rhai("etcd - rm")),
            ("e", Input::Etcd("e")),
            ("e -w json get a", Input::Etcd("e -w json get a")),
            ("e = 1", Input::Rhai("e = 1")),
            ("e -= 1", Input::Rhai("e -= 1")),
            ("e(\"get a\")", Input::Rhai("e(\"get a\")")),
            ("e.put(1)", Input::Rhai("e.put(1)")),
            ("etcdctl get a", Input::Rhai("etcdctl get a")),
            ("every(1)", Input::Rhai("every(1)")),
            ("etcd::purge?", Input::Help("etcd::purge", false)),
            ("file??", Input::Help("file", true)),
            ("a ?? b", Input::Rhai("a ?? b")),
            ("?", Input::Meta("help")),
            ("\\q", Input::Meta("quit")),
            ("exit;", Input::Meta("quit")),
            ("help file", Input::Meta("help file")),
            ("help = 1", Input::Rhai("help = 1")),
            ("exit()", Input::Meta("quit")),
            ("exit(1)", Input::Rhai("exit(1)")),
            ("# a remark", Input::Blank),
            ("#{ a: 1 }", Input::Rhai("#{ a: 1 }")),
        ] {
            assert_eq!(kind(text, is_e), wanted, "{text}");
        }
    }
    #[test]
    fn a_text_falls_into_statements() {
        let engine = Engine::new();
        let open = |text: &str| match kind(text, |_| false) {
            Input::Rhai(text) => is_open(&engine, text),
            Input::Etcd(text) => crate::etcdctl::is_open(text),
            _ => false,
        };
        for pieces in [
            &["let a = 1\n", "let b = 2\n", "print(a + b)"][..],
            &["let q = 5\n", "e put k 'a#b\nc'\n", "# said\n", "q + 1"],
            &[
                "for i in 0..2 {\n  print(i);\n}\n",
                "\n",
                "e get a\n",
                ":hosts",
            ],
            &[
                "if a {\n 1\n}\n// or\nelse {\n 2\n}\n",
                "x\n  .len()\n",
                "?",
            ],
            &["/// Two.\nfn two() { 2 }\n", "em list"],
        ] {
            let text = pieces.concat();
            let (mut rest, mut found) = (text.as_str(), Vec::new());
            while !rest.is_empty() {
                let (first, left) = rest.split_at(first_statement(rest, open));
                found.push(first);
                rest = left;
            }
            assert_eq!(found, pieces);
        }
    }

    #[test]
    fn a_bundled_script_is_a_call() {
        assert_eq!(
            call_of("etcd-rm etcd-3 '10.0.0.1' -C -l etcd").unwrap(),
            r#"run("etcd-rm", #{ args: ["etcd-3", "10.0.0.1"], check: true, limit: "etcd" })"#
        );
        assert!(call_of("etcd-rm -x").is_err());
        assert!(call_of("etcd-rm 'a").is_err());
    }

    #[test]
    fn a_line_that_is_none_has_one_that_was_meant() {
        let is_etcd = |word: &str| ["get", "ls", "put"].contains(&word);
        let is_step = |word: &str| word.starts_with("etcd_");
        for (typed, wanted) in [
            ("get a", &["e get a"][..]),
            ("ls /pg;", &["e ls /pg", ":! ls /pg"]),
            ("limit two", &[":limit two"]),
            (
                "let s = 1; e put ${s} 1",
                &["e put ${s} 1   # on a line of its own"],
            ),
            ("get(1)", &[]),
            ("put = 1", &[]),
            ("nothing here", &[]),
            ("etcd_install", &["etcd_install()"]),
            ("etcd_launch -C", &["etcd_launch(#{ check: true })"]),
            (
                "etcd_conf 10.10.10.10 -D",
                &["etcd_conf(#{ limit: \"10.10.10.10\", diff: true })"],
            ),
            ("etcd -C", &[":run etcd -C"]),
            (
                "etcd_conf(10.10.10.10);",
                &["etcd_conf(#{ limit: \"10.10.10.10\" })"],
            ),
            ("etcd_conf(\"etcd\")", &["etcd_conf(#{ limit: \"etcd\" })"]),
            ("etcd_conf(limit: \"x\")", &["etcd_conf(#{ limit: \"x\" })"]),
            ("etcd_conf()", &[]),
            ("etcd_conf(#{ limit: \"x\" })", &[]),
            ("!ls /tmp", &[":! ls /tmp"]),
            ("systemctl status etcd", &[":! systemctl status etcd"]),
            ("cd /tmp", &[":! cd /tmp"]),
        ] {
            assert_eq!(meant(typed, is_etcd, is_step), wanted, "{typed}");
        }
    }
}
