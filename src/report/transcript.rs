//! A copy of what the console shows, in a file: plain text, secrets masked.

#![expect(
    clippy::disallowed_methods,
    reason = "one place prints while a script runs: this one"
)]

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex::Regex;

use crate::secret::masked;

/// The file of the copy, when there is one. Clones share it.
#[derive(Clone, Default)]
pub struct Transcript(Arc<Mutex<Option<Copying>>>);

struct Copying {
    file: File,
    /// A line that has not come to its end.
    line: Vec<u8>,
}

impl Transcript {
    /// Begin to write to the end of a file that only its owner can read.
    pub fn begin(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let found = file.metadata()?;
        if found.is_file() && found.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is another user's file",
            ));
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Copying {
            file,
            line: Vec::new(),
        });
        Ok(())
    }

    #[must_use]
    pub fn is_on(&self) -> bool {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.is_some()
    }

    pub fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn write(&self, bytes: &[u8]) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(copying) = slot.as_mut() else { return };
        for byte in bytes {
            copying.line.push(*byte);
            if *byte == b'\n' {
                let text = String::from_utf8_lossy(&copying.line).into_owned();
                copying.line.clear();
                // A full disk is no reason to stop what is being done.
                let _ = copying.file.write_all(masked(&plain(&text)).as_bytes());
            }
        }
    }
}

/// Standard output, and the copy.
pub struct Terminal(Transcript);

impl Terminal {
    #[must_use]
    pub fn new(transcript: &Transcript) -> Terminal {
        Terminal(transcript.clone())
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = io::stdout().write(bytes)?;
        self.0.write(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn plain(text: &str) -> String {
    static CODES: OnceLock<Regex> = OnceLock::new();
    let codes = CODES
        .get_or_init(|| Regex::new("\x1b\\[[0-9;?]*[A-Za-z]|\r").expect("a regular expression"));
    codes.replace_all(text, "").into_owned()
}
