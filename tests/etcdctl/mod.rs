//! Our etcdctl against the real one: every row of `cases/*.yml` is run by both against servers in the same state.
//!
//! Owns: how a scene is played, compared and reported. A row is described in `case.rs`, what is masked in `mask.rs`.
//!
//! - `ETCDCTL_CASE=TEXT` takes only the scenes or lines with this text in `file/scene: line`.
//! - `ETCDCTL_SELF=1` runs the real etcdctl on both sides: all must be equal, or a mask or a row is not stable.
//! - `ETCDCTL_SHOW=1` prints what the first side said.

#![allow(clippy::unwrap_used)]

mod case;
mod connect;
mod fuzz;
mod golden;
mod load;
mod mask;
mod past;
mod run;
mod server;
mod terminal;
mod tls;
mod visible;
mod written;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use etcd_client::{AlarmAction, AlarmOptions, AlarmType};
use etcdsh::etcd::{Client, GetOptions};
use regex::{Captures, Regex};
use tempfile::TempDir;

use crate::etcd_client::raw::{self, e};
use case::{Plan, Scene};
use mask::{Ids, Rule, Seen};
use run::{Outcome, Tool};
use server::{Addresses, Certificates, Kind, Release, Servers, program};

const WORKERS: usize = 4;

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// One scene with one release of the server, and maybe against the old etcdctl.
struct Job {
    old: bool,
    release: Release,
    scene: Scene,
}

impl Job {
    fn name(&self) -> String {
        let etcdctl = if self.old { " etcdctl 3.4" } else { "" };
        format!("{} on {}{etcdctl}", self.scene.scene, self.release.name())
    }

    /// The command lines of this job.
    fn plans(&self) -> Vec<Plan> {
        let all = self.scene.rows.iter().flat_map(case::Row::expand);
        all.filter(|plan| {
            !self.old || (!plan.new && plan.formats.as_deref().is_none_or(|format| format == "S"))
        })
        .collect()
    }
}

fn jobs(scenes: Vec<Scene>) -> Vec<Job> {
    let mut jobs = Vec::new();
    for scene in scenes {
        jobs.extend(scene.on.iter().map(|release| Job {
            old: false,
            release: *release,
            scene: scene.clone(),
        }));
        if scene.old {
            jobs.push(Job {
                old: true,
                release: Release::V34,
                scene,
            });
        }
    }
    // The slow ones first, so that no worker is alone at the end.
    jobs.sort_by_key(|job| job.scene.server != Kind::Three && !job.scene.scene.contains("nobody"));
    jobs
}

/// A line as it is named in reports, with what it reads.
fn line(plan: &Plan) -> String {
    let stdin = plan
        .stdin
        .as_ref()
        .map(|stdin| format!(" <<< {stdin:?}"))
        .unwrap_or_default();
    let env: String = plan
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value} "))
        .collect();
    format!("{env}etcdctl {}{stdin}", plan.run)
}

/// What is the same for all scenes of a worker, both sides.
struct Worker<'a> {
    addresses: Addresses,
    certificates: &'a Certificates,
    folder: TempDir,
}

/// Who runs the rows of one side.
#[derive(Clone)]
struct Side {
    drop_log: bool,
    env: Vec<(String, String)>,
    program: PathBuf,
}

impl Side {
    fn real(release: Release) -> Side {
        Side {
            drop_log: true,
            env: vec![],
            program: program(release, "etcdctl"),
        }
    }

    fn ours(compat: Option<&str>, link: PathBuf) -> Side {
        let env = compat.map(|compat| ("ETCDSH_ETCDCTL_COMPAT".to_string(), compat.to_string()));
        Side {
            drop_log: true,
            env: env.into_iter().collect(),
            program: link,
        }
    }
}

/// The servers and the folder of one side while a scene is played.
struct Stage<'a> {
    certificates: &'a Certificates,
    client: Client,
    /// Of the cluster and of the first member.
    first: (u64, u64),
    folder: PathBuf,
    ids: Ids,
    known: Vec<u64>,
    servers: Servers,
    three: bool,
}

