//! The one error type: what went wrong, on which host, where in the script, why, and what to type next.
//!
//! Every room but the leaves may use it. Printing is `report`'s; here is only the plain text form, in which nothing of what
//! a host or a server said steers a terminal.

mod hint;

use std::fmt;

pub use hint::{Hint, inventory, name_inventory};

use crate::secret::{MASK, is_secret_name, masked};
use crate::terminal::{columns, visible};

/// What kind of trouble it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The inventory, a script, a parameter or a local file is wrong.
    Config,
    /// A host cannot be reached or refuses the login.
    Connect,
    /// etcd answered with an error or not at all.
    Etcd,
    /// The program itself is wrong.
    Internal,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// Something else has the right of way: a lock, or a guard that protects what is there.
    Refused,
    /// A command on a host failed.
    Remote,
    /// It could not be told whether something is there.
    Unknown,
    /// The run had ended before this host's turn came.
    Untried,
    /// The command line is wrong.
    Usage,
}

impl Kind {
    /// The exit code of a run that ends with this error: those of ansible-playbook.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Kind::Config | Kind::Etcd | Kind::Internal => 1,
            Kind::Refused | Kind::Remote | Kind::Unknown | Kind::Untried => 2,
            Kind::Connect => 4,
            Kind::Usage => 5,
            Kind::Interrupted => 99,
        }
    }
}

/// A place in a file the user wrote. Lines and columns count from 1; 0 means unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub column: usize,
    pub file: String,
    pub line: usize,
    /// The text of that line, when it is known.
    pub text: String,
}

/// A line of source that is longer is shown around its place only: wrapped by the terminal, the caret would point nowhere.
const LONGEST: usize = 100;

impl Place {
    /// The text of the line, or of what lies around the place, and how many letters stand before the place in it.
    pub(crate) fn excerpt(&self) -> (String, usize) {
        let before = self.column.saturating_sub(1);
        if self.text.chars().count() <= LONGEST {
            return (self.text.clone(), before);
        }
        let first = before.saturating_sub(LONGEST / 2);
        let lead = if first > 0 { "..." } else { "" };
        let part: String = self.text.chars().skip(first).take(LONGEST - 6).collect();
        let tail = if first + LONGEST - 6 < self.text.chars().count() {
            "..."
        } else {
            ""
        };
        (format!("{lead}{part}{tail}"), before - first + lead.len())
    }

    /// That text as it may stand on a terminal, and the blanks that lead to the place.
    pub(crate) fn pointed(&self) -> (String, String) {
        let (text, before) = self.excerpt();
        let lead: String = text.chars().take(before).collect();
        let more = before - lead.chars().count();
        let mut blanks: String = visible(lead.as_bytes(), true)
            .split('\t')
            .map(|part| " ".repeat(columns(part)))
            .collect::<Vec<_>>()
            .join("\t");
        blanks.push_str(&" ".repeat(more));
        (visible(text.as_bytes(), true), blanks)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// An error with everything a person needs to act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub at: Option<Place>,
    /// Why, from the outside in.
    pub causes: Vec<String>,
    /// The command that failed, secrets masked.
    pub command: Option<String>,
    /// What one can type next, at most two.
    pub hints: Vec<Hint>,
    pub host: Option<String>,
    pub kind: Kind,
    /// What went wrong on other hosts meanwhile.
    pub others: Vec<Error>,
    /// What the command wrote to standard error.
    pub stderr: String,
    /// A lower-case fragment, names in backticks, no period.
    pub what: String,
}

pub type Result<T> = std::result::Result<T, Box<Error>>;

impl Error {
    pub fn new(kind: Kind, what: impl Into<String>) -> Box<Error> {
        Box::new(Error {
            at: None,
            causes: Vec::new(),
            command: None,
            hints: Vec::new(),
            host: None,
            kind,
            others: Vec::new(),
            stderr: String::new(),
            what: what.into(),
        })
    }

    pub fn config(what: impl Into<String>) -> Box<Error> {
        Error::new(Kind::Config, what)
    }

    pub fn internal(what: impl Into<String>) -> Box<Error> {
        Error::new(Kind::Internal, what)
    }

