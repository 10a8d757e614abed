//! A shell on this machine.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::shell::{Shell, greeting, mark};
use super::{Become, lost};
use crate::error::Result;

pub(super) async fn open(escalate: Option<&Become>) -> Result<Shell> {
    let (ready, prompt) = (mark(), mark());
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(greeting(escalate, &ready, &prompt))
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
