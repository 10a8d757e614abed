//! The overview of a cluster of the inventory: where its members are, and what only their hosts can tell.
//!
//! `cluster_status()` and `overview()` for scripts; `plan` for the command and the console.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rhai::Engine;

use super::trouble::pass;
use super::words::bind::word;
use super::{Interpreter, Script, World, embedded};
use crate::cluster::{self, Cluster};
use crate::command::quote;
use crate::error::{Error, Result};
use crate::etcd::{Client, Config};
use crate::overview::{Expected, Hosts, Plan, View, Watch};
use crate::report::{Event, Report, Silent, Sink};
use crate::word::{Arg, Section, Type, Word};

/// Between two looks at a member.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// What a member logs when it has won an election. Source: etcd's raft library, `becomeLeader`.
const BECAME_LEADER: &str = "became leader at term";

/// Longer than a member's timeout twice over.
const PATIENCE: Duration = Duration::from_secs(4);

/// The cluster that is meant: by its name, else the one that the selected hosts belong to.
pub fn chosen(world: &World, name: Option<&str>) -> Result<Cluster> {
    let mut clusters = cluster::clusters(&world.inventory)?;
    if name.is_none() && world.limit.is_some() {
        let selected = world.select("all")?;
        clusters.retain(|cluster| cluster.hosts.iter().any(|host| selected.contains(host)));
    }
    cluster::chosen(clusters, name)
}

/// How a cluster of the inventory is watched. `config` says otherwise how it is reached; `command` is how the program is called.
pub fn plan(
    world: &Arc<World>,
    cluster: &Cluster,
    config: Option<Config>,
    command: &str,
) -> Result<Plan> {
    let config = match config {
        Some(config) => config,
        None => {
            let mut config = cluster::config(cluster, &world.beside)?;
            if config.user.is_none() {
                config.keeper = world.roads.keeper(world, &config.endpoints)?;
            }
            if let Some(via) = &cluster.access()?.via {
                config.forwards =
                    cluster::tunnel(&world.inventory, &world.login, via, &config.endpoints)?;
            }
            config
        }
    };
    let members = cluster.access()?.members.iter();
    let expected = members
        .map(|member| Expected {
            endpoint: member.client_url(),
            host: member.host.clone(),
            member: member.name(),
        })
        .collect();
    // Logs are for root; what the script itself does on these hosts stays as it was.
    let apart = world.in_check_mode(&[], Report::new(Box::new(Silent)));
    apart.draft().become_root = true;
    let hosts: Arc<dyn Hosts> = Arc::new(OnHosts {
        names: cluster.hosts.clone(),
        world: Arc::new(apart),
    });
    Ok(Plan {
        client: Client::new(config)?,
        cluster: cluster.name.clone(),
        command: command.to_string(),
        expected,
        hosts: Some(hosts),
        interval: INTERVAL,
        nowhere: false,
    })
}

/// The hosts of a cluster, asked over connections of their own.
struct OnHosts {
    names: Vec<String>,
    world: Arc<World>,
}

impl OnHosts {
    fn ask(&self, host: &str, script: &str) -> Result<String> {
        Ok(self
            .world
            .link(host)?
            .ask(script, Some(Duration::from_secs(20)))?
            .text())
    }
}

impl Hosts for OnHosts {
    fn drift(&self) -> Result<Vec<(String, String)>> {
        let changes = Changes::default();
        let twin = self
            .world
            .in_check_mode(&["etcd_config"], Report::new(Box::new(changes.clone())));
        let (name, text) =
            embedded::named("etcd").ok_or_else(|| Error::internal("the flow is embedded"))?;
        let script = Script {
            folder: None,
            name: name.to_string(),
            text: text.to_string(),
        };
        let interpreter = Interpreter::open(twin, &script)?;
        let score = interpreter.run(None)?;
        if let Some(error) = score.errors.into_iter().next() {
            return Err(Box::new(error));
        }
        let mut found =
            std::mem::take(&mut *changes.0.lock().unwrap_or_else(PoisonError::into_inner));
        let of_others = cluster::hosts(&self.world.inventory)?
            .into_values()
            .flatten()
            .filter(|host| !self.names.contains(host));
        let of_others: Vec<String> = of_others.collect();
        found.retain(|(host, _)| !of_others.contains(host));
        Ok(found)
    }

    fn leader_since(&self, host: &str, term: u64) -> Result<Option<i64>> {
        let wanted = quote(&format!("{BECAME_LEADER} {term}"));
        let script = format!(
            "{{ journalctl -u etcd -o cat --no-pager -g {wanted} 2>/dev/null; cat /var/log/etcd.log 2>/dev/null; }} | grep -F {wanted} | tail -n 1"
        );
        Ok(moment_of(&self.ask(host, &script)?))
    }

    fn log(&self, host: &str, lines: usize) -> Result<Vec<String>> {
        let script = format!(
            "journalctl -u etcd -n {lines} --no-pager -o cat 2>&1; tail -n {lines} /var/log/etcd.log 2>/dev/null; :"
        );
        Ok(self.ask(host, &script)?.lines().map(readable).collect())
    }
}

/// The changes that a run in check mode would make: host, and what.
#[derive(Clone, Default)]
struct Changes(Arc<Mutex<Vec<(String, String)>>>);

impl Sink for Changes {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Change {
            host,
            subject,
            what,
            ..
        } = event
        {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((
                (*host).to_string(),
                format!("{subject}: {}", what.join(", ")),
            ));
        }
    }
}

