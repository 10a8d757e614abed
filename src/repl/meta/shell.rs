//! `:!`: a line for the shell of all hosts.

use crate::error::{Error, Result};
use crate::repl::console::{Console, Then};
use crate::repl::save::Accepted;
use crate::script::on_hosts;

pub(super) fn shell(console: &mut Console, command: &str) -> Result<Then> {
    let settings = console.settings();
    if settings.check {
        console.say(format!(
            "would run on {}: {command}",
            console.interpreter.world().select("all")?.join(", ")
        ));
        return Ok(Then::Go);
    }
    // Nothing of such a line is worth finishing.
    console.runner.surroundings.cancel().at_once(true);
    let hosts = console.interpreter.world().select("all")?;
    let heard = on_hosts(console.interpreter.world(), &hosts, command);
    for line in heard.lines(console.json()) {
        console.say(line);
    }
    let interrupted = console.runner.surroundings.cancel().asked();
    for error in heard
        .errors
        .iter()
        .filter(|error| error.kind != crate::error::Kind::Interrupted)
    {
        console.show_error(error);
    }
    if interrupted {
        return Err(Error::new(crate::error::Kind::Interrupted, "interrupted"));
    }
    console.accept(Accepted::Shell {
        command: command.to_string(),
        settings,
    });
    Ok(Then::Go)
}