    pub fn usage(what: impl Into<String>) -> Box<Error> {
        Error::new(Kind::Usage, what)
    }

    #[must_use]
    pub fn at(mut self: Box<Self>, place: Place) -> Box<Self> {
        self.at.get_or_insert(place);
        self
    }

    #[must_use]
    pub fn because(mut self: Box<Self>, cause: impl Into<String>) -> Box<Self> {
        self.causes.push(cause.into());
        self
    }

    #[must_use]
    pub fn command(mut self: Box<Self>, command: impl Into<String>) -> Box<Self> {
        self.command.get_or_insert(command.into());
        self
    }

    #[must_use]
    pub fn hint(mut self: Box<Self>, hint: impl Into<Hint>) -> Box<Self> {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn on(mut self: Box<Self>, host: impl Into<String>) -> Box<Self> {
        let host = self.host.get_or_insert(host.into());
        for hint in &mut self.hints {
            if let Hint::OnHost(command) = hint {
                *hint = Hint::Run {
                    command: std::mem::take(command),
                    on: host.clone(),
                };
            }
        }
        self
    }

    /// The same with what looks like a secret masked: it quotes a file or an option of somebody.
    #[must_use]
    pub fn without_secrets(mut self: Box<Self>) -> Box<Self> {
        self.mask();
        self
    }

    fn mask(&mut self) {
        let mask = |text: &mut String| *text = masked(text);
        mask(&mut self.what);
        self.causes.iter_mut().for_each(mask);
        for hint in &mut self.hints {
            if let Hint::Text(text) | Hint::Note(text) | Hint::Set(text) = hint {
                mask(text);
            }
        }
        if let Some(at) = &mut self.at {
            mask(&mut at.file);
            at.text = without_rest(&at.text);
        }
        self.others.iter_mut().for_each(Error::mask);
    }

    /// This one and those on other hosts, each by itself; they happened where this one did unless they say otherwise.
    #[must_use]
    pub fn apart(mut self: Box<Self>) -> Vec<Box<Error>> {
        let others = std::mem::take(&mut self.others);
        let rest = others.into_iter().flat_map(|mut other| {
            other.at = other.at.or_else(|| self.at.clone());
            Box::new(other).apart()
        });
        let rest: Vec<_> = rest.collect();
        std::iter::once(self).chain(rest).collect()
    }

    /// The first line alone: host, if any, and what.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.host {
            Some(host) => format!("{host}: {}", self.what),
            None => self.what.clone(),
        }
    }
}