impl<'a> Stage<'a> {
    fn set(job: &Job, worker: &Worker<'a>) -> Stage<'a> {
        let folder = worker.folder.path().join("here");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let servers = Servers::start(
            job.scene.server,
            job.release,
            &worker.addresses,
            worker.certificates,
        );
        let client = servers.client(worker.certificates);
        let known = client
            .member_list(false)
            .unwrap()
            .members
            .iter()
            .map(|member| member.id)
            .collect();
        let three = job.scene.server == Kind::Three;
        let status = client.status(&servers.url(1)).unwrap();
        let first = (status.cluster_id, status.member_id);
        let mut stage = Stage {
            certificates: worker.certificates,
            client,
            first,
            folder,
            ids: Ids::default(),
            known,
            servers,
            three,
        };
        for line in &job.scene.setup {
            stage
                .set_up(job, line)
                .unwrap_or_else(|error| panic!("{}: setup `{line}`: {error}", job.name()));
        }
        stage
    }

    fn set_up(&mut self, job: &Job, line: &str) -> Result<(), String> {
        let line = self.filled(line);
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["alarm"] => self.raise_alarm(),
            ["file", name, text @ ..] => fs::write(self.folder.join(name), text.join(" ")).unwrap(),
            ["grant", id, ttl] => {
                let id = u64::from_str_radix(id, 16).unwrap();
                let root = (job.scene.server == Kind::Password).then_some(("root", "root"));
                raw::grant(&self.servers.url(1), root, id, ttl.parse().unwrap());
                self.known.push(id);
            }
            ["stop", number] => self.servers.stop(number.parse().unwrap()),
            _ => {
                let tool = self.tool(
                    &Side::real(Release::V35),
                    job,
                    &Plan {
                        run: line.clone(),
                        ..Plan::default()
                    },
                );
                let outcome = tool.run(&line);
                self.learn();
                if outcome.code != "0" {
                    return Err(String::from_utf8_lossy(&outcome.stderr).into_owned());
                }
            }
        }
        Ok(())
    }

    /// As a full database does it.
    fn raise_alarm(&self) {
        let id = *self.known.last().unwrap();
        let mut options = AlarmOptions::new();
        options.with_member(id);
        raw::ask(&self.servers.url(1), None, async |client| {
            let (raise, full) = (AlarmAction::Activate, AlarmType::Nospace);
            client.alarm(raise, full, Some(options)).await
        });
    }

