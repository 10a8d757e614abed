//! Where the output of a line goes instead of the terminal alone: a file here, a command here, the pager.
//!
//! Knows files, processes and the terminal; must not know lines or etcd. Start reading at [`Outlet::open`].

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::state::locked;
use crate::error::{Error, Kind, Result};
use crate::etcdctl::Output;
use crate::output_file::OutputFile;
use crate::report::{Terminal, Transcript};

/// A command that reads what is written; clones ask for the same one.
#[derive(Clone)]
pub(super) struct Reader(Arc<Mutex<Child>>);

impl Reader {
    /// Start `line` with `/bin/sh`; `more` are variables of its environment.
    fn start(
        line: &str,
        more: &[(String, String)],
        transcript: &Transcript,
    ) -> Result<(Reader, ChildStdin)> {
        let failed = |error: std::io::Error| {
            Error::internal(format!("`{line}` cannot be started")).because(error.to_string())
        };
        let copied = transcript.is_on();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", line])
            .envs(more.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped());
        if copied {
            command.stdout(Stdio::piped());
        }
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut said) = child.stdout.take() {
            let mut terminal = Terminal::new(transcript);
            std::thread::spawn(move || std::io::copy(&mut said, &mut terminal));
        }
        let input = child.stdin.take();
        let input = input.ok_or_else(|| Error::internal(format!("`{line}` has no input")))?;
        Ok((Reader(Arc::new(Mutex::new(child))), input))
    }

    /// Its exit code, once it has ended.
    fn ended(&self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        let status = locked(&self.0).try_wait().ok()??;
        Some(status.code().unwrap_or(128 + status.signal().unwrap_or(0)))
    }

    pub(super) fn runs(&self) -> bool {
        self.ended().is_none()
    }

    fn wait(&self) -> i32 {
        loop {
            if let Some(code) = self.ended() {
                return code;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// Where one command writes to.
pub(super) enum Outlet {
    /// What is behind a file that is there already: gathered first, so that it is added whole or not at all.
    Append {
        gathered: File,
        name: PathBuf,
    },
    File {
        file: OutputFile,
        name: PathBuf,
    },
    Program {
        input: ChildStdin,
        line: String,
        reader: Reader,
    },
}

impl Outlet {
    pub(super) fn open(
        output: &Output,
        variables: &[(String, String)],
        transcript: &Transcript,
    ) -> Result<Outlet> {
        match output {
            Output::Append(name) => {
                let name = at_home(name);
                // Said now, rather than when the answer is there.
                let found = name.exists();
                append_to(&name).map_err(|error| unwritable(&name, &error))?;
                if !found {
                    let _ = std::fs::remove_file(&name);
                }
                let gathered = tempfile::tempfile().map_err(|error| unwritable(&name, &error))?;
                Ok(Outlet::Append { gathered, name })
            }
            Output::File(name) => {
                let name = at_home(name);
                let there = std::fs::metadata(&name).ok();
                let mode = there.map_or_else(new_mode, |there| there.permissions().mode() & 0o7777);
                let file =
                    OutputFile::create(&name, mode).map_err(|error| unwritable(&name, &error))?;
                Ok(Outlet::File { file, name })
            }
            Output::Program(line) => {
                let (reader, input) = Reader::start(line, variables, transcript)?;
                Ok(Outlet::Program {
                    input,
                    line: line.clone(),
                    reader,
                })
            }
        }
    }

    pub(super) fn reader(&self) -> Option<Reader> {
        match self {
            Outlet::Program { reader, .. } => Some(reader.clone()),
            _ => None,
        }
    }

    /// The command has come to its end. A file changes only when it `worked`.
    pub(super) fn end(self, worked: bool) -> Result<()> {
        match self {
            Outlet::Append { gathered, name } if worked => {
                let mut from = gathered;
                from.seek(SeekFrom::Start(0))
                    .and_then(|_| std::io::copy(&mut from, &mut append_to(&name)?))
                    .map_err(|error| unwritable(&name, &error))?;
                Ok(())
            }
            Outlet::File { file, name } if worked => {
                file.finish().map_err(|error| unwritable(&name, &error))
            }
            Outlet::Append { .. } | Outlet::File { .. } => Ok(()),
            Outlet::Program {
                input,
                line,
                reader,
            } => {
                drop(input);
                match reader.wait() {
                    0 => Ok(()),
                    code => Err(Error::new(
                        Kind::Usage,
                        format!("`{line}` ended with {code}"),
                    )),
                }
            }
        }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Outlet::Append { gathered, .. } => gathered.write(bytes),
            Outlet::File { file, .. } => file.write(bytes),
            Outlet::Program { input, .. } => input.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Outlet::Append { gathered, .. } => gathered.flush(),
            Outlet::File { file, .. } => file.flush(),
            Outlet::Program { input, .. } => input.flush(),
        }
    }
}

/// What a command reads in place of the keyboard.
pub(super) fn input(name: &str) -> Result<File> {
    let name = at_home(name);
    File::open(&name).map_err(|error| {
        Error::usage(format!("`{}` cannot be read", name.display())).because(error.to_string())
    })
}

fn append_to(name: &std::path::Path) -> std::io::Result<File> {
    File::options().append(true).create(true).open(name)
}

fn unwritable(name: &std::path::Path, error: &std::io::Error) -> Box<Error> {
    Error::usage(format!("`{}` cannot be written", name.display())).because(error.to_string())
}

/// `~/` is what it is to a shell.
fn at_home(name: &str) -> PathBuf {
    match (name.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(name),
    }
}

/// The mode of a new file, as a shell would make it.
fn new_mode() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let mask = mask.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok());
    0o666 & !mask.unwrap_or(0o077)
}

/// Shows a text page by page: `$PAGER`, else `less` where there is one.
pub(super) struct Pager {
    input: Option<ChildStdin>,
    reader: Reader,
}

impl Pager {
    /// What is started; `None` where there is none, or none is wanted.
    pub(super) fn command() -> Option<String> {
        if std::env::var_os("TERM").is_none_or(|kind| kind == "dumb") {
            return None;
        }
        match std::env::var("PAGER") {
            Ok(named) => Some(named).filter(|named| !["", "cat"].contains(&named.trim())),
            Err(_) => {
                let path = std::env::var_os("PATH")?;
                let is_there = |name: &&str| {
                    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
                };
                ["less", "more"]
                    .iter()
                    .find(|name| is_there(name))
                    .map(ToString::to_string)
            }
        }
    }

    pub(super) fn start() -> Option<Pager> {
        let line = Pager::command()?;
        let mut more = Vec::new();
        if std::env::var_os("LESS").is_none() {
            // It ends by itself where one page is enough, shows colours, and leaves what it has shown.
            more.push(("LESS".to_string(), "FRX".to_string()));
        }
        if line == "more" && std::env::var_os("MORE").is_none() {
            // So does this one; else the next line that is typed goes to it.
            more.push(("MORE".to_string(), "-e".to_string()));
        }
        let (reader, input) = Reader::start(&line, &more, &Transcript::default()).ok()?;
        Some(Pager {
            input: Some(input),
            reader,
        })
    }

    pub(super) fn reader(&self) -> Reader {
        self.reader.clone()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.input {
            Some(input) => input.write_all(bytes),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Until its reader has had enough.
    pub(super) fn end(mut self) {
        drop(self.input.take());
        self.reader.wait();
    }
}
