//! `service`: a unit is in the stated state, starts at boot or not, and has the stated unit file.

use super::hidden::hidden;
use super::journal::decisive;
use super::{Change, Diff, Plan, Primitive, Seen, Spec, could_not_tell};
use crate::command::quote;
use crate::error::{Error, Hint, Kind, Result};
use crate::host::{Facts, Init, Pretended};
use crate::transport::Output;
use crate::value::{Map, Value};
use crate::word::{Arg, Args, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| Ok(Box::new(Service::new(args))),
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "service",
        "Keep a service in the stated state.\n\nReturns `changed`, `what`, `state` and `pid`. Fails when the unit does not exist or does not come up, and then\nquotes the decisive lines of its log.",
    )
    .takes(&[Arg::new("name", Type::Text, "the unit, without `.service`")])
    .with(&[
        Arg::new("state", Type::OneOf(&["running", "stopped", "restarted", "reloaded"]), "left alone by default; `restarted` and `reloaded` always act"),
        Arg::new("enabled", Type::Bool, "start at boot; left alone by default"),
        Arg::new("masked", Type::Bool, "can it be started at all; left alone by default"),
        Arg::new("unit", Type::Text, "the whole unit file; systemd reads it again when it changes"),
        Arg::new("restart_for", Type::Texts, "the keys of the unit of which a change is worth a restart: where all else differs, the file keeps its time; all of them by default"),
        Arg::new("log", Type::Path, "the file to quote when the unit fails and its journal is empty"),
        Arg::new("timeout", Type::Duration, "give up after this long; \"120s\" by default"),
    ])
    .gives(Type::Map)
    .example(r#"h.service("cron", #{ state: "running", enabled: true })"#),
};

struct Service {
    enabled: Option<bool>,
    log: Option<String>,
    masked: Option<bool>,
    name: String,
    /// Empty: every line of the unit counts.
    restart_for: Vec<String>,
    state: Option<String>,
    timeout: std::time::Duration,
    unit: Option<String>,
}

/// What systemd says of a unit.
struct Shown<'a> {
    active: &'a str,
    enabled: &'a str,
    load: &'a str,
    pid: i64,
    reload: bool,
    unit: Option<&'a str>,
}

impl Service {
    fn new(args: &Args) -> Service {
        Service {
            enabled: args.bool("enabled"),
            log: args.text("log"),
            masked: args.bool("masked"),
            name: args.thing().trim_end_matches(".service").to_string(),
            restart_for: args.texts("restart_for"),
            state: args.text("state"),
            timeout: args
                .duration("timeout")
                .unwrap_or(std::time::Duration::from_mins(2)),
            unit: args.text("unit"),
        }
    }

    fn unit_path(&self, facts: &Facts) -> String {
        format!("{}/etc/systemd/system/{}.service", facts.root, self.name)
    }

    /// Does the unit differ only where a process that runs need not be started again?
    fn keeps_time(&self, shown: &Shown<'_>) -> bool {
        let (Some(old), Some(new)) = (shown.unit, self.unit.as_deref()) else {
            return false;
        };
        let counts = |unit: &str| -> Vec<String> {
            let pairs = unit.lines().filter_map(|line| line.trim().split_once('='));
            let mut counts: Vec<String> = pairs
                .filter(|(key, _)| self.restart_for.iter().any(|name| name == key.trim()))
                .map(|(key, value)| format!("{}={}", key.trim(), value.trim()))
                .collect();
            counts.sort();
            counts
        };
        !self.restart_for.is_empty() && counts(old) == counts(new)
    }

    /// Start, stop and so on; after a failure the end of the log, of which `judge` quotes what decides.
    fn act(&self, verb: &str) -> String {
        let name = quote(&self.name);
        let file = self.log.as_deref().map_or(String::new(), |log| {
            format!(
                "[ -n \"$said\" ] || said=$(tail -n 200 {} 2>/dev/null); ",
                quote(log)
            )
        });
        format!(
            "{{ systemctl {verb} {name} || {{ status=$?; said=$(journalctl -u {name} -n 200 --no-pager -o cat 2>/dev/null | grep -v '^-- '); {file}printf '%s\\n' \"$said\" >&2; exit $status; }}; }}"
        )
    }

