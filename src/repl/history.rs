//! Lines of earlier sessions, kept for each project, without those that hold a secret.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::report::has_secret;

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
