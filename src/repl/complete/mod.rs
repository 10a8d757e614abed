//! What Tab offers: by the kind of line, and within a script by what stands before the cursor.
//!
//! A folder because each kind of line has a grammar of its own. Start reading at `offers`.

mod etcd;
mod member;
mod meta;
mod script;

use std::sync::OnceLock;

pub(super) use etcd::{etcd_words, of_words};
pub(super) use member::value_of;

use super::console::Console;
use super::input;
use super::live::Offer;
use super::state::{What, locked};
use crate::script::{embedded, manual, words};
use crate::word::Section;

/// Where the word begins that the offers replace.
pub(super) type Offers = (usize, Vec<Offer>);

/// A word of the language: what it belongs to, how it is called, what it means.
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
    // Of a block, or of a text that was pasted, the line at hand says what kind it is when it begins a statement.
    let begun = statements_before(console, head);
    let (start, found) = of_statement(console, &head[begun..]);
    (begun + start, found)
}

fn statements_before(console: &Console, head: &str) -> usize {
    let mut at = 0;
    while let length = console.first_statement(&head[at..])
        && at + length < head.len()
    {
        at += length;
    }
    at
}

fn of_statement(console: &Console, head: &str) -> Offers {
    let indent = head.len() - head.trim_start().len();
    let text = &head[indent..];
    let (start, found) = match text {
        _ if text.starts_with(':') => meta::of_meta(console, &text[1..]),
        _ if input::is_etcd(text, |word| console.is_variable(word)) && text.contains(' ') => {
            etcd::of_etcd(console, text)
        }
        _ if input::is_script(text) && text.contains(' ') => of_bundled(console, text),
        _ => script::of_script(console, text),
    };
    let shift = indent + usize::from(text.starts_with(':'));
    let mut found = found;
    // No key gives such a letter, and the terminal would obey it.
    found.retain(|(name, _)| !name.contains(crate::terminal::is_hidden));
    for (_, about) in &mut found {
        *about = crate::terminal::visible(about.as_bytes(), false);
    }
    // What stands first is what one most likely wants.
    let mut seen = std::collections::HashSet::new();
    found.retain(|(name, _)| seen.insert(name.clone()));
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

/// The words of a bundled script: hosts, and members by their names.
fn of_bundled(console: &Console, text: &str) -> Offers {
    let start = last_word(text, char::is_whitespace);
    let word = &text[start..];
    let inventory = &console.interpreter.world().inventory;
    let member = |host: String| crate::cluster::Member::of(inventory, &host).ok();
    let mut all: Vec<Offer> = inventory
        .hosts()
        .into_iter()
        .filter_map(member)
        .map(|member| (member.name(), "member".to_string()))
        .collect();
    all.extend(hosts(console, ""));
    (start, starting(word, all))
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
    let mut found: Vec<Offer> = entries
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
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::etcd::etcd_words;
    use super::member::ends_with_call;
    use super::script::{caller, open_quote};
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
