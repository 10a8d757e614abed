//! The client: what is asked of it, the connections it has, and the bridge from plain threads to async. How a question goes round the
//! endpoints is in `round.rs`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a call is written where it is handed over: `client.read(async |etcd| ...)`"
)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tonic::codegen::http::Uri;

use super::backoff::Backoff;
use super::connection::{self, Answer, Connection, Tls, target, url};
use super::keeper::Keeper;
use super::probe;
use super::proxy::Proxies;
use super::round::{Asking, Time};
use super::teller::Teller;
use super::trouble::{Failure, Fault, Result, Trouble};
use crate::error::{self, Error};
use crate::locked::locked;
use crate::runtime::{ask_for, block_on, block_on_for};
use crate::secret::Secret;
use crate::tls;

/// Where etcd is and who we are.
#[derive(Clone, Debug)]
pub struct Config {
    /// Ask a server that closes the connection whether it speaks TLS; that is a connection more.
    pub asks_why: bool,
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
    /// The proxies that lead to endpoints of other machines.
    pub proxies: Option<Proxies>,
    /// For the answer of one endpoint.
    pub request_timeout: Duration,
    /// The name that the servers' certificates must bear, instead of the endpoint's own.
    pub server_name: Option<String>,
    /// Take any certificate for the server's.
    pub skip_verify: bool,
    /// Begin with any endpoint, and spread many requests over all of them, instead of staying with the one that answers.
    pub spreads: bool,
    /// Trust the system's authorities when no CA is given; reading them costs milliseconds.
    pub system_roots: bool,
    /// Is told of each request that fails.
    pub teller: Option<Teller>,
    /// Is told of each connection and each answer, with the time it took. No secrets are in it.
    pub trace: Option<fn(&str)>,
    pub user: Option<String>,
}

impl Config {
    /// TLS where an endpoint says nothing of it.
    pub(super) fn wants_tls(&self) -> bool {
        self.ca_pem.is_some() || self.cert_pem.is_some() || self.skip_verify || self.system_roots
    }

    /// Whom to trust and who we are, for TLS.
    pub(crate) fn identity(&self) -> tls::Identity<'_> {
        tls::Identity {
            ca: self.ca_pem.as_deref(),
            cert: self.cert_pem.as_deref(),
            key: self.key_pem.as_ref(),
            skip_verify: self.skip_verify,
            system_roots: self.system_roots,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            asks_why: true,
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
            proxies: None,
            request_timeout: Duration::from_secs(5),
            server_name: None,
            skip_verify: false,
            spreads: false,
            system_roots: false,
            teller: None,
            trace: None,
            user: None,
        }
    }
}

const WANTS_HTTPS: &str = "the server speaks TLS: its endpoint begins with https://";

/// Before a member is asked again that could not answer yet.
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

