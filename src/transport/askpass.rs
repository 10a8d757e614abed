//! The password of `-k`, handed to ssh when it asks for it and for nothing else.
//!
//! ssh runs this very program as its askpass; the password waits behind a socket that only the user can open,
//! so it is on no command line and in no environment.

#![expect(
    clippy::disallowed_methods,
    reason = "ssh reads the answer from our standard output"
)]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::secret::Secret;

/// The variable that tells a child of ssh where to ask.
pub(super) const SOCKET: &str = "ETCDSH_ASKPASS_SOCKET";

/// A socket that gives the password away once.
pub(super) struct Askpass {
    done: Arc<AtomicBool>,
    pub(super) socket: PathBuf,
}

impl Askpass {
    pub(super) fn serve(socket: PathBuf, password: Secret) -> std::io::Result<Askpass> {
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o600))?;
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        thread::spawn(move || {
            // One answer: a second question means that the first was refused.
            if let Ok((mut stream, _)) = listener.accept()
                && !stop.load(Ordering::Relaxed)
            {
                let _ = stream.write_all(password.reveal().as_bytes());
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
    let question = std::env::args().nth(1).unwrap_or_default().to_lowercase();
    if !question.contains("password") {
        return Some(1);
    }
    Some(match fetch(Path::new(&socket)) {
        Some(password) if !password.is_empty() => {
            let mut out = std::io::stdout();
            i32::from(writeln!(out, "{password}").is_err())
        }
        _ => 1,
    })
}

fn fetch(socket: &Path) -> Option<String> {
    let mut text = String::new();
    UnixStream::connect(socket)
        .ok()?
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}
