//! One line for the shell of several hosts: equal answers stand together.

use std::collections::BTreeMap;

use super::World;
use crate::error::{Error, Kind, Result};

/// What a command came to on one host.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    status: i32,
    text: String,
}

/// What it came to on all of them.
pub struct Heard {
    groups: Vec<(Answer, Vec<String>)>,
    pub errors: Vec<Box<Error>>,
}

/// Run a command on hosts, as many at once as the session allows.
#[must_use]
pub fn on_hosts(world: &World, hosts: &[String], command: &str) -> Heard {
    let answers = crate::run::parallel(hosts, world.session.options.forks, |host| {
        on(world, host, command)
    });
    let mut groups = BTreeMap::<Answer, Vec<String>>::new();
    let mut errors = Vec::new();
    for (host, answer) in hosts.iter().zip(answers) {
        match answer {
            Ok(answer) => groups.entry(answer).or_default().push(host.clone()),
            Err(error) => errors.push(error.on(host)),
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, hosts)| std::cmp::Reverse(hosts.len()));
    Heard { groups, errors }
}

fn on(world: &World, host: &str, command: &str) -> Result<Answer> {
    let output = world.link(host)?.exec(command, None)?;
    let mut text = output.text();
    text.push_str(&output.stderr);
    Ok(Answer {
        status: output.status,
        text,
    })
}

impl Heard {
    /// A line for each group, and below it what was said; as JSON one object for each group.
    #[must_use]
    pub fn lines(&self, json: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for (answer, hosts) in &self.groups {
            if json {
                lines.push(serde_json::json!({ "event": "output", "hosts": hosts, "status": answer.status, "output": answer.text }).to_string());
                continue;
            }
            lines.push(format!(
                "{} | {} | rc={}",
                hosts.join(", "),
                if answer.status == 0 { "ok" } else { "FAILED" },
                answer.status
            ));
            let text = answer.text.trim_end();
            if !text.trim().is_empty() {
                let shown = crate::terminal::shows_output();
                let shown = shown.then(|| crate::terminal::visible(text.as_bytes(), true));
                lines.push(shown.unwrap_or_else(|| text.to_string()));
            }
        }
        lines
    }

    /// 0, 2 when it failed somewhere, 4 when the only trouble is hosts that cannot be reached.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        let failed = self.groups.iter().any(|(answer, _)| answer.status != 0)
            || self.errors.iter().any(|error| error.kind != Kind::Connect);
        if failed {
            return Kind::Remote.exit_code();
        }
        if self.errors.is_empty() {
            0
        } else {
            Kind::Connect.exit_code()
        }
    }
}
