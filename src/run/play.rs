//! A play: tasks in order over hosts, several clusters side by side, and the recap.
//!
//! A failure ends the run of its own cluster at that task; the other clusters go on. Start reading at [`Play::run`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Selection, Session, parallel};
use crate::error::{Error, Kind, Result};
use crate::host::Link;
use crate::inventory::is_like;
use crate::report::{Counts, Event, Status};

/// Finds the way to a host, for counting its round trips.
pub type LinkOf<'a> = &'a (dyn Fn(&str) -> Option<Arc<Link>> + Sync);

type ClusterBody = dyn Fn(&[String]) -> Result<()> + Send + Sync;
type HostBody = dyn Fn(&str) -> Result<()> + Send + Sync;
type Ask<'a> = dyn Fn(&Task) -> Verdict + Sync + 'a;

/// What a task does. The names are those of hosts.
pub enum Body {
    /// Called once for each cluster, with its selected hosts.
    Cluster(Box<ClusterBody>),
    /// Called for each host.
    Host(Box<HostBody>),
}

/// A named piece of work.
pub struct Task {
    /// Further tags that select it.
    pub aliases: Vec<String>,
    /// Runs whatever tags are selected.
    pub always: bool,
    pub body: Body,
    pub description: String,
    /// Names of the groups it lies in, the outermost first.
    pub groups: Vec<String>,
    pub name: String,
    /// Hosts it runs on instead of the play's.
    pub on: Option<Vec<String>>,
    /// Not shown to a person where it does nothing.
    pub quiet: bool,
    /// How many hosts at once; all by default.
    pub serial: Option<usize>,
    /// Tags that select it for something else: its body asks which of its names was called.
    pub variants: Vec<String>,
    /// A failure is a warning.
    pub warn: bool,
}

impl Task {
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let own = std::iter::once(self.name.as_str());
        own.chain(self.groups.iter().map(String::as_str))
            .chain(
                self.aliases
                    .iter()
                    .chain(&self.variants)
                    .map(String::as_str),
            )
            .chain(self.always.then_some("always"))
    }

    /// By its name or description, as `--start-at-task` names it, with `*`, `?` and `[...]` as in file names.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let matches = |text: &str| is_like(name, text);
        self.name == name
            || self.description == name
            || matches(&self.name)
            || matches(&self.description)
    }
}

/// Answer to `--step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Continue,
    No,
    Yes,
}

pub struct Play<'a> {
    /// Cluster name and its selected hosts, in inventory order.
    pub clusters: Vec<(String, Vec<String>)>,
    pub name: String,
    pub selection: Selection,
    pub session: &'a Session,
    /// Asked before each task with `--step`.
    pub step: Option<Box<Ask<'a>>>,
    pub tasks: Vec<Task>,
}

/// What a play came to.
pub struct Score {
    /// The error of the host that came first, for the exit code of the worst.
    pub errors: Vec<Error>,
    pub rows: Vec<(String, Counts)>,
}

impl Score {
    /// 0, 2 for a failed host, 4 when the only trouble is unreachable hosts, 99 after Ctrl-C.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        if self
            .errors
            .iter()
            .any(|error| error.kind == Kind::Interrupted)
        {
            return Kind::Interrupted.exit_code();
        }
        let failed = self.rows.iter().any(|(_, row)| row.failed > 0);
        let unreachable = self.rows.iter().any(|(_, row)| row.unreachable > 0);
        if failed {
            2
        } else if unreachable {
            4
        } else {
            0
        }
    }
}

struct Board<'a> {
    /// Clusters with a host that failed: their part of the play is over.
    dead: HashSet<String>,
    errors: Vec<Error>,
    order: Vec<String>,
    play: &'a Play<'a>,
    rows: HashMap<String, Counts>,
    slowest: Vec<(String, Duration)>,
}

