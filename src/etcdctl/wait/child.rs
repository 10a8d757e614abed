//! Commands that `lock` and `watch` run, and how they ended in Go's words.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use crate::etcdctl::form::go;
use crate::etcdctl::line::settings::io_text;
use crate::etcdctl::{Layout, Style};

/// A command that did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code, when it was one.
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

pub(crate) fn command(words: &[Vec<u8>], style: &Style) -> Command {
    let word = |word: &Vec<u8>| OsString::from_vec(word.clone());
    let mut command = Command::new(words.first().map(word).unwrap_or_default());
    command
        .args(words.iter().skip(1).map(word))
        .stdin(Stdio::null());
    // etcdctl up to 3.5 keeps this one to itself.
    if style.strict && style.layout == Layout::V35 {
        command.env_remove("ETCDCTL_API");
    }
    command
}

/// Run it to its end; it writes to the standard output and error of this process.
pub(crate) fn run(mut command: Command) -> Result<(), Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ended(status)),
        Err(error) => {
            let path = name.contains('/');
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let text = match (path, missing) {
                (true, _) => format!("fork/exec {name}: {}", io_text(&error)),
                (false, true) => format!(
                    "exec: {}: executable file not found in $PATH",
                    go::quote(name.as_bytes())
                ),
                (false, false) => {
                    format!("exec: {}: {}", go::quote(name.as_bytes()), io_text(&error))
                }
            };
            Err(Ended { code: None, text })
        }
    }
}

fn ended(status: ExitStatus) -> Ended {
    match status.signal() {
        None => Ended {
            code: status.code(),
            text: format!("exit status {}", status.code().unwrap_or_default()),
        },
        Some(signal) => {
            let core = if status.core_dumped() {
                " (core dumped)"
            } else {
                ""
            };
            // Go's code for it is -1.
            Ended {
                code: Some(255),
                text: format!("signal: {}{core}", signal_name(signal)),
            }
        }
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_worded_as_go_does() {
        let style = Style::of_process("etcdctl", true);
        let end = |words: &[&str]| {
            run(command(
                &words
                    .iter()
                    .map(|word| word.as_bytes().to_vec())
                    .collect::<Vec<_>>(),
                &style,
            ))
            .err()
        };
        let wanted = |code, text: &str| {
            Some(Ended {
                code,
                text: text.into(),
            })
        };
        assert_eq!(end(&["true"]), None);
        assert_eq!(
            end(&["sh", "-c", "exit 7"]),
            wanted(Some(7), "exit status 7")
        );
        assert_eq!(
            end(&["sh", "-c", "kill -9 $$"]),
            wanted(Some(255), "signal: killed")
        );
        assert_eq!(
            end(&["no-such-command"]),
            wanted(
                None,
                "exec: \"no-such-command\": executable file not found in $PATH"
            )
        );
        assert_eq!(
            end(&["/etc/passwd"]),
            wanted(None, "fork/exec /etc/passwd: permission denied")
        );
        assert_eq!(
            end(&["./nothing"]),
            wanted(None, "fork/exec ./nothing: no such file or directory")
        );
    }
}
