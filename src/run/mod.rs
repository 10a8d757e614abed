//! Carries out what a script asks for: tasks over hosts, and each primitive as ask, plan, then show or do.
//!
//! The one place that changes a host is [`apply`](Session::apply); consent, locks, fault points, check mode,
//! diff and "changed" live here so that no primitive and no script has to know them.

mod apply;
mod cancel;
mod fault;
mod lock;
mod plan;
mod play;
mod tags;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use apply::Outcome;
pub use cancel::Cancel;
pub use lock::{Holder, show as lock_of, unlock};
pub use plan::Kept;
pub use play::{Body, LinkOf, Play, Score, Task, Verdict};
pub use tags::Selection;

use crate::error::{Error, Kind, Result};
use crate::host::Link;
use crate::report::Report;
use fault::Faults;
use lock::Locks;
use plan::Plans;

/// How the whole process shall behave.
#[derive(Clone, Debug)]
pub struct Options {
    pub check: bool,
    pub diff: bool,
    pub forks: usize,
    /// Do exactly what was planned before.
    pub held_to: Option<Kept>,
    /// Gates that are left out, each with its reason.
    pub no_gate: Vec<(String, String)>,
    /// Answer every question with yes.
    pub yes: bool,
}

/// What a task has done to a host so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub changes: Vec<crate::report::Change>,
    /// What check mode could not know.
    pub unknown: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.changes.extend(other.changes);
        self.unknown.extend(other.unknown);
    }
}

/// Connections that outlive a run: those of the console.
#[derive(Clone, Default)]
pub struct Pool(
    Arc<Mutex<HashMap<String, Arc<Link>>>>,
    Arc<Mutex<HashMap<String, Instant>>>,
);

/// A host that is reached as two users has two connections; losing both is told once.
const TOLD: Duration = Duration::from_secs(30);

impl Pool {
    fn links(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Link>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is it the first time in a while that this is told?
    fn is_news(&self, text: &str) -> bool {
        let mut told = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(text.to_string(), Instant::now())
            .is_none_or(|before| before.elapsed() > TOLD)
    }

    /// The connection there is when it leads where `new` leads, without what the last run has noted; else `new`.
    fn take(&self, name: &str, new: Link) -> Arc<Link> {
        let mut links = self.links();
        if let Some(old) = links.get(name).filter(|old| old.is_like(&new)) {
            old.forget_run();
            return Arc::clone(old);
        }
        let link = Arc::new(new);
        links.insert(name.to_string(), Arc::clone(&link));
        link
    }

    /// The connection to a host, when there is one.
    #[must_use]
    pub fn known(&self, host: &str) -> Option<Arc<Link>> {
        self.links()
            .values()
            .find(|link| link.name() == host)
            .cloned()
    }

    /// Round trips and bytes of each host up to now, by its name.
    #[must_use]
    pub fn traffic(&self) -> Vec<(String, u64, u64)> {
        let mut all = std::collections::BTreeMap::<String, (u64, u64)>::new();
        for link in self.links().values() {
            let sum = all.entry(link.name().to_string()).or_default();
            sum.0 += link.trips();
            sum.1 += link.bytes();
        }
        all.into_iter()
            .map(|(name, (trips, bytes))| (name, trips, bytes))
            .collect()
    }
}

/// Plays within a play.
#[derive(Default)]
struct Inner {
    /// What they have done, by host.
    done: HashMap<String, Tally>,
    /// How many of them run now.
    running: usize,
}

/// One run of the program: its options, its connections, its report.
pub struct Session {
    pub cancel: Cancel,
    /// Lost connections are found out and opened again.
    console: bool,
    counts: Mutex<HashMap<String, usize>>,
    faults: Faults,
    inner: Mutex<Inner>,
    links: Mutex<HashMap<String, Arc<Link>>>,
    locks: Locks,
    /// Connections that other sessions have made, for hosts that are still reached in the same way.
    pool: Pool,
    pub options: Options,
    /// What is going to be done with the members of clusters.
    pub plans: Plans,
    pub report: Arc<Report>,
    said: Mutex<std::collections::HashSet<String>>,
    tallies: Mutex<HashMap<String, Tally>>,
    task: Mutex<String>,
}

impl Session {
    #[must_use]
    pub fn new(options: Options, report: Report) -> Session {
        Session {
            cancel: Cancel::default(),
            console: false,
            counts: Mutex::default(),
            faults: Faults::from_environment(),
            inner: Mutex::default(),
            links: Mutex::default(),
            locks: Locks::default(),
            pool: Pool::default(),
            plans: Plans::held_to(options.held_to.clone()),
            options,
            report: Arc::new(report),
            said: Mutex::default(),
            tallies: Mutex::default(),
            task: Mutex::default(),
        }
    }