    /// `$EP`, `$LEASE` and so on get their values of this side.
    fn filled(&self, text: &str) -> String {
        let names = Regex::new(r"\$([A-Z][A-Z0-9_]*)").unwrap();
        let file = |name: &str| self.certificates.path(name).display().to_string();
        let eps = || {
            (1..=3)
                .map(|number| self.servers.endpoint(number))
                .collect::<Vec<_>>()
                .join(",")
        };
        let replaced = names.replace_all(text, |name: &Captures<'_>| match &name[1] {
            "ADDED" => self
                .ids
                .members
                .last()
                .map_or("0".into(), |id| format!("{id:x}")),
            "CA" => file("ca.crt"),
            "CERT" => file("client.crt"),
            "DIR" => self.folder.display().to_string(),
            "EP" | "EP1" => self.servers.endpoint(1),
            "EP2" => self.servers.endpoint(2),
            "EP3" => self.servers.endpoint(3),
            "EPS" => eps(),
            "KEY" => file("client.key"),
            "LEASE" => self
                .ids
                .leases
                .last()
                .map_or("0".into(), |id| format!("{id:016x}")),
            "MEMBER" => format!("{:x}", self.first.1),
            "MEMBER2" => format!(
                "{:x}",
                self.client.status(&self.servers.url(2)).unwrap().member_id
            ),
            "OTHER_CA" => file("other-ca.crt"),
            "SERVER_CERT" => file("server.crt"),
            "STRANGER_CERT" => file("stranger.crt"),
            "STRANGER_KEY" => file("stranger.key"),
            _ => name[0].to_string(),
        });
        replaced.into_owned()
    }

    /// The environment has the way to the server, unless the line says it.
    fn tool(&self, side: &Side, job: &Job, plan: &Plan) -> Tool {
        let mut env = BTreeMap::new();
        let mut given = |flag: &str, name: &str, value: String| {
            let is_given = |word: &str| {
                word.strip_prefix(flag)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            };
            if !plan.run.split_whitespace().any(is_given) {
                env.insert(name.to_string(), value);
            }
        };
        let endpoints = if self.three { "$EPS" } else { "$EP" };
        given("--endpoints", "ETCDCTL_ENDPOINTS", self.filled(endpoints));
        match job.scene.server {
            Kind::Cert => {
                given("--cacert", "ETCDCTL_CACERT", self.filled("$CA"));
                given("--cert", "ETCDCTL_CERT", self.filled("$CERT"));
                given("--key", "ETCDCTL_KEY", self.filled("$KEY"));
            }
            Kind::Password => given("--user", "ETCDCTL_USER", "root:root".into()),
            Kind::Tls => given("--cacert", "ETCDCTL_CACERT", self.filled("$CA")),
            Kind::Pair | Kind::Plain | Kind::Three => {}
        }
        let own = job
            .scene
            .env
            .iter()
            .chain(&plan.env)
            .map(|(name, value)| (name.clone(), self.filled(value)));
        env.extend(own);
        Tool {
            env: side.env.clone(),
            folder: self.folder.clone(),
            program: side.program.clone(),
        }
        .with(env)
    }

    fn run(&mut self, side: &Side, job: &Job, plan: &Plan) -> Seen {
        let line = self.filled(&plan.run);
        let tool = self.tool(side, job, plan);
        let stdin = self.filled(plan.stdin.as_deref().unwrap_or_default());
        let start = Instant::now();
        let mut running = tool.start(&line);
        let waits = plan.hold
            || plan.until.is_some()
            || plan.signal.is_some()
            || !plan.during.is_empty()
            || plan.poll.is_some();
        let outcome = if waits {
            running.write(stdin.as_bytes());
            if let Some(text) = &plan.ready {
                running.wait_for(&self.filled(text));
            }
            self.learn();
            // What they do depends on what the row has done: if that is wrong, the row fails.
            for line in &plan.during {
                let _ = self.set_up(job, line);
            }
            if let Some(text) = &plan.until {
                running.wait_for(&self.filled(text));
            }
            if let Some(poll) = &plan.poll {
                self.poll(job, poll, &mut running);
            }
            for line in &plan.after {
                let _ = self.set_up(job, line);
            }
            if let Some(signal) = &plan.signal {
                running.signal(signal);
            }
            running.end(b"")
        } else {
            running.end(stdin.as_bytes())
        };
        if is_set("ETCDCTL_SHOW") && start.elapsed() > Duration::from_secs(2) {
            eprintln!(
                "{:.1} s {}: {line}",
                start.elapsed().as_secs_f64(),
                job.name()
            );
        }
        self.learn();
        let mut seen = self.seen(&outcome, side, job, plan);
        if let Some(file) = &plan.file {
            seen.stdout.push_str(&self.look_at(&self.filled(file)));
        }
        seen
    }

    fn poll(&mut self, job: &Job, poll: &case::Poll, running: &mut run::Running) {
        let line = self.filled(&poll.run);
        let tool = self.tool(
            &Side::real(Release::V35),
            job,
            &Plan {
                run: line.clone(),
                ..Plan::default()
            },
        );
        while !running.over()
            && !String::from_utf8_lossy(&tool.run(&line).stdout).contains(&poll.has)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn seen(&self, outcome: &Outcome, side: &Side, job: &Job, plan: &Plan) -> Seen {
        let mut masks = plan.mask.clone();
        let words = |word: &str| plan.run.split_whitespace().any(|found| found == word);
        if words("endpoint") {
            masks.extend(["took".into(), "size".into()]);
        }
        if words("timetolive") {
            masks.push("ttl".into());
        }
        // A login is an entry of the log, and how often one logs in is one's own affair.
        if job.scene.server == Kind::Password {
            masks.push("raft".into());
        }
        if self.three {
            masks.extend(["raft".into(), "who".into()]);
        }
        let protobuf = plan.run.contains("protobuf");
        let rule = Rule {
            drop_log: side.drop_log,
            masks,
            protobuf,
            sort: plan.sort,
        };
        Seen::of(outcome, &rule, &self.ids)
    }

    /// Ids that came up by chance are asked for, not guessed from what was printed.
    fn learn(&mut self) {
        let leases = self
            .client
            .lease_list()
            .map(|list| list.ids)
            .unwrap_or_default();
        let members = self
            .client
            .member_list(false)
            .map(|list| list.members.iter().map(|member| member.id).collect())
            .unwrap_or_default();
        let (known, ids) = (&mut self.known, &mut self.ids);
        let mut take = |found: Vec<u64>, into: &mut Vec<u64>| {
            for id in found {
                if !known.contains(&id) {
                    known.push(id);
                    into.push(id);
                }
            }
        };
        take(leases, &mut ids.leases);
        take(members, &mut ids.members);
    }

    /// A snapshot: whole, private, and what the real etcdctl says of it.
    fn look_at(&self, path: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let Ok(bytes) = fs::read(path) else {
            return "no file\n".into();
        };
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let tool = Tool {
            env: vec![],
            folder: self.folder.clone(),
            program: program(Release::V35, "etcdctl"),
        };
        let status = tool.run(&format!("-w json snapshot status {path}"));
        let keys = Regex::new(r#""revision":\d+,"totalKey":\d+"#).unwrap();
        let said = String::from_utf8_lossy(&status.stdout).into_owned();
        let said = keys
            .find(&said)
            .map_or(said.as_str(), |found| found.as_str());
        let parts: Vec<_> = fs::read_dir(&self.folder)
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .ends_with(".part")
            })
            .collect();
        format!(
            "file: mode {mode:o}, remainder {}, {said}, {} parts left\n",
            bytes.len() % 512,
            parts.len()
        )
    }

    /// All that the servers hold, as we see it ourselves.
    fn state(&self) -> String {
        let mut text = String::new();
        let all = GetOptions {
            range_end: Some(vec![0]),
            ..GetOptions::default()
        };
        let client = &self.client;
        let answer = client.get(b"\0", &all).unwrap();
        for kv in &answer.kvs {
            let (key, value) = (kv.key.escape_ascii(), kv.value.escape_ascii());
            writeln!(
                text,
                "{key} = {value} version {} created {} modified {} lease {:x}",
                kv.version, kv.create_revision, kv.mod_revision, kv.lease
            )
            .unwrap();
        }
        writeln!(text, "revision {}", answer.header.revision).unwrap();
        for id in client
            .lease_list()
            .unwrap()
            .ids
            .iter()
            .filter(|id| !self.ids.leases.contains(id))
        {
            writeln!(text, "lease {id:x}").unwrap();
        }
        for name in client.user_list().unwrap().names {
            writeln!(text, "{}", e(client, &["user", "get", &name]).unwrap()).unwrap();
        }
        for name in client.role_list().unwrap().names {
            writeln!(text, "{}", e(client, &["role", "get", &name]).unwrap()).unwrap();
        }
        // In the order of their ids, which are drawn by chance.
        let mut members = client.member_list(false).unwrap().members;
        members.sort_by(|left, right| left.peer_urls.cmp(&right.peer_urls));
        for member in members {
            writeln!(
                text,
                "member {} {:?} learner {}",
                member.name, member.peer_urls, member.is_learner
            )
            .unwrap();
        }
        writeln!(text, "alarms {}", e(client, &["alarm", "list"]).unwrap()).unwrap();
        self.ids.replace(&text)
    }
}

