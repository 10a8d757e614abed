//! A shell over OpenSSH: one master connection per host, kept for a minute after the run.
//!
//! The master is started here and not by the openssh crate, which has no way to pass options, to ask for a
//! password or to take a destination as the user's own `ssh_config` names it; its sessions are the crate's.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use openssh::{ForwardType, Session, Socket};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::askpass::{Askpass, KEYS, ONLY, SOCKET};
use super::escalation::{greeting, wants_terminal};
use super::key::{self, Phrases};
use super::refusal::unreachable;
use super::shell::{Shell, mark};
use super::{Become, lost};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// What to do about the keys of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeys {
    /// Unknown ones are recorded, changed ones refused: the default here.
    AcceptNew,
    /// Not looked at: `host_key_checking = False`.
    Ignore,
    /// Unknown ones are refused too: `host_key_checking = True`.
    Strict,
}

/// Where and how to log in.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What ssh is told: a name, an address or an alias of `ssh_config`.
    pub destination: String,
    pub host_keys: HostKeys,
    pub key: Option<String>,
    /// Words of `ansible_ssh_common_args` and the like, as ssh takes them.
    pub options: Vec<String>,
    pub password: Option<Secret>,
    pub port: Option<u16>,
    /// The variable that sets the password, and where; `None` where it was asked for.
    pub set_by: Option<String>,
    pub timeout: Duration,
    pub user: Option<String>,
}

/// Folder of the control sockets, short because a socket's path must be.
fn control_folder() -> Result<&'static Path> {
    static FOLDER: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let made = FOLDER.get_or_init(|| make_control_folder().map_err(|e| e.to_string()));
    made.as_deref().map_err(|cause| {
        Error::new(Kind::Connect, "no folder for ssh control sockets").because(cause.clone())
    })
}

fn make_control_folder() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let uid = rustix::process::getuid().as_raw();
    let name = if keep() {
        format!("etcdsh-{uid}")
    } else {
        format!("etcdsh-{uid}-{}", std::process::id())
    };
    let folder = roomy(&name, bases(uid)).ok_or_else(|| {
        std::io::Error::other("the path of every folder for it is too long; set ETCDSH_CONTROL_DIR")
    })?;
    match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            let told = format!("`{}` cannot be made: {error}", folder.display());
            return Err(std::io::Error::new(error.kind(), told));
        }
        _ => {}
    }
    let found = std::fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        return Err(std::io::Error::other(format!(
            "`{}` is not a folder that only you can open",
            folder.display()
        )));
    }
    Ok(folder)
}

/// Where the folder may lie, the best place first.
fn bases(uid: u32) -> Vec<PathBuf> {
    let run = PathBuf::from(format!("/run/user/{uid}"));
    let wanted = std::env::var_os("ETCDSH_CONTROL_DIR").map(PathBuf::from);
    let own = run.is_dir().then_some(run);
    let usual = own.unwrap_or_else(std::env::temp_dir);
    let places = [
        wanted,
        Some(usual),
        Some("/tmp".into()),
        Some("/dev/shm".into()),
    ];
    places.into_iter().flatten().collect()
}

/// The first place whose sockets have paths that the system takes: 107 bytes, with what ssh adds for a while.
fn roomy(name: &str, bases: Vec<PathBuf>) -> Option<PathBuf> {
    const NAME: usize = "/0123456789abcdef0123".len();
    const ADDED: usize = ".0123456789abcdef".len();
    let folders = bases.into_iter().map(|base| base.join(name));
    let fits = |folder: &PathBuf| folder.as_os_str().len() + NAME + ADDED <= 107;
    folders.into_iter().find(fits)
}

/// Do connections outlive the run?
fn keep() -> bool {
    std::env::var_os("ETCDSH_NO_PERSIST").is_none_or(|value| value.is_empty())
}

static OPENED: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());

pub(super) fn close_all() {
    if keep() {
        return;
    }
    let opened = std::mem::take(
        &mut *OPENED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    );
    let children: Vec<_> = opened
        .iter()
        .filter_map(|(socket, destination)| {
            std::process::Command::new("ssh")
                .args(["-O", "exit", "-o"])
                .arg(format!("ControlPath={}", socket.display()))
                .arg(destination)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        })
        .collect();
    for mut child in children {
        let _ = child.wait();
    }
    if let Ok(folder) = control_folder() {
        let _ = std::fs::remove_dir_all(folder);
    }
}