    /// A session of the console: it shares `cancel` and the connections with the others.
    #[must_use]
    pub fn of_console(options: Options, report: Report, cancel: Cancel, pool: Pool) -> Session {
        Session {
            cancel,
            console: true,
            pool,
            ..Session::new(options, report)
        }
    }

    /// The same session, telling nobody.
    #[must_use]
    pub fn quiet(&self) -> Session {
        let report = Report::new(Box::new(crate::report::Silent));
        Session {
            cancel: self.cancel.clone(),
            console: self.console,
            pool: self.pool.clone(),
            ..Session::new(self.options.clone(), report)
        }
    }

    /// The same run, from here on in check mode: told to the same report.
    #[must_use]
    pub fn checking(&self, diff: bool) -> Session {
        let silent = Report::new(Box::new(crate::report::Silent));
        let mut session = self.in_check_mode(silent);
        session.report = Arc::clone(&self.report);
        session.options.diff = diff;
        session
    }

    /// A session that only looks, over the same connections where they are shared, and is interrupted with this one.
    #[must_use]
    pub fn in_check_mode(&self, report: Report) -> Session {
        let options = Options {
            check: true,
            diff: false,
            yes: false,
            ..self.options.clone()
        };
        Session {
            cancel: self.cancel.clone(),
            console: self.console,
            pool: self.pool.clone(),
            ..Session::new(options, report)
        }
    }

    /// The way to a host, opened by `open` the first time it is named.
    pub fn link(&self, name: &str, open: impl FnOnce() -> Result<Link>) -> Result<Arc<Link>> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(name) {
            return Ok(Arc::clone(link));
        }
        let link = if self.console {
            self.pool.take(name, open()?)
        } else {
            Arc::new(open()?)
        };
        if self.console {
            let (pool, report) = (self.pool.clone(), Arc::clone(&self.report));
            link.watch(Box::new(move |text| {
                if pool.is_news(text) {
                    report.event(&crate::report::Event::Message { host: None, text });
                }
            }));
        }
        let report = Arc::clone(&self.report);
        link.watch_time(Box::new(move |text| report.warn(text)));
        links.insert(name.to_string(), Arc::clone(&link));
        Ok(link)
    }

