//! What may stand in a command of the console, by what each of its arguments takes.

use super::{
    Offers, beginning, entries, files, hosts, last_word, parameters, scripts, starting, tasks,
};
use crate::repl::console::Console;
use crate::repl::live::Offer;
use crate::repl::meta::{self, Takes};
use crate::script::ParameterKind;

pub(super) fn of_meta(console: &Console, text: &str) -> Offers {
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
    if meta.name == "watch" {
        let line = text.len() - crate::repl::watch::split(rest).1.len();
        let (start, found) = super::offers(console, &text[line..]);
        return (line + start, found);
    }
    // The blanks after the last word begin a new one.
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
        Takes::Every | Takes::Line => Vec::new(),
        Takes::Form => beginning(
            word,
            crate::repl::show::Form::ALL.map(|(name, _)| (name, "")),
        ),
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

fn variables(console: &Console, word: &str) -> Vec<Offer> {
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