/// One compared command line.
struct Case {
    difference: Option<String>,
    name: String,
}

fn play(job: &Job, worker: &Worker<'_>, side: &Side) -> Vec<Seen> {
    let mut stage = Stage::set(job, worker);
    let mut seen: Vec<Seen> = job
        .plans()
        .iter()
        .map(|plan| stage.run(side, job, plan))
        .collect();
    if job.scene.state {
        seen.push(Seen {
            code: "0".into(),
            stderr: String::new(),
            stdout: stage.state(),
        });
    }
    seen
}

/// A scene that cannot be played is one failed case, and the others go on.
fn compare(job: &Job, worker: &Worker<'_>) -> Vec<Case> {
    std::panic::catch_unwind(AssertUnwindSafe(|| compare_sides(job, worker))).unwrap_or_else(|_| {
        vec![Case {
            difference: Some("this scene could not be played: see above\n".into()),
            name: job.name(),
        }]
    })
}

fn compare_sides(job: &Job, worker: &Worker<'_>) -> Vec<Case> {
    let alone = is_set("ETCDCTL_SELF");
    let real = Side::real(if job.old { Release::V34 } else { Release::V35 });
    let other = if alone {
        real.clone()
    } else {
        Side::ours(Some("3.5"), worker.folder.path().join("etcdctl"))
    };
    let mut plans = job.plans();
    let left = play(job, worker, &real);
    let right = play(job, worker, &other);
    plans.resize(
        left.len(),
        Plan {
            run: "(the state at the end)".into(),
            ..Plan::default()
        },
    );
    let pairs = plans.iter().zip(left.into_iter().zip(right));
    pairs
        .map(|(plan, (mut left, mut right))| {
            if is_set("ETCDCTL_SHOW") {
                eprintln!("### {}: {}\n{}", job.name(), line(plan), left.text());
            }
            if let Some(wanted) = plan.ours.as_ref().filter(|_| !alone) {
                left = Seen {
                    code: wanted.code.to_string(),
                    stderr: wanted.err.clone(),
                    stdout: wanted.out.clone(),
                };
            }
            mask::reduce_help(&mut left, &mut right);
            if plan.code_only {
                for seen in [&mut left, &mut right] {
                    seen.stderr.clear();
                    seen.stdout.clear();
                }
            }
            if job.old {
                for seen in [&mut left, &mut right] {
                    seen.stderr.clear();
                    if seen.code != "0" {
                        seen.stdout.clear();
                    }
                }
            }
            Case {
                difference: left.difference(&right),
                name: format!("{}: {}", job.name(), line(plan)),
            }
        })
        .collect()
}

