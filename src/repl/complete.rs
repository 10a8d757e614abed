//! What Tab offers: by the kind of line, and within a script by what stands before the cursor.

use std::any::TypeId;
use std::sync::OnceLock;

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::console::Console;
use super::live::{Offer, Topic};
use super::meta::{self, Takes};
use super::state::{What, locked};
use super::{etcd, flow, input};
use crate::etcdctl::{self, Argument};
use crate::script::{Host, embedded, is_etcd_client, manual, words};
use crate::word::{Of, Section};

/// Where the word begins that the offers replace.
pub(super) type Offers = (usize, Vec<Offer>);

/// A word of the language: what it stands behind, how it is called, what it means.
pub(super) struct Entry {
    pub(super) doc: String,
    /// `h`, `e`, `ca`, `error`, `array`; empty for a function.
    pub(super) of: String,
    pub(super) name: String,
    pub(super) signature: String,
}

/// All words of the language that are documented.
pub(super) fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let first = |doc: &str| doc.lines().next().unwrap_or_default().to_string();
        let mut all: Vec<Entry> = Vec::new();
        for word in words::all() {
            all.push(Entry {
                doc: word.first_line().into(),
                of: word.of.letter().into(),
                name: word.name.into(),
                signature: word.call(),
            });
            if word.section == Section::Primitive {
                let call = word.call();
                let args = call.trim_start_matches(word.name).trim_start_matches('(');
                all.push(Entry {
                    doc: word.first_line().into(),
                    of: String::new(),
                    name: word.name.into(),
                    signature: format!("{}(h, {args}", word.name),
                });
            }
        }
        for function in manual::functions()
            .into_iter()
            .filter(|function| !function.doc.is_empty())
        {
            all.push(Entry {
                doc: first(&function.doc),
                of: String::new(),
                name: function.name,
                signature: function.signature,
            });
        }
        all
    })
}

/// What may stand at the end of `head`.
pub(super) fn offers(console: &Console, head: &str) -> Offers {
    let indent = head.len() - head.trim_start().len();
    let text = &head[indent..];
    let (start, found) = match text {
        _ if text.starts_with(':') => of_meta(console, &text[1..]),
        _ if input::is_etcd(text, |word| console.is_variable(word)) && text.contains(' ') => {
            of_etcd(console, text)
        }
        _ => of_script(console, text),
    };
    let shift = indent + usize::from(text.starts_with(':'));
    let mut found = found;
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    (start + shift, found)
}

fn beginning<'a>(word: &str, all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Offer> {
    all.into_iter()
        .filter(|(name, _)| name.starts_with(word))
        .map(|(name, about)| (name.to_string(), about.to_string()))
        .collect()
}

fn starting(word: &str, all: Vec<Offer>) -> Vec<Offer> {
    all.into_iter()
        .filter(|(name, _)| name.starts_with(word))
        .collect()
}

/// Where the last word begins.
fn last_word(text: &str, ends: impl Fn(char) -> bool) -> usize {
    text.rfind(ends).map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    })
}

// --- commands of the console

fn of_meta(console: &Console, text: &str) -> Offers {
    if !text.contains(char::is_whitespace) && !text.starts_with('!') {
        return (
            0,
            beginning(text, meta::ALL.iter().map(|meta| (meta.name, meta.doc))),
        );
    }
    let (name, rest) = meta::split(text);
    let Ok(meta) = meta::find(name) else {
        return (text.len(), Vec::new());
    };
    // The blanks behind the last word begin a new one.
    let words = rest.split_whitespace().count()
        + usize::from(text.ends_with(char::is_whitespace) && !rest.is_empty());
    let place = words.max(1) - 1;
    let Some((_, takes)) = meta.args.get(place).or_else(|| meta.args.last()) else {
        return (text.len(), Vec::new());
    };
    let start = match takes {
        Takes::Hosts | Takes::Task => last_word(text, |letter| {
            letter.is_whitespace() || ",:&!".contains(letter)
        }),
        _ => last_word(text, char::is_whitespace),
    };
    (start, taken(console, *takes, &text[start..]))
}

fn taken(console: &Console, takes: Takes, word: &str) -> Vec<Offer> {
    match takes {
        Takes::Cluster => {
            let names = console
                .ground
                .clusters()
                .iter()
                .map(|cluster| (cluster.name.as_str(), ""))
                .chain([("all", "every cluster")]);
            beginning(word, names)
        }
        Takes::Command | Takes::File => files(word, ""),
        Takes::Hosts => {
            let mut all = hosts(console, word);
            all.extend(beginning(word, [("all", "every host")]));
            all
        }
        Takes::Job => starting(
            word,
            console
                .jobs
                .numbers()
                .into_iter()
                .map(|number| (number, String::new()))
                .collect(),
        ),
        Takes::Lines => Vec::new(),
        Takes::Name => {
            let mut all = beginning(
                word,
                entries()
                    .iter()
                    .map(|entry| (entry.name.as_str(), entry.doc.as_str())),
            );
            all.extend(tasks(console, word, |_| true));
            all.extend(parameters(console, word));
            all
        }
        Takes::OnOff => beginning(word, [("on", ""), ("off", "")]),
        Takes::Script => {
            let mut all = starting(word, scripts());
            all.extend(files(word, ".rhai"));
            all
        }
        Takes::Task => tasks(console, word, |_| true),
        Takes::Variable => variables(console, word),
    }
}

