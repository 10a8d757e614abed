//! What a run did, in a file of its own beside the inventory: who ran what from where, its plan, each command and its output.
//!
//! A run that changes nothing leaves none. Lines are the events as JSON, each with its time; secrets are masked, and what a command
//! with a secret in it has printed is left out. Start reading at [`Audited`]; `cli/audit.rs` shows and removes the files.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Event, Json, Sink};
use crate::secret::{MASK, masked};

/// The folder beside the inventory.
pub const FOLDER: &str = "audit";

/// Of what a command has printed this much is kept.
const KEPT: usize = 4096;

/// Another sink, and the file.
pub struct Audited {
    file: Option<File>,
    folder: PathBuf,
    inner: Box<dyn Sink>,
    /// What the run has said before it has changed anything.
    lines: Vec<Value>,
    script: String,
    /// The last command has a secret in it.
    silent: bool,
    troubled: bool,
    /// Who runs it, from where, and on which inventory: asked when there is something to write.
    who: Box<dyn Fn() -> Value + Send>,
}

impl Audited {
    #[must_use]
    pub fn new(
        inner: Box<dyn Sink>,
        beside: &Path,
        who: impl Fn() -> Value + Send + 'static,
    ) -> Audited {
        Audited {
            file: None,
            folder: beside.join(FOLDER),
            inner,
            lines: Vec::new(),
            script: "run".into(),
            silent: false,
            troubled: false,
            who: Box::new(who),
        }
    }

    fn open(&self) -> io::Result<File> {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let now = jiff::Zoned::now().strftime("%Y%m%dT%H%M%S").to_string();
        let name = format!("{now}-{}-{}.jsonl", self.script, std::process::id());
        std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            // Nobody has put a link there.
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(self.folder.join(name))
    }

    fn keep(&mut self, line: Value, changed: bool) -> io::Result<()> {
        if self.file.is_none() && changed {
            self.file = Some(self.open()?);
            self.write(&(self.who)())?;
            for line in std::mem::take(&mut self.lines) {
                self.write(&line)?;
            }
        }
        if self.file.is_none() {
            self.lines.push(line);
            return Ok(());
        }
        self.write(&line)
    }

    fn write(&mut self, line: &Value) -> io::Result<()> {
        let text = crate::terminal::in_json(&line.to_string());
        match &mut self.file {
            Some(file) => writeln!(file, "{text}"),
            None => Ok(()),
        }
    }
}

/// The end of a text that is too long is left out.
fn short(text: &str) -> String {
    let text = masked(text);
    match text.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

impl Sink for Audited {
    fn event(&mut self, event: &Event<'_>) {
        self.inner.event(event);
        match event {
            Event::Start { script, .. } => {
                let name = script.rsplit('/').next().unwrap_or_default();
                self.script = name
                    .trim_end_matches(".rhai")
                    .replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
            }
            Event::Command { command, .. } => self.silent = command.contains(MASK),
            _ => {}
        }
        let mut line = match event {
            Event::Answer { host, output } => {
                let printed = [output.text(), output.stderr.clone()].concat();
                let shown = if self.silent {
                    MASK.to_string()
                } else {
                    short(&printed)
                };
                json!({ "event": "answer", "host": host, "status": output.status, "output": shown })
            }
            _ => Json::<Vec<u8>>::line(event),
        };
        line["at"] = json!(jiff::Timestamp::now().to_string());
        let changed = matches!(event, Event::Change { check: false, .. });
        if let Err(error) = self.keep(line, changed)
            && !std::mem::replace(&mut self.troubled, true)
        {
            let text = format!(
                "the audit of this run cannot be written in {}: {error}",
                self.folder.display()
            );
            self.inner.event(&Event::Warning { text: &text });
        }
    }

    fn rest(&mut self) {
        self.inner.rest();
    }
}
