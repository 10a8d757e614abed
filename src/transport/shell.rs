//! Frames on a persistent shell: a script goes in, its two outputs and its status come back.
//!
//! A frame costs one write and one read. The script runs in a subshell with an empty standard input, and a
//! random mark after each output tells where it ends, so that nothing a command prints can be taken for a frame.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::frame::{Frame, find, status};
use super::{Become, Output, escalation, lost};
use crate::error::{Error, Kind, Result};

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// What a login shell may say before it is ready.
const GREETING: usize = 1 << 20;

pub(super) struct Shell {
    alive: bool,
    /// Its process on the host.
    pid: Option<u32>,
    /// Ends the process behind the pipes when dropped.
    _child: Box<dyn Send>,
    stderr: Reader,
    stdin: Writer,
    stdout: Reader,
}

/// 128 random bits as text.
pub(super) fn mark() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    crate::hex::text(&bytes)
}

impl Shell {
    /// Wait until the shell behind the pipes is ready, answering who asks for a password.
    pub(super) async fn open(
        pipes: (Writer, Reader, Reader),
        child: Box<dyn Send>,
        escalate: Option<&Become>,
        ready: &str,
        prompt: &str,
        timeout: Duration,
    ) -> Result<Shell> {
        let (stdin, stdout, stderr) = pipes;
        let mut shell = Shell {
            alive: true,
            pid: None,
            _child: child,
            stderr,
            stdin,
            stdout,
        };
        match tokio::time::timeout(timeout, shell.greet(escalate, ready, prompt)).await {
            Ok(result) => result.map(|()| shell),
            Err(_) => Err(Error::new(
                Kind::Connect,
                format!("no shell after {} s", timeout.as_secs()),
            )),
        }
    }

    async fn greet(&mut self, escalate: Option<&Become>, ready: &str, prompt: &str) -> Result<()> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut out_open, mut err_open) = (true, true);
        let mut asked = false;
        loop {
            if let Some(at) = find(&out, ready.as_bytes())
                && let Some(end) = out[at..].iter().position(|byte| *byte == b'\n')
            {
                self.pid = String::from_utf8_lossy(&out[at + ready.len()..at + end])
                    .trim()
                    .parse()
                    .ok();
                return Ok(());
            }
            if let Some(end) = escalation::asked(escalate, &err, prompt) {
                err.drain(..end);
                self.answer(escalate, std::mem::replace(&mut asked, true))
                    .await?;
            }
            if out.len() + err.len() > GREETING {
                return Err(Error::new(
                    Kind::Connect,
                    "the login shell writes without end",
                ));
            }
            if !out_open && !err_open {
                // A shell such as nologin says why on its standard output.
                let said = if err.trim_ascii().is_empty() {
                    &out
                } else {
                    &err
                };
                return Err(escalation::refused(
                    &String::from_utf8_lossy(said),
                    escalate,
                ));
            }
            tokio::select! {
                n = self.stdout.read_buf(&mut out), if out_open => out_open = n.map_err(lost)? > 0,
                n = self.stderr.read_buf(&mut err), if err_open => err_open = n.map_err(lost)? > 0,
            }
        }
    }

    async fn answer(&mut self, escalate: Option<&Become>, asked_before: bool) -> Result<()> {
        let method = escalate.map(|escalate| escalate.method).unwrap_or_default();
        let Some(password) = escalate.and_then(|b| b.password.as_ref()) else {
            return Err(escalation::no_password(method));
        };
        if asked_before {
            return Err(escalation::wrong_password(escalate));
        }
        let line = format!("{}\n", password.reveal());
        self.stdin.write_all(line.as_bytes()).await.map_err(lost)?;
        self.stdin.flush().await.map_err(lost)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.pid
    }

    pub(super) fn alive(&self) -> bool {
        self.alive
    }

    /// One round trip. After a timeout the shell is of no use any more.
    pub(super) async fn exec(&mut self, script: &str, timeout: Option<Duration>) -> Result<Output> {
        if !self.alive {
            return Err(lost("the shell has ended"));
        }
        self.alive = false;
        let turn = self.turn(script);
        let output = match timeout {
            Some(limit) => tokio::time::timeout(limit, turn).await.map_err(|_| {
                Error::new(
                    Kind::Remote,
                    format!("no answer after {} s", limit.as_secs()),
                )
            })??,
            None => turn.await?,
        };
        self.alive = true;
        Ok(output)
    }

    async fn turn(&mut self, script: &str) -> Result<Output> {
        let mark = mark();
        let frame = format!(
            "( eval {} ) </dev/null\nprintf '\\n{mark} %d\\n' $?\nprintf '\\n{mark}\\n' >&2\n",
            always_quoted(script)
        );
        // Written and read at once: a large script and a large answer may both fill their pipes.
        let (stdin, stdout, stderr) = (&mut self.stdin, &mut self.stdout, &mut self.stderr);
        let send = async {
            stdin.write_all(frame.as_bytes()).await.map_err(lost)?;
            stdin.flush().await.map_err(lost)
        };
        let ((), (out, end), (err, _)) =
            tokio::try_join!(send, until(stdout, &mark), until(stderr, &mark))?;
        Ok(Output {
            status: status(&end)?,
            stderr: String::from_utf8_lossy(&err).into_owned(),
            stdout: out,
        })
    }
}

