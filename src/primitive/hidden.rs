//! A path that is not seen is absent, or in a folder that may not be searched: the shell cannot tell these apart by
//! itself, and "permission denied" is never taken for "absent".

use crate::command::quote;

/// A command for a `path` that is not seen: it succeeds, and says why, when a folder above hides what is there.
pub(super) fn hidden(path: &str) -> String {
    // Links above the path, and the path itself when it is one, lead to the folders that matter.
    format!(
        "( p=$(readlink -m -- {path} 2>/dev/null) || p={path}\n\
         while p=${{p%/*}}; [ ! -d \"$p/\" ]; do :; done\n\
         [ ! -x \"$p/\" ] && echo \"$p/: Permission denied\" >&2 )",
        path = quote(&rooted(path)),
    )
}

/// The loop over the folders above ends at `/` or at `.`.
fn rooted(path: &str) -> String {
    if path.starts_with('/') {
        path.to_string()
    } else {
        format!("./{path}")
    }
}
