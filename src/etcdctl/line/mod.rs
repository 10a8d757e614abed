//! The command line: its flags and words, what they come to, and what is asked for or offered.
//!
//! Owns how cobra and Go read words. Must not know what a command does. Start reading at `flag.rs`, then `settings.rs`.

pub(super) mod ask;
pub(super) mod csv;
pub(super) mod discovery;
pub(super) mod flag;
mod log;
pub(super) mod offer;
pub(super) mod settings;
pub(super) mod usage;
pub(super) mod words;
