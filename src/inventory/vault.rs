//! What ansible-vault encrypted: files as a whole and `!vault` values, opened with the passwords that were given.
//!
//! Owns: the passwords, the format 1.1 and 1.2 (AES-256 in counter mode, PBKDF2, HMAC-SHA256). Must not know where the
//! passwords were asked for. What is opened is a `Secret`. Start reading at `Vault::open`.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use aes::Aes256;
use aws_lc_rs::{hmac, pbkdf2};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};

use super::load;
use super::node::{Node, Shape};
use super::template::is_template;
use super::value::Value;
use crate::error::{Error, Hint, Result};
use crate::hex;
use crate::secret::Secret;

const HEADER: &str = "$ANSIBLE_VAULT;";
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("it is not zero");
/// A block of the padding.
const BLOCK: usize = 16;
/// They say where a host is and who logs in; the rest of an encrypted file is secret.
const PLAIN: [&str; 4] = [
    "ansible_connection",
    "ansible_host",
    "ansible_port",
    "ansible_user",
];

/// The passwords of ansible-vault, in the order they are tried.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    /// What was opened already: it takes a while on purpose.
    opened: Arc<Mutex<HashMap<String, Secret>>>,
    passwords: Vec<(String, Secret)>,
}

/// Why something stays closed.
#[derive(Debug, PartialEq)]
pub(super) enum Closed {
    /// It is not what ansible-vault writes.
    Format(&'static str),
    NoPassword,
    /// This many passwords were tried.
    Wrong(usize),
}

impl Closed {
    /// The error for `name`: a variable or a file, in backticks, with its kind.
    pub(super) fn error(&self, name: &str) -> Box<Error> {
        match self {
            Closed::Format(why) => {
                Error::config(format!("{name} is not what ansible-vault writes")).because(*why)
            }
            Closed::NoPassword => Error::config(format!("{name} is encrypted with ansible-vault"))
                .because("no vault password is given")
                .hint(Hint::Note(
                    "--vault-password-file FILE, or --ask-vault-pass".to_string(),
                )),
            Closed::Wrong(1) => Error::config(format!("the vault password does not open {name}")),
            Closed::Wrong(count) => {
                Error::config(format!("none of {count} vault passwords opens {name}"))
            }
        }
    }
}

impl Vault {
    /// Passwords are tried in the order they are added, one with the label of what is opened before the others.
    pub fn add(&mut self, label: &str, password: Secret) {
        self.passwords.push((label.to_string(), password));
    }

    /// Read a password from a file, or from what it prints when it is executable.
    pub fn add_file(&mut self, label: &str, path: &str) -> Result<()> {
        let path = load::expand_home(path);
        let shown = path.display();
        let trouble = |why: String| {
            Error::config(format!("cannot read the vault password file `{shown}`")).because(why)
        };
        let mode = std::fs::metadata(&path)
            .map_err(|error| trouble(error.to_string()))?
            .permissions()
            .mode();
        let bytes = if mode & 0o111 != 0 {
            printed(&path, label)?
        } else {
            let bytes = std::fs::read(&path).map_err(|error| trouble(error.to_string()))?;
            bytes.trim_ascii().to_vec()
        };
        let text = String::from_utf8(bytes).map_err(|_| trouble("it is not UTF-8".to_string()))?;
        let text = if is_encrypted(&text) {
            let opened = self.open(&text);
            let opened = opened.map_err(|closed| closed.error(&format!("file `{shown}`")))?;
            opened.reveal().to_string()
        } else {
            text
        };
        let password = text.trim_matches(['\r', '\n']);
        if password.is_empty() {
            return Err(Error::config(format!(
                "there is no vault password in `{shown}`"
            )));
        }
        self.add(label, Secret::new(password));
        Ok(())
    }

    /// The text that was encrypted.
    pub(super) fn open(&self, envelope: &str) -> std::result::Result<Secret, Closed> {
        let sealed = Sealed::read(envelope)?;
        if self.passwords.is_empty() {
            return Err(Closed::NoPassword);
        }
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened().get(envelope) {
            return Ok(known.clone());
        }
        let own = |(label, _): &&(String, Secret)| sealed.label == Some(label.as_str());
        let others = |entry: &&(String, Secret)| !own(entry);
        let order = self.passwords.iter().filter(own);
        for (_, password) in order.chain(self.passwords.iter().filter(others)) {
            if let Some(text) = sealed.open(password)? {
                opened().insert(envelope.to_string(), text.clone());
                return Ok(text);
            }
        }
        Err(Closed::Wrong(self.passwords.len()))
    }

