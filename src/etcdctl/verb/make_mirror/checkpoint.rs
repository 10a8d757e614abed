//! How far a mirror has come, and the file that says so, to go on from there.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Mirror, SAVE};
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::line::settings::io_text;

/// How far the mirror has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// The first copy goes on with this key; `None` when it is complete.
    pub(super) from: Option<Vec<u8>>,
    /// Of the first copy, later of the last change that was copied.
    pub(super) revision: i64,
}

impl Mirror {
    /// The checkpoint, when there is one that belongs to this mirror.
    pub(super) fn load(&self) -> Outcome<Option<Progress>> {
        let Some(path) = self.checkpoint.as_ref().filter(|path| path.exists()) else {
            return Ok(None);
        };
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::arguments(format!("open {shown}: {}", io_text(&error))))?;
        let Some(saved) = Saved::read(&text) else {
            return Err(Failure::arguments(format!(
                "`{shown}` is not a checkpoint of make-mirror"
            )));
        };
        if saved.destination != self.destination.endpoints()[0]
            || saved.prefix != self.prefix
            || saved.dest_prefix != self.dest_prefix
        {
            return Err(Failure::arguments(format!(
                "the checkpoint `{shown}` is of another mirror"
            ))
            .with_hint(format!("rm {shown}   # to begin anew")));
        }
        Ok(Some(saved.progress))
    }

    pub(super) fn save(&mut self, at_once: bool) -> Outcome {
        let (Some(path), Some(progress)) = (&self.checkpoint, &self.progress) else {
            return Ok(());
        };
        if !at_once && self.saved.elapsed() < SAVE {
            return Ok(());
        }
        let saved = Saved {
            dest_prefix: self.dest_prefix.clone(),
            destination: self.destination.endpoints()[0].clone(),
            prefix: self.prefix.clone(),
            progress: progress.clone(),
        };
        let written = crate::output_file::write(path, 0o600, saved.text().as_bytes());
        self.saved = Instant::now();
        written.map_err(|error| {
            Failure::new(
                ERROR,
                format!("open {}: {}", path.display(), io_text(&error)),
            )
        })
    }
}

/// The checkpoint as it stands in its file.
#[derive(Debug, PartialEq, Eq)]
struct Saved {
    dest_prefix: Vec<u8>,
    destination: String,
    prefix: Vec<u8>,
    progress: Progress,
}

impl Saved {
    fn text(&self) -> String {
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        let value = serde_json::json!({
            "destination": self.destination,
            "prefix": base64(&self.prefix),
            "dest_prefix": base64(&self.dest_prefix),
            "revision": self.progress.revision,
            "from": self.progress.from.as_deref().map(base64),
        });
        format!("{value}\n")
    }

    fn read(text: &str) -> Option<Saved> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let bytes = |name: &str| STANDARD.decode(value[name].as_str()?).ok();
        let from = if value["from"].is_null() {
            None
        } else {
            Some(bytes("from")?)
        };
        let progress = Progress {
            from,
            revision: value["revision"].as_i64()?,
        };
        Some(Saved {
            dest_prefix: bytes("dest_prefix")?,
            destination: value["destination"].as_str()?.into(),
            prefix: bytes("prefix")?,
            progress,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_back() {
        for from in [None, Some(vec![0]), Some(b"/a\xff".to_vec())] {
            let progress = Progress { from, revision: 7 };
            let saved = Saved {
                dest_prefix: b"/b/".to_vec(),
                destination: "http://d:2379".into(),
                prefix: b"/a/".to_vec(),
                progress,
            };
            assert_eq!(Saved::read(&saved.text()), Some(saved));
        }
        for broken in ["", "{}", "[]", r#"{"revision":1}"#] {
            assert_eq!(Saved::read(broken), None, "{broken}");
        }
    }
}
