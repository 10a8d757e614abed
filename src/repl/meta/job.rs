//! Commands about what goes on in the background.

use crate::error::{Error, Result};
use crate::repl::console::{Console, Then};

pub(super) fn jobs(console: &mut Console, _: &str) -> Result<Then> {
    for line in console.jobs.list() {
        console.say(line);
    }
    Ok(Then::Go)
}

pub(super) fn stop(console: &mut Console, text: &str) -> Result<Then> {
    let number =
        if text.is_empty() {
            None
        } else {
            Some(text.parse().map_err(|_| {
                Error::usage(format!("`{text}` is no number of a job")).hint(":jobs")
            })?)
        };
    let count = console.jobs.stop(number)?;
    console.say(format!("{count} stopped"));
    Ok(Then::Go)
}
