//! Lines of etcdctl: `e put a 10; e get a`, on the cluster of the console.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::console::Console;
use super::outlet::{Outlet, Pager, Reader};
use super::show::Form;
use super::state::locked;
use crate::cluster::{self, Cluster, Login};
use crate::error::{Error, Kind, Result};
use crate::etcd::Client;
use crate::etcdctl::{self, Io, Output, Place, Placed, Redirected, Style, Wanted};
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
        records: console.form == Form::Vertical,
        ..Style::of_process("e", false)
    }
}

/// Carry out the commands of a line, up to the first that fails. Is it a line that a script could have: did all of them come
/// to an end, and none go to a file or a command of this machine?
pub(super) fn run(console: &mut Console, text: &str) -> Result<bool> {
    let style = style(console);
    let mut scripted = true;
    for mut command in etcdctl::redirected(text)? {
        for word in &mut command.words {
            *word = with_variables(console, std::mem::take(word))?;
        }
        let names = command.input.as_mut().into_iter();
        let names = names.chain(match &mut command.output {
            Some(Output::Append(name) | Output::File(name)) => Some(name),
            _ => None,
        });
        for name in names {
            let named = with_variables(console, std::mem::take(name).into_bytes())?;
            *name = String::from_utf8_lossy(&named).into_owned();
        }
        scripted &= command.input.is_none() && command.output.is_none();
        scripted &= one(console, &style, command)?;
    }
    Ok(scripted)
}

fn one(console: &mut Console, style: &Style, mut command: Redirected) -> Result<bool> {
    let words = &mut command.words;
    let formed = (words.iter()).any(|word| {
        let begins = |flag: &&[u8]| word.starts_with(flag);
        [&b"-w"[..], b"--write-out", b"-o", b"--output"]
            .iter()
            .any(begins)
    });
    let form = match console.form {
        _ if formed => None,
        _ if console.json() => Some("--write-out=json"),
        Form::Json => Some("--output=json"),
        // What changes something has no table.
        Form::Table | Form::Vertical
            if etcdctl::meaning(words, style).is_some_and(|meaning| !meaning.changes) =>
        {
            Some("--write-out=table")
        }
        Form::Simple | Form::Table | Form::Vertical => None,
    };
    words.extend(form.map(|flag| flag.as_bytes().to_vec()));
    let helps = words.iter().any(|word| word == b"--help" || word == b"-h");
    let meaning = etcdctl::meaning(words, style).filter(|_| !helps);
    if let Some(meaning) = meaning.filter(|meaning| meaning.endless) {
        if command.output.is_some() || command.input.is_some() {
            return Err(Error::usage(format!(
                "`{}` goes on in the background: it has no file and no command behind it",
                meaning.name
            ))
            .hint(":log FILE   # a copy of all that is shown"));
        }
        return super::job::start(console, meaning.name, words).map(|()| false);
    }
    if console.settings().check
        && let Some(would) = would(&command, meaning)
    {
        console.say(would);
        return Ok(true);
    }
    let changes = meaning.is_some_and(|meaning| meaning.changes);
    let file = match &command.output {
        Some(Output::Append(name) | Output::File(name)) => Some(name.clone()),
        _ => None,
    };
    let code = apart(console, style.clone(), command)?;
    if changes {
        console.live.forget();
    }
    // The command itself has said what is wrong.
    if code == 0 {
        return Ok(true);
    }
    if let Some(name) = file {
        console.complain(format!("`{name}` is as it was"));
    }
    Err(Error::new(Kind::Etcd, ""))
}

