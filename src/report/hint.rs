//! What to type next, as one types it in the console.

use crate::error::Hint;

/// A hint in the words of the console. A text is said as it is.
#[must_use]
pub fn in_console(hint: &Hint) -> String {
    match hint {
        Hint::All(hints) => {
            let mut line = String::new();
            for (index, hint) in hints.iter().enumerate() {
                if let Some(before) = index.checked_sub(1).and_then(|before| hints.get(before)) {
                    line += before.between(hint, false);
                }
                line += &in_console(hint);
            }
            line
        }
        Hint::Cluster(name) => format!(":use {name}"),
        Hint::Etcd(line) => match line.strip_prefix("member ") {
            Some(rest) => format!("em {rest}"),
            None => format!("e {line}"),
        },
        Hint::Help(word) if word.is_empty() => ":help".into(),
        Hint::Help(word) => format!(":help {word}"),
        Hint::Hosts => ":hosts".into(),
        Hint::Limit(pattern) => format!(":limit {pattern}"),
        Hint::Program { .. } => hint.to_string(),
        Hint::Run { command, on } => format!(":limit {on}, then :! {command}"),
        Hint::Set(variable) => format!(":set {variable}"),
        Hint::Shows { word, what } => format!("`{word}?` shows {what}"),
        Hint::Tags(tags) => tags
            .iter()
            .map(|tag| format!("{tag}()"))
            .collect::<Vec<_>>()
            .join("; "),
        Hint::Note(text) | Hint::Text(text) => text.clone(),
        Hint::OnHost(_) | Hint::Overview => hint.to_string(),
        Hint::Without(variable) => format!("without :set {variable}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_what_one_types_in_the_console() {
        let rejoin = Hint::All(vec![
            Hint::Etcd("member remove 2b".into()),
            Hint::Limit("10.10.10.11".into()),
            Hint::Set("etcd_init=existing".into()),
        ]);
        let logs = Hint::Run {
            command: "journalctl -u etcd -n 50".into(),
            on: "10.10.10.11".into(),
        };
        let config = Hint::All(vec![
            Hint::Tags(vec!["etcd_config".into(), "etcd_launch".into()]),
            Hint::Note("brings it to what the inventory says".into()),
        ]);
        let rows = [
            (
                rejoin,
                "em remove 2b, then :limit 10.10.10.11, then :set etcd_init=existing",
            ),
            (logs, ":limit 10.10.10.11, then :! journalctl -u etcd -n 50"),
            (
                config,
                "etcd_config(); etcd_launch()   # brings it to what the inventory says",
            ),
            (Hint::Hosts, ":hosts"),
            (
                "did you mean `etcd_conf`?".into(),
                "did you mean `etcd_conf`?",
            ),
            // A text that looks like an option is one no longer.
            ("a text with -l web".into(), "a text with -l web"),
        ];
        for (hint, wanted) in rows {
            assert_eq!(in_console(&hint), wanted);
        }
    }
}