impl Target {
    /// The options of ssh, in its own words: what decides which connection it is.
    fn arguments(&self) -> Vec<String> {
        let mut words: Vec<String> = self.options.clone();
        let mut option = |text: String| words.extend(["-o".to_string(), text]);
        option(format!("ConnectTimeout={}", self.timeout.as_secs().max(1)));
        match self.host_keys {
            HostKeys::AcceptNew => option("StrictHostKeyChecking=accept-new".into()),
            HostKeys::Ignore => {
                option("StrictHostKeyChecking=no".into());
                option("UserKnownHostsFile=/dev/null".into());
            }
            HostKeys::Strict => option("StrictHostKeyChecking=yes".into()),
        }
        if let Some(user) = &self.user {
            option(format!("User={user}"));
        }
        if let Some(port) = self.port {
            option(format!("Port={port}"));
        }
        if let Some(key) = &self.key {
            // Quoted: a path may hold blanks.
            option(format!("IdentityFile=\"{key}\""));
            option("IdentitiesOnly=yes".into());
        }
        words
    }

    fn socket(&self, folder: &Path) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(self.destination.as_bytes());
        for word in self.arguments() {
            hash.update([0]);
            hash.update(word.as_bytes());
        }
        // A changed HOME or agent means other keys: never share its connection.
        for variable in ["HOME", "SSH_AUTH_SOCK"] {
            hash.update(std::env::var(variable).unwrap_or_default().as_bytes());
        }
        // An address is another host in another network.
        if let Ok(network) = std::fs::read_link("/proc/self/ns/net") {
            hash.update(network.as_os_str().as_encoded_bytes());
        }
        folder.join(crate::hex::text(&hash.finalize()[..10]))
    }

    pub(super) fn login(&self) -> String {
        match &self.user {
            Some(user) => format!("{user}@{}", self.destination),
            None => self.destination.clone(),
        }
    }
}

pub(super) async fn open(target: &Target, escalate: Option<&Become>) -> Result<Shell> {
    let folder = control_folder()?;
    let socket = target.socket(folder);
    if socket.exists() {
        if let Ok(shell) = shell(target, &socket, escalate).await {
            return Ok(shell);
        }
        // Left by a host that is gone or was rebuilt at the same address.
        let _ = std::fs::remove_file(&socket);
    }
    start_master(target, &socket).await?;
    OPENED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .push((socket.clone(), target.destination.clone()));
    shell(target, &socket, escalate).await
}

/// Let a socket file of this machine lead to `host:port` as the target sees it. It lies where only we can open it, lives
/// as long as the connection, and is used again by the next call.
pub(super) async fn forward(target: &Target, host: &str, port: u16) -> Result<PathBuf> {
    let socket = target.socket(control_folder()?);
    let mut hash = Sha256::new();
    hash.update(format!("{host}:{port}"));
    let door = socket.with_extension(crate::hex::text(&hash.finalize()[..6]));
    if tokio::net::UnixStream::connect(&door).await.is_ok() {
        return Ok(door);
    }
    let mut fresh = !socket.exists();
    loop {
        if fresh {
            let _ = std::fs::remove_file(&socket);
            start_master(target, &socket).await?;
            OPENED
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push((socket.clone(), target.destination.clone()));
        }
        let _ = std::fs::remove_file(&door);
        let session = Session::resume_mux(socket.as_path().into(), None);
        let asked = session
            .request_port_forward(
                ForwardType::Local,
                Socket::from(door.as_path()),
                Socket::new(host, port),
            )
            .await;
        drop(session.detach());
        match asked {
            Ok(()) => return Ok(door),
            Err(error) if fresh => {
                return Err(Error::new(
                    Kind::Connect,
                    format!("`{}` does not forward to {host}:{port}", target.destination),
                )
                .because(error.to_string()));
            }
            // Left by a host that is gone.
            Err(_) => fresh = true,
        }
    }
}

async fn start_master(target: &Target, socket: &Path) -> Result<()> {
    let Some(refused) = try_master(target, socket, None).await? else {
        return Ok(());
    };
    let denied = refused.contains("Permission denied") && target.password.is_none();
    if !denied || !key::any_locked(&settings(target).await?) {
        return Err(unreachable(target, &refused));
    }
    // ssh asks for a passphrase only when the host takes the key: once more, and somebody answers.
    let phrases = Phrases::default();
    match try_master(target, socket, Some(&phrases)).await? {
        None => Ok(()),
        Some(said) => Err(phrases
            .trouble()
            .unwrap_or_else(|| unreachable(target, &said))),
    }
}