    /// The text of a file as it is, or opened; and whether it was encrypted.
    pub(super) fn text_of(&self, name: &str, text: String) -> Result<(String, bool)> {
        if !is_encrypted(&text) {
            return Ok((text, false));
        }
        match self.open(&text) {
            Ok(opened) => Ok((opened.reveal().to_string(), true)),
            Err(closed) => Err(closed.error(&format!("`{name}`"))),
        }
    }
}

pub(super) fn is_encrypted(text: &str) -> bool {
    text.starts_with(HEADER)
}

/// The texts in what was an encrypted file are secrets. A template is none: what it refers to may be one.
pub(super) fn conceal(node: &mut Node) {
    match &mut node.shape {
        Shape::List(items) => items.iter_mut().for_each(conceal),
        Shape::Map(pairs) => {
            for (key, item) in pairs {
                if !PLAIN.contains(&key.key_text().as_str()) {
                    conceal(item);
                }
            }
        }
        Shape::Scalar(Value::Str(text)) if !is_template(text) => {
            node.shape = Shape::Scalar(Value::Secret(Secret::new(std::mem::take(text))));
        }
        Shape::Scalar(Value::Unsafe(text)) => {
            node.shape = Shape::Scalar(Value::Secret(Secret::new(std::mem::take(text))));
        }
        Shape::Scalar(_) => {}
    }
}

/// What a program that knows the password prints; one called `...-client` is told the label.
fn printed(path: &Path, label: &str) -> Result<Vec<u8>> {
    let mut command = Command::new(load::full_path(path));
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    if stem.is_some_and(|stem| stem.ends_with("-client")) {
        command.args(["--vault-id", label]);
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| load::not_run(path, "a program for a vault password", &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::config(format!(
        "`{}`, which knows a vault password, ended with {}",
        path.display(),
        output.status
    )))
}

/// The parts of an encrypted text.
struct Sealed<'a> {
    ciphertext: Vec<u8>,
    label: Option<&'a str>,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Sealed<'_> {
    fn read(envelope: &str) -> std::result::Result<Sealed<'_>, Closed> {
        let mut lines = envelope.trim().lines().map(str::trim);
        let mut header = lines.next().unwrap_or("").split(';');
        let (mark, version, cipher) = (header.next(), header.next(), header.next());
        if mark != Some("$ANSIBLE_VAULT") {
            return Err(Closed::Format("it does not begin with `$ANSIBLE_VAULT;`"));
        }
        if !matches!(version, Some("1.1" | "1.2")) {
            return Err(Closed::Format("its version is not 1.1 or 1.2"));
        }
        if cipher != Some("AES256") {
            return Err(Closed::Format("its cipher is not AES256"));
        }
        let body: String = lines.collect();
        let bad = || Closed::Format("it is cut short or changed");
        let whole = |text: &str| hex::bytes(text).filter(|_| text.len().is_multiple_of(2));
        let body = whole(&body).and_then(|body| String::from_utf8(body).ok());
        let body = body.ok_or_else(bad)?;
        let parts: Option<Vec<Vec<u8>>> = body.splitn(3, '\n').map(whole).collect();
        match parts.as_deref() {
            Some([salt, tag, ciphertext]) => Ok(Sealed {
                ciphertext: ciphertext.clone(),
                label: header.next().filter(|_| version == Some("1.2")),
                salt: salt.clone(),
                tag: tag.clone(),
            }),
            _ => Err(bad()),
        }
    }

    /// `None` when this is not the password.
    fn open(&self, password: &Secret) -> std::result::Result<Option<Secret>, Closed> {
        let mut keys = [0u8; 80];
        let password = password.reveal().as_bytes();
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ROUNDS,
            &self.salt,
            password,
            &mut keys,
        );
        let (key, rest) = keys.split_at(32);
        let (check, start) = rest.split_at(32);
        let check = hmac::Key::new(hmac::HMAC_SHA256, check);
        if hmac::verify(&check, &self.ciphertext, &self.tag).is_err() {
            return Ok(None);
        }
        let mut text = self.ciphertext.clone();
        Ctr128BE::<Aes256>::new(key.into(), start.into()).apply_keystream(&mut text);
        let padding = text.last().map_or(0, |last| usize::from(*last));
        if !(1..=BLOCK).contains(&padding) || padding > text.len() {
            return Err(Closed::Format("its padding is wrong"));
        }
        text.truncate(text.len() - padding);
        String::from_utf8(text)
            .map(|text| Some(Secret::new(text)))
            .map_err(|_| Closed::Format("what is encrypted in it is not UTF-8 text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by ansible-vault with the password `red`.
    const SEALED: &str = "$ANSIBLE_VAULT;1.1;AES256
65633262636530383838333733663237373636663439346339313530613764376137303664313035
3066323136643735643934383662366364643933363239650a366139336332323932666362353231
35393438316665396565663232356262336334666530333031623937373334363530376238626535
6236326136356231340a316164386636616636376561336333323635616537303637393134663035
6661
";

    fn with(passwords: &[&str]) -> Vault {
        let mut vault = Vault::default();
        for password in passwords {
            vault.add("default", Secret::new(*password));
        }
        vault
    }

    #[test]
    fn the_password_opens_it_and_no_other_does() {
        assert_eq!(
            with(&["blue", "red"]).open(SEALED).unwrap().reveal(),
            "s3cret value"
        );
        assert_eq!(with(&[]).open(SEALED).unwrap_err(), Closed::NoPassword);
        assert_eq!(with(&["blue"]).open(SEALED).unwrap_err(), Closed::Wrong(1));
        let error = with(&["blue", "green"])
            .open(SEALED)
            .unwrap_err()
            .error("`x`");
        assert_eq!(error.to_string(), "none of 2 vault passwords opens `x`");
    }

    #[test]
    fn a_changed_text_is_not_opened() {
        let vault = with(&["red"]);
        for (text, expected) in [
            (
                SEALED.replace("1.1", "1.0"),
                "its version is not 1.1 or 1.2",
            ),
            (SEALED.replace("AES256", "AES"), "its cipher is not AES256"),
            (
                SEALED.replacen("\n3", "\nx", 1),
                "it is cut short or changed",
            ),
            (
                SEALED.lines().take(2).collect::<Vec<_>>().join("\n"),
                "it is cut short or changed",
            ),
            (
                "$ANSIBLE_VAULT;1.1;AES256\nö".to_string(),
                "it is cut short or changed",
            ),
            ("x".to_string(), "it does not begin with `$ANSIBLE_VAULT;`"),
        ] {
            assert_eq!(
                vault.open(&text).unwrap_err(),
                Closed::Format(expected),
                "{text}"
            );
        }
        let end = SEALED.trim_end();
        let other = format!(
            "{}{}",
            &end[..end.len() - 1],
            if end.ends_with('1') { '2' } else { '1' }
        );
        assert_eq!(vault.open(&other).unwrap_err(), Closed::Wrong(1));
    }
}
