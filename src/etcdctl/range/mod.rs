//! Ranges of any size: read in pages at one revision, grouped by level, compared with what is wanted or was, and loaded.
//!
//! Must not hold more than some pages at a time. Start reading at `pages.rs`.

pub(super) mod difference;
pub(super) mod guess;
pub(super) mod level;
pub(super) mod load;
pub(super) mod pages;
pub(super) mod past;