impl Play<'_> {
    fn hosts(&self) -> Vec<String> {
        self.clusters
            .iter()
            .flat_map(|(_, hosts)| hosts.iter().cloned())
            .collect()
    }

    /// The tasks that the selection takes.
    #[must_use]
    pub fn selected(&self) -> Vec<&Task> {
        self.selection.of(&self.tasks)
    }

    /// Run the selected tasks and show the recap.
    pub fn run(&self, link_of: LinkOf<'_>) -> Score {
        let start = Instant::now();
        let hosts = self.hosts();
        self.session.report.event(&Event::Play {
            hosts: &hosts,
            name: &self.name,
        });
        let mut board = Board {
            dead: HashSet::new(),
            errors: Vec::new(),
            order: Vec::new(),
            play: self,
            rows: HashMap::new(),
            slowest: Vec::new(),
        };
        for host in &hosts {
            board.row(host);
        }
        let mut ask = true;
        for task in self.selected() {
            if let (true, Some(step)) = (ask, &self.step) {
                self.session.report.rest();
                match step(task) {
                    Verdict::Continue => ask = false,
                    Verdict::No => {
                        board.skip(task);
                        continue;
                    }
                    Verdict::Yes => {}
                }
            }
            if board.all_dead() || self.session.cancel.asked() || self.session.is_over() {
                break;
            }
            board.task(task, link_of);
            board.tell_refusal(task);
        }
        if self.session.cancel.asked() {
            board
                .errors
                .push(*Error::new(Kind::Interrupted, "interrupted"));
        }
        self.session.release();
        let rows = board.finish();
        board
            .slowest
            .sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        self.session.report.event(&Event::Recap {
            check: self.session.options.check,
            rows: &rows,
            seconds: start.elapsed(),
            slowest: &board.slowest,
        });
        Score {
            errors: board.errors,
            rows,
        }
    }
}

