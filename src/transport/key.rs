//! Private keys with a passphrase: which they are, and who is asked for it.
//!
//! A passphrase is asked for once in a run, on the terminal, however many hosts take the key.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::command::quote;
use crate::error::{Error, Kind};
use crate::secret::Secret;
use crate::terminal;

/// Every passphrase that was typed, by the key as ssh names it.
static TYPED: Mutex<Option<HashMap<String, Secret>>> = Mutex::new(None);

/// ssh cuts the name of a key in its question.
const LONGEST: usize = 100;

/// Answers the questions of one ssh.
#[derive(Clone, Default)]
pub(super) struct Phrases(Arc<Mutex<Vec<Asked>>>);

#[derive(Clone, Debug)]
struct Asked {
    key: String,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Answered,
    /// Ctrl-C, or an empty line.
    GivenUp,
    NoTerminal,
}

impl Phrases {
    /// The passphrase for a question of ssh, when it is one for a key's.
    pub(super) fn answer(&self, question: &str) -> Option<Secret> {
        let key = key_in(question)?;
        let (outcome, phrase) = phrase(key);
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(Asked {
            key: key.to_string(),
            outcome,
        });
        phrase
    }

    /// Why the login failed, where it was for want of a passphrase.
    pub(super) fn trouble(&self) -> Option<Box<Error>> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = asked.last()?;
        let add = format!("ssh-add {}", quote(&last.key));
        Some(match last.outcome {
            Outcome::Answered => {
                let what = format!("the passphrase does not open the key `{}`", last.key);
                Error::new(Kind::Connect, what).hint(add)
            }
            Outcome::GivenUp => {
                let what = format!("no passphrase was given for the key `{}`", last.key);
                Error::new(Kind::Connect, what).hint(add)
            }
            Outcome::NoTerminal => {
                let what = format!("the key `{}` has a passphrase", last.key);
                Error::new(Kind::Connect, what)
                    .because("there is no terminal to ask for it")
                    .hint(add)
            }
        })
    }
}

/// `Enter passphrase for key '/root/.ssh/id_ed25519': `
fn key_in(question: &str) -> Option<&str> {
    let rest = question.trim().strip_prefix("Enter passphrase for key '")?;
    rest.strip_suffix(':').unwrap_or(rest).strip_suffix('\'')
}

/// Asked for while nobody else asks: the others take the same answer.
fn phrase(key: &str) -> (Outcome, Option<Secret>) {
    let mut typed = TYPED.lock().unwrap_or_else(PoisonError::into_inner);
    let typed = typed.get_or_insert_default();
    if let Some(known) = typed.get(key) {
        return (Outcome::Answered, Some(known.clone()));
    }
    match terminal::asked_secret(&format!("Passphrase for key {key}")) {
        Err(_) => (Outcome::NoTerminal, None),
        Ok(None) => (Outcome::GivenUp, None),
        Ok(Some(text)) if text.is_empty() => (Outcome::GivenUp, None),
        Ok(Some(text)) => {
            let phrase = Secret::new(text);
            typed.insert(key.to_string(), phrase.clone());
            (Outcome::Answered, Some(phrase))
        }
    }
}

/// Is one of the keys that ssh would offer locked with a passphrase? `settings` are those of `ssh -G`.
pub(super) fn any_locked(settings: &str) -> bool {
    let keys = settings
        .lines()
        .filter_map(|line| line.strip_prefix("identityfile "));
    keys.map(path_of).any(|path| is_locked(&path))
}

fn path_of(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(text),
    }
}

fn is_locked(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else {
        return false;
    };
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("4,ENCRYPTED") {
        return true;
    }
    // OpenSSH's own form begins with the name of the cipher.
    let body = text.split("-----BEGIN OPENSSH PRIVATE KEY-----").nth(1);
    let body = body.and_then(|body| body.split("-----END").next());
    let body: String = body.unwrap_or_default().split_whitespace().collect();
    let bytes = STANDARD.decode(body).unwrap_or_default();
    let begins = b"openssh-key-v1\0\0\0\0\x04none";
    bytes.starts_with(b"openssh-key-v1\0") && !bytes.starts_with(begins)
}

/// May a question be passed on? Only one for the passphrase of a key.
pub(super) fn is_question(question: &str) -> bool {
    key_in(question).is_some_and(|key| key.len() <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_question_for_a_passphrase_is_one() {
        let question = "Enter passphrase for key '/root/it's mine': ";
        assert_eq!(key_in(question), Some("/root/it's mine"));
        for other in [
            "oper@10.0.0.1's password: ",
            "Are you sure you want to continue?",
            "Enter passphrase for ",
        ] {
            assert!(!is_question(other), "{other}");
        }
    }

    #[test]
    fn locked_keys_are_told_by_their_files() {
        let folder = tempfile::tempdir().expect("a folder");
        for (form, phrase, locked) in [
            ("RFC4716", "", false),
            ("RFC4716", "hush5", true),
            ("PEM", "", false),
            ("PEM", "hush5", true),
            ("PKCS8", "hush5", true),
        ] {
            let path = folder.path().join(format!("{form}{}", phrase.len()));
            let made = std::process::Command::new("ssh-keygen")
                .args([
                    "-q", "-t", "rsa", "-b", "1024", "-m", form, "-N", phrase, "-f",
                ])
                .arg(&path)
                .status();
            assert!(made.expect("ssh-keygen is there").success());
            assert_eq!(is_locked(&path), locked, "{form} {phrase}");
        }
        assert!(!is_locked(Path::new("/nowhere")));
    }
}
