//! What a run shows: events go in, lines for a person or JSON for a program come out.
//!
//! The only room that writes to the terminal while a script runs. Must not know hosts or scripts, only events.

mod audit;
mod event;
mod hint;
mod human;
mod json;
mod plan;
mod transcript;

use std::sync::{Mutex, PoisonError};

pub use audit::{Audited, FOLDER as AUDIT};
pub use event::{Change, Counts, Effect, Event, Standing, Status, Step};
pub use hint::in_console;
pub use human::{Human, Style};
pub use json::{Json, error as error_json};
pub use transcript::{Terminal, Transcript};

/// Somewhere events go.
pub trait Sink: Send {
    fn event(&mut self, event: &Event<'_>);

    /// Take live lines off the terminal, for a question or the end.
    fn rest(&mut self) {}
}

/// The sink of the process, for every thread.
pub struct Report(Mutex<Box<dyn Sink>>);

impl Report {
    #[must_use]
    pub fn new(sink: Box<dyn Sink>) -> Report {
        Report(Mutex::new(sink))
    }

    pub fn event(&self, event: &Event<'_>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .event(event);
    }

    pub fn rest(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rest();
    }

    pub fn warn(&self, text: &str) {
        self.event(&Event::Warning { text });
    }
}

/// A sink that says nothing, for tests and questions.
pub struct Silent;

impl Sink for Silent {
    fn event(&mut self, _: &Event<'_>) {}
}
