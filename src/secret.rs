//! Text that must never be shown: every rendering of a `Secret` is a mask, and so is what a line has in a secret's place.
//!
//! Knows nobody. Start reading at [`masked`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex::Regex;

/// What is shown in its place.
pub const MASK: &str = "********";

/// A password or a private key. `Debug` and `Display` print `********`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: impl Into<Arc<str>>) -> Secret {
        Secret(text.into())
    }

    /// The text itself: for sending it to where it belongs, never for printing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Is a variable of this name a secret?
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "_pass",
        "_token",
    ];
    // A slip of the finger makes nothing of it public.
    let last = name.rsplit(['_', '-']).next().unwrap_or_default();
    // Asked for each variable of an inventory: most end here.
    last.len().abs_diff("password".len()) <= 2 && strsim::osa_distance(last, "password") <= 2
        || name == "pass"
        || name == "token"
        || name == "pgbackrest_key"
        || ends.iter().any(|end| name.ends_with(end))
}

/// What stands before a secret, as a person types it in whatever language.
const BEFORE: &[&str] = &[
    // password: "x", "db_password" => 'x', -e etcd_root_password=x, PGPASSWORD=x
    r#"\w*(?:pas{1,2}(?:w?o?r?d|phrase)|_pass)\w*["']?\s*(?:=>|[:=,])\s*"#,
    r#"\w*(?:secret|token)\w*["']?\s*[:=(]\s*"#,
    r"--(?:new-user-)?password(?:\s+|=)",
    // USER:PASSWORD
    r#"--user(?:\s+|=)["']?[^\s:"']+:"#,
    r#"\bETCDCTL_USER\s*=\s*["']?[^\s:"']+:"#,
    r#"\buser\s+add\s+["']?[^\s:"'-][^\s:"']*:"#,
    r"\bsshpass\s+(?:-\S+\s+)*?-p\s*",
    // Programs that ask for a secret read it there.
    r#"\bstdin["']?\s*:\s*"#,
];

/// A text that is piped to a program which reads a secret.
const PIPED: &str = r"(?P<before>\b(?:echo|printf)\s+(?:-\w+\s+)*)(?P<secret>[^|]*[^|\s])(?P<after>\s*\|[^|]*(?:\b(?:ch|ht)?passwd\b|\bsudo\s+-S|--stdin\b|--interactive=false|\bcryptsetup\b))";

const QUOTES: [char; 3] = ['"', '\'', '`'];

fn pattern(which: &'static OnceLock<Regex>, text: impl FnOnce() -> String) -> &'static Regex {
    which.get_or_init(|| Regex::new(&text()).expect("a regular expression"))
}

/// Does a line that was typed hold a password?
#[must_use]
pub fn has_secret(line: &str) -> bool {
    masked(line) != line
}

/// A line with the secrets that were typed in it masked; its quotes stay, so that it is still a line of its language.
#[must_use]
pub fn masked(line: &str) -> String {
    static TYPED: OnceLock<Regex> = OnceLock::new();
    static TO_A_PROGRAM: OnceLock<Regex> = OnceLock::new();
    // https://USER:PASSWORD@HOST
    static IN_A_URL: OnceLock<Regex> = OnceLock::new();
    let before = pattern(&TYPED, || format!("(?i)(?:{})", BEFORE.join("|")));
    let (mut done, mut at) = (String::new(), 0);
    while let Some(found) = before.find_at(line, at) {
        let (from, to) = match line[found.end()..].chars().next() {
            // The next of several values, and no text: `run("chpasswd", #{ ... })`.
            next if found.as_str().trim_end().ends_with(',')
                && !next.is_some_and(|next| QUOTES.contains(&next)) =>
            {
                (found.end(), found.end())
            }
            _ => place(line, found.start(), found.end()),
        };
        done.push_str(&line[at..from]);
        if to > from {
            done.push_str(MASK);
        }
        at = to.max(found.end());
        done.push_str(&line[to.max(from)..at]);
    }
    done.push_str(&line[at..]);
    let url = pattern(&IN_A_URL, || r#"(://[^\s/:@"']+:)[^\s/@"']+@"#.to_string());
    let done = url.replace_all(&done, format!("${{1}}{MASK}@").as_str());
    let piped = pattern(&TO_A_PROGRAM, || format!("(?i){PIPED}"));
    let keep = format!("${{before}}{MASK}${{after}}");
    piped.replace_all(&done, keep.as_str()).into_owned()
}

/// Where the secret stands whose introduction goes from `start` to `end`: without its quotes.
fn place(line: &str, start: usize, end: usize) -> (usize, usize) {
    let open = open_quote(&line[..end]);
    let inside = open.map(|(quote, _)| quote);
    let rest = &line[end..];
    match rest.chars().next() {
        Some(quote) if QUOTES.contains(&quote) && inside != Some(quote) => {
            (end + 1, end + 1 + quoted(&rest[1..], quote))
        }
        // `--user='root:a b'`, `-e 'x_password=a b'`: the quote is that of the secret.
        _ => match open {
            Some((quote, place)) if place + 1 >= start => (end, end + quoted(rest, quote)),
            _ => (end, end + word(rest)),
        },
    }
}

/// The quote that is open at the end of a text, and where it was opened.
fn open_quote(text: &str) -> Option<(char, usize)> {
    let mut open = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match open {
            _ if escaped => escaped = false,
            Some(('"', _)) | None if letter == '\\' => escaped = true,
            Some((quote, _)) if letter == quote => open = None,
            None if QUOTES.contains(&letter) => open = Some((letter, at)),
            _ => {}
        }
    }
    open
}

/// How long a text is up to the quote that ends it.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' && quote == '"' {
            escaped = true;
        } else if letter == quote {
            return at;
        }
    }
    text.len()
}

