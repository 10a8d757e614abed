//! What may stand in a line of the language, by what stands before the cursor.
//!
//! Start reading at `of_script`.

use super::etcd::{keys, of_etcd};
use super::member::members;
use super::{Offers, entries, files, hosts, last_word, parameters, scripts, starting, tasks};
use crate::repl::console::Console;
use crate::repl::flow;
use crate::repl::live::Offer;
use crate::repl::state::{What, locked};
use crate::script::words;
use crate::word::Of;

const KEYWORDS: [&str; 18] = [
    "let ", "const ", "if ", "else ", "for ", "while ", "loop ", "fn ", "return ", "try ",
    "catch ", "switch ", "import ", "true", "false", "in ", "break", "continue",
];

pub(super) fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

pub(super) fn of_script(console: &Console, text: &str) -> Offers {
    if let Some(quote) = open_quote(text) {
        return in_text(console, text, quote);
    }
    let start = last_word(text, |letter| !is_name(letter) && letter != ':');
    let word = &text[start..];
    let before = text[..start].trim_end();
    if before.ends_with('.') && !before.ends_with("..") {
        return (
            start,
            starting(word, members(console, before.trim_end_matches(['.', '?']))),
        );
    }
    if let Some(keys) = option_keys(console, before) {
        return (start, starting(word, keys));
    }
    (start, names(console, word, text))
}

/// Where the text begins that the cursor is in.
pub(super) fn open_quote(text: &str) -> Option<usize> {
    let mut open: Option<(char, usize)> = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (open, letter) {
            (Some(('"', _)), '\\') => drop(letters.next()),
            (Some((quote, _)), _) if letter == quote => open = None,
            (None, '"' | '`') => open = Some((letter, at)),
            _ => {}
        }
    }
    open.map(|(_, at)| at)
}

/// The function whose call is open just before the cursor.
pub(super) fn caller(before: &str) -> &str {
    let before = before.trim_end().trim_end_matches('(').trim_end();
    &before[last_word(before, |letter| !is_name(letter))..]
}

fn in_text(console: &Console, text: &str, quote: usize) -> Offers {
    let inside = &text[quote + 1..];
    let before = text[..quote].trim_end();
    let list = quote + 1 + last_word(inside, |letter| ",:&!".contains(letter));
    let key = before.strip_suffix(':').map(caller);
    match (key, caller(before)) {
        (Some("limit" | "on"), _) | (None, "hosts" | "host" | "group_hosts") => {
            (list, hosts(console, &text[list..]))
        }
        (Some("tags"), _) => (list, tasks(console, &text[list..], |_| true)),
        (None, "run_task" | "selected" | "named_tag") => {
            (quote + 1, tasks(console, inside, |_| true))
        }
        (None, "run") => (quote + 1, starting(inside, scripts())),
        (None, "get" | "put" | "delete") => (quote + 1, starting(inside, keys(console, inside))),
        (None, "e" | "command") => {
            let (start, found) = of_etcd(console, inside);
            (quote + 1 + start, found)
        }
        (None, "em") => {
            let (start, found) = of_etcd(console, &format!("em {inside}"));
            (quote + 1 + start - 3, found)
        }
        (None, "import") => {
            let found = files(inside, ".rhai")
                .into_iter()
                .map(|(name, about)| (name.trim_end_matches(".rhai").to_string(), about))
                .collect();
            (quote + 1, found)
        }
        _ => (quote + 1, files(inside, "")),
    }
}

