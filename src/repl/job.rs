//! What runs in the background and prints between prompts: `e watch` and the like, each a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::console::Console;
use super::state::locked;
use crate::error::{Error, Result};
use crate::etcdctl;

/// Prints a line above the prompt.
pub(super) type Printer = Box<dyn FnMut(String) + Send>;

#[derive(Default)]
pub(super) struct Jobs {
    all: Vec<Job>,
    count: usize,
    pub(super) printer: Arc<Mutex<Option<Printer>>>,
}

struct Job {
    child: Child,
    line: String,
    number: usize,
}

impl Job {
    fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Only this process, which is a child of ours.
    fn stop(&mut self) {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id.filter(|_| self.runs()) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let end = std::time::Instant::now() + std::time::Duration::from_secs(1);
        while self.runs() && std::time::Instant::now() < end {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Start a command that goes on until it is stopped; one that needs the screen has it until Ctrl-C.
pub(super) fn start(console: &mut Console, name: &str, words: &etcdctl::Command) -> Result<()> {
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::process::CommandExt;
    let program = std::env::current_exe().map_err(|error| {
        Error::internal("the program cannot be found").because(error.to_string())
    })?;
    let mut command = Command::new(program);
    command
        .args(
            console
                .ground
                .sources
                .iter()
                .flat_map(|source| ["-i", source]),
        )
        .arg("e");
    command.args(
        words
            .iter()
            .map(|word| std::ffi::OsString::from_vec(word.clone())),
    );
    if let Some(cluster) = console.settings().cluster {
        command.arg(format!("--cluster-name={cluster}"));
    }
    let failed = |error: std::io::Error| {
        Error::internal(format!("`e {name}` cannot be started")).because(error.to_string())
    };
    if name == "top" {
        command.status().map_err(failed)?;
        return Ok(());
    }
    // Ctrl-C in the terminal is not for it.
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    console.jobs.count += 1;
    let number = console.jobs.count;
    let outputs: Vec<Box<dyn std::io::Read + Send>> = [
        child.stdout.take().map(|out| Box::new(out) as _),
        child.stderr.take().map(|err| Box::new(err) as _),
    ]
    .into_iter()
    .flatten()
    .collect();
    for output in outputs {
        let (printer, transcript) = (
            Arc::clone(&console.jobs.printer),
            console.runner.surroundings.transcript().clone(),
        );
        std::thread::spawn(move || {
            for line in BufReader::new(output)
                .split(b'\n')
                .map_while(std::result::Result::ok)
            {
                let text = format!("[{number}] {}\n", crate::terminal::visible(&line, true));
                transcript.write(text.as_bytes());
                match locked(&printer).as_mut() {
                    Some(print) => print(text),
                    None => put!(std::io::stdout(), "{}", text.trim_end_matches('\n')),
                }
            }
        });
    }
    let line = words
        .iter()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    console.say(format!(
        "[{number}] runs in the background; :stop {number} ends it"
    ));
    console.jobs.all.push(Job {
        child,
        line: format!("e {line}"),
        number,
    });
    Ok(())
}

impl Jobs {
    /// A line for each.
    pub(super) fn list(&mut self) -> Vec<String> {
        let state = |job: &mut Job| if job.runs() { "runs" } else { "ended" };
        self.all
            .iter_mut()
            .map(|job| (state(job), job))
            .map(|(state, job)| format!("[{}] {state}  {}", job.number, job.line))
            .collect()
    }

    pub(super) fn numbers(&self) -> Vec<String> {
        self.all.iter().map(|job| job.number.to_string()).collect()
    }

    /// Stop one by its number, or all.
    pub(super) fn stop(&mut self, number: Option<usize>) -> Result<usize> {
        let (mut chosen, kept): (Vec<Job>, Vec<Job>) = std::mem::take(&mut self.all)
            .into_iter()
            .partition(|job| number.is_none_or(|number| job.number == number));
        self.all = kept;
        chosen.iter_mut().for_each(Job::stop);
        match (chosen.len(), number) {
            (0, Some(number)) => {
                Err(Error::usage(format!("there is no job {number}")).hint(":jobs"))
            }
            (count, _) => Ok(count),
        }
    }

    pub(super) fn stop_all(&mut self) {
        let _ = self.stop(None);
    }
}
