//! Lines of etcdctl: `e put a 10; e get a`, on the cluster of the console.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::console::Console;
use super::state::locked;
use crate::cluster::{self, Cluster, Login};
use crate::error::{Error, Kind, Result};
use crate::etcd::Client;
use crate::etcdctl::{self, Io, Place, Placed, Style, Wanted};
use crate::inventory::Inventory;
use crate::report::{Terminal, Transcript};
use crate::run::Cancel;

/// The clusters of the console's inventory, with connections that stay.
pub(super) struct Here {
    beside: PathBuf,
    clients: Mutex<HashMap<String, Client>>,
    clusters: Result<Vec<Cluster>>,
    inventory: Arc<Inventory>,
    login: Login,
    used: Option<String>,
}

impl Here {
    pub(super) fn new(
        clusters: Result<Vec<Cluster>>,
        beside: PathBuf,
        used: Option<String>,
        inventory: Arc<Inventory>,
        login: Login,
    ) -> Here {
        Here {
            beside,
            clients: Mutex::default(),
            clusters,
            inventory,
            login,
            used,
        }
    }

    /// A client of the cluster, kept once there are certificates to keep it for.
    pub(super) fn client(&self) -> Option<Client> {
        self.cluster(&Wanted::default()).ok()??.client
    }

    fn connected(&self, cluster: &Cluster, config: &crate::etcd::Config) -> Option<Client> {
        if cluster.access().is_ok_and(|access| access.via.is_some()) || config.ca_pem.is_none() {
            return None;
        }
        let mut clients = locked(&self.clients);
        if let Some(client) = clients.get(&cluster.name).filter(|client| {
            client.config().ca_pem == config.ca_pem && client.config().cert_pem == config.cert_pem
        }) {
            return Some(client.clone());
        }
        let client = Client::new(config.clone()).ok()?;
        clients.insert(cluster.name.clone(), client.clone());
        Some(client)
    }
}

impl Place for Here {
    fn cluster(&self, wanted: &Wanted) -> Result<Option<Placed>> {
        if wanted.inventory.is_some() {
            return Err(Error::usage("the console has one inventory")
                .hint("start another one: etcdsh -i FILE"));
        }
        let cluster = cluster::chosen(
            self.clusters.clone()?,
            wanted.cluster.as_deref().or(self.used.as_deref()),
        )
        .map_err(|mut error| {
            for hint in &mut error.hints {
                *hint = crate::report::in_console(hint).into();
            }
            error
        })?;
        let mut config = cluster::config(&cluster, &self.beside)?;
        if config.user.is_none() {
            let login = self.login.clone();
            config.keeper = Some(cluster::keeper(
                Arc::clone(&self.inventory),
                move || Ok(login.clone()),
                cluster.hosts.clone(),
            ));
        }
        let client = self.connected(&cluster, &config);
        Ok(Some(Placed {
            client,
            config,
            via: cluster.access()?.via.clone(),
        }))
    }

    fn tunnel(&self, wanted: &Wanted, endpoints: &[String]) -> Result<HashMap<String, PathBuf>> {
        let Some(via) = &wanted.via else {
            return Ok(HashMap::new());
        };
        cluster::tunnel(&self.inventory, &self.login, via, endpoints)
    }
}

/// How a line of the console is carried out.
pub(super) fn style(console: &Console) -> Style {
    let place: Arc<dyn Place> = Arc::clone(&console.place) as Arc<dyn Place>;
    Style {
        place: Some(place),
        ..Style::of_process("e", false)
    }
}

/// Carry out the commands of a line, up to the first that fails. Did all of them come to an end?
pub(super) fn run(console: &mut Console, text: &str) -> Result<bool> {
    let style = style(console);
    let mut ended = true;
    for mut words in etcdctl::commands(text)? {
        for word in &mut words {
            *word = with_variables(console, std::mem::take(word))?;
        }
        ended &= one(console, &style, words)?;
    }
    Ok(ended)
}