fn hosts(console: &Console, word: &str) -> Vec<Offer> {
    let inventory = &console.interpreter.world().inventory;
    let mut all: Vec<Offer> = inventory
        .hosts()
        .into_iter()
        .map(|host| (host, "host".to_string()))
        .collect();
    all.extend(
        inventory
            .groups()
            .map(|group| (group.to_string(), "group".to_string())),
    );
    starting(word, all)
}

fn tasks(console: &Console, word: &str, wanted: impl Fn(What) -> bool) -> Vec<Offer> {
    let tasks = locked(&console.runner.tasks);
    beginning(
        word,
        tasks
            .iter()
            .filter(|(_, named)| wanted(named.what))
            .map(|(name, named)| (name.as_str(), named.description.as_str())),
    )
}

fn scripts() -> Vec<Offer> {
    embedded::scripts()
        .filter_map(|(path, _)| {
            Some((
                path.rsplit('/').next()?.strip_suffix(".rhai")?.to_string(),
                path.to_string(),
            ))
        })
        .collect()
}

fn parameters(console: &Console, word: &str) -> Vec<Offer> {
    let all = crate::script::parameters(console.interpreter.world());
    starting(
        word,
        all.into_iter()
            .map(|parameter| (parameter.name, parameter.doc))
            .collect(),
    )
}

fn variables(console: &Console, word: &str) -> Vec<Offer> {
    use crate::script::ParameterKind;
    let Some((name, value)) = word.split_once('=') else {
        let mut all: Vec<Offer> = parameters(console, word)
            .into_iter()
            .map(|(name, doc)| (format!("{name}="), doc))
            .collect();
        all.extend(beginning(word, [("editing=", "vi or emacs")]));
        return all;
    };
    let values = match name {
        "editing" => vec!["vi".to_string(), "emacs".to_string()],
        _ => {
            match crate::script::parameters(console.interpreter.world())
                .into_iter()
                .find(|parameter| parameter.name == name)
                .map(|parameter| parameter.kind)
            {
                Some(ParameterKind::Bool) => vec!["true".to_string(), "false".to_string()],
                Some(ParameterKind::OneOf(words)) => words,
                _ => Vec::new(),
            }
        }
    };
    values
        .into_iter()
        .filter(|known| known.starts_with(value))
        .map(|known| (format!("{name}={known}"), String::new()))
        .collect()
}

/// Files that begin so, folders with a slash; `ending` is what a file must end with.
fn files(word: &str, ending: &str) -> Vec<Offer> {
    let (folder, name) = word
        .rsplit_once('/')
        .map_or(("", word), |(folder, name)| (folder, name));
    let shown = if word.contains('/') {
        format!("{folder}/")
    } else {
        String::new()
    };
    let place = match (word.contains('/'), folder) {
        (false, _) => ".",
        (true, "") => "/",
        (true, folder) => folder,
    };
    let Ok(entries) = std::fs::read_dir(place) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let is_folder = entry.path().is_dir();
            let fits = file.starts_with(name)
                && (!file.starts_with('.') || name.starts_with('.'))
                && (is_folder || file.ends_with(ending));
            fits.then(|| {
                (
                    format!("{shown}{file}{}", if is_folder { "/" } else { "" }),
                    String::new(),
                )
            })
        })
        .collect()
}

// --- lines of etcdctl

/// The words of the last command of a line, and where the one at the cursor begins.
pub(super) fn etcd_words(text: &str) -> (Vec<Vec<u8>>, usize) {
    let begin = text.rfind(';').map_or(0, |at| at + 1);
    let part = &text[begin..];
    let start = last_word(part, char::is_whitespace);
    let mut words: Vec<Vec<u8>> = part[..start]
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']).as_bytes().to_vec())
        .collect();
    match words.first().map(Vec::as_slice) {
        Some(b"e" | b"etcdctl") => drop(words.remove(0)),
        Some(b"em") => words[0] = b"member".to_vec(),
        _ => {}
    }
    (words, begin + start)
}

