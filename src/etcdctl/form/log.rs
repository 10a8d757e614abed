//! A line of etcd's own log, as its tools write it on standard error.

use std::fmt::Write as _;

use super::go;

/// What stands behind the message of a line.
#[derive(Default)]
pub(crate) struct Fields(String);

impl Fields {
    pub(crate) fn text(self, name: &str, value: &str) -> Fields {
        let quoted = go::quote(value.as_bytes());
        self.raw(name, quoted)
    }

    pub(crate) fn raw(mut self, name: &str, value: impl std::fmt::Display) -> Fields {
        let comma = if self.0.is_empty() { "" } else { ", " };
        let _ = write!(self.0, "{comma}\"{name}\": {value}");
        self
    }
}

/// The time, how grave it is, who says it, what, and of what.
pub(crate) fn line(message: &str, fields: &Fields) -> String {
    let now = jiff::Zoned::now();
    let zone = if now.offset().is_zero() { "Z" } else { "%:z" };
    let time = now
        .strftime(&format!("%Y-%m-%dT%H:%M:%S{zone}"))
        .to_string();
    let fields = match fields.0.as_str() {
        "" => String::new(),
        fields => format!("\t{{{fields}}}"),
    };
    format!("{time}\tinfo\tetcdsh\t{message}{fields}")
}
