//! Ctrl-C: the first one finishes the step at hand and reports, the second one stops at once.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Kind, Result};

/// Has the user asked to stop?
#[derive(Clone, Default)]
pub struct Cancel(Arc<AtomicUsize>);

impl Cancel {
    /// Listen to SIGINT and SIGTERM from now on.
    pub fn listen(&self) -> std::io::Result<()> {
        let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])?;
        let count = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if count.fetch_add(1, Ordering::SeqCst) > 0 {
                    std::process::exit(Kind::Interrupted.exit_code());
                }
                // Standard error, at once: the report may be busy with the step that goes on.
                let _ = writeln!(std::io::stderr(), "\ninterrupted: finishing the step at hand; once more to stop now");
            }
        });
        Ok(())
    }

    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Ctrl-C was answered; the session goes on.
    pub fn reset(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    pub fn check(&self) -> Result<()> {
        if self.asked() { Err(Error::new(Kind::Interrupted, "interrupted")) } else { Ok(()) }
    }
}