fn of_etcd(console: &Console, text: &str) -> Offers {
    let (mut words, start) = etcd_words(text);
    let mut word = text[start..].trim_start_matches(['"', '\'']);
    // `--lease=7b` is a flag, and a value to be completed.
    if let Some((flag, value)) = word
        .split_once('=')
        .filter(|(flag, _)| flag.starts_with('-'))
    {
        words.push(flag.as_bytes().to_vec());
        word = value;
    }
    let start = text.len() - word.len();
    let next = etcdctl::next(&words, word, &etcd::style(console));
    if !next.words.is_empty() {
        return (start, starting(word, next.words));
    }
    let found = match next.argument {
        Some(Argument::Key) => keys(console, word),
        Some(Argument::Lease) => console.live.offers(&Topic::Leases),
        Some(Argument::Member) => console.live.offers(&Topic::Members),
        Some(Argument::Role) => console.live.offers(&Topic::Roles),
        Some(Argument::User) => console.live.offers(&Topic::Users),
        Some(Argument::File) => files(word, ""),
        Some(Argument::Other) | None => Vec::new(),
    };
    (start, starting(word, found))
}

/// Keys up to the next slash.
fn keys(console: &Console, word: &str) -> Vec<Offer> {
    let level = word.rfind('/').map_or("", |at| &word[..=at]);
    console.live.offers(&Topic::Keys(level.to_string()))
}

// --- scripts