fn one(console: &mut Console, style: &Style, mut words: etcdctl::Command) -> Result<bool> {
    if console.json()
        && !words
            .iter()
            .any(|word| word.starts_with(b"-w") || word.starts_with(b"--write-out"))
    {
        words.push(b"--write-out=json".to_vec());
    }
    let shown = || {
        words
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let helps = words.iter().any(|word| word == b"--help" || word == b"-h");
    if let Some(meaning) = etcdctl::meaning(&words, style).filter(|_| !helps) {
        if meaning.endless {
            return super::job::start(console, meaning.name, &words).map(|()| false);
        }
        if meaning.changes && console.settings().check {
            console.say(format!(
                "would change etcd: {}",
                crate::secret::masked(&shown())
            ));
            return Ok(true);
        }
    }
    let changes = etcdctl::meaning(&words, style).is_some_and(|meaning| meaning.changes);
    let code = apart(console, style.clone(), words)?;
    if changes {
        console.live.forget();
    }
    // The command itself has said what is wrong.
    if code == 0 {
        Ok(true)
    } else {
        Err(Error::new(Kind::Etcd, ""))
    }
}

/// `${name}` in a word is the value of a variable, or of a property of one.
fn with_variables(console: &mut Console, word: Vec<u8>) -> Result<Vec<u8>> {
    let Ok(text) = String::from_utf8(word.clone()) else {
        return Ok(word);
    };
    let Some((before, rest)) = text.split_once("${") else {
        return Ok(word);
    };
    let Some((name, after)) = rest.split_once('}') else {
        return Ok(word);
    };
    let value = console
        .evaluate(name)
        .map_err(|error| error.because(format!("in `${{{name}}}`")))?;
    let mut done = format!("{before}{}", super::show::text(&value)).into_bytes();
    done.extend(with_variables(console, after.as_bytes().to_vec())?);
    Ok(done)
}

/// Run a command on a thread of its own, so that Ctrl-C gives the prompt back whatever etcd does.
fn apart(console: &Console, style: Style, words: etcdctl::Command) -> Result<i32> {
    let cancel = console.runner.surroundings.cancel().clone();
    cancel.at_once(true);
    let transcript = console.runner.surroundings.transcript().clone();
    let closed = Arc::new(AtomicBool::new(false));
    let (done, ended) = mpsc::channel();
    let streams = (
        Gate::new(&closed, &transcript, false),
        Gate::new(&closed, &transcript, true),
        Typing(cancel.clone()),
    );
    std::thread::spawn(move || {
        let (mut out, mut err, input) = streams;
        let mut input = BufReader::new(input);
        let code = etcdctl::run(
            &words,
            &style,
            &mut Io {
                err: &mut err,
                input: &mut input,
                out: &mut out,
                screen: crate::terminal::shows_output(),
                stdin: true,
                terminal: true,
            },
        );
        let _ = out.flush();
        let _ = done.send(code);
    });
    loop {
        match ended.recv_timeout(Duration::from_millis(20)) {
            Ok(code) => return Ok(code),
            Err(mpsc::RecvTimeoutError::Timeout) if cancel.asked() => {
                closed.store(true, Ordering::SeqCst);
                return Err(Error::new(Kind::Interrupted, "interrupted"));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Error::internal("the command ended without a word"));
            }
        }
    }
}

/// An output that is closed when nobody waits for it any more.
struct Gate {
    buffer: Vec<u8>,
    closed: Arc<AtomicBool>,
    error: bool,
    transcript: Transcript,
}

impl Gate {
    fn new(closed: &Arc<AtomicBool>, transcript: &Transcript, error: bool) -> Gate {
        Gate {
            buffer: Vec::new(),
            closed: Arc::clone(closed),
            error,
            transcript: transcript.clone(),
        }
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.error || self.buffer.len() > 1 << 16 {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let bytes = std::mem::take(&mut self.buffer);
        if self.closed.load(Ordering::SeqCst) {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        if self.error {
            self.transcript.write(&bytes);
            return std::io::stderr().write_all(&bytes);
        }
        let mut terminal = Terminal::new(&self.transcript);
        terminal.write_all(&bytes)?;
        terminal.flush()
    }
}

/// What is typed while a command runs. Ctrl-C ends it, so that no reader stays behind to steal the next line.
struct Typing(Cancel);

impl Read for Typing {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, poll};
        let stdin = std::io::stdin();
        loop {
            if self.0.asked() {
                return Ok(0);
            }
            let wait = rustix::event::Timespec {
                tv_sec: 0,
                tv_nsec: 50_000_000,
            };
            let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&wait));
            match ready {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&stdin, bytes)?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
