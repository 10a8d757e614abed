//! Ctrl-C: the first one finishes the change at hand and reports, the second one stops at once. What only asks a host, and
//! what hangs there, ends at the first.
//!
//! In the console the second one ends what runs on the hosts, and the program goes on.

#![expect(
    clippy::disallowed_methods,
    reason = "a signal is answered at once, and ends the program when it comes again"
)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Kind, Result};

/// Has the user asked to stop?
#[derive(Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Default)]
struct State {
    asked: AtomicUsize,
    /// The program outlives what is stopped.
    console: AtomicBool,
    /// Nothing is worth finishing: the first one counts as the second.
    at_once: AtomicBool,
}

impl Cancel {
    /// Listen to SIGINT and SIGTERM from now on.
    pub fn listen(&self) -> std::io::Result<()> {
        let mut signals = signal_hook::iterator::Signals::new([
            signal_hook::consts::SIGINT,
            signal_hook::consts::SIGTERM,
        ])?;
        let state = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for signal in signals.forever() {
                state.signal(signal);
            }
        });
        Ok(())
    }

    /// From now on Ctrl-C stops what runs and never the program.
    pub fn keep_program(&self) {
        self.0.console.store(true, Ordering::SeqCst);
    }

    /// Shall the first Ctrl-C be the end of it, without a word: in the console of what runs on the hosts?
    pub fn at_once(&self, yes: bool) {
        self.0.at_once.store(yes, Ordering::SeqCst);
    }

    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed) > 0
    }

    /// Ctrl-C was answered; the session goes on.
    pub fn reset(&self) {
        self.0.asked.store(0, Ordering::SeqCst);
        crate::transport::resume();
    }

    pub fn check(&self) -> Result<()> {
        if self.asked() {
            Err(Error::new(Kind::Interrupted, "interrupted"))
        } else {
            Ok(())
        }
    }
}

impl State {
    fn signal(&self, signal: i32) {
        let before = self.asked.fetch_add(1, Ordering::SeqCst);
        // What only asks has nothing to finish.
        crate::runtime::end_questions();
        let console = self.console.load(Ordering::SeqCst);
        if console && signal == signal_hook::consts::SIGTERM || !console && before > 0 {
            std::process::exit(Kind::Interrupted.exit_code());
        }
        let at_once = self.at_once.load(Ordering::SeqCst);
        if console && (before > 0 || at_once) {
            crate::transport::abort();
            return;
        }
        if at_once {
            return;
        }
        // Standard error, at once: the report may be busy with the step that goes on.
        let more = if console {
            "once more to stop it on the hosts too"
        } else {
            "once more to stop now"
        };
        let _ = writeln!(
            std::io::stderr(),
            "\ninterrupted: finishing the step at hand; {more}"
        );
    }
}