/// Start the master; what ssh said when that did not work.
async fn try_master(
    target: &Target,
    socket: &Path,
    phrases: Option<&Phrases>,
) -> Result<Option<String>> {
    let log = socket.with_extension(format!("{}.log", &mark()[..8]));
    let mut command = Command::new("ssh");
    command
        .args(["-M", "-N", "-f", "-T", "-E"])
        .arg(&log)
        .arg("-S")
        .arg(socket);
    command.args(["-o", "ControlPersist=60"]);
    command.args(target.arguments());
    // A link that is dead is noticed as soon as one that never came about; of two settings ssh takes the first.
    let beat = (target.timeout.as_secs() / 3).max(1);
    command.args(["-o", &format!("ServerAliveInterval={beat}")]);
    command.args(["-o", "ServerAliveCountMax=3"]);
    let askpass = match (&target.password, phrases) {
        (None, None) => {
            command.args(["-o", "BatchMode=yes"]);
            None
        }
        (None, Some(phrases)) => {
            let phrases = phrases.clone();
            let answer = Box::new(move |question: &str| phrases.answer(question));
            let askpass = Askpass::serve(socket.with_extension("ask"), answer).map_err(lost)?;
            command.args(["-o", "PreferredAuthentications=publickey"]);
            asks_us(&mut command, &askpass)?.env(KEYS, "1");
            Some(askpass)
        }
        (Some(password), _) => {
            // One answer: a second question means that the first was refused.
            let mut once = Some(password.clone());
            let answer = Box::new(move |_: &str| once.take());
            let askpass = Askpass::serve(socket.with_extension("ask"), answer).map_err(lost)?;
            command.args([
                "-o",
                "PreferredAuthentications=password,keyboard-interactive",
            ]);
            asks_us(&mut command, &askpass)?.env_remove(KEYS);
            match asks_as(target).await? {
                Some(only) => command.env(ONLY, only),
                None => command.env_remove(ONLY),
            };
            Some(askpass)
        }
    };
    command
        .arg("--")
        .arg(&target.destination)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0);
    // What is wrong with its options it says before it knows of the log.
    let early = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(lost)?;
    command.stderr(Stdio::from(early));
    let status = command.status().await.map_err(|error| {
        Error::new(Kind::Connect, "`ssh` cannot be started")
            .because(error.to_string())
            .hint("apt-get install openssh-client")
    })?;
    drop(askpass);
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(&log);
    Ok((!(status.success() && socket.exists())).then_some(said))
}

/// ssh puts its questions to this program, which passes them on to `askpass`.
fn asks_us<'a>(command: &'a mut Command, askpass: &Askpass) -> Result<&'a mut Command> {
    command
        .args(["-o", "NumberOfPasswordPrompts=1"])
        .env("SSH_ASKPASS", std::env::current_exe().map_err(lost)?)
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env(SOCKET, &askpass.socket);
    Ok(command)
}

/// What ssh makes of its options and configuration: a line for each setting.
async fn settings(target: &Target) -> Result<String> {
    let output = Command::new("ssh")
        .arg("-G")
        .args(target.arguments())
        .arg("--")
        .arg(&target.destination)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(lost)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Who asks for the password, as ssh says it, where a host on the way there could ask as well.
async fn asks_as(target: &Target) -> Result<Option<String>> {
    let text = settings(target).await?;
    let setting = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .filter(|value| *value != "none")
    };
    let detour = setting("proxyjump").or_else(|| setting("proxycommand"));
    let (Some(_), Some(user), Some(host)) = (detour, setting("user"), setting("hostname")) else {
        return Ok(None);
    };
    Ok(Some(format!("{user}@{host}")))
}

async fn shell(target: &Target, socket: &Path, escalate: Option<&Become>) -> Result<Shell> {
    match session(target, socket, escalate, false).await {
        Err(error) if wants_terminal(escalate, &error) => {
            session(target, socket, escalate, true).await
        }
        other => other,
    }
}

async fn session(
    target: &Target,
    socket: &Path,
    escalate: Option<&Become>,
    terminal: bool,
) -> Result<Shell> {
    let session = Arc::new(Session::resume_mux(socket.into(), None));
    let (ready, prompt) = (mark(), mark());
    let mut child = session
        .arc_raw_command(greeting(escalate, &ready, &prompt, terminal))
        .stdin(openssh::Stdio::piped())
        .stdout(openssh::Stdio::piped())
        .stderr(openssh::Stdio::piped())
        .spawn()
        .await
        .map_err(|error| {
            Error::new(Kind::Connect, "no session on the ssh connection").because(error.to_string())
        })?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (
        child.stdin().take(),
        child.stdout().take(),
        child.stderr().take(),
    ) else {
        return Err(lost("the session has no pipes"));
    };
    let pipes = (
        Box::new(stdin) as _,
        Box::new(stdout) as _,
        Box::new(stderr) as _,
    );
    Shell::open(
        pipes,
        Box::new(child),
        escalate,
        &ready,
        &prompt,
        target.timeout.max(Duration::from_secs(30)),
    )
    .await
}
