//! How commands end that go on for ever: the one who runs them asks for it, or a signal comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

/// How often it is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Asks a running command to end quietly; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// SIGINT and SIGTERM do not end the program while this is there: they are noted, beside what the caller asks for.
pub(crate) struct Signals {
    came: Arc<AtomicBool>,
    listeners: Vec<signal_hook::SigId>,
    stop: Stop,
}

impl Signals {
    pub(crate) fn listen(stop: &Stop) -> std::io::Result<Signals> {
        let mut signals = Signals {
            came: Arc::default(),
            listeners: Vec::new(),
            stop: stop.clone(),
        };
        for signal in [SIGINT, SIGTERM] {
            signals
                .listeners
                .push(signal_hook::flag::register(signal, signals.came.clone())?);
        }
        Ok(signals)
    }

    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }

    /// A signal came, or the caller wants the end.
    pub(crate) fn asked(&self) -> bool {
        self.came() || self.stop.asked()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.listeners.drain(..).for_each(|listener| {
            signal_hook::low_level::unregister(listener);
        });
    }
}