/// How long a word without quotes is.
fn word(text: &str) -> usize {
    let ends = |letter: char| {
        letter.is_whitespace() || ",;)}]|&".contains(letter) || QUOTES.contains(&letter)
    };
    text.find(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_secrets_are_masked_whatever_form_they_have() {
        for (line, wanted) in [
            ("e --user root:abc get a", "e --user root:******** get a"),
            ("e --user=root:abc get a", "e --user=root:******** get a"),
            (
                "e --user='root:a b' get a",
                "e --user='root:********' get a",
            ),
            (
                "ETCDCTL_USER=root:pw e get a",
                "ETCDCTL_USER=root:******** e get a",
            ),
            (
                "e --endpoints https://root:a.b@10.10.10.10:2379,https://h:2379 get a",
                "e --endpoints https://root:********@10.10.10.10:2379,https://h:2379 get a",
            ),
            ("-e etcd_root_pasword=abc", "-e etcd_root_pasword=********"),
            (
                "-e 'etcd_root_password: abc'",
                "-e 'etcd_root_password: ********'",
            ),
            ("e user add joe:abc", "e user add joe:********"),
            (
                "print(e(`user add joe:abc`));",
                "print(e(`user add joe:********`));",
            ),
            ("e --password 'a b' get a", "e --password '********' get a"),
            (
                ":set ansible_become_password=abc",
                ":set ansible_become_password=********",
            ),
            (
                "-e etcd_root_password=X -e ansible_password=Y -l a",
                "-e etcd_root_password=******** -e ansible_password=******** -l a",
            ),
            (
                "-e 'etcd_root_password=a b' x",
                "-e 'etcd_root_password=********' x",
            ),
            (
                "-e '{\"etcd_root_password\": \"X\"}'",
                "-e '{\"etcd_root_password\": \"********\"}'",
            ),
            ("let p = secret(\"abc\");", "let p = secret(\"********\");"),
            (
                "etcdctl(#{ password: \"abc\", user: \"root\" })",
                "etcdctl(#{ password: \"********\", user: \"root\" })",
            ),
            (
                "h.run(\"chpasswd\", #{ stdin: \"root:PW\" })",
                "h.run(\"chpasswd\", #{ stdin: \"********\" })",
            ),
            (
                ":! echo PW | passwd --stdin ops",
                ":! echo ******** | passwd --stdin ops",
            ),
            (
                ":set x = sshpass -p PW ssh",
                ":set x = sshpass -p ******** ssh",
            ),
            ("PGPASSWORD=x psql", "PGPASSWORD=******** psql"),
            (
                "h.user(\"x\", #{ my_token: 'tok' })",
                "h.user(\"x\", #{ my_token: '********' })",
            ),
            (
                "e --password='it is' get a",
                "e --password='********' get a",
            ),
            ("sh -c 'PGPASSWORD=x psql'", "sh -c 'PGPASSWORD=********'"),
            ("{ stdin: \"a\\\"b\" })", "{ stdin: \"********\" })"),
            ("e get /passengers", "e get /passengers"),
            ("etcd_install()", "etcd_install()"),
            (
                "e user add joe --no-password",
                "e user add joe --no-password",
            ),
            (":! echo hello | wc -c", ":! echo hello | wc -c"),
            ("h.run(\"cat /etc/passwd\")", "h.run(\"cat /etc/passwd\")"),
        ] {
            assert_eq!(masked(line), wanted);
            assert_eq!(has_secret(line), line != wanted, "{line}");
        }
    }

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "etcd_root_password",
            "ansible_password",
            "ansible_become_password",
            "ansible_ssh_pass",
            "vault_token",
            "grafana_admin_password",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "etcd_cluster",
            "password_encryption",
            "pg_user",
            "ansible_host",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
