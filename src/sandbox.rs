//! The sandbox: hosts that are folders with a loopback address of their own, for a first look and for rehearsals.
//!
//! Owns where they lie, what is in a fresh one, and `etcdsh sandbox up | status | down | rm`. A host's services are
//! real processes; what systemd and the package manager do elsewhere is done by the small scripts in `bin/`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

const BIN: [(&str, &str); 3] = [
    ("etcdsh-package", include_str!("sandbox/bin/etcdsh-package")),
    ("journalctl", include_str!("sandbox/bin/journalctl")),
    ("systemctl", include_str!("sandbox/bin/systemctl")),
];

/// Folders of a fresh host.
const SKELETON: [&str; 9] = [
    "data",
    "etc/profile.d",
    "etc/systemd/system",
    "run",
    "tmp",
    "usr/bin",
    "var/lib",
    "var/log",
    ".sandbox/bin",
];

/// Marks a folder as a sandbox, so that `rm` cannot be led to any other.
const MARK: &str = ".etcdsh-sandbox";

/// The folder of all sandbox hosts: `$ETCDSH_SANDBOX`, else `etcdsh/sandbox` among the user's state.
pub fn folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("ETCDSH_SANDBOX").filter(|folder| !folder.is_empty()) {
        return std::path::absolute(&folder).map_err(|error| {
            Error::config(format!("`{}` is no folder", folder.display())).because(error.to_string())
        });
    }
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let state = state
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    state
        .map(|state| state.join("etcdsh/sandbox"))
        .ok_or_else(|| {
            Error::config("there is no place for a sandbox").hint("set HOME or ETCDSH_SANDBOX")
        })
}

fn failed(path: &Path, error: &std::io::Error) -> Box<Error> {
    Error::config(format!("the sandbox `{}` cannot be made", path.display()))
        .because(error.to_string())
}

/// Make the folder of a host ready: what is there stays.
pub fn prepare(root: &Path) -> Result<()> {
    let io = |error: std::io::Error| failed(root, &error);
    // Unit files and `sed` see this path.
    if !root.is_absolute()
        || root
            .to_string_lossy()
            .contains(|c: char| c.is_whitespace() || "%$\"'\\#&".contains(c))
    {
        return Err(
            Error::config(format!("a sandbox cannot lie in `{}`", root.display()))
                .because("the path has a space or a special character")
                .hint("set ETCDSH_SANDBOX to another folder"),
        );
    }
    for folder in SKELETON {
        std::fs::create_dir_all(root.join(folder)).map_err(io)?;
    }
    if let Some(parent) = root.parent() {
        let mark = parent.join(MARK);
        if !mark.exists() {
            std::fs::write(&mark, "made by etcdsh\n").map_err(io)?;
        }
    }
    for (name, text) in BIN {
        let path = root.join(".sandbox/bin").join(name);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        // Renamed into place: a script that is being run must not change under its shell.
        let new = path.with_extension(format!("{}", std::process::id()));
        std::fs::write(&new, text).map_err(io)?;
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).map_err(io)?;
        std::fs::rename(&new, &path).map_err(io)?;
    }
    Ok(())
}

/// A host of the sandbox, as `status` shows it.
#[derive(Clone, Debug)]
pub struct SandboxHost {
    pub name: String,
    pub root: PathBuf,
    /// `active`, `inactive` or `failed`, and the process.
    pub state: String,
    pub pid: u32,
}

fn systemctl(root: &Path, words: &[&str]) -> Result<std::process::Output> {
    let bin = root.join(".sandbox/bin");
    let path = format!(
        "{}:{}",
        bin.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    Command::new(bin.join("systemctl"))
        .args(words)
        .env("SANDBOX", root)
        .env("PATH", path)
        .output()
        .map_err(|error| {
            Error::config("the sandbox's own systemctl cannot be run").because(error.to_string())
        })
}

/// The inventory that `sandbox up` writes.
pub fn inventory_file() -> Result<PathBuf> {
    Ok(folder()?.join("inventory.yml"))
}

/// How many members the sandbox has; three when there is none yet.
pub fn members() -> Result<u8> {
    let roots = roots()?;
    Ok(if roots.is_empty() {
        3
    } else {
        u8::try_from(roots.len()).unwrap_or(9)
    })
}

/// Was a sandbox made?
#[must_use]
pub fn is_there() -> bool {
    roots().is_ok_and(|roots| !roots.is_empty())
}

/// The folders of its hosts.
fn roots() -> Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(folder()?) else {
        return Ok(Vec::new());
    };
    let mut roots: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(".sandbox/bin/systemctl").exists())
        .collect();
    roots.sort();
    Ok(roots)
}

/// The hosts that are there.
pub fn hosts() -> Result<Vec<SandboxHost>> {
    roots()?
        .into_iter()
        .map(|root| {
            let output = systemctl(
                &root,
                &["show", "etcd", "-p", "ActiveState", "-p", "MainPID"],
            )?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let property = |name: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                    .unwrap_or_default()
                    .to_string()
            };
            Ok(SandboxHost {
                name: root
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default()
                    .to_string(),
                pid: property("MainPID").parse().unwrap_or(0),
                state: property("ActiveState"),
                root,
            })
        })
        .collect()
}

/// Stop every service of the sandbox. Only processes whose pid, start time and folder all match are ended.
pub fn down() -> Result<Vec<SandboxHost>> {
    let hosts = hosts()?;
    for host in &hosts {
        let output = systemctl(&host.root, &["stop", "etcd"])?;
        if !output.status.success() {
            let mut error = Error::config("etcd of the sandbox does not stop").on(&host.name);
            error.stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(error);
        }
    }
    Ok(hosts)
}

/// Stop everything and remove the folder with all that is in it.
pub fn remove() -> Result<PathBuf> {
    let folder = folder()?;
    if !folder.exists() {
        return Ok(folder);
    }
    if !folder.join(MARK).exists() {
        return Err(
            Error::config(format!("`{}` is no sandbox of etcdsh", folder.display()))
                .because(format!("there is no `{MARK}` in it")),
        );
    }
    down()?;
    std::fs::remove_dir_all(&folder).map_err(|error| {
        Error::config(format!("`{}` cannot be removed", folder.display()))
            .because(error.to_string())
    })?;
    Ok(folder)
}

/// The embedded inventory: `count` members on 127.0.0.2 and up.
#[must_use]
pub fn inventory(count: u8) -> String {
    let hosts: String = (1..=count)
        .map(|seq| format!("        127.0.0.{}: {{ etcd_seq: {seq} }}\n", seq + 1))
        .collect();
    format!(
        "# The embedded default of etcdsh: a sandbox on this machine, no root needed.\n\
         all:\n\
         \x20 vars:\n\
         \x20   ansible_connection: sandbox\n\
         \x20 children:\n\
         \x20   etcd:\n\
         \x20     hosts:\n{hosts}\
         \x20     vars:\n\
         \x20       etcd_cluster: etcd\n"
    )
}
