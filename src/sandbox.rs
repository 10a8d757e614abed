//! The sandbox: hosts that are folders with a loopback address of their own, for a first look and for rehearsals.
//!
//! Owns where they lie, what is in a fresh one, and `etcdsh sandbox up | status | down | rm`. A host's services are
//! real processes; what systemd and the package manager do elsewhere is done by the small scripts in `bin/`.
//! A folder is a host when it has the mark of one, which `prepare` writes; what else lies there is none.

mod process;
mod visit;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

const ACCOUNTS: &str = include_str!("sandbox/bin/accounts");

const BIN: [(&str, &str); 9] = [
    ("etcdsh-package", include_str!("sandbox/bin/etcdsh-package")),
    ("journalctl", include_str!("sandbox/bin/journalctl")),
    ("systemctl", include_str!("sandbox/bin/systemctl")),
    ("groupadd", ACCOUNTS),
    ("groupdel", ACCOUNTS),
    ("groupmod", ACCOUNTS),
    ("useradd", ACCOUNTS),
    ("userdel", ACCOUNTS),
    ("usermod", ACCOUNTS),
];

/// Folders of a fresh host.
const SKELETON: [&str; 10] = [
    "data",
    "etc/profile.d",
    "etc/systemd/system",
    "run",
    "tmp",
    "usr/bin",
    "usr/local/bin",
    "var/lib",
    "var/log",
    ".sandbox/bin",
];

/// Marks a folder as a sandbox, so that `rm` cannot be led to any other.
const MARK: &str = ".etcdsh-sandbox";

/// Marks a folder in it as a host.
const HOST_MARK: &str = ".sandbox/host";

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

/// Make the folder of all hosts and mark it. One that has other things in it is never taken: `rm` would remove them.
pub fn make_folder() -> Result<PathBuf> {
    let folder = folder()?;
    let mark = folder.join(MARK);
    if mark.exists() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
    let mut entries = std::fs::read_dir(&folder).map_err(|error| failed(&folder, &error))?;
    if !entries.all(|entry| entry.is_ok_and(|entry| is_own(&entry.path()))) {
        return Err(
            Error::config(format!("`{}` is no sandbox of etcdsh", folder.display()))
                .because("it has other things in it, and `etcdsh sandbox rm` would remove them")
                .hint("set ETCDSH_SANDBOX to a folder that is empty or not there yet"),
        );
    }
    std::fs::write(&mark, "made by etcdsh\n").map_err(|error| failed(&mark, &error))?;
    Ok(folder)
}

/// What a run puts into the folder before the first host is made, or left there when it was ended.
fn is_own(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    [".cache", "backup", "files", "inventory.yml"]
        .iter()
        .any(|own| name == *own)
        || path.join(".sandbox").is_dir()
}

/// Make the folder of a host ready: what is there stays.
///
/// For a `visit`, which changes nothing, a host that was not there is none afterwards either: see [`leave`].
pub fn prepare(root: &Path, visit: bool) -> Result<()> {
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
    let mark = root.join(HOST_MARK);
    if visit && mark.exists() {
        return Ok(());
    }
    if visit {
        visit::begin(root);
    } else if root.parent() == Some(&folder()?) {
        make_folder()?;
    }
    fill(root).map_err(|error| failed(root, &error))?;
    if visit || mark.exists() {
        return Ok(());
    }
    std::fs::write(&mark, "a sandbox host of etcdsh\n").map_err(|error| failed(&mark, &error))
}

/// Take away what visits made; the end of the program.
pub fn leave() {
    visit::end();
}

fn fill(root: &Path) -> std::io::Result<()> {
    for folder in SKELETON {
        std::fs::create_dir_all(root.join(folder))?;
    }
    for (name, text) in BIN {
        let path = root.join(".sandbox/bin").join(name);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        // Renamed into place: a script that is being run must not change under its shell.
        let new = path.with_extension(format!("{}", std::process::id()));
        std::fs::write(&new, text)?;
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o755))?;
        std::fs::rename(&new, &path)?;
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

/// How many members the embedded inventory has: those that were made, three when there is none yet.
pub fn members() -> Result<u8> {
    let made = made()?;
    Ok((1..=MOST)
        .rev()
        .find(|seq| made.contains(&address(*seq)))
        .unwrap_or(3))
}

/// Was a member of the embedded inventory made?
#[must_use]
pub fn is_there() -> bool {
    made().is_ok_and(|made| (1..=MOST).any(|seq| made.contains(&address(seq))))
}

/// The names of its hosts.
fn made() -> Result<Vec<String>> {
    Ok(roots()?.iter().map(|root| name_of(root)).collect())
}

fn name_of(root: &Path) -> String {
    let name = root.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The folders of its hosts.
fn roots() -> Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(folder()?) else {
        return Ok(Vec::new());
    };
    let mut roots: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(HOST_MARK).exists())
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
                name: name_of(&root),
                pid: property("MainPID").parse().unwrap_or(0),
                state: property("ActiveState"),
                root,
            })
        })
        .collect()
}

/// Stop etcd on every host. Only a process whose pid, start time and folder all match is ended.
pub fn down() -> Result<Vec<SandboxHost>> {
    let hosts = hosts()?;
    let mut wrong = None;
    for host in hosts.iter().filter(|host| host.pid != 0) {
        let output = systemctl(&host.root, &["stop", "etcd"])?;
        if !output.status.success() {
            let mut error = Error::config("etcd of the sandbox does not stop").on(&host.name);
            error.stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            wrong.get_or_insert(error);
        }
    }
    wrong.map_or(Ok(hosts), Err)
}

/// End what runs in it and remove the folder with all that is in it, whatever state it is in; its place, and whether it was there.
pub fn remove() -> Result<(PathBuf, bool)> {
    let folder = folder()?;
    if !folder.exists() {
        return Ok((folder, false));
    }
    let empty = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
    if !empty && !folder.join(MARK).exists() {
        return Err(
            Error::config(format!("`{}` is no sandbox of etcdsh", folder.display()))
                .because(format!("there is no `{MARK}` in it")),
        );
    }
    process::end_all(&folder);
    // A folder that its owner may not write to is made writable once.
    std::fs::remove_dir_all(&folder)
        .or_else(|_| {
            open_all(&folder);
            std::fs::remove_dir_all(&folder)
        })
        .map_err(|error| {
            let removed = Error::config(format!("`{}` cannot be removed", folder.display()))
                .because(error.to_string());
            match owner_of(&folder) {
                Some(uid) if uid != rustix::process::geteuid().as_raw() => removed
                    .because(format!("it is that of user {uid}"))
                    .hint(format!("sudo -u '#{uid}' etcdsh sandbox rm   # or as root")),
                _ => removed,
            }
        })?;
    Ok((folder, true))
}

fn owner_of(folder: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).ok().map(|found| found.uid())
}

/// Let the owner read and write this folder and all below it.
fn open_all(folder: &Path) {
    let _ = std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_all(&entry.path());
        }
    }
}

/// The embedded inventory can have this many members.
const MOST: u8 = 9;

/// The name and address of a member of the embedded inventory.
fn address(seq: u8) -> String {
    format!("127.0.0.{}", seq + 1)
}

/// The embedded inventory: `count` members on 127.0.0.2 and up.
#[must_use]
pub fn inventory(count: u8) -> String {
    let hosts: String = (1..=count)
        .map(|seq| format!("        {}: {{ etcd_seq: {seq} }}\n", address(seq)))
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