/// Play all jobs on several servers at a time; what `play` made of each comes back in any order.
fn on_workers<T: Send>(jobs: &[Job], play: impl Fn(&Job, &Worker<'_>) -> Vec<T> + Sync) -> Vec<T> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    // The golden rows and the comparison have addresses of their own.
    let turn = TURN.fetch_add(1, Ordering::Relaxed) * WORKERS;
    let addresses: Vec<Addresses> = (0..WORKERS)
        .map(|worker| Addresses::of_worker(turn + worker))
        .collect();
    let certificates = Certificates::new(&addresses);
    let (next, done, slow) = (
        AtomicUsize::new(0),
        Mutex::new(Vec::new()),
        Mutex::new(Vec::new()),
    );
    std::thread::scope(|scope| {
        for addresses in addresses {
            let worker = Worker {
                addresses,
                certificates: &certificates,
                folder: server::folder(),
            };
            run::ours(worker.folder.path());
            let (next, done, slow, play) = (&next, &done, &slow, &play);
            scope.spawn(move || {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let result = play(job, &worker);
                    slow.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((start.elapsed(), job.name()));
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .extend(result);
                }
            });
        }
    });
    let mut slow = slow.into_inner().unwrap();
    slow.sort_by(|left, right| right.cmp(left));
    for (time, name) in slow.iter().take(5) {
        eprintln!("{:.1} s {name}", time.as_secs_f64());
    }
    done.into_inner().unwrap()
}

/// Only what `ETCDCTL_CASE` asks for. Rows above a wanted one stay, since it needs their state.
fn wanted(scenes: Vec<Scene>) -> (Vec<Scene>, impl Fn(&str) -> bool) {
    let text = std::env::var("ETCDCTL_CASE").unwrap_or_default();
    let has = {
        let text = text.clone();
        move |name: &str| name.contains(&text)
    };
    let scenes = scenes
        .into_iter()
        .filter(|scene| {
            let lines = scene.rows.iter().flat_map(case::Row::expand);
            text.is_empty()
                || scene.scene.contains(&text)
                || lines.into_iter().any(|plan| line(&plan).contains(&text))
        })
        .collect();
    (scenes, has)
}

fn report(what: &str, cases: &[Case]) {
    let mut text = String::new();
    let mut failed: Vec<&Case> = cases
        .iter()
        .filter(|case| case.difference.is_some())
        .collect();
    failed.sort_by_key(|case| &case.name);
    for case in &failed {
        writeln!(
            text,
            "\n=== {}\n{}",
            case.name,
            case.difference.as_ref().unwrap()
        )
        .unwrap();
    }
    let said = format!(
        "{} of {} {what} equal",
        cases.len() - failed.len(),
        cases.len()
    );
    assert!(failed.is_empty(), "{text}\n{said}");
    eprintln!("{said}");
}

#[test]
fn every_case_is_as_with_etcdctl() {
    let start = Instant::now();
    let (scenes, has) = wanted(case::scenes("cases"));
    let jobs = jobs(scenes);
    let mut cases = on_workers(&jobs, compare);
    cases.retain(|case| has(&case.name));
    eprintln!(
        "{} scenes in {:.0} s",
        jobs.len(),
        start.elapsed().as_secs_f64()
    );
    report("cases", &cases);
}
