//! The password of `-k`, or the passphrase of a key, handed to ssh when it asks for it and for nothing else.
//!
//! ssh runs this very program as its askpass, which passes the question on; the answer comes through a socket that only
//! the user can open, so that it is on no command line and in no environment.

#![expect(
    clippy::disallowed_methods,
    reason = "ssh reads the answer from our standard output"
)]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::key::is_question;
use crate::secret::Secret;

/// The variable that tells a child of ssh where to ask.
pub(super) const SOCKET: &str = "ETCDSH_ASKPASS_SOCKET";

/// The variable that tells it whose question may be answered: `USER@HOST` as ssh has them.
pub(super) const ONLY: &str = "ETCDSH_ASKPASS_ONLY";

/// The variable that tells it that passphrases of keys are asked for, and nothing else.
pub(super) const KEYS: &str = "ETCDSH_ASKPASS_KEYS";

/// What answers a question of ssh, if anything.
pub(super) type Answer = Box<dyn FnMut(&str) -> Option<Secret> + Send>;

/// A socket that takes questions and gives answers.
pub(super) struct Askpass {
    done: Arc<AtomicBool>,
    pub(super) socket: PathBuf,
}

impl Askpass {
    pub(super) fn serve(socket: PathBuf, mut answer: Answer) -> std::io::Result<Askpass> {
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o600))?;
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let mut question = String::new();
                if stream.read_to_string(&mut question).is_ok()
                    && let Some(answer) = answer(&question)
                {
                    let _ = stream.write_all(answer.reveal().as_bytes());
                }
            }
        });
        Ok(Askpass { done, socket })
    }
}

impl Drop for Askpass {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = UnixStream::connect(&self.socket);
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// When ssh called us to ask for a password: print it and say so. Any other question goes unanswered.
#[must_use]
pub fn answer() -> Option<i32> {
    let socket = std::env::var_os(SOCKET)?;
    let question = std::env::args().nth(1).unwrap_or_default();
    let only = std::env::var(ONLY).ok().map(|only| only.to_lowercase());
    let ours = if std::env::var_os(KEYS).is_some() {
        is_question(&question)
    } else {
        belongs(&question.to_lowercase(), only.as_deref())
    };
    if !ours {
        return Some(1);
    }
    Some(match fetch(Path::new(&socket), &question) {
        Some(password) if !password.is_empty() => {
            let mut out = std::io::stdout();
            i32::from(writeln!(out, "{password}").is_err())
        }
        _ => 1,
    })
}

/// Is it the password of `only`? A host on the way there asks through the same variables. Some ask without a name, which
/// is enough where nobody else can ask.
fn belongs(question: &str, only: Option<&str>) -> bool {
    let named = |only: &str| {
        let (user, host) = only.split_once('@').unwrap_or(("", only));
        // ssh cuts long names.
        let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        let who = format!("{}@{}", cut(user, 30), cut(host, 128));
        question.starts_with(&format!("{who}'s password"))
            || question.starts_with(&format!("({only}) "))
    };
    question.contains("password") && only.is_none_or(named)
}

fn fetch(socket: &Path, question: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.write_all(question.as_bytes()).ok()?;
    stream.shutdown(Shutdown::Write).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::belongs;

    #[test]
    fn a_question_of_another_host_is_not_answered() {
        let only = Some("oper@10.0.0.1");
        for (question, answered) in [
            ("oper@10.0.0.1's password: ", true),
            ("(oper@10.0.0.1) password: ", true),
            ("oper@jump's password: ", false),
            ("oper@10.0.0.11's password: ", false),
            ("(oper@jump) password: ", false),
            ("password: ", false),
            ("enter passphrase for key 'x': ", false),
        ] {
            assert_eq!(belongs(question, only), answered, "{question}");
        }
        assert!(belongs("password: ", None));
        assert!(!belongs("are you sure you want to continue?", None));
    }
}