/// The `ts` of a line of etcd's log, in seconds since 1970.
fn moment_of(line: &str) -> Option<i64> {
    let line: serde_json::Value = serde_json::from_str(line.trim()).ok()?;
    let text = line.get("ts")?.as_str()?;
    let seconds = text
        .parse::<jiff::Timestamp>()
        .or_else(|_| jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text));
    seconds.ok().map(jiff::Timestamp::as_second)
}

/// `08:14:03.120 info raft 1 became leader at term 2 {...}` for a line of JSON; any other line as it is.
fn readable(line: &str) -> String {
    let Ok(serde_json::Value::Object(mut map)) = serde_json::from_str::<serde_json::Value>(line)
    else {
        return line.to_string();
    };
    let mut take = |key: &str| {
        map.shift_remove(key)
            .and_then(|value| value.as_str().map(str::to_string))
            .unwrap_or_default()
    };
    let (level, moment, message) = (take("level"), take("ts"), take("msg"));
    take("logger");
    take("caller");
    take("stacktrace");
    let rest: Vec<String> = map
        .iter()
        .map(|(key, value)| {
            format!(
                "{key}={}",
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_string)
            )
        })
        .collect();
    format!(
        "{} {level:<5} {message} {}",
        moment.trim_end_matches('Z').replace('T', " "),
        rest.join(" ")
    )
    .trim_end()
    .to_string()
}

/// One look at a cluster; two when rates are wanted, `over` apart.
fn look(world: &Arc<World>, name: Option<&str>, over: Duration, with_hosts: bool) -> Result<View> {
    let cluster = chosen(world, name)?;
    let mut plan = plan(
        world,
        &cluster,
        None,
        &format!("etcdsh{}", crate::error::inventory()),
    )?;
    if !with_hosts {
        plan.hosts = None;
    }
    if !over.is_zero() {
        plan.interval = over;
    }
    let watch = Watch::begin(plan);
    watch.wait(if over.is_zero() { 1 } else { 2 }, over + PATIENCE);
    if with_hosts {
        watch.wait_for_hosts(Duration::from_mins(1));
    }
    Ok(watch.view())
}

const CLUSTER: Arg = Arg::new(
    "name",
    Type::Text,
    "the cluster; may be left out when the inventory has one, or the selected hosts belong to one",
);

const CLUSTER_STATUS: Word = Word::function(
    Section::Etcd,
    "cluster_status",
    "Look at a cluster now, as `etcdsh overview -o json` does.\nReturns a map with `verdict` (`healthy`, `warning`, `critical`, `degraded`, `no_quorum`, `unreachable`), `voters`, `quorum`, `up`, `tolerance`, `leader`, `leader_since`, `term`, `revision`, `findings` (maps with `grade`, `member`, `text`, `next`) and `members`, a map each with role, health, raft state, sizes, latencies, rates and days of its certificate; `()` for what is not known.\nFails when the inventory has no such cluster; members that do not answer are in the result.",
)
.may_take(&[CLUSTER])
.with(&[
    Arg::new("drift", Type::Bool, "compare the hosts with the inventory; false by default"),
    Arg::new("over", Type::Duration, "look twice with this much time between, which rates need; \"0s\" by default"),
])
.gives(Type::Map)
.example("print(cluster_status().verdict)");

const OVERVIEW: Word = Word::function(
    Section::Etcd,
    "overview",
    "Say what `etcdsh overview --once` says: members, roles, health, latencies, and what is wrong with what to type next.",
)
.may_take(&[CLUSTER])
.example("overview()");

pub(super) const WORDS: &[&Word] = &[&CLUSTER_STATUS, &OVERVIEW];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    word(engine, &CLUSTER_STATUS, move |call| {
        let over = call.options.duration("over").unwrap_or_default();
        let drift = call.options.bool("drift").unwrap_or(false);
        let view = pass(look(&here, call.given_text(0).as_deref(), over, drift))?;
        Ok(super::value::from_json(&view.to_json(false)))
    });
    let here = Arc::clone(world);
    word(engine, &OVERVIEW, move |call| {
        pass(overview(&here, call.given_text(0).as_deref())).map(Into::into)
    });
}

/// Say what `etcdsh overview --once` says.
fn overview(world: &Arc<World>, name: Option<&str>) -> Result<()> {
    let view = look(world, name, INTERVAL, true)?;
    world.session.report.event(&Event::Message {
        host: None,
        text: &crate::overview::text(&view, 120, false),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_election_is_read_from_the_log() {
        let line = |ts: &str| {
            format!(
                r#"{{"level":"info","ts":"{ts}","logger":"raft","msg":"8e9e05c52164694d became leader at term 2"}}"#
            )
        };
        assert_eq!(
            moment_of(&line("2026-11-25T08:00:00.120Z")),
            Some(1_795_593_600)
        );
        assert_eq!(
            moment_of(&line("2026-11-25T09:00:00.120+0100")),
            Some(1_795_593_600)
        );
        assert_eq!(moment_of("-- No entries --"), None);
    }

    #[test]
    fn a_line_of_the_log_is_shown_as_text() {
        let line = r#"{"level":"warn","ts":"2026-11-25T08:00:00.120Z","caller":"a.go:1","msg":"slow fdatasync","took":"1.2s","n":3}"#;
        assert_eq!(
            readable(line),
            "2026-11-25 08:00:00.120 warn  slow fdatasync took=1.2s n=3"
        );
        assert_eq!(readable("Started etcd.service"), "Started etcd.service");
    }
}