const KEYWORDS: [&str; 18] = [
    "let ", "const ", "if ", "else ", "for ", "while ", "loop ", "fn ", "return ", "try ",
    "catch ", "switch ", "import ", "true", "false", "in ", "break", "continue",
];

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn of_script(console: &Console, text: &str) -> Offers {
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
fn open_quote(text: &str) -> Option<usize> {
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
fn caller(before: &str) -> &str {
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

/// What may stand behind a point.
fn members(console: &Console, before: &str) -> Vec<Offer> {
    let start = last_word(before, |letter| !is_name(letter) && letter != '.');
    let chain: Vec<&str> = before[start..].split('.').collect();
    let of = |kind: &str| -> Vec<Offer> {
        entries()
            .iter()
            .filter(|entry| entry.of == kind)
            .map(|entry| {
                (
                    entry
                        .signature
                        .split(['(', '.'])
                        .next()
                        .unwrap_or_default()
                        .to_string(),
                    entry.doc.clone(),
                )
            })
            .collect()
    };
    match chain.as_slice() {
        [.., "vars"] => {
            let mut all = parameters(console, "");
            let world = console.interpreter.world();
            let set = world
                .inventory
                .hosts()
                .into_iter()
                .flat_map(|host| world.inventory.vars(&host).into_keys().collect::<Vec<_>>());
            all.extend(set.map(|name| (name, String::new())));
            return all;
        }
        [.., "facts"] => {
            let words = [
                "addresses",
                "arch",
                "cpus",
                "hostname",
                "init",
                "kernel",
                "machine_id",
                "memory_mib",
                "os",
                "package_tool",
                "user",
            ];
            return words
                .iter()
                .map(|word| ((*word).to_string(), String::new()))
                .collect();
        }
        [.., "os"] => {
            return ["codename", "family", "id", "name", "version"]
                .iter()
                .map(|word| ((*word).to_string(), String::new()))
                .collect();
        }
        _ => {}
    }
    let value = value_of(console, &chain);
    match &value {
        Some(value) if value.is::<Host>() => of("h"),
        Some(value) if is_etcd_client(value) => of("e"),
        Some(value) if value.is::<Map>() => {
            let keys: Vec<Offer> = value
                .clone()
                .try_cast::<Map>()
                .map_or_else(Vec::new, |map| {
                    map.keys()
                        .map(|key| (key.to_string(), String::new()))
                        .collect()
                });
            keys.into_iter()
                .chain(native(console, TypeId::of::<Map>()))
                .collect()
        }
        Some(value) if value.is::<Array>() => of("array")
            .into_iter()
            .chain(native(console, TypeId::of::<Array>()))
            .collect(),
        Some(value) if value.is::<ImmutableString>() => {
            native(console, TypeId::of::<ImmutableString>())
        }
        Some(_) => Vec::new(),
        None if chain == ["h"] || ends_with_call(before, "host") => of("h"),
        None if ends_with_call(before, "client")
            || ends_with_call(before, "etcdctl")
            || ends_with_call(before, "of") =>
        {
            of("e")
        }
        None if ends_with_call(before, "hosts") => of("array")
            .into_iter()
            .chain(native(console, TypeId::of::<Array>()))
            .collect(),
        None if ends_with_call(before, "ca") => of("ca"),
        None if before.ends_with('"') || before.ends_with('`') => {
            native(console, TypeId::of::<ImmutableString>())
        }
        None => Vec::new(),
    }
}

/// `a.b.c` when `a` is a variable and the rest are keys of maps. Nothing is called for it.
fn value_of(console: &Console, chain: &[&str]) -> Option<Dynamic> {
    let mut value = console.scope.get(chain.first()?)?.flatten_clone();
    for key in &chain[1..] {
        value = value.try_cast::<Map>()?.get(*key)?.flatten_clone();
    }
    Some(value)
}

/// `... name(...)` at the end.
fn ends_with_call(before: &str, name: &str) -> bool {
    let Some(inside) = before.strip_suffix(')') else {
        return false;
    };
    let mut depth = 1;
    for (at, letter) in inside.char_indices().rev() {
        depth += i32::from(letter == ')') - i32::from(letter == '(');
        if depth == 0 {
            return caller(&inside[..at]) == name;
        }
    }
    false
}

/// Rhai's own functions whose first argument is of a type.
fn native(console: &Console, kind: TypeId) -> Vec<Offer> {
    console.interpreter.engine().collect_fn_metadata(
        None,
        |info| {
            let metadata = info.metadata;
            let fits = metadata.param_types.first() == Some(&kind)
                && metadata
                    .name
                    .starts_with(|letter: char| letter.is_ascii_lowercase());
            let doc = metadata
                .comments
                .first()
                .and_then(|block| block.lines().next())
                .unwrap_or_default()
                .trim_start_matches("///")
                .trim();
            (fits && !metadata.name.contains('$'))
                .then(|| (metadata.name.to_string(), doc.to_string()))
        },
        true,
    )
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

fn names(console: &Console, word: &str, text: &str) -> Vec<Offer> {
    let mut all: Vec<Offer> = Vec::new();
    let open = |name: &str| format!("{name}(");
    for entry in entries()
        .iter()
        .filter(|entry| entry.of.is_empty() && entry.name.starts_with(word))
    {
        all.push((open(&entry.name), entry.doc.clone()));
    }
    if let Some((module, _)) = word.rsplit_once("::") {
        let known = console.interpreter.known().and(&console.session);
        all.extend(
            known
                .names(module)
                .into_iter()
                .map(|name| (open(&format!("{module}::{name}")), String::new())),
        );
        return starting(word, all);
    }
    all.extend(
        tasks(console, word, |what| {
            what != What::Alias || !word.is_empty()
        })
        .into_iter()
        .map(|(name, doc)| (format!("{name}()"), doc)),
    );
    let tasks = locked(&console.runner.tasks);
    let typed = console
        .session
        .iter_functions()
        .filter(|function| !function.name.contains('$') && !tasks.contains_key(function.name));
    all.extend(typed.map(|function| (open(function.name), function.params.join(", "))));
    all.extend(console.scope.iter_raw().map(|(name, _, value)| {
        (
            name.to_string(),
            value
                .type_name()
                .rsplit("::")
                .next()
                .unwrap_or_default()
                .to_string(),
        )
    }));
    if word.is_empty() && !text.is_empty() {
        return all;
    }
    if text.len() == word.len() {
        all.extend([
            ("e ".to_string(), "a line of etcdctl".to_string()),
            ("em ".to_string(), "e member".to_string()),
        ]);
    }
    if !word.is_empty() {
        let known = console.interpreter.known();
        all.extend(
            known
                .modules()
                .into_iter()
                .map(|module| (format!("{module}::"), "functions of the stdlib".to_string())),
        );
        all.extend(
            KEYWORDS
                .iter()
                .map(|word| ((*word).to_string(), String::new())),
        );
        let documented: Vec<&str> = entries().iter().map(|entry| entry.name.as_str()).collect();
        all.extend(
            known
                .names("")
                .into_iter()
                .filter(|name| !documented.contains(name) && !name.contains(':'))
                .map(|name| (open(name), String::new())),
        );
    }
    starting(word, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_cursor_is_understood() {
        assert_eq!(open_quote("hosts(\"et"), Some(6));
        assert_eq!(open_quote("hosts(\"et\")"), None);
        assert_eq!(open_quote("f(\"a\\\"b"), Some(2));
        assert_eq!(caller("let x = hosts("), "hosts");
        assert!(ends_with_call("let a = host(\"x\")", "host"));
        assert!(!ends_with_call("a + b", "host"));
        assert_eq!(
            etcd_words("e put a 1; get /pg/"),
            (vec![b"get".to_vec()], 15)
        );
    }

    #[test]
    fn every_word_of_the_language_is_offered() {
        assert!(
            entries()
                .iter()
                .any(|entry| entry.of == "h" && entry.name == "file")
        );
        assert!(
            entries()
                .iter()
                .any(|entry| entry.of == "e" && entry.name == "member_list")
        );
        assert!(
            entries()
                .iter()
                .any(|entry| entry.of.is_empty() && entry.name == "etcd::leader_last")
        );
    }
}
