//! What is printed: the five formats, tables, JSON and numbers as Go writes them, records of `export`.
//!
//! Must not know how an answer came about. Start reading at `print.rs`: a `Reply` has a method for each format.

pub(super) mod decoded;
pub(super) mod difference;
pub(super) mod done;
pub(super) mod go;
pub(super) mod json;
pub(super) mod log;
pub(super) mod print;
pub(super) mod record;
pub(super) mod table;
