//! A shell on this machine.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::escalation::{greeting, wants_terminal};
use super::shell::{Shell, mark};
use super::{Become, lost};
use crate::error::Result;

pub(super) async fn open(escalate: Option<&Become>) -> Result<Shell> {
    match started(escalate, false).await {
        Err(error) if wants_terminal(escalate, &error) => started(escalate, true).await,
        other => other,
    }
}

async fn started(escalate: Option<&Become>, terminal: bool) -> Result<Shell> {
    let (ready, prompt) = (mark(), mark());
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(greeting(escalate, &ready, &prompt, terminal))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C in the terminal is ours to answer, not the shell's.
        .process_group(0)
        .spawn()
        .map_err(lost)?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(lost("the local shell has no pipes"));
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
        Duration::from_secs(30),
    )
    .await
}