/// A line that is quoted, up to the first secret: what stands behind it may be the rest of it.
fn without_rest(line: &str) -> String {
    let shown = masked(line);
    let end = shown.find(MASK).unwrap_or(shown.len());
    let mut words = shown[..end].split_inclusive(|letter: char| !is_name(letter));
    let mut at = 0;
    let name = words.find(|word| {
        at += word.len();
        is_secret_name(word.trim_end_matches(|letter| !is_name(letter)))
    });
    match name {
        Some(_) => format!("{}{MASK}", &shown[..at]),
        None => shown[..end].to_string() + if end < shown.len() { MASK } else { "" },
    }
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// A text of possibly several lines, those after the first moved to the right: none of them looks like a line of ours.
fn within(text: &str, indent: &str) -> String {
    visible(text.as_bytes(), true).replace('\n', &format!("\n{indent}"))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&within(&self.headline(), "  "))?;
        if let Some(place) = &self.at {
            write!(f, "\n --> {}", visible(place.to_string().as_bytes(), false))?;
            if !place.text.is_empty() {
                let gutter = place.line.to_string();
                let (text, blanks) = place.pointed();
                write!(f, "\n{gutter} | {text}")?;
                if place.column > 0 {
                    let pad = " ".repeat(gutter.len());
                    write!(f, "\n{pad} | {blanks}^")?;
                }
            }
        }
        if let Some(command) = &self.command {
            write!(f, "\n command: {}", within(command, "          "))?;
        }
        let stderr = self.stderr.trim_end();
        if !stderr.is_empty() {
            for (index, line) in stderr.lines().enumerate() {
                let label = if index == 0 { "stderr:" } else { "       " };
                write!(f, "\n {label} {}", visible(line.as_bytes(), true))?;
            }
        }
        for cause in &self.causes {
            write!(f, "\n caused by: {}", within(cause, "            "))?;
        }
        for hint in &self.hints {
            write!(f, "\n hint: {}", within(&hint.to_string(), "       "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The name of `known` nearest to `word`, when one is near enough to be meant.
pub fn nearest<'a, I>(word: &str, known: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    // A word written out is nearer to its short form than any slip: `etcd_sequence`, `etcd_seq`.
    let written_out = |name: &str| name.len() > 4 && word.starts_with(name);
    known
        .into_iter()
        .map(|name| {
            let distance = if written_out(name) {
                1
            } else {
                strsim::damerau_levenshtein(word, name)
            };
            (distance, name)
        })
        .filter(|(distance, name)| *distance <= 1.max(name.len().max(word.len()) / 3))
        // Among equals the one that begins alike, and never by chance.
        .min_by_key(|(distance, name)| {
            (
                *distance,
                usize::MAX
                    - name
                        .chars()
                        .zip(word.chars())
                        .take_while(|(a, b)| a == b)
                        .count(),
                *name,
            )
        })
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_line_ends_at_its_secret() {
        for (line, wanted) in [
            (
                "one ansible_password=hush hush",
                "one ansible_password=********",
            ),
            ("etcd_root_password hush", "etcd_root_password ********"),
            ("  ansible_password: \"hush", "  ansible_password:********"),
            ("all: { hosts: { one: } }", "all: { hosts: { one: } }"),
        ] {
            assert_eq!(without_rest(line), wanted);
        }
    }

    #[test]
    fn a_long_line_is_shown_around_its_place() {
        let place = Place {
            column: 151,
            file: "a".into(),
            line: 1,
            text: format!("{}here{}", "x".repeat(150), "y".repeat(150)),
        };
        let (text, before) = place.excerpt();
        assert_eq!((text.len(), &text[before..before + 5]), (100, "herey"));
        assert!(text.starts_with("...x") && text.ends_with("y..."), "{text}");
        let place = Place {
            column: 299,
            ..place
        };
        let (text, before) = place.excerpt();
        assert_eq!(&text[before..], "yyyyyy");
    }

    #[test]
    fn nothing_that_somebody_else_said_steers_a_terminal() {
        let hostile = "a\x1b]0;t\x07\x1b[2J\r\x08\u{202e}\u{2066}\u{9b}2J\n hint: rm";
        let place = Place {
            column: 3,
            file: hostile.into(),
            line: 1,
            text: "\t\u{4e2d}x".into(),
        };
        let mut error = Error::config(hostile)
            .on(hostile)
            .at(place)
            .because(hostile)
            .command(hostile)
            .hint(hostile);
        error.stderr = hostile.into();
        let text = error.to_string();
        let hidden = |letter: char| crate::terminal::is_hidden(letter) && !"\n\t".contains(letter);
        assert!(!text.contains(hidden), "{text:?}");
        assert_eq!(text.matches("\n hint:").count(), 1, "{text}");
        assert!(text.contains("\n1 | \t\u{4e2d}x\n  | \t  ^"), "{text}");
    }

    #[test]
    fn nearest_suggests_a_typo_and_nothing_far() {
        let known = ["etcd_cluster", "etcd_seq", "etcd_port"];
        assert_eq!(nearest("etcd_clutser", known), Some("etcd_cluster"));
        assert_eq!(nearest("etcd_prot", known), Some("etcd_port"));
        assert_eq!(nearest("pg_role", known), None);
    }

    #[test]
    fn an_error_prints_place_cause_and_hint() {
        let error = Error::config("unknown tag `etcd_conf2`")
            .on("db-2")
            .at(Place {
                file: "a.rhai".into(),
                line: 4,
                column: 3,
                text: "  foo();".into(),
            })
            .because("no such task")
            .hint("etcdsh a.rhai --list-tags");
        let text = error.to_string();
        assert_eq!(
            text,
            "db-2: unknown tag `etcd_conf2`\n --> a.rhai:4:3\n4 |   foo();\n  |   ^\n caused by: no such task\n hint: etcdsh a.rhai --list-tags"
        );
    }
}