impl Board<'_> {
    fn row(&mut self, host: &str) -> &mut Counts {
        if !self.rows.contains_key(host) {
            self.order.push(host.to_string());
        }
        let mut clusters = self.play.clusters.iter();
        let cluster = self.cluster_of(host).is_empty() && clusters.any(|(name, _)| name == host);
        let row = self.rows.entry(host.to_string()).or_default();
        row.cluster = cluster;
        row
    }

    fn all_dead(&self) -> bool {
        !self.play.clusters.is_empty()
            && self
                .play
                .clusters
                .iter()
                .all(|(name, _)| self.dead.contains(name))
    }

    fn skip(&mut self, task: &Task) {
        let hosts = task.on.clone().unwrap_or_else(|| self.play.hosts());
        for host in hosts {
            self.row(&host).skipped += 1;
        }
    }

    fn task(&mut self, task: &Task, link_of: LinkOf<'_>) {
        let session = self.play.session;
        let start = Instant::now();
        session.set_task(&task.name);
        let alive: Vec<(&str, &[String])> = self
            .play
            .clusters
            .iter()
            .filter(|(name, _)| !self.dead.contains(name))
            .map(|(name, hosts)| (name.as_str(), hosts.as_slice()))
            .collect();
        let hosts: Vec<String> = match &task.on {
            Some(hosts) => hosts.clone(),
            None => alive
                .iter()
                .flat_map(|(_, hosts)| hosts.iter().cloned())
                .collect(),
        };
        // The inventory may lack the group of a task, such as `infra`: the task is left out.
        if task.on.is_some() && hosts.is_empty() {
            return;
        }
        session.report.event(&Event::Task {
            description: &task.description,
            hosts: &hosts,
            name: &task.name,
            quiet: task.quiet,
        });
        match &task.body {
            Body::Host(body) => {
                let forks = task
                    .serial
                    .unwrap_or(session.options.forks)
                    .min(session.options.forks)
                    .max(1);
                if task.serial.is_some() {
                    self.in_series(task, &hosts, forks, body, link_of);
                } else {
                    let ends = parallel(&hosts, forks, |host| {
                        self.play.on_host(task, host, body, link_of)
                    });
                    self.settle_hosts(task, hosts.iter().cloned().zip(ends));
                }
            }
            Body::Cluster(body) => {
                let ends = parallel(&alive, alive.len(), |(name, hosts)| {
                    self.play.on_cluster(task, name, hosts, body, link_of)
                });
                for ((name, _), ends) in alive.iter().zip(ends) {
                    self.settle(task, name, ends);
                }
                self.count_guests();
            }
        }
        let seconds = start.elapsed();
        self.slowest.push((task.name.clone(), seconds));
        session.report.event(&Event::TaskEnd {
            name: &task.name,
            seconds,
        });
    }

    /// Some hosts at a time; the first failure leaves the rest alone.
    fn in_series(
        &mut self,
        task: &Task,
        hosts: &[String],
        size: usize,
        body: &HostBody,
        link_of: LinkOf<'_>,
    ) {
        for batch in hosts.chunks(size) {
            let (batch, left): (Vec<String>, Vec<String>) =
                batch.iter().cloned().partition(|host| {
                    let goes_on = task.on.is_some() || !self.dead.contains(self.cluster_of(host));
                    goes_on && !self.play.session.is_over()
                });
            let mut ends = parallel(&batch, size, |host| {
                self.play.on_host(task, host, body, link_of)
            });
            for host in &left {
                let error = Error::new(Kind::Untried, "the task has ended");
                ends.push(self.play.end(task, host, Some(error), Duration::ZERO, 0));
            }
            self.settle_hosts(task, batch.into_iter().chain(left).zip(ends));
        }
    }

    fn cluster_of(&self, host: &str) -> &str {
        self.play
            .clusters
            .iter()
            .find(|(_, hosts)| hosts.iter().any(|name| name == host))
            .map_or("", |(name, _)| name)
    }

    fn settle_hosts(&mut self, task: &Task, ends: impl Iterator<Item = (String, End)>) {
        for (host, end) in ends {
            let cluster = self.cluster_of(&host).to_string();
            self.settle(task, &cluster, vec![(host, end)]);
        }
    }

    fn settle(&mut self, task: &Task, cluster: &str, ends: Vec<(String, End)>) {
        let forgiven = self.play.forgives(task);
        for (host, end) in ends {
            let row = self.row(&host);
            row.seconds += end.seconds;
            row.trips += end.trips;
            row.unknown += end.unknown;
            match end.status {
                Status::Changed => {
                    row.ok += 1;
                    row.changed += 1;
                }
                Status::Failed | Status::Refused => row.failed += usize::from(!forgiven),
                Status::Ok => row.ok += 1,
                Status::Stopped | Status::Untried => row.skipped += 1,
                Status::Unreachable => row.unreachable += usize::from(!forgiven),
            }
            let bad = end.status >= Status::Refused;
            if bad && !forgiven {
                self.dead.insert(cluster.to_string());
                self.errors.extend(end.error);
            }
        }
    }

    /// What ended the run is told also where a script has caught it, or only hosts heard of it that it kept from changing.
    fn tell_refusal(&mut self, task: &Task) {
        let Some(refusal) = self.play.session.refusal() else {
            return;
        };
        let known = |error: &Error| error.host == refusal.host && error.what == refusal.what;
        if self.errors.iter().any(known) {
            return;
        }
        let place = refusal.host.clone().unwrap_or_else(|| "localhost".into());
        let end = self
            .play
            .end(task, &place, Some(refusal), Duration::ZERO, 0);
        let cluster = self.cluster_of(&place).to_string();
        self.settle(task, &cluster, vec![(place, end)]);
    }

    /// What the body of a cluster has changed outside of its hosts: on infra hosts, or in etcd, by the cluster's name.
    fn count_guests(&mut self) {
        let tallies = self.play.session.take_tallies(|place| place != "localhost");
        for (host, tally) in tallies {
            let row = self.row(&host);
            row.changed += usize::from(!tally.changes.is_empty());
            row.ok += 1;
            row.unknown += distinct(tally.unknown);
        }
    }

    fn finish(&mut self) -> Vec<(String, Counts)> {
        let order = std::mem::take(&mut self.order);
        order
            .into_iter()
            .filter_map(|host| self.rows.remove(&host).map(|counts| (host, counts)))
            .collect()
    }
}