/// The keys of a map that is the last argument of a call: the options of a primitive or a step.
fn option_keys(console: &Console, before: &str) -> Option<Vec<Offer>> {
    if !before.ends_with(['{', ',']) {
        return None;
    }
    let mut depth = 0;
    let open = before.char_indices().rev().find(|(_, letter)| {
        depth += i32::from(")]}".contains(*letter)) - i32::from("([{".contains(*letter));
        depth < 0
    })?;
    let outside = before[..open.0]
        .strip_suffix('#')
        .filter(|_| open.1 == '{')?;
    if outside.trim_end().ends_with(':') {
        let key = caller(outside.trim_end().trim_end_matches(':'));
        return (key == "vars").then(|| {
            parameters(console, "")
                .into_iter()
                .map(|(name, doc)| (format!("{name}: "), doc))
                .collect()
        });
    }
    let mut depth = 0;
    let call = outside.char_indices().rev().find(|(_, letter)| {
        depth += i32::from(")]}".contains(*letter)) - i32::from("([{".contains(*letter));
        depth < 0
    })?;
    let name = caller(&outside[..call.0]);
    let options = if locked(&console.runner.tasks).contains_key(name) {
        flow::RUN_TASK.options
    } else {
        // `h.run(` is the primitive, `run(` runs a script.
        let method = outside[..call.0].trim_end().ends_with(&format!(".{name}"))
            || !words::named(name).any(|word| word.of == Of::Function);
        let found = words::named(name)
            .filter(|word| !word.options.is_empty())
            .find(|word| (word.of != Of::Function) == method);
        found?.options
    };
    let keys = options.iter().map(|arg| {
        (
            format!("{}: ", arg.name),
            format!("{}; {}", arg.takes, arg.doc),
        )
    });
    Some(keys.collect())
}

/// Names in the order in which one types them: what was typed, steps, `e`, the language, the stdlib, and what is inside last.
fn names(console: &Console, word: &str, text: &str) -> Vec<Offer> {
    let open = |name: &str| format!("{name}(");
    let functions = |inside: bool| {
        let fitting = entries()
            .iter()
            .filter(move |entry| entry.of.is_empty() && entry.name.contains("::") == inside);
        fitting
            .filter(|entry| entry.name.starts_with(word))
            .map(|entry| (open(&entry.name), entry.doc.clone()))
    };
    if let Some((module, _)) = word.rsplit_once("::") {
        let known = console.interpreter.known().and(&console.session);
        let mut all: Vec<Offer> = functions(true).collect();
        all.sort();
        all.extend(
            known
                .names(module)
                .into_iter()
                .map(|name| (open(&format!("{module}::{name}")), String::new())),
        );
        return starting(word, all);
    }
    let mut all = typed(console);
    let steps = tasks(console, word, |what| {
        what != What::Alias || !word.is_empty()
    });
    all.extend(
        steps
            .into_iter()
            .map(|(name, doc)| (format!("{name}()"), doc)),
    );
    if text.len() == word.len() {
        all.extend([
            ("e ".to_string(), "a line of etcdctl".to_string()),
            ("em ".to_string(), "e member".to_string()),
        ]);
        // One without a `-` is a word of the language.
        let bundled = scripts().into_iter().filter(|(name, _)| name.contains('-'));
        all.extend(bundled.map(|(name, path)| (format!("{name} "), path)));
    }
    all.extend(functions(false));
    let known = console.interpreter.known();
    all.extend(
        known
            .modules()
            .into_iter()
            .map(|module| (format!("{module}::"), "functions of the stdlib".to_string())),
    );
    if word.is_empty() {
        return all;
    }
    all.extend(
        KEYWORDS
            .iter()
            .map(|word| ((*word).to_string(), String::new())),
    );
    all.extend(functions(true));
    let documented: Vec<&str> = entries().iter().map(|entry| entry.name.as_str()).collect();
    let mut inside: Vec<Offer> = known
        .names("")
        .into_iter()
        .filter(|name| !documented.contains(name) && !name.contains(':'))
        .map(|name| (open(name), String::new()))
        .collect();
    inside.sort();
    all.extend(inside);
    starting(word, all)
}

/// Variables and functions of this session, the latest first.
fn typed(console: &Console) -> Vec<Offer> {
    let kind = |value: &rhai::Dynamic| {
        let name = value.type_name().rsplit("::").next();
        name.unwrap_or_default().to_string()
    };
    let mut all: Vec<Offer> = (console.scope.iter_raw())
        .filter(|(name, ..)| *name != "_")
        .map(|(name, _, value)| (name.to_string(), kind(value)))
        .collect();
    all.reverse();
    let tasks = locked(&console.runner.tasks);
    let functions = console
        .session
        .iter_functions()
        .filter(|function| !function.name.contains('$') && !tasks.contains_key(function.name));
    all.extend(
        functions.map(|function| (format!("{}(", function.name), function.params.join(", "))),
    );
    all
}
