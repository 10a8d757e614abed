//! The client: which endpoint is asked, when the next one is tried, and the bridge from plain threads to async.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a call is written where it is handed over: `client.read(async |etcd| ...)`"
)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::connection::{Answer, Connection, target, url};
use super::keeper::Keeper;
use super::probe;
use super::trouble::{Attempt, Failure, Fault, Result, Trouble};
use crate::error::{self, Error};
use crate::locked::locked;
use crate::runtime::{ask_for, block_on, block_on_for, questions_have_ended};
use crate::secret::Secret;

/// Where etcd is and who we are.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may sign the servers' certificates; without it no `https://` server is trusted.
    pub ca_pem: Option<String>,
    pub cert_pem: Option<String>,
    pub connect_timeout: Duration,
    /// `https://ip:2379`, `http://ip:2379`, or a bare `ip:2379`.
    pub endpoints: Vec<String>,
    /// Socket files that lead to endpoints which cannot be reached directly.
    pub forwards: HashMap<String, PathBuf>,
    /// Where a login lies, for when nobody is named and etcd wants somebody.
    pub keeper: Option<Keeper>,
    pub key_pem: Option<Secret>,
    pub password: Option<Secret>,
    /// How long a stream may be silent before the server is asked for a sign of life. etcd drops who asks every 5 s.
    pub ping_interval: Duration,
    /// How long that sign may take.
    pub ping_timeout: Duration,
    /// For the answer of one endpoint.
    pub request_timeout: Duration,
    /// The name that the servers' certificates must bear, instead of the endpoint's own.
    pub server_name: Option<String>,
    /// Take any certificate for the server's.
    pub skip_verify: bool,
    /// Trust the system's authorities when no CA is given; reading them costs milliseconds.
    pub system_roots: bool,
    /// Is told of each connection and each answer, with the time it took. No secrets are in it.
    pub trace: Option<fn(&str)>,
    pub user: Option<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            ca_pem: None,
            cert_pem: None,
            connect_timeout: Duration::from_secs(1),
            endpoints: vec!["http://127.0.0.1:2379".into()],
            forwards: HashMap::new(),
            keeper: None,
            key_pem: None,
            password: None,
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(6),
            request_timeout: Duration::from_secs(5),
            server_name: None,
            skip_verify: false,
            system_roots: false,
            trace: None,
            user: None,
        }
    }
}

/// With other endpoints to ask, a connection that takes longer than this is not waited for in the first round.
const QUICK: Duration = Duration::from_millis(300);

/// Between two rounds over the endpoints.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// How long the endpoints are asked again when none of them could be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Without it a call may take for ever.
    pub(crate) deadline: Option<Instant>,
    /// Also when waiting cannot help: a certificate is wrong, a name is unknown.
    pub(crate) stubborn: bool,
}

/// Whether a call may be made again when it is not known what came of the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

/// One attempt at an endpoint, with the limits of the whole and of dialling. It keeps its answer itself: what goes round the
/// endpoints is there once, not once for each kind of answer.
type Attempting<'a> = &'a mut dyn FnMut(
    Effect,
    &str,
    Option<Duration>,
    Option<Duration>,
) -> std::result::Result<(), Failure>;

/// A client that any thread may use; clones share the connections.
#[derive(Clone)]
pub struct Client {
    /// For the answer of one endpoint.
    limit: Duration,
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    connections: Mutex<HashMap<String, Arc<Connection>>>,
    /// The endpoint that answered last: a dead one is tried once, not at every call.
    favourite: AtomicUsize,
}

impl Client {
    /// Check the settings; connections are made when they are first used.
    pub fn new(config: Config) -> error::Result<Client> {
        if config.endpoints.is_empty() {
            return Err(Error::config("no etcd endpoint is given"));
        }
        if config.user.is_some() != config.password.is_some() {
            return Err(Error::config(
                "a user and a password for etcd are needed together",
            ));
        }
        let shared = Shared {
            connections: Mutex::default(),
            favourite: AtomicUsize::new(0),
            config,
        };
        let client = Client {
            limit: shared.config.request_timeout,
            shared: Arc::new(shared),
        };
        for endpoint in &client.shared.config.endpoints {
            target(endpoint, &client.shared.config)?;
        }
        Ok(client)
    }

