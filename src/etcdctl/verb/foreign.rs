//! Commands that are none here: words of etcd v2, of shells and of etcdutl, each with what is typed here. Pure.

use crate::command::quote;

/// A word or two, and the line for it: `e` is this program, `{KEY}` the words that stood behind, or `KEY` where there are none
/// that can be taken as they are.
const INSTEAD: &[(&str, &str)] = &[
    ("backup", "e snapshot save FILE"),
    ("cluster-health", "e endpoint health"),
    ("create", "e put {KEY VALUE}"),
    ("delete", "e del {KEY}"),
    ("exec-watch", "e watch KEY -- COMMAND"),
    ("health", "e endpoint health"),
    ("members", "e member list"),
    ("mk", "e put {KEY VALUE}"),
    ("mkdir", "e put a/b VALUE   # keys have no folders"),
    ("remove", "e del {KEY}"),
    ("restore", RESTORE),
    ("rm", "e del {KEY}"),
    (
        "rmdir",
        "e del --prefix a/   # keys have no folders: those that begin so",
    ),
    ("save", "e snapshot save {FILE}"),
    ("set", "e put {KEY VALUE}"),
    ("setdir", "e put a/b VALUE   # keys have no folders"),
    ("status", "e endpoint status"),
    ("update", "e put {KEY VALUE}"),
    ("updatedir", "e put a/b VALUE   # keys have no folders"),
];

const RESTORE: &str = "e snapshot restore {FILE} --data-dir DIR   # on the member's host";

/// The line to type instead of `word` and the words behind it.
pub(super) fn instead(word: &str, behind: &[Vec<u8>], program: &str) -> Option<String> {
    let (_, line) = INSTEAD.iter().find(|(known, _)| *known == word)?;
    let line = match line.strip_prefix("e ") {
        Some(rest) => format!("{program} {rest}"),
        None => (*line).to_string(),
    };
    let Some((before, rest)) = line.split_once('{') else {
        return Some(line);
    };
    let (words, after) = rest.split_once('}')?;
    let behind: Option<Vec<String>> = behind
        .iter()
        .map(|word| {
            let word = std::str::from_utf8(word).ok()?;
            (!word.starts_with('-')).then(|| quote(word))
        })
        .collect();
    let taken = behind.filter(|taken| taken.len() == words.split(' ').count());
    let words = taken.map_or_else(|| words.to_string(), |taken| taken.join(" "));
    Some(format!("{before}{words}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_others_has_one_here() {
        let commands: Vec<&str> = INSTEAD.iter().map(|(word, _)| *word).collect();
        assert!(commands.is_sorted());
        for (line, wanted) in [
            ("rm a", Some("e del a")),
            ("rm --recursive a", Some("e del KEY")),
            ("set a two", Some("e put a two")),
            ("set a", Some("e put KEY VALUE")),
            ("cluster-health", Some("e endpoint health")),
            (
                "restore x.db",
                Some("e snapshot restore x.db --data-dir DIR   # on the member's host"),
            ),
            ("gte a", None),
        ] {
            let mut words = line.split(' ');
            let word = words.next().unwrap();
            let behind: Vec<Vec<u8>> = words.map(|word| word.as_bytes().into()).collect();
            assert_eq!(instead(word, &behind, "e").as_deref(), wanted, "{line}");
        }
    }
}
