//! `wait_for`: a port listens, a path appears, or a command succeeds.

mod listener;

use std::time::Duration;

use listener::Listener;

use super::hidden::hidden;
use super::{Plan, Primitive, Seen, Spec, could_not_tell};
use crate::command::quote;
use crate::error::{Error, Kind, Result};
use crate::host::Facts;
use crate::word::{Arg, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| {
        Ok(Box::new(WaitFor {
            absent: args.text("state").as_deref() == Some("absent"),
            condition: Condition::parse(&args.thing())?,
            every: args.duration("every").unwrap_or(Duration::from_millis(500)),
            thing: args.thing(),
            timeout: args.duration("timeout").unwrap_or(Duration::from_mins(1)),
        }))
    },
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "wait_for",
        "Wait on the host until a port listens, a path is there, or a command succeeds.\n\n`port 2379` waits for a listener on any address of the host, `port 10.10.10.10:2379` and `port [fd00::1]:2379` for one\non that address or on all of them; an absolute path waits for the file, anything else is a command.\nCosts one round trip however long it takes. Fails when the time is up.",
    )
    .takes(&[Arg::new("condition", Type::Condition, "what is waited for")])
    .with(&[
        Arg::new("timeout", Type::Duration, "give up after this long; \"60s\" by default"),
        Arg::new("every", Type::Duration, "look again after this long; \"500ms\" by default"),
        Arg::new("state", Type::OneOf(&["present", "absent"]), "wait until it is there (default) or until it is gone"),
    ])
    .gives(Type::Map)
    .example(r#"h.wait_for("port 22", #{ timeout: "10s" })"#),
};

/// What is waited for.
enum Condition {
    Command(String),
    Listener(Listener),
    Path(String),
}

struct WaitFor {
    absent: bool,
    condition: Condition,
    every: Duration,
    /// The condition as it was written.
    thing: String,
    timeout: Duration,
}

impl Condition {
    fn parse(thing: &str) -> Result<Condition> {
        Ok(match thing.strip_prefix("port ") {
            Some(port) => Condition::Listener(Listener::parse(port)?),
            None if thing.starts_with('/') && !thing.contains(' ') => Condition::Path(thing.into()),
            None => Condition::Command(thing.into()),
        })
    }

    /// A command that succeeds when it is there, fails when it is not, and ends the shell where that cannot be told.
    fn test(&self) -> String {
        match self {
            Condition::Command(command) => format!("( eval {} ) >/dev/null 2>&1", quote(command)),
            Condition::Listener(listener) => listener.test(),
            Condition::Path(path) => {
                let hidden = hidden(path);
                format!("[ -e {} ] || {{ {hidden} && exit 2; false; }}", quote(path))
            }
        }
    }
}

impl Primitive for WaitFor {
    fn subject(&self) -> String {
        format!("wait for {}", self.thing)
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        let until = if self.absent { "while" } else { "until" };
        Ok(format!(
            "end=$(($(date +%s) + {})); {until} {{ {}; }}; do [ $(date +%s) -lt $end ] || exit 124; sleep {}; done",
            self.timeout.as_secs().max(1),
            self.condition.test(),
            self.every.as_secs_f64(),
        ))
    }

    fn waits(&self) -> bool {
        true
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        match seen.answer.status {
            0 => Ok(Plan::Unchanged),
            124 => Err(Error::new(
                Kind::Remote,
                format!(
                    "{} was waited for in vain for {} s",
                    self.thing,
                    self.timeout.as_secs()
                ),
            )),
            _ => Err(could_not_tell(&self.thing, seen.answer)),
        }
    }
}
