//! `wait_for`: a port listens, a path appears, or a command succeeds.

use std::time::Duration;

use super::{Plan, Primitive, Seen, Spec};
use crate::command::quote;
use crate::error::{Error, Kind, Result};
use crate::host::Facts;
use crate::word::{Arg, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| {
        let thing = args.thing();
        if let Some(port) = thing
            .strip_prefix("port ")
            .map(|port| port.rsplit(':').next().unwrap_or(port).trim())
            && !port.parse::<u16>().is_ok_and(|port| port > 0)
        {
            return Err(Error::config(format!("`{port}` is no port")));
        }
        Ok(Box::new(WaitFor {
            absent: args.text("state").as_deref() == Some("absent"),
            every: args.duration("every").unwrap_or(Duration::from_millis(500)),
            thing,
            timeout: args.duration("timeout").unwrap_or(Duration::from_secs(60)),
        }))
    },
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "wait_for",
        "Wait on the host until a port listens, a path is there, or a command succeeds.\n\n`port 2379` and `port 10.10.10.10:2379` wait for a listener, an absolute path for the file, anything else is a command.\nCosts one round trip however long it takes. Fails when the time is up.",
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

struct WaitFor {
    absent: bool,
    every: Duration,
    thing: String,
    timeout: Duration,
}

impl WaitFor {
    fn test(&self) -> String {
        if let Some(port) = self.thing.strip_prefix("port ") {
            let number: u32 = port
                .rsplit(':')
                .next()
                .and_then(|port| port.trim().parse().ok())
                .unwrap_or(0);
            return format!(
                "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ':{number:04X} [0-9A-F:]* 0A '"
            );
        }
        if self.thing.starts_with('/') && !self.thing.contains(' ') {
            return format!("[ -e {} ]", quote(&self.thing));
        }
        format!("( eval {} ) >/dev/null 2>&1", quote(&self.thing))
    }
}

impl Primitive for WaitFor {
    fn subject(&self) -> String {
        format!("wait for {}", self.thing)
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        let until = if self.absent { "while" } else { "until" };
        Ok(format!(
            "end=$(($(date +%s) + {})); {until} {}; do [ $(date +%s) -lt $end ] || exit 124; sleep {}; done",
            self.timeout.as_secs().max(1),
            self.test(),
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
            _ => Err(super::could_not_tell(&self.subject(), seen.answer)),
        }
    }
}
