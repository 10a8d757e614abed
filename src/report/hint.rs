//! What to type next, in the words of the place where one sits: options on a command line, commands in the console.

use std::sync::OnceLock;

use regex::Regex;

/// A hint for the command line, as one types it in the console.
#[must_use]
pub fn in_console(hint: &str) -> String {
    static RULES: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let rules = [
            ("etcdsh help", ":help"),
            (r"etcdsh inventory --graph", ":hosts"),
            (r"`:help NAME` shows", "`NAME?` shows"),
            (r"etcdsh run (\S+) (?:-b )?-- (.+)", ":limit $1, then :! $2"),
            (r"\betcdctl member\b", "em"),
            (
                r"(^|[ ,])-l (\S+) -e (\w+=\S+)",
                "$1:limit $2, then :set $3",
            ),
            (r"(^|[ ,])-l (\S+)", "$1:limit $2"),
            (r"(^|[ ,])-e (\w+=\S+)", "$1:set $2"),
            (r"\betcdctl (\w)", "e $1"),
        ];
        rules
            .into_iter()
            .filter_map(|(pattern, words)| Some((Regex::new(pattern).ok()?, words)))
            .collect()
    });
    rules
        .iter()
        .fold(hint.to_string(), |text, (pattern, words)| {
            pattern.replace_all(&text, *words).into_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_what_one_types_in_the_console() {
        for (hint, wanted) in [
            (
                "etcdctl member remove 2b, then -l 10.10.10.11 -e etcd_init=existing",
                "em remove 2b, then :limit 10.10.10.11, then :set etcd_init=existing",
            ),
            (
                "etcdsh run 10.10.10.11 -b -- journalctl -u etcd -n 50",
                ":limit 10.10.10.11, then :! journalctl -u etcd -n 50",
            ),
            ("etcdsh inventory --graph", ":hosts"),
            ("did you mean `etcd_conf`?", "did you mean `etcd_conf`?"),
        ] {
            assert_eq!(in_console(hint), wanted);
        }
    }
}
