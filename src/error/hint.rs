//! What to do next, as a value: the command line and the console each say it in their own words.
//!
//! [`Display`](fmt::Display) is the command line's form; the console's is in `report`.

use std::fmt;
use std::sync::OnceLock;

use crate::command::quote;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// These one after the other.
    All(Vec<Hint>),
    /// Name this cluster.
    Cluster(String),
    /// A line of etcdctl, without the program.
    Etcd(String),
    /// The help on a word of the language; on all of them when it is empty.
    Help(String),
    /// See which hosts there are.
    Hosts,
    /// Select these hosts only.
    Limit(String),
    /// A remark on what stands before it.
    Note(String),
    /// Run this on the host that the error is of.
    OnHost(String),
    /// Look at each member.
    Overview,
    /// A line of this program for the same inventory: a subcommand, and the words after it.
    Program {
        subcommand: String,
        words: String,
    },
    /// Run this as root on these hosts.
    Run {
        command: String,
        on: String,
    },
    /// Set a variable, `name=value`.
    Set(String),
    /// The help on a word, named here by its place, shows something.
    Shows {
        word: String,
        what: String,
    },
    /// Run these tasks only.
    Tags(Vec<String>),
    Text(String),
    /// What is so without this variable.
    Without(String),
}

impl Hint {
    /// A line of this program, such as `inventory --graph`.
    #[must_use]
    pub fn program(line: &str) -> Hint {
        let (subcommand, words) = line.split_once(' ').unwrap_or((line, ""));
        Hint::Program {
            subcommand: subcommand.into(),
            words: words.into(),
        }
    }

    /// Is it an option, so that another one may follow on the same line?
    fn is_option(&self) -> bool {
        matches!(self, Hint::Limit(_) | Hint::Set(_) | Hint::Tags(_))
    }

    /// What stands between a hint and the one after it; `options` share a line where they are options.
    #[must_use]
    pub fn between(&self, next: &Hint, options: bool) -> &'static str {
        match (self, next) {
            (_, Hint::Note(_)) => "   # ",
            (Hint::Text(_), _) | (_, Hint::Text(_)) => " ",
            _ if options && self.is_option() && next.is_option() => " ",
            _ => ", then ",
        }
    }
}

/// ` -i FILE` for each that was given: a line to type next is meant for the same hosts.
static INVENTORY: OnceLock<String> = OnceLock::new();

/// Say what `-i` named, once: words for a shell.
pub fn name_inventory(words: String) {
    let _ = INVENTORY.set(words);
}

/// What `-i` named, as words for a shell with a blank before them.
#[must_use]
pub fn inventory() -> &'static str {
    INVENTORY.get().map_or("", String::as_str)
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::All(hints) => {
                for (index, hint) in hints.iter().enumerate() {
                    if let Some(before) = index.checked_sub(1).and_then(|before| hints.get(before))
                    {
                        f.write_str(before.between(hint, true))?;
                    }
                    hint.fmt(f)?;
                }
                Ok(())
            }
            Hint::Cluster(name) => write!(f, "--cluster-name={name}"),
            Hint::Etcd(line) => write!(f, "etcdsh{} e {line}", inventory()),
            Hint::Help(word) if word.is_empty() => f.write_str("etcdsh help"),
            Hint::Help(word) => write!(f, "etcdsh help {word}"),
            Hint::Hosts => write!(f, "etcdsh inventory{} --graph", inventory()),
            Hint::Limit(pattern) => write!(f, "-l {}", quote(pattern)),
            Hint::Program { subcommand, words } => {
                let space = if words.is_empty() { "" } else { " " };
                write!(f, "etcdsh {subcommand}{}{space}{words}", inventory())
            }
            Hint::Run { command, on } => {
                write!(f, "etcdsh run{} {on} -b -- {command}", inventory())
            }
            // A value may be what a host has said.
            Hint::Set(variable) => write!(f, "-e {}", quote(variable)),
            Hint::Shows { word, what } => write!(f, "`etcdsh help {word}` shows {what}"),
            Hint::Tags(tags) => write!(f, "-t {}", tags.join(",")),
            Hint::OnHost(command) => write!(f, "{command}   # on the host"),
            Hint::Overview => write!(
                f,
                "etcdsh{} overview --once   # how each member is, and what to type there",
                inventory()
            ),
            Hint::Note(text) | Hint::Text(text) => f.write_str(text),
            Hint::Without(variable) => write!(f, "without -e {variable}"),
        }
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Hint {
        Hint::Text(text.to_string())
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Hint {
        Hint::Text(text)
    }
}

/// As the command line says it.
impl PartialEq<&str> for Hint {
    fn eq(&self, text: &&str) -> bool {
        let said = self.to_string();
        said == *text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_a_line_for_the_shell() {
        let rejoin = Hint::All(vec![
            Hint::Etcd("member remove 2b".into()),
            Hint::Limit("10.10.10.11".into()),
            Hint::Set("etcd_init=existing".into()),
        ]);
        assert_eq!(
            rejoin,
            "etcdsh e member remove 2b, then -l 10.10.10.11 -e etcd_init=existing"
        );
        assert_eq!(
            Hint::program("unlock 10.10.10.11"),
            "etcdsh unlock 10.10.10.11"
        );
        let hostile = Hint::Set("etcd_data=/srv/a;touch x $(id)".into());
        assert_eq!(hostile, "-e 'etcd_data=/srv/a;touch x $(id)'");
        assert_eq!(Hint::program("overview"), "etcdsh overview");
        let really = Hint::All(vec![
            Hint::Set("etcd_clean=true".into()),
            Hint::Note("when you really mean it".into()),
        ]);
        assert_eq!(really, "-e etcd_clean=true   # when you really mean it");
    }
}
