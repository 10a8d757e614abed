//! The client: which endpoint is asked, when the next one is tried, and the bridge from plain threads to async.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::connection::{Answer, Connection, target, url};
use super::probe;
use super::trouble::{Attempt, Failure, Fault, Result, Trouble};
use crate::error::{self, Error};
use crate::runtime::runtime;
use crate::secret::Secret;

/// How long a call may take that rewrites the whole database.
pub(super) const LONG: Duration = Duration::from_mins(10);

/// Where etcd is and who we are.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may sign the servers' certificates; without it no `https://` server is trusted.
    pub ca_pem: Option<String>,
    pub cert_pem: Option<String>,
    pub connect_timeout: Duration,
    /// `https://ip:2379`, `http://ip:2379`, or a bare `ip:2379`.
    pub endpoints: Vec<String>,
    pub key_pem: Option<Secret>,
    pub password: Option<Secret>,
    /// For the answer of one endpoint.
    pub request_timeout: Duration,
    pub user: Option<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            ca_pem: None,
            cert_pem: None,
            connect_timeout: Duration::from_secs(1),
            endpoints: vec!["http://127.0.0.1:2379".into()],
            key_pem: None,
            password: None,
            request_timeout: Duration::from_secs(5),
            user: None,
        }
    }
}

/// Whether a call may be made again when it is not known what came of the first time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Read,
    Write,
}

/// A client that any thread may use; clones share the connections.
#[derive(Clone)]
pub struct Client {
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
            return Err(Error::config("a user and a password for etcd are needed together"));
        }
        let shared = Shared { connections: Mutex::default(), favourite: AtomicUsize::new(0), config };
        let client = Client { shared: Arc::new(shared) };
        for endpoint in &client.shared.config.endpoints {
            client.connect(endpoint)?;
        }
        Ok(client)
    }

    /// The endpoints of the settings, in their order.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.shared.config.endpoints
    }

    pub(super) fn limit(&self) -> Duration {
        self.shared.config.request_timeout
    }

    pub(super) fn read<T>(&self, call: impl AsyncFn(&Connection) -> Answer<T>) -> Result<T> {
        self.any(Effect::Read, self.limit(), &call)
    }

    pub(super) fn write<T>(&self, call: impl AsyncFn(&Connection) -> Answer<T>) -> Result<T> {
        self.any(Effect::Write, self.limit(), &call)
    }

    /// Ask exactly this endpoint, which need not be one of the settings.
    pub(super) fn on<T>(&self, endpoint: &str, limit: Duration, call: impl AsyncFn(&Connection) -> Answer<T>) -> Result<T> {
        self.attempt(endpoint, limit, &call).map_err(|failure| Fault::one(endpoint, failure.trouble))
    }

    /// Ask the endpoints in turn, the one that answered last first.
    ///
    /// A write goes on to the next endpoint only when nothing was sent.
    pub(super) fn any<T>(&self, effect: Effect, limit: Duration, call: &impl AsyncFn(&Connection) -> Answer<T>) -> Result<T> {
        let endpoints = self.endpoints();
        let first = self.shared.favourite.load(Ordering::Relaxed);
        let mut attempts = Vec::new();
        for step in 0..endpoints.len() {
            let index = (first + step) % endpoints.len();
            let endpoint = &endpoints[index];
            let failure = match self.attempt(endpoint, limit, call) {
                Ok(answer) => {
                    self.shared.favourite.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            let last = failure.trouble.is_answer() || effect == Effect::Write && failure.sent;
            attempts.push(Attempt { endpoint: endpoint.clone(), trouble: failure.trouble });
            if last {
                break;
            }
        }
        Err(Box::new(Fault { attempts }))
    }

    fn attempt<T>(&self, endpoint: &str, limit: Duration, call: &impl AsyncFn(&Connection) -> Answer<T>) -> std::result::Result<T, Failure> {
        let connection = self.connect(endpoint).map_err(|error| Failure { sent: false, trouble: Trouble::Other(error.to_string()) })?;
        let answer = runtime().block_on(async {
            match tokio::time::timeout(limit, connection.call(call)).await {
                Ok(answer) => answer,
                Err(_) => Err(Failure::timeout()),
            }
        });
        answer.map_err(|failure| self.explain(endpoint, failure))
    }

    /// A connection that breaks without a word may be one that TLS refuses; then nothing was done either.
    fn explain(&self, endpoint: &str, mut failure: Failure) -> Failure {
        let config = &self.shared.config;
        if matches!(failure.trouble, Trouble::Other(_))
            && let Some(trouble) = probe::tls_trouble(&url(endpoint, config), config)
        {
            failure = Failure { sent: false, trouble };
        }
        if config.cert_pem.is_none() {
            failure.trouble = failure.trouble.without_certificate();
        }
        failure
    }

    fn connect(&self, endpoint: &str) -> error::Result<Arc<Connection>> {
        let mut connections = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connections.get(endpoint) {
            return Ok(connection.clone());
        }
        let target = target(endpoint, &self.shared.config)?;
        let connection = runtime()
            .block_on(Connection::new(target, &self.shared.config))
            .map_err(|error| Error::internal("cannot make an etcd client").because(error.to_string()))?;
        Ok(connections.entry(endpoint.to_string()).or_insert(Arc::new(connection)).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: Config) -> String {
        Client::new(config).err().expect("the settings must be refused").to_string()
    }

    #[test]
    fn wrong_settings_are_refused_without_connecting() {
        let some = |text: &str| Some(text.to_string());
        let tls = || Config { endpoints: vec!["https://127.0.0.1:1".into()], ..Config::default() };
        for (config, wanted) in [
            (Config { endpoints: Vec::new(), ..Config::default() }, "no etcd endpoint is given"),
            (Config { user: some("root"), ..Config::default() }, "a user and a password for etcd are needed together"),
            (Config { endpoints: vec!["http://a b".into()], ..Config::default() }, "`http://a b` is not an etcd endpoint\n caused by: invalid uri character"),
            (Config { ca_pem: some("hello"), ..tls() }, "the CA for etcd holds no certificate"),
            (Config { cert_pem: some("hello"), ..tls() }, "the client certificate for etcd has no key"),
            (Config { key_pem: Some(Secret::new("hello")), ..tls() }, "the client key for etcd has no certificate"),
        ] {
            assert_eq!(refusal(config), wanted);
        }
    }
}