/// What a command would change in etcd or on this machine, in check mode.
fn would(command: &Redirected, meaning: Option<etcdctl::Meaning>) -> Option<String> {
    let words = command.words.iter();
    let words: Vec<_> = words.map(|word| String::from_utf8_lossy(word)).collect();
    let shown = crate::secret::masked(&words.join(" "));
    if meaning.is_some_and(|meaning| meaning.changes) {
        return Some(format!("would change etcd: {shown}"));
    }
    match command.output.as_ref()? {
        Output::Append(name) | Output::File(name) => Some(format!("would write {name}: {shown}")),
        Output::Program(line) => Some(format!("would run `{line}` with what comes of: {shown}")),
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

/// Variables of the console that a line for the shell names: it gets them as variables of its environment, so that a value
/// stays a value.
fn shell_variables(console: &Console, line: &str) -> Vec<(String, String)> {
    let is_named =
        |name: &str| line.contains(&format!("${{{name}}}")) || line.contains(&format!("${name}"));
    let variables = console.scope.iter_raw().map(|(name, ..)| name.to_string());
    variables
        .filter(|name| is_named(name))
        .filter_map(|name| {
            let value = console.scope.get(&name)?;
            Some((name, super::show::text(value)))
        })
        .collect()
}

/// Run a command on a thread of its own, so that Ctrl-C gives the prompt back whatever etcd does.
fn apart(console: &Console, style: Style, command: Redirected) -> Result<i32> {
    let cancel = console.runner.surroundings.cancel().clone();
    cancel.at_once(true);
    let transcript = console.runner.surroundings.transcript().clone();
    let closed = Arc::new(AtomicBool::new(false));
    let outlet = (command.output.as_ref())
        .map(|output| {
            let variables = match output {
                Output::Program(line) => shell_variables(console, line),
                _ => Vec::new(),
            };
            Outlet::open(output, &variables, &transcript)
        })
        .transpose()?;
    let given = (command.input.as_deref())
        .map(super::outlet::input)
        .transpose()?;
    let reader = Arc::new(Mutex::new(outlet.as_ref().and_then(Outlet::reader)));
    let rows = crate::terminal::height().filter(|_| console.paging);
    let (done, ended) = mpsc::channel();
    let (mut screen, mut err) = (
        Gate::new(&closed, &transcript, false),
        Gate::new(&closed, &transcript, true),
    );
    screen.pages = rows.map(|rows| (rows, Arc::clone(&reader)));
    let (typing, given_up) = (Typing(cancel.clone()), Arc::clone(&closed));
    std::thread::spawn(move || {
        let stdin = given.is_none();
        let mut input: Box<dyn BufRead + Send> = match given {
            Some(file) => Box::new(BufReader::new(file)),
            None => Box::new(BufReader::new(typing)),
        };
        let mut out = Out::new(outlet, screen);
        let code = etcdctl::run(
            &command.words,
            &style,
            &mut Io {
                err: &mut err,
                input: &mut *input,
                screen: crate::terminal::shows_output() && out.is_screen(),
                out: &mut out,
                stdin,
                terminal: true,
            },
        );
        let _ = out.flush();
        // Nobody waits for a file whose command was stopped.
        let worked = code == 0 && !given_up.load(Ordering::SeqCst);
        let _ = done.send(out.end(worked).map(|()| code));
    });
    loop {
        match ended.recv_timeout(Duration::from_millis(20)) {
            Ok(code) => return code,
            // Ctrl-C is for the command that reads, or the pager.
            Err(mpsc::RecvTimeoutError::Timeout)
                if cancel.asked() && locked(&reader).as_ref().is_some_and(Reader::runs) =>
            {
                cancel.reset();
                cancel.at_once(true);
            }
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

/// The screen, or where else the output goes.
enum Out {
    Elsewhere(BufWriter<Outlet>),
    Screen(Gate),
}

impl Out {
    fn new(outlet: Option<Outlet>, screen: Gate) -> Out {
        match outlet {
            Some(outlet) => Out::Elsewhere(BufWriter::with_capacity(1 << 16, outlet)),
            None => Out::Screen(screen),
        }
    }

    fn is_screen(&self) -> bool {
        matches!(self, Out::Screen(_))
    }

    fn end(self, worked: bool) -> Result<()> {
        match self {
            Out::Screen(gate) => {
                gate.end();
                Ok(())
            }
            Out::Elsewhere(buffer) => buffer.into_parts().0.end(worked),
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Out::Elsewhere(outlet) => outlet.write(bytes),
            Out::Screen(screen) => screen.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Out::Elsewhere(outlet) => outlet.flush(),
            Out::Screen(screen) => screen.flush(),
        }
    }
}

/// An output that is closed when nobody waits for it any more.
struct Gate {
    buffer: Vec<u8>,
    closed: Arc<AtomicBool>,
    error: bool,
    pager: Option<Pager>,
    /// The rows of the terminal, where more than these go through a pager, which is told to who waits.
    pages: Option<(usize, Arc<Mutex<Option<Reader>>>)>,
    transcript: Transcript,
}

impl Gate {
    fn new(closed: &Arc<AtomicBool>, transcript: &Transcript, error: bool) -> Gate {
        Gate {
            buffer: Vec::new(),
            closed: Arc::clone(closed),
            error,
            pager: None,
            pages: None,
            transcript: transcript.clone(),
        }
    }

    /// More than the screen has room for is shown page by page.
    fn page(&mut self) {
        let Some((rows, told)) = &self.pages else {
            return;
        };
        let lines = self.buffer.split(|byte| *byte == b'\n').count();
        if self.pager.is_some() || lines <= *rows {
            return;
        }
        self.pager = Pager::start();
        *locked(told) = self.pager.as_ref().map(Pager::reader);
        if self.pager.is_none() {
            self.pages = None;
        }
    }

    fn end(mut self) {
        let _ = self.flush();
        if let Some(pager) = self.pager.take() {
            pager.end();
        }
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.page();
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
        if let Some(pager) = &mut self.pager {
            self.transcript.write(&bytes);
            return pager.write(&bytes);
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
