//! What may stand in a line of etcdctl: its words and flags, and what the cluster holds.

use super::{Offers, files, last_word, starting};
use crate::etcdctl::{self, Argument, Style};
use crate::repl::console::Console;
use crate::repl::etcd;
use crate::repl::live::{Offer, Topic};

/// The words of the last command of a line, and where the one at the cursor begins.
pub(in crate::repl) fn etcd_words(text: &str) -> (Vec<Vec<u8>>, usize) {
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

pub(super) fn of_etcd(console: &Console, text: &str) -> Offers {
    let (words, start) = etcd_words(text);
    let word = text[start..].trim_start_matches(['"', '\'']);
    let ask = |topic: &Topic| console.live.offers(topic);
    let (at, found) = of_words(&etcd::style(console), words, word, &ask);
    (text.len() - word.len() + at, found)
}

/// What may stand at the end of `word`, behind the words of a command, and where in it that begins; `ask` knows what etcd holds.
pub(in crate::repl) fn of_words(
    style: &Style,
    mut words: Vec<Vec<u8>>,
    word: &str,
    ask: &dyn Fn(&Topic) -> Vec<Offer>,
) -> Offers {
    let whole = word.len();
    let mut word = word;
    // `--lease=7b` is a flag, and a value to be completed.
    if let Some((flag, value)) = word
        .split_once('=')
        .filter(|(flag, _)| flag.starts_with('-'))
    {
        words.push(flag.as_bytes().to_vec());
        word = value;
    }
    let start = whole - word.len();
    let next = etcdctl::next(&words, word, style);
    if !next.words.is_empty() {
        return (start, starting(word, next.words));
    }
    let found = match next.argument {
        Some(Argument::Key) => ask(&Topic::keys(word)),
        Some(Argument::Lease) => ask(&Topic::Leases),
        Some(Argument::Member) => ask(&Topic::Members),
        Some(Argument::Role) => ask(&Topic::Roles),
        Some(Argument::User) => ask(&Topic::Users),
        Some(Argument::File) => files(word, ""),
        Some(Argument::Other) | None => Vec::new(),
    };
    (start, starting(word, found))
}

/// Keys up to the next slash.
pub(super) fn keys(console: &Console, word: &str) -> Vec<Offer> {
    console.live.offers(&Topic::keys(word))
}