/// A client that any thread may use; clones share the connections.
#[derive(Clone)]
pub struct Client {
    /// For the answer of one endpoint.
    limit: Duration,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) backoff: Mutex<Backoff>,
    pub(super) config: Config,
    connections: Mutex<HashMap<String, Arc<Connection>>>,
    /// The endpoint that answered last: a dead one is tried once, not at every call.
    pub(super) favourite: AtomicUsize,
    pub(super) tls: Tls,
    /// Counts the requests that are spread over the endpoints.
    pub(super) turn: AtomicUsize,
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
            backoff: Mutex::default(),
            connections: Mutex::default(),
            favourite: AtomicUsize::new(0),
            tls: Tls::default(),
            turn: AtomicUsize::new(0),
            config,
        };
        if shared.config.spreads {
            let any = getrandom::u32().unwrap_or_default() as usize;
            let first = any % shared.config.endpoints.len();
            shared.favourite.store(first, Ordering::Relaxed);
        }
        let client = Client {
            limit: shared.config.request_timeout,
            shared: Arc::new(shared),
        };
        for endpoint in &client.shared.config.endpoints {
            target(endpoint, &client.shared.config, &client.shared.tls)?;
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
        let end = Instant::now() + limit;
        let time = Time::Until(Some(end));
        self.answered(Effect::Write, &call, |asking| {
            self.at(endpoint, time, asking)
                .map_err(|failure| Fault::one(endpoint, failure))
        })
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
        self.answered(effect, call, |asking| {
            self.round(effect, Time::Each(limit), &|_| true, asking)
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
        self.answered(Effect::Read, &call, |asking| {
            let time = Time::Until(patience.deadline);
            self.round(Effect::Read, time, &|_| true, asking)
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
        let Some(teller) = &self.config().teller else {
            return self.answered(effect, &call, |asking| {
                self.rounds(effect, patience, asking)
            });
        };
        teller.begin();
        let answer = self.answered(effect, &call, |asking| {
            self.rounds(effect, patience, asking)
        });
        if let Err(fault) = &answer
            && !fault.trouble().is_of_server()
            && let Some(method) = block_on(connection::method_of(&call))
        {
            teller.no_answer(&method, fault.last());
        }
        answer
    }

    /// Let `ask` put the question until one endpoint gives the answer.
    fn answered<T>(
        &self,
        effect: Effect,
        call: &impl AsyncFn(&Connection) -> Answer<T>,
        ask: impl FnOnce(Asking<'_>) -> Result<()>,
    ) -> Result<T> {
        let mut answer = None;
        ask(&mut |endpoint, connection, limit| {
            let start = Instant::now();
            let question = connection.call(call);
            // A write that is under way is waited for: what came of it must be known.
            let given = match (limit, effect) {
                (None, _) => Some(block_on(question)),
                (Some(limit), Effect::Read) => ask_for(limit, question),
                (Some(limit), Effect::Write) => block_on_for(limit, question),
            };
            let given = given.unwrap_or_else(|| Err(Failure::timeout()));
            self.trace(endpoint, start, given.as_ref().err(), "answered");
            answer = Some(given?);
            Ok(())
        })?;
        Ok(answer.expect("a question that was put gave its answer"))
    }

    pub(super) fn trace(
        &self,
        endpoint: &str,
        start: Instant,
        failure: Option<&Failure>,
        good: &str,
    ) {
        if let Some(tell) = self.shared.config.trace {
            let what = failure.map_or_else(|| good.into(), |failure| failure.trouble.to_string());
            let took = start.elapsed().as_secs_f64() * 1000.0;
            tell(&format!("{endpoint}: {what} ({took:.1} ms)"));
        }
    }

    /// A connection that failed is not used again.
    pub(super) fn seen(
        &self,
        endpoint: &str,
        connection: &Connection,
        mut failure: Failure,
    ) -> Failure {
        if !failure.trouble.is_of_server() {
            self.connections().remove(endpoint);
        }
        // What the server refuses in the handshake it has not carried out.
        if let Some(trouble) = connection.pulse.alert() {
            failure = Failure {
                sent: false,
                trouble,
            };
        }
        self.explain(endpoint, failure)
    }

    /// The connection to an endpoint, if there is one.
    pub(super) fn standing(&self, endpoint: &str) -> Option<Arc<Connection>> {
        let mut connections = self.connections();
        let connection = connections.get(endpoint)?;
        if connection.pulse.is_gone() {
            connections.remove(endpoint);
            return None;
        }
        Some(Arc::clone(connection))
    }

    pub(super) fn connections(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Connection>>> {
        locked(&self.shared.connections)
    }

    /// A connection that stands, logged in, for a stream of messages: that of the first endpoint that can be reached.
    pub(crate) fn connected(&self, patience: Patience) -> Result<(String, Arc<Connection>)> {
        loop {
            self.ask(Effect::Read, patience, async |etcd| etcd.lives().await)?;
            let endpoint = self.favourite();
            let connection = self.connections().get(endpoint).cloned();
            if let Some(connection) = connection {
                return Ok((endpoint.to_string(), connection));
            }
        }
    }

    /// A connection that breaks without a word may be one that TLS refuses; then nothing was done either.
    pub(super) fn explain(&self, endpoint: &str, mut failure: Failure) -> Failure {
        let config = &self.shared.config;
        if config.asks_why
            && matches!(failure.trouble, Trouble::Other(_))
            && config.forwards.is_empty()
            && let Ok(uri) = url(endpoint, config).parse::<Uri>()
            && uri.scheme_str() == Some("http")
            && probe::speaks_tls(&uri, config.connect_timeout)
        {
            failure = Failure {
                sent: false,
                trouble: Trouble::Tls(WANTS_HTTPS.into()),
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
