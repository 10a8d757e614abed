//! May a file that was found, and not named, be believed? What it says can run programs.
//!
//! Ansible asks this of `ansible.cfg`; here an inventory of the current folder is asked, too. Start at [`distrusted`].

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Why a file of the current folder is not read unless it is named; `None` where it may be.
#[must_use]
pub fn distrusted(path: &Path) -> Option<String> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new("."))).ok()?;
    if folder.mode() & 0o002 != 0 {
        return Some("everyone may write to its folder".into());
    }
    // The link, and what it leads to.
    for found in [fs::symlink_metadata(path), fs::metadata(path)] {
        let found = found.ok()?;
        if found.is_file() && found.mode() & 0o002 != 0 {
            return Some("everyone may write to it".into());
        }
        if !is_ours(found.uid()) {
            return Some(format!("it belongs to another user (uid {})", found.uid()));
        }
    }
    None
}

/// Root, who runs this, or who called it with sudo.
fn is_ours(owner: u32) -> bool {
    let caller = std::env::var("SUDO_UID").ok();
    owner == 0
        || owner == rustix::process::geteuid().as_raw()
        || caller.and_then(|caller| caller.parse().ok()) == Some(owner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn what_another_user_could_have_put_there_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pigsty.yml");
        fs::write(&file, "all: {}\n").unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        assert_eq!(distrusted(&file), None);
        mode(&file, 0o666);
        assert_eq!(distrusted(&file).unwrap(), "everyone may write to it");
        mode(&file, 0o644);
        mode(folder.path(), 0o1777);
        assert_eq!(
            distrusted(&file).unwrap(),
            "everyone may write to its folder"
        );
        mode(folder.path(), 0o755);
        if rustix::process::geteuid().is_root() {
            let link = folder.path().join("link.yml");
            symlink("pigsty.yml", &link).unwrap();
            chown(&file, Some(65534), None).unwrap();
            for path in [&file, &link] {
                assert_eq!(
                    distrusted(path).unwrap(),
                    "it belongs to another user (uid 65534)"
                );
            }
        }
    }
}
