//! Looks at each member in a thread of its own, so that a dead one delays nobody, and keeps what was seen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::metrics::Metrics;
use super::view::{View, view};
use super::{Hosts, Plan};
use crate::cert;
use crate::etcd::{Client, Config, Member, Scraper, Status, url};

/// A member that does not answer for this long is shown as down: with a look each second that is within 2 s.
const PATIENCE: Duration = Duration::from_millis(800);

/// The first connection takes several round trips, and TLS.
const CONNECT: Duration = Duration::from_secs(1);

/// Metrics are asked for at every second look: they are a hundred times as large as the rest.
const SCRAPE_EVERY: u64 = 2;

/// Between two looks at the list of members.
const LIST_EVERY: Duration = Duration::from_secs(3);

/// Between two comparisons with the inventory.
const DRIFT_EVERY: Duration = Duration::from_mins(5);

/// Longer than two looks at a member that does not answer.
const SETTLED: Duration = Duration::from_secs(5);

/// The hosts are compared with the inventory over ssh.
const HOSTS_SETTLED: Duration = Duration::from_mins(1);

/// Over this much time durations are gathered: fsyncs are few on a quiet cluster.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// Points of a history: ten minutes, at one look each second.
pub(super) const POINTS: usize = 300;

/// One look at a member's metrics.
pub(super) struct Scraped {
    pub(super) at: Instant,
    pub(super) metrics: Metrics,
    /// Reads of our own that the member had been asked for by then, and those of them that failed.
    pub(super) own: Own,
}

/// What the member counts because we look at it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    pub(super) failed: f64,
    pub(super) reads: f64,
}

/// Numbers over time, the newest last; `None` where the member did not answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Series(VecDeque<Option<f64>>);

impl Series {
    fn push(&mut self, value: Option<f64>) {
        if self.0.len() == POINTS {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    pub(super) fn values(&self) -> Vec<Option<f64>> {
        self.0.iter().copied().collect()
    }
}

#[derive(Default)]
pub(super) struct History {
    pub(super) commit: Series,
    pub(super) db_size: Series,
    pub(super) fsync: Series,
    pub(super) memory: Series,
    pub(super) peer: Series,
    pub(super) reads: Series,
    pub(super) traffic: Series,
    pub(super) writes: Series,
}

/// What is known of the member behind one endpoint.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) bytes: u64,
    /// From when and until when the certificate is valid that it showed, seconds since 1970.
    pub(super) certificate: Option<(i64, i64)>,
    pub(super) failing_since: Option<Instant>,
    /// How long a read through the quorum took, or why there was none.
    pub(super) health: Option<Result<Duration, String>>,
    pub(super) history: History,
    pub(super) looks: u64,
    /// It tells its status only to those who have logged in, and nobody has.
    pub(super) needs_login: bool,
    pub(super) no_metrics: Option<String>,
    pub(super) own: Own,
    pub(super) scrapes: VecDeque<Scraped>,
    /// The last answer there was, and when.
    pub(super) status: Option<Status>,
    pub(super) status_at: Option<Instant>,
    /// Why it does not answer now.
    pub(super) why: Option<String>,
}

impl Seen {
    pub(super) fn is_up(&self) -> bool {
        self.looks > 0 && self.why.is_none()
    }

    /// The newest metrics, and those of at most `window` before.
    pub(super) fn between(&self, window: Duration) -> Option<(&Scraped, &Scraped)> {
        let newest = self.scrapes.back()?;
        let oldest = self
            .scrapes
            .iter()
            .find(|scraped| newest.at.duration_since(scraped.at) <= window)?;
        (oldest.at < newest.at).then_some((oldest, newest))
    }

    /// How much a counter grows in a second.
    pub(super) fn rate(
        &self,
        window: Duration,
        counter: impl Fn(&Scraped) -> Option<f64>,
    ) -> Option<f64> {
        let (then, now) = self.between(window)?;
        let grown = counter(now)? - counter(then)?;
        // A member that was started again counts from 0; a read of our own may be counted a look later.
        (grown > -3.0).then(|| grown.max(0.0) / now.at.duration_since(then.at).as_secs_f64())
    }
}

/// Who leads, and since when as far as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leading {
    /// The change was seen, or its time stands in the leader's log.
    pub(super) exact: bool,
    pub(super) id: u64,
    /// Seconds since 1970.
    pub(super) since: i64,
    pub(super) term: u64,
}