    /// The same client over the same connections, with another limit for the answer of one endpoint.
    #[must_use]
    pub fn with_limit(&self, limit: Duration) -> Client {
        Client {
            limit,
            shared: Arc::clone(&self.shared),
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The endpoints of the settings, in their order.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.shared.config.endpoints
    }

    /// The endpoint that answered last.
    pub(super) fn favourite(&self) -> &str {
        &self.endpoints()[self.shared.favourite.load(Ordering::Relaxed)]
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn read<T>(&self, call: impl AsyncFn(&Connection) -> Answer<T>) -> Result<T> {
        self.any(Effect::Read, self.limit(), &call)
    }

    pub(super) fn write<T>(&self, call: impl AsyncFn(&Connection) -> Answer<T>) -> Result<T> {
        self.any(Effect::Write, self.limit(), &call)
    }

    /// Ask exactly this endpoint, which need not be one of the settings.
    pub(super) fn on<T>(
        &self,
        endpoint: &str,
        limit: Duration,
        call: impl AsyncFn(&Connection) -> Answer<T>,
    ) -> Result<T> {
        self.attempt(Effect::Write, endpoint, Some(limit), None, &call)
            .map_err(|failure| Fault::one(endpoint, failure))
    }

    /// Ask each endpoint once, the one that answered last first.
    ///
    /// A write goes on to the next endpoint only when nothing was sent.
    pub(super) fn any<T>(
        &self,
        effect: Effect,
        limit: Duration,
        call: &impl AsyncFn(&Connection) -> Answer<T>,
    ) -> Result<T> {
        self.answered(call, |attempt| {
            self.round(effect, Some(limit), None, attempt)
        })
    }

    /// As `ask`, but without patience each endpoint is asked only once: to see how it is now.
    pub(crate) fn look<T>(
        &self,
        patience: Patience,
        call: impl AsyncFn(&Connection) -> Answer<T>,
    ) -> Result<T> {
        if patience.stubborn {
            return self.ask(Effect::Read, patience, call);
        }
        let left = patience
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        self.answered(&call, |attempt| {
            self.round(Effect::Read, left, None, attempt)
        })
    }

    /// Ask the endpoints round after round until one answers or the deadline is over; writes end with the first that may
    /// have arrived.
    pub(crate) fn ask<T>(
        &self,
        effect: Effect,
        patience: Patience,
        call: impl AsyncFn(&Connection) -> Answer<T>,
    ) -> Result<T> {
        self.answered(&call, |attempt| self.rounds(effect, patience, attempt))
    }

    /// Let `ask` make attempts until one gives the answer.
    fn answered<T>(
        &self,
        call: &impl AsyncFn(&Connection) -> Answer<T>,
        ask: impl FnOnce(Attempting<'_>) -> Result<()>,
    ) -> Result<T> {
        let mut answer = None;
        ask(&mut |effect, endpoint, limit, dial| {
            answer = Some(self.attempt(effect, endpoint, limit, dial, call)?);
            Ok(())
        })?;
        Ok(answer.expect("an attempt that was made gave its answer"))
    }

    fn rounds(&self, effect: Effect, patience: Patience, attempt: Attempting<'_>) -> Result<()> {
        let mut quick = (self.endpoints().len() > 1).then_some(QUICK);
        loop {
            let left = patience
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(Fault::one(
                    &self.endpoints()[0],
                    Failure {
                        sent: false,
                        trouble: Trouble::Timeout,
                    },
                ));
            }
            let Err(fault) = self.round(effect, left, quick.take(), attempt) else {
                return Ok(());
            };
            let over = patience
                .deadline
                .is_some_and(|deadline| Instant::now() + PAUSE >= deadline);
            let hopeless = !patience.stubborn
                && fault
                    .attempts
                    .iter()
                    .all(|attempt| attempt.trouble.is_lasting());
            if over
                || questions_have_ended()
                || hopeless
                || fault.trouble().is_answer()
                || fault.sent && effect == Effect::Write
            {
                return Err(fault);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn round(
        &self,
        effect: Effect,
        limit: Option<Duration>,
        dial: Option<Duration>,
        attempt: Attempting<'_>,
    ) -> Result<()> {
        let endpoints = self.endpoints();
        let first = self.shared.favourite.load(Ordering::Relaxed);
        let mut attempts = Vec::new();
        let mut sent = false;
        for step in 0..endpoints.len() {
            let index = (first + step) % endpoints.len();
            let endpoint = &endpoints[index];
            let Err(failure) = attempt(effect, endpoint, limit, dial) else {
                self.shared.favourite.store(index, Ordering::Relaxed);
                return Ok(());
            };
            sent |= failure.sent;
            let last = failure.trouble.is_answer() || effect == Effect::Write && failure.sent;
            attempts.push(Attempt {
                endpoint: endpoint.clone(),
                trouble: failure.trouble,
            });
            if last {
                break;
            }
        }
        Err(Box::new(Fault { attempts, sent }))
    }

    fn attempt<T>(
        &self,
        effect: Effect,
        endpoint: &str,
        limit: Option<Duration>,
        dial: Option<Duration>,
        call: &impl AsyncFn(&Connection) -> Answer<T>,
    ) -> std::result::Result<T, Failure> {
        let start = Instant::now();
        let connect = self.shared.config.connect_timeout;
        let dial = [Some(connect), dial, limit]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(connect);
        let connection = self.open(endpoint, dial)?;
        let answer = connection.call(call);
        let left = limit.map(|limit| limit.saturating_sub(start.elapsed()));
        // A write that is under way is waited for: what came of it must be known.
        let answer = match (left, effect) {
            (None, _) => Some(block_on(answer)),
            (Some(left), Effect::Read) => ask_for(left, answer),
            (Some(left), Effect::Write) => block_on_for(left, answer),
        };
        let answer = answer.unwrap_or_else(|| Err(Failure::timeout()));
        match answer {
            Ok(answer) => {
                self.trace(endpoint, start, "answered");
                Ok(answer)
            }
            Err(failure) => {
                let failure = self.seen(endpoint, failure);
                self.trace(endpoint, start, &failure.trouble.to_string());
                Err(failure)
            }
        }
    }

    fn trace(&self, endpoint: &str, start: Instant, what: &str) {
        if let Some(tell) = self.shared.config.trace {
            tell(&format!(
                "{endpoint}: {what} ({:.1} ms)",
                start.elapsed().as_secs_f64() * 1000.0
            ));
        }
    }

    fn seen(&self, endpoint: &str, failure: Failure) -> Failure {
        if !failure.trouble.is_answer() {
            self.forget(endpoint);
        }
        self.explain(endpoint, failure)
    }

    /// The connection to an endpoint, made within `dial` when there is none.
    fn open(
        &self,
        endpoint: &str,
        dial: Duration,
    ) -> std::result::Result<Arc<Connection>, Failure> {
        if let Some(connection) = self.connections().get(endpoint) {
            return Ok(connection.clone());
        }
        let target = target(endpoint, &self.shared.config).map_err(|error| Failure {
            sent: false,
            trouble: Trouble::Other(error.to_string()),
        })?;
        let start = Instant::now();
        let opened = ask_for(dial, Connection::open(target, &self.shared.config));
        let opened = opened.unwrap_or(Err(Failure {
            sent: false,
            trouble: Trouble::Timeout,
        }));
        let opened = opened.map_err(|failure| self.explain(endpoint, failure));
        self.trace(
            endpoint,
            start,
            &opened.as_ref().map_or_else(
                |failure| failure.trouble.to_string(),
                |_| "connected".to_string(),
            ),
        );
        let connection = Arc::new(opened?);
        Ok(self
            .connections()
            .entry(endpoint.to_string())
            .or_insert(connection)
            .clone())
    }

    /// A connection that failed is made anew the next time, within the time there is then.
    fn forget(&self, endpoint: &str) {
        self.connections().remove(endpoint);
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Connection>>> {
        locked(&self.shared.connections)
    }

    /// A connection that stands, logged in, for a stream of messages: that of the first endpoint that can be reached.
    pub(crate) fn connected(&self, patience: Patience) -> Result<(String, Arc<Connection>)> {
        self.ask(Effect::Read, patience, async |_| Ok(()))?;
        let endpoint = self.favourite().to_string();
        let connection = self
            .open(&endpoint, self.shared.config.connect_timeout)
            .map_err(|failure| Fault::one(&endpoint, failure))?;
        Ok((endpoint, connection))
    }

    /// A connection that breaks without a word may be one that TLS refuses; then nothing was done either.
    fn explain(&self, endpoint: &str, mut failure: Failure) -> Failure {
        let config = &self.shared.config;
        if matches!(failure.trouble, Trouble::Other(_))
            && let Some(trouble) = probe::tls_trouble(&url(endpoint, config), config)
        {
            failure = Failure {
                sent: false,
                trouble,
            };
        }
        if config.ca_pem.is_none() {
            failure.trouble = failure.trouble.without_ca();
        }
        if config.cert_pem.is_none() {
            failure.trouble = failure.trouble.without_certificate();
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: Config) -> String {
        Client::new(config)
            .err()
            .expect("the settings must be refused")
            .to_string()
    }

    #[test]
    fn wrong_settings_are_refused_without_connecting() {
        let some = |text: &str| Some(text.to_string());
        let tls = || Config {
            endpoints: vec!["https://127.0.0.1:1".into()],
            ..Config::default()
        };
        for (config, wanted) in [
            (
                Config {
                    endpoints: Vec::new(),
                    ..Config::default()
                },
                "no etcd endpoint is given",
            ),
            (
                Config {
                    user: some("root"),
                    ..Config::default()
                },
                "a user and a password for etcd are needed together",
            ),
            (
                Config {
                    endpoints: vec!["http://a b".into()],
                    ..Config::default()
                },
                "`http://a b` is not an etcd endpoint\n caused by: invalid uri character",
            ),
            (
                Config {
                    ca_pem: some("hello"),
                    ..tls()
                },
                "the CA for etcd holds no certificate",
            ),
            (
                Config {
                    cert_pem: some("hello"),
                    ..tls()
                },
                "the client certificate for etcd has no key",
            ),
            (
                Config {
                    key_pem: Some(Secret::new("hello")),
                    ..tls()
                },
                "the client key for etcd has no certificate",
            ),
        ] {
            assert_eq!(refusal(config), wanted);
        }
    }
}
