//! A shell command as text: quoting for `/bin/sh`. Pure.

/// `text` as one word for `/bin/sh`.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Words joined to a command line.
pub fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// A command line as a shell splits it; `None` when a quote stays open.
#[must_use]
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_the_shell() {
        for text in [
            "",
            "a b",
            "it's",
            "$HOME `id` \"x\"",
            "a\nb",
            "-n",
            "ä\\ö",
            "*",
            "~",
        ] {
            let output = std::process::Command::new("sh")
                .arg("-c")
                .arg(format!("printf %s {}", quote(text)))
                .output()
                .expect("sh runs");
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }

    #[test]
    fn splitting_follows_the_shell() {
        let rows: [(&str, Option<&[&str]>); 5] = [
            ("a  b", Some(&["a", "b"])),
            (
                r#"-o ProxyCommand="ssh -W %h:%p jump""#,
                Some(&["-o", "ProxyCommand=ssh -W %h:%p jump"]),
            ),
            ("'a b'c \"\"", Some(&["a bc", ""])),
            (r"a\ b", Some(&["a b"])),
            ("'open", None),
        ];
        for (line, words) in rows {
            let got = split(line);
            assert_eq!(
                got.as_deref()
                    .map(|w| w.iter().map(String::as_str).collect::<Vec<_>>()),
                words.map(<[&str]>::to_vec),
                "{line}"
            );
        }
    }
}