    fn steps(
        &self,
        shown: &Shown<'_>,
        running: bool,
        facts: &Facts,
    ) -> (Vec<String>, Vec<String>, Option<Diff>) {
        let name = quote(&self.name);
        let (mut what, mut steps, mut diff) = (Vec::new(), Vec::new(), None);
        let mut reload = shown.reload;
        if let Some(unit) = self
            .unit
            .as_ref()
            .filter(|unit| shown.unit != Some(unit.as_str()))
        {
            let path = self.unit_path(facts);
            let keeps_time = self.keeps_time(shown);
            let script = super::file::replace(&path, unit, keeps_time);
            steps.push(format!(
                "( {script}
)"
            ));
            what.push(if shown.unit.is_some() {
                "unit file".into()
            } else {
                "create unit file".into()
            });
            diff = Some(Diff {
                after: unit.clone(),
                before: shown.unit.unwrap_or_default().to_string(),
                path,
            });
            reload = true;
        }
        if reload {
            steps.push("systemctl daemon-reload".into());
            if what.is_empty() {
                what.push("daemon-reload".into());
            }
        }
        let is_masked = shown.load == "masked";
        match self.masked {
            Some(true) if !is_masked => (
                what.push("mask".into()),
                steps.push(format!("systemctl mask --quiet {name}")),
            ),
            Some(false) if is_masked => (
                what.push("unmask".into()),
                steps.push(format!("systemctl unmask --quiet {name}")),
            ),
            _ => ((), ()),
        };
        // A unit without an `[Install]` section cannot be enabled: it starts when another unit wants it.
        let is_enabled = matches!(
            shown.enabled,
            "enabled" | "enabled-runtime" | "alias" | "generated" | "indirect" | "static"
        );
        match self.enabled {
            Some(true) if !is_enabled => (
                what.push("enable".into()),
                steps.push(format!("systemctl enable --quiet {name}")),
            ),
            Some(false) if is_enabled && shown.enabled.contains("enabled") => (
                what.push("disable".into()),
                steps.push(format!("systemctl disable --quiet {name}")),
            ),
            _ => ((), ()),
        };
        let verb = match self.state.as_deref() {
            Some("running") if !running => Some("start"),
            Some("stopped") if running || shown.active == "activating" => Some("stop"),
            Some("restarted") => Some("restart"),
            Some("reloaded") => Some("reload"),
            _ => None,
        };
        if let Some(verb) = verb {
            what.push(verb.into());
            // A unit that failed too often refuses to start until it is told to forget; one that is between two tries counts on.
            let reset = if verb == "stop" || shown.active == "active" {
                String::new()
            } else {
                format!("systemctl reset-failed {name} 2>/dev/null; ")
            };
            steps.push(format!("{{ {reset}{}; }}", self.act(verb)));
        }
        (what, steps, diff)
    }
}

fn shown(text: &str) -> Option<Shown<'_>> {
    let (head, unit) = text.split_once("== unit ")?;
    let (there, unit) = unit.split_once('\n')?;
    let property = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    Some(Shown {
        active: property("ActiveState"),
        enabled: property("UnitFileState"),
        load: property("LoadState"),
        pid: property("MainPID").parse().unwrap_or(0),
        reload: property("NeedDaemonReload") == "yes",
        unit: (there == "present").then_some(unit),
    })
}

impl Primitive for Service {
    fn subject(&self) -> String {
        format!("service {}", self.name)
    }