fn always_quoted(script: &str) -> String {
    format!("'{}'", script.replace('\'', r"'\''"))
}

/// Read up to the mark; what follows it on its line is the status.
/// One output, and what stands after its mark.
async fn until(reader: &mut Reader, mark: &str) -> Result<(Vec<u8>, String)> {
    let mut frame = Frame::new(mark);
    loop {
        if let Some(end) = frame.end() {
            return Ok(end);
        }
        if reader.read_buf(frame.buffer()).await.map_err(lost)? == 0 {
            return Err(lost("the shell on the host ended in mid-command"));
        }
        frame.bounded()?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Connection, Way};
    use std::time::Duration;

    fn shell() -> Connection {
        Connection::open(&Way::Local, None).expect("a local shell opens")
    }

    #[test]
    fn outputs_and_status_come_back_apart() {
        let mut shell = shell();
        let output = shell
            .exec("echo out; echo err >&2; exit 7", None)
            .expect("runs");
        assert_eq!(
            (
                output.text().as_str(),
                output.stderr.as_str(),
                output.status
            ),
            ("out\n", "err\n", 7)
        );
        let output = shell.exec("printf 'no newline'", None).expect("runs");
        assert_eq!(output.text(), "no newline");
    }

    #[test]
    fn a_broken_script_does_not_end_the_shell() {
        let mut shell = shell();
        for script in [
            "echo 'open",
            "if true",
            "exit 3",
            "cd /nowhere",
            "kill -9 $$ # the subshell keeps its parent's id",
        ] {
            let _ = shell.exec(script, None);
            if !shell.alive() {
                shell = Connection::open(&Way::Local, None).expect("opens again");
            }
        }
        assert_eq!(
            shell.exec("echo alive", None).expect("runs").text(),
            "alive\n"
        );
    }

    #[test]
    fn large_scripts_and_answers_pass() {
        let mut shell = shell();
        let text = "x".repeat(1 << 20);
        let output = shell
            .exec(&format!("printf %s '{text}'"), None)
            .expect("runs");
        assert_eq!(output.stdout.len(), text.len());
    }

    #[test]
    fn an_output_without_end_is_an_error() {
        let mut shell = shell();
        let error = shell.exec("exec cat /dev/zero", None).expect_err("it ends");
        assert_eq!(error.what, "the output is larger than 64 MiB");
        assert!(!shell.alive());
    }

    #[test]
    fn binary_output_is_kept() {
        let mut shell = shell();
        let output = shell
            .exec(r"printf '\000\001\377\n\n'", None)
            .expect("runs");
        assert_eq!(output.stdout, [0, 1, 255, 10, 10]);
    }

    #[test]
    fn a_timeout_is_an_error_and_ends_the_shell() {
        let mut shell = shell();
        assert!(
            shell
                .exec("sleep 5", Some(Duration::from_millis(50)))
                .is_err()
        );
        assert!(!shell.alive());
    }
}