/// How what is on the hosts compares with the inventory.
#[derive(Clone, Debug, Default)]
pub(super) enum Drift {
    /// Host, and what the flow would change there.
    Known(Vec<(String, String)>),
    #[default]
    NotAsked,
    Unknown(String),
}

pub(super) struct State {
    pub(super) drift: Drift,
    pub(super) leading: Option<Leading>,
    /// The members as the cluster lists them, once one has answered.
    pub(super) members: Option<Vec<Member>>,
    /// Why etcd does not take the login, once it has said so: then it is asked as anybody may.
    pub(super) refused: Option<String>,
    /// By endpoint.
    pub(super) seen: BTreeMap<String, Seen>,
    pub(super) started: Instant,
}

/// A cluster that is being watched; dropping it ends that.
pub struct Watch(Arc<Shared>);

struct Shared {
    /// The plan's client without its login.
    anybody: Client,
    drift_wanted: AtomicBool,
    news: Condvar,
    plan: Plan,
    state: Mutex<State>,
    stop: AtomicBool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
        self.0.news.notify_all();
    }
}

impl Watch {
    /// Begin to look. Threads end by themselves when the value is dropped.
    #[must_use]
    pub fn begin(mut plan: Plan) -> Watch {
        // Connections of its own: a member that hangs shall not hold up what else the program does.
        let config = Config {
            connect_timeout: CONNECT,
            request_timeout: PATIENCE,
            ..plan.client.config().clone()
        };
        let anonymous = Config {
            keeper: None,
            password: None,
            user: None,
            ..config.clone()
        };
        if let Ok(client) = Client::new(config) {
            plan.client = client;
        }
        let anybody = Client::new(anonymous).unwrap_or_else(|_| plan.client.clone());
        let state = State {
            drift: Drift::default(),
            leading: None,
            members: None,
            refused: None,
            seen: BTreeMap::new(),
            started: Instant::now(),
        };
        let shared = Arc::new(Shared {
            anybody,
            drift_wanted: AtomicBool::new(true),
            news: Condvar::new(),
            plan,
            state: Mutex::new(state),
            stop: AtomicBool::new(false),
        });
        for endpoint in shared.plan.client.endpoints() {
            watch_member(&shared, endpoint);
        }
        spawn(&shared, watch_list);
        if shared.plan.hosts.is_some() {
            spawn(&shared, watch_hosts);
        }
        Watch(shared)
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> View {
        view(&self.0.plan, &self.0.state())
    }

    /// The time between two points of a history.
    #[must_use]
    pub fn seconds_between_points(&self) -> f64 {
        self.0.plan.interval.as_secs_f64() * SCRAPE_EVERY as f64
    }

    /// Wait until every member has been looked at `looks` times, at most for `limit`.
    pub fn wait(&self, looks: u64, limit: Duration) {
        let end = Instant::now() + limit;
        let mut state = self.0.state();
        loop {
            let unlisted = |seen: &Seen| seen.why.is_some() || seen.needs_login;
            let all = state.members.is_some() || state.seen.values().all(unlisted);
            if all && state.seen.values().all(|seen| seen.looks >= looks) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .0
                .news
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// What is known after two looks, with rates, and after the hosts have been compared with the inventory.
    #[must_use]
    pub fn settled(&self) -> View {
        self.wait(2, self.0.plan.interval + SETTLED);
        self.wait_for_hosts(HOSTS_SETTLED);
        self.view()
    }

    /// Wait until the hosts have been compared with the inventory, at most for `limit`.
    pub fn wait_for_hosts(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut state = self.0.state();
        while self.0.plan.hosts.is_some() && matches!(state.drift, Drift::NotAsked) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .0
                .news
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Compare the hosts with the inventory again.
    pub fn ask_for_drift(&self) {
        self.0.drift_wanted.store(true, Ordering::Relaxed);
        self.0.news.notify_all();
    }

    /// The way to the members' hosts.
    #[must_use]
    pub fn hosts(&self) -> Option<Arc<dyn Hosts>> {
        self.0.plan.hosts.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With the login, until it was refused.
    fn client(&self) -> &Client {
        if self.state().refused.is_some() {
            &self.anybody
        } else {
            &self.plan.client
        }
    }

    /// What a member says of itself, where it says so to who asks.
    fn status(&self, endpoint: &str) -> crate::etcd::Result<Option<Status>> {
        let answer = self.client().status(endpoint);
        let answer = match answer {
            Err(fault) if fault.trouble().refuses_login() => {
                self.state().refused = Some(fault.trouble().to_string());
                self.anybody.status(endpoint)
            }
            answer => answer,
        };
        match answer {
            // It is there, and whether it reads through the quorum it shows to anybody.
            Err(fault) if fault.trouble().wants_login() => Ok(None),
            answer => answer.map(Some),
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Until then, or until there is no more to do, or `early` says so.
    fn rest(&self, until: Instant, early: impl Fn() -> bool) {
        let mut state = self.state();
        while !self.stopped() && !early() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .news
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

fn spawn(shared: &Arc<Shared>, work: fn(&Arc<Shared>)) {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || work(&shared));
}

fn watch_member(shared: &Arc<Shared>, endpoint: &str) {
    shared.state().seen.entry(endpoint.to_string()).or_default();
    let (shared, endpoint) = (Arc::clone(shared), endpoint.to_string());
    std::thread::spawn(move || {
        let mut scraper = Scraper::new(&endpoint, shared.plan.client.config());
        let mut look = 0;
        while !shared.stopped() {
            let next = Instant::now() + shared.plan.interval;
            look_at(
                &shared,
                &endpoint,
                &mut scraper,
                look < 2 || look % SCRAPE_EVERY == 0,
            );
            look += 1;
            shared.rest(next, || false);
        }
    });
}

/// One look at a member: what it says of itself, a read through the quorum, and its metrics.
fn look_at(shared: &Shared, endpoint: &str, scraper: &mut Scraper, with_metrics: bool) {
    let status = match shared.status(endpoint) {
        Ok(status) => status,
        Err(fault) => {
            let mut state = shared.state();
            let seen = state.seen.entry(endpoint.to_string()).or_default();
            seen.why = Some(fault.trouble().to_string());
            seen.failing_since.get_or_insert_with(Instant::now);
            seen.health = None;
            seen.looks += 1;
            if with_metrics {
                seen.note_silence();
            }
            drop(state);
            shared.news.notify_all();
            return;
        }
    };
    {
        // A member that answers again is up at once; the rest follows.
        let mut state = shared.state();
        if let Some(status) = &status {
            note_leader(&mut state, status);
        }
        let seen = state.seen.entry(endpoint.to_string()).or_default();
        seen.needs_login = status.is_none();
        seen.status = status;
        seen.status_at = Some(Instant::now());
        seen.why = None;
        seen.failing_since = None;
    }
    let health = shared
        .client()
        .health(endpoint)
        .map_err(|fault| fault.trouble().to_string());
    let scrape = with_metrics.then(|| scraper.fetch(PATIENCE));
    let mut state = shared.state();
    let seen = state.seen.entry(endpoint.to_string()).or_default();
    seen.own.reads += 1.0;
    seen.own.failed += f64::from(u8::from(health.is_err()));
    seen.health = Some(health);
    seen.looks += 1;
    match scrape {
        Some(Ok(scrape)) => seen.note(&scrape),
        Some(Err(why)) => {
            seen.no_metrics = Some(why.to_string());
            seen.note_silence();
        }
        None => {}
    }
    drop(state);
    shared.news.notify_all();
}

impl Seen {
    fn note(&mut self, scrape: &crate::etcd::Scrape) {
        let now = Instant::now();
        self.bytes += scrape.bytes as u64;
        self.no_metrics = None;
        self.certificate = scrape.certificate.as_ref().and_then(|der| cert::life(der));
        self.scrapes.push_back(Scraped {
            at: now,
            metrics: Metrics::parse(&scrape.text),
            own: self.own,
        });
        while self
            .scrapes
            .front()
            .is_some_and(|first| now.duration_since(first.at) > WINDOW + Duration::from_secs(5))
        {
            self.scrapes.pop_front();
        }
        // Only what came since the last look: a point is what happened then, not the mean of a minute.
        let step = self
            .scrapes
            .iter()
            .rev()
            .nth(1)
            .map_or(Duration::ZERO, |before| now.duration_since(before.at));
        let reads = self.rate(step, |one| Some(one.metrics.requests.read - one.own.reads));
        let writes = self.rate(step, |one| Some(one.metrics.requests.write));
        let traffic = self.rate(step, |one| {
            Some(one.metrics.client_received? + one.metrics.client_sent?)
        });
        let newest = self.scrapes.back().map(|one| &one.metrics);
        let (db_size, memory) = (
            newest.and_then(|one| one.db_size),
            newest.and_then(|one| one.memory),
        );
        let (fsync, commit, peer) = (self.fsync(), self.commit(), self.peer());
        let history = &mut self.history;
        history.reads.push(reads);
        history.writes.push(writes);
        history.traffic.push(traffic);
        history.db_size.push(db_size);
        history.memory.push(memory);
        history.fsync.push(fsync);
        history.commit.push(commit);
        history.peer.push(peer);
    }

    fn note_silence(&mut self) {
        let history = &mut self.history;
        for series in [
            &mut history.commit,
            &mut history.db_size,
            &mut history.fsync,
            &mut history.memory,
            &mut history.peer,
            &mut history.reads,
            &mut history.traffic,
            &mut history.writes,
        ] {
            series.push(None);
        }
    }
}

fn note_leader(state: &mut State, status: &Status) {
    let (id, term) = (status.leader, status.raft_term);
    if id == 0 {
        return;
    }
    match &state.leading {
        Some(known) if term < known.term || (known.id, known.term) == (id, term) => {}
        known => {
            let exact = known.is_some();
            state.leading = Some(Leading {
                exact,
                id,
                since: cert::now(),
                term,
            });
        }
    }
}

/// The members that the cluster knows; those behind other endpoints are looked at, too.
fn watch_list(shared: &Arc<Shared>) {
    while !shared.stopped() {
        let next = Instant::now() + LIST_EVERY;
        let members = shared.client().member_list(false);
        let mut state = shared.state();
        let mut fresh = Vec::new();
        if let Ok(members) = members {
            let config = shared.plan.client.config();
            for member in &members.members {
                if !is_watched(&state, member, config) {
                    fresh.extend(member.client_urls.first().cloned());
                }
            }
            state.members = Some(members.members);
        }
        drop(state);
        shared.news.notify_all();
        for endpoint in fresh {
            watch_member(shared, &endpoint);
        }
        shared.rest(next, || false);
    }
}

/// Does an endpoint that is watched already lead to this member?
fn is_watched(state: &State, member: &Member, config: &Config) -> bool {
    member.client_urls.is_empty()
        || state.seen.iter().any(|(endpoint, seen)| {
            let endpoint = url(endpoint, config);
            member
                .client_urls
                .iter()
                .any(|known| known.trim_end_matches('/') == endpoint)
                || seen
                    .status
                    .as_ref()
                    .is_some_and(|status| status.member_id == member.id)
        })
}

/// What only the hosts can tell: drift, and since when the leader leads.
fn watch_hosts(shared: &Arc<Shared>) {
    let Some(hosts) = shared.plan.hosts.clone() else {
        return;
    };
    let mut asked = None;
    let mut compared = None::<Instant>;
    // The leader and its name are known after the first looks; a cluster without a leader is not waited for.
    let known = || {
        let state = shared.state();
        state.leading.is_some() && state.members.is_some()
    };
    let patience = Instant::now() + CONNECT;
    while !shared.stopped() && !known() && Instant::now() < patience {
        shared.rest(Instant::now() + Duration::from_millis(20), || false);
    }
    while !shared.stopped() {
        let leading = shared
            .state()
            .leading
            .filter(|leading| !leading.exact && asked != Some(leading.term));
        if let Some((leading, host)) =
            leading.and_then(|leading| Some((leading, host_of(shared, leading.id)?)))
        {
            asked = Some(leading.term);
            if let Ok(Some(since)) = hosts.leader_since(&host, leading.term)
                && let Some(known) = shared
                    .state()
                    .leading
                    .as_mut()
                    .filter(|known| known.term == leading.term)
            {
                (known.since, known.exact) = (since, true);
            }
        }
        let due = compared.is_none_or(|at| at.elapsed() >= DRIFT_EVERY);
        if shared.drift_wanted.swap(false, Ordering::Relaxed) || due {
            let drift = hosts
                .drift()
                .map_or_else(|error| Drift::Unknown(error.headline()), Drift::Known);
            shared.state().drift = drift;
            compared = Some(Instant::now());
        }
        shared.news.notify_all();
        shared.rest(Instant::now() + shared.plan.interval, || {
            shared.drift_wanted.load(Ordering::Relaxed)
        });
    }
}

fn host_of(shared: &Shared, id: u64) -> Option<String> {
    let state = shared.state();
    let name = state
        .members
        .as_ref()?
        .iter()
        .find(|member| member.id == id)?
        .name
        .clone();
    shared
        .plan
        .expected
        .iter()
        .find(|expected| expected.member == name)
        .map(|expected| expected.host.clone())
}