/// How a task ended on a host.
struct End {
    error: Option<Error>,
    seconds: Duration,
    status: Status,
    trips: u64,
    unknown: usize,
}

impl Play<'_> {
    fn on_host(&self, task: &Task, host: &str, body: &HostBody, link_of: LinkOf<'_>) -> End {
        let start = Instant::now();
        let before = link_of(host).map_or(0, |link| link.trips());
        let result = body(host);
        let trips = link_of(host).map_or(0, |link| link.trips()) - before;
        self.end(task, host, result.err(), start.elapsed(), trips)
    }

    /// The end of each host, and of the place that an error names which is none of them.
    fn on_cluster(
        &self,
        task: &Task,
        name: &str,
        hosts: &[String],
        body: &ClusterBody,
        link_of: LinkOf<'_>,
    ) -> Vec<(String, End)> {
        let start = Instant::now();
        let trips = |host: &String| link_of(host).map_or(0, |link| link.trips());
        let before: Vec<u64> = hosts.iter().map(trips).collect();
        let errors = body(hosts).map_or_else(Error::apart, |()| Vec::new());
        let failed = !errors.is_empty();
        let (mut blamed, mut elsewhere) = (HashMap::new(), None);
        for error in errors {
            match &error.host {
                Some(host) if hosts.contains(host) => {
                    blamed.entry(host.clone()).or_insert(error);
                }
                _ => drop(elsewhere.get_or_insert(error)),
            }
        }
        let mut ends = Vec::new();
        // What concerns the cluster as a whole is no host's fault.
        if let Some(error) = elsewhere {
            let place = error.host.clone().unwrap_or_else(|| name.to_string());
            let end = self.end(task, &place, Some(error), start.elapsed(), 0);
            ends.push((place, end));
        }
        for (host, before) in hosts.iter().zip(before) {
            let trips = trips(host) - before;
            let error = match blamed.remove(host) {
                None if failed => Some(Error::new(Kind::Untried, "the task has ended")),
                own => own,
            };
            let end = self.end(task, host, error, start.elapsed(), trips);
            ends.push((host.clone(), end));
        }
        ends
    }

    /// Does the run go on after trouble in this task? Where its lock was refused it ends with any.
    fn forgives(&self, task: &Task) -> bool {
        task.warn && !self.session.is_over()
    }

    fn end(
        &self,
        task: &Task,
        host: &str,
        error: Option<Box<Error>>,
        seconds: Duration,
        trips: u64,
    ) -> End {
        let tally = self.session.take_tally(host);
        let changed = !tally.changes.is_empty();
        let status = match error.as_ref().map(|error| error.kind) {
            Some(Kind::Connect) => Status::Unreachable,
            Some(Kind::Refused) => Status::Refused,
            Some(Kind::Untried) | None if changed => Status::Changed,
            Some(Kind::Untried) if trips == 0 => Status::Untried,
            Some(Kind::Untried) => Status::Stopped,
            Some(_) => Status::Failed,
            None => Status::Ok,
        };
        // It has no trouble of its own: what ended the run is told where it happened.
        let error = error.filter(|error| error.kind != Kind::Untried);
        let event = Event::TaskHost {
            error: error.as_deref(),
            host,
            seconds,
            status,
            task: &task.name,
            trips,
            what: &tally.changes,
        };
        self.session.report.event(&event);
        if let (true, Some(error)) = (self.forgives(task), &error) {
            self.session
                .report
                .warn(&format!("{}: the run goes on", error.headline()));
        }
        End {
            error: error.map(|error| *error),
            seconds,
            status,
            trips,
            unknown: distinct(tally.unknown),
        }
    }
}

fn distinct(mut names: Vec<String>) -> usize {
    names.sort_unstable();
    names.dedup();
    names.len()
}
