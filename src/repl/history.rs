//! Lines of earlier sessions, kept for each project, without those that hold a secret.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use indexmap::IndexSet;

use crate::secret::has_secret;

/// Lines that failed, at most: as many as one may type again.
const FAILED: usize = 1000;

/// The file of the project in `folder`; `None` when there is no place for it.
pub(super) fn file(folder: &Path) -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let state = state.or_else(|| {
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"))
    })?;
    let project = std::fs::canonicalize(folder).ok()?;
    let name: String = project
        .display()
        .to_string()
        .chars()
        .map(|letter| if letter == '/' { '%' } else { letter })
        .collect();
    let folder = state.join("etcdsh/history");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .ok()?;
    let file = folder.join(name.trim_start_matches('%'));
    // Made here, so that nobody else can read it.
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&file)
        .ok()?;
    Some(file)
}

/// Lines that did not work, in this session and in earlier ones.
#[derive(Default)]
pub(super) struct Failed {
    file: Option<PathBuf>,
    lines: IndexSet<String>,
}

impl Failed {
    /// Those beside the `history` of a project.
    pub(super) fn beside(history: &Path) -> Failed {
        let mut name = history.as_os_str().to_owned();
        name.push(".failed");
        let file = PathBuf::from(name);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        Failed {
            lines: text.lines().map(str::to_string).collect(),
            file: Some(file),
        }
    }

    pub(super) fn has(&self, line: &str) -> bool {
        self.lines.contains(line)
    }

    pub(super) fn add(&mut self, line: &str) {
        if wants(line) && !line.contains('\n') && self.lines.insert(line.to_string()) {
            self.write();
        }
    }

    /// It works now.
    pub(super) fn forget(&mut self, line: &str) {
        if self.lines.shift_remove(line) {
            self.write();
        }
    }

    /// The latest of them. Without the file they are known as long as this console.
    fn write(&self) {
        let Some(file) = &self.file else { return };
        let latest = self
            .lines
            .iter()
            .skip(self.lines.len().saturating_sub(FAILED));
        let text: String = latest.map(|line| format!("{line}\n")).collect();
        let _ = crate::output_file::write(file, 0o600, text.as_bytes());
    }
}

/// Shall a line be remembered?
pub(super) fn wants(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with(' ') && !has_secret(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_remembered() {
        for line in [
            "e --user root:abc get a",
            ":set ansible_password=x",
            "let p = secret(\"x\")",
            " e get a",
            "",
        ] {
            assert!(!wants(line), "{line}");
        }
        for line in ["e get a", "etcd_install()", ":limit 10.10.10.10"] {
            assert!(wants(line), "{line}");
        }
    }
}