    /// The connections that are open now.
    #[must_use]
    pub fn open_links(&self) -> Vec<Arc<Link>> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open: Vec<Arc<Link>> = links
            .values()
            .filter(|link| link.is_open())
            .cloned()
            .collect();
        open.sort_by(|one, other| one.name().cmp(other.name()));
        open
    }

    /// Hosts that shall be locked together before the first of them is changed.
    pub fn lock_together(&self, links: Vec<Arc<Link>>, what: &str) {
        self.locks.expect(links, what);
    }

    /// Lock these hosts now, those that the run will not change among them, and return the names of those that could not be.
    /// Nothing in check mode.
    pub fn lock_also(&self, links: Vec<Arc<Link>>) -> Result<Vec<String>> {
        if self.options.check {
            return Ok(Vec::new());
        }
        self.locks.hold_also(links, &self.cancel)
    }

    /// Give the locks back; the end of a run.
    pub fn release(&self) {
        self.locks.release();
    }

    /// Was a lock of the run refused? Then nothing may be changed any more, on any host.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.refusal().is_some()
    }

    /// Why nothing may be changed any more.
    fn refusal(&self) -> Option<Box<Error>> {
        self.locks.refused()
    }

    /// Is `what` said for the first time in this process?
    pub fn first_time(&self, what: &str) -> bool {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(what.to_string())
    }

    fn task_name(&self) -> String {
        self.task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_task(&self, name: &str) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = name.to_string();
    }

    fn with_tally<T>(&self, host: &str, work: impl FnOnce(&mut Tally) -> T) -> T {
        work(
            self.tallies
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(host.to_string())
                .or_default(),
        )
    }

    fn take_tally(&self, host: &str) -> Tally {
        let tally = self
            .tallies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(host)
            .unwrap_or_default();
        self.note_inner(host, &tally);
        tally
    }

    /// Keep what a play within a play has done for the outer one.
    fn note_inner(&self, host: &str, tally: &Tally) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.running > 0 {
            let done = inner.done.entry(host.to_string()).or_default();
            done.add(tally.clone());
        }
    }

    /// Run a play within a task of another one: what it changes counts for that task, too.
    pub fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        let task = self.task_name();
        if task.is_empty() {
            return run();
        }
        let aside =
            std::mem::take(&mut *self.tallies.lock().unwrap_or_else(PoisonError::into_inner));
        let inner = || self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner().running += 1;
        let result = run();
        inner().running -= 1;
        let done = std::mem::take(&mut inner().done);
        for (host, tally) in aside.into_iter().chain(done) {
            self.with_tally(&host, |all| all.add(tally));
        }
        self.set_task(&task);
        result
    }

    /// What was done since at the places that `wanted` takes, in the order of their names.
    fn take_tallies(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Tally)> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = tallies
            .keys()
            .filter(|name| wanted(name))
            .cloned()
            .collect();
        names.sort();
        let taken: Vec<(String, Tally)> = names
            .into_iter()
            .filter_map(|name| tallies.remove(&name).map(|tally| (name, tally)))
            .collect();
        drop(tallies);
        for (name, tally) in &taken {
            self.note_inner(name, tally);
        }
        taken
    }

    /// Ask for a line, or with `secret` for one that is not shown. Off a terminal and with `-y` the default is the answer.
    pub fn ask(&self, question: &str, default: Option<&str>, secret: bool) -> Result<String> {
        use std::io::IsTerminal;
        let stdin = std::io::stdin();
        if self.options.yes || !stdin.is_terminal() {
            return default.map(str::to_string).ok_or_else(|| {
                let why = if self.options.yes {
                    "`-y` answers with a default, and there is none"
                } else {
                    "there is no terminal to ask"
                };
                Error::config(format!("{question}: {why}"))
                    .hint("give `ask` a `default`, or read a variable of the inventory")
            });
        }
        let hint = default.map_or_else(String::new, |default| format!(" [{default}]"));
        let text = format!("{question}{hint}");
        let typed = if secret {
            let typed = crate::terminal::secret(&stdin, || {
                self.put(&text);
                Ok(())
            });
            self.cancel.check()?;
            typed
                .map_err(|error| unreadable(&error))?
                .ok_or_else(|| Error::new(Kind::Interrupted, "interrupted"))?
        } else {
            self.put(&text);
            self.line()?
        };
        Ok(match default {
            Some(default) if typed.is_empty() => default.to_string(),
            _ => typed,
        })
    }

    /// A question, where a person sees it.
    fn put(&self, question: &str) {
        self.report.rest();
        self.report.event(&crate::report::Event::Message {
            host: None,
            text: question,
        });
    }

    /// The line that is typed. A signal does not end a read: what is typed is waited for first.
    fn line(&self) -> Result<String> {
        crate::terminal::wait_for_line(&|| self.cancel.asked());
        self.cancel.check()?;
        let typed = crate::terminal::line(&mut std::io::stdin().lock());
        self.cancel.check()?;
        typed.map_err(|error| unreadable(&error))
    }

    /// Ask the user to type `word`. Off a terminal only `-y` can say yes.
    pub fn ask_to_type(&self, question: &str, word: &str) -> Result<()> {
        use std::io::IsTerminal;
        if self.options.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Error::config("there is no terminal to ask")
                .because(question)
                .hint("-y   # when this is what you want"));
        }
        crate::terminal::forget_typed();
        self.put(&format!("{question}\nType `{word}` to go on:"));
        if self.line()?.trim() == word {
            return Ok(());
        }
        Err(
            Error::config(format!("not confirmed: `{word}` was not typed"))
                .because("nothing was changed"),
        )
    }
}

fn unreadable(error: &std::io::Error) -> Box<Error> {
    Error::config("the answer could not be read").because(error.to_string())
}

/// Run `work` for each item on at most `forks` threads; results in the order of the items.
pub fn parallel<T: Sync, R: Send>(
    items: &[T],
    forks: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    if items.len() <= 1 || forks <= 1 {
        return items.iter().map(work).collect();
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut slots: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let results = Mutex::new(&mut slots);
    std::thread::scope(|scope| {
        for _ in 0..forks.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
                }
            });
        }
    });
    slots.into_iter().flatten().collect()
}
