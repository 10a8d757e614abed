//! Hosts that a run in check mode looked at and that were not there: they are taken away when the program ends.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::HOST_MARK;

/// A host's folder, and the first folder above it that was not there.
struct Visit {
    root: PathBuf,
    top: PathBuf,
}

static VISITS: Mutex<Vec<Visit>> = Mutex::new(Vec::new());

/// Note what is about to be made.
pub(super) fn begin(root: &Path) {
    let missing = root.ancestors().take_while(|folder| !folder.exists());
    let Some(top) = missing.last() else {
        return;
    };
    let visit = Visit {
        root: root.to_path_buf(),
        top: top.to_path_buf(),
    };
    VISITS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(visit);
}

/// Take it away, unless another run has made a host of it since.
pub(super) fn end() {
    let visits = std::mem::take(&mut *VISITS.lock().unwrap_or_else(PoisonError::into_inner));
    for visit in visits
        .iter()
        .filter(|visit| !visit.root.join(HOST_MARK).exists())
    {
        let _ = std::fs::remove_dir_all(&visit.root);
    }
    // The folders above, as far as nothing else lies in them.
    for visit in visits.iter().rev() {
        let above = visit.root.ancestors().skip(1);
        for folder in above.take_while(|folder| folder.starts_with(&visit.top)) {
            let _ = std::fs::remove_dir(folder);
        }
    }
}
