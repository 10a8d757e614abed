//! The processes of a sandbox: found by what their environment says, so that no other one is ever ended.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The variable that `systemctl` of a sandbox host gives to each service: the folder of the host.
const OF_HOST: &str = "ETCDSH_SANDBOX_HOST";

/// How long a process may take to end before it is killed. etcd takes less than a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// End every process that runs in a host below `folder`.
pub(super) fn end_all(folder: &Path) {
    let real = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let folders = [folder.to_path_buf(), real];
    let until = Instant::now() + PATIENCE;
    // A process that is just becoming another program has no environment for a moment.
    let mut quiet = 0;
    while quiet < 2 {
        let alive = running(&folders);
        quiet = if alive.is_empty() { quiet + 1 } else { 0 };
        let late = Instant::now() > until;
        for pid in alive {
            let _ = kill_process(pid, if late { Signal::KILL } else { Signal::TERM });
        }
        if Instant::now() > until + PATIENCE {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The processes whose host lies below one of these folders.
fn running(folders: &[PathBuf]) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let host = host_of(&entry.path())?;
            let ours = folders.iter().any(|folder| host.starts_with(folder));
            if ours { Pid::from_raw(pid) } else { None }
        })
        .collect()
}

/// The sandbox host that a process belongs to; none for a process of another user, or one that has ended.
fn host_of(process: &Path) -> Option<PathBuf> {
    let environment = std::fs::read(process.join("environ")).ok()?;
    let start = format!("{OF_HOST}=");
    environment.split(|byte| *byte == 0).find_map(|variable| {
        let folder = variable.strip_prefix(start.as_bytes())?;
        Some(PathBuf::from(std::str::from_utf8(folder).ok()?))
    })
}