    fn ask(&self, facts: &Facts) -> Result<String> {
        if let Init::Other(init) = &facts.init {
            return Err(Error::new(
                Kind::Remote,
                format!("services by `{init}` are not supported: systemd is"),
            ));
        }
        let path = self.unit_path(facts);
        let unit = quote(&path);
        // A unit file that is not stated need not be seen.
        let hidden = match &self.unit {
            Some(_) => format!("{} && exit 2\n", hidden(&path)),
            None => String::new(),
        };
        Ok(format!(
            "systemctl show {} -p LoadState -p ActiveState -p UnitFileState -p MainPID -p NeedDaemonReload || exit\n\
             if [ -f {unit} ]; then echo '== unit present'; cat {unit}; else\n\
             {hidden}echo '== unit absent'; fi",
            quote(&self.name)
        ))
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        let text = seen.answer.text();
        let shown =
            shown(&text).filter(|shown| seen.answer.status == 0 && !shown.active.is_empty());
        let Some(mut shown) = shown else {
            return Err(could_not_tell(&self.subject(), seen.answer));
        };
        if seen.pretended.is_removed(&self.unit_path(seen.facts)) {
            (shown.unit, shown.enabled) = (None, "");
        }
        if let Some(enabled) = seen.pretended.enabled.get(&self.name) {
            shown.enabled = if *enabled { "enabled" } else { "" };
        }
        let pretended = seen.pretended.services.get(&self.name).map(String::as_str);
        let unit_to_come = self.unit.is_some() || pretended.is_some() || seen.pretended.installs();
        let needs_unit = self
            .state
            .as_deref()
            .is_some_and(|state| state != "stopped")
            || self.enabled == Some(true);
        if shown.load == "not-found" && needs_unit && !unit_to_come {
            return Err(
                Error::new(Kind::Remote, format!("there is no service `{}`", self.name))
                    .hint("state its unit file with `unit`, or install its package"),
            );
        }
        let running = match pretended {
            Some("running") => true,
            Some("stopped") => false,
            _ => matches!(shown.active, "active" | "reloading"),
        };
        let keeps_time = self.keeps_time(&shown);
        let (what, steps, diff) = self.steps(&shown, running, seen.facts);
        if what.is_empty() {
            return Ok(Plan::Unchanged);
        }
        let shown = format!(
            "systemctl {} {}",
            what.last().map_or("", String::as_str),
            self.name
        );
        Ok(Plan::Change(Change {
            diff,
            keeps_time,
            script: steps.join(" && "),
            shown,
            timeout: Some(self.timeout),
            what,
        }))
    }

    fn result(&self, seen: &Seen<'_>, done: Option<&Output>) -> Map {
        let text = seen.answer.text();
        let shown = shown(&text);
        let state = match (done.is_some(), self.state.as_deref()) {
            (true, Some("stopped")) => "inactive",
            (true, Some(_)) => "active",
            _ => shown.as_ref().map_or("", |shown| shown.active),
        };
        [
            (
                "pid".to_string(),
                Value::Int(shown.as_ref().map_or(0, |shown| shown.pid)),
            ),
            ("state".to_string(), Value::from(state)),
        ]
        .into()
    }

    fn pretend(&self, pretended: &mut Pretended, change: &Change) {
        if change.diff.is_some() && !change.keeps_time {
            pretended.newer.insert(format!("unit:{}", self.name));
        }
        pretended
            .enabled
            .extend(self.enabled.map(|enabled| (self.name.clone(), enabled)));
        let state = match self.state.as_deref() {
            Some("stopped") => "stopped",
            Some(_) => "running",
            None => pretended
                .services
                .get(&self.name)
                .map_or("as it is", String::as_str),
        };
        pretended
            .services
            .insert(self.name.clone(), state.to_string());
    }

    fn judge(&self, change: &Change, output: &Output) -> Result<()> {
        if output.status == 0 {
            return Ok(());
        }
        let verb = change.what.last().map_or("", String::as_str);
        let mut error = Error::new(
            Kind::Remote,
            format!("service `{}` did not {verb}", self.name),
        );
        error.command = Some(format!("{} (exit {})", change.shown, output.status));
        error.stderr = decisive(&output.stderr);
        let full = output.stderr.to_lowercase().contains("no space left");
        Err(error.hint(Hint::OnHost(if full {
            "df -h".into()
        } else {
            format!("journalctl -u {} -n 50", self.name)
        })))
    }
}
